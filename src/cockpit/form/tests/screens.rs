//! How forms look, with their styles.

use super::*;
use crate::cockpit::snapshot;

fn snapshot(form: &Form, width: u16, height: u16, stage: &Stage) -> String {
    snapshot::screen(width, height, |frame| form.draw(frame, frame.area(), &stage.world()))
}

#[test]
fn a_form_with_its_outlook() {
    let stage = Stage::new();
    let (mut form, asks) = open("ticket.triage", &stage);
    let mut outlook = preview("TRIAGED");
    outlook.messages = vec![json!({"channel": "SMS", "to": "+15105550142", "body": "We are on it."})];
    outlook.missing = vec!["photo_after_latched_alignment".into()];
    judge(&mut form, &asks, Ok(outlook), &stage);
    keys(&mut form, "tab tab 950 tab", &stage);
    insta::assert_snapshot!(snapshot(&form, 80, 24, &stage));
}

#[test]
fn a_form_that_is_wrong_promises_nothing() {
    let stage = Stage::new();
    let (mut form, asks) = open("ticket.triage", &stage);
    judge(&mut form, &asks, Ok(preview("TRIAGED")), &stage);
    keys(&mut form, "tab tab 9x tab", &stage);
    let shown = snapshot(&form, 80, 24, &stage);
    assert!(shown.contains("Write dollars") && !shown.contains("→ TRIAGED"), "{shown}");
}

#[test]
fn what_cannot_be_undone() {
    let stage = Stage::new();
    let (mut form, _) = open("ticket.cancel", &stage);
    let asks = keys(&mut form, "no space access", &stage);
    let asks = rest(&mut form, &asks, &stage);
    judge(&mut form, &asks, Ok(preview("CANCELLED")), &stage);
    insta::assert_snapshot!(snapshot(&form, 80, 24, &stage));
}

#[test]
fn a_ticket_that_moved_on_side_by_side() {
    let stage = Stage::new();
    let (mut form, asks) = open("schedule.propose", &stage);
    let conflict = Refusal::new(Code::VersionConflict, "It moved on.").with("ticket", sending::newer());
    judge(&mut form, &asks, Err(conflict), &stage);
    keys(&mut form, "ctrl-s", &stage);
    insta::assert_snapshot!(snapshot(&form, 80, 24, &stage));
}

#[test]
fn a_new_ticket_on_a_wide_screen() {
    let stage = Stage::new();
    let (form, _) = open("ticket.create", &stage);
    insta::assert_snapshot!(snapshot(&form, 120, 40, &stage));
}

#[test]
fn a_form_on_the_smallest_screen() {
    let stage = Stage::new();
    let (mut form, _) = open("schedule.propose", &stage);
    keys(&mut form, "alt-a", &stage);
    insta::assert_snapshot!(snapshot(&form, 20, 5, &stage));
}
