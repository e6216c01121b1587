//! The one write after a decision: ticket, audit event, steps, stored answer, messages and
//! records, together in a single statement or not at all.
//!
//! The write is guarded: it happens only if the row that the decision was judged on is still the
//! one that was loaded. A row's stamp changes with every change to it, also one made by hand, so
//! the guard is stricter than comparing the head of the audit chain.

use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::columns::{ANSWER, APPROVAL, ARTIFACT, COMPLETION, EVENT, EVIDENCE, OUTBOX, QA_RESULT, STEP, TICKET};
use super::statement::{Bound, Statement, insertion};
use super::{Store, StoreError};
use crate::domain::audit::Event;
use crate::domain::canonical::to_value;
use crate::domain::case::{Message, Record, Step};
use crate::domain::directory::{Kind, Row as MasterRow};
use crate::domain::judge::{Accepted, StoredAnswer};
use crate::domain::ticket::{Approval, Artifact, Completion, EvidenceItem, QaResult, StoredTicket};
use crate::domain::time::Timestamp;

/// What the write depends on.
#[derive(Debug, Clone, Default)]
pub enum Guard {
    /// Tickets that do not exist yet.
    #[default]
    NewTickets,
    /// The ticket whose row still carries this stamp.
    Ticket { id: Uuid, stamp: String },
    /// The system chain, as long as it still ends at this link.
    System { seq: i64 },
}

/// Whether it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Somebody else's change came first: load and judge again.
    MovedOn,
}

/// Everything that is written together.
#[derive(Debug, Default)]
pub struct Write {
    pub guard: Guard,
    pub tickets: Vec<StoredTicket>,
    pub events: Vec<Event>,
    pub steps: Vec<Value>,
    pub answers: Vec<Value>,
    pub outbox: Vec<Value>,
    pub evidence: Vec<EvidenceItem>,
    pub approvals_opened: Vec<Approval>,
    pub approvals_decided: Vec<Approval>,
    pub completions: Vec<Completion>,
    pub qa_results: Vec<QaResult>,
    pub artifacts: Vec<Artifact>,
    pub freeze: Option<Value>,
    pub cancel_messages: Option<Value>,
    pub master: Option<MasterRow>,
}

impl Write {
    /// What one accepted call writes.
    pub fn of(accepted: Accepted, guard: Guard) -> Self {
        let mut write = Self { guard, ..Self::default() };
        write.add_trail(&accepted.event, &accepted.steps, &accepted.messages, &accepted.answer);
        for record in accepted.records {
            match record {
                Record::Evidence(item) => write.evidence.push(item),
                Record::ApprovalOpened(approval) => write.approvals_opened.push(approval),
                Record::ApprovalDecided(approval) => write.approvals_decided.push(approval),
                Record::Completion(completion) => write.completions.push(completion),
                Record::QaResult(result) => write.qa_results.push(result),
                Record::FreezeEvidence { reason } => {
                    write.freeze = Some(json!({
                        "ticket_id": accepted.event.ticket_id,
                        "reason": reason,
                        "by": accepted.event.actor_id,
                        "request_id": accepted.event.request_id,
                        "at": accepted.event.created_at,
                    }));
                }
                Record::Artifact(artifact) => write.artifacts.push(artifact),
                Record::CancelMessages => {
                    write.cancel_messages =
                        Some(json!({"ticket_id": accepted.event.ticket_id, "at": accepted.event.created_at}));
                }
                Record::Master(row) => write.master = Some(row),
            }
        }
        write.tickets.extend(accepted.ticket);
        write.events.push(accepted.event);
        write
    }

    /// What every accepted call writes beside its event and its records.
    pub fn add_trail(&mut self, event: &Event, steps: &[Step], messages: &[Message], answer: &StoredAnswer) {
        let at = event.created_at;
        for (n, step) in (1..).zip(steps) {
            self.steps.push(json!({
                "id": step_id(event.id, n),
                "ticket_id": event.ticket_id,
                "step": n,
                "from_state": step.from,
                "to_state": step.to,
                "audit_event_id": event.id,
                "created_at": at,
            }));
        }
        for message in messages {
            self.outbox.push(json!({
                "id": message.id,
                "aggregate_type": "ticket",
                "aggregate_id": event.ticket_id,
                "event_type": message.event_type,
                "payload": message.payload,
                "idempotency_key": message.idempotency_key,
                "status": "PENDING",
                "next_attempt_at": at,
                "updated_at": at,
                "created_at": at,
            }));
        }
        self.answers.push(json!({
            "actor_id": answer.actor_id,
            "endpoint": answer.endpoint,
            "request_id": answer.request_id,
            "request_hash": answer.request_hash,
            "response_code": answer.status,
            "response_body": answer.body,
            "created_at": at,
        }));
    }
}

