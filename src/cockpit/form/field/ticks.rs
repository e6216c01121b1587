//! A list to tick: what was done, which evidence is meant.

use ratatui::text::{Line, Span};
use serde_json::{Map, Value};

use super::{Control, Look, Scene, Took};
use crate::cockpit::keymap::Action;
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;
use crate::text;

/// Entries that are shown at once.
const ROWS: usize = 8;

/// What is ticked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The checklist of the closeout: an object of what is true.
    Checklist,
    /// The case's evidence: the ids of what is meant.
    Evidence,
}

#[derive(Debug)]
struct Entry {
    value: String,
    label: String,
    is_on: bool,
}

/// A field of ticks.
#[derive(Debug)]
pub struct Ticks {
    of: Of,
    entries: Vec<Entry>,
    at: usize,
    is_touched: bool,
}

impl Ticks {
    pub fn new(of: Of) -> Self {
        Self { of, entries: Vec::new(), at: 0, is_touched: false }
    }

    fn flip(&mut self, at: usize) -> Took {
        let Some(entry) = self.entries.get_mut(at) else { return Took::used() };
        entry.is_on = !entry.is_on;
        self.at = at;
        self.is_touched = true;
        Took::changed()
    }

    /// What there is to tick.
    fn known(&self, scene: &Scene<'_>) -> Vec<(String, String)> {
        match self.of {
            Of::Checklist => {
                let keys = &scene.world.policy.closeout.checklist_keys;
                keys.iter().map(|key| (key.clone(), key.replace('_', " "))).collect()
            }
            Of::Evidence => {
                let items = scene.case.and_then(|case| case.get("evidence")).and_then(Value::as_array);
                let entry = |item: &Value| {
                    let said = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
                    let key = item.pointer("/metadata/evidence_key").and_then(Value::as_str);
                    let label = format!("{} {}", said("kind"), key.unwrap_or_else(|| said("uri")));
                    Some((item.get("id")?.as_str()?.to_owned(), label))
                };
                items.into_iter().flatten().filter_map(entry).collect()
            }
        }
    }

    fn first(&self) -> usize {
        self.at.saturating_sub(ROWS - 1)
    }

    fn tick(&mut self, values: &[String]) {
        for value in values {
            match self.entries.iter_mut().find(|entry| entry.value == *value) {
                Some(entry) => entry.is_on = true,
                None => self.entries.push(Entry { value: value.clone(), label: value.clone(), is_on: true }),
            }
        }
    }
}

/// The names that a value or a draft ticks.
fn ticked(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => {
            map.iter().filter(|(_, on)| **on == Value::Bool(true)).map(|(key, _)| key.clone()).collect()
        }
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

impl Control for Ticks {
    fn value(&self) -> Result<Option<Value>, String> {
        let on = self.entries.iter().filter(|entry| entry.is_on);
        Ok(match self.of {
            Of::Checklist => {
                Some(Value::Object(on.map(|entry| (entry.value.clone(), true.into())).collect::<Map<_, _>>()))
            }
            Of::Evidence => {
                let ids: Vec<Value> = on.map(|entry| entry.value.as_str().into()).collect();
                (!ids.is_empty()).then_some(Value::Array(ids))
            }
        })
    }

    fn fill(&mut self, value: &Value, _: &Scene<'_>) -> Vec<Ask> {
        self.entries.iter_mut().for_each(|entry| entry.is_on = false);
        self.tick(&ticked(value));
        self.is_touched = false;
        Vec::new()
    }

    fn draft(&self) -> Value {
        if !self.is_touched {
            return Value::Null;
        }
        self.entries.iter().filter(|entry| entry.is_on).map(|entry| entry.value.as_str()).collect()
    }

    fn restore(&mut self, draft: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        let asks = self.fill(draft, scene);
        self.is_touched = true;
        asks
    }

    fn learn(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        let on: Vec<String> =
            self.entries.iter().filter(|entry| entry.is_on).map(|entry| entry.value.clone()).collect();
        let known = self.known(scene);
        self.entries = known.into_iter().map(|(value, label)| Entry { value, label, is_on: false }).collect();
        self.tick(&on);
        self.at = self.at.min(self.entries.len().saturating_sub(1));
        Vec::new()
    }

    fn press(&mut self, press: Press, _: &Scene<'_>) -> Took {
        match press.action {
            Some(Action::Toggle) => self.flip(self.at),
            Some(Action::Up) if self.at > 0 => {
                self.at -= 1;
                Took::used()
            }
            Some(Action::Down) if self.at + 1 < self.entries.len() => {
                self.at += 1;
                Took::used()
            }
            _ => Took::nothing(),
        }
    }

    fn click(&mut self, _: usize, row: usize, _: usize, _: &Scene<'_>) -> Took {
        self.flip(self.first() + row)
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        if self.of == Of::Evidence && !look.is_focused && self.entries.iter().all(|entry| !entry.is_on) {
            return Vec::new();
        }
        let (first, rows) = if look.is_focused { (self.first(), ROWS) } else { (0, ROWS) };
        let shown = self.entries.iter().enumerate().skip(first).take(rows);
        let mut lines: Vec<Line<'static>> = shown
            .map(|(n, entry)| {
                let is_here = look.is_focused && n == self.at;
                let role = match (is_here, entry.is_on) {
                    (true, _) => Role::Selection,
                    (false, true) => Role::Text,
                    (false, false) => Role::Muted,
                };
                let mark = if entry.is_on { "[x]" } else { "[ ]" };
                let here = match (look.is_focused, is_here) {
                    (true, true) => "› ",
                    (true, false) => "  ",
                    (false, _) => "",
                };
                let label = format!("{here}{mark} {}", text::plain(&entry.label));
                Line::from(Span::styled(text::cut(&label, look.width).into_owned(), look.style(role)))
            })
            .collect();
        if self.entries.is_empty() {
            lines.push(Line::styled("there is nothing to tick yet", look.style(Role::Muted)));
        }
        lines
    }

    fn keys(&self) -> &'static [(Action, &'static str)] {
        &[(Action::Toggle, "tick")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    #[test]
    fn the_checklist_is_ticked_item_by_item() {
        let stage = Stage::new();
        let mut ticks = Ticks::new(Of::Checklist);
        stage.scene(|scene| ticks.learn(scene));
        assert_eq!(ticks.value(), Ok(Some(json!({}))));
        assert!(!type_into(&mut ticks, "up", &stage).is_used);
        type_into(&mut ticks, "space down space", &stage);
        assert_eq!(ticks.value(), Ok(Some(json!({"billing_authorization": true, "onsite_photos_after": true}))));
        assert!(stage.shown(&ticks, 40).trim_start().starts_with("[x] billing authorization"));
        let draft = ticks.draft();
        let mut again = Ticks::new(Of::Checklist);
        stage.scene(|scene| again.restore(&draft, scene));
        stage.scene(|scene| again.learn(scene));
        assert_eq!(again.value(), ticks.value());
    }

    #[test]
    fn evidence_is_left_out_unless_some_is_meant() {
        let stage = Stage::new();
        let mut ticks = Ticks::new(Of::Evidence);
        stage.scene(|scene| ticks.learn(scene));
        assert_eq!(ticks.value(), Ok(None));
        type_into(&mut ticks, "space", &stage);
        assert_eq!(ticks.value(), Ok(Some(json!(["00000000-0000-0000-0000-0000000000e1"]))));
        stage.scene(|scene| ticks.click(1, 0, 40, scene));
        assert_eq!(ticks.value(), Ok(None));
    }
}
