//! One of a few: a role, a theme, a view, a kind of master data.

use crossterm::event::{KeyCode, MouseEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::name_view::NameView;
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::list::List;
use crate::cockpit::look::{dialog, left, safe};
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
    list: List,
}

impl Choice {
    /// Offers these.
    pub fn new(title: &'static str, entries: Vec<Entry>) -> Self {
        let cursor = entries.iter().position(|entry| entry.is_current).unwrap_or_default();
        Self { title, entries, list: List::at(cursor) }
    }

    fn take(&self) -> Vec<Ask> {
        self.entries.get(self.list.cursor).map(|entry| vec![Ask::Close, entry.pick.ask()]).unwrap_or_default()
    }
}

impl Part for Choice {
    fn scope(&self) -> Scope {
        Scope::List
    }

    fn press(&mut self, press: Press, _world: &World<'_>) -> Vec<Ask> {
        match (press.action, press.key.code) {
            (Some(Action::Back), _) => return vec![Ask::Close],
            (Some(Action::Enter), _) => return self.take(),
            // A letter goes to the next entry that begins with it.
            (None, KeyCode::Char(c)) => {
                let begins = |n: &usize| {
                    let label = self.entries.get(*n).map(|entry| entry.label.to_lowercase()).unwrap_or_default();
                    label.starts_with(c.to_ascii_lowercase())
                };
                let at = self.list.cursor;
                self.list.cursor = (at + 1..self.entries.len()).chain(0..=at).find(begins).unwrap_or(at);
            }
            (action, _) => self.list.press(action, self.entries.len()),
        }
        Vec::new()
    }

    fn mouse(&mut self, event: MouseEvent, _world: &World<'_>) -> Vec<Ask> {
        if self.list.click(event, self.entries.len()) { self.take() } else { Vec::new() }
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let label = self.entries.iter().map(|entry| width(&entry.label)).max().unwrap_or_default().min(40);
        let detail = self.entries.iter().map(|entry| width(&entry.detail)).max().unwrap_or_default();
        let size = (
            u16::try_from(label + detail + 9).unwrap_or(u16::MAX).max(30),
            u16::try_from(self.entries.len() + 2).unwrap_or(u16::MAX),
        );
        let inner = dialog(screen, area, size, self.title, world.theme);
        self.list.draw(screen, inner, world.theme, self.entries.len(), |n, bar| {
            let Some(entry) = self.entries.get(n) else { return Vec::new() };
            let mark = if entry.is_current { "●" } else { " " };
            let room = usize::from(inner.width).saturating_sub(label + 6);
            vec![
                bar.span(format!("{mark} "), Role::Accent),
                bar.span(left(&entry.label, label), Role::Text),
                bar.span(format!("  {}", safe(&entry.detail, room)), Role::Muted),
            ]
        });
    }
}
