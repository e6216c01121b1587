//! What stands between a form and its call: previews, refusals, a ticket that moved on.

use serde_json::{Value, json};

use super::*;
use crate::cockpit::envelope::Target;
use crate::domain::words::Priority;
use crate::text;

#[test]
fn only_the_newest_preview_counts_and_its_refusal_stands_at_its_field() {
    let stage = Stage::new();
    let (mut form, first) = open("assignment.dispatch", &stage);
    assert_eq!(first.iter().filter(|ask| matches!(ask, Ask::Effect(Effect::Preview { .. }))).count(), 1);
    let technician = json!({"id": "t-wu", "name": "J. Wu", "active": true, "skills": [], "regions": []});
    let lookup = first.iter().find_map(|ask| match ask {
        Ask::Effect(Effect::Lookup { stamp, .. }) => Some(*stamp),
        _ => None,
    });
    hear(&mut form, &Msg::Looked { stamp: lookup.unwrap(), outcome: Ok(vec![technician]) }, &stage);
    let asks = keys(&mut form, "down enter", &stage);
    let asked = rest(&mut form, &asks, &stage);
    let Some(Ask::Effect(Effect::Preview { envelope, .. })) =
        asked.iter().find(|ask| matches!(ask, Ask::Effect(Effect::Preview { .. })))
    else {
        panic!("{asked:?}")
    };
    assert_eq!(envelope.payload, json!({"tech_id": "t-wu"}));
    let refusal = || Refusal::new(Code::AssignmentCapabilityMismatch, "J. Wu has no skill for DOOR_WONT_LATCH.");
    judge(&mut form, &asked, Err(refusal()), &stage);
    // The first answer comes late, and is to another question.
    judge(&mut form, &first, Ok(preview("DISPATCHED")), &stage);
    assert_eq!(form.error_at(0).as_deref(), Some(refusal().message()));
    let asks = keys(&mut form, "ctrl-s", &stage);
    assert!(sent(&asks).is_none());
    assert_eq!(form.focus, Stop::Field(0));
    let shown = screen(&form, 80, 24, &stage);
    assert_eq!(shown.matches("no skill").count(), 1, "at its field and nowhere else\n{shown}");
    assert!(shown.contains("1 thing to correct"), "{shown}");
}

#[test]
fn while_the_database_is_away_sending_keeps_the_call() {
    let mut stage = Stage::new();
    stage.is_live = false;
    let (mut form, asks) = open("billing.generate_invoice", &stage);
    assert!(asks.is_empty(), "{asks:?}");
    assert!(screen(&form, 80, 24, &stage).contains("cannot be checked now"));
    let asks = keys(&mut form, "enter", &stage);
    assert_eq!(sent(&asks).unwrap().payload, json!({}));
    let (mut form, _) = open("billing.generate_invoice", &stage);
    stage.is_live = true;
    let asks = hear(&mut form, &Msg::Tick(stage.now), &stage);
    assert!(matches!(&asks[..], [Ask::Effect(Effect::Preview { .. })]), "{asks:?}");
}

pub(super) fn newer() -> Value {
    let mut ticket = testing::ticket();
    ticket["state"] = "DISPATCHED".into();
    ticket["version"] = 5.into();
    ticket
}

#[test]
fn a_ticket_that_moved_on_is_never_overwritten_unseen() {
    let mut stage = Stage::new();
    let (mut form, asks) = open("ticket.triage", &stage);
    judge(&mut form, &asks, Ok(preview("TRIAGED")), &stage);
    let mut case = testing::case();
    case.case["ticket"] = newer();
    case.case["generated_at"] = "2026-11-21T22:32:05.000Z".into();
    stage.case = Some(case.clone());
    let asks = hear(
        &mut form,
        &Msg::Case { ticket: testing::TICKET, role: stage.actor.role, outcome: Ok(std::sync::Arc::new(case)) },
        &stage,
    );
    let asked = rest(&mut form, &asks, &stage);
    assert!(format!("{asked:?}").contains("if_version: Some(5)"), "{asked:?}");
    judge(&mut form, &asked, Ok(preview("TRIAGED")), &stage);
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("T-10423 moved on: state SCHEDULED → DISPATCHED"), "{shown}");
    assert!(shown.contains("looks again"), "{shown}");
    assert!(sent(&keys(&mut form, "ctrl-s ctrl-s enter", &stage)).is_none());
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("as you saw it") && shown.contains("f8 send all the same"), "{shown}");
    keys(&mut form, "esc", &stage);
    assert!(!form.is_comparing);
    let asks = keys(&mut form, "ctrl-s f8", &stage);
    assert_eq!(sent(&asks).unwrap().if_version, Some(5));
}

