//! Tampering with the audit trail as only the database's owner can, and what `audit verify` says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::process::{Command, Output};

use dispatch::domain::actor::Role;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use support::{Database, World, ok};

/// A database with two tickets, of five events each, and its master data's chain.
struct Scene {
    database: Database,
    ticket: String,
    other: String,
}

impl Scene {
    async fn new() -> Self {
        let database = Database::new().await;
        let world = World::new(&database.engine).await;
        let ticket = world.ticket_in(&database.engine, "SCHEDULED").await;
        let other = world.ticket_in(&database.engine, "SCHEDULED").await;
        Self { database, ticket, other }
    }

    /// Does something to the trail past its triggers; `$t` and `$o` are the two tickets' ids.
    async fn tamper(&self, sql: &str) {
        let sql = sql.replace("$t", &format!("'{}'", self.ticket)).replace("$o", &format!("'{}'", self.other));
        let owner = self.database.owner().await;
        let all = format!(
            "BEGIN; ALTER TABLE audit_events DISABLE TRIGGER ALL; ALTER TABLE ticket_state_transitions DISABLE TRIGGER \
             ALL; {sql}; ALTER TABLE audit_events ENABLE TRIGGER ALL; ALTER TABLE ticket_state_transitions ENABLE \
             TRIGGER ALL; COMMIT"
        );
        sqlx::raw_sql(AssertSqlSafe(all)).execute(&owner).await.unwrap();
        owner.close().await;
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_dispatch"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", support::data_dir())
            .env("USER", "tester")
            .env("DISPATCH_DATA_DIR", support::data_dir())
            .env("DISPATCH_DATABASE_URL", self.database.url())
            .output()
            .unwrap()
    }

    /// The exit code of `audit verify`, and what it found.
    fn verify(&self) -> (i32, Value) {
        let output = self.run(&["audit", "verify", "--json"]);
        let found = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("no verdict: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), found)
    }

    /// The one broken chain there is.
    fn broken(&self) -> Value {
        let (code, found) = self.verify();
        assert_eq!((code, &found["broken_chains"]), (1, &json!(1)), "{found}");
        found["broken"][0].clone()
    }
}

/// Compares the fields that are given.
fn holds(found: &Value, wanted: &Value) {
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&found[name], value, "{name} of {found}");
    }
}

#[tokio::test]
async fn a_whole_trail_is_whole_and_its_digest_moves_with_it() {
    let scene = Scene::new().await;
    let (code, before) = scene.verify();
    assert_eq!(code, 0);
    holds(&before, &json!({"events": 13, "chains": 3, "broken": [], "stray_steps": 0, "unchained": 0}));
    assert_eq!(scene.verify().1["digest"], before["digest"]);
    ok(&scene.database.engine, Role::Dispatcher, "directory.upsert", Some("accounts"), json!({"name": "x"})).await;
    assert_ne!(scene.verify().1["digest"], before["digest"]);
}

