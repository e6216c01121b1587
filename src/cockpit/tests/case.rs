//! The case beside the queue: what a click does in it, and what it says when it is not what it should be.

use serde_json::json;

use super::fixture::{Stage, at, case, morning, read, unread};
use crate::cockpit::effect::Effect;
use crate::cockpit::keymap::Scope;
use crate::cockpit::msg::Msg;

/// The row of the screen on which words stand.
fn row_of(stage: &mut Stage, words: &str) -> u16 {
    let text = stage.text();
    let row = text.lines().position(|line| line.contains(words));
    u16::try_from(row.unwrap_or_else(|| panic!("{words}: {text}"))).unwrap()
}

#[test]
fn a_click_in_the_case_selects_a_second_one_opens_and_empty_space_does_nothing() {
    let mut more = case(&morning()[0]);
    let mut second = more.case["evidence"][0].clone();
    (second["kind"], second["uri"]) = (json!("NOTE"), json!("dispatch://objects/note.txt"));
    more.case["evidence"].as_array_mut().unwrap().push(second);
    for (tab, entry, window) in [("t", "ticket.create", "Event 1"), ("E", "NOTE", "Evidence · NOTE")] {
        let mut stage = Stage::full(120, 40);
        stage.hear(read(10_423, more.clone()));
        stage.keys(tab);
        let first = row_of(&mut stage, "┃▌");
        stage.click(100, first);
        assert_eq!(stage.model.scope(), Scope::Case, "{tab}: one click on the entry under the cursor");
        let row = row_of(&mut stage, entry);
        let effects = stage.click(100, row);
        assert_eq!(row_of(&mut stage, "┃▌"), row, "{tab}: {}", stage.text());
        let late = effects.iter().find_map(|effect| match effect {
            Effect::After { stamp, .. } => Some(*stamp),
            _ => None,
        });
        stage.hear(Msg::Due { stamp: late.unwrap() });
        stage.click(100, row);
        assert_eq!(stage.model.scope(), Scope::Case, "{tab}: too late for a second one");
        stage.keys("g");
        for _ in 0..2 {
            stage.click(100, 30);
        }
        assert_eq!((stage.model.scope(), row_of(&mut stage, "┃▌")), (Scope::Case, first), "{tab}: nothing is there");
        stage.click(100, row);
        stage.click(100, row);
        assert!(stage.text().contains(window), "{tab}: {}", stage.text());
    }
}

#[test]
fn the_footer_names_no_step_before_it_is_known_what_the_work_lacks() {
    let mut stage = Stage::full(120, 40);
    stage.keys("j j");
    assert_eq!(stage.selected(), "T-10431");
    let told = |stage: &mut Stage| stage.text().lines().last().unwrap().to_owned();
    assert!(!told(&mut stage).contains("next: "), "{}", told(&mut stage));
    assert!(stage.text().contains("known once its"), "{}", stage.text());
    stage.keys("space");
    assert!(stage.said().contains("once more in a moment"), "{}", stage.said());
    stage.hear(read(10_431, case(&morning()[2])));
    assert!(told(&mut stage).contains("next: closeout.add_evidence"), "{}", told(&mut stage));
}

#[test]
fn a_case_that_cannot_be_read_again_says_so_and_how_old_it_is_on_every_tab() {
    let mut stage = Stage::with_case(120, 40);
    stage.hear(Msg::Tick(at(300)));
    stage.changes(Vec::new(), at(300));
    stage.hear(unread(10_423, "The ticket's record could not be understood."));
    for keys in ["f2", "t", "E"] {
        stage.keys(keys);
        let text = stage.text();
        assert!(text.contains("Could not be read again") && text.contains("is 5m old"), "{keys}: {text}");
    }
    stage.hear(read(10_423, case(&morning()[0])));
    assert!(!stage.text().contains("Could not be read again"));
}
