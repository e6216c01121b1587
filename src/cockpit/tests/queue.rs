//! The queue: its order, its cursor, its filter, its alarms.

use crossterm::event::{MouseButton, MouseEventKind};
use serde_json::json;

use super::fixture::{Stage, Ticket, at, id, morning, noon, rows};
use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::msg::{FeedNews, Msg};

#[test]
fn the_worst_is_on_top_and_the_cursor_on_it() {
    let mut stage = Stage::full(120, 40);
    assert_eq!(stage.selected(), "T-10423");
    let text = stage.text();
    let place = |number: &str| text.find(number).unwrap();
    assert!(place("T-10440") < place("T-10431") && place("T-10399") < place("T-10360"), "{text}");
    assert!(text.contains("breach 2") && text.contains("warn 2"), "{text}");
}

#[test]
fn the_cursor_stays_on_its_ticket_when_rows_move() {
    let mut stage = Stage::full(120, 40);
    stage.keys("j j");
    assert_eq!(stage.selected(), "T-10431");
    let worse = Ticket::new(10_500, "EMERGENCY", "NEW", -9_000);
    stage.changes(vec![worse.row(noon())], noon());
    assert_eq!(stage.selected(), "T-10431");
    stage.keys("k");
    assert_eq!(stage.selected(), "T-10440");
}

#[test]
fn a_ticket_that_leaves_says_so_and_the_cursor_takes_the_next() {
    let mut stage = Stage::full(120, 40);
    let closed = Ticket { state: "CLOSED", seq: 9, ..morning()[0].clone() };
    stage.changes(vec![closed.row(noon())], noon());
    assert_eq!(stage.selected(), "T-10440");
    assert!(stage.said().contains("T-10423 is CLOSED now"), "{}", stage.said());
    stage.hear(Msg::Feed(FeedNews::Changes { rows: Vec::new(), deleted: vec![id(10_440)], at: noon() }));
    assert_eq!(stage.selected(), "T-10431");
    assert!(stage.said().contains("T-10440 was deleted"), "{}", stage.said());
}

#[test]
fn a_broken_promise_announces_itself_once() {
    let mut stage = Stage::full(120, 40);
    stage.changes(vec![morning()[1].row(at(1_136))], at(1_136));
    let effects = stage.hear(Msg::Tick(at(1_136)));
    assert!(effects.contains(&Effect::Bell), "{effects:?}");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Notify(text) if text.contains("T-10431"))));
    assert!(stage.text().contains("New breach or emergency: T-10431"));
    assert!(stage.hear(Msg::Tick(at(1_137))).is_empty(), "once");
    stage.keys("A");
    assert!(!stage.text().contains("New breach"));
}

#[test]
fn a_new_emergency_announces_itself_and_marks_what_is_unread() {
    let mut stage = Stage::full(120, 40);
    let new = Ticket::new(10_600, "EMERGENCY", "NEW", 3_000);
    assert!(stage.changes(vec![new.row(noon())], noon()).contains(&Effect::Bell));
    let changed = Ticket { seq: 4, ..morning()[1].clone() };
    stage.changes(vec![changed.row(noon())], noon());
    let line = stage.text().lines().find(|line| line.contains("T-10440")).unwrap().to_owned();
    assert!(line.contains('•'), "{line}");
    stage.keys("j");
    let line = stage.text().lines().find(|line| line.contains("T-10440")).unwrap().to_owned();
    assert!(!line.contains('•'), "looked at: {line}");
}

#[test]
fn a_filter_counts_while_it_is_typed_and_is_taken_back_by_esc() {
    let mut stage = Stage::full(120, 40);
    stage.keys("/ pier");
    let text = stage.text();
    assert!(text.contains("2 of 9") && text.contains("T-10431") && !text.contains("T-10440"), "{text}");
    stage.keys("esc");
    assert!(stage.text().contains("T-10440"));
    stage.keys("/ state:nonsense");
    assert!(stage.text().contains("Nothing fits"), "{}", stage.text());
    stage.keys("enter esc / stat:new");
    assert!(stage.text().contains("does not know the field"), "{}", stage.text());
}

/// The stamp of the filter's last rest.
fn last_wait(effects: &[Effect]) -> Stamp {
    let wait = effects.iter().rev().find_map(|effect| match effect {
        Effect::After { stamp, wait } if *wait > std::time::Duration::from_millis(100) => Some(*stamp),
        _ => None,
    });
    wait.unwrap()
}

