//! Forms as a whole: every tool has one, and none of them loses, doubles or hides anything.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};

use super::testing::{self, Stage, presses};
use super::*;
use crate::cockpit::envelope::{Envelope, Target};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::registry;
use crate::engine::Preview;

/// Every form there is.
fn all() -> Vec<(&'static Tool, Option<Kind>)> {
    let kinds = |tool: &'static Tool| -> Vec<Option<Kind>> {
        if tool.spec.from == From::NoTicket { Kind::ALL.iter().copied().map(Some).collect() } else { vec![None] }
    };
    let tools = registry::tools().iter().filter(|tool| tool.mutating);
    tools.flat_map(|tool| kinds(tool).into_iter().map(move |kind| (tool, kind))).collect()
}

fn open(tool: &str, stage: &Stage) -> (Form, Vec<Ask>) {
    Form::open(registry::find(tool).unwrap(), None, &stage.world())
}

fn keys(form: &mut Form, keys: &str, stage: &Stage) -> Vec<Ask> {
    presses(keys, &stage.keymap).into_iter().flat_map(|press| form.press(press, &stage.world())).collect()
}

fn hear(form: &mut Form, msg: &Msg, stage: &Stage) -> Vec<Ask> {
    form.hear(msg, &stage.world())
}

/// Answers the newest question to the engine.
fn judge(form: &mut Form, asks: &[Ask], outcome: Result<Preview, Refusal>, stage: &Stage) -> Vec<Ask> {
    let stamp = asks.iter().rev().find_map(|ask| match ask {
        Ask::Effect(Effect::Preview { stamp, .. }) => Some(*stamp),
        _ => None,
    });
    let outcome = outcome.map_err(|refusal| Refused { refusal, request_id: None, correlation_id: None });
    hear(form, &Msg::Previewed { stamp: stamp.expect("a preview was asked"), outcome }, stage)
}

/// Lets every wait pass.
fn rest(form: &mut Form, asks: &[Ask], stage: &Stage) -> Vec<Ask> {
    let stamps = asks.iter().filter_map(|ask| match ask {
        Ask::Effect(Effect::After { stamp, .. }) => Some(*stamp),
        _ => None,
    });
    stamps.flat_map(|stamp| hear(form, &Msg::Due { stamp }, stage)).collect()
}

fn sent(asks: &[Ask]) -> Option<&Envelope> {
    asks.iter().find_map(|ask| match ask {
        Ask::Effect(Effect::Send(envelope)) => Some(envelope),
        _ => None,
    })
}

fn draft(asks: &[Ask]) -> Option<Value> {
    asks.iter().rev().find_map(|ask| match ask {
        Ask::Effect(Effect::KeepDraft { draft, .. }) => Some(draft.clone()),
        _ => None,
    })
}

fn preview(state: &str) -> Preview {
    let mut ticket = testing::ticket();
    ticket["state"] = state.into();
    let steps = vec![json!({"from_state": "SCHEDULED", "to_state": state})];
    Preview { dry_run: true, ticket, steps, messages: vec![], missing: vec![] }
}

