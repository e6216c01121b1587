//! What a server and a database of ours say about themselves. Only reads, each of them bounded in
//! time and able to fail alone.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, FromRow, PgPool};

use super::StoreError;
use super::migrate::{self, Migrated, Schema};

/// How long a first connection may take.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long everything may take from then on.
const LOOKING: Duration = Duration::from_secs(20);
/// Triggers that keep the audit trail as it is.
const KEEPERS: &str = "_append_only";
/// The function behind them.
const KEEPER: &str = "dispatch_refuse_change";

/// Something that was looked at, or why it could not be.
pub type Seen<T> = Result<T, String>;

/// What there is behind a connection.
#[derive(Debug, Clone)]
pub struct Health {
    pub server: Seen<Server>,
    pub schema: Seen<Schema>,
    /// How far the database's clock is ahead of this machine's, in milliseconds.
    pub clock_ahead: Seen<i64>,
    /// The names of time zones that the server knows, in small letters.
    pub zones: Seen<Vec<String>>,
    /// Only where the tables are ours.
    pub ours: Option<Ours>,
}

/// The server and its settings.
#[derive(Debug, Clone, PartialEq, FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Server {
    pub major: i32,
    pub version: String,
    pub fsync: bool,
    pub full_page_writes: bool,
    pub synchronous_commit: String,
    /// `origin`, or triggers do not fire.
    pub session_replication_role: String,
    /// Bytes.
    pub shared_buffers: i64,
    /// Bytes, for each sort of each connection.
    pub work_mem: i64,
    /// Connections for those who are no superuser.
    pub max_connections: i32,
    /// Connections that are open now, by anybody.
    pub connections: i64,
    /// A replica, which can only be read.
    pub replica: bool,
    /// The database's encoding.
    pub encoding: String,
    /// Whether it is reached without a network, and so runs on this machine.
    pub here: bool,
}

/// What is ours in a database.
#[derive(Debug, Clone)]
pub struct Ours {
    pub migrations: Seen<BTreeMap<i64, Migrated>>,
    /// Pairs on which the transition constraint and the contract disagree.
    pub transitions: Seen<Vec<String>>,
    pub parts: Seen<Parts>,
    pub role: Seen<RolePowers>,
    /// The newest audit event among those of the tickets changed last, and how many milliseconds
    /// it is ahead of the database's clock.
    pub newest_event: Seen<Option<(DateTime<Utc>, i64)>>,
    pub site_zones: Seen<Vec<SiteZone>>,
}

/// How the database's parts differ from what the migrations make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub indexes: usize,
    pub missing_indexes: Vec<String>,
    /// Left behind by an index build that failed: kept, but never read.
    pub invalid_indexes: Vec<String>,
    pub triggers: usize,
    pub missing_triggers: Vec<String>,
    pub disabled_triggers: Vec<String>,
    pub functions: usize,
    pub missing_functions: Vec<String>,
    /// Their text is another.
    pub changed_functions: Vec<String>,
    pub extensions: usize,
    /// The server does not offer them.
    pub missing_extensions: Vec<String>,
}

impl Parts {
    /// What of all that is missing, switched off or changed keeps the audit trail as it is.
    pub fn broken_keepers(&self) -> Vec<String> {
        let triggers = [&self.missing_triggers, &self.disabled_triggers].into_iter().flatten();
        let functions = [&self.missing_functions, &self.changed_functions].into_iter().flatten();
        let triggers = triggers.filter(|name| name.ends_with(KEEPERS));
        triggers.chain(functions.filter(|name| *name == KEEPER)).cloned().collect()
    }

    /// Whether a part keeps the audit trail as it is.
    pub fn is_keeper(name: &str) -> bool {
        name == KEEPER || name.ends_with(KEEPERS)
    }
}

/// What the role we connect as may do.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RolePowers {
    pub name: String,
    pub superuser: bool,
    /// Tables of ours whose owner it is, or may become.
    pub owned: Vec<String>,
    /// Tables of the audit trail that it may change or empty by its privileges.
    pub may_change: Vec<String>,
    /// Tables of ours that it may not read.
    pub unreadable: Vec<String>,
}

/// A time zone that sites are in.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SiteZone {
    pub timezone: String,
    pub sites: i64,
    /// One of them.
    pub id: String,
}