#[test]
fn a_filter_asks_for_closed_work_once_it_rests_and_shows_it_below() {
    let mut stage = Stage::full(120, 40);
    let effects = stage.keys("/ 5105550142");
    let asked = stage.hear(Msg::Due { stamp: last_wait(&effects) });
    let Some(Effect::List { stamp, filter, .. }) = asked.first() else { panic!("{asked:?}") };
    assert_eq!(filter.q.as_deref(), Some("5105550142"));
    let old = Ticket { state: "CLOSED", ..Ticket::new(9_000, "ROUTINE", "CLOSED", 0) };
    stage.hear(Msg::Listed { stamp: *stamp, outcome: Ok(vec![old.row(noon()), morning()[0].row(noon())]) });
    let text = stage.text();
    assert!(text.contains("Queue 1 of 9 + 1 found"), "{text}");
    assert!(text.find("T-10423  Main") < text.find("T-9000"), "open work stands where it belongs: {text}");
}

#[test]
fn a_search_that_looked_at_a_part_only_says_so() {
    let mut stage = Stage::full(120, 40);
    let effects = stage.keys("/ state:closed space site:nowhere");
    let asked = stage.hear(Msg::Due { stamp: last_wait(&effects) });
    let Some(Effect::List { stamp, limit, .. }) = asked.first() else { panic!("{asked:?}") };
    let closed = |number| Ticket::new(number, "ROUTINE", "CLOSED", 0).row(noon());
    let rows = (0..u128::from(*limit)).map(|n| closed(20_000 + n)).collect();
    stage.hear(Msg::Listed { stamp: *stamp, outcome: Ok(rows) });
    assert!(stage.text().contains("+ 0 found among the first 1,000"), "{}", stage.text());
    stage.keys("enter esc");
    assert!(!stage.text().contains("among the first"), "{}", stage.text());
}

#[test]
fn a_filter_is_kept_as_a_view_of_a_name_and_forgotten_again() {
    let mut stage = Stage::full(120, 40);
    stage.keys("/ pier enter v end enter");
    stage.keys("To space triage enter");
    assert!(stage.text().contains("belongs to another view"), "{}", stage.text());
    let effects = stage.keys("backspace 2 enter");
    assert_eq!(effects, [Effect::KeepChoice { key: "views", value: json!({"To triag2": "pier"}) }]);
    stage.keys("v");
    assert!(stage.text().contains("● To triag2") && stage.text().contains("Forget this view"), "{}", stage.text());
    let effects = stage.keys("end enter");
    assert_eq!(effects, [Effect::KeepChoice { key: "views", value: json!({}) }]);
    stage.keys("v");
    assert!(!stage.text().contains("To triag2"), "{}", stage.text());
}

#[test]
fn an_old_search_that_answers_late_changes_nothing() {
    let mut stage = Stage::full(120, 40);
    stage.keys("/ pier");
    stage.hear(Msg::Listed { stamp: 9_999, outcome: Ok(vec![Ticket::new(9_000, "ROUTINE", "CLOSED", 0).row(noon())]) });
    assert!(!stage.text().contains("T-9000"));
}

#[test]
fn sorting_goes_through_the_columns_and_back() {
    let mut stage = Stage::full(120, 40);
    stage.keys("s s s");
    assert!(stage.text().contains("by state"), "{}", stage.text());
    stage.keys("S");
    assert!(stage.text().contains("turned round"));
    stage.keys("esc");
    assert!(!stage.text().contains("by state"));
    assert_eq!(stage.selected(), "T-10423");
}

#[test]
fn a_thousand_changes_at_once_leave_the_cursor_and_the_order() {
    let mut stage = Stage::full(120, 40);
    stage.keys("j");
    let many: Vec<Ticket> = (0..1_000).map(|n| Ticket::new(20_000 + n, "URGENT", "NEW", 5_000)).collect();
    stage.changes(rows(&many), noon());
    assert_eq!(stage.selected(), "T-10440");
    assert!(stage.text().contains("1,009"), "{}", stage.text());
}

