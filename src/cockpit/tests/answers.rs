//! What comes by itself, answers and time: it is told, and nothing moves under somebody's hands.

use serde_json::json;
use uuid::Uuid;

use super::fixture::{Stage, Ticket, at, id, noon};
use crate::cockpit::effect::Effect;
use crate::cockpit::envelope::{Envelope, Target};
use crate::cockpit::keymap::Scope;
use crate::cockpit::msg::{CallNews, Msg, Why};
use crate::domain::actor::{Actor, Role};
use crate::domain::refusal::{Code, Refusal};
use crate::engine::{Refused, Reply};

/// A call of the cockpit, pressed at noon and under way.
fn sent(stage: &mut Stage, tool: &str, target: Target) -> Envelope {
    let envelope = Envelope {
        request_id: Uuid::now_v7(),
        pressed_at: noon(),
        tool: tool.to_owned(),
        target,
        payload: json!({}),
        if_version: None,
        actor: Actor::local("maria", Role::Dispatcher),
        upload: None,
        draft: None,
    };
    stage.model.known.calls.pressed(envelope.clone(), noon());
    stage.model.awaits = Some(envelope.request_id);
    envelope
}

fn ticket(number: u128) -> Target {
    Target::Ticket { id: id(number), number: format!("T-{number}") }
}

fn accepted(stage: &mut Stage, envelope: &Envelope, number: u128) {
    let body = json!({"id": id(number), "number": format!("T-{number}"), "state": "NEW"}).to_string();
    let outcome = Ok(Reply { status: 200, body, replayed: false });
    stage.hear(Msg::Call(CallNews::Answered { envelope: envelope.clone(), outcome }));
}

fn refused(stage: &mut Stage, envelope: &Envelope) {
    let refusal = Refusal::new(Code::InvalidStateTransition, "Not from here.");
    let outcome = Err(Refused { refusal, request_id: None, correlation_id: None });
    stage.hear(Msg::Call(CallNews::Answered { envelope: envelope.clone(), outcome }));
}

#[test]
fn that_time_took_the_ticket_under_the_cursor_out_of_the_list_is_told() {
    let mut stage = Stage::full(120, 40);
    stage.keys("/ sla:warning enter");
    assert_eq!(stage.selected(), "T-10431");
    // Its promise breaks, so it no longer fits.
    for second in 1_131..1_142 {
        let effects = stage.hear(Msg::Tick(at(second)));
        if effects.contains(&Effect::GoOn) {
            stage.hear(Msg::GoOn);
        }
    }
    assert_ne!(stage.selected(), "T-10431");
    assert!(
        stage.said().contains("T-10431 no longer fits here. The cursor stands on the next one."),
        "{}",
        stage.said()
    );
}

#[test]
fn a_filter_of_ones_own_moves_the_cursor_without_a_word() {
    let mut stage = Stage::full(120, 40);
    stage.keys("/ Plaza enter");
    assert_eq!((stage.selected().as_str(), stage.said().as_str()), ("T-10450", ""));
}

#[test]
fn the_answer_to_one_call_does_not_wipe_the_refusal_of_another() {
    let mut stage = Stage::full(120, 40);
    let (first, second) = (sent(&mut stage, "tech.check_in", ticket(10_431)), sent(&mut stage, "x", ticket(10_440)));
    refused(&mut stage, &first);
    accepted(&mut stage, &second, 10_440);
    assert!(stage.said().contains("Not from here."), "{}", stage.said());
    // The same call again, and accepted: that is done with.
    let again = sent(&mut stage, "tech.check_in", ticket(10_431));
    accepted(&mut stage, &again, 10_431);
    assert_eq!(stage.said(), "");
}

#[test]
fn that_a_call_waits_is_said_until_it_is_answered() {
    let mut stage = Stage::full(120, 40);
    let call = sent(&mut stage, "tech.check_in", ticket(10_431));
    stage.hear(Msg::Call(CallNews::Waits(call.request_id)));
    assert!(stage.said().contains("waits for the database"), "{}", stage.said());
    accepted(&mut stage, &call, 10_431);
    assert_eq!(stage.said(), "");
}

