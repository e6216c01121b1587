//! The rows as they stand, written to a file: CSV or JSON.

use std::path::PathBuf;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;
use serde_json::json;

use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{dialog, safe, span, wrap};
use crate::cockpit::msg::Msg;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::rows::Line;
use crate::cockpit::theme::Role;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;

/// The dialog.
#[derive(Debug)]
pub struct Export {
    csv: String,
    json: String,
    many: usize,
    stamp: Option<Stamp>,
    said: Option<Result<PathBuf, String>>,
}

const COLUMNS: [&str; 13] = [
    "number",
    "state",
    "priority",
    "sla_status",
    "sla_deadline_at",
    "incident_type",
    "summary",
    "site",
    "city",
    "region",
    "account",
    "technician",
    "scheduled_start",
];

fn values(line: &Line, policy: &Policy, now: Timestamp) -> [String; 13] {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    [
        line.number.to_string(),
        line.state.to_string(),
        line.priority.to_string(),
        line.reading(policy, now).status.to_string(),
        line.deadline.to_string(),
        text(line.incident_type.as_deref()),
        line.summary.to_string(),
        line.site.name.clone(),
        line.site.city.clone(),
        text(line.site.region.as_deref()),
        line.account.name.clone(),
        text(line.tech.as_ref().map(|tech| tech.name.as_str())),
        line.scheduled_start.map(|at| at.to_string()).unwrap_or_default(),
    ]
}

/// What a spreadsheet would take for a formula is made text.
fn harmless(value: String) -> String {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}") } else { value }
}

impl Export {
    /// Writes these rows, in this order.
    pub fn new<'a>(lines: impl Iterator<Item = &'a Line>, world: &World<'_>) -> Self {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let _ = csv.write_record(COLUMNS);
        let (mut json, mut many) = (String::new(), 0);
        for line in lines {
            let values = values(line, world.policy, world.now);
            let object: serde_json::Map<_, _> =
                COLUMNS.iter().zip(&values).map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            json.push_str(&serde_json::Value::Object(object).to_string());
            json.push('\n');
            let _ = csv.write_record(values.map(harmless));
            many += 1;
        }
        let csv = csv.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        Self { csv, json, many, stamp: None, said: None }
    }

    fn write(&mut self, kind: &str, content: String, world: &World<'_>) -> Vec<Ask> {
        let stamp = world.stamp();
        self.stamp = Some(stamp);
        let at = world.known.local.utc().with_timezone(&world.known.zone).format("%Y%m%d-%H%M%S");
        let path = PathBuf::from(format!("dispatch-queue-{at}.{kind}"));
        vec![Ask::Effect(Effect::Export { stamp, path, content })]
    }
}

impl Part for Export {
    fn scope(&self) -> Scope {
        Scope::List
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        match (press.action, press.key.code) {
            (Some(Action::Back), _) => vec![Ask::Close],
            (Some(Action::Enter), _) if self.said.is_some() => vec![Ask::Close],
            (_, crossterm::event::KeyCode::Char('c')) if self.stamp.is_none() => {
                let content = std::mem::take(&mut self.csv);
                self.write("csv", content, world)
            }
            (_, crossterm::event::KeyCode::Char('j')) if self.stamp.is_none() => {
                let content = std::mem::take(&mut self.json);
                self.write("json", content, world)
            }
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
            let keys = format!(" c CSV   j JSON lines   {} closes", world.keymap.shown(Scope::List, Action::Back));
            lines.push(Text::from(span(keys, world.theme, Role::Key)));
        }
        screen.render_widget(Paragraph::new(lines), inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(harmless("=HYPERLINK(1)".to_owned()), "'=HYPERLINK(1)");
        assert_eq!(harmless("Main St".to_owned()), "Main St");
    }
}
