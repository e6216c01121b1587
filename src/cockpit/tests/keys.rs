//! The table of keys is the only place that knows a key: help and footer cannot say anything else.

use super::fixture::Stage;
use crate::cockpit::dialogs::{actions, help};
use crate::cockpit::keymap::{Action, Keymap, Scope, TABLE};
use crate::domain::registry;

#[test]
fn the_help_names_every_key_that_counts_and_no_other() {
    let keymap = Keymap::default();
    for &scope in Scope::ALL {
        let told = help::rows(&keymap, scope);
        for binding in TABLE.iter().filter(|binding| binding.scope == scope) {
            let keys = binding.keys.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains(&(keys.clone(), binding.help)), "{scope}: {keys}");
        }
        assert_eq!(told.len(), keymap.in_scope(scope).len());
    }
}

#[test]
fn every_key_of_the_help_is_on_its_screen() {
    let mut stage = Stage::full(200, 60);
    stage.keys("?");
    let text = stage.text();
    for (keys, told) in help::rows(&Keymap::default(), Scope::Queue) {
        assert!(text.contains(told), "{keys}: {told}\n{text}");
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
