//! A ticket written in a batch is the ticket that single calls would have written, in every table
//! and column.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use dispatch::domain::actor::Role;
use dispatch::domain::ticket::{Site, Technician};
use dispatch::domain::time::Timestamp;
use dispatch::domain::words::ApprovalStatus;
use dispatch::engine::{Bulk, BulkCall, Desk, Known};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use support::{Database, World, call, caller, checklist, ordinary_way};
use uuid::Uuid;

/// Tables that hold no part of a ticket.
const ELSEWHERE: [&str; 11] = [
    "_sqlx_migrations",
    "dispatch_meta",
    "audit_chain_heads",
    "accounts",
    "sites",
    "contacts",
    "assets",
    "technicians",
    "technician_skills",
    "technician_regions",
    "technician_availability",
];

/// One call: of which ticket, by whom, and what; an approval id of null stands for the open one.
type Step = (usize, Role, &'static str, Value);

/// Two lives with all that can happen in them, their calls in turn.
fn lives(world: &World) -> Vec<Step> {
    let create = |summary: &str| {
        json!({
            "account_id": world.account, "site_id": world.site, "summary": summary,
            "description": "Tab\there, \"quotes\", a \\ and\nlines\r\nof \u{202e}text \u{1f6aa} \\N \\.",
            "contact_phone": "415 555 0199", "contact_email": "ops@harbor.example"
        })
    };
    let window = json!({"start": "2026-12-01T17:00:00.000Z", "end": "2026-12-01T19:00:00.000Z"});
    let propose = json!({"options": [window]});
    let change = json!({"approval_type": "NTE_INCREASE", "reason": "New\tcloser", "amount_delta_cents": 12_000});
    let decide = |decision: &str| json!({"approval_id": null, "decision": decision, "notes": "by phone"});
    let verify = |result: &str| json!({"timestamp": "2026-12-01T20:00:00.000Z", "result": result, "notes": "seen"});
    let late = json!({
        "kind": "NOTE", "uri": "s3://jobs/late.txt",
        "metadata": {"odd": [1.5, 1e21, null, "\\", "\n"], "file_name": "a\tb.txt"}
    });
    let complete = json!({"checklist_status": checklist(), "no_signature_reason": "Site was closed"});
    let triage = |more: Value| {
        let mut payload = json!({"priority": "URGENT", "incident_type": "CLOSER_LEAKING_OR_SLAMMING"});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        payload
    };
    let mut steps = vec![
        (0, Role::Agent, "ticket.create", create("Closes \\ slams")),
        (1, Role::Dispatcher, "ticket.create", create("To be called off")),
        (0, Role::Dispatcher, "ticket.triage", triage(json!({"requires_approval": true, "nte_cents": 50_000}))),
        (0, Role::Approver, "approval.decide", decide("APPROVED")),
        (0, Role::Dispatcher, "schedule.propose", propose.clone()),
        (0, Role::Dispatcher, "schedule.confirm", window.clone()),
        (0, Role::Dispatcher, "schedule.propose", propose.clone()),
        (0, Role::Dispatcher, "schedule.confirm", window.clone()),
        (1, Role::Dispatcher, "ticket.triage", triage(json!({"ready_to_schedule": true}))),
        (1, Role::Dispatcher, "schedule.propose", propose),
        (1, Role::Dispatcher, "schedule.confirm", window),
    ];
    for ticket in [1, 0] {
        let then = json!({"timestamp": "2026-12-01T17:05:00.000Z", "location": {"lat": 1.5, "phone": "555"}});
        steps.push((ticket, Role::Dispatcher, "assignment.dispatch", json!({"tech_id": "t-1"})));
        steps.push((ticket, Role::Technician, "tech.check_in", then));
        steps.push((ticket, Role::Technician, "tech.request_change", change.clone()));
    }
    steps.push((1, Role::Dispatcher, "ticket.cancel", json!({"reason": "Not needed"})));
    steps.push((0, Role::Approver, "approval.decide", decide("DENIED")));
    let proofs = ordinary_way().into_iter().filter(|(_, _, tool, _)| *tool == "closeout.add_evidence");
    steps.extend(proofs.map(|(_, role, tool, payload)| (0, role, tool, payload)));
    for (role, tool, payload) in [
        (Role::Technician, "tech.complete", complete.clone()),
        (Role::Qa, "qa.verify", verify("FAIL")),
        (Role::Technician, "tech.complete", complete),
        (Role::Qa, "qa.verify", verify("PASS")),
        (Role::Finance, "billing.generate_invoice", json!({})),
        (Role::Finance, "ticket.close", json!({"reason": "Paid"})),
        (Role::Technician, "closeout.add_evidence", late),
    ] {
        steps.push((0, role, tool, payload));
    }
    steps
}

/// When the n-th call is made.
fn moment(n: usize) -> Timestamp {
    Timestamp::parse("2026-11-20T08:00:00.123Z").unwrap().plus_minutes(i64::try_from(n).unwrap() * 7)
}

fn request_id(n: usize) -> Uuid {
    Uuid::from_u128(0x8000_0000_0000_4000_8000_0000_0000_0000 + n as u128)
}

async fn singly(database: &Database) {
    let world = World::new(&database.engine).await;
    let mut tickets: HashMap<usize, String> = HashMap::new();
    for (n, (ticket, role, tool, mut payload)) in lives(&world).into_iter().enumerate() {
        let target = tickets.get(&ticket).cloned();
        if tool == "approval.decide" {
            let open = "SELECT id FROM approvals WHERE status = 'PENDING' AND ticket_id::text = $1";
            let id: Uuid =
                sqlx::query_scalar(open).bind(&target).fetch_one(database.engine.store().pool()).await.unwrap();
            payload["approval_id"] = json!(id);
        }
        let call = call(role, tool, target.as_deref(), payload).request_id(request_id(n)).at(moment(n));
        let reply = database.engine.call(call).await.unwrap_or_else(|refused| panic!("{tool}: {refused}"));
        if tool == "ticket.create" {
            tickets.insert(ticket, reply.json()["id"].as_str().unwrap().to_owned());
        }
    }
}

async fn in_a_batch(database: &Database) {
    let world = World::new(&database.engine).await;
    let mut known = Known::default();
    known.site(Site {
        id: world.site.parse().unwrap(),
        account_id: world.account.parse().unwrap(),
        name: "Pier 9".into(),
        city: "San Francisco".into(),
        region: Some("CA".into()),
        timezone: "America/Los_Angeles".into(),
    });
    known.technician(Technician {
        id: "t-1".into(),
        name: "R. Ortiz".into(),
        active: true,
        home_region: Some("ca".into()),
        phone: Some("+1 415 555 0101".into()),
        skills: vec!["DEFAULT".into()],
        regions: vec![],
    });
    let mut bulk = Bulk::new(&database.engine, Arc::new(known));
    bulk.reserve(2).await.unwrap();
    let mut tickets: HashMap<usize, Uuid> = HashMap::new();
    for (n, (ticket, role, tool, mut payload)) in lives(&world).into_iter().enumerate() {
        let ticket_id = tickets.get(&ticket).copied();
        if tool == "approval.decide" {
            let case = bulk.case(ticket_id.unwrap()).unwrap();
            let open = case.approvals.iter().find(|approval| approval.status == ApprovalStatus::Pending);
            payload["approval_id"] = json!(open.unwrap().id);
        }
        let call = BulkCall {
            tool,
            ticket_id,
            payload,
            caller: &caller(role),
            request_id: request_id(n),
            at: moment(n),
            source: None,
            correlation_id: None,
        };
        let id = bulk.call(&call).unwrap_or_else(|refused| panic!("{tool}: {refused}"));
        tickets.insert(ticket, id);
    }
    assert_eq!(bulk.flush().await.unwrap(), 2);
}

/// Ids and hashes by the order in which they are met: two databases that say the same about other
/// ids then read the same.
#[derive(Default)]
struct Names(HashMap<String, usize>);

impl Names {
    fn replace(&mut self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
        let is_first = |c: char| c.is_ascii_hexdigit();
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(is_first) {
            out.push_str(&rest[..start]);
            let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |end| start + end);
            let word = &rest[start..end];
            let is_hash = word.len() == 64 && !word.contains('-');
            if is_hash || Uuid::try_parse(word).is_ok_and(|id| !id.is_nil()) && word.len() == 36 {
                let known = self.0.len();
                write!(out, "#{}", self.0.entry(word.to_owned()).or_insert(known)).unwrap();
            } else {
                out.push_str(word);
            }
            rest = &rest[end..];
        }
        out + rest
    }
}

