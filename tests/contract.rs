//! How calls are judged on a real Postgres: order, exactly once, what is stored, what is not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use dispatch::domain::actor::{Actor, Reach, Role, Scope};
use dispatch::domain::refusal::Code;
use dispatch::engine::{Caller, Desk, Options};
use serde_json::{Value, json};
use support::{Database, World, call, caller, ok, refused};
use uuid::Uuid;

async fn code(database: &Database, role: Role, tool: &str, target: Option<&str>, payload: Value) -> Code {
    refused(&database.engine, role, tool, target, payload).await.refusal.code()
}

#[tokio::test]
async fn the_first_failure_in_the_contracts_order_answers() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    let id = world.ticket(&database.engine).await;
    let bad_triage = json!({"priority": "SOON", "incident_type": " "});
    // An unknown tool before the role, the role before the request id, that before the schema.
    let mut unknown = call(Role::Audit, "ticket.explode", Some(&id), json!({}));
    unknown.request_id = None;
    assert_eq!(database.engine.call(unknown).await.unwrap_err().refusal.code(), Code::NotFound);
    let mut no_id = call(Role::Finance, "ticket.triage", Some(&id), bad_triage.clone());
    no_id.request_id = None;
    assert_eq!(database.engine.call(no_id.clone()).await.unwrap_err().refusal.code(), Code::Forbidden);
    no_id.caller = caller(Role::Dispatcher);
    let refusal = database.engine.call(no_id.clone()).await.unwrap_err();
    assert_eq!((refusal.refusal.code(), refusal.request_id), (Code::MissingIdempotencyKey, None));
    no_id.request_id = Some("123".to_owned());
    assert_eq!(database.engine.call(no_id).await.unwrap_err().refusal.code(), Code::InvalidIdempotencyKey);
    // The schema before the ticket's existence, that before its state, that before field rules.
    let nobody = Uuid::new_v4().to_string();
    assert_eq!(
        code(&database, Role::Dispatcher, "ticket.triage", Some(&nobody), bad_triage).await,
        Code::InvalidRequest
    );
    let blank = json!({"priority": "URGENT", "incident_type": " "});
    assert_eq!(
        code(&database, Role::Dispatcher, "ticket.triage", Some(&nobody), blank.clone()).await,
        Code::TicketNotFound
    );
    let complete = json!({"checklist_status": {}, "no_signature_reason": " "});
    assert_eq!(
        code(&database, Role::Technician, "tech.complete", Some(&id), complete).await,
        Code::InvalidStateTransition
    );
    let refusal = refused(&database.engine, Role::Dispatcher, "ticket.triage", Some(&id), blank).await.refusal;
    assert_eq!((refusal.code(), refusal.field("field")), (Code::InvalidRequest, Some(&json!("incident_type"))));
    assert_eq!(code(&database, Role::Dispatcher, "ticket.get", Some("T-x"), json!({})).await, Code::InvalidTicketId);
    assert_eq!(code(&database, Role::Dispatcher, "ticket.triage", Some("T-x"), json!({})).await, Code::NotFound);
    assert_eq!(code(&database, Role::Dispatcher, "ticket.get", Some("T-99999"), json!({})).await, Code::TicketNotFound);
    assert_eq!(code(&database, Role::Finance, "ticket.triage", Some("T-x"), json!({})).await, Code::NotFound);
    assert_eq!(
        code(&database, Role::Dispatcher, "ticket.triage", Some("T-99999"), json!({})).await,
        Code::InvalidRequest
    );
}

