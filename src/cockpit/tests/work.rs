//! Calls, roles, outages: what an operator can rely on.

use serde_json::json;
use uuid::Uuid;

use super::fixture::{Stage, Ticket, at, case, id, morning, noon, read, rows, unread};
use crate::cockpit::effect::Effect;
use crate::cockpit::envelope::{Envelope, Target};
use crate::cockpit::keymap::Scope;
use crate::cockpit::msg::{CallNews, Content, FeedNews, Msg, Why};
use crate::cockpit::part::Ask;
use crate::cockpit::zone::Zone;
use crate::domain::actor::{Actor, Role};
use crate::domain::refusal::{Code, Refusal};
use crate::engine::{Present, Refused, Reply};

fn envelope(number: u128) -> Envelope {
    Envelope {
        request_id: Uuid::now_v7(),
        pressed_at: noon(),
        tool: "tech.check_in".to_owned(),
        target: Target::Ticket { id: id(number), number: format!("T-{number}") },
        payload: json!({"timestamp": noon()}),
        if_version: Some(3),
        actor: Actor::local("maria", Role::Dispatcher),
        upload: None,
        draft: None,
    }
}

fn refused(message: &str) -> Refused {
    Refused { refusal: Refusal::new(Code::InvalidStateTransition, message), request_id: None, correlation_id: None }
}

#[test]
fn space_opens_the_next_step_or_says_whose_turn_it_is() {
    let mut stage = Stage::full(120, 40);
    stage.keys("space");
    assert_eq!(stage.model.scope(), Scope::Form);
    assert!(stage.text().contains("T-10423"), "{}", stage.text());
    stage.keys("esc G");
    assert_eq!(stage.selected(), "T-10355");
    stage.keys("space");
    assert_eq!(stage.model.scope(), Scope::Queue);
    assert!(stage.said().contains("the turn of finance") && stage.said().contains("R switches"), "{}", stage.said());
}

#[test]
fn a_switched_role_changes_what_is_possible_at_once() {
    let mut stage = Stage::full(120, 40);
    stage.keys("G R");
    assert!(stage.text().contains("Act as"));
    let effects = stage.keys("f enter");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Follow(actor) if actor.role == Role::Finance)));
    assert!(stage.text().contains("maria · finance"));
    stage.keys("space");
    assert_eq!(stage.model.scope(), Scope::Form, "{}", stage.said());
}

#[test]
fn the_menu_gives_the_reason_of_the_engine_for_what_is_grey() {
    let mut stage = Stage::full(120, 40);
    stage.keys("a p");
    let text = stage.text();
    assert!(text.contains("The ticket is DISPATCHED; schedule.propose is possible from"), "{text}");
    stage.keys("i");
    assert_eq!(stage.model.scope(), Scope::Form, "check in is possible");
}

#[test]
fn a_call_is_shown_running_until_it_is_answered() {
    let mut stage = Stage::full(120, 40);
    let call = envelope(10_423);
    stage.hear(Msg::Call(CallNews::Adopted(call.clone())));
    let line = |stage: &mut Stage| stage.text().lines().find(|line| line.contains("T-10423  Main")).unwrap().to_owned();
    assert!(line(&mut stage).contains('↻'));
    let body = json!({"id": id(10_423), "number": "T-10423", "state": "IN_PROGRESS"}).to_string();
    let outcome = Ok(Reply { status: 200, body, replayed: false });
    let effects = stage.hear(Msg::Call(CallNews::Answered { envelope: call, outcome }));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::LoadCase { .. })));
    assert!(!line(&mut stage).contains('↻'));
    assert!(stage.text().contains("T-10423 is IN PROGRESS"));
}

#[test]
fn a_refused_call_comes_back_as_its_form_with_the_words_of_the_refusal() {
    let mut stage = Stage::with_case(120, 40);
    let call = envelope(10_423);
    stage.hear(Msg::Call(CallNews::Adopted(call.clone())));
    stage.model.awaits = Some(call.request_id);
    let outcome = Err(refused("The ticket is somewhere else now."));
    stage.hear(Msg::Call(CallNews::Answered { envelope: call, outcome }));
    assert_eq!(stage.model.scope(), Scope::Form);
    assert!(stage.text().contains("The ticket is somewhere else now."), "{}", stage.text());
}

