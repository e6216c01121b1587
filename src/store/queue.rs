//! The queue read model: pages in the order of CONTRACT.md 9.2, and the change feed.
//!
//! A page is a cut of the whole order, never a sample. Its cursor carries the moment of the first
//! page, the transactions seen by it, and the last row's rank. Rows that nobody touched since are
//! paged in that order; those that were touched come after all others, in the order of their ids,
//! so that a row may repeat but none is skipped.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::directory::pattern;
use super::{Store, StoreError};
use crate::domain::actor::Scope;
use crate::domain::canonical;
use crate::domain::policy::Policy;
use crate::domain::queue::{Filters, RawRow, Row};
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The moment of the first page, at which every later one reads the clocks.
    pub moment: Timestamp,
    /// What the first page saw: a snapshot in Postgres' notation.
    pub snapshot: String,
    pub after: After,
}

/// The last row of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum After {
    /// Among the rows nobody touched: its rank.
    Rank { stopped: bool, status: i32, minute: i64, priority: Priority, weight: i32, update: i64, id: Uuid },
    /// Among those touched since the first page: its id.
    Touched { id: Uuid },
}

/// What a page needs to know.
#[derive(Debug)]
pub struct PageRequest<'a> {
    pub filters: &'a Filters,
    pub scope: &'a Scope,
    pub policy: &'a Policy,
    pub limit: u32,
    pub cursor: Option<Cursor>,
}

/// A page.
#[derive(Debug)]
pub struct Page {
    pub moment: Timestamp,
    pub rows: Vec<RawRow>,
    pub next: Option<Cursor>,
    /// Where the change feed goes on from here.
    pub feed: FeedToken,
}

/// How far a reader of the change feed has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedToken {
    /// The database's epoch; a restore starts a new one, and everything is to be read again.
    pub epoch: Uuid,
    /// Every change below this transaction has been seen.
    pub watermark: u64,
}

/// What changed.
#[derive(Debug)]
pub struct Changes {
    pub now: Timestamp,
    pub rows: Vec<RawRow>,
    pub token: FeedToken,
}

/// What a row consists of; `t` ticket, `s` site, `a` account, `m` technician.
const ROW: &str = "json_build_object('ticket_id', t.id, 'number', t.number, 'account_id', t.account_id, 'account_name', a.name, \
    'state', t.state, 'priority', t.priority, 'incident_type', t.incident_type, 'summary', t.summary, \
    'site_id', s.id, 'site_name', s.name, 'site_city', s.city, 'site_region', s.region, \
    'region_weight', s.region_weight, 'assigned_tech_id', t.assigned_tech_id, 'assigned_tech_name', m.name, \
    'assigned_provider_id', t.assigned_provider_id, \
    'scheduled_start', t.scheduled_start, 'created_at', t.created_at, 'updated_at', t.updated_at, \
    'last_event_at', t.last_event_at, 'last_transition_at', t.last_transition_at, \
    'clock_stopped_at', t.clock_stopped_at, 'sla_clock_start', t.sla_clock_start, 'version', t.version, \
    'chain_seq', t.chain_seq, 'change', greatest(t.changed_xid, s.changed_xid, m.changed_xid))";

const FROM: &str = "tickets t JOIN sites s ON s.id = t.site_id JOIN accounts a ON a.id = t.account_id \
     LEFT JOIN technicians m ON m.id = t.assigned_tech_id";

/// The parts of a rank, computed from the row, the policy and the moment ($1).
const RANK: &str = "CROSS JOIN LATERAL (SELECT \
        t.state IN ('COMPLETED_PENDING_VERIFICATION', 'VERIFIED', 'INVOICED', 'CLOSED', 'CANCELLED') AS stopped, \
        least(greatest(t.sla_clock_start, '0001-01-01Z'), '9999-01-01Z') + make_interval(mins => CASE t.priority \
            WHEN 'EMERGENCY' THEN $2 WHEN 'URGENT' THEN $3 ELSE $4 END) AS deadline, \
        floor(extract(epoch FROM COALESCE(t.last_event_at, t.updated_at)) * 1000)::bigint AS update) d \
    CROSS JOIN LATERAL (SELECT d.deadline - CASE WHEN d.stopped \
        THEN COALESCE(t.clock_stopped_at, t.updated_at) ELSE $1 END AS remaining, \
        floor(extract(epoch FROM d.deadline) / 60)::bigint AS minute) l \
    CROSS JOIN LATERAL (SELECT CASE WHEN l.remaining < interval '0' THEN 0 \
        WHEN l.remaining <= make_interval(mins => $5) THEN 1 ELSE 2 END AS status) r";

