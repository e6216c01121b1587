//! Dumps: the server's own `pg_dump` and `pg_restore`, and what a backup must know beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures::{Stream, TryStreamExt};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, Row};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::StoreError;
use super::moment::Moment;
use super::trail::Reader;
use crate::domain::time::Timestamp;

/// What a database is, as of a moment.
#[derive(Debug)]
pub struct About {
    pub now: Timestamp,
    pub epoch: Uuid,
    pub schema: i64,
    pub server: String,
}

impl Reader {
    /// What the database is.
    pub async fn about(&mut self) -> Result<About, StoreError> {
        let row = sqlx::query(
            "SELECT dispatch_now() AS now, epoch, current_setting('server_version') AS server, \
             (SELECT max(version) FROM _sqlx_migrations WHERE success) AS schema FROM dispatch_meta",
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok(About {
            now: row.try_get::<Moment, _>("now")?.0,
            epoch: row.try_get("epoch")?,
            schema: row.try_get::<Option<i64>, _>("schema")?.unwrap_or(0),
            server: row.try_get("server")?,
        })
    }

    /// The rows of every table that is worth keeping: what is unlogged is true for seconds.
    pub async fn row_counts(&mut self) -> Result<BTreeMap<String, i64>, StoreError> {
        let tables: Vec<(String, String)> = sqlx::query_as(
            "SELECT relname::text, oid::regclass::text FROM pg_class \
             WHERE relkind = 'r' AND relpersistence = 'p' AND relnamespace = 'public'::regnamespace",
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let mut counts = BTreeMap::new();
        for (name, quoted) in tables {
            let sql = AssertSqlSafe(format!("SELECT count(*) FROM {quoted}"));
            counts.insert(name, sqlx::query_scalar(sql).fetch_one(&mut *self.transaction).await?);
        }
        Ok(counts)
    }

    /// The uris of our own objects that evidence names, each once.
    pub fn object_uris(&mut self) -> impl Stream<Item = Result<String, StoreError>> + '_ {
        sqlx::query_scalar("SELECT DISTINCT uri FROM evidence_items WHERE uri LIKE 'dispatch:sha256/%' ORDER BY uri")
            .fetch(&mut *self.transaction)
            .map_err(StoreError::from)
    }
}

/// Makes a restored database one of its own: a new epoch, so that readers of the change feed begin
/// anew and need not hear of tickets deleted before, and no row that was stamped by a transaction
/// this server has yet to come to.
pub async fn begin_anew(pool: &PgPool) -> Result<(), StoreError> {
    sqlx::raw_sql(
        "UPDATE dispatch_meta SET epoch = gen_random_uuid();
         TRUNCATE deleted_tickets;
         DO $$ DECLARE stamped regclass; BEGIN
             FOR stamped IN SELECT attrelid FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
                 WHERE attname = 'changed_xid' AND relkind = 'r' AND relnamespace = 'public'::regnamespace
             LOOP
                 EXECUTE format('UPDATE %s SET changed_xid = pg_current_xact_id()
                     WHERE changed_xid > pg_current_xact_id()', stamped);
             END LOOP;
         END $$;
         ANALYZE",
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Writes a dump of what a snapshot sees to its standard output. `own_cluster`: its roles exist nowhere
/// else, so their rights stay here.
pub fn pg_dump(
    programs: &Path,
    database: &PgConnectOptions,
    snapshot: &str,
    own_cluster: bool,
) -> Result<Running, StoreError> {
    let mut command = client(&programs.join("pg_dump"), database);
    command.args(own_cluster.then_some("--no-privileges"));
    command
        .args(["--format=custom", "--no-password", "--no-unlogged-table-data"])
        .arg(format!("--snapshot={snapshot}"));
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Running::start(command)
}

/// Reads a dump from its standard input into an empty database. `own_cluster`: who owns what and
/// may do what is set afterwards.
pub fn pg_restore(programs: &Path, database: &PgConnectOptions, own_cluster: bool) -> Result<Running, StoreError> {
    let mut command = client(&programs.join("pg_restore"), database);
    command.args(["--format=custom", "--no-password", "--exit-on-error", "--no-owner"]);
    command.args(own_cluster.then_some("--no-privileges"));
    // It connects only where it is told a database; in this form the name may hold anything.
    let name = database.get_database().unwrap_or_default().replace('\\', "\\\\").replace('\'', "\\'");
    command.arg(format!("--dbname=dbname='{name}'")).stdin(Stdio::piped()).stdout(Stdio::null());
    Running::start(command)
}

/// A client program that finds its database in the environment: nothing of it is on the command
/// line, where every user could read it.
fn client(program: &Path, database: &PgConnectOptions) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    let host = database.get_socket().map_or(Path::new(database.get_host()), PathBuf::as_path);
    let ssl_mode = match database.get_ssl_mode() {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    };
    command
        .env("PGHOST", host)
        .env("PGPORT", database.get_port().to_string())
        .env("PGUSER", database.get_username())
        .env("PGDATABASE", database.get_database().unwrap_or_default())
        .env("PGSSLMODE", ssl_mode)
        .env("PGAPPNAME", "dispatch backup")
        .env("LC_ALL", "C")
        .kill_on_drop(true);
    let url = database.to_url_lossy();
    for (name, value) in url.query_pairs() {
        let variable = match &*name {
            "sslrootcert" => "PGSSLROOTCERT",
            "sslcert" => "PGSSLCERT",
            "sslkey" => "PGSSLKEY",
            _ => continue,
        };
        command.env(variable, &*value);
    }
    if let Some(password) = url.password() {
        command.env("PGPASSWORD", decoded(password));
    }
    command
}

/// Percent-encoding undone.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = (*first == b'%').then(|| after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok())).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &after[2..]).1,
            None => (bytes.push(*first), rest = after).1,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A client program at work.
#[derive(Debug)]
pub struct Running {
    program: String,
    pub child: Child,
    /// What it complains about, read while it works: it would wait for a reader.
    said: JoinHandle<Vec<u8>>,
}

impl Running {
    fn start(mut command: Command) -> Result<Self, StoreError> {
        let program = Path::new(command.as_std().get_program()).display().to_string();
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| StoreError::Files(format!("{program} could not be run: {error}")))?;
        let stderr = child.stderr.take();
        let said = tokio::spawn(async move {
            let (mut said, Some(mut stderr)) = (Vec::new(), stderr) else { return Vec::new() };
            // The first of it is kept, the rest read and dropped.
            let _ = (&mut stderr).take(64 * 1024).read_to_end(&mut said).await;
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
            said
        });
        Ok(Self { program, child, said })
    }

    /// Waits for its end; what it complained about, where it failed.
    pub async fn end(mut self) -> Result<(), StoreError> {
        drop(self.child.stdin.take());
        let failed =
            |error: std::io::Error| StoreError::Files(format!("{} could not be followed: {error}", self.program));
        let status = self.child.wait().await.map_err(failed)?;
        let said = self.said.await.unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&said);
        let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(6).collect();
        Err(StoreError::Files(format!("{} failed ({status}): {}", self.program, said.join("; "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_reaches_the_program_by_the_environment_alone() {
        let options: PgConnectOptions = "postgresql://me:p%25%20a%3Ass@db.example:5433/shop".parse().unwrap();
        let command = client(Path::new("pg_dump"), &options);
        let set: Vec<_> = command.as_std().get_envs().collect();
        for (name, value) in [("PGPASSWORD", "p% a:ss"), ("PGHOST", "db.example"), ("PGPORT", "5433"), ("PGUSER", "me")]
        {
            assert!(set.contains(&(name.as_ref(), Some(value.as_ref()))), "{name}: {set:?}");
        }
        assert_eq!(command.as_std().get_args().count(), 0);
    }
}
