//! How tickets end: closed with a packet, or cancelled with whatever was still open (CONTRACT.md 7.10, 7.11).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use dispatch::domain::actor::Role;
use dispatch::domain::canonical::{canonical, sha256_hex};
use dispatch::domain::case::CaseFile;
use dispatch::domain::packet::{Closing, payload};
use dispatch::domain::refusal::Code;
use dispatch::domain::state::State;
use dispatch::domain::time::Timestamp;
use dispatch::domain::tool::Needs;
use dispatch::engine::Desk;
use dispatch::store::load::Wanted;
use serde_json::{Value, json};
use support::{Database, World, call, ok, refused};
use uuid::Uuid;

/// The kept packet of a ticket: name, hash, payload as it is, who made it.
async fn packet(database: &Database, id: &str) -> (String, String, String, String) {
    sqlx::query_as(
        "SELECT artifact_name, artifact_hash, artifact_payload::text, created_by FROM closeout_artifacts \
         WHERE ticket_id::text = $1 AND artifact_type = 'closeout_packet'",
    )
    .bind(id)
    .fetch_one(database.engine.store().pool())
    .await
    .unwrap()
}

/// The case file with everything a packet may look at.
async fn case(database: &Database, id: &str) -> CaseFile {
    let needs = Needs { evidence: true, exceptions: true, completion: true, verification: true, ..Needs::default() };
    let wanted = Wanted {
        actor_id: "nobody",
        endpoint: "",
        request_id: None,
        ticket_id: Uuid::parse_str(id).ok(),
        new_number: false,
        needs: &needs,
    };
    database.engine.store().load(&wanted).await.unwrap().case
}

#[tokio::test]
async fn a_verified_or_invoiced_job_is_closed_with_its_packet() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    for (state, role) in [("VERIFIED", Role::Dispatcher), ("INVOICED", Role::Finance)] {
        let id = world.ticket_in(engine, state).await;
        let before = ok(engine, Role::Dispatcher, "ticket.get", Some(&id), json!({})).await;
        let reply = ok(engine, role, "ticket.close", Some(&id), json!({"reason": "Paid"})).await;
        assert_eq!(reply["ticket"]["state"], "CLOSED");
        assert_eq!(reply["ticket"]["version"], before["version"].as_i64().unwrap() + 1);
        let (name, hash, text, by) = packet(&database, &id).await;
        assert_eq!(
            reply["closeout_packet"],
            json!({"artifact_type": "closeout_packet", "artifact_name": name, "artifact_hash": hash})
        );
        assert_eq!((name, by), (format!("closeout-{id}.json"), format!("test-{role}")));
        assert_eq!(hash, sha256_hex(text.as_bytes()), "the hash is that of the kept bytes");
        let kept: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(canonical(&kept), text);
        assert_eq!(kept["template"]["version"], "1.0.0");
        assert_eq!(kept["evidence"].as_array().unwrap().len(), 3);
        assert_eq!((&kept["verification"]["result"], &kept["closing"]["from_state"]), (&json!("PASS"), &json!(state)));
        assert!(!text.contains("415 555") && !text.contains("harbor.example"), "nobody's phone or mail");
        let timeline = ok(engine, Role::Dispatcher, "ticket.timeline", Some(&id), json!({})).await;
        let event = timeline["events"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(event["payload"]["closeout_packet"]["artifact_hash"], json!(hash), "sealed by the chain");
        assert_eq!((&event["after_state"], &event["payload"]["reason"]), (&json!("CLOSED"), &json!("Paid")));
    }
    assert!(engine.verify_audit(None, |_| ()).await.unwrap().broken.is_empty());
}

#[tokio::test]
async fn the_packet_is_made_again_byte_for_byte_whatever_came_later() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "INVOICED").await;
    ok(engine, Role::Approver, "ticket.close", Some(&id), json!({"closeout_override_code": "WARRANTY"})).await;
    let (_, _, kept, _) = packet(&database, &id).await;
    let late = json!({"kind": "PHOTO", "uri": "not resolvable", "evidence_key": "photo_before_closer_body"});
    ok(engine, Role::Technician, "closeout.add_evidence", Some(&id), late).await;
    let timeline = ok(engine, Role::Dispatcher, "ticket.timeline", Some(&id), json!({})).await;
    let events = timeline["events"].as_array().unwrap();
    let at = events.iter().position(|event| event["tool_name"] == "ticket.close").unwrap();
    let event = &events[at];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let closing = Closing {
        event_id: text(&event["id"]).parse().unwrap(),
        seq: event["seq"].as_i64().unwrap(),
        prev_hash: events[at - 1]["hash"].as_str(),
        at: Timestamp::parse(&text(&event["created_at"])).unwrap(),
        by: event["actor_id"].as_str().unwrap(),
        role: event["actor_role"].as_str().unwrap(),
        from_state: State::parse(event["before_state"].as_str().unwrap()).unwrap(),
        reason: event["payload"]["reason"].as_str(),
        override_code: event["payload"]["closeout_override_code"].as_str(),
        policy_hash: event["payload"]["policy"]["hash"].as_str().unwrap(),
    };
    let again = payload(&case(&database, &id).await, &engine.policy().policy, &closing).unwrap();
    assert_eq!(canonical(&again), kept);
}