const CHANGE: &str = "greatest(t.changed_xid, s.changed_xid, m.changed_xid)";

impl Cursor {
    /// The cursor as callers hand it back.
    pub fn encode(&self) -> String {
        canonical::to_value(self).to_string()
    }

    /// Reads a cursor that a caller handed back; none if it is not one of ours.
    pub fn decode(text: &str) -> Option<Self> {
        let cursor: Self = serde_json::from_str(text).ok()?;
        let update = match cursor.after {
            After::Rank { update, .. } => update,
            After::Touched { .. } => 0,
        };
        (is_snapshot(&cursor.snapshot) && update != i64::MIN).then_some(cursor)
    }
}

/// Whether a text is a snapshot as Postgres writes it: `xmin:xmax:xip,xip…`.
fn is_snapshot(text: &str) -> bool {
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

impl Store {
    /// One page.
    pub async fn queue(&self, request: &PageRequest<'_>) -> Result<Page, StoreError> {
        let policy = request.policy;
        let minutes = |priority| i32::try_from(policy.sla_target_minutes(priority)).unwrap_or(i32::MAX);
        let seen = self.feed_start().await?;
        let (moment, snapshot) = match &request.cursor {
            Some(cursor) => (cursor.moment, cursor.snapshot.clone()),
            None => (seen.now, seen.snapshot.clone()),
        };
        let touched = matches!(request.cursor, Some(Cursor { after: After::Touched { .. }, .. }));
        let mut rows = Vec::new();
        if !touched {
            rows = self.page_part(request, moment, &snapshot, minutes, false).await?;
        }
        let room = request.limit as usize + 1 - rows.len().min(request.limit as usize + 1);
        if room > 0 && request.cursor.is_some() {
            let mut rest = self.page_part(request, moment, &snapshot, minutes, true).await?;
            rest.truncate(room);
            rows.append(&mut rest);
        }
        let more = rows.len() > request.limit as usize;
        rows.truncate(request.limit as usize);
        let next = rows.last().filter(|_| more).map(|(_, after)| Cursor { moment, snapshot, after: after.clone() });
        Ok(Page { moment, rows: rows.into_iter().map(|(row, _)| row).collect(), next, feed: seen.token })
    }

    /// The rows of a page that nobody touched since its first page, or those that somebody did.
    async fn page_part(
        &self,
        request: &PageRequest<'_>,
        moment: Timestamp,
        snapshot: &str,
        minutes: impl Fn(Priority) -> i32,
        touched: bool,
    ) -> Result<Vec<(RawRow, After)>, StoreError> {
        let filters = request.filters;
        let sql = format!(
            "SELECT {ROW} AS row, d.stopped, r.status, l.minute, d.update FROM {FROM} {RANK} \
             WHERE t.state = ANY($6::text[]::ticket_state[]) \
             AND ($7::text[] IS NULL OR t.priority = ANY($7::text[]::priority_level[])) \
             AND ($8::text[] IS NULL OR upper(btrim(t.incident_type)) IN (SELECT upper(x) FROM unnest($8) x)) \
             AND ($9::int[] IS NULL OR r.status = ANY($9)) \
             AND ($10::uuid[] IS NULL OR t.account_id = ANY($10)) \
             AND ($11::uuid[] IS NULL OR t.site_id = ANY($11)) \
             AND ($12::text[] IS NULL OR t.assigned_tech_id = ANY($12)) \
             AND ($13::uuid[] IS NULL OR t.account_id = ANY($13)) \
             AND ($14::uuid[] IS NULL OR t.site_id = ANY($14)) \
             AND ($15::text[] IS NULL OR {WORDS}) \
             AND {} ORDER BY {} LIMIT $17",
            if touched {
                format!("NOT pg_visible_in_snapshot({CHANGE}, $18::pg_snapshot) AND ($25::uuid IS NULL OR t.id > $25)")
            } else {
                format!(
                    "($19::boolean IS NULL OR pg_visible_in_snapshot({CHANGE}, $18::pg_snapshot) AND \
                     (d.stopped, r.status, l.minute, t.priority, s.region_weight, -d.update, t.id) > \
                     ($19, $20, $21, $22::priority_level, $23, -$24, $25))"
                )
            },
            if touched {
                "t.id"
            } else {
                "d.stopped, r.status, l.minute, t.priority, s.region_weight, d.update DESC, t.id"
            }
        );
        let (words, digits) = filters.q.as_deref().map(search_terms).unzip();
        let rank = Keys::of(request.cursor.as_ref().map(|cursor| &cursor.after), touched);
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(moment.utc())
            .bind(minutes(Priority::Emergency))
            .bind(minutes(Priority::Urgent))
            .bind(minutes(Priority::Routine))
            .bind(i32::try_from(request.policy.sla.warning_minutes).unwrap_or(i32::MAX))
            .bind(filters.states().iter().map(|state| state.as_str()).collect::<Vec<_>>())
            .bind(some(&filters.priority, |priority| priority.as_str().to_owned()))
            .bind(some(&filters.incident_type, Clone::clone))
            .bind(some(&filters.sla_status, |status| *status as i32))
            .bind(some(&filters.account_id, |id| *id))
            .bind(some(&filters.site_id, |id| *id))
            .bind(some(&filters.assigned_tech_id, Clone::clone))
            .bind(request.scope.accounts.ids())
            .bind(request.scope.sites.ids())
            .bind(words)
            .bind(digits.flatten())
            .bind(i64::from(request.limit) + 1)
            .bind(snapshot)
            .bind(rank.stopped)
            .bind(rank.status)
            .bind(rank.minute)
            .bind(rank.priority.map(Priority::as_str))
            .bind(rank.weight)
            .bind(rank.update)
            .bind(rank.id)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| row_and_place(row, touched)).collect()
    }

    /// Where a reader of the change feed begins who has just read everything.
    async fn feed_start(&self) -> Result<FeedStart, StoreError> {
        let row = sqlx::query(
            "SELECT dispatch_now() AS now, epoch, pg_current_snapshot()::text AS snapshot, \
             pg_snapshot_xmin(pg_current_snapshot())::text AS watermark FROM dispatch_meta",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(FeedStart {
            now: Timestamp::new(row.try_get::<DateTime<Utc>, _>("now")?),
            snapshot: row.try_get("snapshot")?,
            token: FeedToken { epoch: row.try_get("epoch")?, watermark: number(row.try_get("watermark")?) },
        })
    }

    /// Every row that changed at or above a watermark, whoever changed it and however: the ticket
    /// itself, its site or its technician. A transaction still open elsewhere in the cluster holds
    /// the watermark back, so that rows are read again, but delays none.
    pub async fn changes(&self, since: &FeedToken, scope: &Scope) -> Result<Changes, StoreError> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT dispatch_now() AS now, (SELECT epoch FROM dispatch_meta) AS epoch, \
                pg_snapshot_xmin(pg_current_snapshot())::text AS watermark, c.row \
             FROM (SELECT 1) one LEFT JOIN (SELECT {ROW} AS row FROM {FROM} WHERE t.id IN (\
                SELECT id FROM tickets WHERE changed_xid >= $1::xid8 \
                UNION SELECT k.id FROM tickets k JOIN sites x ON x.id = k.site_id WHERE x.changed_xid >= $1::xid8 \
                UNION SELECT k.id FROM tickets k JOIN technicians x ON x.id = k.assigned_tech_id \
                    WHERE x.changed_xid >= $1::xid8) \
                AND ($2::uuid[] IS NULL OR t.account_id = ANY($2)) \
                AND ($3::uuid[] IS NULL OR t.site_id = ANY($3))) c ON true"
        )))
        .bind(since.watermark.to_string())
        .bind(scope.accounts.ids())
        .bind(scope.sites.ids())
        .fetch_all(&self.pool)
        .await?;
        let mut changes = Changes { now: Timestamp::new(Utc::now()), rows: Vec::new(), token: since.clone() };
        for row in &rows {
            changes.now = Timestamp::new(row.try_get::<DateTime<Utc>, _>("now")?);
            changes.token = FeedToken { epoch: row.try_get("epoch")?, watermark: number(row.try_get("watermark")?) };
            changes.rows.extend(row.try_get::<Option<Json<RawRow>>, _>("row")?.map(|Json(row)| row));
        }
        Ok(changes)
    }
}