#[tokio::test]
async fn an_answer_is_given_again_byte_for_byte_and_nothing_is_done_twice() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket(engine).await;
    let request = Uuid::new_v4();
    let payload = json!({"priority": "URGENT", "incident_type": "Door_wont_latch", "nte_cents": 100});
    let first =
        engine.call(call(Role::Dispatcher, "ticket.triage", Some(&id), payload).request_id(request)).await.unwrap();
    let events = database.count("SELECT count(*) FROM audit_events").await;
    // Key order and 100.0 for 100 make no difference; other content or another ticket does.
    let same: Value =
        serde_json::from_str(r#"{"nte_cents": 100.0, "incident_type": "Door_wont_latch", "priority": "URGENT"}"#)
            .unwrap();
    let again = engine
        .call(call(Role::Dispatcher, "ticket_triage", Some(&id), same.clone()).request_id(request))
        .await
        .unwrap();
    assert_eq!((&first.body, first.status), (&again.body, again.status));
    assert!(again.replayed && !first.replayed);
    let other = json!({"priority": "ROUTINE", "incident_type": "Door_wont_latch"});
    let refusal =
        engine.call(call(Role::Dispatcher, "ticket.triage", Some(&id), other).request_id(request)).await.unwrap_err();
    assert_eq!(refusal.refusal.code(), Code::IdempotencyPayloadMismatch);
    let elsewhere = world.ticket(engine).await;
    let refusal = engine
        .call(call(Role::Dispatcher, "ticket.triage", Some(&elsewhere), same.clone()).request_id(request))
        .await
        .unwrap_err();
    assert_eq!(refusal.refusal.code(), Code::IdempotencyPayloadMismatch);
    // A replay comes before the schema, the state and If-Match.
    ok(
        engine,
        Role::Dispatcher,
        "schedule.propose",
        Some(&id),
        json!({"options": [{"start": "2026-12-01T10:00:00Z", "end": "2026-12-01T12:00:00Z"}]}),
    )
    .await;
    let mut late = call(Role::Dispatcher, "ticket.triage", Some(&id), same).request_id(request);
    late.if_version = Some(77);
    assert_eq!(engine.call(late).await.unwrap().body, first.body);
    assert_eq!(database.count("SELECT count(*) FROM audit_events").await, events + 2, "a ticket and a proposal");
    // The same id by somebody else is another call.
    let mine = call(Role::Agent, "closeout.add_evidence", Some(&id), json!({"kind": "NOTE", "uri": "s3://a/b"}));
    let theirs = call(Role::Technician, "closeout.add_evidence", Some(&id), json!({"kind": "NOTE", "uri": "s3://a/b"}));
    let one = engine.call(mine.request_id(request)).await.unwrap();
    let two = engine.call(theirs.request_id(request)).await.unwrap();
    assert_ne!(one.body, two.body);
}

#[tokio::test]
async fn a_failed_call_stores_nothing_but_a_line_and_may_be_corrected_under_its_id() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket(engine).await;
    let request = Uuid::new_v4();
    let events = database.count("SELECT count(*) FROM audit_events").await;
    let wrong = json!({"priority": "URGENT", "incident_type": "X", "contact_phone": "555-0142", "nte_cents": -1});
    let mut bad = call(Role::Dispatcher, "ticket.triage", Some(&id), wrong).request_id(request);
    bad.correlation_id = Some("corr".to_owned());
    let refused = engine.call(bad).await.unwrap_err();
    assert_eq!(refused.envelope()["error"]["correlation_id"], "corr");
    assert_eq!(refused.envelope()["error"]["request_id"], request.to_string());
    assert_eq!(database.count("SELECT count(*) FROM audit_events").await, events);
    let right = json!({"priority": "URGENT", "incident_type": "X"});
    engine.call(call(Role::Dispatcher, "ticket.triage", Some(&id), right).request_id(request)).await.unwrap();
    let row: (String, String, Option<Uuid>, String) = sqlx::query_as(
        "SELECT code, reason, request_id, tool_name FROM refused_calls ORDER BY created_at DESC LIMIT 1",
    )
    .fetch_one(engine.store().pool())
    .await
    .unwrap();
    assert_eq!((row.0.as_str(), row.2, row.3.as_str()), ("INVALID_REQUEST", Some(request), "ticket.triage"));
    assert!(!row.1.contains("555") && !row.1.contains('\n'), "{}", row.1);
}

#[tokio::test]
async fn a_preview_judges_and_stores_nothing_at_all() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "SCHEDULE_PROPOSED").await;
    let counts = async || {
        database
            .count(
                "SELECT (SELECT count(*) FROM audit_events) + (SELECT count(*) FROM refused_calls) \
                 + (SELECT count(*) FROM idempotency_keys) + (SELECT last_value FROM ticket_number_seq)",
            )
            .await
    };
    let before = counts().await;
    let window = json!({"start": "2026-12-01T10:00:00Z", "end": "2026-12-01T12:00:00Z"});
    let mut confirm = call(Role::Dispatcher, "schedule.confirm", Some(&id), window);
    confirm.request_id = None;
    let preview = engine.preview(confirm.clone()).await.unwrap();
    assert!(preview.dry_run);
    assert_eq!(preview.ticket["state"], "SCHEDULED");
    assert_eq!(preview.steps, [json!({"from_state": "SCHEDULE_PROPOSED", "to_state": "SCHEDULED"})]);
    assert_eq!(preview.messages[0]["to"], "415 555 0199");
    assert_eq!(preview.missing.len(), 3, "{:?}", preview.missing);
    confirm.payload["end"] = json!("2026-12-01T09:00:00Z");
    assert_eq!(engine.preview(confirm).await.unwrap_err().refusal.code(), Code::InvalidRequest);
    let create = json!({"account_id": world.account, "site_id": world.site, "summary": "x"});
    let preview = engine.preview(call(Role::Dispatcher, "ticket.create", None, create)).await.unwrap();
    assert_eq!(preview.ticket["number"], Value::Null);
    assert_eq!(counts().await, before);
}

