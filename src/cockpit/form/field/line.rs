//! A single line of text.

use std::ops::{Deref, DerefMut};

use ratatui::text::{Line as Drawn, Span};
use serde_json::Value;

use super::read::{Read, Reader};
use super::{Look, Took};
use crate::cockpit::part::Press;
use crate::cockpit::theme::Role;
pub(super) use crate::cockpit::typed::cut_short;
use crate::cockpit::typed::{self, Typing};
use crate::text;

/// Text being typed in a field, which tells what became of a key as fields do.
#[derive(Debug, Clone, Default)]
pub struct Typed(typed::Typed);

impl Deref for Typed {
    type Target = typed::Typed;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Typed {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Typed {
    pub fn new(most: usize) -> Self {
        Self(typed::Typed::new(most))
    }

    /// Whether the key was one of editing, and whether the text changed.
    pub fn press(&mut self, press: Press) -> Took {
        match self.0.press(press.key) {
            Typing::Nothing => Took::nothing(),
            Typing::Used => Took::used(),
            Typing::Changed => Took::changed(),
        }
    }

    /// Puts text in at the cursor, as far as there is room.
    pub fn paste(&mut self, pasted: &str) -> Took {
        let (is_changed, cut) = self.0.paste(pasted);
        Took::used_and(is_changed).asking(cut)
    }

    /// The text in so many columns, with its cursor where it has the focus.
    pub fn spans(&self, look: &Look<'_>, width: usize) -> Vec<Span<'static>> {
        if !look.is_focused {
            let shown = text::plain(self.text());
            return vec![Span::styled(text::cut(&shown, width).into_owned(), look.style(Role::Text))];
        }
        spans(self.around(width), look)
    }
}

/// A line with a cursor, moved so far that the cursor is on it.
pub(super) fn with_cursor(shown: &str, cursor: usize, width: usize, look: &Look<'_>) -> Vec<Span<'static>> {
    spans(typed::around(shown, cursor, width), look)
}

fn spans([before, under, behind]: [String; 3], look: &Look<'_>) -> Vec<Span<'static>> {
    let under = if under.is_empty() { " ".to_owned() } else { under };
    vec![
        Span::styled(before, look.style(Role::Input)),
        Span::styled(under, look.style(Role::Selection)),
        Span::styled(behind, look.style(Role::Input)),
    ]
}

/// A field of one line.
#[derive(Debug)]
pub struct Line;

impl Line {
    pub fn field(most: usize) -> Read<Self> {
        Read::new(Self, most)
    }
}

impl Reader for Line {
    fn read(&self, said: &str) -> Result<Value, String> {
        Ok(said.into())
    }

    fn write(&self, value: &Value) -> String {
        value.as_str().unwrap_or_default().to_owned()
    }
}

/// A line of text as a field shows it.
pub(super) fn lines_of(typed: &Typed, look: &Look<'_>) -> Vec<Drawn<'static>> {
    if typed.text().is_empty() && !look.is_focused {
        return Vec::new();
    }
    vec![Drawn::from(typed.spans(look, look.width))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::field::Control;
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    #[test]
    fn what_is_typed_is_sent_trimmed_and_nothing_is_nothing() {
        let world = Stage::new();
        let mut line = Line::field(500);
        type_into(&mut line, "Door space stuck space", &world);
        assert_eq!(line.value(), Ok(Some(json!("Door stuck"))));
        type_into(&mut line, "ctrl-u space", &world);
        assert_eq!(line.value(), Ok(None));
    }

    #[test]
    fn a_hostile_paste_becomes_one_short_harmless_line() {
        let world = Stage::new();
        let mut line = Line::field(20);
        type_into(&mut line, "ab left", &world);
        let paste = "x\r\n\u{1b}[2J\u{202e}".repeat(200_000);
        world.scene(|scene| line.paste(&paste, scene));
        let value = line.value().unwrap().unwrap();
        let value = value.as_str().unwrap();
        assert_eq!(value.chars().count(), 20);
        assert!(value.starts_with("ax  [2J") && value.ends_with('b'), "{value}");
        let shown = world.shown(&line, 12);
        assert!(!shown.contains('\u{202e}'), "{shown}");
    }

    #[test]
    fn the_cursor_stays_on_the_line() {
        let world = Stage::new();
        let mut line = Line::field(500);
        type_into(&mut line, "0123456789 東京", &world);
        assert!(world.shown(&line, 8).ends_with("東京 "), "{}", world.shown(&line, 8));
        type_into(&mut line, "home", &world);
        assert!(world.shown(&line, 8).starts_with("0123456"), "{}", world.shown(&line, 8));
    }
}
