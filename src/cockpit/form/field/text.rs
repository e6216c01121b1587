//! Text of several lines.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::text::{Line, Span};
use ratatui_textarea::{CursorMove, TextArea};
use serde_json::Value;
use unicode_width::UnicodeWidthChar;

use super::line::{ROOM, no_room, too_long, with_cursor};
use super::{Control, Look, Scene, Took};
use crate::cockpit::keymap::Action;
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;
use crate::text;

/// Rows that are shown at most, around the cursor.
const ROWS: usize = 5;

/// A field of several lines.
#[derive(Debug)]
pub struct Text {
    area: TextArea<'static>,
    most: usize,
    given: String,
}

impl Text {
    pub fn new(most: usize) -> Self {
        let mut area = TextArea::default();
        // Undo is worth a few steps, not a copy of each.
        area.set_max_histories(50);
        Self { area, most, given: String::new() }
    }

    /// As it was written.
    pub(super) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub(super) fn set(&mut self, text: &str) {
        let mut area = TextArea::new(clean(text).split('\n').map(str::to_owned).collect());
        area.set_max_histories(50);
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        self.area = area;
    }

    /// Characters that it holds.
    fn count(&self) -> usize {
        let lines = self.area.lines();
        lines.iter().map(|line| line.chars().count()).sum::<usize>() + lines.len().saturating_sub(1)
    }

    fn is_full(&self) -> bool {
        self.count() >= ROOM
    }

    /// Every line folded to a width, and which row and column the cursor is on.
    fn folded(&self, width: usize) -> (Vec<String>, usize, usize) {
        let width = width.saturating_sub(1).max(1);
        let cursor = self.area.cursor();
        let (mut rows, mut at) = (Vec::new(), (0, 0));
        for (n, line) in self.area.lines().iter().enumerate() {
            let (mut row, mut used) = (String::new(), 0);
            // What only chooses a look is not shown: the cursor stands behind as much as is.
            let before: String = line.chars().take(cursor.1).collect();
            let shown = text::plain(&before).chars().count();
            for (column, c) in text::plain(line).chars().enumerate() {
                let wide = c.width().unwrap_or(0);
                if used + wide > width {
                    rows.push(std::mem::take(&mut row));
                    used = 0;
                }
                if (n, column) == (cursor.0, shown) {
                    at = (rows.len(), row.chars().count());
                }
                row.push(c);
                used += wide;
            }
            if n == cursor.0 && shown >= text::plain(line).chars().count() {
                at = (rows.len(), row.chars().count());
            }
            rows.push(row);
        }
        (rows, at.0, at.1)
    }
}

/// Text as a field of several lines holds it.
fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\r' => '\n',
            '\t' => ' ',
            c => c,
        })
        .filter(|c| *c == '\n' || !c.is_control())
        .take(ROOM)
        .collect()
}

impl Control for Text {
    fn value(&self) -> Result<Option<Value>, String> {
        let text = self.text();
        too_long(text.trim(), self.most)?;
        Ok(Some(text.trim()).filter(|text| !text.is_empty()).map(Value::from))
    }

    fn fill(&mut self, value: &Value, _: &Scene<'_>) -> Vec<Ask> {
        self.set(value.as_str().unwrap_or_default());
        self.given = self.text();
        Vec::new()
    }

    fn draft(&self) -> Value {
        let text = self.text();
        if text == self.given { Value::Null } else { text.into() }
    }

    fn restore(&mut self, draft: &Value, _: &Scene<'_>) -> Vec<Ask> {
        self.set(draft.as_str().unwrap_or_default());
        Vec::new()
    }

    fn press(&mut self, press: Press, _: &Scene<'_>) -> Took {
        let cursor = self.area.cursor();
        match (press.action, press.key.code) {
            (Some(Action::Enter), _) => {
                if !self.is_full() {
                    self.area.insert_newline();
                    return Took::changed();
                }
                return Took::used();
            }
            // At its edges the focus goes on.
            (Some(Action::Up), _) if cursor.0 == 0 => return Took::nothing(),
            (Some(Action::Down), _) if cursor.0 + 1 >= self.area.lines().len() => return Took::nothing(),
            // Keys of other fields edit no text here.
            (
                Some(
                    Action::LaterHour
                    | Action::EarlierHour
                    | Action::NextMorning
                    | Action::NextOffer
                    | Action::AddEntry
                    | Action::RemoveEntry
                    | Action::GoOn,
                ),
                _,
            )
            | (_, KeyCode::Tab | KeyCode::BackTab | KeyCode::F(_)) => return Took::nothing(),
            _ => {}
        }
        let is_command = press.key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if matches!(press.key.code, KeyCode::Char(_)) && !is_command && self.is_full() {
            return Took::used();
        }
        let is_changed = self.area.input(press.key);
        Took { is_used: is_changed || self.area.cursor() != cursor, is_changed, ..Took::default() }
    }