#[tokio::test]
async fn nobodys_change_is_overwritten_unseen() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket(engine).await;
    let payload = json!({"priority": "URGENT", "incident_type": "X"});
    let mut seen = call(Role::Dispatcher, "ticket.triage", Some(&id), payload.clone());
    seen.if_version = Some(0);
    assert_eq!(engine.call(seen.clone()).await.unwrap().json()["version"], 1);
    seen.request_id = Some(Uuid::new_v4().to_string());
    let refusal = engine.call(seen).await.unwrap_err().refusal;
    assert_eq!(refusal.code(), Code::VersionConflict);
    assert_eq!(refusal.field("ticket").unwrap()["version"], 1);
    // Evidence joins without moving the version; a triage in place moves it.
    ok(engine, Role::Agent, "closeout.add_evidence", Some(&id), json!({"kind": "NOTE", "uri": "s3://a/b"})).await;
    assert_eq!(ok(engine, Role::Dispatcher, "ticket.triage", Some(&id), payload).await["version"], 2);
}

#[tokio::test]
async fn what_is_private_never_enters_the_audit_trail() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    world.ticket_in(engine, "IN_PROGRESS").await;
    let site = json!({
        "account_id": world.account, "name": "Vault", "address1": "1 Main", "city": "Reno",
        "access_instructions": "Code 7788"
    });
    ok(engine, Role::Admin, "directory.upsert", Some("sites"), site).await;
    let leaks =
        database.count("SELECT count(*) FROM audit_events WHERE payload::text ~ '415 555|harbor\\.example|7788'").await;
    assert_eq!(leaks, 0);
    let policy =
        database.count("SELECT count(*) FROM audit_events WHERE payload->'policy'->>'hash' ~ '^[0-9a-f]{64}$'").await;
    assert_eq!(policy, database.count("SELECT count(*) FROM audit_events").await);
}

#[tokio::test]
async fn a_promise_repeated_later_gets_a_key_of_its_own() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "SCHEDULED").await;
    let window = json!({"start": "2026-12-01T17:00:00.000Z", "end": "2026-12-01T19:00:00.000Z"});
    for _ in 0..2 {
        ok(engine, Role::Dispatcher, "schedule.propose", Some(&id), json!({"options": [window]})).await;
        ok(engine, Role::Dispatcher, "schedule.confirm", Some(&id), window.clone()).await;
    }
    let keys: Vec<String> = sqlx::query_scalar("SELECT idempotency_key FROM dispatch_outbox ORDER BY created_at, id")
        .fetch_all(engine.store().pool())
        .await
        .unwrap();
    let prefix = format!("{id}:schedule.confirm.sms:{id}:schedule.confirm.sms:");
    assert!(keys[0].starts_with(&prefix), "{}", keys[0]);
    assert_eq!(keys[1], format!("{}:2", keys[0]));
    assert_eq!(keys[2], format!("{}:3", keys[0]));
    let payload: Value = sqlx::query_scalar("SELECT payload FROM dispatch_outbox ORDER BY created_at, id LIMIT 1")
        .fetch_one(engine.store().pool())
        .await
        .unwrap();
    assert_eq!(payload["message_key"], json!(keys[0]));
    assert_eq!(payload["payload"]["transition_id"], payload["transition_id"]);
    assert!(keys[0].ends_with(payload["state_transition_id"].as_str().unwrap()));
    // Rows of the outbox alone prove nothing: with the row gone, the count of events still decides;
    // and a key that is taken all the same fails the command whole.
    let owner = database.owner().await;
    sqlx::query("DELETE FROM dispatch_outbox").execute(&owner).await.unwrap();
    sqlx::query(
        "INSERT INTO dispatch_outbox (aggregate_type, aggregate_id, event_type, payload, idempotency_key) \
         VALUES ('ticket', $1, 'schedule.confirm.sms', '{}', $2)",
    )
    .bind(&id)
    .bind(format!("{}:4", keys[0]))
    .execute(&owner)
    .await
    .unwrap();
    ok(engine, Role::Dispatcher, "schedule.propose", Some(&id), json!({"options": [window]})).await;
    assert_eq!(
        code(&database, Role::Dispatcher, "schedule.confirm", Some(&id), window).await,
        Code::OutboxInsertFailed
    );
    let ticket = ok(engine, Role::Dispatcher, "ticket.get", Some(&id), json!({})).await;
    assert_eq!(ticket["state"], "SCHEDULE_PROPOSED");
}