#[test]
fn nobody_who_went_on_is_taken_elsewhere_by_an_answer() {
    for (keys, goes) in [("", true), ("j", false), ("/", false), ("t", false)] {
        let mut stage = Stage::full(120, 40);
        let call = sent(&mut stage, "ticket.create", Target::Nothing);
        stage.keys(keys);
        // It is in the list already.
        accepted(&mut stage, &call, 10_450);
        assert_eq!(stage.selected() == "T-10450", goes, "{keys:?}");
    }
}

#[test]
fn a_refusal_opens_its_form_only_at_once_and_for_who_waits_for_it() {
    for (keys, seconds, opens) in [("", 0, true), ("t", 0, false), ("", 30, false)] {
        let mut stage = Stage::with_case(120, 40);
        let call = sent(&mut stage, "tech.check_in", ticket(10_423));
        stage.keys(keys);
        stage.hear(Msg::Tick(at(seconds)));
        refused(&mut stage, &call);
        assert_eq!(stage.model.scope() == Scope::Form, opens, "{keys:?} {seconds}");
        assert_eq!(stage.said().contains("c enter opens its form again."), !opens, "{}", stage.said());
    }
}

#[test]
fn what_others_did_is_news_also_where_a_call_of_ones_own_was_refused() {
    let mut stage = Stage::full(120, 40);
    let call = sent(&mut stage, "ticket.triage", ticket(10_450));
    stage.keys("?");
    refused(&mut stage, &call);
    let row = Ticket { seq: 9, ..Ticket::new(10_450, "EMERGENCY", "TRIAGED", 2_400) }.row(noon());
    let effects = stage.changes(vec![row], noon());
    assert!(effects.contains(&Effect::Bell), "{effects:?}");
}

#[test]
fn a_question_answered_from_the_list_of_calls_is_not_asked_again() {
    let mut stage = Stage::full(120, 40);
    stage.keys("?");
    let call = sent(&mut stage, "tech.check_in", ticket(10_423));
    stage.hear(Msg::Call(CallNews::Asks { envelope: call, why: Why::WaitedLong }));
    stage.keys("esc");
    assert_eq!(stage.model.scope(), Scope::Question);
    stage.keys("esc c enter");
    assert_eq!(stage.model.scope(), Scope::Question, "{}", stage.text());
    stage.hear(Msg::Tick(at(5)));
    let effects = stage.keys("s");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::SendAfterAll(_))), "{effects:?}");
    assert_eq!(stage.model.scope(), Scope::Queue);
}

#[test]
fn a_click_in_the_menu_of_a_ticket_that_left_calls_nothing_on_the_next() {
    let mut stage = Stage::full(120, 40);
    stage.keys("a");
    let row = stage.text().lines().position(|line| line.contains("ticket.cancel")).unwrap();
    let gone = Ticket { seq: 9, ..Ticket::new(10_423, "EMERGENCY", "CANCELLED", -761) }.row(noon());
    stage.changes(vec![gone], noon());
    assert_ne!(stage.selected(), "T-10423");
    stage.click(40, u16::try_from(row).unwrap());
    assert_eq!(stage.model.scope(), Scope::Queue);
    assert!(stage.said().contains("left the list while its menu was open"), "{}", stage.said());
}

#[test]
fn a_rest_that_another_key_ended_draws_nothing() {
    let mut stage = Stage::full(120, 40);
    let rests: Vec<Effect> = ["j", "j"].iter().flat_map(|key| stage.keys(key)).collect();
    let stamps: Vec<_> = rests
        .iter()
        .filter_map(|effect| match effect {
            Effect::After { stamp, .. } => Some(*stamp),
            _ => None,
        })
        .collect();
    stage.model.take_dirty();
    assert_eq!(stage.hear(Msg::Due { stamp: stamps[0] }), []);
    assert!(!stage.model.take_dirty());
}
