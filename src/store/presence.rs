//! Who has which ticket open, right now.

use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::actor::{Actor, Scope};
use crate::domain::time::Timestamp;

/// Longer names are cut.
const LONGEST_NAME: usize = 200;

/// One screen's own attendance.
#[derive(Debug)]
pub struct Attendance<'a> {
    pub session: Uuid,
    pub actor: &'a Actor,
    /// None where it has no ticket open any more.
    pub ticket: Option<Uuid>,
    pub is_editing: bool,
}

/// Somebody else at the same ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendant {
    pub actor_id: String,
    pub actor_role: String,
    pub is_editing: bool,
    pub since: Timestamp,
}

impl Store {
    /// Says what a screen attends to, forgets screens that fell silent, and gives who else is at the
    /// same ticket: the first twenty. Nobody where nothing can be written.
    pub async fn attend(&self, own: &Attendance<'_>, scope: &Scope) -> Result<Vec<Attendant>, StoreError> {
        // Rows that another screen just forgets or renews are left to it, so that no two wait for
        // each other.
        let sql = "WITH here AS (SELECT t.id FROM tickets t WHERE t.id = $2 \
                AND ($6::uuid[] IS NULL OR t.account_id = ANY($6)) AND ($7::uuid[] IS NULL OR t.site_id = ANY($7))), \
             forgotten AS (DELETE FROM cockpit_presence WHERE session IN (SELECT session FROM cockpit_presence \
                WHERE session <> $1 AND seen_at < dispatch_now() - interval '1 minute' FOR UPDATE SKIP LOCKED)), \
             left_alone AS (DELETE FROM cockpit_presence WHERE session = $1 AND NOT EXISTS (SELECT FROM here)), \
             own AS (INSERT INTO cockpit_presence AS p (session, actor_id, actor_role, ticket_id, is_editing) \
                SELECT $1, $3, $4, here.id, $5 FROM here ON CONFLICT (session) DO UPDATE SET \
                actor_id = EXCLUDED.actor_id, actor_role = EXCLUDED.actor_role, ticket_id = EXCLUDED.ticket_id, \
                is_editing = EXCLUDED.is_editing, seen_at = EXCLUDED.seen_at, \
                since = CASE WHEN p.ticket_id = EXCLUDED.ticket_id THEN p.since ELSE EXCLUDED.since END) \
             SELECT actor_id, actor_role, is_editing, since FROM cockpit_presence, here \
             WHERE ticket_id = here.id AND session <> $1 AND seen_at >= dispatch_now() - interval '15 seconds' \
             ORDER BY since, session LIMIT 20";
        let name: String = own.actor.id.chars().take(LONGEST_NAME).collect();
        let found = sqlx::query(sql)
            .bind(own.session)
            .bind(own.ticket)
            .bind(name)
            .bind(own.actor.role.as_str())
            .bind(own.is_editing)
            .bind(scope.accounts.ids())
            .bind(scope.sites.ids())
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::from);
        let rows = match found {
            Ok(rows) => rows,
            Err(error) if is_nobodys(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let read = |row: sqlx::postgres::PgRow| {
            Ok(Attendant {
                actor_id: row.try_get("actor_id")?,
                actor_role: row.try_get("actor_role")?,
                is_editing: row.try_get("is_editing")?,
                since: Timestamp::new(row.try_get::<DateTime<Utc>, _>("since")?),
            })
        };
        rows.into_iter().map(read).collect()
    }
}

/// Whether attendance cannot be kept in this database at all: it can only be read, has no table for
/// it, or does not let us write there.
fn is_nobodys(error: &StoreError) -> bool {
    match error {
        StoreError::ReadOnly => true,
        StoreError::Database(error) => {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            matches!(code.as_deref(), Some("42P01" | "42501" | "0A000" | "55000"))
        }
        _ => false,
    }
}