#[tokio::test]
async fn dispatch_refuses_in_the_contracts_order() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    for (id, extra) in [
        ("t-idle", json!({"active": false})),
        ("t-locks", json!({"skills": ["lock_v2"], "home_region": "CA"})),
        ("t-ny", json!({"skills": ["closer_leaking_or_slamming_v3"], "home_region": "NY"})),
    ] {
        let mut technician = json!({"id": id, "name": id});
        technician.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        ok(engine, Role::Dispatcher, "directory.upsert", Some("technicians"), technician).await;
    }
    let triaged = world.ticket_in(engine, "TRIAGED").await;
    let no_mode =
        refused(engine, Role::Dispatcher, "assignment.dispatch", Some(&triaged), json!({"tech_id": "nobody"})).await;
    assert_eq!(no_mode.refusal.code(), Code::InvalidStateTransition, "before any technician is looked up");
    assert_eq!(no_mode.refusal.field("to_state"), Some(&json!("DISPATCHED")));
    let id = world.ticket_in(engine, "SCHEDULED").await;
    for (payload, expected) in [
        (json!({"tech_id": "t-1", "dispatch_mode": "EMERGENCY_BYPASS"}), Code::AssignmentBypassDenied),
        (
            json!({"tech_id": "t-1", "dispatch_mode": "EMERGENCY_BYPASS", "dispatch_rationale": "x", "dispatch_confirmation": false}),
            Code::AssignmentBypassDenied,
        ),
        (json!({"tech_id": "t-1", "recommendation_snapshot_id": Uuid::new_v4()}), Code::AssignmentNotFound),
        (json!({"tech_id": "nobody"}), Code::AssignmentNotFound),
        (json!({"tech_id": "t-idle"}), Code::TechUnavailable),
        (json!({"tech_id": "t-locks"}), Code::AssignmentCapabilityMismatch),
        (json!({"tech_id": "t-ny"}), Code::AssignmentZoneMismatch),
    ] {
        assert_eq!(
            code(&database, Role::Dispatcher, "assignment.dispatch", Some(&id), payload.clone()).await,
            expected,
            "{payload}"
        );
    }
    let bypass = json!({
        "tech_id": "t-1", "dispatch_mode": "EMERGENCY_BYPASS", "dispatch_rationale": "Door stands open",
        "dispatch_confirmation": true
    });
    let ticket = ok(engine, Role::Dispatcher, "assignment.dispatch", Some(&triaged), bypass).await;
    assert_eq!((&ticket["state"], &ticket["assigned_tech_id"]), (&json!("DISPATCHED"), &json!("t-1")));
    let validation: Value = sqlx::query_scalar(
        "SELECT payload->'dispatch_validation' FROM audit_events WHERE tool_name = 'assignment.dispatch'",
    )
    .fetch_one(engine.store().pool())
    .await
    .unwrap();
    assert_eq!(validation["bypass_used"], true);
    assert_eq!(validation["matched_zone"], "CA");
    assert_eq!(validation["selected_service_type"], "CLOSER_LEAKING_OR_SLAMMING");
}

