//! Text being typed on one line: what the filter, the palette, names and every field that reads text are made of.

use crossterm::event::{Event, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use tui_input::backend::crossterm::to_input_request;
use tui_input::{Input, InputRequest};
use unicode_width::UnicodeWidthChar;

use super::look::span;
use super::part::Ask;
use super::theme::{Role, Theme};
use crate::text::{self, plain, width};

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// It means nothing where text is typed.
    Nothing,
    /// It was taken, and the text is what it was.
    Used,
    Changed,
}

/// The text, and where in it one types.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    input: Input,
    /// Characters it holds at most.
    most: usize,
}

impl Typed {
    /// Nothing yet, and so many characters at most.
    pub fn new(most: usize) -> Self {
        Self { input: Input::default(), most }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The text without the space around it; none where nothing is left.
    pub fn said(&self) -> Option<&str> {
        Some(self.text().trim()).filter(|text| !text.is_empty())
    }

    /// Says something else, as far as there is room.
    pub fn set(&mut self, text: &str) {
        self.input = Input::new(one_line(text, self.most));
    }

    /// Takes a key.
    pub fn press(&mut self, key: KeyEvent) -> Typing {
        // AltGr comes as control and alt together where a terminal says it at all.
        let is_alt = key.modifiers.contains(KeyModifiers::ALT) && !key.modifiers.contains(KeyModifiers::CONTROL);
        let Some(request) = to_input_request(&Event::Key(key)) else { return Typing::Nothing };
        if let InputRequest::InsertChar(c) = request {
            if is_alt || c.is_control() {
                return Typing::Nothing;
            }
            if self.text().chars().count() >= self.most {
                return Typing::Used;
            }
        }
        let is_changed = self.input.handle(request).is_some_and(|change| change.value);
        if is_changed { Typing::Changed } else { Typing::Used }
    }

    /// Puts text in at the cursor, as far as there is room: whether anything went in, and what is to be said of the
    /// rest.
    pub fn paste(&mut self, pasted: &str) -> (bool, Vec<Ask>) {
        let there = self.text().chars().count();
        let room = self.most.saturating_sub(there);
        let cut = cut_short(pasted.trim(), room, self.most);
        let pasted = one_line(pasted, room);
        if pasted.is_empty() {
            return (false, cut);
        }
        let cursor = self.input.cursor();
        let before: String = self.text().chars().take(cursor).collect();
        let after: String = self.text().chars().skip(cursor).collect();
        let moved = cursor + pasted.chars().count();
        self.input = Input::new(format!("{before}{pasted}{after}")).with_cursor(moved);
        (true, cut)
    }

    /// What there is room for before, under and behind the cursor.
    pub fn around(&self, columns: usize) -> [String; 3] {
        // What only chooses a look is not shown.
        let before: String = self.text().chars().take(self.input.cursor()).collect();
        around(&plain(self.text()), plain(&before).chars().count(), columns)
    }

    /// Draws it with the terminal's own cursor.
    pub fn draw(&self, screen: &mut Frame<'_>, area: Rect, theme: &Theme) {
        if area.is_empty() {
            return;
        }
        let [before, under, behind] = self.around(usize::from(area.width));
        let x = area.x + u16::try_from(width(&before)).unwrap_or_default();
        // Also where nothing was typed yet one sees that something can be.
        let under = if under.is_empty() { " " } else { &under };
        let line = Line::from(span(format!("{before}{under}{behind}"), theme, Role::Input));
        screen.render_widget(Paragraph::new(line), area);
        screen.set_cursor_position((x.min(area.right() - 1), area.y));
    }
}

/// Says that a text was pasted that does not fit.
pub fn cut_short(pasted: &str, room: usize, most: usize) -> Vec<Ask> {
    let many = pasted.chars().count();
    if many <= room {
        return Vec::new();
    }
    let [room, many, most] = [room, many, most].map(text::grouped);
    vec![Ask::Say(format!("Only {room} of the {many} characters were taken: the field holds {most}."))]
}

/// What there is room for of a line before, under and behind a cursor, moved so far that the cursor is in sight.
pub fn around(shown: &str, cursor: usize, columns: usize) -> [String; 3] {
    let wide = |c: char| c.width().unwrap_or(0);
    let mut rest = shown.chars().skip(cursor);
    let under = rest.next();
    let mut used = under.map_or(1, wide).max(1);
    // Walks back from the cursor as far as there is room.
    let before: Vec<char> = shown.chars().take(cursor).collect();
    let mut first = before.len();
    for (n, c) in before.iter().enumerate().rev() {
        if used + wide(*c) > columns {
            break;
        }
        used += wide(*c);
        first = n;
    }
    let mut behind = String::new();
    for c in rest {
        if used + wide(c) > columns {
            break;
        }
        used += wide(c);
        behind.push(c);
    }
    [before.into_iter().skip(first).collect(), under.into_iter().collect(), behind]
}

/// Text as one line holds it: breaks become spaces, what only commands terminals is dropped.
fn one_line(text: &str, most: usize) -> String {
    text.chars()
        .map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c })
        .filter(|c| !c.is_control())
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::keymap::Key;

    fn type_into(typed: &mut Typed, keys: &str) {
        for word in keys.split_whitespace() {
            match Key::parse(word) {
                Some(key) => {
                    typed.press(key.event());
                }
                None => {
                    for key in word.chars().filter_map(|c| Key::parse(&c.to_string())) {
                        typed.press(key.event());
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_pasted_goes_in_at_the_cursor_as_far_as_there_is_room() {
        let mut typed = Typed::new(8);
        type_into(&mut typed, "abcd left left");
        assert!(matches!(typed.paste("1\n2"), (true, asks) if asks.is_empty()));
        assert_eq!(typed.text(), "ab1 2cd");
        assert!(matches!(typed.paste("xyz"), (true, asks) if asks.len() == 1));
        assert_eq!(typed.press(Key::parse("q").unwrap().event()), Typing::Used);
        assert_eq!(typed.text(), "ab1 2xcd");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_cursor_is_in_sight() {
        let mut typed = Typed::new(100);
        typed.set(&"東京タワー".repeat(6));
        for columns in 2..30 {
            let [before, under, behind] = typed.around(columns);
            assert!(before.ends_with('ー') || columns < 3, "{columns}");
            assert!(under.is_empty() && behind.is_empty());
        }
        type_into(&mut typed, "left left");
        let [before, under, behind] = typed.around(9);
        assert_eq!([before.as_str(), &under, &behind], ["東京タ", "ワ", ""]);
        assert_eq!(typed.around(2).concat(), "ワ");
    }

    #[test]
    fn characters_that_only_choose_a_look_do_not_lead_the_cursor_astray() {
        let mut typed = Typed::new(100);
        typed.set("\u{2708}\u{fe0f}\u{2708}\u{fe0f}ab");
        type_into(&mut typed, "left");
        assert_eq!(typed.around(20), ["\u{2708}\u{2708}a".to_owned(), "b".to_owned(), String::new()]);
    }
}
