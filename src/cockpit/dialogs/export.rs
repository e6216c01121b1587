//! The rows as they stand, written to a file: CSV or JSON.

use std::path::PathBuf;

use crossterm::event::KeyCode;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;

use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::extract::{Extract, Format};
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{dialog, safe, span, wrap};
use crate::cockpit::msg::Msg;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::rows::Line;
use crate::cockpit::theme::Role;

/// The dialog.
#[derive(Debug)]
pub struct Export {
    /// The rows, until they are sent to be written.
    lines: Vec<Line>,
    many: usize,
    stamp: Option<Stamp>,
    said: Option<Result<PathBuf, String>>,
}

impl Export {
    /// Writes these rows, in this order.
    pub fn new(lines: Vec<Line>) -> Self {
        Self { many: lines.len(), lines, stamp: None, said: None }
    }

    fn write(&mut self, format: Format, world: &World<'_>) -> Vec<Ask> {
        let stamp = world.stamp();
        self.stamp = Some(stamp);
        let at = world.known.local.utc().with_timezone(&world.known.zone).format("%Y%m%d-%H%M%S");
        let path = PathBuf::from(format!("dispatch-queue-{at}.{}", format.extension()));
        let lines = std::mem::take(&mut self.lines);
        let extract = Extract { format, lines, policy: world.policy.clone(), at: world.now };
        vec![Ask::Effect(Effect::Export { stamp, path, extract })]
    }
}

impl Part for Export {
    fn scope(&self) -> Scope {
        Scope::Question
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        match (press.action, press.key.code) {
            (Some(Action::Back), _) => vec![Ask::Close],
            (Some(Action::Enter), _) if self.said.is_some() => vec![Ask::Close],
            (_, KeyCode::Char('c')) if self.stamp.is_none() => self.write(Format::Csv, world),
            (_, KeyCode::Char('j')) if self.stamp.is_none() => self.write(Format::Json, world),
            _ => Vec::new(),
        }
    }

    fn hear(&mut self, msg: &Msg, _world: &World<'_>) -> Vec<Ask> {
        if let Msg::Exported { stamp, outcome } = msg
            && self.stamp == Some(*stamp)
        {
            self.said = Some(outcome.clone());
        }
        Vec::new()
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let inner = dialog(screen, area, (64, 6), "Export", world.theme);
        let room = usize::from(inner.width).saturating_sub(2);
        let (text, role) = match (&self.said, self.stamp) {
            (Some(Ok(path)), _) => (format!("Written: {}", safe(&path.display().to_string(), 200)), Role::Success),
            (Some(Err(why)), _) => (why.clone(), Role::Error),
            (None, Some(_)) => ("Writing …".to_owned(), Role::Muted),
            (None, None) => (
                format!(
                    "{} rows as they stand, into a new file in the folder where dispatch was started.",
                    crate::text::grouped(self.many)
                ),
                Role::Text,
            ),
        };
        let mut lines: Vec<Text<'_>> =
            wrap(&text, room).into_iter().map(|line| Text::from(span(format!(" {line}"), world.theme, role))).collect();
        if self.stamp.is_none() {
            let keys = format!(" c CSV   j JSON   {} closes", world.keymap.shown(Scope::Question, Action::Back));
            lines.push(Text::from(span(keys, world.theme, Role::Key)));
        }
        screen.render_widget(Paragraph::new(lines), inner);
    }
}