#[test]
fn a_conflict_that_a_preview_finds_reads_the_case_again() {
    let stage = Stage::new();
    let (mut form, asks) = open("ticket.triage", &stage);
    let conflict = Refusal::new(Code::VersionConflict, "The ticket moved on.").with("ticket", newer());
    let asks = judge(&mut form, &asks, Err(conflict), &stage);
    assert!(asks.iter().any(|ask| matches!(ask, Ask::Effect(Effect::LoadCase { .. }))), "{asks:?}");
    assert!(form.seen.as_ref().unwrap().has_moved_on());
    keys(&mut form, "ctrl-s", &stage);
    assert!(form.is_comparing);
    let focus = form.focus;
    for kind in [MouseEventKind::ScrollDown, MouseEventKind::ScrollUp] {
        let event = MouseEvent { kind, column: 10, row: 10, modifiers: crossterm::event::KeyModifiers::NONE };
        form.mouse(event, &stage.world());
        assert_eq!(form.focus, focus, "the wheel is not for what one does not see");
    }
}

#[test]
fn a_call_that_was_refused_later_opens_again_with_its_reason() {
    let mut stage = Stage::new();
    let (mut form, _) = open("qa.verify", &stage);
    let asks = keys(&mut form, "tab f tab again esc", &stage);
    stage.drafts.insert(form.kept.key.clone(), draft(&asks).unwrap());
    let (mut form, _) = open("qa.verify", &stage);
    assert_eq!(form.checked.body["result"], "FAIL");
    let refusal = Refusal::field_rule("notes", "A FAIL needs notes.");
    form.place(&refusal, &stage.world());
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("kept from before; ctrl-x") && shown.contains("✗ A FAIL needs notes."), "{shown}");
}

#[test]
fn what_depends_on_a_case_is_judged_again_when_the_case_arrives() {
    let mut stage = Stage::without_case();
    let (mut form, _) = open("approval.decide", &stage);
    assert_eq!(form.checked.body, json!({}));
    stage.case = Some(testing::case());
    let asks = hear(&mut form, &Msg::Tick(stage.now), &stage);
    assert_eq!(form.checked.body["approval_id"], "00000000-0000-0000-0000-0000000000aa");
    let asked = rest(&mut form, &asks, &stage);
    assert!(asked.iter().any(|ask| matches!(ask, Ask::Effect(Effect::Preview { .. }))), "{asked:?}");
}

#[test]
fn no_window_is_promised_before_the_zone_of_the_site_is_known() {
    let mut stage = Stage::without_case();
    stage.is_live = false;
    let (mut form, _) = open("schedule.propose", &stage);
    assert!(sent(&keys(&mut form, "ctrl-s", &stage)).is_none());
    assert!(screen(&form, 80, 24, &stage).contains("time zone is not known"));
    stage.case = Some(testing::case());
    hear(&mut form, &Msg::Tick(stage.now), &stage);
    assert!(sent(&keys(&mut form, "ctrl-s", &stage)).is_some());
}

#[test]
fn a_risky_call_can_be_kept_while_the_database_is_away() {
    let mut stage = Stage::new();
    stage.is_live = false;
    let (mut form, _) = open("ticket.cancel", &stage);
    let asks = keys(&mut form, "no", &stage);
    rest(&mut form, &asks, &stage);
    assert!(sent(&keys(&mut form, "ctrl-s", &stage)).is_some());
}

#[test]
fn an_emergency_bypass_is_asked_as_carefully_as_what_cannot_be_undone() {
    let stage = Stage::new();
    let (mut form, _) = open("assignment.dispatch", &stage);
    assert!(!form.is_risky());
    keys(&mut form, "tab e", &stage);
    assert!(form.is_risky());
    assert!(screen(&form, 80, 24, &stage).contains("audit trail under your name"));
}