#[test]
fn an_outage_is_told_with_the_age_of_the_data_and_its_end_too() {
    let mut stage = Stage::full(120, 40);
    stage.hear(Msg::Tick(at(30)));
    stage.hear(Msg::Feed(FeedNews::Away("connection refused".to_owned())));
    let text = stage.text();
    assert!(text.contains("away 30s") && text.contains("Data 30s old"), "{text}");
    stage.keys("j");
    assert_eq!(stage.selected(), "T-10440", "reading goes on");
    let call = envelope(10_440);
    stage.hear(Msg::Call(CallNews::Adopted(call.clone())));
    stage.hear(Msg::Call(CallNews::Waits(call.request_id)));
    assert!(stage.text().contains("waits for the database"));
    stage.hear(Msg::Tick(at(60)));
    stage.changes(Vec::new(), at(60));
    assert!(stage.said().contains("The database is back, after 60s"), "{}", stage.said());
    assert!(stage.text().contains("● live"));
}

#[test]
fn a_call_that_asks_again_goes_only_by_its_own_key() {
    let mut stage = Stage::full(120, 40);
    let call = envelope(10_423);
    stage.hear(Msg::Call(CallNews::Adopted(call.clone())));
    stage.hear(Msg::Call(CallNews::Asks { envelope: call.clone(), why: Why::WaitedLong }));
    assert!(stage.text().contains("Send it after all?"), "{}", stage.text());
    assert!(stage.keys("s").is_empty(), "a key that was meant for the queue");
    stage.hear(Msg::Tick(at(1)));
    assert!(stage.keys("s").is_empty(), "it may have come up a moment before the clock's second began");
    stage.hear(Msg::Tick(at(2)));
    assert!(stage.keys("enter space ctrl-s").is_empty(), "no key that is pressed by habit");
    assert_eq!(stage.keys("s"), [Effect::SendAfterAll(call.request_id)]);
}

#[test]
fn a_call_whose_ticket_moved_on_is_not_sent_but_opened_again() {
    let mut stage = Stage::with_case(120, 40);
    let call = envelope(10_423);
    stage.hear(Msg::Call(CallNews::Adopted(call.clone())));
    stage.hear(Msg::Call(CallNews::Asks { envelope: call.clone(), why: Why::TicketMovedOn }));
    stage.hear(Msg::Tick(at(2)));
    assert!(stage.keys("s").is_empty());
    assert!(stage.keys("f").contains(&Effect::Withdraw(call.request_id)));
    assert_ne!(stage.model.scope(), Scope::Form, "not before it is surely taken back");
    stage.hear(Msg::Call(CallNews::Withdrawn(call.request_id)));
    assert_eq!(stage.model.scope(), Scope::Form);
    assert_eq!(stage.model.known.calls.open().count(), 0);
}

#[test]
fn a_question_does_not_come_up_under_typing_hands() {
    let mut stage = Stage::full(120, 40);
    let call = envelope(10_423);
    stage.hear(Msg::Call(CallNews::Adopted(call.clone())));
    stage.keys("/");
    stage.hear(Msg::Call(CallNews::Asks { envelope: call, why: Why::WaitedLong }));
    stage.keys("pier");
    assert_eq!(stage.model.queue.filter_text(), "pier");
    stage.keys("enter");
    assert!(stage.text().contains("Send it after all?"));
}

#[test]
fn leaving_tells_what_is_still_in_flight() {
    let mut stage = Stage::full(120, 40);
    assert_eq!(stage.keys("q"), [Effect::Quit]);
    stage.hear(Msg::Call(CallNews::Adopted(envelope(10_423))));
    assert!(stage.keys("q").is_empty());
    assert!(stage.text().contains("These calls have no answer yet"));
    assert_eq!(stage.keys("enter"), [Effect::Quit]);
}

#[test]
fn the_case_is_read_after_a_rest_and_only_that_of_the_last_ticket() {
    let mut stage = Stage::full(120, 40);
    let stamps: Vec<_> = stage
        .keys("j j j")
        .into_iter()
        .filter_map(|effect| if let Effect::After { stamp, .. } = effect { Some(stamp) } else { None })
        .collect();
    assert!(stage.hear(Msg::Due { stamp: stamps[0] }).is_empty(), "the cursor went on");
    let effects = stage.hear(Msg::Due { stamp: *stamps.last().unwrap() });
    let asked: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::LoadCase { .. })).collect();
    assert_eq!(asked.len(), 1, "{effects:?}");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Attend { ticket: Some(_), .. })));
}

#[test]
fn others_who_have_the_ticket_open_are_named() {
    let mut stage = Stage::with_case(200, 60);
    let other = Present { actor_id: "tomas".to_owned(), role: "qa".to_owned(), is_editing: true, since: noon() };
    stage.hear(Msg::Present { ticket: id(10_423), others: vec![other] });
    assert!(stage.text().contains("tomas (qa) is working on it"), "{}", stage.text());
    stage.keys("j");
    assert!(!stage.text().contains("tomas"));
}

