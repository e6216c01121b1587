//! One of many, found by typing: records of the directory, or what the case and the policy know.

mod draw;

use std::time::Duration;

use crossterm::event::KeyCode;
use ratatui::text::Line;
use serde_json::{Value, json};
use uuid::Uuid;

use super::line::Typed;
use super::local::Local;
use super::records::Records;
use super::{Control, Look, Scene, Took};
use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::keymap::Action;
use crate::cockpit::msg::Msg;
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::refused::{At, key};
use crate::text;

/// Entries of the list that are shown at once.
const ROWS: usize = 5;
/// How long nobody types before it is looked up.
const REST: Duration = Duration::from_millis(120);

/// An entry of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub value: Value,
    pub label: String,
    /// What tells it from others.
    pub note: String,
    /// Why it would be refused, or is wanted most.
    pub mark: Option<Mark>,
    /// The record, whole; null where there is none.
    pub record: Value,
}

/// How far a name is from what was typed, in lower case: it begins with it, has it, has its words, or something else
/// about it does.
fn distance(name: &str, typed: &str) -> u8 {
    let (name, typed) = (name.to_lowercase().replace('_', " "), typed.trim().replace('_', " "));
    match () {
        () if name.starts_with(&typed) => 0,
        () if name.contains(&typed) => 1,
        () if typed.split_whitespace().all(|word| name.contains(word)) => 2,
        () => 3,
    }
}

/// What is special about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    Unfit(String),
    Wanted(String),
}

/// Where the entries come from.
#[derive(Debug)]
pub enum Source {
    Records(Records),
    Local(Local),
}

/// A field of one of many.
#[derive(Debug)]
pub struct Pick {
    source: Source,
    typed: Typed,
    items: Vec<Item>,
    /// The entry under the cursor.
    at: Option<usize>,
    /// What the arrows went to.
    wanted: Option<Value>,
    chosen: Option<Item>,
    /// Whether words of one's own are taken too.
    is_free: bool,
    is_touched: bool,
    due: Option<Stamp>,
    asked: Option<Stamp>,
    /// The question what record an id is of.
    naming: Option<Stamp>,
    failure: Option<String>,
    /// The way to add a record.
    adding: String,
    /// The database does not answer.
    is_away: bool,
}

impl Pick {
    pub fn new(source: Source, is_free: bool, most: usize) -> Self {
        Self {
            source,
            typed: Typed::new(most),
            items: Vec::new(),
            at: None,
            wanted: None,
            chosen: None,
            is_free,
            is_touched: false,
            due: None,
            asked: None,
            naming: None,
            failure: None,
            adding: String::new(),
            is_away: false,
        }
    }

    fn choose(&mut self, item: Item) {
        self.typed.set(&item.label);
        self.chosen = Some(item);
        self.at = None;
    }

    fn forget(&mut self) {
        self.chosen = None;
        self.typed.set("");
        self.at = None;
    }

    /// Whether the entries are the answer to what is typed.
    fn is_settled(&self) -> bool {
        self.due.is_none() && self.asked.is_none()
    }

    /// The entries that fit what is typed, the likeliest first. Those of the directory were looked up by it, once it answered; until
    /// then nobody may choose what does not fit.
    fn shown(&self) -> Vec<&Item> {
        let words = self.typed.text().to_lowercase();
        let is_narrowed = matches!(self.source, Source::Local(_)) || !self.is_settled();
        let fits = |item: &&Item| {
            let text = format!("{} {}", item.label, item.note).to_lowercase();
            !is_narrowed
                || words.split_whitespace().all(|word| text.contains(word) || text.replace('_', " ").contains(word))
        };
        let mut shown: Vec<&Item> = self.items.iter().filter(fits).collect();
        let standing = |item: &Item| match item.mark {
            Some(Mark::Wanted(_)) => 0,
            None => 1,
            // Those that would be refused come last.
            Some(Mark::Unfit(_)) => 2,
        };
        shown.sort_by_key(|item| (standing(item), distance(&item.label, &words)));
        shown
    }

    fn look_up(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        match &self.source {
            Source::Local(local) => {
                self.items = local.items(scene);
                Vec::new()
            }
            Source::Records(records) => {
                let stamp = scene.world.stamp();
                self.asked = Some(stamp);
                self.adding = key(Action::Directory, At::Form, scene.world);
                let query = records.query(self.typed.said());
                vec![Ask::Effect(Effect::Lookup { stamp, kind: records.kind, query })]
            }
        }
    }

    fn look_up_later(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        if matches!(self.source, Source::Local(_)) {
            return self.look_up(scene);
        }
        let stamp = scene.world.stamp();
        self.due = Some(stamp);
        vec![Ask::Effect(Effect::After { stamp, wait: REST })]
    }

