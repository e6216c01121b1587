//! What stands beneath the fields: what was said, what the engine would decide, and what else that would change.

use ratatui::text::Line;
use serde_json::Value;

use super::Form;
use super::difference::{Difference, Names, changed, difference};
use super::labels::in_labels;
use super::preview::{Judged, Telling};
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::wrap;
use crate::cockpit::part::World;
use crate::cockpit::refused::{At, told};
use crate::cockpit::theme::{Role, Theme};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::tool::Group;
use crate::domain::words::Priority;
use crate::text;

/// Lines of what else would change.
const CHANGES: usize = 2;

impl Form {
    /// What stands beneath the fields.
    pub(super) fn beneath(&self, world: &World<'_>, width: usize) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let mut say = |role: Role, said: &str| {
            lines.extend(wrap(said, width).into_iter().map(|line| Line::styled(line, world.theme.style(role))));
        };
        if self.is_comparing {
            if let Some(why) = self.barred(world) {
                say(Role::Error, &format!("✗ {why}"));
            } else {
                let key = world.keymap.shown(Scope::Form, Action::GoOn);
                say(Role::Warning, &format!("The form was filled in before that. {key} sends it all the same."));
            }
            return lines;
        }
        if self.is_risky() {
            say(Role::Muted, "This is recorded in the audit trail under your name.");
        }
        let refusal = match &self.outlook.judged {
            Judged::Refused(refusal) => Some(self.told(refusal, world)),
            _ => None,
        };
        // What the engine says now, too, is said once.
        if let Some(said) = self.said.as_ref().filter(|said| refusal.as_ref().is_none_or(|now| !said.ends_with(now))) {
            say(Role::Warning, said);
        }
        for (_, why) in self.checked.wrong.iter().filter(|(at, _)| at.is_none()) {
            say(Role::Error, &format!("✗ {}", self.in_labels(why)));
        }
        lines.extend(self.outlook_lines(world, width));
        lines
    }

    /// What the engine would decide, unless it is told elsewhere.
    fn outlook_lines(&self, world: &World<'_>, width: usize) -> Vec<Line<'static>> {
        match &self.outlook.judged {
            // What would come of a form that is wrong is no promise.
            Judged::Accepted(_) if !self.checked.wrong.is_empty() => return Vec::new(),
            Judged::Refused(_) if self.is_refused_at_a_field() => return Vec::new(),
            _ => {}
        }
        let telling = Telling {
            is_unfinished: !self.checked.is_whole(),
            is_closeout: self.tool.spec.group == Group::Closeout,
            told: &|refusal| self.told(refusal, world),
        };
        let mut lines = self.outlook.judged.lines(&telling, world, width);
        if let Some((before, after)) = self.before_and_after().filter(|_| !self.is_risky()) {
            let at = 1.min(lines.len());
            let changes = changes(&self.changes(before, after, world), world.theme, width);
            lines.splice(at..at, changes);
        }
        lines
    }

    /// Whether the refusal that stands against sending is told at its field.
    pub(super) fn is_refused_at_a_field(&self) -> bool {
        let is_told = |n: usize| self.error_at(n).zip(self.refused_at(n)).is_some_and(|(shown, own)| shown == own);
        (0..self.fields.len()).any(is_told)
    }

    /// A refusal in the words of this form.
    pub(super) fn told(&self, refusal: &Refusal, world: &World<'_>) -> String {
        self.in_labels(&told(refusal, At::Form, world))
    }

    /// Words of the schema in those of this form.
    pub(super) fn in_labels(&self, said: &str) -> String {
        let label = |name: &str| {
            let field = self.fields.iter().find(|field| field.names.iter().any(|own| own == name))?;
            Some(field.label.as_str())
        };
        in_labels(said, label)
    }

    /// Why it cannot be sent to the ticket as it is now.
    pub(super) fn barred(&self, world: &World<'_>) -> Option<String> {
        match &self.outlook.judged {
            _ if !self.checked.is_whole() => self.objection(world),
            Judged::Refused(refusal) if refusal.code() != Code::VersionConflict => {
                Some(format!("This is no longer possible. {}", self.told(refusal, world)))
            }
            _ => None,
        }
    }

    /// What a call would change beside the state, unless its fields say just that.
    fn changes(&self, before: &Value, after: &Value, world: &World<'_>) -> Vec<Difference> {
        let names = self.names_known(world);
        let is_said = |old: &Value, new: &Value| {
            let mut said = self.checked.body.as_object().into_iter().flatten();
            old.is_null() && said.any(|(_, said)| said == new)
        };
        let mut all = Vec::new();
        for (name, old, new) in changed(before, after) {
            if name == "state" || is_said(old, new) {
                continue;
            }
            let change = difference(name, old, new, &names, self.zone);
            if change.before != change.after {
                all.push(change);
            }
            if name == "priority" {
                all.extend(self.promise(after, world));
            }
        }
        all
    }

    /// When the work has to be done by, now and with another priority, while the clock runs.
    fn promise(&self, after: &Value, world: &World<'_>) -> Option<Difference> {
        let said = |name: &str| after.get(name).and_then(Value::as_str);
        let row = world.row.filter(|row| self.seen.as_ref().is_some_and(|seen| seen.ticket == row.id))?;
        if row.is_stopped() || said("state").and_then(State::parse).is_some_and(State::stops_clock) {
            return None;
        }
        let target = |priority| world.policy.sla_target_minutes(priority);
        let moves = target(said("priority").and_then(Priority::parse)?) - target(row.priority);
        let shown = |at: Timestamp| match (at.millis() - world.now.millis()) / 1000 {
            left if left < 0 => format!("{} ago", text::age(-left)),
            left => format!("in {}", text::age(left)),
        };
        let (before, after) = (shown(row.deadline), shown(row.deadline.plus_minutes(moves)));
        Some(Difference { label: "Promise".to_owned(), before, after })
    }

    /// Technicians whose names are known: of the ticket's row, of what was chosen here, of other rows.
    pub(super) fn names_known(&self, world: &World<'_>) -> Names {
        let mut names = self.seen.as_ref().map(|seen| seen.names().clone()).unwrap_or_default();
        for record in self.fields.iter().filter_map(|field| field.control.record()) {
            let said = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
            names.extend(said("id").zip(said("name")));
        }
        let seen = self.seen.iter().flat_map(|seen| [seen.before(), seen.current()]);
        let snapshots = seen.chain(self.outlook.after());
        for id in snapshots.filter_map(|ticket| ticket.get("assigned_tech_id")?.as_str()) {
            let rows = &world.known.rows;
            let techs = || rows.order().iter().filter_map(|slot| rows.line(*slot)?.tech.as_ref());
            if let Some(tech) = (!names.contains_key(id)).then(|| techs().find(|tech| *tech.id == *id)).flatten() {
                names.insert(id.to_owned(), tech.name.clone());
            }
        }
        names
    }
}

/// What else would change, as few lines as it takes.
fn changes(all: &[Difference], theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<String> = Vec::new();
    for (n, change) in all.iter().enumerate() {
        let said = format!("{}  {} → {}", change.label, change.before, change.after);
        let is_last = lines.len() == CHANGES;
        match lines.last_mut() {
            Some(line) if text::width(line) + text::width(&said) + 3 <= width => {
                line.push_str("   ");
                line.push_str(&said);
            }
            Some(line) if is_last => {
                let more = format!("   and {} more", all.len() - n);
                *line = format!("{}{more}", text::cut(line, width.saturating_sub(text::width(&more))));
                break;
            }
            _ => lines.push(said),
        }
    }
    let style = theme.style(Role::Muted);
    lines.into_iter().map(|line| Line::styled(text::cut(&line, width).into_owned(), style)).collect()
}
