//! A list as it stands, written to a file or put on the clipboard.

use std::path::PathBuf;

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
use crate::cockpit::terminal::MOST_COPIED;
use crate::cockpit::theme::Role;
use crate::text::grouped;

/// The dialog.
#[derive(Debug)]
pub struct Export {
    name: &'static str,
    many: usize,
    /// The list, until it is sent to be written.
    extract: Option<Extract>,
    stamp: Option<Stamp>,
    said: Option<Result<PathBuf, String>>,
}

fn rows(many: usize) -> String {
    if many == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(many)) }
}

impl Export {
    /// Asks where a list is to go.
    pub fn new(extract: Extract) -> Self {
        Self { name: extract.name(), many: extract.many(), extract: Some(extract), stamp: None, said: None }
    }

    fn write(&mut self, format: Format, world: &World<'_>) -> Vec<Ask> {
        let Some(extract) = self.extract.take() else { return Vec::new() };
        let stamp = world.stamp();
        self.stamp = Some(stamp);
        let at = world.known.zone.at(world.known.local).format("%Y%m%d-%H%M%S");
        let path = PathBuf::from(format!("dispatch-{}-{at}.{}", self.name, format.extension()));
        vec![Ask::Effect(Effect::Export { stamp, path, format, extract })]
    }

    fn copy(&mut self) -> Vec<Ask> {
        let first = self.extract.as_ref().map(|extract| extract.first(MOST_COPIED));
        match first {
            Some(Ok((text, many))) => {
                let of = if many < self.many { format!("the first {} of ", grouped(many)) } else { String::new() };
                let said = format!("Copied {of}{}, as CSV.", rows(self.many));
                vec![Ask::Close, Ask::Effect(Effect::Copy(text)), Ask::Say(said)]
            }
            Some(Err(why)) => {
                self.said = Some(Err(format!("It cannot be copied: {why}. Write it to a file.")));
                Vec::new()
            }
            None => Vec::new(),
        }
    }
}

impl Part for Export {
    fn scope(&self) -> Scope {
        Scope::Export
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        match press.action {
            Some(Action::Back) => vec![Ask::Close],
            Some(Action::WriteCsv) => self.write(Format::Csv, world),
            Some(Action::WriteJson) => self.write(Format::Json, world),
            Some(Action::CopyList) => self.copy(),
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
                    "The {} as it stands, {}: into a new file in the folder where dispatch was started, or onto the \
                     clipboard.",
                    self.name,
                    rows(self.many)
                ),
                Role::Text,
            ),
        };
        let lines = wrap(&text, room).into_iter().map(|line| Text::from(span(format!(" {line}"), world.theme, role)));
        let mut lines: Vec<Text<'_>> = lines.collect();
        if self.stamp.is_none() {
            let key = |action| world.keymap.shown(Scope::Export, action);
            let keys = format!(
                " {} CSV file   {} JSON file   {} copies CSV   {} closes",
                key(Action::WriteCsv),
                key(Action::WriteJson),
                key(Action::CopyList),
                key(Action::Back)
            );
            lines.push(Text::from(span(keys, world.theme, Role::Key)));
        }
        screen.render_widget(Paragraph::new(lines), inner);
    }
}
