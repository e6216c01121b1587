//! What was typed and not sent: kept through Esc, a crash and a restart.

use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::build::Field;
use super::difference::Seen;
use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::envelope::Draft;
use crate::cockpit::msg::Msg;
use crate::cockpit::part::{Ask, World};
use crate::domain::actor::Actor;
use crate::domain::directory::Kind;
use crate::domain::tool::Tool;

/// How much of what is typed may be lost.
const REST: Duration = Duration::from_millis(500);

/// Under which key a form's draft is kept.
pub fn key(tool: &Tool, kind: Option<Kind>, ticket: Option<Uuid>, actor: &Actor) -> String {
    let kind = kind.map(|kind| format!(" {kind}")).unwrap_or_default();
    let ticket = ticket.map_or_else(|| "new".to_owned(), |id| id.to_string());
    // What one typed is nobody else's, whoever shares the system's login.
    format!("{} {}{kind} {ticket}", actor.id, tool.spec.name)
}

/// The draft of a form.
#[derive(Debug)]
pub struct Kept {
    pub key: String,
    /// Whether the form holds what was typed another time.
    pub is_restored: bool,
    /// Whether one is kept.
    is_there: bool,
    due: Option<Stamp>,
}

impl Kept {
    pub fn new(key: String) -> Self {
        Self { key, is_restored: false, is_there: false, due: None }
    }

    /// Something changed: keeps it a moment later, also while one goes on typing.
    pub fn later(&mut self, world: &World<'_>) -> Option<Ask> {
        if self.due.is_some() {
            return None;
        }
        let stamp = world.stamp();
        self.due = Some(stamp);
        Some(Ask::Effect(Effect::After { stamp, wait: REST }))
    }

    pub fn is_due(&mut self, msg: &Msg) -> bool {
        let is_due = matches!(msg, Msg::Due { stamp } if self.due == Some(*stamp));
        if is_due {
            self.due = None;
        }
        is_due
    }

    /// What was typed, and what the ticket was like for whoever typed it.
    pub fn draft(&self, fields: &[Field], seen: Option<&Seen>) -> Draft {
        let typed: Map<String, Value> = fields
            .iter()
            .map(|field| (field.name().to_owned(), field.control.draft()))
            .filter(|(_, draft)| !draft.is_null())
            .collect();
        let mut said = json!({"fields": typed});
        if let Some(seen) = seen {
            said["seen"] = seen.before().clone();
        }
        Draft { form: self.key.clone(), said }
    }

    /// Keeps what was typed; drops the draft where nothing is left of it.
    pub fn keep(&mut self, fields: &[Field], seen: Option<&Seen>) -> Option<Ask> {
        let draft = self.draft(fields, seen);
        let was_there = std::mem::replace(&mut self.is_there, draft.is_something());
        if self.is_there {
            return Some(Ask::Effect(Effect::KeepDraft { key: draft.form, draft: draft.said }));
        }
        was_there.then_some(Ask::Effect(Effect::DropDraft { key: draft.form }))
    }

    /// Whether there is a draft that a call would end.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// The fields that a draft says something of, with what it says.
    pub fn restore<'a>(&mut self, draft: &Value, fields: &'a mut [Field]) -> Vec<(&'a mut Field, Value)> {
        let kept = draft.get("fields").and_then(Value::as_object).cloned().unwrap_or_default();
        let found: Vec<_> = fields
            .iter_mut()
            .filter_map(|field| {
                let kept = kept.get(field.name()).filter(|kept| !kept.is_null())?.clone();
                Some((field, kept))
            })
            .collect();
        self.is_restored = !found.is_empty();
        self.is_there = self.is_restored;
        found
    }
}