/// Every row that belongs to a ticket, table by table, with ids and hashes named alike.
async fn contents(database: &Database) -> BTreeMap<String, Vec<String>> {
    let pool = database.engine.store().pool();
    let mut tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    tables.retain(|table| !ELSEWHERE.contains(&table.as_str()));
    // The trail first: it names everything in the order in which it came to be.
    tables.sort_by_key(|table| (table != "audit_events", table.clone()));
    let mut names = Names::default();
    let mut all = BTreeMap::new();
    for table in tables {
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT row_to_json(t)::text FROM {table} t")))
                .fetch_all(pool)
                .await
                .unwrap();
        let mut rows: Vec<Value> = rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
        rows.retain(|row| row.get("chain") != Some(&json!("system")) && row["endpoint"] != "/directory/{kind}");
        rows.sort_by_key(|row| {
            let at = row.get("created_at").or(row.get("requested_at")).cloned().unwrap_or_default();
            (at.to_string(), row.get("step").and_then(Value::as_i64))
        });
        let line = |row: &mut Value| {
            row.as_object_mut().unwrap().shift_remove("changed_xid");
            names.replace(&row.to_string())
        };
        let mut lines: Vec<String> = rows.iter_mut().map(line).collect();
        if rows.first().is_some_and(|row| row.get("created_at").or(row.get("requested_at")).is_none()) {
            lines.sort();
        }
        all.insert(table, lines);
    }
    all
}

