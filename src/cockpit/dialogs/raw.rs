//! One entry as it is stored, read-only, with its picture above where it is one.

use std::cell::Cell;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;
use serde_json::Value;

use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{dialog, half_blocks, has_colours, moved, safe, span};
use crate::cockpit::msg::Picture;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;
use crate::text::plain_json;

/// The dialog.
#[derive(Debug)]
pub struct Raw {
    title: String,
    picture: Option<Picture>,
    lines: Vec<String>,
    top: usize,
    room: Cell<usize>,
}

impl Raw {
    /// Shows a value, and its picture.
    pub fn new(title: String, value: &Value, picture: Option<Picture>) -> Self {
        let json = serde_json::to_string_pretty(value).unwrap_or_default();
        let lines = plain_json(&json).lines().map(str::to_owned).collect();
        Self { title, picture, lines, top: 0, room: Cell::new(1) }
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
        let last = self.lines.len().saturating_sub(self.room.get());
        self.top = moved(self.top, press.action, self.room.get(), last);
        Vec::new()
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let picture = self.picture.as_ref().filter(|_| has_colours(world.theme));
        let rows = u16::try_from(self.lines.len()).unwrap_or(u16::MAX).saturating_add(2).max(6);
        let rows = if picture.is_some() { area.height } else { rows };
        let inner = dialog(screen, area, (110, rows), &self.title, world.theme);
        let above = if picture.is_some() { inner.height * 2 / 3 } else { 0 };
        let [drawn, inner] = Layout::vertical([Constraint::Length(above), Constraint::Min(0)]).areas(inner);
        if let Some(picture) = picture {
            half_blocks(screen, drawn, picture);
        }
        self.room.set(usize::from(inner.height));
        let shown = self.lines.iter().skip(self.top).take(usize::from(inner.height));
        let lines: Vec<Text<'_>> =
            shown.map(|line| Text::from(span(safe(line, usize::from(inner.width)), world.theme, Role::Text))).collect();
        screen.render_widget(Paragraph::new(lines), inner);
    }
}