#[test]
fn a_contact_is_hidden_until_it_is_wanted_and_again_for_the_next_ticket() {
    let mut stage = Stage::with_case(120, 40);
    assert!(!stage.text().contains("5105550142") && !stage.text().contains("4711"));
    stage.keys("x");
    assert!(stage.text().contains("5105550142") && stage.text().contains("4711"), "{}", stage.text());
    stage.hear(read(10_440, case(&morning()[1])));
    stage.keys("j");
    assert!(!stage.text().contains("5105550142"));
}

#[test]
fn what_one_role_read_is_not_shown_to_the_next() {
    let mut stage = Stage::with_case(120, 40);
    stage.keys("R q enter");
    assert!(stage.model.known.case(id(10_423)).is_none());
    stage.hear(read(10_423, case(&morning()[0])));
    assert!(stage.model.known.case(id(10_423)).is_none(), "asked for before, and answered late");
    stage.hear(unread(10_423, "A dispatcher may not."));
    assert!(stage.model.known.trouble.is_none());
    let outcome = Ok(std::sync::Arc::new(case(&morning()[0])));
    stage.hear(Msg::Case { ticket: id(10_423), role: Role::Qa, outcome });
    assert!(stage.model.known.case(id(10_423)).is_some());
}

#[test]
fn a_role_that_may_not_look_is_told_and_can_switch_back() {
    let mut stage = Stage::full(120, 40);
    let refusal = Refusal::new(Code::Forbidden, "Role customer may not call case.get.");
    stage.hear(Msg::Feed(FeedNews::Refused(refusal)));
    assert!(stage.text().contains("Press R to act in another role."), "{}", stage.text());
    let effects = stage.keys("R d enter");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Follow(actor) if actor.role == Role::Dispatcher)));
    stage.page(rows(&morning()));
    assert!(!stage.text().contains("may not call"), "{}", stage.text());
    assert_eq!(stage.selected(), "T-10423");
}

#[test]
fn a_new_ticket_is_selected_as_soon_as_its_row_comes() {
    let mut stage = Stage::full(120, 40);
    let mut call = envelope(1);
    (call.tool, call.target) = ("ticket.create".to_owned(), Target::Nothing);
    stage.model.awaits = Some(call.request_id);
    let body = json!({"id": id(10_700), "number": "T-10700", "state": "NEW"}).to_string();
    let outcome = Ok(Reply { status: 201, body, replayed: false });
    stage.hear(Msg::Call(CallNews::Answered { envelope: call, outcome }));
    stage.changes(vec![Ticket::new(10_700, "ROUTINE", "NEW", 80_000).row(noon())], noon());
    assert_eq!(stage.selected(), "T-10700");
}

#[test]
fn the_timelines_cursor_stays_on_its_event_when_another_comes_and_on_the_newest_if_it_was_there() {
    let under_cursor = |stage: &mut Stage| {
        let text = stage.text();
        let line = text.lines().rfind(|line| line.contains("▌2")).unwrap_or_default();
        line.split("▌2").last().unwrap_or_default().to_owned()
    };
    let mut stage = Stage::with_case(120, 40);
    stage.keys("t j");
    let before = under_cursor(&mut stage);
    assert!(before.contains("ticket.triage"), "{before}");
    let mut more = case(&morning()[0]);
    let mut newest = more.events[2].clone();
    newest["seq"] = json!(4);
    more.events.push(newest);
    stage.hear(read(10_423, more.clone()));
    assert_eq!(under_cursor(&mut stage), before);
    stage.keys("g");
    let mut newest = more.events[1].clone();
    newest["seq"] = json!(5);
    more.events.push(newest);
    stage.hear(read(10_423, more));
    assert!(under_cursor(&mut stage).contains("ticket.triage"), "{}", stage.text());
}

#[test]
fn the_clock_goes_over_to_another_zone_while_one_looks() {
    let mut stage = Stage::full(120, 40);
    let before = stage.text();
    stage.hear(Msg::Zone(Zone::Named(chrono_tz::Europe::Berlin)));
    assert_ne!(stage.text().lines().next(), before.lines().next());
}

#[test]
fn the_list_under_ones_eyes_is_written_or_copied() {
    let mut stage = Stage::with_case(120, 40);
    stage.keys("e");
    assert!(stage.text().contains("The queue as it stands, 9 rows"), "{}", stage.text());
    let effects = stage.keys("y");
    let [Effect::Copy(text)] = &effects[..] else { panic!("{effects:?}") };
    assert!(text.lines().count() == 10 && text.contains("T-10423"), "{text}");
    assert_eq!(stage.said(), "Copied 9 rows, as CSV.");
    let effects = stage.keys("t f e j");
    let exported = effects.iter().find_map(|effect| match effect {
        Effect::Export { path, extract, .. } => Some((path.display().to_string(), extract.many())),
        _ => None,
    });
    let (path, many) = exported.unwrap();
    assert!(path.starts_with("dispatch-timeline-") && path.contains(".json"), "{path}");
    assert_eq!(many, 2, "only the changes of state, as shown");
}