/// Connects and looks at everything; fails only where there is no connection.
pub async fn look(options: PgConnectOptions) -> Result<Health, StoreError> {
    let options = options
        .application_name("dispatch doctor")
        .options([
            ("TimeZone", "UTC"),
            ("default_transaction_read_only", "on"),
            ("statement_timeout", "5s"),
            ("lock_timeout", "2s"),
        ])
        .disable_statement_logging();
    // Alone first: a pool keeps trying where nobody listens, and does not say why.
    let first = tokio::time::timeout(CONNECTING, options.connect());
    let silent = || StoreError::Unavailable(format!("it does not answer within {} s", CONNECTING.as_secs()));
    drop(first.await.map_err(|_| silent())??.close().await);
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECTING).connect_with(options).await?;
    let looker = Looker { pool: &pool, until: tokio::time::Instant::now() + LOOKING };
    let schema = looker.at(migrate::schema(&pool)).await;
    let is_ours = matches!(schema, Ok(Schema::Behind { .. } | Schema::Current { .. } | Schema::Newer { .. }));
    let health = Health {
        server: looker.at(server(&pool)).await,
        clock_ahead: looker.at(clock_ahead(&pool, is_ours)).await,
        zones: looker.at(zones(&pool)).await,
        ours: if is_ours { Some(ours(&looker, &schema).await) } else { None },
        schema,
    };
    // A goodbye that nobody answers is not waited for.
    drop(tokio::time::timeout(Duration::from_secs(1), pool.close()).await);
    Ok(health)
}

struct Looker<'a> {
    pool: &'a PgPool,
    until: tokio::time::Instant,
}

impl Looker<'_> {
    /// One look, until time is up.
    async fn at<T>(&self, look: impl Future<Output = Result<T, StoreError>>) -> Seen<T> {
        match tokio::time::timeout_at(self.until, look).await {
            Ok(seen) => seen.map_err(|error| error.reason()),
            Err(_) => Err(format!("the database took longer than {} s to answer", LOOKING.as_secs())),
        }
    }
}

async fn ours(looker: &Looker<'_>, schema: &Seen<Schema>) -> Ours {
    let pool = looker.pool;
    let version = match schema {
        Ok(Schema::Behind { version } | Schema::Current { version } | Schema::Newer { version }) => *version,
        _ => 0,
    };
    Ours {
        migrations: looker.at(migrations(pool)).await,
        transitions: looker.at(migrate::transition_differences(pool)).await,
        parts: looker.at(parts(pool, version)).await,
        role: looker.at(role(pool)).await,
        newest_event: looker.at(newest_event(pool)).await,
        site_zones: looker.at(site_zones(pool)).await,
    }
}

async fn server(pool: &PgPool) -> Result<Server, StoreError> {
    Ok(sqlx::query_as(
        "SELECT current_setting('server_version_num')::integer / 10000 AS major, \
         split_part(current_setting('server_version'), ' ', 1) AS version, \
         current_setting('fsync')::boolean AS fsync, \
         current_setting('full_page_writes')::boolean AS full_page_writes, \
         current_setting('synchronous_commit') AS synchronous_commit, \
         current_setting('session_replication_role') AS session_replication_role, \
         pg_size_bytes(current_setting('shared_buffers')) AS shared_buffers, \
         pg_size_bytes(current_setting('work_mem')) AS work_mem, \
         current_setting('max_connections')::integer \
            - current_setting('superuser_reserved_connections')::integer AS max_connections, \
         (SELECT COALESCE(sum(numbackends), 0)::bigint FROM pg_stat_database) AS connections, \
         pg_is_in_recovery() AS replica, \
         (SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = current_database()) AS encoding, \
         inet_server_addr() IS NULL AS here",
    )
    .fetch_one(pool)
    .await?)
}

async fn clock_ahead(pool: &PgPool, is_ours: bool) -> Result<i64, StoreError> {
    let ask = if is_ours { "SELECT dispatch_now()" } else { "SELECT clock_timestamp()" };
    let before = millis_here();
    let there: DateTime<Utc> = sqlx::query_scalar(ask).fetch_one(pool).await?;
    // What the question took is shared by both ways.
    Ok(there.timestamp_millis() - i64::midpoint(before, millis_here()))
}

/// Milliseconds since 1970 by this machine's clock.
fn millis_here() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

async fn zones(pool: &PgPool) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT lower(name) FROM pg_timezone_names").fetch_all(pool).await?)
}

async fn migrations(pool: &PgPool) -> Result<BTreeMap<i64, Migrated>, StoreError> {
    let applied: Vec<migrate::Applied> =
        sqlx::query_as("SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version")
            .fetch_all(pool)
            .await?;
    Ok(migrate::compare(&applied))
}