fn screen(form: &Form, width: u16, height: u16, stage: &Stage) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| form.draw(frame, frame.area(), &stage.world())).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(|y| line(y).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A value that a field of this name takes, as a pointer into a record would have it.
fn minimal(name: &str) -> Value {
    match name {
        "account_id" | "site_id" | "approval_id" => testing::TICKET.to_string().into(),
        "priority" => "URGENT".into(),
        "approval_type" => "PROPOSAL".into(),
        "decision" => "APPROVED".into(),
        "result" => "PASS".into(),
        "uri" => "s3://jobs/a.jpg".into(),
        "timestamp" => "2026-11-21T22:00:00.000Z".into(),
        "start" => json!({"start": "2026-11-21T22:00:00.000Z", "end": "2026-11-21T23:00:00.000Z"}),
        "options" => json!([{"start": "2026-11-21T22:00:00.000Z", "end": "2026-11-21T23:00:00.000Z"}]),
        "checklist_status" => json!({}),
        _ => "words".into(),
    }
}

fn fill(form: &mut Form, only_required: bool, stage: &Stage) {
    let world = stage.world();
    let scene = form.scene(&world, None);
    let values: Vec<Value> = form.fields.iter().map(|field| minimal(field.name())).collect();
    for (field, value) in form.fields.iter_mut().zip(values).filter(|(field, _)| field.is_required || !only_required) {
        field.control.fill(&value, &scene);
    }
    form.recheck(&world);
}

#[test]
fn the_least_filling_of_every_form_is_a_payload_that_its_tool_takes() {
    let stage = Stage::new();
    for (tool, kind) in all() {
        let (mut form, _) = Form::open(tool, kind, &stage.world());
        fill(&mut form, true, &stage);
        let needs_place = kind == Some(Kind::Contacts);
        if needs_place {
            let at = form.position("site_id").unwrap();
            stage.scene(|scene| form.fields[at].control.fill(&minimal("site_id"), scene));
            form.recheck(&stage.world());
        }
        assert!(form.checked.is_whole(), "{} {kind:?}: {:?}", tool.spec.name, form.checked);
        assert!(tool.payload(kind, &form.checked.body).is_ok(), "{}", tool.spec.name);
    }
}

#[test]
fn every_form_keeps_what_was_typed_and_takes_it_up_again() {
    let mut stage = Stage::new();
    for (tool, kind) in all() {
        let (mut form, _) = Form::open(tool, kind, &stage.world());
        let mut asks = Vec::new();
        for _ in 0..form.fields.len() {
            asks.extend(keys(&mut form, "right space 1 left alt-h tab", &stage));
        }
        asks.extend(keys(&mut form, "esc", &stage));
        let Some(kept) = draft(&asks) else {
            assert!(form.fields.is_empty(), "{} {kind:?}", tool.spec.name);
            continue;
        };
        // As a file would keep it.
        let kept: Value = serde_json::from_str(&kept.to_string()).unwrap();
        stage.drafts.insert(form.kept.key.clone(), kept.clone());
        let (mut again, _) = Form::open(tool, kind, &stage.world());
        assert!(again.kept.is_restored, "{}", tool.spec.name);
        let closed = keys(&mut again, "esc", &stage);
        assert_eq!(draft(&closed), Some(kept), "{} {kind:?}", tool.spec.name);
        assert_eq!(again.checked.body, form.checked.body, "{} {kind:?}", tool.spec.name);
        let (mut fresh, _) = Form::open(tool, kind, &stage.world());
        let asks = keys(&mut fresh, "ctrl-x", &stage);
        assert!(matches!(&asks[0], Ask::Effect(Effect::DropDraft { key }) if *key == form.kept.key));
        assert!(!fresh.kept.is_restored);
    }
}

#[test]
fn no_form_panics_at_any_size_with_any_text_or_key() {
    let mut stage = Stage::new();
    let hostile = "\u{1b}[2J\u{202e}東京e\u{301}\u{200d}👩‍👩‍👧 ".repeat(300);
    let sizes = [
        (20, 5),
        (21, 6),
        (24, 8),
        (33, 10),
        (44, 12),
        (60, 15),
        (80, 24),
        (120, 40),
        (200, 60),
        (20, 60),
        (200, 5),
        (1, 1),
        (5, 3),
    ];
    for is_known in [true, false] {
        if !is_known {
            (stage.case, stage.row) = (None, None);
        }
        for (tool, kind) in all() {
            let (mut form, _) = Form::open(tool, kind, &stage.world());
            for n in 0..=form.fields.len() {
                form.paste(&hostile, &stage.world());
                keys(&mut form, if n % 2 == 0 { "down enter x" } else { "alt-a alt-h space backspace" }, &stage);
                for (width, height) in sizes {
                    let shown = screen(&form, width, height, &stage);
                    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{}", tool.spec.name);
                }
                keys(&mut form, "tab", &stage);
            }
            form.submit(&stage.world());
            screen(&form, 80, 24, &stage);
        }
    }
}

#[test]
fn the_field_with_the_focus_is_in_sight_however_small_the_screen() {
    let stage = Stage::new();
    let (mut form, _) = open("ticket.triage", &stage);
    for n in 0..form.fields.len() {
        assert_eq!(form.focus, Stop::Field(n));
        let label: String = form.fields[n].label.chars().take(8).collect();
        for (width, height) in [(80, 24), (20, 5), (50, 10)] {
            let shown = screen(&form, width, height, &stage);
            assert!(shown.contains(&label), "{label} at {width}x{height}\n{shown}");
        }
        keys(&mut form, "tab", &stage);
    }
    assert!(screen(&form, 20, 5, &stage).contains("[ Send ]"));
}

#[test]
fn a_form_says_what_is_needed_and_sends_only_what_is_whole() {
    let stage = Stage::new();
    let (mut form, _) = open("ticket.cancel", &stage);
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("Cancel the job · T-10423 · Main St Store"), "{shown}");
    assert!(shown.contains("Reason *") && shown.contains("Still needed: Reason."), "{shown}");
    assert!(!shown.contains('✗'), "no error before the field was left\n{shown}");
    let asks = keys(&mut form, "ctrl-s", &stage);
    assert!(sent(&asks).is_none());
    assert!(screen(&form, 80, 24, &stage).contains("✗ This is needed."));
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
    assert_eq!(envelope.draft_key.as_deref(), Some(format!("ticket.cancel {}", testing::TICKET).as_str()));
    assert!(draft(&asks).is_some() && matches!(asks.last(), Some(Ask::Close)));
}

