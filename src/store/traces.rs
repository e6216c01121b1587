//! What calls left behind, and what must never be left: for whoever checks that every call is there
//! exactly once, entirely or not at all.

use sqlx::Row;
use uuid::Uuid;

use super::{Store, StoreError};

/// What is found of one call, by its request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    pub request_id: Uuid,
    /// Stored answers; one of a call that was done.
    pub answers: i64,
    /// Audit events; the same.
    pub events: i64,
    /// The stored bytes, where there is an answer.
    pub body: Option<String>,
}

/// A row that no whole call leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// What is wrong.
    pub what: String,
    /// The ticket, or what else it is about.
    pub about: String,
}

const TRACES: &str = "\
WITH answers AS (
    SELECT request_id, count(*) AS many, min(response_body::text) AS body FROM idempotency_keys
    WHERE request_id = ANY($1) GROUP BY request_id
), events AS (
    SELECT request_id, count(*) AS many FROM audit_events WHERE request_id = ANY($1) GROUP BY request_id
)
SELECT w.id AS request_id, COALESCE(a.many, 0) AS answers, COALESCE(e.many, 0) AS events, a.body
FROM unnest($1) w(id) LEFT JOIN answers a ON a.request_id = w.id LEFT JOIN events e ON e.request_id = w.id";

/// Everything that must agree where every call was written whole: the chains' own hashes are
/// `Engine::verify_audit`'s affair.
const STRAYS: &str = "\
WITH event AS (SELECT * FROM audit_events WHERE chain IS NOT NULL),
walked AS (
    SELECT audit_event_id, count(*) AS many, max(step) AS last, bool_and(joined) AS joined,
        (array_agg(from_state ORDER BY step))[1] AS from_state, (array_agg(to_state ORDER BY step DESC))[1] AS to_state
    FROM (
        SELECT *, step = 1 OR from_state = lag(to_state) OVER (PARTITION BY audit_event_id ORDER BY step) AS joined
        FROM ticket_state_transitions WHERE step > 0
    ) s GROUP BY audit_event_id
),
trail AS (
    SELECT ticket_id, count(*) AS links, max(seq) AS last,
        count(*) FILTER (WHERE tool_name NOT IN ('ticket.create', 'closeout.add_evidence')) AS changes,
        count(*) FILTER (WHERE tool_name = 'ticket.create') AS creations,
        count(*) FILTER (WHERE tool_name = 'closeout.add_evidence') AS evidence,
        count(*) FILTER (WHERE tool_name = 'tech.request_change') AS approvals
    FROM event WHERE ticket_id IS NOT NULL GROUP BY ticket_id
)
SELECT 'an event has not exactly one stored answer' AS what, e.chain || ' link ' || e.seq || ' ' || e.tool_name AS about
FROM event e LEFT JOIN idempotency_keys k
    ON k.request_id = e.request_id AND k.actor_id = e.actor_id AND k.endpoint = e.payload->>'endpoint'
GROUP BY e.id, e.chain, e.seq, e.tool_name HAVING count(k.request_id) <> 1
UNION ALL
SELECT 'a stored answer has not exactly one event', k.endpoint || ' request ' || k.request_id
FROM idempotency_keys k LEFT JOIN event e
    ON k.request_id = e.request_id AND k.actor_id = e.actor_id AND k.endpoint = e.payload->>'endpoint'
GROUP BY k.endpoint, k.request_id, k.actor_id HAVING count(e.id) <> 1
UNION ALL
SELECT 'the steps of an event do not lead from its state before to the one after', e.chain || ' link ' || e.seq
FROM event e LEFT JOIN walked w ON w.audit_event_id = e.id
WHERE e.ticket_id IS NOT NULL AND CASE WHEN w.audit_event_id IS NULL THEN e.before_state IS DISTINCT FROM e.after_state
    ELSE NOT w.joined OR w.many <> w.last OR w.from_state IS DISTINCT FROM e.before_state OR w.to_state <> e.after_state END
UNION ALL
SELECT 'a step has no event', s.ticket_id::text FROM ticket_state_transitions s
WHERE s.step > 0 AND NOT EXISTS (SELECT FROM event e WHERE e.id = s.audit_event_id AND e.ticket_id = s.ticket_id)
UNION ALL
SELECT 'the head of a ticket is not the last link of its trail', t.number
FROM tickets t LEFT JOIN trail r ON r.ticket_id = t.id
LEFT JOIN event e ON e.chain = t.id::text AND e.seq = t.chain_seq
WHERE e.id IS NULL OR r.links <> t.chain_seq OR r.last <> t.chain_seq OR r.creations <> 1
    OR e.hash IS DISTINCT FROM t.chain_hash OR e.after_state <> t.state
