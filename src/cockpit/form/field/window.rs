//! A window, its start and end moving together, on the clock of the site.

use chrono::TimeDelta;
use chrono_tz::Tz;
use ratatui::text::{Line, Span};
use serde_json::{Value, json};

use super::line::{Typed, lines_of};
use super::moment::{KEYS, MORNING, Said, kept, said_in};
use super::{Control, Look, Scene, Took};
use crate::cockpit::form::time;
use crate::cockpit::keymap::Action;
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;
use crate::domain::payload;
use crate::domain::time::Timestamp;

/// A visit that is longer, in hours, is likely a slip.
const LONG: i64 = 12;

/// With less columns there is no room for what was understood.
const NARROW: usize = 24;

/// A field of a window.
#[derive(Debug)]
pub struct Window {
    typed: Typed,
    zone: Tz,
    read: Result<Option<payload::Window>, String>,
    /// How long it is where only its start is said.
    length: TimeDelta,
    said: Said,
    /// What was proposed to the customer last.
    offered: Vec<payload::Window>,
    is_touched: bool,
    is_required: bool,
}

/// A window of a payload or a draft.
fn window_of(value: &Value) -> Option<payload::Window> {
    let at = |name: &str| value.get(name).and_then(Value::as_str).and_then(Timestamp::parse);
    Some(payload::Window { start: at("start")?, end: at("end")? })
}

/// The windows of the last proposal, as the timeline tells it.
fn offered(scene: &Scene<'_>) -> Vec<payload::Window> {
    let events = scene.case.and(scene.world.case).map(|case| case.events.as_slice()).unwrap_or_default();
    let last = events.iter().rev().find(|event| event["tool_name"] == "schedule.propose");
    let options = last.and_then(|event| event.pointer("/payload/request/options")).and_then(Value::as_array);
    options.into_iter().flatten().filter_map(window_of).collect()
}

impl Window {
    pub fn new(is_required: bool) -> Self {
        let length = TimeDelta::hours(2);
        Self {
            typed: Typed::new(100),
            zone: Tz::UTC,
            read: Ok(None),
            length,
            said: None,
            offered: Vec::new(),
            is_touched: false,
            is_required,
        }
    }

    /// The window itself, where there is one.
    pub fn window(&self) -> Option<payload::Window> {
        self.read.clone().ok().flatten()
    }

    pub fn set(&mut self, window: payload::Window) {
        self.typed.set(&time::shown_window(&window, self.zone));
        self.length = window.end.utc() - window.start.utc();
        (self.read, self.said) = (Ok(Some(window)), None);
    }

    pub fn set_zone(&mut self, zone: Tz) {
        if self.zone == zone {
            return;
        }
        self.zone = zone;
        if let Some((text, at)) = self.said.take() {
            self.typed.set(&text);
            self.read(at);
        } else if let Some(window) = self.window() {
            self.set(window);
        }
    }

    pub fn is_touched(&self) -> bool {
        self.is_touched
    }

    fn read(&mut self, now: Timestamp) {
        self.said = self.typed.said().map(|text| (text.to_owned(), now));
        let read = self.said.as_ref().map(|(text, at)| time::parse_window(text, *at, self.length, self.zone));
        self.read = read.transpose();
    }

    /// The next of the windows that were proposed, and round.
    fn next_offer(&mut self) -> Took {
        let at = self.window().and_then(|window| self.offered.iter().position(|offer| *offer == window));
        let next = at.map_or(0, |at| (at + 1) % self.offered.len().max(1));
        let Some(offer) = self.offered.get(next).copied() else { return Took::used() };
        self.set(offer);
        self.is_touched = true;
        Took::changed()
    }

    fn took(&mut self, took: Took, scene: &Scene<'_>) -> Took {
        if took.is_changed {
            self.is_touched = true;
            self.read(scene.world.now);
        }
        took
    }
}

impl Control for Window {
    fn value(&self) -> Result<Option<Value>, String> {
        self.read.clone().map(|window| window.map(|window| json!({"start": window.start, "end": window.end})))
    }