#[tokio::test]
async fn approvals_lead_back_where_they_came_from() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    // From triage: denied leads back to TRIAGED, approved to READY_TO_SCHEDULE with a higher NTE.
    let id = world.ticket(engine).await;
    let ask = json!({
        "priority": "URGENT", "incident_type": "DOOR_WONT_LATCH", "requires_approval": true,
        "approval_amount_delta_cents": 60_000, "nte_cents": 1_000
    });
    assert_eq!(
        ok(engine, Role::Dispatcher, "ticket.triage", Some(&id), ask.clone()).await["state"],
        "APPROVAL_REQUIRED"
    );
    let open = async || {
        ok(engine, Role::Dispatcher, "case.get", Some(&id), json!({})).await["open_approvals"][0]["id"].clone()
    };
    let approval = open().await;
    let decide = |approval: &Value, decision: &str| json!({"approval_id": approval, "decision": decision});
    // The requester may not decide above the limit.
    assert_eq!(
        code(&database, Role::Dispatcher, "approval.decide", Some(&id), decide(&approval, "APPROVED")).await,
        Code::Forbidden
    );
    assert_eq!(
        ok(engine, Role::Approver, "approval.decide", Some(&id), decide(&approval, "DENIED")).await["state"],
        "TRIAGED"
    );
    ok(engine, Role::Dispatcher, "ticket.triage", Some(&id), ask).await;
    assert_eq!(
        code(&database, Role::Approver, "approval.decide", Some(&id), decide(&approval, "APPROVED")).await,
        Code::ApprovalNotPending
    );
    assert_eq!(
        code(&database, Role::Approver, "approval.decide", Some(&id), decide(&json!(Uuid::new_v4()), "APPROVED")).await,
        Code::ApprovalNotFound
    );
    let ticket = ok(engine, Role::Approver, "approval.decide", Some(&id), decide(&open().await, "APPROVED")).await;
    assert_eq!((&ticket["state"], &ticket["nte_cents"]), (&json!("READY_TO_SCHEDULE"), &json!(61_000)));
    // From the site: back to work either way; a repaired row that leads nowhere legal is refused.
    let id = world.ticket_in(engine, "IN_PROGRESS").await;
    let change = json!({"approval_type": "PROPOSAL", "reason": "Frame is bent", "amount_delta_cents": 5});
    let reply = ok(engine, Role::Technician, "tech.request_change", Some(&id), change.clone()).await;
    assert_eq!(reply["approval"]["status"], "PENDING");
    let ticket =
        ok(engine, Role::Dispatcher, "approval.decide", Some(&id), decide(&reply["approval"]["id"], "APPROVED")).await;
    assert_eq!(
        (&ticket["state"], &ticket["nte_cents"]),
        (&json!("IN_PROGRESS"), &json!(50_000)),
        "a proposal moves no NTE"
    );
    let reply = ok(engine, Role::Technician, "tech.request_change", Some(&id), change).await;
    sqlx::query("UPDATE approvals SET evidence = '{\"return_state\": \"CLOSED\"}' WHERE status = 'PENDING'")
        .execute(&database.owner().await)
        .await
        .unwrap();
    assert_eq!(
        code(&database, Role::Approver, "approval.decide", Some(&id), decide(&reply["approval"]["id"], "DENIED")).await,
        Code::InvalidApprovalTargetState
    );
}

#[tokio::test]
async fn a_failed_verification_sends_the_job_back_and_a_pass_asks_the_gate_again() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "COMPLETED_PENDING_VERIFICATION").await;
    let verify =
        |result: &str| json!({"timestamp": "2026-12-01T20:00:00Z", "result": result, "notes": "Strike is loose"});
    let no_notes = json!({"timestamp": "2026-12-01T20:00:00Z", "result": "FAIL"});
    assert_eq!(code(&database, Role::Qa, "qa.verify", Some(&id), no_notes).await, Code::InvalidRequest);
    assert_eq!(ok(engine, Role::Qa, "qa.verify", Some(&id), verify("FAIL")).await["state"], "IN_PROGRESS");
    let complete = json!({"checklist_status": support::checklist(), "no_signature_reason": "closed"});
    ok(engine, Role::Technician, "tech.complete", Some(&id), complete).await;
    sqlx::query("DELETE FROM evidence_items WHERE uri LIKE '%note_sweep%'")
        .execute(&database.owner().await)
        .await
        .unwrap();
    let refusal = refused(engine, Role::Qa, "qa.verify", Some(&id), verify("PASS")).await.refusal;
    assert_eq!(refusal.field("missing_evidence_keys"), Some(&json!(["note_sweep_and_latch_speed_settings"])));
    // A completion that nobody made cannot be verified.
    let bare = world.ticket_in(engine, "IN_PROGRESS").await;
    sqlx::query("UPDATE tickets SET state = 'COMPLETED_PENDING_VERIFICATION' WHERE id = $1::uuid")
        .bind(&bare)
        .execute(&database.owner().await)
        .await
        .unwrap();
    let refusal = refused(engine, Role::Qa, "qa.verify", Some(&bare), verify("PASS")).await.refusal;
    assert_eq!(refusal.field("requirement_code"), Some(&json!("MISSING_COMPLETION_CONTEXT")));
}

