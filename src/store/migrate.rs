//! Migrations, and whether the database's own rules are still the contract's.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, PgPool, Row};

use super::StoreError;
use super::shape::Shape;
use crate::domain::state::State;
use crate::store::local::APP;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How a database's schema compares with this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "schema")]
pub enum Schema {
    /// Nothing in it.
    Empty,
    /// Somebody else's tables.
    Foreign,
    /// Ours, from an older program.
    Behind { version: i64 },
    /// Ours, of this program.
    Current { version: i64 },
    /// Ours, from a newer program.
    Newer { version: i64 },
}

/// The oldest Postgres that this program works with.
pub const OLDEST_POSTGRES: i32 = 14;

/// The server's major version.
pub async fn server_major(pool: &PgPool) -> Result<i32, StoreError> {
    let sql = "SELECT current_setting('server_version_num')::integer / 10000";
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}

/// The server's major version, where it is too old for this program.
pub async fn too_old(pool: &PgPool) -> Result<Option<i32>, StoreError> {
    Ok(Some(server_major(pool).await?).filter(|version| *version < OLDEST_POSTGRES))
}

/// The version of the newest migration this program brings.
pub fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// What became of a migration, by the database's own list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Migrated {
    /// As this program brings it.
    Applied,
    /// Not applied.
    Missing,
    /// Begun and not ended.
    Failed,
    /// Applied from another text than this program's.
    Changed,
    /// Of a newer program.
    Unknown,
}

/// A row of the database's list: version, whether it succeeded, checksum.
pub(super) type Applied = (i64, bool, Vec<u8>);

/// Every migration that this program or the database knows.
pub(super) fn compare(applied: &[Applied]) -> BTreeMap<i64, Migrated> {
    let mut found: BTreeMap<i64, Migrated> =
        MIGRATIONS.iter().map(|migration| (migration.version, Migrated::Missing)).collect();
    for (version, success, checksum) in applied {
        let own = MIGRATIONS.iter().find(|migration| migration.version == *version);
        let state = match own {
            _ if !success => Migrated::Failed,
            None => Migrated::Unknown,
            Some(own) if own.checksum[..] != checksum[..] => Migrated::Changed,
            Some(_) => Migrated::Applied,
        };
        found.insert(*version, state);
    }
    found
}

/// What the migrations up to this version make.
pub(super) fn shape(version: i64) -> Shape {
    Shape::of(MIGRATIONS.iter().filter(|own| own.version <= version).map(|own| own.sql.as_str()))
}

/// Looks at a database's schema.
pub async fn schema(pool: &PgPool) -> Result<Schema, StoreError> {
    let row = sqlx::query(
        "SELECT to_regclass('dispatch_meta') IS NOT NULL AS ours, \
         EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p') \
            AND relname <> '_sqlx_migrations' AND relnamespace = to_regnamespace('public')) AS any",
    )
    .fetch_one(pool)
    .await?;
    if !row.try_get::<bool, _>("ours")? {
        return Ok(if row.try_get("any")? { Schema::Foreign } else { Schema::Empty });
    }
    // Killed between making the tables and letting the application in: to be brought up again.
    let may_look: bool =
        sqlx::query_scalar("SELECT has_table_privilege('_sqlx_migrations', 'SELECT')").fetch_one(pool).await?;
    if !may_look {
        return Ok(Schema::Behind { version: 0 });
    }
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(pool).await?;
    let version = applied.iter().copied().max().unwrap_or(0);
    // A number may have been left out when the later one was released.
    let is_whole = MIGRATIONS.iter().all(|migration| applied.contains(&migration.version));
    Ok(match version.cmp(&newest()) {
        std::cmp::Ordering::Greater => Schema::Newer { version },
        std::cmp::Ordering::Equal if is_whole => Schema::Current { version },
        _ => Schema::Behind { version },
    })
}

/// Brings a database of ours, or an empty one, up to date. Safe to run at once from several
/// places: an advisory lock lets one do it.
pub async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    MIGRATIONS.run(pool).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Database(sqlx::Error::Migrate(Box::new(other))),
    })
}

/// Gives the application's role what it needs and no more: it owns nothing and cannot change the
/// audit trail. Only on a cluster of our own.
pub async fn grant(pool: &PgPool) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(format!(
        "GRANT USAGE ON SCHEMA public TO {APP};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP};
         GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP};
         REVOKE UPDATE, DELETE, TRUNCATE ON audit_events, ticket_state_transitions FROM {APP};
         REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations, dispatch_meta FROM {APP};
         DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;"
    )))
    .execute(pool)
    .await?;
    Ok(())
}

/// A step, as pairs are named: `NEW->TRIAGED`, `NULL->NEW`.
fn pair(from: Option<State>, to: State) -> String {
    format!("{}->{to}", from.map_or("NULL", State::as_str))
}

/// Every pair on which the database's transition constraint and the contract disagree: asks the
/// constraint's own expression about all pairs, in one query.
pub async fn transition_differences(pool: &PgPool) -> Result<Vec<String>, StoreError> {
    let expression: Option<String> = sqlx::query_scalar(
        "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint \
         WHERE conname = 'chk_ticket_state_transition_valid' \
         AND conrelid = 'ticket_state_transitions'::regclass AND convalidated",
    )
    .fetch_optional(pool)
    .await?;
    let expression = expression.unwrap_or_else(|| "true".to_owned());
    // The expression comes from the database's own catalogue and is run there, on no table.
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT from_state::text AS from_state, to_state::text AS to_state FROM \
         (SELECT unnest(enum_range(NULL::ticket_state)) AS from_state UNION ALL SELECT NULL) f, \
         unnest(enum_range(NULL::ticket_state)) AS to_state WHERE ({expression}) IS NOT FALSE"
    )))
    .fetch_all(pool)
    .await?;
    let mut allowed = BTreeSet::new();
    for row in rows {
        let from: Option<String> = row.try_get("from_state")?;
        let to: String = row.try_get("to_state")?;
        allowed.insert(format!("{}->{to}", from.as_deref().unwrap_or("NULL")));
    }
    let legal: BTreeSet<String> = std::iter::once(None)
        .chain(State::ALL.iter().copied().map(Some))
        .flat_map(|from| State::ALL.iter().map(move |to| (from, *to)))
        .filter(|(from, to)| State::may_step(*from, *to))
        .map(|(from, to)| pair(from, to))
        .collect();
    Ok(allowed.symmetric_difference(&legal).cloned().collect())
}