    fn fill(&mut self, value: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        self.zone = scene.zone;
        self.is_touched = false;
        (self.typed, self.read) = (Typed::new(100), Ok(None));
        if let Some(window) = window_of(value) {
            self.set(window);
        }
        Vec::new()
    }

    fn draft(&self) -> Value {
        match (self.is_touched, &self.said, &self.read) {
            (false, ..) => Value::Null,
            (true, Some(said), _) => kept(said),
            (true, None, Ok(Some(window))) => json!({"start": window.start, "end": window.end}),
            (true, None, _) => self.typed.text().into(),
        }
    }

    fn restore(&mut self, draft: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        self.zone = scene.zone;
        self.is_touched = true;
        if let Some(window) = window_of(draft) {
            self.set(window);
        } else if let Some((text, at)) = said_in(draft) {
            self.typed.set(&text);
            self.read(at);
        } else {
            self.typed.set(draft.as_str().unwrap_or_default());
            self.read(scene.world.now);
        }
        Vec::new()
    }

    /// The ticket's window, or the next full hour and two from then.
    fn learn(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        self.set_zone(scene.zone);
        self.offered = offered(scene);
        if self.is_touched || !self.is_required {
            return Vec::new();
        }
        let given = json!({"start": scene.ticket("scheduled_start"), "end": scene.ticket("scheduled_end")});
        match (window_of(&given), self.window()) {
            (Some(window), _) => self.set(window),
            (None, None) => self.set(time::next_window(scene.world.now, self.zone)),
            (None, Some(_)) => {}
        }
        Vec::new()
    }

    fn press(&mut self, press: Press, scene: &Scene<'_>) -> Took {
        let window = self.window().unwrap_or_else(|| time::next_window(scene.world.now, self.zone));
        let start = match press.action {
            Some(Action::LaterHour) => time::plus_hours(window.start, 1),
            Some(Action::EarlierHour) => time::plus_hours(window.start, -1),
            Some(Action::NextMorning) => time::next_morning(window.start, self.zone),
            Some(Action::NextOffer) => return self.next_offer(),
            _ => {
                let took = self.typed.press(press);
                return self.took(took, scene);
            }
        };
        self.set(payload::Window { start, end: start.plus_minutes(self.length.num_minutes()) });
        self.said = (press.action == Some(Action::NextMorning)).then(|| (MORNING.to_owned(), window.start));
        self.is_touched = true;
        Took::changed()
    }

    fn paste(&mut self, text: &str, scene: &Scene<'_>) -> Took {
        let took = self.typed.paste(text);
        self.took(took, scene)
    }