    /// That nothing is called what was typed, where that was looked up.
    fn nothing_found(&self) -> Option<String> {
        let said = self.typed.said().filter(|_| self.is_settled() && self.shown().is_empty())?;
        let said = text::cut(said, 24);
        Some(match &self.source {
            Source::Records(records) => format!("No {} is called {said}. {} adds one.", records.one(), self.adding),
            Source::Local(_) => format!("Nothing is called {said}."),
        })
    }

    /// The text changed: what was chosen no longer is.
    fn typed_on(&mut self, took: Took, scene: &Scene<'_>) -> Took {
        if !took.is_changed {
            return took;
        }
        self.chosen = None;
        self.is_touched = true;
        let asks = self.look_up_later(scene);
        self.at = (self.typed.said().is_some() && !self.shown().is_empty()).then_some(0);
        self.wanted = None;
        took.asking(asks)
    }

    fn take(&mut self, at: usize) -> Took {
        let Some(item) = self.shown().get(at).map(|item| (*item).clone()) else { return Took::used().done() };
        let is_changed = self.chosen.as_ref().map(|chosen| &chosen.value) != Some(&item.value);
        self.choose(item);
        self.is_touched = true;
        Took::used_and(is_changed).done()
    }

    fn note_wanted(&mut self) {
        self.wanted = self.at.and_then(|at| self.shown().get(at).map(|item| item.value.clone()));
    }

    /// Asks what record an id is of.
    fn name(&mut self, id: &str, scene: &Scene<'_>) -> Vec<Ask> {
        let Source::Records(records) = &self.source else { return Vec::new() };
        let stamp = scene.world.stamp();
        self.naming = Some(stamp);
        vec![Ask::Effect(Effect::Lookup { stamp, kind: records.kind, query: json!({"id": id, "limit": 1}) })]
    }

    fn heard(&mut self, found: &[Value], is_name: bool, scene: &Scene<'_>) -> Took {
        let Source::Records(records) = &self.source else { return Took::nothing() };
        let items: Vec<Item> = found.iter().filter_map(|record| records.item(record, scene)).collect();
        if is_name {
            self.naming = None;
            let wanted = self.chosen.as_ref().map(|chosen| &chosen.value);
            if let Some(item) = items.into_iter().find(|item| Some(&item.value) == wanted) {
                self.choose(item);
            }
            return Took::used();
        }
        let under = self.wanted.clone();
        (self.asked, self.failure) = (None, None);
        self.items = items;
        let first = (self.typed.said().is_some() && self.chosen.is_none() && !self.items.is_empty()).then_some(0);
        // What one went to stays under the cursor.
        self.at = under.and_then(|value| self.shown().iter().position(|item| item.value == value)).or(first);
        Took::used()
    }
}

impl Control for Pick {
    fn value(&self) -> Result<Option<Value>, String> {
        match (&self.chosen, self.typed.said()) {
            (Some(item), _) => Ok(Some(item.value.clone())),
            (None, None) => Ok(None),
            // Where nothing can be looked up, an id that somebody knows must do.
            (None, Some(_)) if self.is_too_long() => self.typed.fits().map(|()| None),
            (None, Some(said)) if self.is_free || self.failure.is_some() || Uuid::try_parse(said).is_ok() => {
                Ok(Some(said.into()))
            }
            (None, Some(_)) => Err(self
                .nothing_found()
                .unwrap_or_else(|| "Choose an entry of the list: arrows, then enter.".to_owned())),
        }
    }

    fn fill(&mut self, value: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        self.is_touched = false;
        let Some(text) = value.as_str() else {
            self.forget();
            return Vec::new();
        };
        let known = self.items.iter().find(|item| item.value == *value).cloned();
        let is_known = known.is_some();
        let bare =
            Item { value: value.clone(), label: text.into(), note: String::new(), mark: None, record: Value::Null };
        self.choose(known.unwrap_or(bare));
        if is_known { Vec::new() } else { self.name(text, scene) }
    }

    fn draft(&self) -> Value {
        match (&self.chosen, self.is_touched) {
            (_, false) => Value::Null,
            (Some(item), true) => json!({"value": item.value, "label": item.label}),
            (None, true) => json!({"text": self.typed.text()}),
        }
    }

    fn restore(&mut self, draft: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        let asks = if let Some(value) = draft.get("value") {
            let asks = self.fill(value, scene);
            if let (Some(chosen), Some(label)) = (&mut self.chosen, draft.get("label").and_then(Value::as_str)) {
                label.clone_into(&mut chosen.label);
                self.typed.set(label);
            }
            asks
        } else {
            self.forget();
            self.typed.set(draft.get("text").and_then(Value::as_str).unwrap_or_default());
            self.look_up(scene)
        };
        self.is_touched = true;
        asks
    }

