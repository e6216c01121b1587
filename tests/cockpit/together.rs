//! Two cockpits on one database.

use dispatch::domain::actor::Role;
use serde_json::json;

use crate::post::{As, Post};
use crate::support::ok;

#[tokio::test(flavor = "multi_thread")]
async fn each_sees_what_the_other_does_and_that_the_other_looks_at_the_same_ticket() {
    let post = Post::new().await;
    post.world.ticket(&post.database.engine).await;
    let maria = post.cockpit_as(&As { arguments: &["--actor", "maria"], ..As::default() });
    let jo = post.cockpit_as(&As { arguments: &["--actor", "jo"], ..As::default() });
    maria.wait_for("jo");
    jo.wait_for("maria");
    maria.keys("a t").wait_for("Triage · T-10001");
    jo.wait_for("Also here  maria (dispatcher)").wait_for("working on it");
    // Priority, then the incident type by its name.
    maria.keys("<space> <tab>").text("closer").wait_idle().keys("<enter>").wait_idle().keys("<ctrl-s>");
    maria.wait_gone("[ Send ]").wait_for("TRIAGED");
    jo.wait_for("TRIAGED").wait_for("EMR");
    assert_eq!(post.of("state", "T-10001").await, "TRIAGED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_ticket_moved_on_shows_the_difference_and_overwrites_nothing() {
    let post = Post::new().await;
    let id = post.world.ticket(&post.database.engine).await;
    let terminal = post.cockpit();
    terminal.keys("a t").wait_for("Triage · T-10001").keys("<space> <tab>").text("closer").wait_idle();
    terminal.keys("<enter>").wait_idle();
    let other = json!({"priority": "URGENT", "incident_type": "CLOSER_LEAKING_OR_SLAMMING"});
    ok(&post.database.engine, Role::Dispatcher, "ticket.triage", Some(&id), other).await;
    terminal.wait_for("TRIAGED").keys("<ctrl-s>").wait_for("moved on");
    assert_eq!(post.of("priority", "T-10001").await, "URGENT", "nothing is overwritten unseen");
    for (field, was, is) in [("state", "NEW", "TRIAGED"), ("priority", "ROUTINE", "URGENT")] {
        let tells = |line: &str| line.contains(was) && line.contains(is);
        terminal.wait_until(&format!("{field}: {was}, then {is}"), |screen| screen.contents().lines().any(tells));
    }
    // Only another key than the one that sends goes on.
    terminal.keys("<ctrl-s>").wait_idle();
    assert_eq!(post.of("priority", "T-10001").await, "URGENT");
}