    fn leave(&mut self, _: &Scene<'_>) -> Took {
        if let Some(window) = self.window() {
            self.typed.set(&time::shown_window(&window, self.zone));
            self.length = window.end.utc() - window.start.utc();
        }
        Took::nothing()
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        let mut lines = lines_of(&self.typed, look);
        let (Some(line), Some(window)) = (lines.first_mut(), self.window()) else { return lines };
        let (said, day) = (time::shown_window(&window, self.zone), time::beside(window.start, self.zone));
        let understood = if self.typed.text() == said { day.clone() } else { format!("= {said} {day}") };
        let is_long = (window.end.utc() - window.start.utc()).num_hours() > LONG;
        let length = match time::length(&window) {
            length if is_long => (Role::Warning, format!("{length} long")),
            length => (Role::Muted, length),
        };
        let begun = (window.start < look.now).then(|| (Role::Warning, "begun already".to_owned()));
        let beside = |understood: String| -> Vec<Span<'static>> {
            let parts = [(Role::Muted, understood), length.clone()].into_iter().chain(begun.clone());
            parts.map(|(role, said)| Span::styled(format!("  {said}"), look.style(role))).collect()
        };
        let wide = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
        let spans = beside(understood);
        // Where it does not fit beside what is typed it stands beneath, and its length says when it ends.
        if line.width() + wide(&spans) <= look.width || look.width < NARROW {
            line.spans.extend(spans);
        } else if wide(&spans) <= look.width {
            lines.push(Line::from(spans));
        } else {
            lines.push(Line::from(beside(format!("= {} {day}", time::shown(window.start, self.zone)))));
        }
        lines
    }

    fn needs_zone(&self) -> bool {
        self.typed.said().is_some()
    }

    fn keys(&self) -> &'static [(Action, &'static str)] {
        const OFFERED: &[(Action, &str)] = &[
            (Action::NextOffer, "next one proposed"),
            (Action::LaterHour, "+1 h"),
            (Action::NextMorning, "next morning"),
        ];
        if self.offered.len() > 1 { OFFERED } else { KEYS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::{Stage, type_into};

    #[test]
    fn a_window_begins_at_the_next_full_hour_and_moves_as_one() {
        let world = Stage::without_case();
        let mut window = Window::new(true);
        world.scene(|scene| window.learn(scene));
        assert_eq!(
            window.value(),
            Ok(Some(json!({"start": "2026-11-21T23:00:00.000Z", "end": "2026-11-22T01:00:00.000Z"})))
        );
        type_into(&mut window, "alt-h", &world);
        assert_eq!(window.value().unwrap().unwrap()["end"], "2026-11-22T02:00:00.000Z");
    }

    #[test]
    fn what_was_said_before_the_zone_was_known_is_the_sites_time_after_all() {
        let world = Stage::without_case();
        let mut window = Window::new(true);
        type_into(&mut window, "ctrl-u tomorrow space 8:00 space - space 9:00", &world);
        assert_eq!(window.value().unwrap().unwrap()["start"], "2026-11-22T08:00:00.000Z");
        world.scene(|scene| window.leave(scene));
        window.set_zone(chrono_tz::America::Los_Angeles);
        assert_eq!(
            window.value(),
            Ok(Some(json!({"start": "2026-11-22T16:00:00.000Z", "end": "2026-11-22T17:00:00.000Z"})))
        );
        let shown = world.shown(&window, 90);
        assert!(
            shown.contains("tomorrow 8:00 - 9:00") && shown.contains("= 2026-11-22 08:00 – 09:00 Sun PST  1h"),
            "{shown}"
        );
    }

    #[test]
    fn what_was_understood_is_told_whole_on_a_narrow_screen_too() {
        let world = Stage::new();
        let mut window = Window::new(true);
        world.scene(|scene| window.learn(scene));
        type_into(&mut window, "ctrl-u tomorrow space 22:00 space - space 2:00", &world);
        let shown = |columns: usize| world.lines(&window, columns);
        assert_eq!(shown(53)[1], "  = 2026-11-22 22:00 – 2026-11-23 02:00 Sun PST  4h");
        assert_eq!(shown(40)[1], "  = 2026-11-22 22:00 Sun PST  4h");
    }

    #[test]
    fn every_window_that_was_proposed_is_a_key_away() {
        let mut world = Stage::new();
        let option = |day: u32| json!({"start": format!("2026-11-{day}T16:00:00.000Z"), "end": format!("2026-11-{day}T18:00:00.000Z")});
        let proposed =
            json!({"tool_name": "schedule.propose", "payload": {"request": {"options": [option(23), option(24)]}}});
        if let Some(case) = &mut world.case {
            case.events.push(proposed);
        }
        let mut window = Window::new(true);
        world.scene(|scene| window.learn(scene));
        for day in [23, 24, 23] {
            type_into(&mut window, "alt-o", &world);
            assert_eq!(window.value(), Ok(Some(option(day))));
        }
    }

    #[test]
    fn the_tickets_own_window_comes_first_and_another_start_keeps_its_length() {
        let world = Stage::new();
        let mut window = Window::new(true);
        world.scene(|scene| window.learn(scene));
        assert_eq!(world.shown(&window, 60), "2026-11-22 08:00 – 11:00   Sun PST  3h");
        type_into(&mut window, "ctrl-u mon space 9:00", &world);
        world.scene(|scene| window.leave(scene));
        assert_eq!(world.shown(&window, 60), "2026-11-23 09:00 – 12:00   Mon PST  3h");
        type_into(&mut window, "ctrl-u mon space 9:00 space - space 8:00x", &world);
        assert!(window.value().is_err());
        let draft = window.draft();
        let mut again = Window::new(true);
        world.scene(|scene| again.restore(&draft, scene));
        assert_eq!(again.draft(), draft);
    }
}