UNION ALL
SELECT 'the version of a ticket is not the number of its changes', t.number || ' version ' || t.version
FROM tickets t JOIN trail r ON r.ticket_id = t.id WHERE r.changes <> t.version
UNION ALL
SELECT 'an event has no ticket', r.ticket_id::text FROM trail r
WHERE NOT EXISTS (SELECT FROM tickets t WHERE t.id = r.ticket_id)
UNION ALL
SELECT 'the head of the system chain is not its last link', h.chain
FROM audit_chain_heads h WHERE h.seq <> (SELECT count(*) FROM event e WHERE e.chain = h.chain)
UNION ALL
SELECT 'a promise has not exactly one message', e.chain || ' link ' || e.seq FROM event e
LEFT JOIN dispatch_outbox o ON o.payload->>'transition_id' = e.id::text
WHERE e.tool_name IN ('schedule.confirm', 'assignment.dispatch') GROUP BY e.id, e.chain, e.seq HAVING count(o.id) <> 1
UNION ALL
SELECT 'a message belongs to no event', o.idempotency_key FROM dispatch_outbox o
WHERE NOT EXISTS (SELECT FROM event e WHERE e.id::text = o.payload->>'transition_id')
UNION ALL
SELECT 'there is not one piece of evidence for each time it was added', t.number
FROM tickets t JOIN trail r ON r.ticket_id = t.id
WHERE r.evidence <> (SELECT count(*) FROM evidence_items i WHERE i.ticket_id = t.id)
UNION ALL
SELECT 'there is not one approval for each that was asked for', t.number FROM tickets t JOIN trail r ON r.ticket_id = t.id
WHERE r.approvals <> (SELECT count(*) FROM approvals a WHERE a.ticket_id = t.id)
UNION ALL
SELECT 'a completion or verification is not recorded once', e.chain || ' link ' || e.seq FROM event e
WHERE e.tool_name IN ('tech.complete', 'qa.verify')
    AND (SELECT count(*) FROM completions c WHERE c.audit_event_id = e.id)
      + (SELECT count(*) FROM qa_results q WHERE q.audit_event_id = e.id) <> 1
LIMIT 20";

impl Store {
    /// What is there of calls, by their request ids.
    pub async fn traces(&self, requests: &[Uuid]) -> Result<Vec<Trace>, StoreError> {
        let rows = sqlx::query(TRACES).bind(requests).fetch_all(&self.pool).await?;
        let trace = |row: &sqlx::postgres::PgRow| {
            Ok(Trace {
                request_id: row.try_get("request_id")?,
                answers: row.try_get("answers")?,
                events: row.try_get("events")?,
                body: row.try_get("body")?,
            })
        };
        rows.iter().map(trace).collect()
    }

    /// The first rows that no whole call leaves; none in a database that only the engine wrote to.
    pub async fn strays(&self) -> Result<Vec<Stray>, StoreError> {
        let rows = sqlx::query(STRAYS).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(Stray { what: row.try_get("what")?, about: row.try_get("about")? })).collect()
    }

    /// How many other clients of this database have a statement or a transaction under way.
    pub async fn others_at_work(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = current_database() \
             AND pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle'",
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The processes of the server, but for the first of them, which the pid file names.
    pub async fn server_processes(&self) -> Result<Vec<i32>, StoreError> {
        Ok(sqlx::query_scalar("SELECT pid FROM pg_stat_activity ORDER BY pid").fetch_all(&self.pool).await?)
    }

    /// The processes that serve other clients of this database, those at work first.
    pub async fn other_backends(&self) -> Result<Vec<i32>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = current_database() \
             AND pid <> pg_backend_pid() ORDER BY state IS NOT DISTINCT FROM 'idle', pid",
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Cuts one client off.
    pub async fn cut_off(&self, backend: i32) -> Result<(), StoreError> {
        sqlx::query("SELECT pg_terminate_backend($1)").bind(backend).execute(&self.pool).await?;
        Ok(())
    }
}