impl Write {
    /// Messages of a ticket that this write brings are not to be sent after all.
    pub fn cancel_pending(&mut self, ticket_id: Uuid, at: Timestamp) {
        let (of_ticket, at) = (json!(ticket_id), json!(at));
        for message in self.outbox.iter_mut().filter(|row| row["aggregate_id"] == of_ticket) {
            message["status"] = json!("CANCELLED");
            message["updated_at"] = at.clone();
        }
    }
}

/// The id of a step: its event's, counted on, so that it needs no randomness of its own.
fn step_id(event: Uuid, n: u8) -> Uuid {
    Uuid::from_u128(event.as_u128().wrapping_add(u128::from(n) << 37))
}

impl Write {
    fn statement(&self) -> Statement {
        let mut statement = Statement::default();
        self.guard_part(&mut statement);
        statement.insert("audit_events", EVENT, &self.events);
        statement.insert("ticket_state_transitions", STEP, &self.steps);
        statement.insert("idempotency_keys", ANSWER, &self.answers);
        statement.insert("dispatch_outbox", OUTBOX, &self.outbox);
        let evidence: Vec<Value> = self.evidence.iter().map(evidence_row).collect();
        statement.insert("evidence_items", EVIDENCE, &evidence);
        statement.insert("approvals", APPROVAL, &self.approvals_opened);
        statement.insert("completions", COMPLETION, &self.completions);
        statement.insert("qa_results", QA_RESULT, &self.qa_results);
        if let Some(part) = statement.insert("closeout_artifacts", ARTIFACT, &self.artifacts) {
            part.push_str(
                " ON CONFLICT (ticket_id, artifact_type) DO UPDATE SET id = EXCLUDED.id, \
                 artifact_name = EXCLUDED.artifact_name, artifact_hash = EXCLUDED.artifact_hash, \
                 artifact_payload = EXCLUDED.artifact_payload, created_by = EXCLUDED.created_by, \
                 request_id = EXCLUDED.request_id, created_at = EXCLUDED.created_at",
            );
        }
        if let Some(of) = &self.cancel_messages {
            let row = statement.rows(of);
            statement.parts.push(format!(
                "UPDATE dispatch_outbox o SET status = 'CANCELLED', updated_at = r.at \
                 FROM json_to_record({row}) AS r(ticket_id text, at timestamptz) \
                 WHERE o.aggregate_id = r.ticket_id AND o.aggregate_type = 'ticket' AND o.status IN ('PENDING', 'DEAD_LETTER') \
                 AND EXISTS (SELECT FROM guard)"
            ));
        }
        if !self.approvals_decided.is_empty() {
            let rows = statement.rows(&self.approvals_decided);
            statement.parts.push(format!(
                "UPDATE approvals a SET status = r.status, decided_by = r.decided_by, decided_at = r.decided_at \
                 FROM json_populate_recordset(NULL::approvals, {rows}) r \
                 WHERE a.id = r.id AND EXISTS (SELECT FROM guard)"
            ));
        }
        if let Some(freeze) = &self.freeze {
            let row = statement.rows(freeze);
            statement.parts.push(format!(
                "UPDATE evidence_items e SET is_immutable = true, immutable_reason = r.reason, immutable_by = r.by, \
                 immutable_request_id = r.request_id, immutable_at = r.at \
                 FROM json_to_record({row}) AS r(ticket_id uuid, reason text, by text, request_id uuid, at timestamptz) \
                 WHERE e.ticket_id = r.ticket_id AND NOT e.is_immutable AND EXISTS (SELECT FROM guard)"
            ));
        }
        if let Some(row) = &self.master {
            master_parts(&mut statement, row);
        }
        statement
    }

    fn guard_part(&self, statement: &mut Statement) {
        let part = match &self.guard {
            Guard::NewTickets => {
                let source = statement.source(TICKET, &self.tickets);
                let (names, values) = insertion(TICKET);
                format!("INSERT INTO tickets ({names}) SELECT {values} FROM {source} RETURNING 1")
            }
            Guard::Ticket { id, stamp } => {
                let source = statement.source(TICKET, &self.tickets);
                let changes: Vec<String> = TICKET[2..].iter().map(|(name, _)| format!("{name} = r.{name}")).collect();
                let (id, stamp) =
                    (statement.bind(Bound::Uuid(Some(*id))), statement.bind(Bound::Text(Some(stamp.clone()))));
                format!(
                    "UPDATE tickets t SET {} FROM {source} WHERE t.id = ${id}::uuid AND t.changed_xid = ${stamp}::xid8 \
                     RETURNING 1",
                    changes.join(", ")
                )
            }
            Guard::System { seq } => {
                let head = self
                    .events
                    .last()
                    .map(|event| json!({"seq": event.seq, "hash": event.hash, "at": event.created_at, "was": seq}));
                let row = statement.rows(&head);
                format!(
                    "UPDATE audit_chain_heads h SET seq = r.seq, hash = r.hash, last_event_at = r.at \
                     FROM json_to_record({row}) AS r(seq bigint, hash text, at timestamptz, was bigint) \
                     WHERE h.chain = 'system' AND h.seq = r.was RETURNING 1"
                )
            }
        };
        statement.parts.push(part);
    }
}