#[test]
fn the_mouse_selects_opens_scrolls_and_drags_the_splitter() {
    let mut stage = Stage::full(120, 40);
    stage.click(10, 4);
    assert_eq!(stage.selected(), "T-10440");
    stage.mouse(MouseEventKind::ScrollDown, 10, 4);
    assert_eq!(stage.selected(), "T-10431");
    stage.click(10, 3);
    stage.click(10, 3);
    assert!(stage.text().contains("┏ T-10423"), "a double click goes into the case: {}", stage.text());
    stage.click(80, 10);
    stage.mouse(MouseEventKind::Drag(MouseButton::Left), 50, 10);
    let effects = stage.mouse(MouseEventKind::Up(MouseButton::Left), 50, 10);
    assert!(
        stage.model.split.is_some_and(|split| split < 50)
            && effects.iter().any(|effect| matches!(effect, Effect::KeepChoice { .. }))
    );
}

#[test]
fn text_pasted_where_nothing_takes_text_goes_nowhere() {
    let mut stage = Stage::full(120, 40);
    let before = stage.text();
    assert!(stage.hear(Msg::Paste("q\nx\ny".to_owned())).is_empty());
    assert_eq!(stage.text(), before);
    stage.keys("/");
    stage.hear(Msg::Paste("pier\u{1b}[31m 9".to_owned()));
    assert_eq!(stage.model.queue.filter_text(), "pier[31m 9");
}

#[test]
fn the_wheel_over_the_case_leaves_the_filter_to_whoever_types_it() {
    let mut stage = Stage::with_case(120, 40);
    stage.keys("/ pi");
    stage.mouse(MouseEventKind::ScrollDown, 100, 10);
    stage.mouse(MouseEventKind::Moved, 100, 10);
    stage.keys("er");
    assert_eq!(stage.model.queue.filter_text(), "pier");
    stage.click(100, 10);
    assert!(!stage.model.queue.is_editing(), "a click takes the focus");
}

#[test]
fn a_drag_of_the_splitter_ends_where_the_button_is_let_go_whatever_came_up_meanwhile() {
    let mut stage = Stage::full(120, 40);
    stage.click(80, 10);
    stage.mouse(MouseEventKind::Drag(MouseButton::Left), 60, 10);
    stage.keys("?");
    let effects = stage.mouse(MouseEventKind::Up(MouseButton::Left), 60, 10);
    assert!(matches!(effects[..], [Effect::KeepChoice { key: "split", .. }]), "{effects:?}");
    stage.keys("esc");
    let split = stage.model.split;
    stage.mouse(MouseEventKind::Drag(MouseButton::Left), 90, 10);
    assert_eq!(stage.model.split, split);
}

#[test]
fn a_filter_that_cannot_be_understood_is_kept_as_no_view() {
    let mut stage = Stage::full(120, 40);
    stage.keys("/ stat:new enter v end enter");
    assert!(stage.said().contains("does not know the field"), "{}", stage.said());
    assert!(stage.model.dialogs.is_empty(), "{}", stage.text());
}

#[test]
fn the_banner_counts_what_it_cannot_name_while_everything_is_read_again() {
    let mut stage = Stage::full(120, 40);
    stage.hear(Msg::Tick(at(1_136)));
    stage.hear(Msg::Feed(FeedNews::Page { rows: Vec::new(), at: at(1_136), is_first: true, is_last: false }));
    let banner = stage.text().lines().nth(1).unwrap().to_owned();
    assert!(banner.contains("New breach or emergency: 1 of them."), "{banner}");
}

/// Goes on with what takes more than a moment, doing something in between.
fn go_on(stage: &mut Stage, mut effects: Vec<Effect>, mut between: impl FnMut(&mut Stage, usize)) -> usize {
    let mut steps = 0;
    while effects.contains(&Effect::GoOn) {
        between(stage, steps);
        effects = stage.hear(Msg::GoOn);
        steps += 1;
        assert!(steps < 1_000, "it ends");
    }
    steps
}

fn many(from: u128, to: u128) -> Vec<Ticket> {
    const SITES: [&str; 7] = ["Pier 9", "Oak Plaza", "Elm St Clinic", "Ferry Hall", "東京タワー", "Pier 10", "A"];
    let of = |n: u128| {
        let left = i64::try_from(n * 7_919 % 100_000).unwrap() - 20_000;
        Ticket { site: SITES[usize::try_from(n % 7).unwrap()], ..Ticket::new(20_000 + n, "URGENT", "NEW", left) }
    };
    (from..to).map(of).collect()
}

/// The tickets as they are listed: site and number.
fn listed(stage: &Stage) -> Vec<(String, String)> {
    let (shown, known) = (&stage.model.queue.shown, &stage.model.known);
    let lines = (0..shown.len(known)).filter_map(|n| shown.at(known, n));
    lines.map(|line| (line.site.name.clone(), line.number.to_string())).collect()
}