struct FeedStart {
    now: Timestamp,
    snapshot: String,
    token: FeedToken,
}

/// Where words are looked for: $15 are patterns that must all match somewhere, $16 digits of a
/// phone number.
const WORDS: &str = "((SELECT bool_and(concat_ws(' ', t.number, t.summary, t.description, t.incident_type, \
    t.customer_name, t.customer_email, s.name, s.address1, s.address2, s.city, m.name) ILIKE p) \
    FROM unnest($15::text[]) p) \
    OR ($16::text IS NOT NULL AND regexp_replace(t.customer_phone, '\\D', '', 'g') LIKE $16))";

/// Words as patterns, and the digits of what looks like a phone number.
fn search_terms(q: &str) -> (Vec<String>, Option<String>) {
    let digits: String = q.chars().filter(char::is_ascii_digit).collect();
    let like_a_phone = digits.len() >= 3 && q.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
    (q.split_whitespace().map(pattern).collect(), like_a_phone.then(|| format!("%{digits}%")))
}

#[derive(Default)]
struct Keys {
    stopped: Option<bool>,
    status: Option<i32>,
    minute: Option<i64>,
    priority: Option<Priority>,
    weight: Option<i32>,
    update: Option<i64>,
    id: Option<Uuid>,
}

impl Keys {
    fn of(after: Option<&After>, touched: bool) -> Self {
        match after {
            Some(After::Rank { stopped, status, minute, priority, weight, update, id }) if !touched => Self {
                stopped: Some(*stopped),
                status: Some(*status),
                minute: Some(*minute),
                priority: Some(*priority),
                weight: Some(*weight),
                update: Some(*update),
                id: Some(*id),
            },
            Some(After::Touched { id }) if touched => Self { id: Some(*id), ..Self::default() },
            _ => Self::default(),
        }
    }
}

