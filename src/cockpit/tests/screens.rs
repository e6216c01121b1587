//! Every screen in every state it can be in, at three sizes, with its styles; every dialog at 80×24.

use serde_json::json;
use uuid::Uuid;

use super::fixture::{Stage, Ticket, at, case, id, morning, noon, read, unread};
use crate::cockpit::envelope::{Envelope, Target};
use crate::cockpit::msg::{CallNews, FeedNews, Msg, Why};
use crate::domain::actor::{Actor, Role};
use crate::domain::refusal::{Code, Refusal};
use crate::text::width;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn at_every_size(name: &str, stage: impl Fn(u16, u16) -> Stage) {
    for (columns, rows) in SIZES {
        let picture = stage(columns, rows).picture();
        insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), picture);
    }
}

#[test]
fn opening() {
    at_every_size("opening", Stage::opening);
}

#[test]
fn empty() {
    at_every_size("empty", |columns, rows| {
        let mut stage = Stage::opening(columns, rows);
        stage.page(Vec::new());
        stage
    });
}

#[test]
fn full() {
    at_every_size("full", Stage::with_case);
}

#[test]
fn reading_the_case() {
    at_every_size("reading_the_case", Stage::full);
}

#[test]
fn timeline() {
    at_every_size("timeline", |columns, rows| {
        let mut stage = Stage::with_case(columns, rows);
        stage.keys("t j");
        stage
    });
}

#[test]
fn an_empty_timeline() {
    at_every_size("empty_timeline", |columns, rows| {
        let mut stage = Stage::full(columns, rows);
        let mut new = case(&morning()[0]);
        new.events.truncate(1);
        stage.hear(read(10_423, new));
        stage.keys("t f f");
        stage
    });
}

#[test]
fn a_broken_chain() {
    at_every_size("broken_chain", |columns, rows| {
        let mut stage = Stage::full(columns, rows);
        let mut broken = case(&morning()[0]);
        broken.chain = Some("event 2 was edited".to_owned());
        stage.hear(read(10_423, broken));
        stage.keys("t");
        stage
    });
}

#[test]
fn empty_evidence() {
    at_every_size("empty_evidence", |columns, rows| {
        let mut stage = Stage::full(columns, rows);
        let mut new = case(&morning()[0]);
        (new.case["evidence"], new.case["required_evidence"]) = (json!([]), json!([]));
        stage.hear(read(10_423, new));
        stage.keys("E");
        stage
    });
}

/// What was read before the database went away is still to be read, and says its age.
#[test]
fn a_stale_case() {
    at_every_size("stale_case", |columns, rows| {
        let mut stage = Stage::with_case(columns, rows);
        stage.hear(Msg::Tick(at(30)));
        stage.hear(Msg::Feed(FeedNews::Away("connection refused".to_owned())));
        stage.keys("t");
        stage
    });
}

#[test]
fn a_case_that_was_not_read_before_the_database_went_away() {
    at_every_size("case_not_read_yet", |columns, rows| {
        let mut stage = Stage::full(columns, rows);
        stage.hear(Msg::Feed(FeedNews::Away("connection refused".to_owned())));
        stage.keys("E");
        stage
    });
}

#[test]
fn a_case_that_could_not_be_read() {
    let unreadable = |columns, rows| {
        let mut stage = Stage::full(columns, rows);
        stage.hear(unread(10_423, "The ticket's record could not be understood."));
        stage
    };
    at_every_size("case_not_readable", unreadable);
    for keys in ["t", "E"] {
        let mut stage = unreadable(80, 24);
        stage.keys(keys);
        assert!(stage.text().contains("The case could not be read: The ticket's record"), "{}", stage.text());
    }
}

#[test]
fn evidence() {
    at_every_size("evidence", |columns, rows| {
        let mut stage = Stage::with_case(columns, rows);
        stage.keys("E");
        stage
    });
}

#[test]
fn stale() {
    at_every_size("stale", |columns, rows| {
        let mut stage = Stage::with_case(columns, rows);
        stage.hear(Msg::Tick(at(30)));
        stage.hear(Msg::Feed(FeedNews::Away("connection refused".to_owned())));
        stage
    });
}

#[test]
fn refused() {
    at_every_size("refused", |columns, rows| {
        let mut stage = Stage::opening(columns, rows);
        let refusal =
            Refusal::new(Code::Forbidden, "Role customer may not call case.get. Ask somebody in another role.");
        stage.hear(Msg::Feed(FeedNews::Refused(refusal)));
        stage
    });
}

#[test]
fn a_filter_that_fits_nothing() {
    at_every_size("nothing_fits", |columns, rows| {
        let mut stage = Stage::full(columns, rows);
        stage.keys("/ state:on_hold enter");
        stage
    });
}

#[test]
fn a_new_breach() {
    at_every_size("new_breach", |columns, rows| {
        let mut stage = Stage::with_case(columns, rows);
        stage.hear(Msg::Tick(at(1_136)));
        stage
    });
}

#[test]
fn every_theme_draws_the_same_words() {
    let mut stage = Stage::with_case(80, 24);
    let words = stage.text();
    for theme in stage.model.themes.themes.clone() {
        let name = theme.name.clone();
        stage.model.known.theme = theme;
        assert_eq!(stage.text(), words, "{name}");
        insta::assert_snapshot!(format!("theme_{name}"), stage.picture());
    }
}

