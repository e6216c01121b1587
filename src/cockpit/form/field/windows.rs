//! A list of windows, the preferred one first.

use chrono_tz::Tz;
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::window::Window;
use super::{Control, Look, Scene, Took};
use crate::cockpit::form::time;
use crate::cockpit::keymap::Action;
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;
use crate::domain::payload;
use crate::text::width;

/// A field of windows.
#[derive(Debug)]
pub struct Windows {
    entries: Vec<Window>,
    at: usize,
    most: usize,
    is_touched: bool,
}

impl Windows {
    pub fn new(most: usize) -> Self {
        Self { entries: vec![Window::new(true)], at: 0, most, is_touched: false }
    }

    /// Another window: after the last, and as long.
    fn add(&mut self, zone: Tz, scene: &Scene<'_>) -> Took {
        if self.entries.len() >= self.most {
            return Took::used();
        }
        let last = self.entries.last().and_then(Window::window);
        let next = last.map_or_else(
            || time::next_window(scene.world.now, zone),
            |last| {
                let length = (last.end.utc() - last.start.utc()).num_minutes();
                payload::Window { start: last.end, end: last.end.plus_minutes(length) }
            },
        );
        let mut entry = Window::new(true);
        entry.set_zone(zone);
        entry.set(next);
        self.entries.push(entry);
        self.at = self.entries.len() - 1;
        self.is_touched = true;
        Took::changed()
    }

    fn remove(&mut self) -> Took {
        if self.entries.len() < 2 {
            return Took::used();
        }
        self.entries.remove(self.at);
        self.at = self.at.min(self.entries.len() - 1);
        self.is_touched = true;
        Took::changed()
    }

    fn go(&mut self, to: Option<usize>, scene: &Scene<'_>) -> Took {
        match to {
            Some(to) if to < self.entries.len() => {
                if let Some(entry) = self.entries.get_mut(self.at) {
                    entry.leave(scene);
                }
                self.at = to;
                Took::used()
            }
            _ => Took::nothing(),
        }
    }
}

impl Windows {
    /// The lines of one of them, numbered where there are more.
    fn rows(&self, n: usize, look: &Look<'_>) -> Vec<Line<'static>> {
        let Some(entry) = self.entries.get(n) else { return Vec::new() };
        let is_focused = look.is_focused && n == self.at;
        let (here, role) = if is_focused { ("›", Role::Focus) } else { (" ", Role::Muted) };
        let number = if self.entries.len() > 1 { format!("{here}{} ", n + 1) } else { String::new() };
        let indent = " ".repeat(width(&number));
        let inner = Look { is_focused, width: look.width.saturating_sub(width(&number)), ..*look };
        let lines = entry.lines(&inner).into_iter().enumerate();
        lines
            .map(|(at, line)| {
                let head = if at == 0 { number.clone() } else { indent.clone() };
                let mut spans = vec![Span::styled(head, look.style(role))];
                spans.extend(line.spans);
                Line::from(spans)
            })
            .collect()
    }
}

impl Control for Windows {
    fn value(&self) -> Result<Option<Value>, String> {
        let mut all = Vec::new();
        for (n, entry) in self.entries.iter().enumerate() {
            all.extend(entry.value().map_err(|wrong| format!("Window {}: {wrong}", n + 1))?);
        }
        Ok((!all.is_empty()).then_some(Value::Array(all)))
    }

    fn fill(&mut self, value: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        let windows = value.as_array().map(Vec::as_slice).unwrap_or_default();
        self.entries = windows
            .iter()
            .take(self.most)
            .map(|window| {
                let mut entry = Window::new(true);
                entry.fill(window, scene);
                entry
            })
            .collect();
        if self.entries.is_empty() {
            self.entries.push(Window::new(true));
        }
        (self.at, self.is_touched) = (0, false);
        Vec::new()
    }

    fn draft(&self) -> Value {
        if !self.is_touched {
            return Value::Null;
        }
        self.entries
            .iter()
            .map(
                |entry| {
                    if entry.is_touched() { entry.draft() } else { entry.value().ok().flatten().unwrap_or_default() }
                },
            )
            .collect()
    }

