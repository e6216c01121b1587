//! Reads of one case file, and of the audit trail.

use futures::TryStreamExt;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgPool, Row};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::audit::{Event, Head};
use crate::domain::time::Timestamp;
use crate::domain::view::Surroundings;

/// An event as JSON, its columns as they go over the wire.
const EVENT: &str = "SELECT row_to_json(e) AS event FROM audit_events e";

/// What a walk of the audit trail found beside its links.
#[derive(Debug)]
pub struct Trail {
    /// The recorded head of each chain, by name.
    pub heads: Vec<(String, Head)>,
    /// How many events other programs appended without a chain.
    pub unchained: i64,
    /// The first few of them.
    pub first_unchained: Vec<Uuid>,
}

impl Store {
    /// When this database was made, and what time it is there now.
    pub async fn made_at(&self) -> Result<(Timestamp, Timestamp), StoreError> {
        let (made, now) =
            sqlx::query_as("SELECT created_at, dispatch_now() FROM dispatch_meta").fetch_one(&self.pool).await?;
        Ok((Timestamp::new(made), Timestamp::new(now)))
    }

    /// The events of a ticket, in the order of the timeline.
    pub async fn timeline(&self, ticket_id: Uuid) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query(AssertSqlSafe(format!("{EVENT} WHERE ticket_id = $1 ORDER BY created_at, id")))
            .bind(ticket_id)
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(|row| Ok(row.try_get::<Json<Event>, _>("event")?.0)).collect()
    }

    /// What a case panel shows beside what decisions need.
    pub async fn surroundings(&self, ticket_id: Uuid) -> Result<Surroundings, StoreError> {
        let last_qa_result = sqlx::query_scalar(
            "SELECT result FROM qa_results WHERE ticket_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
        )
        .bind(ticket_id)
        .fetch_optional(&self.pool)
        .await?;
        Ok(Surroundings { last_qa_result })
    }

    /// Reads the heads of all chains, then hands every chained event to `each`, chain by chain and
    /// link by link, then counts the events that have no chain: all as of one moment, so that
    /// those who go on working meanwhile are not mistaken for damage. One chain only, where named.
    pub async fn audit_trail(
        &self,
        chain: Option<&str>,
        mut each: impl FnMut(&[(String, Head)], Event),
    ) -> Result<Trail, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *transaction).await?;
        let heads = sqlx::query(
            "SELECT chain, seq, hash FROM (\
                SELECT id::text AS chain, chain_seq AS seq, chain_hash AS hash FROM tickets \
                UNION ALL SELECT chain, seq, hash FROM audit_chain_heads) heads \
             WHERE $1::text IS NULL OR chain = $1 ORDER BY chain COLLATE \"C\"",
        )
        .bind(chain)
        .fetch_all(&mut *transaction)
        .await?;
        let heads = heads
            .into_iter()
            .map(|row| {
                Ok((row.try_get("chain")?, Head { seq: row.try_get("seq")?, hash: row.try_get("hash")?, at: None }))
            })
            .collect::<Result<Vec<(String, Head)>, StoreError>>()?;
        let sql = format!(
            "{EVENT} WHERE chain IS NOT NULL AND ($1::text IS NULL OR chain = $1) ORDER BY chain COLLATE \"C\", seq"
        );
        let mut rows = sqlx::query(AssertSqlSafe(sql)).bind(chain).fetch(&mut *transaction);
        while let Some(row) = rows.try_next().await? {
            each(&heads, row.try_get::<Json<Event>, _>("event")?.0);
        }
        drop(rows);
        let row = sqlx::query(
            "SELECT count(*) AS many, (array_agg(id ORDER BY created_at, id))[1:20] AS first \
             FROM audit_events WHERE chain IS NULL AND ($1::text IS NULL OR ticket_id::text = $1)",
        )
        .bind(chain)
        .fetch_one(&mut *transaction)
        .await?;
        let unchained = row.try_get("many")?;
        let first_unchained = row.try_get::<Option<Vec<Uuid>>, _>("first")?.unwrap_or_default();
        transaction.rollback().await?;
        Ok(Trail { heads, unchained, first_unchained })
    }

    /// How many tickets are open, and how many closed or cancelled.
    pub async fn count_tickets(&self) -> Result<(i64, i64), StoreError> {
        Ok(sqlx::query_as(
            "SELECT count(*) FILTER (WHERE queue_class <= 3), count(*) FILTER (WHERE queue_class > 3) FROM tickets",
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// How many audit events there are.
    pub async fn count_events(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM audit_events").fetch_one(&self.pool).await?)
    }

    /// The sources of these ids that are already tickets.
    pub async fn known_sources(&self, source: &str, ids: &[String]) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar("SELECT source_id FROM tickets WHERE source = $1 AND source_id = ANY($2)")
            .bind(source)
            .bind(ids)
            .fetch_all(&self.pool)
            .await?)
    }

    /// Takes ticket numbers from the sequence.
    pub async fn take_numbers(&self, how_many: usize) -> Result<Vec<String>, StoreError> {
        let how_many = i32::try_from(how_many).unwrap_or(i32::MAX);
        Ok(sqlx::query_scalar("SELECT 'T-' || nextval('ticket_number_seq') FROM generate_series(1, $1)")
            .bind(how_many)
            .fetch_all(&self.pool)
            .await?)
    }
}

/// The server's version, as it says itself.
pub async fn server_version(pool: &PgPool) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar("SHOW server_version").fetch_one(pool).await?)
}

/// Version, `fsync` and `synchronous_commit`: what a measurement must be read with.
pub async fn server_settings(pool: &PgPool) -> Result<[String; 3], StoreError> {
    let (version, fsync, synchronous_commit) = sqlx::query_as(
        "SELECT split_part(current_setting('server_version'), ' ', 1), current_setting('fsync'), \
         current_setting('synchronous_commit')",
    )
    .fetch_one(pool)
    .await?;
    Ok([version, fsync, synchronous_commit])
}
