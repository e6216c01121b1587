//! The change feed: what is visible now and was not at a point before.
//!
//! Every row that the queue shows carries the transaction that changed it last, whoever made the
//! change. A point of the feed is a snapshot; what comes after it are exactly the transactions that
//! it did not see: those that began later, and those that were still open. So a transaction that
//! stays open elsewhere in the cluster delays nothing and makes nothing be read again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use super::row::{self, BESIDE, COLUMNS};
use crate::domain::actor::Scope;
use crate::domain::queue::{RawRow, Row};
use crate::domain::time::Timestamp;
use crate::store::{Store, StoreError};

/// How far a reader of the change feed has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedToken {
    /// The database's epoch; a restore starts a new one, and everything is to be read again.
    pub epoch: Uuid,
    /// What has been seen: a snapshot in Postgres' notation.
    pub snapshot: String,
}

/// What changed.
#[derive(Debug)]
pub struct Changes {
    pub now: Timestamp,
    pub rows: Vec<RawRow>,
    /// Tickets that were deleted, by hand: the engine deletes none.
    pub deleted: Vec<Uuid>,
    pub token: FeedToken,
}

/// Whether a text is a snapshot as Postgres writes it: `xmin:xmax:xip,xip…`.
pub(super) fn is_snapshot(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let bound = |part: Option<&str>| part.and_then(|part| part.parse::<i64>().ok()).filter(|xid| *xid > 0);
    let (Some(min), Some(max), Some(running)) = (bound(parts.next()), bound(parts.next()), parts.next()) else {
        return false;
    };
    let running = Some(running).filter(|running| !running.is_empty());
    let running: Option<Vec<i64>> = running.iter().flat_map(|list| list.split(',')).map(|x| x.parse().ok()).collect();
    let is_ordered =
        |running: Vec<i64>| running.is_sorted_by(|a, b| a < b) && running.iter().all(|xid| (min..max).contains(xid));
    min <= max && running.is_some_and(is_ordered)
}

/// The transactions that a snapshot did not see: the first that was not yet given out, and those open.
fn unseen(snapshot: &str) -> (u64, Vec<u64>) {
    let mut parts = snapshot.splitn(3, ':').skip(1);
    let next = parts.next().and_then(|next| next.parse().ok()).unwrap_or(0);
    (next, parts.next().unwrap_or_default().split(',').filter_map(|xid| xid.parse().ok()).collect())
}

/// Changed by a transaction that was not seen. The numbers are written into the statement: only
/// knowing them does the planner see how few rows that are.
fn is_new(table: &str, (next, open): &(u64, Vec<u64>)) -> String {
    let open = open.iter().map(|xid| format!(" OR {table}.changed_xid = '{xid}'::xid8"));
    format!("({table}.changed_xid >= '{next}'::xid8{})", open.collect::<String>())
}

/// The database's clock, and where a reader of the change feed begins who reads everything next.
pub(super) async fn start(connection: &mut PgConnection) -> Result<(Timestamp, FeedToken), StoreError> {
    let row =
        sqlx::query("SELECT dispatch_now() AS now, epoch, pg_current_snapshot()::text AS snapshot FROM dispatch_meta")
            .fetch_one(connection)
            .await?;
    let token = FeedToken { epoch: row.try_get("epoch")?, snapshot: row.try_get("snapshot")? };
    Ok((Timestamp::new(row.try_get::<DateTime<Utc>, _>("now")?), token))
}

