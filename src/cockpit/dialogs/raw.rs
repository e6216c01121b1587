//! One entry as it is stored, read-only; before it what its file holds, a picture or words.

use std::cell::{Cell, RefCell};

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;
use serde_json::Value;

use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{dialog, folded, half_blocks, has_colours, moved, span, wrap};
use crate::cockpit::msg::{Content, Picture};
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;
use crate::text::plain_json;

/// How wide the dialog is at most.
const WIDEST: u16 = 110;

/// The dialog.
#[derive(Debug)]
pub struct Raw {
    title: String,
    picture: Option<Picture>,
    words: Option<String>,
    json: String,
    /// All of it in lines of so many columns.
    lines: RefCell<(usize, Vec<(Role, String)>)>,
    top: usize,
    room: Cell<usize>,
}

impl Raw {
    /// Shows a value, and what its file holds.
    pub fn new(title: String, value: &Value, content: Option<Content>) -> Self {
        let (picture, words) = match content {
            Some(Content::Picture(picture)) => (Some(picture), None),
            Some(Content::Words(text, is_cut)) => (None, Some(if is_cut { text + "\n…" } else { text })),
            None => (None, None),
        };
        let json = plain_json(&serde_json::to_string_pretty(value).unwrap_or_default());
        Self { title, picture, words, json, lines: RefCell::default(), top: 0, room: Cell::new(1) }
    }

    /// Puts all of it into lines, unless that was done for this width.
    fn lay_out(&self, columns: usize) {
        let mut lines = self.lines.borrow_mut();
        if lines.0 == columns && !lines.1.is_empty() {
            return;
        }
        let words = self.words.iter().flat_map(|words| words.lines()).flat_map(|line| match wrap(line, columns) {
            lines if lines.is_empty() => vec![String::new()],
            lines => lines,
        });
        let words = words.chain(self.words.iter().map(|_| String::new())).map(|line| (Role::Text, line));
        let role = if self.words.is_some() { Role::Muted } else { Role::Text };
        let json = self.json.lines().flat_map(|line| folded(line, columns)).map(|line| (role, line));
        *lines = (columns, words.chain(json).collect());
    }
}

impl Part for Raw {
    fn scope(&self) -> Scope {
        Scope::Read
    }

    fn press(&mut self, press: Press, _world: &World<'_>) -> Vec<Ask> {
        if matches!(press.action, Some(Action::Back | Action::Enter)) {
            return vec![Ask::Close];
        }
        let last = self.lines.borrow().1.len().saturating_sub(self.room.get());
        self.top = moved(self.top, press.action, self.room.get(), last);
        Vec::new()
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let picture = self.picture.as_ref().filter(|_| has_colours(world.theme));
        self.lay_out(usize::from(WIDEST.min(area.width).saturating_sub(2)));
        let lines = self.lines.borrow();
        let rows = u16::try_from(lines.1.len()).unwrap_or(u16::MAX).saturating_add(2).max(6);
        let rows = if picture.is_some() { area.height } else { rows };
        let inner = dialog(screen, area, (WIDEST, rows), &self.title, world.theme);
        let above = if picture.is_some() { inner.height * 2 / 3 } else { 0 };
        let [drawn, inner] = Layout::vertical([Constraint::Length(above), Constraint::Min(0)]).areas(inner);
        if let Some(picture) = picture {
            half_blocks(screen, drawn, picture);
        }
        self.room.set(usize::from(inner.height));
        let top = self.top.min(lines.1.len().saturating_sub(usize::from(inner.height)));
        let shown = lines.1.iter().skip(top).take(usize::from(inner.height));
        let shown: Vec<Text<'_>> =
            shown.map(|(role, line)| Text::from(span(line.as_str(), world.theme, *role))).collect();
        screen.render_widget(Paragraph::new(shown), inner);
    }
}