async fn parts(pool: &PgPool, version: i64) -> Result<Parts, StoreError> {
    let wanted = migrate::shape(version);
    let indexes: BTreeMap<String, bool> = pairs(
        sqlx::query_as(
            "SELECT c.relname::text, i.indisvalid AND i.indisready FROM pg_index i \
             JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
             WHERE t.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'dispatch_meta'::regclass)",
        )
        .fetch_all(pool)
        .await?,
    );
    let triggers: BTreeMap<String, bool> = pairs(
        sqlx::query_as("SELECT tgname::text, tgenabled IN ('O', 'A') FROM pg_trigger WHERE NOT tgisinternal")
            .fetch_all(pool)
            .await?,
    );
    // A name may stand for several functions.
    let functions: Vec<(String, String)> = sqlx::query_as(
        "SELECT proname::text, prosrc FROM pg_proc \
         WHERE pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'dispatch_meta'::regclass)",
    )
    .fetch_all(pool)
    .await?;
    let has_function = |name: &String| functions.iter().any(|(known, _)| known == name);
    let is_as_migrated =
        |name: &String| functions.iter().any(|(known, body)| known == name && wanted.functions.get(name) == Some(body));
    let extensions: BTreeMap<String, bool> =
        pairs(sqlx::query_as("SELECT name::text, true FROM pg_available_extensions").fetch_all(pool).await?);
    let named = |wrong: &dyn Fn(&String) -> bool, names: &mut dyn Iterator<Item = &String>| {
        names.filter(|name| wrong(name)).cloned().collect::<Vec<_>>()
    };
    Ok(Parts {
        indexes: wanted.indexes.len(),
        missing_indexes: named(&|name| !indexes.contains_key(name), &mut wanted.indexes.iter()),
        invalid_indexes: named(&|name| !indexes[name], &mut indexes.keys()),
        triggers: wanted.triggers.len(),
        missing_triggers: named(&|name| !triggers.contains_key(name), &mut wanted.triggers.iter()),
        disabled_triggers: named(&|name| triggers.get(name) == Some(&false), &mut wanted.triggers.iter()),
        functions: wanted.functions.len(),
        missing_functions: named(&|name| !has_function(name), &mut wanted.functions.keys()),
        changed_functions: named(&|name| has_function(name) && !is_as_migrated(name), &mut wanted.functions.keys()),
        extensions: wanted.extensions.len(),
        missing_extensions: named(&|name| !extensions.contains_key(name), &mut wanted.extensions.iter()),
    })
}

fn pairs<V>(rows: Vec<(String, V)>) -> BTreeMap<String, V> {
    rows.into_iter().collect()
}

async fn role(pool: &PgPool) -> Result<RolePowers, StoreError> {
    Ok(sqlx::query_as(
        "WITH ours AS (SELECT oid, relname::text AS name, relowner FROM pg_class WHERE relkind IN ('r', 'p') \
            AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'dispatch_meta'::regclass)) \
         SELECT current_user::text AS name, \
         (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser, \
         ARRAY(SELECT name FROM ours WHERE pg_has_role(relowner, 'USAGE') ORDER BY name) AS owned, \
         ARRAY(SELECT name FROM ours WHERE name IN ('audit_events', 'ticket_state_transitions') \
            AND has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE') ORDER BY name) AS may_change, \
         ARRAY(SELECT name FROM ours WHERE NOT has_table_privilege(oid, 'SELECT') ORDER BY name) AS unreadable",
    )
    .fetch_one(pool)
    .await?)
}

async fn newest_event(pool: &PgPool) -> Result<Option<(DateTime<Utc>, i64)>, StoreError> {
    // By the index of the change feed: the trail itself has none on its times alone.
    let (newest, now): (Option<DateTime<Utc>>, DateTime<Utc>) = sqlx::query_as(
        "SELECT max(at), dispatch_now() FROM (\
            (SELECT last_event_at AS at FROM tickets ORDER BY changed_xid DESC LIMIT 1000) \
            UNION ALL SELECT last_event_at FROM audit_chain_heads) newest",
    )
    .fetch_one(pool)
    .await?;
    Ok(newest.map(|at| (at, at.timestamp_millis() - now.timestamp_millis())))
}

async fn site_zones(pool: &PgPool) -> Result<Vec<SiteZone>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT timezone, count(*) AS sites, min(id::text) AS id FROM sites GROUP BY timezone ORDER BY timezone LIMIT 1000",
    )
    .fetch_all(pool)
    .await?)
}
