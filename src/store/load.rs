//! The one read before a call: whether it was answered before, and the case file its decision
//! depends on, in a single statement and so as of a single moment.

use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::columns::TICKET;
use super::directory::TECHNICIAN_RECORD;
use super::moment::Moment;
use super::{Store, StoreError};
use crate::domain::audit::Head;
use crate::domain::case::CaseFile;
use crate::domain::directory::{Kind, Master};
use crate::domain::state::State;
use crate::domain::ticket::{Inner, StoredTicket, Ticket};
use crate::domain::time::Timestamp;
use crate::domain::tool::Needs;
use crate::domain::words::Priority;

/// Which call is about to be judged.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub actor_id: &'a str,
    pub endpoint: &'a str,
    /// None in a preview.
    pub request_id: Option<Uuid>,
    pub ticket_id: Option<Uuid>,
    /// Whether a ticket number is to be taken from the sequence.
    pub new_number: bool,
    pub needs: &'a Needs,
}

/// An answer that was given before.
#[derive(Debug)]
pub struct Answered {
    pub request_hash: String,
    pub status: u16,
    pub body: String,
}

/// What was found.
#[derive(Debug)]
pub struct Loaded {
    /// The database's clock.
    pub now: Timestamp,
    pub answered: Option<Answered>,
    pub number: Option<String>,
    pub case: CaseFile,
    /// The stamp of the ticket's row, by which the write notices that it moved on.
    pub stamp: Option<String>,
}

impl Store {
    /// Loads on a connection of the pool.
    pub async fn load(&self, wanted: &Wanted<'_>) -> Result<Loaded, StoreError> {
        let mut lane = self.lane().await?;
        let loaded = load(&mut lane, wanted).await?;
        lane.keep();
        Ok(loaded)
    }

    /// The id of a ticket by its number, or by where it was imported from.
    pub async fn resolve(&self, number: &str) -> Result<Option<Uuid>, StoreError> {
        let id = match number.split_once(':') {
            Some((source, source_id)) => {
                sqlx::query_scalar("SELECT id FROM tickets WHERE source = $1 AND source_id = $2")
                    .bind(source)
                    .bind(source_id)
                    .fetch_optional(&self.pool)
                    .await?
            }
            None => {
                sqlx::query_scalar("SELECT id FROM tickets WHERE number = $1")
                    .bind(number)
                    .fetch_optional(&self.pool)
                    .await?
            }
        };
        Ok(id)
    }
}

/// The statement for what a call needs: every part that it does not need is left out, so each
/// tool has one text and the server plans it once.
fn statement(wanted: &Wanted<'_>) -> String {
    let needs = wanted.needs;
    let mut columns =
        String::from("dispatch_now() AS now, k.request_hash, k.response_code, k.response_body::text AS response_body");
    let mut column = |sql: &str| {
        columns.push_str(", ");
        columns.push_str(sql);
    };
    column("t.changed_xid::text AS stamp");
    for (name, kind) in TICKET {
        // Words are sent as text; everything else as its own type, which both sides read fastest.
        let sent_as = if matches!(*kind, "ticket_state" | "priority_level") { "::text AS " } else { " AS " };
        column(&format!("t.{name}{sent_as}{name}"));
    }
    column(
        "CASE WHEN s.id IS NOT NULL THEN json_build_object(\
         'id', s.id, 'account_id', s.account_id, 'name', s.name, 'city', s.city, 'region', s.region, \
         'timezone', s.timezone) END AS site",
    );
    if wanted.new_number {
        // A replay takes no number.
        column("CASE WHEN k.request_hash IS NULL THEN 'T-' || nextval('ticket_number_seq') END AS new_number");
    }
    if needs.account.is_some() {
        column("(SELECT id FROM accounts WHERE id = $6) AS named_account");
    }
    if needs.asset.is_some() {
        column("(SELECT json_build_array(id, site_id) FROM assets WHERE id = $7) AS asset");
    }
    if needs.technician.is_some() {
        column(
            "(SELECT json_build_object('id', m.id, 'name', m.name, 'active', m.active, \
             'home_region', m.home_region, 'phone', m.phone, \
             'skills', ARRAY(SELECT skill FROM technician_skills WHERE technician_id = m.id), \
             'regions', ARRAY(SELECT region FROM technician_regions WHERE technician_id = m.id)) \
             FROM technicians m WHERE m.id = $8) AS technician",
        );
    }
    if needs.recommendation.is_some() {
        column(
            "(SELECT json_build_array(recommended_tech_id) FROM assignment_recommendation_snapshots \
             WHERE ticket_id = $4 AND recommendation_snapshot_id = $9) AS recommendation",
        );
    }
    if needs.approvals {
        column("(SELECT json_agg(a ORDER BY requested_at, id) FROM approvals a WHERE ticket_id = $4) AS approvals");
    }
    if needs.evidence {
        column("(SELECT json_agg(e ORDER BY created_at, id) FROM evidence_items e WHERE ticket_id = $4) AS evidence");
    }
    if needs.exceptions {
        column(
            "(SELECT json_agg(x ORDER BY created_at, id) FROM evidence_exceptions x WHERE ticket_id = $4) AS exceptions",
        );
    }
    if needs.completion {
        column(
            "(SELECT row_to_json(c) FROM completions c WHERE ticket_id = $4 \
             ORDER BY created_at DESC, id DESC LIMIT 1) AS completion",
        );
    }
    if needs.verification {
        column(
            "(SELECT row_to_json(q) FROM qa_results q WHERE ticket_id = $4 \
             ORDER BY created_at DESC, id DESC LIMIT 1) AS verification",
        );
    }
    if needs.promises {
        column(
            "ARRAY(SELECT payload->>'state_transition_id' FROM audit_events WHERE ticket_id = $4 \
             AND tool_name IN ('schedule.confirm', 'assignment.dispatch')) AS promises",
        );
    }
    if let Some((kind, id)) = &needs.master {
        column("(SELECT row_to_json(h) FROM audit_chain_heads h WHERE chain = 'system') AS head");
        column(&site_account(*kind, id.is_some()));
        if id.is_some() {
            column(&existing(*kind));
        }
    }
    format!(
        "SELECT {columns} FROM (SELECT 1) one \
         LEFT JOIN idempotency_keys k ON k.actor_id = $1 AND k.endpoint = $2 AND k.request_id = $3 \
         LEFT JOIN tickets t ON t.id = $4 \
         LEFT JOIN sites s ON s.id = COALESCE($5, t.site_id)"
    )
}

