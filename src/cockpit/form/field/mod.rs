//! The fields of a form: one file a kind, each a [`Control`].

pub mod choice;
pub mod file;
pub mod hours;
pub mod json;
pub mod line;
pub mod local;
pub mod moment;
pub mod money;
pub mod number;
pub mod pick;
pub mod read;
pub mod records;
pub mod text;
pub mod ticks;
pub mod window;
pub mod windows;
pub mod words;

use std::fmt::Debug;

use chrono_tz::Tz;
use ratatui::text::Line;
use serde_json::Value;

use crate::cockpit::envelope::Upload;
use crate::cockpit::keymap::Action;
use crate::cockpit::msg::Msg;
use crate::cockpit::part::{Ask, Press, World};
use crate::cockpit::theme::{Role, Theme};
use crate::domain::time::Timestamp;

/// What a field may look at.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub world: &'a World<'a>,
    /// The site's zone; UTC where there is no site.
    pub zone: Tz,
    /// The answer of `case.get` for the form's ticket, once it is there.
    pub case: Option<&'a Value>,
}

impl Scene<'_> {
    /// A field of the form's ticket.
    pub fn ticket(&self, name: &str) -> Option<&Value> {
        self.case?.get("ticket")?.get(name).filter(|value| !value.is_null())
    }
}

/// How a field is to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    pub theme: &'a Theme,
    pub now: Timestamp,
    /// Columns there are.
    pub width: usize,
    pub is_focused: bool,
    /// Whether what is wrong with it is told beneath it.
    pub has_error: bool,
}

impl Look<'_> {
    pub fn style(&self, role: Role) -> ratatui::style::Style {
        self.theme.style(role)
    }
}

/// What became of a key, a click or a message.
#[derive(Debug, Default)]
pub struct Took {
    /// Whether it meant something here.
    pub is_used: bool,
    /// Whether the field says something else now.
    pub is_changed: bool,
    /// Whether the focus may go on.
    pub is_done: bool,
    pub asks: Vec<Ask>,
}

impl Took {
    /// It meant nothing here.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// It was taken, and the field says what it said.
    pub fn used() -> Self {
        Self { is_used: true, ..Self::default() }
    }

    /// The field says something else now.
    pub fn changed() -> Self {
        Self { is_used: true, is_changed: true, ..Self::default() }
    }

    /// It was taken; the value may have changed.
    pub fn used_and(is_changed: bool) -> Self {
        Self { is_used: true, is_changed, ..Self::default() }
    }

    /// The same, asking.
    #[must_use]
    pub fn asking(mut self, asks: Vec<Ask>) -> Self {
        self.asks.extend(asks);
        self
    }

    /// The same, and the focus may go on.
    #[must_use]
    pub fn done(mut self) -> Self {
        self.is_done = true;
        self
    }
}

/// A field: what it holds, which keys it takes, how it looks.
pub trait Control: Debug + Send {
    /// What it sends; none where nothing was said; what is wrong where it cannot be read.
    fn value(&self) -> Result<Option<Value>, String>;
    /// Takes a value of the payload, as a record or a ticket has it.
    fn fill(&mut self, value: &Value, scene: &Scene<'_>) -> Vec<Ask>;
    /// What to keep of what was typed; null where nobody touched it.
    fn draft(&self) -> Value;
    /// Takes up what was kept.
    fn restore(&mut self, draft: &Value, scene: &Scene<'_>) -> Vec<Ask>;
    /// The form opens, or more is known of the case.
    fn learn(&mut self, _scene: &Scene<'_>) -> Vec<Ask> {
        Vec::new()
    }
    /// Another field, which this one depends on, says something else.
    fn narrow(&mut self, _name: &str, _value: Option<&Value>, _scene: &Scene<'_>) -> Took {
        Took::nothing()
    }
    fn press(&mut self, press: Press, scene: &Scene<'_>) -> Took;
    fn paste(&mut self, _text: &str, _scene: &Scene<'_>) -> Took {
        Took::nothing()
    }
    fn hear(&mut self, _msg: &Msg, _scene: &Scene<'_>) -> Took {
        Took::nothing()
    }
    /// The focus goes elsewhere.
    fn leave(&mut self, _scene: &Scene<'_>) -> Took {
        Took::nothing()
    }
    /// A click on one of its lines, drawn this wide.
    fn click(&mut self, _column: usize, _row: usize, _width: usize, _scene: &Scene<'_>) -> Took {
        Took::nothing()
    }
    /// What it shows; nothing where it is empty.
    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>>;
    /// The record that was chosen, whole.
    fn record(&self) -> Option<&Value> {
        None
    }
    /// What is to be kept with the call, and its hash.
    fn upload(&self) -> Option<(&Upload, &str)> {
        None
    }
    /// Whether it holds more than may be sent, which is said while one still types.
    fn is_too_long(&self) -> bool {
        false
    }
    /// Whether what it says is a time of the site's clock.
    fn needs_zone(&self) -> bool {
        false
    }
    /// Its own keys, for the help line, with what they do.
    fn keys(&self) -> &'static [(Action, &'static str)] {
        &[]
    }
}
