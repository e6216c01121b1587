//! What is typed into forms: it is never lost, never in two places, and never sent over what nobody has seen.

use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{Stage, Ticket, id, morning, noon, read};
use crate::cockpit::asks::heed;
use crate::cockpit::effect::Effect;
use crate::cockpit::envelope::{Draft, Envelope, Target, waiting};
use crate::cockpit::keymap::Scope;
use crate::cockpit::msg::{CallNews, Msg, Why};
use crate::cockpit::part::Ask;
use crate::domain::actor::{Actor, Role};
use crate::domain::refusal::{Code, Refusal};
use crate::engine::{Refused, Reply};

const NEW: &str = "maria ticket.create new";

fn envelope(tool: &str, target: Target, draft: Option<Draft>) -> Envelope {
    Envelope {
        request_id: Uuid::now_v7(),
        pressed_at: noon(),
        tool: tool.to_owned(),
        target,
        payload: json!({}),
        if_version: Some(3),
        actor: Actor::local("maria", Role::Dispatcher),
        upload: None,
        draft: draft.map(Box::new),
    }
}

fn on(number: u128) -> Target {
    Target::Ticket { id: id(number), number: format!("T-{number}") }
}

fn summary(words: &str) -> Value {
    json!({"fields": {"summary": words}})
}

fn refused(envelope: &Envelope, refusal: Refusal) -> Msg {
    let outcome = Err(Refused { refusal, request_id: None, correlation_id: None });
    Msg::Call(CallNews::Answered { envelope: envelope.clone(), outcome })
}

fn no() -> Refusal {
    Refusal::new(Code::InvalidStateTransition, "No.")
}

/// The last call that effects send.
fn sent(effects: &[Effect]) -> Option<Envelope> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::Send(envelope) => Some(envelope.clone()),
        _ => None,
    })
}

/// A new ticket with these words was sent.
fn sends(stage: &mut Stage, words: &str) -> Envelope {
    let draft = Draft { form: NEW.to_owned(), said: summary(words) };
    stage.model.known.drafts.insert(NEW.to_owned(), draft.said.clone());
    let call = envelope("ticket.create", Target::Nothing, Some(draft));
    heed(&mut stage.model, vec![Ask::Effect(Effect::Send(call.clone()))]);
    call
}

#[test]
fn what_was_sent_is_not_in_the_next_form_and_goes_with_its_call() {
    let mut stage = Stage::full(120, 40);
    let call = sends(&mut stage, "caller one");
    assert!(stage.model.known.drafts.is_empty());
    assert_eq!(stage.model.known.calls.get(call.request_id).unwrap().envelope.draft, call.draft);
    stage.keys("n");
    assert!(!stage.text().contains("caller one"));
}

#[test]
fn what_was_typed_into_a_call_that_was_refused_or_taken_back_is_in_its_form_again() {
    for news in ["refused", "taken back"] {
        let mut stage = Stage::full(120, 40);
        let call = sends(&mut stage, "caller one");
        // Somebody reads something else meanwhile, so no form comes up by itself.
        stage.keys("?");
        let effects = stage.hear(match news {
            "refused" => refused(&call, no()),
            _ => Msg::Call(CallNews::Withdrawn(call.request_id)),
        });
        assert!(effects.contains(&Effect::KeepDraft { key: NEW.to_owned(), draft: summary("caller one") }), "{news}");
        assert_eq!(stage.model.known.drafts, [(NEW.to_owned(), summary("caller one"))].into(), "{news}");
        stage.keys("esc c enter");
        assert_eq!(stage.model.scope(), Scope::Form, "{news}: {}", stage.text());
        assert!(stage.text().contains("caller one"), "{news}");
        // Once it is thrown away it is gone, however often one looks at the call.
        stage.keys("ctrl-x esc c enter");
        assert!(!stage.text().contains("caller one"), "{news}");
    }
}