/// The record of master data that is to be changed.
fn existing(kind: Kind) -> String {
    match kind {
        Kind::Technicians => format!("(SELECT {TECHNICIAN_RECORD} FROM technicians r WHERE r.id = $10) AS existing"),
        other => format!("(SELECT to_jsonb(r) FROM {other} r WHERE r.id = $10::uuid) AS existing"),
    }
}

/// Whose the site is that the record names or, where it names none, already has.
fn site_account(kind: Kind, changes: bool) -> String {
    let site = match kind {
        Kind::Contacts | Kind::Assets if changes => {
            format!("COALESCE($5, (SELECT site_id FROM {kind} WHERE id = $10::uuid))")
        }
        _ => "$5".to_owned(),
    };
    format!("(SELECT account_id FROM sites WHERE id = {site}) AS site_account")
}

/// Loads on one connection: within a transaction that holds the lock, where one does.
pub async fn load(connection: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Loaded, StoreError> {
    let needs = wanted.needs;
    let row = sqlx::query(AssertSqlSafe(statement(wanted)))
        .bind(wanted.actor_id)
        .bind(wanted.endpoint)
        .bind(wanted.request_id)
        .bind(wanted.ticket_id)
        .bind(needs.site)
        .bind(needs.account)
        .bind(needs.asset)
        .bind(needs.technician.as_deref())
        .bind(needs.recommendation)
        .bind(needs.master.as_ref().and_then(|(_, id)| id.as_deref()))
        .fetch_one(connection)
        .await?;

    let ticket = ticket(&row)?;
    let stamp = ticket.as_ref().and_then(|stored| stored.inner.changed_xid.clone());
    let head = match &ticket {
        Some(stored) => {
            Head { seq: stored.inner.chain_seq, hash: stored.inner.chain_hash.clone(), at: stored.inner.last_event_at }
        }
        None => head(&row)?,
    };
    let account_id: Option<Uuid> = optional(&row, "named_account")?;
    let case = CaseFile {
        head,
        site: json(&row, "site")?,
        account_id,
        asset: json(&row, "asset")?,
        technician: json(&row, "technician")?,
        recommendation: json::<Vec<Option<String>>>(&row, "recommendation")?.and_then(|mut found| found.pop()),
        approvals: json(&row, "approvals")?.unwrap_or_default(),
        evidence: json(&row, "evidence")?.unwrap_or_default(),
        exceptions: json(&row, "exceptions")?.unwrap_or_default(),
        completion: json(&row, "completion")?,
        verification: json(&row, "verification")?,
        promises: optional::<Vec<Option<String>>>(&row, "promises")?
            .unwrap_or_default()
            .into_iter()
            .flatten()
            .collect(),
        probes: None,
        master: Master {
            existing: json(&row, "existing")?,
            account_exists: account_id.is_some(),
            site_account: optional(&row, "site_account")?,
        },
        ticket,
    };
    let request_hash: Option<String> = row.try_get("request_hash")?;
    let answered = match request_hash {
        None => None,
        Some(request_hash) => Some(Answered {
            request_hash,
            status: u16::try_from(row.try_get::<i32, _>("response_code")?).unwrap_or(200),
            body: row.try_get("response_body")?,
        }),
    };
    Ok(Loaded {
        now: Timestamp::new(row.try_get("now")?),
        answered,
        number: optional(&row, "new_number")?,
        case,
        stamp,
    })
}

/// The ticket of a row, if there is one.
fn ticket(row: &PgRow) -> Result<Option<StoredTicket>, StoreError> {
    let Some(id) = row.try_get::<Option<Uuid>, _>("id")? else { return Ok(None) };
    let text = |name: &str| row.try_get::<Option<String>, _>(name);
    let time = |name: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<Moment>, _>(name)?.map(|Moment(at)| at));
    let moment = |name: &str| row.try_get::<Moment, _>(name).map(|Moment(at)| at);
    let unknown = |word: &str| sqlx::Error::Decode(format!("a word this program does not know: {word}").into());
    let (state, priority): (&str, &str) = (row.try_get("state")?, row.try_get("priority")?);
    let ticket = Ticket {
        id,
        number: text("number")?,
        account_id: row.try_get("account_id")?,
        site_id: row.try_get("site_id")?,
        asset_id: row.try_get("asset_id")?,
        state: State::parse(state).ok_or_else(|| unknown(state))?,
        priority: Priority::parse(priority).ok_or_else(|| unknown(priority))?,
        incident_type: text("incident_type")?,
        summary: row.try_get("summary")?,
        description: text("description")?,
        customer_name: text("customer_name")?,
        customer_phone: text("customer_phone")?,
        customer_email: text("customer_email")?,
        nte_cents: row.try_get("nte_cents")?,
        scheduled_start: time("scheduled_start")?,
        scheduled_end: time("scheduled_end")?,
        identity_signature: text("identity_signature")?,
        identity_confidence: row.try_get("identity_confidence")?,
        classification_confidence: row.try_get("classification_confidence")?,
        sop_handoff_required: row.try_get("sop_handoff_required")?,
        sop_handoff_acknowledged: row.try_get("sop_handoff_acknowledged")?,
        sop_handoff_prompt: text("sop_handoff_prompt")?,
        assigned_provider_id: row.try_get("assigned_provider_id")?,
        assigned_tech_id: text("assigned_tech_id")?,
        requires_return_visit: row.try_get("requires_return_visit")?,
        version: row.try_get("version")?,
        created_at: moment("created_at")?,
        updated_at: moment("updated_at")?,
    };
    let inner = Inner {
        confirmed_start: time("confirmed_start")?,
        source: text("source")?,
        source_id: text("source_id")?,
        chain_seq: row.try_get("chain_seq")?,
        chain_hash: text("chain_hash")?,
        last_event_at: time("last_event_at")?,
        last_transition_at: time("last_transition_at")?,
        clock_stopped_at: time("clock_stopped_at")?,
        changed_xid: text("stamp")?,
    };
    Ok(Some(StoredTicket { ticket, inner }))
}