#[test]
fn enter_goes_through_a_form_and_sends_it_at_its_end() {
    let stage = Stage::new();
    let (mut form, asks) = open("tech.check_in", &stage);
    judge(&mut form, &asks, Ok(preview("IN_PROGRESS")), &stage);
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("2026-11-21 14:32") && shown.contains("Sat PST"), "{shown}");
    assert!(shown.contains("→ IN PROGRESS"), "{shown}");
    let asks = keys(&mut form, "enter enter enter", &stage);
    assert_eq!(sent(&asks).unwrap().payload, json!({"timestamp": "2026-11-21T22:32:00.000Z"}));
    assert_eq!(sent(&asks).unwrap().draft_key, None);
}

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
    assert!(screen(&form, 80, 24, &stage).contains("ASSIGNMENT_CAPABILITY_MISMATCH"));
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

fn newer() -> Value {
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
    let asks = hear(&mut form, &Msg::Case { ticket: testing::TICKET, outcome: Ok(Box::new(case)) }, &stage);
    let asked = rest(&mut form, &asks, &stage);
    assert!(format!("{asked:?}").contains("if_version: Some(5)"), "{asked:?}");
    judge(&mut form, &asked, Ok(preview("TRIAGED")), &stage);
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("T-10423 moved on: state SCHEDULED → DISPATCHED"), "{shown}");
    assert!(shown.contains("ctrl-s looks again"), "{shown}");
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
    form.place(&Refused { refusal, request_id: None, correlation_id: None });
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("kept from before; ctrl-x") && shown.contains("✗ A FAIL needs notes."), "{shown}");
}

#[test]
fn a_site_that_is_picked_first_brings_its_account() {
    let stage = Stage::new();
    let (mut form, asks) = open("ticket.create", &stage);
    let stamps: Vec<_> = asks
        .iter()
        .filter_map(|ask| match ask {
            Ask::Effect(Effect::Lookup { stamp, kind: Kind::Sites, .. }) => Some(*stamp),
            _ => None,
        })
        .collect();
    let (account, site) = (testing::TICKET.to_string(), "00000000-0000-0000-0000-000000000002");
    let record = json!({"id": site, "account_id": account, "name": "Main St Store", "city": "Oakland"});
    hear(&mut form, &Msg::Looked { stamp: stamps[0], outcome: Ok(vec![record]) }, &stage);
    let asks = keys(&mut form, "tab down enter", &stage);
    assert_eq!(form.checked.body, json!({"account_id": account, "site_id": site}));
    assert_eq!(form.focus, Stop::Field(2));
    let listed = asks.iter().any(|ask| matches!(ask, Ask::Effect(Effect::List { .. })));
    assert!(listed, "the site's history is asked for: {asks:?}");
    assert!(asks.iter().any(|ask| matches!(ask, Ask::Effect(Effect::Lookup { kind: Kind::Assets, .. }))));
}

