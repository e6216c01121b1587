//! The audit trail as of one moment, read over several connections at once: those who go on
//! working meanwhile are not mistaken for damage.

use futures::{Stream, TryStreamExt};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row, Transaction};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::audit::{Event, Head};

/// A moment of the database, held open. Others can look at the same one by its name.
#[derive(Debug)]
pub struct Snapshot {
    pool: PgPool,
    name: String,
    /// The connection that holds it, which may read as well.
    pub reader: Reader,
}

/// A connection that reads as of a moment.
#[derive(Debug)]
pub struct Reader {
    pub(super) transaction: Transaction<'static, Postgres>,
}

/// A chain by name, and where it ends by what is recorded beside the trail.
#[derive(Debug, Clone)]
pub struct Chain {
    pub name: String,
    /// The ticket's number.
    pub ticket: Option<String>,
    /// None of a chain that belongs to nothing.
    pub head: Option<Head>,
}

/// What is to be walked, and what is not.
#[derive(Debug)]
pub struct Census {
    /// How many events are links of a chain.
    pub chained: u64,
    /// How many events other programs appended without a chain.
    pub unchained: u64,
    /// The first few of them.
    pub first_unchained: Vec<Uuid>,
}

/// A row of the trail that says to be a link of a chain.
#[derive(Debug)]
pub struct Link {
    pub chain: String,
    pub seq: Option<i64>,
    pub id: Uuid,
    /// Why it is no event of ours, where it is none.
    pub event: Result<Event, String>,
}

/// Steps that are not those of an event, or an event whose steps are gone.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct StrayStep {
    pub ticket_id: Option<Uuid>,
    pub event_id: Option<Uuid>,
    pub what: &'static str,
}

/// Sorting a page of chains stays in memory.
const BEGIN: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL work_mem = '64MB'";

impl Store {
    /// Takes a snapshot, which lasts until it is dropped.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::raw_sql(BEGIN).execute(&mut *transaction).await?;
        let name = sqlx::query_scalar("SELECT pg_export_snapshot()").fetch_one(&mut *transaction).await?;
        Ok(Snapshot { pool: self.pool.clone(), name, reader: Reader { transaction } })
    }
}

impl Snapshot {
    /// How many connections there may be at once, this one among them.
    pub fn connections(&self) -> usize {
        self.pool.options().get_max_connections() as usize
    }

    /// What other programs know it by, as long as this one is held.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Another connection that sees the same.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        let mut transaction = self.pool.begin().await?;
        // The name is the server's own, of hexadecimal digits and hyphens.
        let sql = format!("{BEGIN}; SET TRANSACTION SNAPSHOT '{}'", self.name);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
        Ok(Reader { transaction })
    }
}

