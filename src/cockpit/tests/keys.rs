//! The table of keys is the only place that knows a key: help and footer cannot say anything else.

use super::fixture::Stage;
use crate::cockpit::dialogs::actions;
use crate::cockpit::dialogs::help::Help;
use crate::cockpit::keymap::{Action, Key, Keymap, Scope, TABLE};
use crate::cockpit::part::Ask;
use crate::domain::registry;

/// Keys and words, in the order in which the help draws them: column after column.
fn drawn(text: &str) -> Vec<String> {
    let inside: Vec<&str> = text.lines().filter_map(|line| line.split('┃').nth(1)).collect();
    let width = inside.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let part = |line: &&str, from: usize| line.chars().skip(from).take(width / 2).collect::<String>();
    let (left, right) = (inside.iter().map(|line| part(line, 0)), inside.iter().map(|line| part(line, width / 2)));
    let words = |cell: String| cell.split_whitespace().collect::<Vec<_>>().join(" ");
    left.chain(right).map(words).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn the_help_draws_every_key_that_counts_and_no_other() {
    for &about in Scope::ALL {
        let mut stage = Stage::full(200, 60);
        crate::cockpit::asks::heed(&mut stage.model, vec![Ask::Open(Box::new(Help::new(about)))]);
        let text = stage.text();
        // What counts anywhere counts here too, unless the keys of this scope say otherwise.
        let counts = |key: &str| {
            let event = Key::parse(key).unwrap().event();
            Keymap::default().action(about, &event).is_some()
        };
        let expected: Vec<String> = TABLE
            .iter()
            .filter(|binding| binding.scope == about)
            .map(|binding| {
                let keys: Vec<&str> = binding.keys.split_whitespace().collect();
                assert!(keys.iter().all(|key| counts(key)), "{about}: {keys:?}");
                format!("{} {}", keys.join(" "), binding.help)
            })
            .collect();
        let drawn = drawn(&text);
        for line in &expected {
            assert!(drawn.contains(line), "{about}: {line}\n{text}");
        }
        let told = Keymap::default().in_scope(about).len();
        assert_eq!(drawn.len(), told, "{about}: {drawn:#?}");
    }
}

#[test]
fn the_footer_shows_keys_of_the_table_with_their_hints() {
    let mut stage = Stage::full(200, 60);
    let footer = stage.text().lines().last().unwrap().to_owned();
    for (binding, keys) in Keymap::default().in_scope(Scope::Queue) {
        if let Some(hint) = binding.hint.filter(|_| binding.action != Action::NextStep) {
            assert!(footer.contains(&format!("{} {hint}", keys[0])), "{hint}: {footer}");
        }
    }
}

#[test]
fn every_tool_is_at_most_three_keys_away() {
    let menu: Vec<&str> = actions::tools().iter().map(|tool| tool.spec.name).collect();
    // The queue itself is dispatcher.cockpit; lists of the forms are directory.search.
    let elsewhere = ["directory.upsert", "directory.search", "dispatcher.cockpit"];
    for tool in registry::tools() {
        let name = tool.spec.name;
        assert!(menu.contains(&name) || elsewhere.contains(&name), "{name} is in no menu");
        assert_eq!(tool.spec.key.chars().count(), 1, "{name}: a then one key");
    }
    let mut stage = Stage::full(120, 40);
    stage.keys("d enter");
    assert_eq!(stage.model.scope(), Scope::Form, "directory.upsert");
}

#[test]
fn the_palette_finds_tools_tickets_views_and_commands() {
    for (typed, found) in [
        ("triage", "ticket.triage"),
        ("10398", "T-10398"),
        ("broken", "Broken promises"),
        ("redraw", "redraw"),
        ("act as qa", "act as qa"),
    ] {
        let mut stage = Stage::full(120, 40);
        stage.keys(":");
        for word in typed.split(' ') {
            stage.keys(&format!("{word} space"));
        }
        assert!(stage.text().contains(found), "{typed}: {}", stage.text());
    }
    let mut stage = Stage::full(120, 40);
    stage.keys(": 10398 enter");
    assert_eq!(stage.selected(), "T-10398");
    stage.keys(": 77777 enter");
    assert_eq!(stage.model.queue.filter_text(), "T-77777", "what is not open is looked for");
}

#[test]
fn no_key_after_any_that_opens_something_makes_the_model_fall_over() {
    let keys: Vec<&str> = TABLE.iter().flat_map(|binding| binding.keys.split_whitespace()).collect();
    let openers = ["j", "space", "a", "n", "/", ":", "?", "R", "v", "T", "c", "d", "e", "t", "E", "tab", "x"];
    for opener in openers {
        let mut stage = Stage::with_case(40, 12);
        for key in &keys {
            stage.keys(opener);
            stage.keys(key);
        }
    }
}
