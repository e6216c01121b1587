//! One of a few: a role, a theme, a view, a kind of master data.

use std::cell::Cell;

use crossterm::event::{KeyCode, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;

use super::name_view::NameView;
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{clicked, dialog, left, safe, scrolled, span};
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;
use crate::domain::actor;
use crate::domain::directory::Kind;
use crate::domain::filter::RowFilter;
use crate::text::width;

/// What is chosen.
#[derive(Debug, Clone, PartialEq)]
pub enum Pick {
    Role(actor::Role),
    Theme(String),
    Filter(String),
    /// Keep this filter as a view, under a name that is asked for.
    NameView(String),
    ForgetView(String),
    Kind(Kind),
}

impl Pick {
    fn ask(&self) -> Ask {
        match self {
            Self::Role(role) => Ask::Role(*role),
            Self::Theme(name) => Ask::Theme(name.clone()),
            Self::Filter(text) => Ask::Filter(text.clone()),
            Self::NameView(filter) => match RowFilter::parse(filter) {
                Ok(_) => Ask::Open(Box::new(NameView::new(filter.clone()))),
                Err(refusal) => Ask::Say(format!("The filter cannot be kept. {}", refusal.message())),
            },
            Self::ForgetView(name) => Ask::ForgetView(name.clone()),
            Self::Kind(kind) => Ask::Directory(*kind),
        }
    }
}

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry {
    pub label: String,
    pub detail: String,
    pub is_current: bool,
    pub pick: Pick,
}

/// The dialog.
#[derive(Debug)]
pub struct Choice {
    title: &'static str,
    entries: Vec<Entry>,
    cursor: usize,
    top: Cell<usize>,
    area: Cell<Rect>,
}

impl Choice {
    /// Offers these.
    pub fn new(title: &'static str, entries: Vec<Entry>) -> Self {
        let cursor = entries.iter().position(|entry| entry.is_current).unwrap_or_default();
        Self { title, entries, cursor, top: Cell::default(), area: Cell::default() }
    }

    fn take(&self) -> Vec<Ask> {
        self.entries.get(self.cursor).map(|entry| vec![Ask::Close, entry.pick.ask()]).unwrap_or_default()
    }
}

impl Part for Choice {
    fn scope(&self) -> Scope {
        Scope::List
    }

    fn press(&mut self, press: Press, _world: &World<'_>) -> Vec<Ask> {
        let last = self.entries.len().saturating_sub(1);
        let page = usize::from(self.area.get().height.max(2)) - 1;
        self.cursor = match (press.action, press.key.code) {
            (Some(Action::Back), _) => return vec![Ask::Close],
            (Some(Action::Enter), _) => return self.take(),
            (Some(Action::Up), _) => self.cursor.saturating_sub(1),
            (Some(Action::Down), _) => self.cursor + 1,
            (Some(Action::PageUp), _) => self.cursor.saturating_sub(page),
            (Some(Action::PageDown), _) => self.cursor + page,
            (Some(Action::Top), _) => 0,
            (Some(Action::Bottom), _) => last,
            // A letter goes to the next entry that begins with it.
            (None, KeyCode::Char(c)) => {
                let begins = |n: &usize| {
                    let label = self.entries.get(*n).map(|entry| entry.label.to_lowercase()).unwrap_or_default();
                    label.starts_with(c.to_ascii_lowercase())
                };
                (self.cursor + 1..=last).chain(0..=self.cursor).find(begins).unwrap_or(self.cursor)
            }
            _ => self.cursor,
        }
        .min(last);
        Vec::new()
    }

    fn mouse(&mut self, event: MouseEvent, _world: &World<'_>) -> Vec<Ask> {
        match clicked(event, self.area.get(), self.top.get()).filter(|at| *at < self.entries.len()) {
            Some(at) => {
                self.cursor = at;
                self.take()
            }
            None => Vec::new(),
        }
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let label = self.entries.iter().map(|entry| width(&entry.label)).max().unwrap_or_default().min(40);
        let detail = self.entries.iter().map(|entry| width(&entry.detail)).max().unwrap_or_default();
        let size = (
            u16::try_from(label + detail + 9).unwrap_or(u16::MAX).max(30),
            u16::try_from(self.entries.len() + 2).unwrap_or(u16::MAX),
        );
        let inner = dialog(screen, area, size, self.title, world.theme);
        self.area.set(inner);
        let first = scrolled(self.top.get(), self.cursor, usize::from(inner.height), self.entries.len());
        self.top.set(first);
        for ((n, entry), y) in self.entries.iter().enumerate().skip(first).zip(inner.y..inner.bottom()) {
            let at = Rect { y, height: 1, ..inner };
            let on = n == self.cursor;
            let style = |role| if on { world.theme.style_on_selection(role) } else { world.theme.style(role) };
            if on {
                screen.buffer_mut().set_style(at, world.theme.style(Role::Selection));
            }
            let mark = if entry.is_current { "●" } else { " " };
            let room = usize::from(inner.width).saturating_sub(label + 6);
            let line = Text::from(vec![
                span(if on { "▌" } else { " " }, world.theme, Role::Focus).style(style(Role::Focus)),
                span(format!("{mark} "), world.theme, Role::Accent).style(style(Role::Accent)),
                span(left(&entry.label, label), world.theme, Role::Text).style(style(Role::Text)),
                span(format!("  {}", safe(&entry.detail, room)), world.theme, Role::Muted).style(style(Role::Muted)),
            ]);
            screen.render_widget(Paragraph::new(line), at);
        }
    }
}