fn row_and_place(row: &PgRow, touched: bool) -> Result<(RawRow, After), StoreError> {
    let Json(raw): Json<RawRow> = row.try_get("row")?;
    let after = if touched {
        After::Touched { id: raw.ticket_id }
    } else {
        After::Rank {
            stopped: row.try_get("stopped")?,
            status: row.try_get("status")?,
            minute: row.try_get("minute")?,
            priority: raw.priority,
            weight: raw.region_weight,
            update: row.try_get("update")?,
            id: raw.ticket_id,
        }
    };
    Ok((raw, after))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// A list to choose from, or none where nothing was asked.
fn some<T, U>(list: &[T], each: impl Fn(&T) -> U) -> Option<Vec<U>> {
    (!list.is_empty()).then(|| list.iter().map(each).collect())
}

/// Drops what a reader has already seen: a change is shown once, although the feed may give it
/// again while an older transaction is still open.
#[derive(Debug, Default)]
pub struct Seen(std::collections::HashMap<Uuid, u64>);

impl Seen {
    /// Whether this change of this row is new to the reader.
    pub fn is_new(&mut self, row: &Row) -> bool {
        let change = row.change.parse().unwrap_or(0);
        let last = self.0.insert(row.ticket_id, change);
        last.is_none_or(|last| last < change)
    }

    /// Forgets what can no longer come again.
    pub fn forget_below(&mut self, watermark: u64) {
        self.0.retain(|_, change| *change >= watermark);
    }
}
