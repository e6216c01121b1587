//! Databases of the private cluster: made, named, brought up and removed by their owner.

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

use super::local::{Cluster, OWNER};
use super::{StoreError, migrate};

/// A pool of one, as the owner, for what only the owner may do.
pub async fn owner_pool(cluster: &Cluster, database: &str) -> Result<PgPool, StoreError> {
    Ok(PgPoolOptions::new().max_connections(1).connect_with(cluster.connect_options(database, OWNER)).await?)
}

/// Makes a database on the private cluster; two that try at once both have it.
pub async fn create(cluster: &Cluster, database: &str) -> Result<(), StoreError> {
    let pool = owner_pool(cluster, "postgres").await?;
    let made =
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE \"{}\"", database.replace('"', "")))).execute(&pool).await;
    pool.close().await;
    match made {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error))
            if ["42P04", "23505"].contains(&error.code().unwrap_or_default().as_ref()) =>
        {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Migrates a database of the private cluster and lets the application in.
pub async fn bring_up(cluster: &Cluster, database: &str) -> Result<(), StoreError> {
    let pool = owner_pool(cluster, database).await?;
    // The lock goes with the connection, of which this pool has one.
    sqlx::query("SELECT pg_advisory_lock(hashtext('dispatch bring up'))").execute(&pool).await?;
    migrate::migrate(&pool).await?;
    migrate::grant(&pool).await?;
    pool.close().await;
    Ok(())
}

/// Looks a database over after much was written at once: what the planner knows, and what an
/// index may answer alone.
pub async fn tidy(cluster: &Cluster, database: &str) -> Result<(), StoreError> {
    let pool = owner_pool(cluster, database).await?;
    for statement in ["VACUUM (ANALYZE) tickets, ticket_words, sites, accounts, technicians", "ANALYZE"] {
        sqlx::raw_sql(statement).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}

/// Removes a database of the private cluster, whoever is connected to it.
pub async fn drop_database(cluster: &Cluster, database: &str) -> Result<(), StoreError> {
    let pool = owner_pool(cluster, "postgres").await?;
    let name = database.replace('"', "");
    sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"))).execute(&pool).await?;
    pool.close().await;
    Ok(())
}

/// Whether there is such a database on the private cluster.
pub async fn database_exists(cluster: &Cluster, database: &str) -> Result<bool, StoreError> {
    let pool = owner_pool(cluster, "postgres").await?;
    let exists = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(database)
        .fetch_one(&pool)
        .await?;
    pool.close().await;
    Ok(exists)
}

/// Gives a database of the private cluster, to which nobody is connected, another name.
pub async fn rename_database(cluster: &Cluster, from: &str, to: &str) -> Result<(), StoreError> {
    let pool = owner_pool(cluster, "postgres").await?;
    let (from, to) = (from.replace('"', ""), to.replace('"', ""));
    sqlx::raw_sql(AssertSqlSafe(format!("ALTER DATABASE \"{from}\" RENAME TO \"{to}\""))).execute(&pool).await?;
    pool.close().await;
    Ok(())
}