impl Reader {
    /// Counts the events, of one chain or all.
    pub async fn census(&mut self, chain: Option<&str>) -> Result<Census, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM audit_events WHERE chain IS NOT NULL AND ($1::text IS NULL OR chain = $1)) \
                AS chained, count(*) AS unchained, (array_agg(id ORDER BY created_at, id))[1:20] AS first \
             FROM audit_events WHERE chain IS NULL AND ($1::text IS NULL OR ticket_id = $2)",
        )
        .bind(chain)
        .bind(ticket_of(chain))
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok(Census {
            chained: row.try_get::<i64, _>("chained")?.unsigned_abs(),
            unchained: row.try_get::<i64, _>("unchained")?.unsigned_abs(),
            first_unchained: row.try_get::<Option<Vec<Uuid>>, _>("first")?.unwrap_or_default(),
        })
    }

    /// All chains that are recorded, or one: those of tickets by id, then the others by name.
    pub fn chains<'r>(&'r mut self, chain: Option<&'r str>) -> impl Stream<Item = Result<Chain, StoreError>> + 'r {
        let sql = "SELECT chain, number, seq, hash FROM (\
                SELECT 1 AS part, id, id::text AS chain, number, chain_seq AS seq, chain_hash AS hash FROM tickets \
                WHERE $1::text IS NULL OR id = $2 UNION ALL SELECT 2, NULL, chain, NULL, seq, hash FROM audit_chain_heads \
                WHERE $1::text IS NULL OR chain = $1) heads \
             ORDER BY part, id, chain COLLATE \"C\"";
        sqlx::query(sql)
            .bind(chain)
            .bind(ticket_of(chain))
            .fetch(&mut *self.transaction)
            .map_err(StoreError::from)
            .and_then(async |row| {
                let head = Head { seq: row.try_get("seq")?, hash: row.try_get("hash")?, at: None };
                Ok(Chain { name: row.try_get("chain")?, ticket: row.try_get("number")?, head: Some(head) })
            })
    }

    /// The names of chains that have events but belong to nothing.
    pub async fn orphaned_chains(&mut self, chain: Option<&str>) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT DISTINCT chain FROM audit_events e WHERE chain IS NOT NULL AND ($1::text IS NULL OR chain = $1) \
             AND NOT EXISTS (SELECT FROM tickets t WHERE t.id::text = e.chain) \
             AND NOT EXISTS (SELECT FROM audit_chain_heads h WHERE h.chain = e.chain) ORDER BY chain",
        )
        .bind(chain)
        .fetch_all(&mut *self.transaction)
        .await?)
    }

    /// Hands over the links of these chains: chain by chain, by seq, those without one last.
    pub async fn links(&mut self, chains: &[String], mut each: impl FnMut(Link)) -> Result<(), StoreError> {
        let mut rows = sqlx::query(
            "SELECT chain, seq, id, row_to_json(e)::text AS event, \
                created_at <> date_trunc('milliseconds', created_at) AS too_fine \
             FROM audit_events e WHERE chain = ANY($1) ORDER BY chain, seq",
        )
        .bind(chains)
        .fetch(&mut *self.transaction);
        while let Some(row) = rows.try_next().await? {
            let event = if row.try_get("too_fine")? {
                Err("created_at is finer than a millisecond".to_owned())
            } else {
                serde_json::from_str(row.try_get("event")?).map_err(|error| error.to_string())
            };
            each(Link { chain: row.try_get("chain")?, seq: row.try_get("seq")?, id: row.try_get("id")?, event });
        }
        Ok(())
    }

    /// Compares the steps of tickets with the events that made them, on one ticket or all. How
    /// many disagree, and the first hundred of them.
    ///
    /// The steps have no hashes of their own; their event has, and says where they begin and end.
    pub async fn stray_steps(&mut self, chain: Option<&str>) -> Result<(u64, Vec<StrayStep>), StoreError> {
        let sql = "SELECT count(*) OVER () AS many, COALESCE(s.ticket_id, e.ticket_id) AS ticket_id, \
                COALESCE(e.id, s.audit_event_id) AS event_id, \
                e.id IS NULL AS no_event, s.last IS NULL AS no_steps \
             FROM (SELECT id, ticket_id, before_state, after_state, created_at FROM audit_events \
                WHERE chain IS NOT NULL AND ($1::text IS NULL OR chain = $1)) e \
             FULL JOIN (SELECT audit_event_id, ticket_id, created_at, count(*) AS many, max(step) AS last, \
                array_agg(from_state ORDER BY step) AS froms, array_agg(to_state ORDER BY step) AS tos \
                FROM ticket_state_transitions WHERE step > 0 AND ($1::text IS NULL OR ticket_id = $2) GROUP BY 1, 2, 3) s \
             ON s.audit_event_id = e.id \
             WHERE e.id IS NULL OR CASE WHEN s.last IS NULL THEN e.before_state IS DISTINCT FROM e.after_state \
                ELSE s.ticket_id IS DISTINCT FROM e.ticket_id OR s.created_at <> e.created_at OR s.many <> s.last \
                    OR s.froms[1] IS DISTINCT FROM e.before_state OR s.tos[s.last] IS DISTINCT FROM e.after_state \
                    OR s.froms[2:] <> s.tos[:s.last - 1] END \
             ORDER BY 2, 3 LIMIT 100";
        let rows = sqlx::query(sql).bind(chain).bind(ticket_of(chain)).fetch_all(&mut *self.transaction).await?;
        let many = rows.first().map_or(Ok(0), |row| row.try_get::<i64, _>("many"))?.unsigned_abs();
        let steps = rows.into_iter().map(|row| {
            let what = match (row.try_get("no_event")?, row.try_get("no_steps")?) {
                (true, _) => "steps without an event",
                (false, true) => "an event whose steps are gone",
                (false, false) => "steps that are not what their event says",
            };
            Ok(StrayStep { ticket_id: row.try_get("ticket_id")?, event_id: row.try_get("event_id")?, what })
        });
        Ok((many, steps.collect::<Result<_, StoreError>>()?))
    }
}

/// The ticket whose chain it is.
fn ticket_of(chain: Option<&str>) -> Option<Uuid> {
    chain.and_then(|chain| Uuid::try_parse(chain).ok())
}