#[tokio::test]
async fn references_and_scope_are_checked_before_a_ticket_is_made() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let other = World::new(engine).await;
    let create = |account: &str, site: &str| json!({"account_id": account, "site_id": site, "summary": "x"});
    let nobody = Uuid::new_v4().to_string();
    for (payload, expected) in [
        (create(&nobody, &world.site), Code::AccountNotFound),
        (create(&world.account, &nobody), Code::SiteNotFound),
        (create(&world.account, &other.site), Code::SiteAccountMismatch),
        (
            json!({"account_id": world.account, "site_id": world.site, "summary": "x", "asset_id": nobody}),
            Code::AssetNotFound,
        ),
        (
            json!({"account_id": world.account, "site_id": world.site, "summary": "x", "contact_email": "a@b"}),
            Code::InvalidRequest,
        ),
    ] {
        assert_eq!(
            code(&database, Role::Dispatcher, "ticket.create", None, payload.clone()).await,
            expected,
            "{payload}"
        );
    }
    let narrow = Caller {
        actor: Actor::local("narrow", Role::Dispatcher),
        scope: Scope { accounts: Reach::Only(vec![world.account.parse().unwrap()]), sites: Reach::All },
    };
    let theirs = other.ticket(engine).await;
    let mut look = call(Role::Dispatcher, "ticket.get", Some(&theirs), json!({}));
    look.caller = narrow.clone();
    let refusal = engine.call(look).await.unwrap_err().refusal;
    assert_eq!((refusal.code(), refusal.field("scope_field")), (Code::ForbiddenScope, Some(&json!("account_id"))));
    let mut upsert = call(Role::Dispatcher, "directory.upsert", Some("accounts"), json!({"name": "x"}));
    upsert.caller = narrow.clone();
    assert_eq!(engine.call(upsert).await.unwrap_err().refusal.code(), Code::ForbiddenScope);
    let mut search = call(Role::Dispatcher, "directory.search", Some("sites"), json!({}));
    search.caller = narrow.clone();
    assert_eq!(engine.call(search).await.unwrap().json()["records"].as_array().unwrap().len(), 1);
    assert!(engine.queue(&narrow, &dispatch::engine::QueueQuery::default()).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn a_customer_sees_neither_money_nor_names() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "SCHEDULED").await;
    let ticket = ok(engine, Role::Customer, "ticket.get", Some(&id), json!({})).await;
    assert_eq!(ticket["nte_cents"], Value::Null);
    let timeline = ok(engine, Role::Customer, "ticket.timeline", Some(&id), json!({})).await;
    for event in timeline["events"].as_array().unwrap() {
        assert_eq!((&event["actor_id"], &event["payload"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(code(&database, Role::Customer, "closeout.list_evidence", Some(&id), json!({})).await, Code::Forbidden);
}

#[tokio::test]
async fn with_the_head_check_on_every_object_is_looked_at() {
    let database = Database::new().await;
    let strict = database.another_engine(Options { require_head: true, require_checksum: true }).await;
    let world = World::new(&strict).await;
    let id = world.ticket_in(&strict, "IN_PROGRESS").await;
    let keys = ["photo_before_closer_body", "photo_after_closer_or_adjustment", "note_sweep_and_latch_speed_settings"];
    let stored = strict.upload(&caller(Role::Technician), b"proof").await.unwrap();
    let add = async |key: &str, uri: &str, checksum: &str| {
        let payload = json!({"kind": "PHOTO", "uri": uri, "evidence_key": key, "checksum": checksum});
        ok(&strict, Role::Technician, "closeout.add_evidence", Some(&id), payload).await;
    };
    for key in keys {
        add(key, &stored.uri, &stored.checksum).await;
    }
    let complete = json!({"checklist_status": support::checklist(), "no_signature_reason": "closed"});
    add("extra", &format!("dispatch:sha256/{}", "0".repeat(64)), &stored.checksum).await;
    let refusal = refused(&strict, Role::Technician, "tech.complete", Some(&id), complete.clone()).await.refusal;
    assert_eq!(refusal.field("requirement_code"), Some(&json!("INVALID_EVIDENCE_REFERENCE")));
    assert_eq!(refusal.field("head_check_failure"), Some(&json!("UNREACHABLE_URI")));
    sqlx::query("DELETE FROM evidence_items WHERE metadata->>'evidence_key' = 'extra'")
        .execute(&database.owner().await)
        .await
        .unwrap();
    let ticket = ok(&strict, Role::Technician, "tech.complete", Some(&id), complete).await;
    assert_eq!(ticket["state"], "COMPLETED_PENDING_VERIFICATION");
}

#[tokio::test]
async fn numbers_and_text_of_every_kind_survive_the_database_with_their_hash() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket(engine).await;
    let metadata: Value = serde_json::from_str(
        r#"{"tiny": 5e-324, "huge": 1.7976931348623157e308, "minus": -0.0, "third": 0.1, "big": 18446744073709551615,
            "bigger": 123456789012345678901234567890, "e": 1e21, "neg": -9223372036854775808,
            "text": "\ud83d\ude00\u2028\ufffd\\u0041 é e\u0301", "ﬁ": 1, "😀": 2, "": [[[[{"deep": null}]]]]}"#,
    )
    .unwrap();
    let payload = json!({"kind": "NOTE", "uri": "s3://a/b", "metadata": metadata});
    let request = Uuid::new_v4();
    let first =
        engine.call(call(Role::Agent, "closeout.add_evidence", Some(&id), payload.clone()).request_id(request)).await;
    let again = engine.call(call(Role::Agent, "closeout.add_evidence", Some(&id), payload).request_id(request)).await;
    assert_eq!(first.unwrap().body, again.unwrap().body);
    let verdict = engine.verify_audit(None, |_| ()).await.unwrap();
    assert!(verdict.broken.is_empty(), "{:?}", verdict.broken);
    ok(engine, Role::Agent, "closeout.list_evidence", Some(&id), json!({})).await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of what clients send")]
async fn nothing_a_client_sends_ends_in_an_internal_error() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "SCHEDULE_PROPOSED").await;
    for (role, tool, target, payload) in [
        (
            Role::Dispatcher,
            "schedule.confirm",
            Some(id.as_str()),
            json!({"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z"}),
        ),
        (
            Role::Dispatcher,
            "schedule.propose",
            Some(&id),
            json!({"options": [{"start": "+012345-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z"}]}),
        ),
        (Role::Dispatcher, "schedule.propose", Some(&id), json!({"options": []})),
        (
            Role::Dispatcher,
            "ticket.create",
            None,
            json!({"account_id": world.account, "site_id": world.site, "summary": "x", "nte_cents": 1e300}),
        ),
        (
            Role::Dispatcher,
            "ticket.create",
            None,
            json!({"account_id": world.account, "site_id": world.site, "summary": "x".repeat(501)}),
        ),
        (
            Role::Dispatcher,
            "ticket.create",
            None,
            json!({"account_id": world.account, "site_id": world.site, "summary": "\u{3000}"}),
        ),
        (
            Role::Dispatcher,
            "ticket.create",
            None,
            json!({"account_id": world.account, "site_id": world.site, "summary": "x", "description": "y".repeat(2_000_000)}),
        ),
        (Role::Dispatcher, "ticket.create", None, json!("text")),
        (Role::Dispatcher, "ticket.create", Some("T-1"), json!({})),
        (
            Role::Dispatcher,
            "directory.upsert",
            Some("contacts"),
            json!({"name": "x", "escalation_level": 99_999_999_999_i64, "account_id": world.account}),
        ),
        (
            Role::Dispatcher,
            "directory.upsert",
            Some("assets"),
            json!({"site_id": world.site, "type": "door", "installed_at": "99999-01-01"}),
        ),
        (
            Role::Dispatcher,
            "directory.upsert",
            Some("assets"),
            json!({"site_id": world.site, "type": "door", "installed_at": "-4000-01-01"}),
        ),
        (
            Role::Dispatcher,
            "directory.upsert",
            Some("technicians"),
            json!({"id": "x", "name": "x", "availability": [{"weekday": 9, "start_time": "25:00", "end_time": "1"}]}),
        ),
        (
            Role::Dispatcher,
            "directory.upsert",
            Some("sites"),
            json!({"account_id": world.account, "name": "x", "address1": "x", "city": "x", "timezone": "Mars/Base"}),
        ),
        (Role::Dispatcher, "directory.search", Some("sites"), json!({"cursor": "[1]", "q": "%_\\"})),
        (Role::Dispatcher, "directory.search", Some("sites"), json!({"q": "\0"})),
        (Role::Dispatcher, "ticket.get", Some("T-999999999999999999"), json!({})),
        (Role::Dispatcher, "ticket.get", Some("a:\0"), json!({})),
        (Role::Dispatcher, "ticket.get", Some("'; DROP TABLE tickets; --"), json!({})),
        (
            Role::Dispatcher,
            "schedule.propose",
            Some(&id),
            json!({"options": [{"start": "0000-01-01T00:00:00Z", "end": "9999-12-31T23:59:59-01:00"}]}),
        ),
        (
            Role::Dispatcher,
            "schedule.propose",
            Some(&id),
            json!({"options": [{"start": "2026-12-31T23:59:60Z", "end": "2027-01-01T00:00:00Z"}]}),
        ),
        (
            Role::Dispatcher,
            "directory.upsert",
            Some("assets"),
            json!({"site_id": world.site, "type": "door", "warranty_until": "0000-01-01"}),
        ),
        (
            Role::Dispatcher,
            "directory.upsert",
            Some("technicians"),
            json!({"id": "x", "name": "x", "availability": [
                {"weekday": 1, "start_time": "08:00", "end_time": "12:00"},
                {"weekday": 1, "start_time": "08:00:00", "end_time": "13:00"}
            ]}),
        ),
        (
            Role::Dispatcher,
            "directory.upsert",
            Some("technicians"),
            json!({"id": "東".repeat(100), "name": "x", "skills": ["門".repeat(100)]}),
        ),
        (Role::Dispatcher, "directory.upsert", Some("technicians"), json!({"id": "x", "name": "x", "skills": [" "]})),
        (Role::Dispatcher, "directory.search", Some("sites"), json!({"cursor": "[\"\\u0000\", \"x\"]"})),
        (
            Role::Dispatcher,
            "dispatcher.cockpit",
            None,
            json!({"cursor": "{\"moment\":\"2026-01-01T00:00:00.000Z\",\"snapshot\":\"1:10:,2\",\"after\":{\"Touched\":{\"id\":\"00000000-0000-4000-8000-000000000000\"}}}"}),
        ),
        (Role::Dispatcher, "schedule.propose", Some(&id), json!({"options": vec![0; 100_000]})),
    ] {
        if let Err(refused) = engine.call(call(role, tool, target, payload.clone())).await {
            assert!(refused.refusal.status() < 500, "{tool} {payload}: {refused}");
        }
    }
    let confirmed = ok(engine, Role::Dispatcher, "ticket.get", Some(&id), json!({})).await;
    assert_eq!(confirmed["state"], "SCHEDULED", "a window of ten thousand years is a window");
    let queue = engine.queue(&caller(Role::Dispatcher), &dispatch::engine::QueueQuery::default()).await.unwrap();
    assert!(!queue.rows.is_empty());
    assert!(engine.verify_audit(None, |_| ()).await.unwrap().broken.is_empty());
}