impl Store {
    /// Every row that changed since a point of the feed, whoever changed it and however: the ticket
    /// itself, its site, its account or its technician.
    pub async fn changes(&self, since: &FeedToken, scope: &Scope) -> Result<Changes, StoreError> {
        let mut lane = self.lane().await?;
        // Most often nothing happened at all, which is a hundred times cheaper to find out: planning the
        // question below takes longer than answering it.
        let (now, token) = start(&mut lane).await?;
        let unseen = unseen(&since.snapshot);
        if token.epoch == since.epoch && unseen == self::unseen(&token.snapshot) {
            lane.keep();
            return Ok(Changes { now, rows: Vec::new(), deleted: Vec::new(), token });
        }
        let sql = format!(
            "SELECT dispatch_now() AS now, epoch, pg_current_snapshot()::text AS snapshot, gone.ids AS deleted, c.* \
             FROM dispatch_meta CROSS JOIN (\
                SELECT array_agg(d.ticket_id) AS ids FROM deleted_tickets d WHERE {} \
                AND ($1::uuid[] IS NULL OR d.account_id = ANY($1)) AND ($2::uuid[] IS NULL OR d.site_id = ANY($2))) gone \
             LEFT JOIN (SELECT {COLUMNS} FROM tickets t {BESIDE} WHERE t.id IN (\
                SELECT k.id FROM tickets k WHERE {} \
                UNION SELECT k.id FROM tickets k JOIN sites x ON x.id = k.site_id WHERE {} \
                UNION SELECT k.id FROM tickets k JOIN technicians x ON x.id = k.assigned_tech_id WHERE {} \
                UNION SELECT k.id FROM tickets k JOIN accounts x ON x.id = k.account_id WHERE {}) \
                AND ($1::uuid[] IS NULL OR t.account_id = ANY($1)) AND ($2::uuid[] IS NULL OR t.site_id = ANY($2))) c \
             ON true",
            is_new("d", &unseen),
            is_new("k", &unseen),
            is_new("x", &unseen),
            is_new("x", &unseen),
            is_new("x", &unseen),
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(scope.accounts.ids())
            .bind(scope.sites.ids())
            .persistent(false)
            .fetch_all(&mut *lane)
            .await?;
        lane.keep();
        let first = found.first().ok_or(sqlx::Error::RowNotFound)?;
        let mut changes = Changes {
            now: Timestamp::new(first.try_get::<DateTime<Utc>, _>("now")?),
            rows: Vec::new(),
            deleted: first.try_get::<Option<Vec<Uuid>>, _>("deleted")?.unwrap_or_default(),
            token: FeedToken { epoch: first.try_get("epoch")?, snapshot: first.try_get("snapshot")? },
        };
        for found in &found {
            if found.try_get::<Option<Uuid>, _>("id")?.is_some() {
                changes.rows.push(row::read(found)?);
            }
        }
        Ok(changes)
    }
}

/// Drops what a reader has already seen: a page may hold a change that the feed, begun before it,
/// gives again.
#[derive(Debug, Default)]
pub struct Seen(HashMap<Uuid, Box<str>>);

impl Seen {
    /// Whether this change of this row is new to the reader.
    pub fn is_new(&mut self, row: &Row) -> bool {
        self.0.insert(row.ticket_id, row.change.as_str().into()).is_none_or(|last| *last != *row.change)
    }

    /// Forgets a ticket; whether it had been seen.
    pub fn forget(&mut self, ticket_id: Uuid) -> bool {
        self.0.remove(&ticket_id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_snapshot_did_not_see_began_later_or_was_open() {
        assert_eq!(unseen("10:20:10,14"), (20, vec![10, 14]));
        assert_eq!(unseen("20:20:"), (20, vec![]));
    }

    #[test]
    fn nothing_happened_where_no_transaction_began_and_none_that_was_open_ended() {
        assert_eq!(unseen("10:20:10,14"), unseen("10:20:10,14"));
        assert_ne!(unseen("10:20:10,14"), unseen("14:20:14"), "one that was open ended");
        assert_ne!(unseen("20:20:"), unseen("20:21:20"), "another began");
    }

    #[test]
    fn only_snapshots_are_snapshots() {
        assert!(is_snapshot("10:20:10,14") && is_snapshot("20:20:"));
        for wrong in ["", "10:20", "0:20:", "20:10:", "10:20:9", "10:20:14,12", "10:20:x", "a:b:c"] {
            assert!(!is_snapshot(wrong), "{wrong}");
        }
    }
}
