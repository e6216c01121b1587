//! Every tool is reached by keys: at most three, and its form.

use dispatch::domain::actor::Role;
use dispatch::domain::registry;
use dispatch::domain::tool::From;

use crate::post::{As, Post};

/// A state in which a tool may be called, on the ordinary way there.
fn state_for(tool: &str) -> &'static str {
    match tool {
        "ticket.create" | "ticket.triage" | "ticket.cancel" => "NEW",
        "schedule.propose" => "READY_TO_SCHEDULE",
        "schedule.confirm" => "SCHEDULE_PROPOSED",
        "assignment.dispatch" => "SCHEDULED",
        "tech.check_in" => "DISPATCHED",
        "tech.complete" | "tech.request_change" | "closeout.add_evidence" => "IN_PROGRESS",
        "qa.verify" => "COMPLETED_PENDING_VERIFICATION",
        "billing.generate_invoice" | "ticket.close" => "VERIFIED",
        other => panic!("{other} is new: say in which state it may be called"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_that_changes_a_ticket_opens_its_form_within_three_keys() {
    let post = Post::new().await;
    let mut tools: Vec<_> = registry::tools()
        .iter()
        .filter(|tool| tool.mutating && (tool.spec.takes_ticket() || tool.spec.from == From::NewTicket))
        // Needs somebody to have asked for an approval first: the lifecycle drives it.
        .filter(|tool| tool.spec.name != "approval.decide")
        .collect();
    tools.sort_by_key(|tool| tool.spec.name);
    assert!(tools.len() >= 13, "{} tools", tools.len());
    for tool in tools {
        let state = state_for(tool.spec.name);
        let id = post.world.ticket_in(&post.database.engine, state).await;
        let number: String = sqlx::query_scalar("SELECT number FROM tickets WHERE id::text = $1")
            .bind(&id)
            .fetch_one(post.database.engine.store().pool())
            .await
            .unwrap();
        let role = tool.spec.roles.iter().find(|role| **role != Role::Agent).unwrap();
        let terminal = post.cockpit_as(&As { arguments: &["--role", role.as_str()], ..As::default() });
        terminal.keys("/").text(&number).wait_for(&format!("/ {number}")).keys("<enter>");
        let is_selected = |line: &str| line.contains('▌') && line.contains(&format!(" {number} "));
        terminal.wait_until("the ticket selected", |screen| screen.contents().lines().any(is_selected));
        terminal.wait_idle();
        terminal.keys("a").wait_for("Actions on").keys(tool.spec.key).wait_for("ctrl-s send");
        terminal.signal(rustix::process::Signal::KILL);
    }
}