/// Writes on one connection.
pub async fn persist(connection: &mut PgConnection, write: &Write) -> Result<Outcome, StoreError> {
    let statement = write.statement();
    let mut sql = String::from("WITH guard AS (");
    for (n, part) in statement.parts.iter().enumerate() {
        if n > 0 {
            sql.extend(["), w", &n.to_string(), " AS ("]);
        }
        sql.push_str(part);
    }
    sql.push_str(") SELECT count(*) FROM guard");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in statement.bound {
        query = match value {
            Bound::Uuid(value) => query.bind(value),
            Bound::Time(value) => query.bind(value),
            Bound::Big(value) => query.bind(value),
            Bound::Bool(value) => query.bind(value),
            Bound::Text(value) => query.bind(value),
        };
    }
    let written: i64 = query.fetch_one(connection).await?.try_get(0)?;
    Ok(if written > 0 { Outcome::Done } else { Outcome::MovedOn })
}

impl Store {
    /// Writes on a connection of the pool, in a transaction of its own.
    pub async fn persist(&self, write: &Write) -> Result<Outcome, StoreError> {
        let mut connection = self.pool.acquire().await?;
        persist(&mut connection, write).await
    }
}

/// An item as it is stored; which request froze it is kept but shown to nobody.
pub(super) fn evidence_row(item: &EvidenceItem) -> Value {
    let mut row = to_value(item);
    row["immutable_request_id"] = json!(item.immutable_request_id);
    row
}

/// A row of master data, with a technician's lists given as a whole.
fn master_parts(statement: &mut Statement, row: &MasterRow) {
    let kind = row.kind;
    let columns = kind.columns().join(", ");
    let updates: Vec<String> = kind.columns().iter().map(|name| format!("{name} = EXCLUDED.{name}")).collect();
    let fields = statement.rows(&row.fields);
    statement.parts.push(format!(
        "INSERT INTO {kind} (id, {columns}) SELECT id, {columns} FROM json_populate_record(NULL::{kind}, {fields}) \
         WHERE EXISTS (SELECT FROM guard) ON CONFLICT (id) DO UPDATE SET {}",
        updates.join(", ")
    ));
    if kind != Kind::Technicians {
        return;
    }
    let id = row.fields.get("id");
    let list = |name: &str, of: &dyn Fn(&Value) -> Value| -> Vec<Value> {
        let items = row.fields.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        items.iter().map(of).collect()
    };
    let word = |column: &'static str| {
        move |item: &Value| {
            let mut entry = Map::new();
            entry.insert("technician_id".to_owned(), json!(id));
            entry.insert(column.to_owned(), item.clone());
            Value::Object(entry)
        }
    };
    let hours = |item: &Value| {
        let mut entry = item.clone();
        entry["technician_id"] = json!(id);
        entry
    };
    for (table, key, rest, rows) in [
        ("technician_skills", "skill", "", list("skills", &word("skill"))),
        ("technician_regions", "region", "", list("regions", &word("region"))),
        ("technician_availability", "weekday, start_time", ", end_time", list("availability", &hours)),
    ] {
        let placeholder = statement.rows(&rows);
        let owner = statement.rows(&row.fields);
        // One statement sees one snapshot, so what stays must be neither deleted nor added again.
        statement.parts.push(format!(
            "DELETE FROM {table} WHERE technician_id = {owner}->>'id' AND ({key}) NOT IN \
             (SELECT {key} FROM json_populate_recordset(NULL::{table}, {placeholder})) AND EXISTS (SELECT FROM guard)"
        ));
        let placeholder = statement.rows(&rows);
        let on_conflict = if rest.is_empty() { "NOTHING" } else { "UPDATE SET end_time = EXCLUDED.end_time" };
        statement.parts.push(format!(
            "INSERT INTO {table} (technician_id, {key}{rest}) SELECT technician_id, {key}{rest} \
             FROM json_populate_recordset(NULL::{table}, {placeholder}) WHERE EXISTS (SELECT FROM guard) \
             ON CONFLICT (technician_id, {key}) DO {on_conflict}"
        ));
    }
}