    fn restore(&mut self, draft: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        let kept = draft.as_array().map(Vec::as_slice).unwrap_or_default();
        self.entries = kept
            .iter()
            .take(self.most)
            .map(|kept| {
                let mut entry = Window::new(true);
                entry.restore(kept, scene);
                entry
            })
            .collect();
        if self.entries.is_empty() {
            self.entries.push(Window::new(true));
        }
        (self.at, self.is_touched) = (0, true);
        Vec::new()
    }

    fn learn(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        if self.is_touched {
            self.entries.iter_mut().for_each(|entry| entry.set_zone(scene.zone));
        } else if let Some(first) = self.entries.first_mut() {
            first.learn(scene);
        }
        Vec::new()
    }

    fn needs_zone(&self) -> bool {
        self.entries.iter().any(Control::needs_zone)
    }

    fn press(&mut self, press: Press, scene: &Scene<'_>) -> Took {
        match press.action {
            Some(Action::AddEntry) => return self.add(scene.zone, scene),
            Some(Action::RemoveEntry) => return self.remove(),
            Some(Action::Up) => return self.go(self.at.checked_sub(1), scene),
            Some(Action::Down | Action::Enter) => return self.go(self.at.checked_add(1), scene),
            _ => {}
        }
        let took = self.entries.get_mut(self.at).map(|entry| entry.press(press, scene)).unwrap_or_default();
        self.is_touched |= took.is_changed;
        took
    }

    fn paste(&mut self, text: &str, scene: &Scene<'_>) -> Took {
        let took = self.entries.get_mut(self.at).map(|entry| entry.paste(text, scene)).unwrap_or_default();
        self.is_touched |= took.is_changed;
        took
    }

    fn leave(&mut self, scene: &Scene<'_>) -> Took {
        self.entries.get_mut(self.at).map(|entry| entry.leave(scene)).unwrap_or_default()
    }

    fn click(&mut self, _: usize, row: usize, width: usize, scene: &Scene<'_>) -> Took {
        let (theme, now) = (scene.world.theme, scene.world.now);
        let look = Look { theme, now, width, is_focused: true, has_error: false };
        let mut rows = (0..self.entries.len()).flat_map(|n| self.rows(n, &look).into_iter().map(move |_| n));
        let at = rows.nth(row);
        self.go(at, scene)
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        (0..self.entries.len()).flat_map(|n| self.rows(n, look)).collect()
    }

    fn keys(&self) -> &'static [(Action, &'static str)] {
        const ONE: &[(Action, &str)] =
            &[(Action::AddEntry, "another"), (Action::LaterHour, "+1 h"), (Action::NextMorning, "next morning")];
        const MORE: &[(Action, &str)] = &[
            (Action::AddEntry, "another"),
            (Action::RemoveEntry, "remove"),
            (Action::LaterHour, "+1 h"),
            (Action::NextMorning, "next morning"),
        ];
        if self.entries.len() > 1 { MORE } else { ONE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    #[test]
    fn windows_are_added_moved_and_removed() {
        let world = Stage::without_case();
        let mut windows = Windows::new(200);
        world.scene(|scene| windows.learn(scene));
        let starts = |windows: &Windows| -> Vec<String> {
            let value = windows.value().unwrap().unwrap();
            value
                .as_array()
                .unwrap()
                .iter()
                .map(|window| window["start"].as_str().unwrap()[11..16].to_owned())
                .collect()
        };
        assert_eq!(windows.draft(), json!(null));
        type_into(&mut windows, "alt-a", &world);
        assert_eq!(starts(&windows), ["23:00", "01:00"]);
        type_into(&mut windows, "alt-h up alt-H", &world);
        assert_eq!(starts(&windows), ["22:00", "02:00"]);
        assert_eq!(world.lines(&windows, 76).len(), 2);
        assert!(!type_into(&mut windows, "up", &world).is_used);
        let draft = windows.draft();
        let mut again = Windows::new(200);
        world.scene(|scene| again.restore(&draft, scene));
        assert_eq!(again.value(), windows.value());
        type_into(&mut windows, "down alt-r alt-r", &world);
        assert_eq!(starts(&windows), ["22:00"]);
        type_into(&mut windows, "x", &world);
        assert!(windows.value().unwrap_err().starts_with("Window 1"));
    }
}