#[test]
fn many_rows_are_sorted_a_part_at_a_time_whatever_changes_meanwhile() {
    let mut stage = Stage::opening(120, 40);
    stage.page(rows(&many(0, 6_000)));
    let selected = stage.selected();
    let before = listed(&stage);
    let effects = stage.keys("s s s s s");
    assert!(stage.text().contains("by site"), "{}", stage.text());
    assert_eq!(listed(&stage), before, "what was shown stays until the rest is sorted");
    let steps = go_on(&mut stage, effects, |stage, step| {
        let n = u128::try_from(step).unwrap() * 13 + 1;
        let mut changed = many(n, n + 3);
        for ticket in &mut changed {
            ticket.site = "Zum Schluss";
        }
        changed[0].state = "CLOSED";
        changed.push(Ticket::new(90_000 + n, "URGENT", "NEW", 5));
        stage.changes(rows(&changed), noon());
        let deleted = vec![id(20_000 + n + 7)];
        stage.hear(Msg::Feed(FeedNews::Changes { rows: Vec::new(), deleted, at: noon() }));
        stage.draw();
    });
    assert!(steps > 2, "{steps}");
    let after = listed(&stage);
    assert!(after.is_sorted_by_key(|(site, _)| site.clone()), "{after:?}");
    assert_eq!(after.len(), 6_000 - steps, "of four that changed one left and one came, and one was deleted");
    assert_eq!(stage.selected(), selected);
    let mut numbers: Vec<_> = after.iter().map(|(_, number)| number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), after.len());
    assert_eq!(after.iter().filter(|(site, _)| site == "Zum Schluss").count(), 2 * steps);
}

#[test]
fn what_is_sorted_stays_so_when_rows_change_without_being_sorted_again() {
    let mut stage = Stage::opening(120, 40);
    stage.page(rows(&many(0, 3_000)));
    let effects = stage.keys("s s s s s S");
    go_on(&mut stage, effects, |_, _| {});
    for (now, from) in [(1, 0), (5, 100), (10, 2_990)] {
        let mut changed = many(from, from + 30);
        for ticket in &mut changed {
            ticket.site = "Nob Hill";
        }
        let effects = stage.changes(rows(&changed), noon());
        assert!(!effects.contains(&Effect::GoOn), "{effects:?}");
        assert!(!stage.hear(Msg::Tick(at(now))).contains(&Effect::GoOn));
        let listed = listed(&stage);
        assert!(listed.is_sorted_by(|a, b| a.0 >= b.0), "{listed:?}");
    }
    assert_eq!(listed(&stage).len(), 3_020);
    // A filter leaves what it leaves in that order.
    let effects = stage.keys("/ pier enter");
    go_on(&mut stage, effects, |_, _| {});
    let listed = listed(&stage);
    assert!(listed.len() > 500 && listed.is_sorted_by(|a, b| a.0 >= b.0), "{listed:?}");
}

#[test]
fn the_next_broken_promise_is_found_in_every_order_and_where_there_is_none_that_is_said() {
    let mut stage = Stage::full(120, 40);
    stage.keys("G b");
    assert_eq!(stage.selected(), "T-10423");
    stage.keys("b");
    assert_eq!(stage.selected(), "T-10440");
    stage.keys("b");
    assert_eq!(stage.selected(), "T-10423", "and round");
    stage.keys("s s s s");
    assert!(stage.text().contains("by ticket"), "{}", stage.text());
    stage.keys("b b");
    assert_eq!(stage.selected(), "T-10423");
    stage.keys("/ plaza enter b");
    assert_eq!(stage.said(), "No promise is broken here.");
}

#[test]
fn the_palette_looks_for_a_number_a_part_at_a_time_and_leaves_the_cursor_where_it_is() {
    let mut stage = Stage::opening(120, 40);
    stage.page(rows(&many(0, 9_000)));
    let last = listed(&stage).last().unwrap().1.clone();
    let digits = last.trim_start_matches("T-").to_owned();
    let effects = stage.keys(&format!(": {}", &digits[..4]));
    assert!(effects.contains(&Effect::GoOn), "{effects:?}");
    stage.keys(&"down ".repeat(12));
    let under_cursor = |stage: &mut Stage| {
        let text = stage.text();
        text.lines().find_map(|line| line.split_once("┃▌").map(|(_, entry)| entry.to_owned())).unwrap()
    };
    let before = under_cursor(&mut stage);
    assert!(before.contains("look for it, closed work included"), "{before}");
    let steps = go_on(&mut stage, effects, |_, _| {});
    assert_eq!((steps, under_cursor(&mut stage)), (2, before), "{}", stage.text());
    let effects = stage.keys(&digits[4..]);
    go_on(&mut stage, effects, |_, _| {});
    stage.keys("enter");
    assert_eq!(stage.selected(), last);
    assert_eq!(stage.model.queue.filter_text(), "", "it is there, and need not be looked for");
}

