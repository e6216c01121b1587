//! Fields that are typed on one line and read as something: text, money, a number, a list.

use std::fmt::Debug;

use ratatui::text::{Line, Span};
use serde_json::Value;

use super::line::{Typed, lines_of};
use super::{Control, Look, Scene, Took};
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;

/// How what is typed is read, and written again.
pub trait Reader: Debug + Send {
    /// The value of a text that is not blank, or what may be written.
    fn read(&self, said: &str) -> Result<Value, String>;
    /// A value as it is typed; nothing for null.
    fn write(&self, value: &Value) -> String;
    /// What was understood, where the text does not say it itself.
    fn beside(&self, _value: &Value, _said: &str) -> Option<String> {
        None
    }
    /// What pasted text is to be.
    fn pasted(&self, text: &str) -> String {
        text.to_owned()
    }
    /// What a record's value becomes when all of it was taken away.
    fn emptied(&self) -> Option<Value> {
        None
    }
}

/// A field of one line, read.
#[derive(Debug)]
pub struct Read<R> {
    typed: Typed,
    reader: R,
    /// What it was filled with, which is no draft of anybody.
    given: String,
    is_touched: bool,
}

impl<R: Reader> Read<R> {
    pub fn new(reader: R, most: usize) -> Self {
        Self { typed: Typed::new(most), reader, given: String::new(), is_touched: false }
    }

    fn took(&mut self, took: Took) -> Took {
        self.is_touched |= took.is_changed;
        took
    }
}

impl<R: Reader> Control for Read<R> {
    fn value(&self) -> Result<Option<Value>, String> {
        self.typed.fits()?;
        match self.typed.said() {
            Some(said) => self.reader.read(said).map(Some),
            None if self.is_touched && !self.given.is_empty() => Ok(self.reader.emptied()),
            None => Ok(None),
        }
    }

    fn fill(&mut self, value: &Value, _: &Scene<'_>) -> Vec<Ask> {
        self.typed.set(&self.reader.write(value));
        self.typed.text().clone_into(&mut self.given);
        self.is_touched = false;
        Vec::new()
    }

    fn draft(&self) -> Value {
        if self.is_touched { self.typed.text().into() } else { Value::Null }
    }

    fn restore(&mut self, draft: &Value, _: &Scene<'_>) -> Vec<Ask> {
        self.typed.set(draft.as_str().unwrap_or_default());
        self.is_touched = true;
        Vec::new()
    }

    fn press(&mut self, press: Press, _: &Scene<'_>) -> Took {
        let took = self.typed.press(press);
        self.took(took)
    }

    fn paste(&mut self, text: &str, _: &Scene<'_>) -> Took {
        let took = self.typed.paste(&self.reader.pasted(text));
        self.took(took)
    }

    fn is_too_long(&self) -> bool {
        self.typed.fits().is_err()
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        let mut lines = lines_of(&self.typed, look);
        if let (Some(line), Ok(Some(value))) = (lines.first_mut(), self.value())
            && let Some(beside) = self.reader.beside(&value, self.typed.text())
        {
            line.push_span(Span::styled(format!("  {beside}"), look.style(Role::Muted)));
        }
        lines
    }
}