#[test]
fn what_cannot_be_undone_shows_what_is_lost_and_is_not_sent_by_enter() {
    let stage = Stage::new();
    let (mut form, _) = open("ticket.cancel", &stage);
    let mut asks = keys(&mut form, "no space access", &stage);
    assert!(sent(&keys(&mut form, "ctrl-s", &stage)).is_none(), "the outcome was not seen yet");
    asks = rest(&mut form, &asks, &stage);
    judge(&mut form, &asks, Ok(preview("CANCELLED")), &stage);
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("SCHEDULED") && shown.contains("CANCELLED"), "{shown}");
    assert!(shown.contains("Open approvals") && shown.contains("audit trail under your name"), "{shown}");
    assert!(sent(&keys(&mut form, "tab tab enter", &stage)).is_none());
    assert!(screen(&form, 80, 24, &stage).contains("takes another key: ctrl-s"));
    let asks = keys(&mut form, "ctrl-s", &stage);
    let envelope = sent(&asks).unwrap();
    assert_eq!(envelope.payload, json!({"reason": "no access"}));
    assert_eq!((envelope.if_version, envelope.request_id.get_version_num()), (Some(4), 7));
    assert_eq!(envelope.target, Target::Ticket { id: testing::TICKET, number: "T-10423".into() });
    let typed = envelope.draft.as_ref().unwrap();
    assert_eq!(typed.form, format!("maria ticket.cancel {}", testing::TICKET));
    assert_eq!(Some(&typed.said), draft(&asks).as_ref());
    assert!(matches!(asks.last(), Some(Ask::Close)));
}

#[test]
fn a_text_that_is_too_long_is_told_at_once_and_not_sent() {
    let stage = Stage::new();
    let (mut form, asks) = open("ticket.create", &stage);
    fill(&mut form, true, &stage);
    judge(&mut form, &asks, Ok(preview("NEW")), &stage);
    form.focus = Stop::Field(form.position("description").unwrap());
    let asks = form.paste(&"x".repeat(24_000), &stage.world());
    let shown = screen(&form, 100, 40, &stage);
    assert!(shown.contains("✗ 24,000 characters; at most 10,000"), "{shown}");
    rest(&mut form, &asks, &stage);
    assert!(sent(&keys(&mut form, "ctrl-s", &stage)).is_none());
    let kept = draft(&keys(&mut form, "esc", &stage)).unwrap();
    assert_eq!(kept["fields"]["description"].as_str().unwrap().len(), 24_000);
}

#[test]
fn a_refusal_that_is_of_no_field_stands_once_beneath_them() {
    let stage = Stage::new();
    let (mut form, asks) = open("tech.check_in", &stage);
    let asks = rest(&mut form, &asks, &stage);
    judge(&mut form, &asks, Err(Refusal::new(Code::InvalidStateTransition, "Not from SCHEDULED.")), &stage);
    keys(&mut form, "ctrl-s", &stage);
    let shown = screen(&form, 80, 24, &stage);
    assert_eq!(shown.matches("Not from SCHEDULED").count(), 1, "{shown}");
    assert!(shown.contains("it would be refused"), "{shown}");
}

#[test]
fn what_is_no_longer_possible_is_not_offered_and_says_why_beside_the_difference() {
    let stage = Stage::new();
    let (mut form, asks) = open("ticket.triage", &stage);
    let conflict = Refusal::new(Code::VersionConflict, "It moved on.").with("ticket", newer());
    let asks = judge(&mut form, &asks, Err(conflict), &stage);
    let asks = rest(&mut form, &asks, &stage);
    let refusal = Refusal::new(Code::InvalidStateTransition, "The ticket is DISPATCHED.");
    judge(&mut form, &asks, Err(refusal), &stage);
    assert!(sent(&keys(&mut form, "ctrl-s f8", &stage)).is_none());
    let shown = screen(&form, 80, 24, &stage);
    assert!(form.is_comparing && shown.contains("as you saw it"), "{shown}");
    assert!(shown.contains("no longer possible. The ticket is DISPATCHED."), "{shown}");
    let footer = form.footer(&stage.world(), 80).unwrap().to_string();
    assert_eq!(footer.trim(), "esc back to the form");
    assert!(!shown.contains("f8") && shown.contains("back to the form"), "{shown}");
}

