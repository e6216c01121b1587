//! A moment, on the clock of the site.

use chrono_tz::Tz;
use ratatui::text::{Line, Span};
use serde_json::{Value, json};

use super::line::{Typed, lines_of};
use super::{Control, Look, Scene, Took};
use crate::cockpit::form::time;
use crate::cockpit::keymap::Action;
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;
use crate::domain::time::Timestamp;

/// The keys that move times, for the help line.
pub(super) const KEYS: &[(Action, &str)] = &[(Action::LaterHour, "+1 h"), (Action::NextMorning, "next morning")];

/// What was said of a time, and when: it is read once more where the zone turns out to be another. None where a
/// moment was given, which stays what it is.
pub(super) type Said = Option<(String, Timestamp)>;

/// What was said and when, as a draft keeps it.
pub(super) fn kept((text, at): &(String, Timestamp)) -> Value {
    json!({"text": text, "at": at})
}

/// What a draft keeps of it.
pub(super) fn said_in(draft: &Value) -> Said {
    let text = draft.get("text")?.as_str()?.to_owned();
    Some((text, draft.get("at")?.as_str().and_then(Timestamp::parse)?))
}

/// Clocks differ by a few minutes; what is said to have happened further ahead has not.
const EARLY: i64 = 5;

/// What the key for the next morning says.
pub(super) const MORNING: &str = "tomorrow 8:00";

/// A field of a moment.
#[derive(Debug)]
pub struct Moment {
    typed: Typed,
    zone: Tz,
    /// What the text was read as.
    read: Result<Option<Timestamp>, String>,
    said: Said,
    is_touched: bool,
    /// Whether it is now where nobody says otherwise.
    is_now: bool,
}

impl Moment {
    pub fn new(is_required: bool) -> Self {
        Self {
            typed: Typed::new(60),
            zone: Tz::UTC,
            read: Ok(None),
            said: None,
            is_touched: false,
            is_now: is_required,
        }
    }

    fn set(&mut self, at: Timestamp) {
        self.typed.set(&time::shown(at, self.zone));
        (self.read, self.said) = (Ok(Some(at)), None);
    }

    fn read(&mut self, now: Timestamp) {
        self.said = self.typed.said().map(|text| (text.to_owned(), now));
        self.read = self.said.as_ref().map(|(text, at)| time::parse(text, *at, self.zone)).transpose();
    }

    /// The zone turns out to be this.
    fn set_zone(&mut self, zone: Tz) {
        if self.zone == zone {
            return;
        }
        self.zone = zone;
        match (self.said.take(), &self.read) {
            (Some((text, at)), _) => {
                self.typed.set(&text);
                self.read(at);
            }
            (None, Ok(Some(at))) => self.set(*at),
            (None, _) => {}
        }
    }

    fn took(&mut self, took: Took, scene: &Scene<'_>) -> Took {
        if took.is_changed {
            self.is_touched = true;
            self.read(scene.world.now);
        }
        took
    }
}

impl Control for Moment {
    fn value(&self) -> Result<Option<Value>, String> {
        self.read.clone().map(|at| at.map(|at| at.to_string().into()))
    }

    fn fill(&mut self, value: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        self.zone = scene.zone;
        self.is_touched = false;
        (self.typed, self.read) = (Typed::new(60), Ok(None));
        if let Some(at) = value.as_str().and_then(Timestamp::parse) {
            self.set(at);
        }
        Vec::new()
    }

    fn draft(&self) -> Value {
        match (self.is_touched, &self.said, &self.read) {
            (false, ..) => Value::Null,
            // What +2h means moves with the clock, and what 8:00 means with the zone.
            (true, Some(said), _) => kept(said),
            (true, None, Ok(Some(at))) => at.to_string().into(),
            (true, None, _) => self.typed.text().into(),
        }
    }

    fn restore(&mut self, draft: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        let text = draft.as_str().unwrap_or_default();
        self.zone = scene.zone;
        self.is_touched = true;
        if let Some((text, at)) = said_in(draft) {
            self.typed.set(&text);
            self.read(at);
        } else if let Some(at) = Timestamp::parse(text) {
            self.set(at);
        } else {
            self.typed.set(text);
            self.read(scene.world.now);
        }
        Vec::new()
    }

    fn learn(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        self.set_zone(scene.zone);
        if self.read == Ok(None) && self.is_now && !self.is_touched {
            self.set(scene.world.now);
        }
        Vec::new()
    }

