//! Reads of one case file, and of what the database is.

use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgPool, Row};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::audit::Event;
use crate::domain::time::Timestamp;
use crate::domain::view::Surroundings;

/// An event as JSON, its columns as they go over the wire.
const EVENT: &str = "SELECT row_to_json(e) AS event FROM audit_events e";

impl Store {
    /// When this database was made, and what time it is there now.
    pub async fn made_at(&self) -> Result<(Timestamp, Timestamp), StoreError> {
        let (made, now) =
            sqlx::query_as("SELECT created_at, dispatch_now() FROM dispatch_meta").fetch_one(&self.pool).await?;
        Ok((Timestamp::new(made), Timestamp::new(now)))
    }

    /// The events of a ticket, in the order of the timeline.
    pub async fn timeline(&self, ticket_id: Uuid) -> Result<Vec<Event>, StoreError> {
        let mut lane = self.lane().await?;
        let rows = sqlx::query(AssertSqlSafe(format!("{EVENT} WHERE ticket_id = $1 ORDER BY created_at, id")))
            .bind(ticket_id)
            .fetch_all(&mut *lane)
            .await?;
        lane.keep();
        rows.into_iter().map(|row| Ok(row.try_get::<Json<Event>, _>("event")?.0)).collect()
    }

    /// What a case panel shows beside what decisions need.
    pub async fn surroundings(&self, ticket_id: Uuid) -> Result<Surroundings, StoreError> {
        let (last_qa_result, place): (Option<String>, Option<serde_json::Value>) = sqlx::query_as(
            "SELECT (SELECT result FROM qa_results WHERE ticket_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1),
                    (SELECT json_build_object(
                        'account_name', a.name, 'technician_name', n.name, 'site_name', s.name,
                        'address1', s.address1, 'address2', s.address2, 'city', s.city, 'region', s.region,
                        'postal_code', s.postal_code, 'access_instructions', s.access_instructions)
                     FROM tickets t
                     JOIN accounts a ON a.id = t.account_id
                     JOIN sites s ON s.id = t.site_id
                     LEFT JOIN technicians n ON n.id = t.assigned_tech_id
                     WHERE t.id = $1)",
        )
        .bind(ticket_id)
        .fetch_one(&self.pool)
        .await?;
        Ok(Surroundings { last_qa_result, place: place.unwrap_or_default() })
    }

    /// How many tickets are open, and how many closed or cancelled.
    pub async fn count_tickets(&self) -> Result<(i64, i64), StoreError> {
        Ok(sqlx::query_as(
            "SELECT count(*) FILTER (WHERE queue_class <= 3), count(*) FILTER (WHERE queue_class > 3) FROM tickets",
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The sources of these ids that are already tickets.
    pub async fn known_sources(&self, source: &str, ids: &[String]) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar("SELECT source_id FROM tickets WHERE source = $1 AND source_id = ANY($2)")
            .bind(source)
            .bind(ids)
            .fetch_all(&self.pool)
            .await?)
    }

    /// How many tickets are open, and how many closed or cancelled.
    pub async fn census(&self) -> Result<(usize, usize), StoreError> {
        let (open, over): (i64, i64) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE state NOT IN ('CLOSED', 'CANCELLED')), \
             count(*) FILTER (WHERE state IN ('CLOSED', 'CANCELLED')) FROM tickets",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((usize::try_from(open).unwrap_or(0), usize::try_from(over).unwrap_or(0)))
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
