//! A list that one walks through: where its cursor is, what is shown of it, and where.

use std::cell::Cell;

use crossterm::event::MouseEvent;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::keymap::Action;
use super::look::{clicked, moved, scrolled};
use super::theme::{Role, Theme};

/// Where one is in it.
#[derive(Debug, Default)]
pub struct List {
    pub cursor: usize,
    top: Cell<usize>,
    /// Where its entries were drawn.
    area: Cell<Rect>,
}

impl List {
    /// With the cursor on an entry.
    pub fn at(cursor: usize) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// Moves the cursor by a key that moves; there are so many entries.
    pub fn press(&mut self, action: Option<Action>, many: usize) {
        self.cursor = moved(self.cursor, action, usize::from(self.area.get().height), many.saturating_sub(1));
    }

    /// Puts the cursor on the entry that was clicked; whether one was.
    pub fn click(&mut self, event: MouseEvent, many: usize) -> bool {
        let at = clicked(event, self.area.get(), self.top.get()).filter(|at| *at < many);
        self.cursor = at.unwrap_or(self.cursor);
        at.is_some()
    }

    /// Draws the entries there is room for, each on one line.
    pub fn draw<'a>(
        &self,
        screen: &mut Frame<'_>,
        area: Rect,
        theme: &Theme,
        many: usize,
        entry: impl Fn(usize, &Bar<'_>) -> Vec<Span<'a>>,
    ) {
        self.area.set(area);
        let top = scrolled(self.top.get(), self.cursor, usize::from(area.height), many);
        self.top.set(top);
        for (n, y) in (top..many).zip(area.y..area.bottom()) {
            let at = Rect { y, height: 1, ..area };
            let bar = Bar { theme, is_on: n == self.cursor };
            if bar.is_on {
                screen.buffer_mut().set_style(at, theme.style(Role::Selection));
            }
            let cursor = bar.span(if bar.is_on { "▌" } else { " " }, Role::Focus);
            let line: Line<'_> = std::iter::once(cursor).chain(entry(n, &bar)).collect();
            screen.render_widget(Paragraph::new(line), at);
        }
    }
}

/// Whether an entry has the cursor, for how it looks.
#[derive(Debug)]
pub struct Bar<'a> {
    theme: &'a Theme,
    is_on: bool,
}

impl Bar<'_> {
    /// A span in a role.
    pub fn span<'a>(&self, text: impl Into<String>, role: Role) -> Span<'a> {
        let style = if self.is_on { self.theme.style_on_selection(role) } else { self.theme.style(role) };
        Span::styled(text.into(), style)
    }
}