    fn learn(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        let asks = self.look_up(scene);
        if let Source::Local(local) = &self.source
            && let (true, None, false, [only]) =
                (local.is_obvious(), &self.chosen, self.is_touched, self.items.as_slice())
        {
            self.choose(only.clone());
        }
        asks
    }

    fn narrow(&mut self, name: &str, value: Option<&Value>, scene: &Scene<'_>) -> Took {
        let Source::Records(records) = &mut self.source else { return Took::nothing() };
        if !records.narrow(name, value) {
            return Took::nothing();
        }
        let belongs = |chosen: &Item| {
            let own = chosen.record.get(name);
            value.is_none() || own.is_none() || own == value
        };
        let is_lost = self.chosen.as_ref().is_some_and(|chosen| !belongs(chosen));
        if is_lost {
            self.forget();
        }
        self.items.clear();
        Took::used_and(is_lost).asking(self.look_up(scene))
    }

    fn press(&mut self, press: Press, scene: &Scene<'_>) -> Took {
        let is_open = self.chosen.is_none();
        let count = self.shown().len();
        match press.action {
            Some(Action::Down) if is_open && count > 0 => {
                self.at = Some(self.at.map_or(0, |at| (at + 1).min(count - 1)));
                self.note_wanted();
                Took::used()
            }
            Some(Action::Up) if is_open && self.at.is_some() => {
                self.at = self.at.and_then(|at| at.checked_sub(1));
                self.note_wanted();
                Took::used()
            }
            Some(Action::Enter) => match self.at {
                Some(at) if is_open => self.take(at),
                // The answer is on its way.
                _ if is_open && self.typed.said().is_some() && !self.is_settled() => Took::used(),
                _ => Took::used().done(),
            },
            Some(Action::Up | Action::Down) => Took::nothing(),
            _ => {
                // What was chosen is replaced as a whole, not letter by letter.
                let replaces = matches!(press.key.code, KeyCode::Char(_) | KeyCode::Backspace | KeyCode::Delete);
                let before = (self.chosen.clone(), self.typed.clone());
                if self.chosen.is_some() && replaces {
                    self.typed.set("");
                }
                let mut took = self.typed.press(press);
                if before.0.is_some() && replaces {
                    if took.is_used {
                        took.is_changed = true;
                    } else {
                        self.typed = before.1;
                    }
                }
                self.typed_on(took, scene)
            }
        }
    }

    fn paste(&mut self, text: &str, scene: &Scene<'_>) -> Took {
        if self.chosen.is_some() {
            self.typed.set("");
        }
        let took = self.typed.paste(text);
        self.typed_on(took, scene)
    }

    fn hear(&mut self, msg: &Msg, scene: &Scene<'_>) -> Took {
        self.is_away = !scene.world.is_live;
        match msg {
            Msg::Due { stamp } if self.due == Some(*stamp) => {
                self.due = None;
                Took::used().asking(self.look_up(scene))
            }
            Msg::Looked { stamp, outcome } if self.asked == Some(*stamp) || self.naming == Some(*stamp) => {
                let is_name = self.naming == Some(*stamp);
                match outcome {
                    Ok(found) => self.heard(found, is_name, scene),
                    Err(refusal) => {
                        self.asked = None;
                        self.failure = Some(refusal.finding().to_owned());
                        Took::used()
                    }
                }
            }
            _ => Took::nothing(),
        }
    }

    fn leave(&mut self, _: &Scene<'_>) -> Took {
        if self.chosen.is_some() || self.is_free || !self.is_settled() {
            return Took::nothing();
        }
        // What one had gone to is what one meant.
        let shown = self.shown();
        let meant = match shown.as_slice() {
            [only] if self.typed.said().is_some() => Some(*only),
            all => self.at.and_then(|at| all.get(at)).copied(),
        };
        let Some(meant) = meant.cloned() else { return Took::nothing() };
        self.choose(meant);
        self.is_touched = true;
        Took::changed()
    }

    fn click(&mut self, _: usize, row: usize, _: usize, _: &Scene<'_>) -> Took {
        match (row.checked_sub(1), self.chosen.is_none()) {
            (Some(row), true) => self.take(self.first() + row),
            _ => Took::nothing(),
        }
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        if look.is_focused { self.open(look) } else { self.settled(look) }
    }

    fn is_too_long(&self) -> bool {
        self.chosen.is_none() && self.typed.fits().is_err()
    }

    fn record(&self) -> Option<&Value> {
        self.chosen.as_ref().map(|chosen| &chosen.record).filter(|record| record.is_object())
    }
}