#[tokio::test]
async fn closing_asks_the_gate_again_and_freezes_what_is_not_frozen() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    for state in ["NEW", "IN_PROGRESS", "COMPLETED_PENDING_VERIFICATION"] {
        let id = world.ticket_in(engine, state).await;
        let refusal = refused(engine, Role::Dispatcher, "ticket.close", Some(&id), json!({})).await.refusal;
        assert_eq!(refusal.code(), Code::InvalidStateTransition);
        assert_eq!(refusal.field("to_state"), Some(&json!("CLOSED")));
    }
    let id = world.ticket_in(engine, "VERIFIED").await;
    for role in [Role::Technician, Role::Agent, Role::Qa, Role::Customer, Role::Admin] {
        let refusal = refused(engine, role, "ticket.close", Some(&id), json!({})).await.refusal;
        assert_eq!(refusal.code(), Code::Forbidden, "{role}");
    }
    let blank = refused(engine, Role::Finance, "ticket.close", Some(&id), json!({"reason": " "})).await.refusal;
    assert_eq!((blank.code(), blank.field("field")), (Code::InvalidRequest, Some(&json!("reason"))));
    let note = |uri: &str| json!({"kind": "NOTE", "uri": uri});
    ok(engine, Role::Technician, "closeout.add_evidence", Some(&id), note("loose.txt")).await;
    let refusal = refused(engine, Role::Finance, "ticket.close", Some(&id), json!({})).await.refusal;
    assert_eq!(refusal.field("requirement_code"), Some(&json!("INVALID_EVIDENCE_REFERENCE")));
    let owner = database.owner().await;
    sqlx::query("UPDATE evidence_items SET uri = 's3://jobs/late.txt' WHERE uri = 'loose.txt'")
        .execute(&owner)
        .await
        .unwrap();
    // What the completion named plays no part in closing.
    sqlx::query("UPDATE completions SET evidence_refs = '[\"s3://jobs/gone.jpg\"]'").execute(&owner).await.unwrap();
    ok(engine, Role::Finance, "ticket.close", Some(&id), json!({})).await;
    let frozen: Vec<(String, String)> =
        sqlx::query_as("SELECT uri, immutable_by FROM evidence_items WHERE is_immutable ORDER BY created_at, id")
            .fetch_all(engine.store().pool())
            .await
            .unwrap();
    let by: Vec<&str> = frozen.iter().map(|(_, by)| by.as_str()).collect();
    assert_eq!(by, ["test-qa", "test-qa", "test-qa", "test-finance"], "the first time stays");
}

#[tokio::test]
async fn closing_is_answered_again_byte_for_byte_and_ends_the_ticket() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "VERIFIED").await;
    let close = call(Role::Finance, "ticket_close", Some(&id), json!({}));
    let first = engine.call(close.clone()).await.unwrap();
    let again = engine.call(close).await.unwrap();
    assert_eq!((first.body, first.status, again.replayed), (again.body, again.status, true));
    for (role, tool, payload) in [
        (Role::Dispatcher, "ticket.close", json!({})),
        (Role::Dispatcher, "ticket.cancel", json!({"reason": "x"})),
        (Role::Finance, "billing.generate_invoice", json!({})),
    ] {
        let refusal = refused(engine, role, tool, Some(&id), payload).await.refusal;
        assert_eq!(refusal.code(), Code::InvalidStateTransition, "{tool}");
    }
    // A ticket that a repair opened again may be closed again: its packet is the newest one.
    let owner = database.owner().await;
    sqlx::query("UPDATE tickets SET state = 'VERIFIED'").execute(&owner).await.unwrap();
    let before = packet(&database, &id).await.1;
    ok(engine, Role::Finance, "ticket.close", Some(&id), json!({"reason": "Again"})).await;
    assert_ne!(packet(&database, &id).await.1, before);
}

