//! One entry as it is stored, read-only.

use std::cell::Cell;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;
use serde_json::Value;

use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{dialog, moved, safe, span};
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;
use crate::text::plain_json;

/// The dialog.
#[derive(Debug)]
pub struct Raw {
    title: String,
    lines: Vec<String>,
    top: usize,
    room: Cell<usize>,
}

impl Raw {
    /// Shows a value.
    pub fn new(title: String, value: &Value) -> Self {
        let json = serde_json::to_string_pretty(value).unwrap_or_default();
        let lines = plain_json(&json).lines().map(str::to_owned).collect();
        Self { title, lines, top: 0, room: Cell::new(1) }
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
        let rows = u16::try_from(self.lines.len()).unwrap_or(u16::MAX).saturating_add(2);
        let inner = dialog(screen, area, (110, rows.max(6)), &self.title, world.theme);
        self.room.set(usize::from(inner.height));
        let shown = self.lines.iter().skip(self.top).take(usize::from(inner.height));
        let lines: Vec<Text<'_>> =
            shown.map(|line| Text::from(span(safe(line, usize::from(inner.width)), world.theme, Role::Text))).collect();
        screen.render_widget(Paragraph::new(lines), inner);
    }
}