#[test]
fn a_long_filter_is_pasted_at_the_cursor_and_shows_what_stands_around_it() {
    let mut stage = Stage::full(80, 24);
    stage.keys("/ ab left");
    stage.hear(Msg::Paste("東京タワー".repeat(20)));
    assert!(stage.model.queue.filter_text().starts_with("a東京") && stage.model.queue.filter_text().ends_with("ーb"));
    let line = stage.text().lines().find(|line| line.starts_with(" / ")).unwrap_or_default().to_owned();
    assert!(line.trim_end().ends_with("ーb"), "{}", stage.text());
    stage.keys("home");
    let line = stage.text().lines().find(|line| line.starts_with(" / ")).unwrap_or_default().to_owned();
    assert!(line.starts_with(" / a東京"), "{line}");
}

#[test]
fn open_work_that_the_search_found_stays_in_its_place_when_its_row_changes() {
    let mut stage = Stage::full(120, 40);
    let effects = stage.keys("/ folsom");
    let asked = stage.hear(Msg::Due { stamp: last_wait(&effects) });
    let Some(Effect::List { stamp, .. }) = asked.first() else { panic!("{asked:?}") };
    let late = &morning()[1];
    stage.hear(Msg::Listed { stamp: *stamp, outcome: Ok(vec![late.row(noon())]) });
    stage.changes(vec![Ticket { seq: 9, ..late.clone() }.row(noon())], noon());
    assert!(stage.text().contains("Queue 1 of 9 ") && stage.text().contains("T-10440"), "{}", stage.text());
}

#[test]
fn a_filter_that_the_selected_ticket_does_not_pass_begins_with_the_worst() {
    let mut stage = Stage::full(120, 40);
    stage.keys("G k k / state:triaged,scheduled,new enter");
    assert_eq!(stage.selected(), "T-10440");
}

#[test]
fn the_title_names_the_view_and_how_much_that_is_broken_stands_above() {
    let mut stage = Stage::full(80, 20);
    stage.keys("G");
    assert!(stage.text().contains("all open work ─ ▲ 2 above"), "{}", stage.text());
    stage.keys("g");
    assert!(!stage.text().contains("above"), "{}", stage.text());
    stage.keys("/ sla:warning enter");
    assert!(stage.text().contains("─ about to break"), "{}", stage.text());
}

#[test]
fn what_was_looked_for_and_is_closed_now_is_looked_for_again() {
    let mut stage = Stage::full(120, 40);
    stage.keys("/ T-10450 enter");
    let gone = Ticket { seq: 9, ..Ticket::new(10_450, "URGENT", "CANCELLED", 2_400) }.row(noon());
    let effects = stage.changes(vec![gone], noon());
    assert!(stage.said().ends_with("T-10450 is CANCELLED now."), "{}", stage.said());
    let asked = stage.hear(Msg::Due { stamp: last_wait(&effects) });
    assert!(asked.iter().any(|effect| matches!(effect, Effect::List { .. })), "{asked:?}");
}

#[test]
fn a_long_sentence_is_read_to_its_end_and_moves_nothing() {
    let mut stage = Stage::full(80, 24);
    let before = stage.text();
    stage.hear(Msg::Said(format!("{}the end.", "It goes on and on, and then some more. ".repeat(4))));
    let text = stage.text();
    assert!(text.contains("the end."), "{text}");
    let top = |text: &str| text.lines().take(18).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(top(&before), top(&text));
}

#[test]
fn help_is_a_key_away_also_while_one_types() {
    for keys in ["/", ":", "a", "R"] {
        let mut stage = Stage::full(120, 40);
        stage.keys(keys);
        let before = stage.model.dialogs.len();
        stage.keys("f1");
        assert_eq!(stage.model.dialogs.len(), before + 1, "{keys}");
    }
}
