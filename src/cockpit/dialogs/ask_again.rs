//! A call that was never sent and waited long, or whose ticket moved on, asks before it goes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;

use crate::cockpit::effect::Effect;
use crate::cockpit::envelope::{Envelope, Target};
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{ago, dialog, safe, span, wrap};
use crate::cockpit::msg::Why;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;

/// The dialog.
#[derive(Debug)]
pub struct AskAgain {
    envelope: Envelope,
    why: Why,
}

impl AskAgain {
    /// Asks about a call.
    pub fn new(envelope: Envelope, why: Why) -> Self {
        Self { envelope, why }
    }
}

impl Part for AskAgain {
    fn scope(&self) -> Scope {
        Scope::List
    }

    fn press(&mut self, press: Press, _world: &World<'_>) -> Vec<Ask> {
        let id = self.envelope.request_id;
        // Enter is pressed by habit; a key that is not decides what may surprise.
        match (press.action, press.key.code) {
            (_, crossterm::event::KeyCode::Char('s')) => vec![Ask::Close, Ask::Effect(Effect::SendAfterAll(id))],
            (_, crossterm::event::KeyCode::Char('w')) => vec![Ask::Close, Ask::Withdraw(id)],
            (Some(Action::Back), _) => vec![Ask::Close],
            _ => Vec::new(),
        }
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let inner = dialog(screen, area, (72, 12), "Send it after all?", world.theme);
        let room = usize::from(inner.width).saturating_sub(2);
        let about = match &self.envelope.target {
            Target::Ticket { number, .. } => format!(" on {number}"),
            Target::Kind(kind) => format!(" on {kind}"),
            Target::Nothing => String::new(),
        };
        let since = ago(self.envelope.pressed_at, world.known.local);
        let told = match self.why {
            Why::WaitedLong => format!(
                "{}{about} was asked for {since} ago and could not be sent. The world may have changed since.",
                self.envelope.tool
            ),
            Why::TicketMovedOn => format!(
                "{}{about} was asked for {since} ago and could not be sent. The ticket has changed meanwhile.",
                self.envelope.tool
            ),
        };
        let mut lines: Vec<Text<'_>> = wrap(&told, room)
            .into_iter()
            .map(|line| Text::from(span(format!(" {line}"), world.theme, Role::Text)))
            .collect();
        lines.push(Text::default());
        for (name, value) in self.envelope.payload.as_object().into_iter().flatten().take(5) {
            let text = safe(&format!("{}: {value}", name.replace('_', " ")), room.saturating_sub(1));
            lines.push(Text::from(span(format!("  {text}"), world.theme, Role::Muted)));
        }
        let keys =
            format!(" s sends it   w takes it back   {} decides later", world.keymap.shown(Scope::List, Action::Back));
        lines.push(Text::from(span(keys, world.theme, Role::Key)));
        screen.render_widget(Paragraph::new(lines), inner);
    }
}