    fn paste(&mut self, text: &str, _: &Scene<'_>) -> Took {
        if let Some(took) = no_room(text, self.count()) {
            return took;
        }
        let pasted = clean(text);
        Took::used_and(!pasted.is_empty() && self.area.insert_str(pasted))
    }

    fn is_too_long(&self) -> bool {
        too_long(self.text().trim(), self.most).is_err()
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        if self.area.is_empty() && !look.is_focused {
            return Vec::new();
        }
        let (rows, row, column) = self.folded(look.width);
        let most = if look.is_focused { ROWS } else { 2 };
        let first = if look.is_focused { row.saturating_sub(most - 1).min(rows.len().saturating_sub(most)) } else { 0 };
        let hidden = rows.len().saturating_sub(most);
        let mut lines: Vec<Line<'static>> = rows
            .into_iter()
            .enumerate()
            .skip(first)
            .take(most)
            .map(|(n, shown)| {
                if look.is_focused && n == row {
                    return Line::from(with_cursor(&shown, column, look.width, look));
                }
                let role = if look.is_focused { Role::Input } else { Role::Text };
                Line::from(Span::styled(shown, look.style(role)))
            })
            .collect();
        if hidden > 0
            && !look.is_focused
            && let Some(last) = lines.last_mut()
        {
            last.push_span(Span::styled(" …", look.style(Role::Muted)));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    #[test]
    fn enter_makes_a_line_and_the_edges_let_go() {
        let world = Stage::new();
        let mut text = Text::new(10_000);
        assert!(!type_into(&mut text, "up", &world).is_used);
        type_into(&mut text, "a enter b", &world);
        assert_eq!(text.value(), Ok(Some(json!("a\nb"))));
        assert!(type_into(&mut text, "up", &world).is_used);
        assert!(!type_into(&mut text, "up", &world).is_used);
        assert!(!type_into(&mut text, "tab", &world).is_used);
        assert!(!type_into(&mut text, "alt-h", &world).is_used);
        assert_eq!(text.value(), Ok(Some(json!("a\nb"))));
    }

    #[test]
    fn a_text_that_is_too_long_is_kept_whole_and_says_so() {
        let world = Stage::new();
        let mut text = Text::new(10_000);
        let took = world.scene(|scene| text.paste(&"x\u{1b}y\r\n".repeat(8_000), scene));
        assert!(took.is_changed && took.asks.is_empty(), "{took:?}");
        assert_eq!(text.value(), Err("23,999 characters; at most 10,000".to_owned()));
        assert!(text.draft().as_str().unwrap().starts_with("xy\nxy"));
        assert_eq!(world.lines(&text, 30).len(), ROWS);
        let before = text.draft();
        let took = world.scene(|scene| text.paste(&"xy\n".repeat(200_000), scene));
        assert!(!took.is_changed && format!("{:?}", took.asks).contains("Nothing was pasted"), "{took:?}");
        assert_eq!(text.draft(), before);
    }

    #[test]
    fn a_full_field_takes_no_letter_more() {
        let world = Stage::new();
        let mut text = Text::new(10_000);
        world.scene(|scene| text.paste(&"x".repeat(ROOM), scene));
        let before = text.draft();
        type_into(&mut text, "z enter", &world);
        assert_eq!(text.draft(), before);
    }

    #[test]
    fn long_lines_are_folded_with_the_cursor_in_sight() {
        let world = Stage::new();
        let mut text = Text::new(10_000);
        world.scene(|scene| text.paste(&"0123456789".repeat(20), scene));
        let lines = world.lines(&text, 21);
        assert_eq!(lines.len(), ROWS);
        assert!(lines.iter().all(|line| line.chars().count() <= 21), "{lines:?}");
    }

    #[test]
    fn the_cursor_stays_in_sight_behind_characters_that_only_choose_a_look() {
        let world = Stage::new();
        let mut text = Text::new(10_000);
        world.scene(|scene| text.paste(&format!("{}end", "\u{2708}\u{fe0f}ab\n".repeat(20)), scene));
        type_into(&mut text, "up end left", &world);
        let (rows, row, column) = text.folded(30);
        assert_eq!((row, column, rows[row].as_str()), (19, 2, "\u{2708}ab"));
    }
}