#[tokio::test]
async fn cancelling_clears_the_assignment_and_what_was_still_to_be_decided_or_sent() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let other = world.ticket_in(engine, "SCHEDULED").await;
    let id = world.ticket_in(engine, "IN_PROGRESS").await;
    let change = json!({"approval_type": "NTE_INCREASE", "reason": "New closer", "amount_delta_cents": 12_000});
    let asked = ok(engine, Role::Technician, "tech.request_change", Some(&id), change).await;
    let owner = database.owner().await;
    sqlx::query(
        "UPDATE dispatch_outbox SET status = 'SENT' WHERE aggregate_id = $1 AND event_type = 'schedule.confirm.sms'",
    )
    .bind(&id)
    .execute(&owner)
    .await
    .unwrap();
    let reason = json!({"reason": " Customer fixed it ", "cancellation_code": "SELF"});
    let ticket = ok(engine, Role::Dispatcher, "ticket.cancel", Some(&id), reason).await;
    assert_eq!((&ticket["state"], &ticket["assigned_tech_id"]), (&json!("CANCELLED"), &Value::Null));
    let approval: (String, Option<String>) =
        sqlx::query_as("SELECT status::text, decided_by FROM approvals WHERE decided_at IS NOT NULL")
            .fetch_one(engine.store().pool())
            .await
            .unwrap();
    assert_eq!(approval, ("CANCELLED".to_owned(), Some("test-dispatcher".to_owned())));
    let messages = async |of: &str| -> Vec<String> {
        sqlx::query_scalar("SELECT event_type || ' ' || status FROM dispatch_outbox WHERE aggregate_id = $1 ORDER BY 1")
            .bind(of)
            .fetch_all(engine.store().pool())
            .await
            .unwrap()
    };
    assert_eq!(messages(&id).await, ["assignment.dispatch.sms CANCELLED", "schedule.confirm.sms SENT"]);
    assert_eq!(messages(&other).await, ["schedule.confirm.sms PENDING"], "another ticket's messages still go out");
    let timeline = ok(engine, Role::Dispatcher, "ticket.timeline", Some(&id), json!({})).await;
    let told = &timeline["events"].as_array().unwrap().last().unwrap()["payload"];
    assert_eq!(told["cancelled_approvals"], json!([asked["approval"]["id"]]));
    assert_eq!((&told["unassigned"]["tech_id"], &told["reason"]), (&json!("t-1"), &json!("Customer fixed it")));
    assert!(engine.verify_audit(None, |_| ()).await.unwrap().broken.is_empty());
}

#[tokio::test]
async fn every_open_ticket_can_be_cancelled_by_those_who_may() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    for (state, role) in [
        ("NEW", Role::Approver),
        ("TRIAGED", Role::Finance),
        ("DISPATCHED", Role::Dispatcher),
        ("INVOICED", Role::Finance),
    ] {
        let id = world.ticket_in(engine, state).await;
        for role in [Role::Technician, Role::Agent, Role::Qa, Role::Customer] {
            let refusal = refused(engine, role, "ticket.cancel", Some(&id), json!({"reason": "x"})).await.refusal;
            assert_eq!(refusal.code(), Code::Forbidden, "{role}");
        }
        let missing = refused(engine, role, "ticket.cancel", Some(&id), json!({})).await.refusal;
        assert_eq!(missing.code(), Code::InvalidRequest);
        let cancel = call(role, "ticket.cancel", Some(&id), json!({"reason": "Customer fixed it"}));
        let first = engine.call(cancel.clone()).await.unwrap();
        let again = engine.call(cancel).await.unwrap();
        assert_eq!((&first.body, first.json()["state"].clone()), (&again.body, json!("CANCELLED")));
        let refusal = refused(engine, role, "ticket.cancel", Some(&id), json!({"reason": "x"})).await.refusal;
        assert_eq!(refusal.field("from_state"), Some(&json!("CANCELLED")));
        // A call for help that was recorded may still be explained.
        ok(engine, Role::Agent, "closeout.add_evidence", Some(&id), json!({"kind": "NOTE", "uri": "s3://a/b"})).await;
    }
    assert!(engine.verify_audit(None, |_| ()).await.unwrap().broken.is_empty());
}

#[tokio::test]
async fn a_database_that_lacks_an_earlier_migration_is_not_taken_for_whole() {
    use dispatch::store::migrate::{Schema, schema};
    let database = Database::new().await;
    let owner = database.owner().await;
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 1").execute(&owner).await.unwrap();
    assert!(matches!(schema(&owner).await.unwrap(), Schema::Behind { .. }));
}
