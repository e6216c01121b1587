//! Many callers at once on one ticket: each step is won once, everything is done once, nobody waits for ever.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use dispatch::domain::actor::Role;
use dispatch::domain::refusal::Code;
use dispatch::engine::{Call, Desk};
use futures::future::join_all;
use serde_json::json;
use support::{Database, World, call, ok};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_two_callers_exactly_one_wins_each_step() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "SCHEDULE_PROPOSED").await;
    for (role, tool, payload) in [
        (Role::Dispatcher, "schedule.confirm", json!({"start": "2026-12-01T10:00:00Z", "end": "2026-12-01T11:00:00Z"})),
        (Role::Dispatcher, "assignment.dispatch", json!({"tech_id": "t-1"})),
        (Role::Technician, "tech.check_in", json!({"timestamp": "2026-12-01T10:00:00Z"})),
    ] {
        let calls = (0..32).map(|_| engine.call(call(role, tool, Some(&id), payload.clone())));
        let results = join_all(calls).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{tool}");
        for refused in results.into_iter().filter_map(Result::err) {
            assert_eq!(refused.refusal.code(), Code::InvalidStateTransition, "{tool}");
        }
    }
    assert!(engine.verify_audit(None, |_| ()).await.unwrap().broken.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_parallel_evidence_adds_all_succeed() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "IN_PROGRESS").await;
    let adds = (0..32).map(|n| {
        let payload = json!({"kind": "PHOTO", "uri": format!("s3://jobs/{n}.jpg")});
        engine.call(call(Role::Technician, "closeout.add_evidence", Some(&id), payload))
    });
    for result in join_all(adds).await {
        result.unwrap();
    }
    let evidence = ok(engine, Role::Dispatcher, "closeout.list_evidence", Some(&id), json!({})).await;
    assert_eq!(evidence["evidence"].as_array().unwrap().len(), 32);
    assert!(engine.verify_audit(Some(&id), |_| ()).await.unwrap().broken.is_empty());
    let timeline = ok(engine, Role::Dispatcher, "ticket.timeline", Some(&id), json!({})).await;
    let seqs: Vec<i64> = timeline["events"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted(), "the timeline's order is the chain's: {seqs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_twins_the_loser_gets_the_winners_reply() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    for _ in 0..10 {
        let id = world.ticket(engine).await;
        let triage =
            call(Role::Dispatcher, "ticket.triage", Some(&id), json!({"priority": "URGENT", "incident_type": "X"}));
        let create = call(
            Role::Dispatcher,
            "ticket.create",
            None,
            json!({"account_id": world.account, "site_id": world.site, "summary": "Twin"}),
        );
        let account = call(Role::Dispatcher, "directory.upsert", Some("accounts"), json!({"name": "Twin"}));
        for twin in [triage, create, account] {
            let replies: Vec<_> =
                join_all((0..8).map(|_| engine.call(twin.clone()))).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(replies.iter().filter(|reply| !reply.replayed).count(), 1, "{}", twin.tool);
            assert!(replies.iter().all(|reply| reply.body == replies[0].body));
        }
    }
    assert_eq!(database.count("SELECT count(*) FROM tickets").await, 20);
    assert_eq!(database.count("SELECT count(*) FROM accounts").await, 11);
    assert!(engine.verify_audit(None, |_| ()).await.unwrap().broken.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_with_different_payloads_or_tickets_are_told_apart() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let (one, two) = (world.ticket(engine).await, world.ticket(engine).await);
    let request = Uuid::new_v4();
    let triage = |id: &str| -> Call {
        call(Role::Dispatcher, "ticket.triage", Some(id), json!({"priority": "URGENT", "incident_type": "X"}))
            .request_id(request)
    };
    let (first, second) = tokio::join!(engine.call(triage(&one)), engine.call(triage(&two)));
    let refused = [first, second].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].refusal.code(), Code::IdempotencyPayloadMismatch);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_master_data_at_once_keep_the_system_chain_whole() {
    let database = Database::new().await;
    let engine = &database.engine;
    let upserts = (0..32).map(|n| {
        engine.call(call(Role::Dispatcher, "directory.upsert", Some("accounts"), json!({"name": format!("A{n}")})))
    });
    for result in join_all(upserts).await {
        result.unwrap();
    }
    let verdict = engine.verify_audit(Some("system"), |_| ()).await.unwrap();
    assert!(verdict.broken.is_empty(), "{:?}", verdict.broken);
    assert_eq!(verdict.events, 32);
}
