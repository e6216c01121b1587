//! The one write after a decision: ticket, audit event, steps, stored answer, messages and
//! records, together in a single statement or not at all.
//!
//! The write is guarded: it happens only if the row that the decision was judged on is still the
//! one that was loaded. A row's stamp changes with every change to it, also one made by hand, so
//! the guard is stricter than comparing the head of the audit chain.

use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::audit::Event;
use crate::domain::canonical::to_value;
use crate::domain::case::{Message, Record, Step};
use crate::domain::directory::{Kind, Row as MasterRow};
use crate::domain::judge::{Accepted, StoredAnswer};
use crate::domain::ticket::{Approval, Completion, EvidenceItem, QaResult, StoredTicket};
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
    pub freeze: Option<Value>,
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

/// The id of a step: its event's, counted on, so that it needs no randomness of its own.
fn step_id(event: Uuid, n: u8) -> Uuid {
    Uuid::from_u128(event.as_u128().wrapping_add(u128::from(n) << 37))
}

/// Up to so many rows are bound value by value, which the server reads much faster than JSON; the
/// texts of statements for one call stay few. Batches are bound as one JSON array.
const FEW: usize = 3;

/// A statement in the making: common table expressions and what is bound to them, as text that
/// the statement casts.
#[derive(Default)]
struct Statement {
    parts: Vec<String>,
    bound: Vec<Option<String>>,
}

impl Statement {
    /// Binds a text and gives its number.
    fn bind(&mut self, text: Option<String>) -> usize {
        self.bound.push(text);
        self.bound.len()
    }

    /// Binds rows as JSON and gives the placeholder.
    fn rows(&mut self, rows: &impl Serialize) -> String {
        format!("${}::json", self.bind(Some(to_value(rows).to_string())))
    }

    /// Binds rows and gives a source of them named `r`, typed as `columns` says.
    fn source(&mut self, columns: &[(&str, &str)], rows: &[impl Serialize]) -> String {
        if rows.len() > FEW {
            let types: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {}", read_as(kind))).collect();
            return format!("json_to_recordset({}) AS r({})", self.rows(&rows), types.join(", "));
        }
        let mut sql = String::from("(VALUES ");
        for (n, row) in rows.iter().enumerate() {
            let mut row = to_value(row);
            sql.push_str(if n == 0 { "(" } else { "), (" });
            for (m, (name, kind)) in columns.iter().enumerate() {
                let number = self.bind(text_of(row[*name].take(), kind));
                sql.push_str(&format!("{}${number}::{}", if m == 0 { "" } else { ", " }, read_as(kind)));
            }
        }
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        format!("{sql})) AS r({})", names.join(", "))
    }

    /// Adds an insert of rows, typed as `columns` says, that happens only behind the guard.
    fn insert(&mut self, table: &str, columns: &[(&str, &str)], rows: &[impl Serialize]) {
        if rows.is_empty() {
            return;
        }
        let source = self.source(columns, rows);
        let (names, values) = insertion(columns);
        self.parts.push(format!(
            "INSERT INTO {table} ({names}) SELECT {values} FROM {source} WHERE EXISTS (SELECT FROM guard)"
        ));
    }
}

/// The names of columns, and where an insert takes them from.
fn insertion(columns: &[(&str, &str)]) -> (String, String) {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|(name, kind)| if *kind == "json" { format!("r.{name}::json") } else { format!("r.{name}") })
        .collect();
    (names.join(", "), values.join(", "))
}

/// Kept as json text, so that a replay gives the same bytes: read as text, then cast.
fn read_as<'a>(kind: &'a str) -> &'a str {
    if kind == "json" { "text" } else { kind }
}

