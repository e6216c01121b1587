//! A single line of text.

use crossterm::event::{Event, KeyModifiers};
use ratatui::text::{Line as Drawn, Span};
use serde_json::Value;
use tui_input::backend::crossterm::to_input_request;
use tui_input::{Input, InputRequest};
use unicode_width::UnicodeWidthChar;

use super::read::{Read, Reader};
use super::{Look, Took};
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;
use crate::text;

/// Says that a text was pasted that does not fit.
pub(super) fn cut_short(pasted: &str, room: usize, most: usize) -> Vec<Ask> {
    let many = pasted.chars().count();
    if many <= room {
        return Vec::new();
    }
    let [room, many, most] = [room, many, most].map(text::grouped);
    vec![Ask::Say(format!("Only {room} of the {many} characters were taken: the field holds {most}."))]
}

/// Text being typed on one line: what every field that reads text is made of.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    input: Input,
    /// Characters it holds at most.
    most: usize,
}

impl Typed {
    pub fn new(most: usize) -> Self {
        Self { input: Input::default(), most }
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The text without the space around it; none where nothing is left.
    pub fn said(&self) -> Option<&str> {
        Some(self.text().trim()).filter(|text| !text.is_empty())
    }

    pub fn set(&mut self, text: &str) {
        self.input = Input::new(one_line(text, self.most));
    }

    /// Whether the key was one of editing, and whether the text changed.
    pub fn press(&mut self, press: Press) -> Took {
        let key = press.key;
        // AltGr comes as control and alt together where a terminal says it at all.
        let is_alt = key.modifiers.contains(KeyModifiers::ALT) && !key.modifiers.contains(KeyModifiers::CONTROL);
        let Some(request) = to_input_request(&Event::Key(key)) else { return Took::nothing() };
        if let InputRequest::InsertChar(c) = request {
            if is_alt || c.is_control() {
                return Took::nothing();
            }
            if self.text().chars().count() >= self.most {
                return Took::used();
            }
        }
        Took::used_and(self.input.handle(request).is_some_and(|change| change.value))
    }

    /// Puts text in at the cursor, as far as there is room.
    pub fn paste(&mut self, pasted: &str) -> Took {
        let there = self.text().chars().count();
        let room = self.most.saturating_sub(there);
        let cut = cut_short(pasted.trim(), room, self.most);
        let pasted = one_line(pasted, room);
        if pasted.is_empty() {
            return Took::used().asking(cut);
        }
        let cursor = self.input.cursor();
        let before: String = self.text().chars().take(cursor).collect();
        let after: String = self.text().chars().skip(cursor).collect();
        let moved = cursor + pasted.chars().count();
        self.input = Input::new(format!("{before}{pasted}{after}")).with_cursor(moved);
        Took::changed().asking(cut)
    }

    /// The text in so many columns, with its cursor where it has the focus.
    pub fn spans(&self, look: &Look<'_>, width: usize) -> Vec<Span<'static>> {
        let shown = text::plain(self.text());
        if !look.is_focused {
            return vec![Span::styled(text::cut(&shown, width).into_owned(), look.style(Role::Text))];
        }
        with_cursor(&shown, self.input.cursor(), width, look)
    }
}

/// A line with a cursor, moved so far that the cursor is on it.
pub(super) fn with_cursor(shown: &str, cursor: usize, width: usize, look: &Look<'_>) -> Vec<Span<'static>> {
    let room = width.saturating_sub(1);
    let columns = |c: char| c.width().unwrap_or(0);
    // Walks back from the cursor as far as there is room.
    let before: Vec<char> = shown.chars().take(cursor).collect();
    let (mut used, mut first) = (0, before.len());
    for (n, c) in before.iter().enumerate().rev() {
        if used + columns(*c) > room {
            break;
        }
        used += columns(*c);
        first = n;
    }
    let mut rest = shown.chars().skip(cursor);
    let under = rest.next().unwrap_or(' ');
    used += columns(under).max(1);
    let mut after = String::new();
    for c in rest {
        if used + columns(c) > width {
            break;
        }
        used += columns(c);
        after.push(c);
    }
    let before: String = before.into_iter().skip(first).collect();
    vec![
        Span::styled(before, look.style(Role::Input)),
        Span::styled(under.to_string(), look.style(Role::Selection)),
        Span::styled(after, look.style(Role::Input)),
    ]
}

/// Text as one line holds it: breaks become spaces, what only commands terminals is dropped.
fn one_line(text: &str, most: usize) -> String {
    text.chars()
        .map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c })
        .filter(|c| !c.is_control())
        .take(most)
        .collect()
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