#[test]
fn whoever_went_on_is_not_brought_to_the_ticket_that_was_waited_for() {
    let created = |stage: &mut Stage| {
        let mut call = envelope(1);
        (call.tool, call.target) = ("ticket.create".to_owned(), Target::Nothing);
        stage.model.awaits = Some(call.request_id);
        let body = json!({"id": id(10_777), "number": "T-10777", "state": "NEW"}).to_string();
        let outcome = Ok(crate::engine::Reply { status: 201, body, replayed: false });
        stage.hear(Msg::Call(CallNews::Answered { envelope: call, outcome }));
    };
    let row = Ticket::new(10_777, "ROUTINE", "NEW", 80_000).row(noon());
    for (keys, goes) in [("", true), ("j", false), ("/ t enter", false), ("?", false)] {
        let mut stage = Stage::full(120, 40);
        created(&mut stage);
        stage.keys(keys);
        stage.changes(vec![row.clone()], noon());
        assert_eq!(stage.selected() == "T-10777", goes, "{keys:?}");
    }
}

#[test]
fn a_promise_that_a_change_breaks_is_announced_like_one_that_time_breaks() {
    let mut stage = Stage::full(120, 40);
    // From routine to urgent, and so long since it was taken down that it is late at once.
    let row = Ticket { seq: 9, ..Ticket::new(10_398, "URGENT", "TRIAGED", -600) }.row(noon());
    let effects = stage.changes(vec![row], noon());
    assert!(effects.contains(&Effect::Bell), "{effects:?}");
    assert!(stage.text().contains("New breach or emergency: T-10398"), "{}", stage.text());
}

#[test]
fn a_click_in_the_timeline_goes_to_the_event_it_is_on() {
    let mut stage = Stage::with_case(120, 40);
    stage.keys("t");
    let place = |stage: &mut Stage, words: &str| {
        let text = stage.text();
        let row = text.lines().position(|line| line.contains(words)).unwrap();
        u16::try_from(row).unwrap()
    };
    let row = place(&mut stage, "ticket.triage");
    for below in [0, 1] {
        stage.keys("g");
        stage.click(100, row + below);
        let line = stage.text().lines().nth(usize::from(row)).unwrap().to_owned();
        assert!(line.contains("▌2"), "{below}: {line}");
    }
}

#[test]
fn a_picture_is_seen_on_a_small_screen_too() {
    let mut stage = Stage::with_case(80, 24);
    let picture = crate::cockpit::msg::Picture { width: 8, height: 8, pixels: vec![[200, 40, 40]; 64] };
    let content = Some(Content::Picture(picture));
    let raw = crate::cockpit::dialogs::raw::Raw::new("Evidence".to_owned(), &json!({"kind": "PHOTO"}), content);
    crate::cockpit::asks::heed(&mut stage.model, vec![Ask::Open(Box::new(raw))]);
    let text = stage.text();
    assert!(text.contains("▀▀▀▀▀▀▀▀") && text.contains("\"PHOTO\""), "{text}");
}

#[test]
fn a_note_is_read_beneath_the_list_and_to_its_end_in_a_window_of_its_own() {
    let mut stage = Stage::full(120, 40);
    let mut case = case(&morning()[0]);
    case.case["evidence"][0]["uri"] = json!("dispatch://objects/note.txt");
    stage.hear(read(10_423, case));
    let effects = stage.keys("E");
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Content { stamp, .. } => Some(*stamp),
        _ => None,
    });
    let text = format!("Shutter braced.\n\n{} \u{1b}[31mThe end.", "Cylinder drilled, rim sits well. ".repeat(60));
    stage.hear(Msg::Content { stamp: asked.unwrap(), outcome: Some(Content::Words(text, false)) });
    let shown = stage.text();
    assert!(shown.contains("Shutter braced.") && shown.contains("… enter reads on"), "{shown}");
    stage.keys("enter");
    let shown = stage.text();
    assert!(shown.contains("Shutter braced.") && shown.contains("The end."), "{shown}");
    assert!(shown.contains("␛[31m") && shown.contains("\"kind\""), "{shown}");
}

#[test]
fn a_long_line_of_an_entry_is_read_to_its_end() {
    let mut stage = Stage::with_case(80, 24);
    let value = json!({"note": format!("{}the end", "x".repeat(400))});
    let raw = crate::cockpit::dialogs::raw::Raw::new("Event".to_owned(), &value, None);
    crate::cockpit::asks::heed(&mut stage.model, vec![Ask::Open(Box::new(raw))]);
    assert!(stage.text().contains("the end\""), "{}", stage.text());
}
