//! A single line of text.

use std::ops::{Deref, DerefMut};

use ratatui::text::{Line as Drawn, Span};
use serde_json::Value;

use super::read::{Read, Reader};
use super::{Look, Took};
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;
use crate::cockpit::typed::{self, Typing};
use crate::text;

/// Characters that any field keeps: what is too long for the payload is shortened by whoever wrote it, not here.
pub(super) const ROOM: usize = 64 * 1024;

/// What is wrong with a text that is longer than it may be.
pub(super) fn too_long(text: &str, most: usize) -> Result<(), String> {
    let many = text.chars().count();
    if many <= most {
        return Ok(());
    }
    Err(format!("{} characters; at most {}", text::grouped(many), text::grouped(most)))
}

/// Says that what was pasted is more than a field keeps; none where there is room for it.
pub(super) fn no_room(pasted: &str, there: usize) -> Option<Took> {
    let many = pasted.trim().chars().count();
    if many <= ROOM.saturating_sub(there) {
        return None;
    }
    let [many, most] = [many, ROOM].map(text::grouped);
    let said = format!("Nothing was pasted: it has {many} characters, and a field keeps {most} at most.");
    Some(Took::used().asking(vec![Ask::Say(said)]))
}

/// Text being typed in a field, which tells what became of a key as fields do.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    inner: typed::Typed,
    /// Characters that may be sent.
    most: usize,
}

impl Deref for Typed {
    type Target = typed::Typed;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for Typed {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}

impl Typed {
    pub fn new(most: usize) -> Self {
        Self { inner: typed::Typed::new(ROOM), most }
    }

    /// Whether the key was one of editing, and whether the text changed.
    pub fn press(&mut self, press: Press) -> Took {
        match self.inner.press(press.key) {
            Typing::Nothing => Took::nothing(),
            Typing::Used => Took::used(),
            Typing::Changed => Took::changed(),
        }
    }

    /// Puts text in at the cursor, the whole of it or nothing.
    pub fn paste(&mut self, pasted: &str) -> Took {
        if let Some(took) = no_room(pasted, self.text().chars().count()) {
            return took;
        }
        let (is_changed, cut) = self.inner.paste(pasted);
        Took::used_and(is_changed).asking(cut)
    }

    /// Whether it may be sent as it is.
    pub fn fits(&self) -> Result<(), String> {
        too_long(self.said().unwrap_or_default(), self.most)
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
    fn a_hostile_paste_becomes_one_harmless_line() {
        let world = Stage::new();
        let mut line = Line::field(2_000);
        type_into(&mut line, "ab left", &world);
        let paste = "x\r\n\u{1b}[2J\u{202e}".repeat(200);
        world.scene(|scene| line.paste(&paste, scene));
        let value = line.value().unwrap().unwrap();
        let value = value.as_str().unwrap();
        assert!(value.starts_with("ax  [2J") && value.ends_with('b'), "{value}");
        let shown = world.shown(&line, 12);
        assert!(!shown.contains('\u{202e}'), "{shown}");
    }

    #[test]
    fn a_text_that_is_too_long_is_kept_whole_and_says_so() {
        let world = Stage::new();
        let mut line = Line::field(500);
        world.scene(|scene| line.paste(&"x".repeat(24_000), scene));
        assert_eq!(line.value(), Err("24,000 characters; at most 500".to_owned()));
        assert!(line.is_too_long());
        assert_eq!(line.draft().as_str().unwrap().len(), 24_000);
        let took = world.scene(|scene| line.paste(&"x".repeat(60_000), scene));
        assert!(!took.is_changed && format!("{:?}", took.asks).contains("Nothing was pasted"), "{took:?}");
        assert_eq!(line.draft().as_str().unwrap().len(), 24_000);
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
