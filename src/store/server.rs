//! The databases of a server, private or not: made, put in another's place and dropped, through a
//! connection to a database that is none of them.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use super::StoreError;

/// How often a database is taken from those who are connected to it and come back at once.
const TRIES: u32 = 20;

/// What a database is commented with until it is finished.
const UNFINISHED: &str = "a restore of dispatch under way";

/// A server, with the right to replace one database of it.
#[derive(Debug)]
pub struct Server {
    options: PgConnectOptions,
    connection: PgConnection,
}

impl Server {
    /// Connects beside the database that `options` name.
    pub async fn beside(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let elsewhere = if options.get_database() == Some("postgres") { "template1" } else { "postgres" };
        let connection = options.clone().database(elsewhere).connect().await?;
        Ok(Self { options: options.clone(), connection })
    }

    /// How to connect to a database of this server.
    pub fn options(&self, database: &str) -> PgConnectOptions {
        self.options.clone().database(database)
    }

    /// The server's major version.
    pub async fn major(&mut self) -> Result<u32, StoreError> {
        let sql = "SELECT current_setting('server_version_num')::integer / 10000";
        let major: i32 = sqlx::query_scalar(sql).fetch_one(&mut self.connection).await?;
        Ok(major.unsigned_abs())
    }

    /// The time there, as the names of databases carry it.
    pub async fn stamp(&mut self) -> Result<String, StoreError> {
        let sql = "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD\"t\"HH24MISSMS')";
        Ok(sqlx::query_scalar(sql).fetch_one(&mut self.connection).await?)
    }

    /// Takes the right to replace a database, unless somebody else has it. It goes with this
    /// connection.
    pub async fn lock(&mut self, database: &str) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext('dispatch restore ' || $1))")
            .bind(database)
            .fetch_one(&mut self.connection)
            .await?)
    }

    /// Whether there is such a database.
    pub async fn has(&mut self, database: &str) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(database)
            .fetch_one(&mut self.connection)
            .await?)
    }

    /// Whether we may make databases here.
    pub async fn may_create(&mut self) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
            .fetch_one(&mut self.connection)
            .await?)
    }

    /// Makes an empty database, marked as unfinished until it takes another's place.
    pub async fn create(&mut self, database: &str) -> Result<(), StoreError> {
        self.execute(format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", quoted(database))).await?;
        self.execute(format!("COMMENT ON DATABASE {} IS '{UNFINISHED}'", quoted(database))).await
    }

    /// Drops what an earlier restore left unfinished. False where there is a database of this name
    /// that is not ours to drop.
    pub async fn clear(&mut self, database: &str) -> Result<bool, StoreError> {
        let unfinished: Option<bool> = sqlx::query_scalar(
            "SELECT shobj_description(oid, 'pg_database') IS NOT DISTINCT FROM $2 FROM pg_database WHERE datname = $1",
        )
        .bind(database)
        .bind(UNFINISHED)
        .fetch_optional(&mut self.connection)
        .await?;
        if unfinished == Some(true) {
            self.drop_database(database).await?;
        }
        Ok(unfinished != Some(false))
    }

    /// Drops a database, if there is one, whoever is connected to it.
    pub async fn drop_database(&mut self, database: &str) -> Result<(), StoreError> {
        self.execute(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(database))).await
    }

    /// Puts a database in the place of another, which is kept under a third name if it is there.
    /// Both happen in one transaction: at any moment there is one or the other, whole. Whoever is
    /// connected to the old one is cut off, and meets the new one when coming back.
    pub async fn swap(&mut self, fresh: &str, target: &str, kept: &str) -> Result<(), StoreError> {
        for attempt in 1.. {
            match self.try_swap(fresh, target, kept).await {
                // Somebody came back between being cut off and the renaming.
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55006") && attempt < TRIES => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => return Ok(other?),
            }
        }
        Ok(())
    }

    async fn try_swap(&mut self, fresh: &str, target: &str, kept: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.connection.begin().await?;
        let cut_off = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = $1 AND backend_type = 'client backend'";
        let _: i64 = sqlx::query_scalar(cut_off).bind(fresh).fetch_one(&mut *transaction).await?;
        let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(target)
            .fetch_one(&mut *transaction)
            .await?;
        if there {
            let _: i64 = sqlx::query_scalar(cut_off).bind(target).fetch_one(&mut *transaction).await?;
            let aside = format!("ALTER DATABASE {} RENAME TO {}", quoted(target), quoted(kept));
            sqlx::raw_sql(AssertSqlSafe(aside)).execute(&mut *transaction).await?;
        }
        let in_place =
            format!("COMMENT ON DATABASE {0} IS NULL; ALTER DATABASE {0} RENAME TO {1}", quoted(fresh), quoted(target));
        sqlx::raw_sql(AssertSqlSafe(in_place)).execute(&mut *transaction).await?;
        transaction.commit().await
    }

    async fn execute(&mut self, sql: String) -> Result<(), StoreError> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection).await?;
        Ok(())
    }
}

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
