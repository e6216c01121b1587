//! A call that was never sent and waited long, or whose ticket moved on, asks before it goes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;

use crate::cockpit::effect::Effect;
use crate::cockpit::envelope::{Envelope, Target};
use crate::cockpit::form::spoken;
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{ago, dialog, safe, span, wrap};
use crate::cockpit::msg::Why;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;
use crate::domain::time::Timestamp;
use crate::text::width;

/// The dialog.
#[derive(Debug)]
pub struct AskAgain {
    envelope: Envelope,
    why: Why,
    /// Since when it is on the screen, by this machine's clock.
    since: Timestamp,
}

/// Keys that were meant for what lay below are not for this. By the clock's ticks, so a second is at least one of two.
const DEAF_MILLIS: i64 = 2_000;

impl AskAgain {
    /// Asks about a call.
    pub fn new(envelope: Envelope, why: Why, since: Timestamp) -> Self {
        Self { envelope, why, since }
    }
}

impl Part for AskAgain {
    fn scope(&self) -> Scope {
        Scope::Question
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        let id = self.envelope.request_id;
        let is_ready = world.known.local.millis() - self.since.millis() >= DEAF_MILLIS;
        // Enter is pressed by habit; a key that is not decides what may surprise.
        match press.action {
            Some(Action::Back) => vec![Ask::Close],
            _ if !is_ready => Vec::new(),
            Some(Action::SendAnyway) if self.why == Why::WaitedLong => {
                vec![Ask::Close, Ask::Effect(Effect::SendAfterAll(id))]
            }
            Some(Action::SendAnyway) => vec![Ask::Say("The ticket changed: look at it in the form first.".to_owned())],
            // Nothing is overwritten unseen: the form shows the ticket as it now is.
            Some(Action::Reopen) => vec![Ask::Close, Ask::TakeBack { id, reopens: true }],
            Some(Action::TakeBack) => vec![Ask::Close, Ask::TakeBack { id, reopens: false }],
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
        let key = |action| world.keymap.shown(Scope::Question, action);
        let send = match self.why {
            Why::WaitedLong => format!("{} sends it · ", key(Action::SendAnyway)),
            Why::TicketMovedOn => String::new(),
        };
        let keys = format!(
            "{send}{} takes it back and opens its form · {} takes it back · {} decides later",
            key(Action::Reopen),
            key(Action::TakeBack),
            key(Action::Back)
        );
        lines.extend(
            wrap(&keys, room).into_iter().map(|line| Text::from(span(format!(" {line}"), world.theme, Role::Key))),
        );
        lines.push(Text::default());
        let fields = spoken(&self.envelope, world);
        let label = fields.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
        for (name, said) in fields.into_iter().take(5) {
            let name = format!("  {}{name}", " ".repeat(label.saturating_sub(width(&name))));
            let said = safe(&format!("{name}  {said}"), room.saturating_sub(1));
            lines.push(Text::from(span(said, world.theme, Role::Muted)));
        }
        screen.render_widget(Paragraph::new(lines), inner);
    }
}
