//! The core toolset on a real Postgres, from intake to invoice.

mod support;

use dispatch::domain::actor::Role;
use serde_json::json;
use support::{Database, World, ok};

#[tokio::test]
async fn a_ticket_goes_from_creation_to_invoiced_and_its_chain_is_whole() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "INVOICED").await;
    let timeline = ok(engine, Role::Dispatcher, "ticket.timeline", Some(&id), json!({})).await;
    let events = timeline["events"].as_array().unwrap();
    assert_eq!(events.len(), 13);
    assert_eq!(events[12]["after_state"], "INVOICED");
    let steps = database.count("SELECT count(*) FROM ticket_state_transitions").await;
    assert_eq!(steps, 11, "one a call, two for the check-in, none for evidence");
    let verdict = engine.verify_audit(None, |_| ()).await.unwrap();
    assert!(verdict.broken.is_empty(), "{:?}", verdict.broken);
    assert_eq!(verdict.events, 16, "13 of the ticket, 3 of the directory");
    assert_eq!(database.count("SELECT count(*) FROM dispatch_outbox").await, 2);
    let evidence = ok(engine, Role::Qa, "closeout.list_evidence", Some(&id), json!({})).await;
    assert!(evidence["evidence"].as_array().unwrap().iter().all(|item| item["is_immutable"] == true));
}