#[test]
fn what_else_would_change_is_told_with_the_promise_but_not_what_the_form_says_itself() {
    let stage = Stage::new();
    let (mut form, asks) = open("ticket.triage", &stage);
    keys(&mut form, "tab tab 1950 tab", &stage);
    let mut outlook = preview("TRIAGED");
    outlook.ticket["nte_cents"] = 195_000.into();
    outlook.ticket["priority"] = "EMERGENCY".into();
    judge(&mut form, &asks, Ok(outlook), &stage);
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("NTE  $950.00 → $1,950.00"), "{shown}");
    assert!(shown.contains("Priority  URGENT → EMERGENCY"), "{shown}");
    let policy = &stage.policy.policy;
    let moves = policy.sla_target_minutes(Priority::Emergency) - policy.sla_target_minutes(Priority::Urgent);
    let late = text::age(-(100 + moves) * 60);
    assert!(shown.contains(&format!("Promise  in 100m → {late} ago")), "{shown}");

    let (mut form, asks) = open("ticket.triage", &stage);
    let mut outlook = preview("TRIAGED");
    outlook.ticket["assigned_provider_id"] = "p-1".into();
    form.checked.body["provider_id"] = "p-1".into();
    judge(&mut form, &asks, Ok(outlook), &stage);
    assert!(!screen(&form, 80, 24, &stage).contains("Provider  "), "the form says it itself");
}

#[test]
fn a_refusal_names_the_fields_of_its_form_by_their_labels() {
    let stage = Stage::new();
    let (mut form, asks) = open("assignment.dispatch", &stage);
    fill(&mut form, true, &stage);
    let why = "A bypass needs dispatch_rationale and dispatch_confirmation true.";
    judge(&mut form, &asks, Err(Refusal::new(Code::AssignmentBypassDenied, why)), &stage);
    let shown = screen(&form, 100, 30, &stage);
    assert!(shown.contains("A bypass needs Rationale and Bypass confirmed yes."), "{shown}");
}

#[test]
fn what_the_ticket_is_about_stands_above_the_fields_where_there_is_room() {
    let stage = Stage::new();
    let about = "Cannot secure storefront  NTE $950.00";
    let (form, _) = open("qa.verify", &stage);
    assert!(screen(&form, 80, 24, &stage).contains(about));
    assert!(!screen(&form, 80, 7, &stage).contains("Cannot secure"));
    let (form, _) = open("ticket.create", &stage);
    assert!(!screen(&form, 120, 40, &stage).contains("Cannot secure"));
}

#[test]
fn a_modal_calls_technicians_by_name_and_tells_only_what_changes() {
    let mut stage = Stage::new();
    if let Some(row) = &mut stage.row {
        row.tech = Some(crate::cockpit::rows::Tech { id: "t-wu".into(), name: "Hanna Kowal".into() }.into());
    }
    if let Some(case) = &mut stage.case {
        case.case["ticket"]["assigned_tech_id"] = "t-wu".into();
    }
    let (mut form, _) = open("ticket.cancel", &stage);
    let asks = keys(&mut form, "no", &stage);
    let asks = rest(&mut form, &asks, &stage);
    let mut outlook = preview("CANCELLED");
    outlook.ticket["assigned_tech_id"] = "t-wu".into();
    judge(&mut form, &asks, Ok(outlook.clone()), &stage);
    assert!(!screen(&form, 80, 24, &stage).contains("Kowal"));
    let asks = keys(&mut form, "x", &stage);
    let asks = rest(&mut form, &asks, &stage);
    outlook.ticket["assigned_tech_id"] = Value::Null;
    judge(&mut form, &asks, Ok(outlook), &stage);
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("Hanna Kowal") && !shown.contains("t-wu"), "{shown}");
}

#[test]
fn what_a_field_does_not_understand_is_told_while_one_writes() {
    let stage = Stage::new();
    let (mut form, _) = open("schedule.confirm", &stage);
    keys(&mut form, "ctrl-u", &stage);
    form.paste("14:30 - 13:00", &stage.world());
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("before the start") && !shown.contains('✗'), "{shown}");
    keys(&mut form, "tab", &stage);
    assert!(screen(&form, 80, 24, &stage).contains('✗'));
}
