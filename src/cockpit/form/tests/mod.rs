//! Forms as a whole: every tool has one, and none of them loses, doubles or hides anything.

mod screens;
mod sending;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};

use super::testing::{self, Stage, presses};
use super::*;
use crate::cockpit::envelope::{Envelope, Target};
use crate::domain::refusal::Code;
use crate::domain::registry;
use crate::engine::{Preview, Refused};

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
fn enter_goes_through_a_form_and_sends_it_at_its_end() {
    let stage = Stage::new();
    let (mut form, asks) = open("tech.check_in", &stage);
    judge(&mut form, &asks, Ok(preview("IN_PROGRESS")), &stage);
    let shown = screen(&form, 80, 24, &stage);
    assert!(shown.contains("2026-11-21 14:32") && shown.contains("Sat PST"), "{shown}");
    assert!(shown.contains("→ IN PROGRESS"), "{shown}");
    let asks = keys(&mut form, "enter enter enter", &stage);
    assert_eq!(sent(&asks).unwrap().payload, json!({"timestamp": "2026-11-21T22:32:00.000Z"}));
    assert!(!sent(&asks).unwrap().draft.as_ref().unwrap().is_something(), "nothing was typed");
}

#[test]
fn a_site_that_is_picked_first_brings_its_account() {
    let mut stage = Stage::new();
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
    let kept = draft(&keys(&mut form, "esc", &stage)).unwrap();
    stage.drafts.insert(form.kept.key.clone(), kept);
    let (form, _) = open("ticket.create", &stage);
    assert_eq!(form.checked.body, json!({"account_id": account, "site_id": site}), "it comes back with the draft");
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
    let kept = draft(&rest(&mut form, &asks, &stage)).unwrap();
    assert_eq!((&kept["fields"], &kept["seen"]["version"]), (&json!({"reason": "no"}), &json!(4)));
    let asks = keys(&mut form, "ctrl-u esc", &stage);
    assert!(
        asks.iter().any(|ask| matches!(ask, Ask::Effect(Effect::KeepDraft { .. }))),
        "an emptied field is a draft too"
    );
}
