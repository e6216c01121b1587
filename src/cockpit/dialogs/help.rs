//! Every key that counts on the screen below, made from the keymap.

use std::cell::Cell;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;

use crate::cockpit::keymap::{Action, Key, Keymap, Scope};
use crate::cockpit::look::{dialog, left, moved, safe, span};
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;

/// The dialog.
#[derive(Debug)]
pub struct Help {
    about: Scope,
    top: usize,
    room: Cell<usize>,
    many: Cell<usize>,
}

/// What the help says: keys and what they do.
pub fn rows(keymap: &Keymap, scope: Scope) -> Vec<(String, &'static str)> {
    let joined = |keys: &[Key]| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    keymap.in_scope(scope).into_iter().map(|(binding, keys)| (joined(keys), binding.help)).collect()
}

impl Help {
    /// The keys that count in a scope.
    pub fn new(about: Scope) -> Self {
        Self { about, top: 0, room: Cell::new(1), many: Cell::new(0) }
    }
}

impl Part for Help {
    fn scope(&self) -> Scope {
        Scope::Read
    }

    fn press(&mut self, press: Press, _world: &World<'_>) -> Vec<Ask> {
        if matches!(press.action, Some(Action::Back | Action::Enter)) {
            return vec![Ask::Close];
        }
        let last = self.many.get().saturating_sub(self.room.get());
        self.top = moved(self.top, press.action, self.room.get(), last);
        Vec::new()
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let rows = rows(world.keymap, self.about);
        let keys = rows.iter().map(|(keys, _)| keys.len()).max().unwrap_or_default();
        let text = rows.iter().map(|(_, help)| help.len()).max().unwrap_or_default();
        let one = keys + text + 6;
        let columns = if usize::from(area.width) >= 2 * one + 4 { 2 } else { 1 };
        let high = rows.len().div_ceil(columns);
        let size = (u16::try_from(one * columns + 2).unwrap_or(u16::MAX), u16::try_from(high + 2).unwrap_or(u16::MAX));
        let room = usize::from(area.height).saturating_sub(2);
        let title = if high > room {
            format!("Keys: {} · {}–{} of {high}", self.about, self.top + 1, (self.top + room).min(high))
        } else {
            format!("Keys: {}", self.about)
        };
        let inner = dialog(screen, area, size, &title, world.theme);
        self.room.set(usize::from(inner.height));
        self.many.set(high);
        let column = usize::from(inner.width) / columns;
        let lines = (self.top..high).take(usize::from(inner.height)).map(|n| {
            let cells = (0..columns).filter_map(|part| rows.get(n + part * high)).flat_map(|(of, help)| {
                let room = column.saturating_sub(keys + 5);
                [
                    span(format!("  {}  ", left(of, keys)), world.theme, Role::Key),
                    span(left(&safe(help, room), room), world.theme, Role::Text),
                ]
            });
            cells.collect::<Text<'_>>()
        });
        let lines: Vec<Text<'_>> = lines.collect();
        screen.render_widget(Paragraph::new(lines), inner);
    }
}