#[tokio::test]
async fn a_ticket_of_a_batch_is_the_one_that_single_calls_make_in_every_table_and_column() {
    let (one, other) = (Database::new().await, Database::new().await);
    singly(&one).await;
    in_a_batch(&other).await;
    let (single, batch) = (contents(&one).await, contents(&other).await);
    for table in [
        "tickets",
        "audit_events",
        "ticket_state_transitions",
        "idempotency_keys",
        "dispatch_outbox",
        "evidence_items",
        "approvals",
        "completions",
        "qa_results",
        "closeout_artifacts",
    ] {
        assert!(!single[table].is_empty(), "{table}");
    }
    for (table, rows) in &single {
        assert_eq!(rows.len(), batch[table].len(), "{table}");
        for (single, batch) in rows.iter().zip(&batch[table]) {
            assert_eq!(single, batch, "{table}");
        }
    }
    for database in [&one, &other] {
        assert!(database.engine.verify_audit(None, |_| ()).await.unwrap().broken.is_empty());
    }
}

#[tokio::test]
async fn a_ticket_of_a_batch_goes_on_by_single_calls() {
    let database = Database::new().await;
    in_a_batch(&database).await;
    let id: String = sqlx::query_scalar("SELECT id::text FROM tickets WHERE state = 'CLOSED'")
        .fetch_one(database.engine.store().pool())
        .await
        .unwrap();
    let note = json!({"kind": "NOTE", "uri": "s3://jobs/after.txt"});
    support::ok(&database.engine, Role::Agent, "closeout.add_evidence", Some(&id), note).await;
    assert!(database.engine.verify_audit(Some(&id), |_| ()).await.unwrap().broken.is_empty());
}