#[test]
fn what_was_begun_later_is_not_overwritten_and_what_was_sent_comes_back_after_it() {
    for ending in ["sent", "thrown away"] {
        let mut stage = Stage::full(120, 40);
        let call = sends(&mut stage, "caller one");
        stage.model.known.drafts.insert(NEW.to_owned(), summary("caller two"));
        stage.model.awaits = Some(call.request_id);
        stage.hear(refused(&call, no()));
        assert!(stage.said().contains("begun later"), "{}", stage.said());
        assert!(stage.text().contains("caller two"));
        if ending == "sent" {
            stage.keys("esc");
            let second = sends(&mut stage, "caller two");
            let outcome = Ok(Reply { status: 201, body: "{}".to_owned(), replayed: false });
            stage.hear(Msg::Call(CallNews::Answered { envelope: second, outcome }));
        } else {
            stage.keys("ctrl-x esc");
        }
        let effects = stage.keys("n");
        assert!(stage.text().contains("caller one"), "{ending}: {}", stage.text());
        assert!(effects.contains(&Effect::DropDraft { key: waiting(NEW, call.request_id) }), "{effects:?}");
        stage.keys("ctrl-x esc n");
        assert!(!["one", "two"].iter().any(|n| stage.text().contains(&format!("caller {n}"))), "{ending}: each once");
    }
}

#[test]
fn what_waits_for_its_form_comes_back_after_a_restart_the_newest_first() {
    let mut stage = Stage::full(120, 40);
    for (n, words) in [(1, "caller one"), (2, "caller two")] {
        stage.model.known.drafts.insert(waiting(NEW, Uuid::from_u128(n)), summary(words));
    }
    stage.keys("n");
    assert!(stage.text().contains("caller two"));
    stage.keys("ctrl-x esc n");
    assert!(stage.text().contains("caller one"));
}

#[test]
fn what_is_given_back_while_its_form_is_open_waits_for_what_is_being_typed() {
    let mut stage = Stage::full(120, 40);
    let call = sends(&mut stage, "caller one");
    stage.keys("n tab tab c a l l e r space two");
    stage.hear(refused(&call, no()));
    stage.keys("esc");
    let drafts = &stage.model.known.drafts;
    assert_eq!(drafts[&waiting(NEW, call.request_id)], summary("caller one"));
    assert_eq!(drafts[NEW]["fields"]["summary"], "caller two");
}

/// A cockpit in which the triage of a new ticket was begun.
fn begun() -> Stage {
    let mut stage = Stage::full(120, 40);
    assert!(stage.model.queue.select(&stage.model.known, id(10_450)));
    heed(&mut stage.model, vec![Ask::Tool("ticket.triage")]);
    stage.keys("space tab lock esc");
    stage
}

/// Somebody else triaged it.
fn moves_on(stage: &mut Stage) {
    let row = Ticket { seq: 9, ..Ticket::new(10_450, "URGENT", "TRIAGED", 2_400) }.row(noon());
    stage.changes(vec![row], noon());
}

#[test]
fn a_draft_of_a_ticket_that_moved_on_shows_the_difference_before_it_is_sent() {
    let mut stage = begun();
    moves_on(&mut stage);
    let effects = heed(&mut stage.model, vec![Ask::Tool("ticket.triage")]);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::LoadCase { .. })), "who it was is looked up");
    let shown = stage.text();
    assert!(shown.contains("T-10450 moved on: state NEW → TRIAGED"), "{shown}");
    assert_eq!(sent(&stage.keys("ctrl-s")), None);
    assert!(stage.text().contains("as you saw it"), "{}", stage.text());
    // Not looked at to the end, it is no more seen than before.
    stage.keys("esc esc");
    heed(&mut stage.model, vec![Ask::Tool("ticket.triage")]);
    assert_eq!(sent(&stage.keys("ctrl-s")), None);
    assert_eq!(sent(&stage.keys("f8")).unwrap().if_version, Some(9));
}