fn head(row: &PgRow) -> Result<Head, StoreError> {
    let Some(head) = json::<Value>(row, "head")? else { return Ok(Head::default()) };
    Ok(Head {
        seq: head["seq"].as_i64().unwrap_or(0),
        hash: head["hash"].as_str().map(str::to_owned),
        at: head["last_event_at"].as_str().and_then(Timestamp::parse),
    })
}

/// A column that may not have been asked for.
fn optional<'r, T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>>(
    row: &'r PgRow,
    name: &str,
) -> Result<Option<T>, StoreError> {
    match row.try_get(name) {
        Ok(value) => Ok(value),
        Err(sqlx::Error::ColumnNotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn json<T: DeserializeOwned>(row: &PgRow, name: &str) -> Result<Option<T>, StoreError> {
    match row.try_get::<Option<Json<T>>, _>(name) {
        Ok(value) => Ok(value.map(|Json(value)| value)),
        Err(sqlx::Error::ColumnNotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes the lock on a ticket, or on the system chain: every other writer waits, readers do not.
/// What is loaded afterwards is what was committed before the lock was had.
pub async fn lock(connection: &mut PgConnection, ticket_id: Option<Uuid>) -> Result<(), StoreError> {
    let query = match ticket_id {
        Some(id) => sqlx::query("SELECT FROM tickets WHERE id = $1 FOR NO KEY UPDATE").bind(id),
        None => sqlx::query("SELECT FROM audit_chain_heads WHERE chain = 'system' FOR NO KEY UPDATE"),
    };
    query.fetch_optional(connection).await?;
    Ok(())
}