/// A value as the text that its type reads.
fn text_of(value: Value, kind: &str) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if kind != "jsonb" => Some(text),
        other => Some(other.to_string()),
    }
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
                let (id, stamp) = (statement.bind(Some(id.to_string())), statement.bind(Some(stamp.clone())));
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
            sql.push_str(&format!("), w{n} AS ("));
        }
        sql.push_str(part);
    }
    sql.push_str(") SELECT count(*) FROM guard");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in statement.bound {
        query = query.bind(value);
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

/// Beside the first two, what a call may change.
const TICKET: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("number", "text"),
    ("account_id", "uuid"),
    ("site_id", "uuid"),
    ("asset_id", "uuid"),
    ("state", "ticket_state"),
    ("priority", "priority_level"),
    ("incident_type", "text"),
    ("summary", "text"),
    ("description", "text"),
    ("customer_name", "text"),
    ("customer_phone", "text"),
    ("customer_email", "text"),
    ("nte_cents", "bigint"),
    ("scheduled_start", "timestamptz"),
    ("scheduled_end", "timestamptz"),
    ("identity_signature", "text"),
    ("identity_confidence", "smallint"),
    ("classification_confidence", "smallint"),
    ("sop_handoff_required", "boolean"),
    ("sop_handoff_acknowledged", "boolean"),
    ("sop_handoff_prompt", "text"),
    ("assigned_provider_id", "uuid"),
    ("assigned_tech_id", "text"),
    ("requires_return_visit", "boolean"),
    ("version", "bigint"),
    ("created_at", "timestamptz"),
    ("updated_at", "timestamptz"),
    ("confirmed_start", "timestamptz"),
    ("source", "text"),
    ("source_id", "text"),
    ("chain_seq", "bigint"),
    ("chain_hash", "text"),
    ("last_event_at", "timestamptz"),
    ("last_transition_at", "timestamptz"),
    ("clock_stopped_at", "timestamptz"),
];
const EVENT: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("ticket_id", "uuid"),
    ("chain", "text"),
    ("seq", "bigint"),
    ("actor_type", "actor_type"),
    ("actor_id", "text"),
    ("actor_role", "text"),
    ("tool_name", "text"),
    ("request_id", "uuid"),
    ("correlation_id", "text"),
    ("trace_id", "text"),
    ("before_state", "ticket_state"),
    ("after_state", "ticket_state"),
    ("payload", "jsonb"),
    ("prev_hash", "text"),
    ("hash", "text"),
    ("created_at", "timestamptz"),
];
const STEP: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("ticket_id", "uuid"),
    ("step", "integer"),
    ("from_state", "ticket_state"),
    ("to_state", "ticket_state"),
    ("audit_event_id", "uuid"),
    ("created_at", "timestamptz"),
];
const ANSWER: &[(&str, &str)] = &[
    ("actor_id", "text"),
    ("endpoint", "text"),
    ("request_id", "uuid"),
    ("request_hash", "text"),
    ("response_code", "integer"),
    ("response_body", "json"),
    ("created_at", "timestamptz"),
];
const OUTBOX: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("aggregate_type", "text"),
    ("aggregate_id", "text"),
    ("event_type", "text"),
    ("payload", "jsonb"),
    ("idempotency_key", "text"),
    ("created_at", "timestamptz"),
];
const EVIDENCE: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("ticket_id", "uuid"),
    ("kind", "text"),
    ("uri", "text"),
    ("checksum", "text"),
    ("metadata", "jsonb"),
    ("is_immutable", "boolean"),
    ("immutable_reason", "text"),
    ("immutable_by", "text"),
    ("immutable_request_id", "uuid"),
    ("immutable_at", "timestamptz"),
    ("created_by", "text"),
    ("created_at", "timestamptz"),
];
const APPROVAL: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("ticket_id", "uuid"),
    ("status", "approval_status"),
    ("requested_by", "text"),
    ("requested_at", "timestamptz"),
    ("decided_by", "text"),
    ("decided_at", "timestamptz"),
    ("approval_type", "text"),
    ("amount_delta_cents", "bigint"),
    ("reason", "text"),
    ("evidence", "jsonb"),
];
const COMPLETION: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("ticket_id", "uuid"),
    ("audit_event_id", "uuid"),
    ("checklist_status", "jsonb"),
    ("no_signature_reason", "text"),
    ("evidence_refs", "jsonb"),
    ("created_by", "text"),
    ("created_at", "timestamptz"),
];
const QA_RESULT: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("ticket_id", "uuid"),
    ("audit_event_id", "uuid"),
    ("result", "text"),
    ("notes", "text"),
    ("verified_at", "timestamptz"),
    ("created_by", "text"),
    ("created_at", "timestamptz"),
];

/// An item as it is stored; which request froze it is kept but shown to nobody.
fn evidence_row(item: &EvidenceItem) -> Value {
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

/// The moment an event of a chain may have at the earliest.
pub fn not_before(now: Timestamp, last: Option<Timestamp>) -> Timestamp {
    last.map_or(now, |last| last.max(now))
}
