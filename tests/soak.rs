//! `dispatch bench soak`, in short: things are killed under load, and every call is accounted for.
//! And what it looks for is found where it is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use dispatch::domain::actor::Role;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use support::{Database, World, ok};

#[test]
fn in_twenty_rounds_of_killing_nothing_is_lost_and_nothing_done_twice() {
    let output = Command::new(env!("CARGO_BIN_EXE_dispatch"))
        .args(["bench", "soak", "--rounds", "20", "--seed", "11", "--json"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["violations"], json!([]));
    let kinds = report["kinds"].as_array().unwrap();
    assert_eq!(kinds.len(), 9, "every kind of blow was struck");
    let sum = |name: &str| kinds.iter().map(|kind| kind[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("rounds"), 20);
    assert_eq!(sum("found_whole") + sum("found_absent"), sum("unacknowledged"));
    assert!(sum("unacknowledged") > 0, "nothing was struck in mid call, so nothing was proved: {report}");
    assert!(report["acknowledged"].as_u64().unwrap() > 500, "{report}");
    for name in ["calls_per_second", "yardstick_per_second", "ratio"] {
        assert!(report[name].as_f64().unwrap() > 0.0, "{name}");
    }
}

#[tokio::test]
async fn whatever_is_missing_or_left_over_is_found() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "INVOICED").await;
    let asked = world.ticket_in(engine, "IN_PROGRESS").await;
    let change = json!({"approval_type": "NTE_INCREASE", "reason": "New closer", "amount_delta_cents": 12_000});
    ok(engine, Role::Technician, "tech.request_change", Some(&asked), change).await;
    assert_eq!(engine.store().strays().await.unwrap(), []);
    let owner = database.owner().await;
    let mut known = BTreeSet::new();
    for (tampering, what) in [
        ("DELETE FROM idempotency_keys WHERE endpoint LIKE '%triage'", "an event has not exactly one stored answer"),
        ("DELETE FROM dispatch_outbox WHERE event_type LIKE 'schedule%'", "a promise has not exactly one message"),
        ("DELETE FROM evidence_items WHERE uri LIKE '%before%'", "there is not one piece of evidence"),
        ("DELETE FROM approvals", "there is not one approval"),
        ("DELETE FROM completions", "a completion or verification is not recorded once"),
        ("DELETE FROM ticket_state_transitions WHERE to_state = 'SCHEDULED'", "the steps of an event do not lead"),
        ("UPDATE tickets SET version = version + 1", "the version of a ticket is not the number of its changes"),
        ("UPDATE audit_chain_heads SET seq = seq + 1", "the head of the system chain"),
        ("UPDATE tickets SET chain_hash = 'x'", "the head of a ticket is not the last link"),
        ("DELETE FROM audit_events WHERE tool_name = 'assignment.dispatch'", "a message belongs to no event"),
    ] {
        let sql = format!("SET session_replication_role = replica; {tampering}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&owner).await.unwrap();
        let strays = engine.store().strays().await.unwrap();
        assert!(strays.iter().any(|stray| stray.what.starts_with(what)), "{tampering}: {strays:?}");
        known.extend(strays.into_iter().map(|stray| stray.what));
    }
    for what in ["a step has no event", "a stored answer has not exactly one event"] {
        assert!(known.contains(what), "{what}");
    }
    assert!(!id.is_empty());
}