#[test]
fn a_record_that_is_to_be_changed_fills_its_form() {
    let stage = Stage::new();
    let tool = registry::find("directory.upsert").unwrap();
    let (mut form, asks) = Form::open(tool, Some(Kind::Assets), &stage.world());
    let stamp = asks.iter().find_map(|ask| match ask {
        Ask::Effect(Effect::Lookup { stamp, kind: Kind::Assets, .. }) => Some(*stamp),
        _ => None,
    });
    let id = testing::TICKET.to_string();
    let record = json!({"id": id, "site_id": id, "type": "door", "tag": "D1", "make": null, "installed_at": "2020-01-02", "metadata": {"floor": 2}});
    hear(&mut form, &Msg::Looked { stamp: stamp.unwrap(), outcome: Ok(vec![record]) }, &stage);
    keys(&mut form, "down enter", &stage);
    assert_eq!(
        form.checked.body,
        json!({"id": id, "site_id": id, "type": "door", "tag": "D1", "installed_at": "2020-01-02", "metadata": {"floor": 2}})
    );
    let asks = keys(&mut form, "ctrl-s", &stage);
    assert_eq!(sent(&asks).unwrap().target, Target::Kind("assets".into()));
}

#[test]
fn a_click_chooses_and_pasted_text_goes_where_the_focus_is() {
    let stage = Stage::new();
    let (mut form, _) = open("approval.decide", &stage);
    let shown = screen(&form, 80, 24, &stage);
    let (y, line) = shown.lines().enumerate().find(|(_, line)| line.contains("DENIED")).unwrap();
    let x = line.chars().position(|c| c == 'D' && line.contains("DENIED")).unwrap();
    let x = line.chars().collect::<String>().find("DENIED").map_or(x, |at| line[..at].chars().count());
    let click = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: u16::try_from(x).unwrap(),
        row: u16::try_from(y).unwrap(),
        modifiers: crossterm::event::KeyModifiers::NONE,
    };
    form.mouse(click, &stage.world());
    assert_eq!(form.checked.body["decision"], "DENIED");
    form.paste("not text", &stage.world());
    assert_eq!(form.checked.body["decision"], "DENIED");
    keys(&mut form, "tab", &stage);
    form.paste("two\r\nlines", &stage.world());
    assert_eq!(form.checked.body["notes"], "two\nlines");
}

#[test]
fn the_drafts_wait_for_a_rest() {
    let stage = Stage::new();
    let (mut form, _) = open("ticket.cancel", &stage);
    let asks = keys(&mut form, "no", &stage);
    assert!(draft(&asks).is_none());
    assert_eq!(draft(&rest(&mut form, &asks, &stage)), Some(json!({"fields": {"reason": "no"}})));
    let asks = keys(&mut form, "ctrl-u esc", &stage);
    assert!(
        asks.iter().any(|ask| matches!(ask, Ask::Effect(Effect::KeepDraft { .. }))),
        "an emptied field is a draft too"
    );
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
fn a_risky_call_can_be_kept_while_the_database_is_away() {
    let mut stage = Stage::new();
    stage.is_live = false;
    let (mut form, _) = open("ticket.cancel", &stage);
    let asks = keys(&mut form, "no", &stage);
    rest(&mut form, &asks, &stage);
    assert!(sent(&keys(&mut form, "ctrl-s", &stage)).is_some());
}