#[tokio::test]
async fn what_could_not_be_read_back_is_not_taken() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket(engine).await;
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({"a": inner}));
    let add = |levels| json!({"kind": "NOTE", "uri": "s3://a/b", "metadata": nested(levels)});
    ok(engine, Role::Agent, "closeout.add_evidence", Some(&id), add(62)).await;
    assert_eq!(code(&database, Role::Agent, "closeout.add_evidence", Some(&id), add(120)).await, Code::InvalidRequest);
    ok(engine, Role::Agent, "ticket.timeline", Some(&id), json!({})).await;
    ok(engine, Role::Agent, "closeout.list_evidence", Some(&id), json!({})).await;
    assert!(engine.verify_audit(None, |_| ()).await.unwrap().broken.is_empty());
}

#[tokio::test]
async fn odd_repairs_by_hand_leave_the_case_readable() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "COMPLETED_PENDING_VERIFICATION").await;
    sqlx::raw_sql(
        "UPDATE evidence_items SET metadata = '[]'; UPDATE completions SET evidence_refs = '7'; \
         UPDATE tickets SET scheduled_start = '2026-01-01Z', scheduled_end = 'infinity', \
            confirmed_start = '-infinity'; \
         INSERT INTO approvals (ticket_id, requested_by, approval_type, evidence) \
            SELECT id, 'hand', 'PROPOSAL', '{\"evidence_refs\": null}' FROM tickets",
    )
    .execute(&database.owner().await)
    .await
    .unwrap();
    let case = ok(engine, Role::Qa, "case.get", Some(&id), json!({})).await;
    assert_eq!(case["open_approvals"].as_array().unwrap().len(), 1);
    assert_eq!(case["closeout_gate"]["code"], "MISSING_EVIDENCE");
    assert!(!engine.queue(&caller(Role::Qa), &dispatch::engine::QueueQuery::default()).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn who_calls_is_bounded_and_refusals_of_reads_are_recorded() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket(engine).await;
    for actor in ["", "  ", "a\0b", &"x".repeat(501)] {
        let mut as_nobody = call(Role::Dispatcher, "ticket.get", Some(&id), json!({}));
        as_nobody.caller = Caller::local(Actor::local(actor, Role::Dispatcher));
        assert_eq!(engine.call(as_nobody).await.unwrap_err().refusal.code(), Code::InvalidActorContext);
    }
    let before = database.count("SELECT count(*) FROM refused_calls").await;
    engine.queue(&caller(Role::Customer), &dispatch::engine::QueueQuery::default()).await.unwrap_err();
    assert_eq!(database.count("SELECT count(*) FROM refused_calls").await, before + 1);
    let nowhere = Caller {
        actor: Actor::local("narrow", Role::Dispatcher),
        scope: Scope { accounts: Reach::All, sites: Reach::Only(vec![]) },
    };
    let refusal = engine.queue(&nowhere, &dispatch::engine::QueueQuery::default()).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.field("scope_field")), (Code::ForbiddenScope, Some(&json!("site_id"))));
}