#[tokio::test]
async fn each_way_of_tampering_is_called_by_its_name_with_ticket_and_link() {
    let third = "chain = $t AND seq = 3";
    for (sql, seq, damage, column) in [
        (
            format!("UPDATE audit_events SET payload = payload || '{{\"x\": 1}}' WHERE {third}"),
            3,
            "edited",
            json!(null),
        ),
        (format!("UPDATE audit_events SET actor_id = 'mallory' WHERE {third}"), 3, "edited", json!(null)),
        (
            format!("UPDATE audit_events SET created_at = created_at + interval '1 microsecond' WHERE {third}"),
            3,
            "unreadable",
            json!(null),
        ),
        (format!("UPDATE audit_events SET actor_role = 'qa' WHERE {third}"), 3, "edited", json!("actor_role")),
        (format!("UPDATE audit_events SET after_state = 'CLOSED' WHERE {third}"), 3, "edited", json!("after_state")),
        (format!("UPDATE audit_events SET ticket_id = $o WHERE {third}"), 3, "edited", json!("ticket_id")),
        (format!("UPDATE audit_events SET hash = repeat('0', 64) WHERE {third}"), 3, "edited", json!("hash")),
        (format!("UPDATE audit_events SET prev_hash = NULL WHERE {third}"), 3, "edited", json!("prev_hash")),
        (format!("UPDATE audit_events SET payload = '{{\"n\": 1e400}}' WHERE {third}"), 3, "unreadable", json!(null)),
        (format!("DELETE FROM audit_events WHERE {third}"), 3, "missing", json!(null)),
        ("DELETE FROM audit_events WHERE chain = $t AND seq > 3".to_owned(), 4, "truncated", json!(null)),
        ("DELETE FROM audit_events WHERE chain = $t".to_owned(), 1, "truncated", json!(null)),
        ("UPDATE tickets SET chain_seq = 4 WHERE id = $t".to_owned(), 5, "continued", json!(null)),
        ("UPDATE tickets SET chain_hash = repeat('0', 64) WHERE id = $t".to_owned(), 5, "rewritten", json!(null)),
        ("UPDATE audit_events SET seq = NULL WHERE chain = $t AND seq = 5".to_owned(), 5, "stray", json!(null)),
    ] {
        let scene = Scene::new().await;
        scene.tamper(&sql).await;
        let found = scene.broken();
        holds(&found, &json!({"chain": scene.ticket, "ticket": "T-10001", "seq": seq, "damage": damage}));
        assert_eq!(found["column"], column, "{sql}: {found}");
        let output = scene.run(&["audit", "verify", "T-10001", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{sql}");
        let alone: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(alone["broken"][0], found, "one chain alone says the same");
        assert_eq!(scene.run(&["audit", "verify", "T-10002"]).status.code(), Some(0), "the other one is whole");
    }
}

#[tokio::test]
async fn swapped_rows_are_told_from_edited_ones() {
    let exchange = |columns: &str| {
        let set: Vec<String> = columns.split(' ').map(|column| format!("{column} = b.{column}")).collect();
        format!(
            "UPDATE audit_events a SET {} FROM audit_events b WHERE a.chain = $t AND b.chain = $t \
             AND (a.seq, b.seq) IN ((2, 4), (4, 2))",
            set.join(", ")
        )
    };
    let content = "tool_name request_id before_state after_state payload created_at";
    for sql in [
        exchange(content),
        exchange("payload"),
        "UPDATE audit_events SET seq = -seq WHERE chain = $t AND seq IN (2, 4); \
         UPDATE audit_events SET seq = 6 + seq WHERE chain = $t AND seq < 0"
            .to_owned(),
    ] {
        let scene = Scene::new().await;
        scene.tamper(&sql).await;
        holds(&scene.broken(), &json!({"seq": 2, "damage": "swapped", "with": 4}));
    }
}

#[tokio::test]
async fn another_tickets_event_copied_to_the_end_is_misplaced() {
    let scene = Scene::new().await;
    scene
        .tamper(
            "INSERT INTO audit_events SELECT gen_random_uuid(), ticket_id, $t, 6, actor_type, actor_id, actor_role, \
             tool_name, request_id, correlation_id, trace_id, before_state, after_state, payload, prev_hash, hash, \
             created_at FROM audit_events WHERE chain = $o AND seq = 5",
        )
        .await;
    holds(&scene.broken(), &json!({"chain": scene.ticket, "seq": 6, "damage": "misplaced", "ticket_id": scene.other}));
}

#[tokio::test]
async fn a_chain_without_a_ticket_and_events_without_a_chain_are_told_apart() {
    let scene = Scene::new().await;
    scene
        .tamper(
            "INSERT INTO audit_events (ticket_id, actor_type, actor_id, tool_name) \
             VALUES ($t, 'SERVICE', 'legacy', 'import.row')",
        )
        .await;
    let (code, found) = scene.verify();
    assert_eq!((code, &found["unchained"]), (0, &json!(1)), "they are listed, and break nothing");
    let said = scene.run(&["audit", "verify"]);
    assert_eq!(said.status.code(), Some(0));
    scene
        .tamper(
            "ALTER TABLE tickets DISABLE TRIGGER ALL; DELETE FROM dispatch_outbox; DELETE FROM tickets WHERE id = $o; \
             ALTER TABLE tickets ENABLE TRIGGER ALL",
        )
        .await;
    holds(&scene.broken(), &json!({"chain": scene.other, "ticket": null, "damage": "orphaned"}));
}

#[tokio::test]
async fn steps_that_are_not_those_of_their_event_are_found() {
    for (sql, what) in [
        ("DELETE FROM ticket_state_transitions WHERE to_state = 'SCHEDULED' AND ticket_id = $t", "gone"),
        (
            "UPDATE ticket_state_transitions SET audit_event_id = gen_random_uuid() WHERE to_state = 'NEW'",
            "without an event",
        ),
        (
            "UPDATE ticket_state_transitions SET to_state = 'PENDING_CUSTOMER_CONFIRMATION' \
             WHERE to_state = 'SCHEDULED' AND ticket_id = $t",
            "not what their event says",
        ),
        (
            "UPDATE ticket_state_transitions SET created_at = created_at - interval '1 hour' WHERE ticket_id = $t",
            "not what their event says",
        ),
    ] {
        let scene = Scene::new().await;
        scene.tamper(sql).await;
        let (code, found) = scene.verify();
        assert_eq!((code, &found["broken_chains"]), (1, &json!(0)), "{sql}");
        let steps = found["first_stray_steps"].as_array().unwrap();
        assert!(steps.iter().any(|step| step["what"].as_str().unwrap().contains(what)), "{sql}: {steps:?}");
    }
}

#[tokio::test]
async fn what_others_write_meanwhile_is_no_damage() {
    let scene = Scene::new().await;
    let world = World::new(&scene.database.engine).await;
    let writing = async {
        for _ in 0..20 {
            world.ticket_in(&scene.database.engine, "TRIAGED").await;
        }
    };
    let looking = async {
        for _ in 0..10 {
            let verdict = scene.database.engine.verify_audit(None, |_| ()).await.unwrap();
            assert!(verdict.is_whole(), "{verdict:?}");
        }
    };
    tokio::join!(writing, looking);
}