#[test]
fn a_draft_of_a_ticket_that_did_not_move_on_says_nothing_of_the_kind() {
    let mut stage = begun();
    heed(&mut stage.model, vec![Ask::Tool("ticket.triage")]);
    let shown = stage.text();
    assert!(shown.contains("kept from before") && !shown.contains("moved on"), "{shown}");
}

#[test]
fn a_call_whose_ticket_moved_on_opens_again_with_the_difference_though_nothing_was_typed() {
    for news in ["taken back", "refused", "conflict"] {
        let mut stage = Stage::full(120, 40);
        heed(&mut stage.model, vec![Ask::Tool("tech.check_in")]);
        stage.hear(read(10_423, super::fixture::case(&morning()[0])));
        let call = sent(&stage.keys("ctrl-s")).unwrap();
        assert!(!call.draft.as_ref().unwrap().is_something());
        stage.keys("?");
        let mut newer = stage.model.known.case(id(10_423)).unwrap().case["ticket"].clone();
        newer["version"] = json!(9);
        newer["priority"] = json!("ROUTINE");
        if news != "conflict" {
            let row = Ticket { seq: 9, priority: "ROUTINE", ..morning()[0].clone() }.row(noon());
            stage.changes(vec![row], noon());
        }
        stage.hear(match news {
            "taken back" => Msg::Call(CallNews::Withdrawn(call.request_id)),
            "refused" => refused(&call, no()),
            // The row is still as it was.
            _ => refused(&call, Refusal::new(Code::VersionConflict, "It moved on.").with("ticket", newer)),
        });
        stage.keys("esc");
        heed(&mut stage.model, vec![Ask::Reopen(call.request_id)]);
        let shown = stage.text();
        assert!(shown.contains("T-10423 moved on: priority EMERGENCY → ROUTINE"), "{news}: {shown}");
        assert_eq!(sent(&stage.keys("ctrl-s")), None, "{news}");
        assert_eq!(sent(&stage.keys("f8")).unwrap().if_version, Some(9), "{news}");
    }
}

#[test]
fn of_a_call_of_an_older_journal_only_the_version_is_known_and_that_is_said() {
    let mut stage = Stage::with_case(120, 40);
    let call = Envelope { if_version: Some(2), ..envelope("tech.check_in", on(10_423), None) };
    stage.hear(Msg::Call(CallNews::Adopted(call.clone())));
    stage.hear(Msg::Call(CallNews::Asks { envelope: call.clone(), why: Why::TicketMovedOn }));
    heed(&mut stage.model, vec![Ask::TakeBack { id: call.request_id, reopens: false }]);
    stage.hear(Msg::Call(CallNews::Withdrawn(call.request_id)));
    stage.model.dialogs.clear();
    heed(&mut stage.model, vec![Ask::Reopen(call.request_id)]);
    let shown = stage.text();
    assert!(shown.contains("T-10423 moved on: what it was when this was filled in is not known here"), "{shown}");
    assert_eq!(sent(&stage.keys("ctrl-s")), None);
    let shown = stage.text();
    assert!(shown.contains("not known") && shown.contains("DISPATCHED"), "{shown}");
}

#[test]
fn what_was_taken_back_is_in_its_form_also_where_its_ticket_has_to_be_looked_for() {
    let mut stage = Stage::full(120, 40);
    let form = format!("maria tech.check_in {}", id(999));
    let draft = Draft { form: form.clone(), said: json!({"fields": {"note": "kept"}}) };
    let call = envelope("tech.check_in", on(999), Some(draft));
    heed(&mut stage.model, vec![Ask::Effect(Effect::Send(call.clone()))]);
    heed(&mut stage.model, vec![Ask::TakeBack { id: call.request_id, reopens: true }]);
    stage.hear(Msg::Call(CallNews::Withdrawn(call.request_id)));
    assert!(stage.said().contains("is looked for"), "{}", stage.said());
    assert!(stage.model.known.drafts.contains_key(&form));
}