    fn press(&mut self, press: Press, scene: &Scene<'_>) -> Took {
        let from = self.read.clone().ok().flatten().unwrap_or(scene.world.now);
        let to = match press.action {
            Some(Action::LaterHour) => time::plus_hours(from, 1),
            Some(Action::EarlierHour) => time::plus_hours(from, -1),
            Some(Action::NextMorning) => time::next_morning(from, self.zone),
            _ => {
                let took = self.typed.press(press);
                return self.took(took, scene);
            }
        };
        self.set(to);
        self.said = (press.action == Some(Action::NextMorning)).then(|| (MORNING.to_owned(), from));
        self.is_touched = true;
        Took::changed()
    }

    fn paste(&mut self, text: &str, scene: &Scene<'_>) -> Took {
        let took = self.typed.paste(text);
        self.took(took, scene)
    }

    fn leave(&mut self, _: &Scene<'_>) -> Took {
        if let Ok(Some(at)) = self.read {
            self.typed.set(&time::shown(at, self.zone));
        }
        Took::nothing()
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        let mut lines = lines_of(&self.typed, look);
        if let (Some(line), Ok(Some(at))) = (lines.first_mut(), &self.read) {
            let said = time::shown(*at, self.zone);
            let beside = time::beside(*at, self.zone);
            let beside = if self.typed.text() == said { beside } else { format!("= {said} {beside}") };
            line.push_span(Span::styled(format!("  {beside}"), look.style(Role::Muted)));
            if self.is_now && *at > look.now.plus_minutes(EARLY) {
                line.push_span(Span::styled("  that is still to come", look.style(Role::Warning)));
            }
        }
        lines
    }

    fn needs_zone(&self) -> bool {
        self.is_touched && self.typed.said().is_some()
    }

    fn keys(&self) -> &'static [(Action, &'static str)] {
        KEYS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::{Stage, type_into};

    #[test]
    fn a_required_moment_is_now_and_shown_on_the_sites_clock() {
        let world = Stage::new();
        let mut moment = Moment::new(true);
        world.scene(|scene| moment.learn(scene));
        assert_eq!(moment.value(), Ok(Some(json!("2026-11-21T22:32:00.000Z"))));
        assert_eq!(moment.draft(), json!(null));
        assert_eq!(world.shown(&moment, 40), "2026-11-21 14:32   Sat PST");
        assert_eq!(Moment::new(false).value(), Ok(None));
    }

    #[test]
    fn it_is_typed_or_moved_by_keys() {
        let world = Stage::new();
        let mut moment = Moment::new(true);
        world.scene(|scene| moment.learn(scene));
        for (keys, value) in [
            ("ctrl-u tomorrow space 8:00", "2026-11-22T16:00:00.000Z"),
            ("alt-h", "2026-11-22T17:00:00.000Z"),
            ("alt-H alt-H", "2026-11-22T15:00:00.000Z"),
            ("alt-m", "2026-11-23T16:00:00.000Z"),
        ] {
            type_into(&mut moment, keys, &world);
            assert_eq!(moment.value(), Ok(Some(json!(value))), "{keys}");
        }
        type_into(&mut moment, "x", &world);
        assert!(moment.value().unwrap_err().contains("tomorrow 9"));
    }

    #[test]
    fn what_was_relative_is_kept_with_the_moment_it_was_said() {
        let world = Stage::new();
        let mut moment = Moment::new(true);
        type_into(&mut moment, "+2h", &world);
        assert_eq!(moment.draft(), json!({"text": "+2h", "at": "2026-11-21T22:32:00.000Z"}));
        let mut again = Moment::new(true);
        world.scene(|scene| again.restore(&moment.draft(), scene));
        assert_eq!(again.value(), Ok(Some(json!("2026-11-22T00:32:00.000Z"))));
        world.scene(|scene| moment.leave(scene));
        assert!(world.shown(&moment, 40).starts_with("2026-11-22 00:32"), "the zone is not known yet");
        world.scene(|scene| moment.learn(scene));
        let shown = world.shown(&moment, 60);
        assert!(shown.contains("+2h") && shown.contains("= 2026-11-21 16:32"), "{shown}");
    }

    #[test]
    fn what_was_said_before_the_zone_was_known_is_the_sites_time_after_all() {
        let world = Stage::new();
        for (keys, value) in
            [("ctrl-u tomorrow space 8:00", "2026-11-22T16:00:00.000Z"), ("alt-m", "2026-11-22T16:00:00.000Z")]
        {
            let mut moment = Moment::new(true);
            type_into(&mut moment, keys, &world);
            assert_eq!(moment.value(), Ok(Some(json!("2026-11-22T08:00:00.000Z"))), "{keys}");
            assert!(moment.needs_zone());
            world.scene(|scene| moment.leave(scene));
            let mut later = Moment::new(true);
            world.scene(|scene| later.restore(&moment.draft(), scene));
            world.scene(|scene| moment.learn(scene));
            assert_eq!([moment.value(), later.value()], [Ok(Some(json!(value))), Ok(Some(json!(value)))], "{keys}");
        }
    }
}