fn call(tool: &str) -> Envelope {
    Envelope {
        request_id: Uuid::from_u128(0xabcd),
        pressed_at: noon(),
        tool: tool.to_owned(),
        target: Target::Ticket { id: id(10_423), number: "T-10423".to_owned() },
        payload: json!({"timestamp": noon()}),
        if_version: Some(3),
        actor: Actor::local("maria", Role::Dispatcher),
        upload: None,
        draft: None,
    }
}

#[test]
fn every_dialog() {
    for (name, keys) in [
        ("help", "?"),
        ("help_of_the_case", "tab ?"),
        ("palette", ":"),
        ("palette_typed", ": verify"),
        ("actions", "a"),
        ("actions_refused", "a b"),
        ("roles", "R"),
        ("views", "v"),
        ("name_view", "/ pier enter v end enter Pi"),
        ("themes", "T"),
        ("directory", "d"),
        ("calls_none", "c"),
        ("export", "e"),
        ("raw_event", "t enter"),
        ("filter", "/ pier"),
        ("form_new", "n"),
        ("form_check_in", "space"),
        ("form_evidence", "a e"),
        ("form_cancel", "a X"),
        ("form_site", "d down enter"),
    ] {
        let mut stage = Stage::with_case(80, 24);
        stage.keys(keys);
        insta::assert_snapshot!(format!("dialog_{name}"), stage.picture());
    }
}

#[test]
fn dialogs_about_calls() {
    let mut stage = Stage::with_case(80, 24);
    stage.hear(Msg::Call(CallNews::Adopted(call("tech.check_in"))));
    stage.hear(Msg::Call(CallNews::Waits(Uuid::from_u128(0xabcd))));
    stage.keys("c");
    insta::assert_snapshot!("dialog_calls", stage.picture());
    stage.keys("esc q");
    insta::assert_snapshot!("dialog_quit", stage.picture());
    stage.keys("esc");
    stage.hear(Msg::Call(CallNews::Asks { envelope: call("tech.check_in"), why: Why::WaitedLong }));
    insta::assert_snapshot!("dialog_ask_again", stage.picture());
}

/// Whether the columns of the first ticket start in the cells in which they start in a row of plain text.
fn columns_start_where_they_do(stage: &mut Stage, text: &str) {
    let mut plain = Stage::full(120, 40);
    let shown = plain.text();
    let row_of = |words: &str| u16::try_from(shown.lines().position(|line| line.contains(words)).unwrap()).unwrap();
    let heading: String = plain.cells(row_of("TICKET")).into_values().collect();
    let row = row_of("T-10423  Main");
    let (expected, found) = (plain.cells(row), stage.cells(row));
    for name in ["PRI", "STATE", "TICKET", "SITE", "TECH", "START"] {
        let before = heading.split_once(name).unwrap().0;
        let at = u16::try_from(width(before)).unwrap();
        assert_eq!(found.get(&(at - 1)).map(String::as_str), Some(" "), "{text:?}: before {name}: {found:?}");
        assert!(found.contains_key(&at), "{text:?}: {name}: {found:?}");
        if !["SITE", "TECH"].contains(&name) {
            assert_eq!(found.get(&at), expected.get(&at), "{text:?}: {name}: {found:?}");
        }
    }
    let edges = |cells: &std::collections::BTreeMap<u16, String>| {
        cells.iter().filter(|(_, symbol)| "│┃".contains(symbol.as_str())).map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!(edges(&found), edges(&expected), "{text:?}");
}

#[test]
fn hostile_text_is_shown_harmless_and_keeps_the_columns() {
    let evil = [
        "\x1b[2J\x1b]0;own\x07",
        "a\u{202e}gpj.exe",
        "👩‍👩‍👧‍👦👍🏽❤️",
        "ḩ̸̛a\u{301}\u{301}\u{301}",
        "한글\u{1112}\u{1161}\u{11ab}",
    ];
    for text in evil {
        let mut stage = Stage::full(120, 40);
        let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
        let ticket = Ticket { site: text, summary: text, tech: Some(text), seq: 9, ..morning()[0].clone() };
        stage.changes(vec![ticket.row(noon())], noon());
        stage.hear(read(10_423, case(&ticket)));
        for keys in ["", "t", "E", "f2", "a", "esc :", "esc"] {
            stage.keys(keys);
            let shown = stage.text();
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
            assert!(!shown.contains('\u{202e}'), "{text:?}");
            assert!(shown.lines().all(|line| width(line) <= 120), "{text:?}\n{shown}");
            if keys.is_empty() {
                columns_start_where_they_do(&mut stage, text);
            }
        }
    }
}

#[test]
fn a_summary_of_a_megabyte_is_drawn_like_any_other() {
    let mut stage = Stage::full(120, 40);
    let long: &'static str = Box::leak("東京 ".repeat(300_000).into_boxed_str());
    let ticket = Ticket { summary: long, seq: 9, ..morning()[0].clone() };
    stage.changes(vec![ticket.row(noon())], noon());
    let mut data = case(&ticket);
    data.case["ticket"]["description"] = json!(long);
    stage.hear(read(10_423, data));
    assert!(stage.text().contains("東京"));
}

#[test]
fn no_size_and_no_resize_makes_a_screen_fall_over() {
    for (columns, rows) in [(20, 5), (1, 1), (2, 40), (400, 3), (400, 120), (33, 9), (109, 13), (110, 14)] {
        let mut stage = Stage::with_case(columns, rows);
        for keys in ["", "t", "E", "?", "esc a", "esc :", "esc R", "esc c", "esc n", "esc esc e", "esc /"] {
            stage.keys(keys);
            stage.draw();
        }
    }
}
