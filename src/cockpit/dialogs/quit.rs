//! Leaving while calls wait: says what is still in flight, and that it is not lost.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;

use crate::cockpit::effect::Effect;
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{dialog, safe, span, wrap};
use crate::cockpit::panes::footer;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;

/// The dialog.
#[derive(Debug, Default)]
pub struct Quit;

impl Part for Quit {
    fn scope(&self) -> Scope {
        Scope::Read
    }

    fn press(&mut self, press: Press, _world: &World<'_>) -> Vec<Ask> {
        match press.action {
            Some(Action::Back) => vec![Ask::Close],
            Some(Action::Enter) => vec![Ask::Effect(Effect::Quit)],
            _ => Vec::new(),
        }
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let known = world.known;
        let open: Vec<_> = known.calls.open().collect();
        let rows = u16::try_from(open.len().min(8) + 6).unwrap_or(u16::MAX);
        let inner = dialog(screen, area, (72, rows), "Leave now?", world.theme);
        let room = usize::from(inner.width).saturating_sub(2);
        let told = "These calls have no answer yet. They are kept: the next cockpit on this database goes on with \
                    them, each exactly once.";
        let mut lines: Vec<Text<'_>> = wrap(told, room)
            .into_iter()
            .map(|line| Text::from(span(format!(" {line}"), world.theme, Role::Text)))
            .collect();
        for entry in open.iter().take(8) {
            let (text, role) = footer::result(entry, known);
            let line = format!("  {}", safe(&text, room.saturating_sub(1)));
            lines.push(Text::from(span(line, world.theme, role.unwrap_or(Role::Text))));
        }
        let keys = format!(
            " {} leaves, {} stays",
            world.keymap.shown(Scope::Read, Action::Enter),
            world.keymap.shown(Scope::Read, Action::Back)
        );
        lines.push(Text::from(span(keys, world.theme, Role::Key)));
        screen.render_widget(Paragraph::new(lines), inner);
    }
}
