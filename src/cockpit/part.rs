//! What a pane and a dialog have in common.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Debug;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use serde_json::Value;
use uuid::Uuid;

use super::effect::{Effect, Stamp};
use super::keymap::{Action, Keymap, Scope};
use super::known::Known;
use super::msg::{CaseData, Msg};
use super::rows::Line;
use super::theme::Theme;
use crate::domain::actor::Actor;
use crate::domain::directory::Kind;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;

/// What every part may look at, and none may change.
#[derive(Debug)]
pub struct World<'a> {
    pub theme: &'a Theme,
    pub keymap: &'a Keymap,
    pub actor: &'a Actor,
    /// The database's time, as far as it is known.
    pub now: Timestamp,
    pub policy: &'a Policy,
    /// The row of the selected ticket, and its case once it is loaded.
    pub row: Option<&'a Line>,
    pub case: Option<&'a CaseData>,
    /// What was typed into forms and not sent, by form.
    pub drafts: &'a HashMap<String, Value>,
    /// Whether the database answers.
    pub is_live: bool,
    /// Where stamps come from.
    pub stamps: &'a Cell<Stamp>,
    /// Everything else.
    pub known: &'a Known,
}

impl World<'_> {
    /// A stamp that was never used.
    pub fn stamp(&self) -> Stamp {
        self.stamps.set(self.stamps.get() + 1);
        self.stamps.get()
    }
}

/// What a part asks of the cockpit.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "few live at a time, and none for long")]
pub enum Ask {
    /// Do what a key would do.
    Do(Action),
    /// Open a tool's form on the selected ticket, or on none.
    Tool(&'static str),
    /// Open the form of a kind of master data.
    Directory(Kind),
    /// Put a dialog on top.
    Open(Box<dyn Part>),
    /// Close the part that asks.
    Close,
    /// Select a ticket, wherever it is.
    Select {
        id: Uuid,
        number: String,
    },
    /// Look for a ticket by its number.
    Find(String),
    /// Show the queue through a filter.
    Filter(String),
    /// Keep a filter as a view.
    KeepView {
        name: String,
        filter: String,
    },
    ForgetView(String),
    /// Take back a call that was not sent, and perhaps open its form again.
    TakeBack {
        id: Uuid,
        reopens: bool,
    },
    /// Open the form of a refused call again, with what was typed and why it was refused.
    Reopen(Uuid),
    /// Act in another role.
    Role(crate::domain::actor::Role),
    /// Look another way.
    Theme(String),
    /// Say something in the footer.
    Say(String),
    Effect(Effect),
}

/// A key, and what it means where it was pressed.
#[derive(Debug, Clone, Copy)]
pub struct Press {
    pub key: KeyEvent,
    pub action: Option<Action>,
}

/// A pane or a dialog.
pub trait Part: Debug + Send {
    /// Which keys are its own.
    fn scope(&self) -> Scope;
    /// A key was pressed while it had the focus.
    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask>;
    /// Text was pasted while it had the focus. What takes no text drops it.
    fn paste(&mut self, _text: &str, _world: &World<'_>) -> Vec<Ask> {
        Vec::new()
    }
    /// The mouse did something inside its area.
    fn mouse(&mut self, _event: MouseEvent, _world: &World<'_>) -> Vec<Ask> {
        Vec::new()
    }
    /// Something happened that may concern it.
    fn hear(&mut self, _msg: &Msg, _world: &World<'_>) -> Vec<Ask> {
        Vec::new()
    }
    /// The last line of the screen, where it is another than that of its scope.
    fn footer(&self, _world: &World<'_>, _width: usize) -> Option<Text<'static>> {
        None
    }
    /// Draws it.
    fn draw(&self, frame: &mut Frame<'_>, area: Rect, world: &World<'_>);
}
