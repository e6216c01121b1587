//! What happened to the ticket while its form was open, and what a call would make of it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ratatui::text::{Line, Span};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{labels, time};
use crate::cockpit::look::ago;
use crate::cockpit::part::World;
use crate::cockpit::rows;
use crate::cockpit::theme::{Role, Theme};
use crate::domain::time::Timestamp;
use crate::text::{self, money};
use chrono_tz::Tz;

/// What is told of a ticket where nobody knows any more what was seen of it.
const TOLD: [&str; 5] = ["state", "priority", "incident_type", "assigned_tech_id", "scheduled_start"];
const UNKNOWN: &str = "not known";

/// The ticket as the form saw it, and as it is now as far as is known.
#[derive(Debug)]
pub struct Seen {
    pub ticket: Uuid,
    pub number: String,
    /// The snapshot that the operator saw.
    before: Value,
    /// The newest there is, where it is newer.
    newest: Option<Value>,
    /// Who changed it last, and when.
    by: Option<(String, Timestamp)>,
    names: Names,
}

/// Technicians by their ids, as far as the queue showed them.
pub type Names = BTreeMap<String, String>;

/// What a row of the queue knows of a snapshot.
fn of_row(row: &rows::Line) -> Value {
    json!({
        "id": row.id, "number": row.number, "state": row.state, "priority": row.priority,
        "incident_type": row.incident_type, "summary": row.summary, "scheduled_start": row.scheduled_start,
        "assigned_tech_id": row.tech.as_ref().map(|tech| &tech.id), "assigned_provider_id": row.provider,
        "version": row.version,
    })
}

fn version(snapshot: &Value) -> i64 {
    snapshot.get("version").and_then(Value::as_i64).unwrap_or(0)
}

/// A case's ticket, if it is this one.
pub fn ticket_in(case: &Value, id: Uuid) -> Option<&Value> {
    let ticket = case.get("ticket")?;
    (ticket.get("id")?.as_str()? == id.to_string()).then_some(ticket)
}

impl Seen {
    /// The selected ticket, as it is shown; none where none is selected.
    pub fn new(world: &World<'_>) -> Option<Self> {
        let row = world.row?;
        let case = world.case.and_then(|case| ticket_in(&case.case, row.id));
        // A row may be fresher than the case beside it.
        let before = case.filter(|ticket| version(ticket) >= row.version).cloned().unwrap_or_else(|| of_row(row));
        let mut seen = Self {
            ticket: row.id,
            number: row.number.to_string(),
            before,
            newest: None,
            by: None,
            names: Names::new(),
        };
        seen.learn_row(row);
        Some(seen)
    }

    /// The ticket as the operator saw it.
    pub fn before(&self) -> &Value {
        &self.before
    }

    /// The operator saw another one when they filled in the form: whatever is newer is shown to them before it counts.
    pub fn recall(&mut self, seen: &Value) {
        if seen.get("id") != Some(&json!(self.ticket)) {
            return;
        }
        match version(seen).cmp(&self.version()) {
            Ordering::Less if version(seen) > 0 => {
                let now = std::mem::replace(&mut self.before, seen.clone());
                self.newest.get_or_insert(now);
            }
            // The queue may lag behind.
            Ordering::Greater if version(seen) > self.newest_version() => {
                (self.before, self.newest) = (seen.clone(), None);
            }
            _ => {}
        }
    }

    /// The same, where nothing is known of it but its version.
    pub fn recall_version(&mut self, seen: i64) {
        self.recall(&json!({"id": self.ticket, "version": seen}));
    }

    /// Whether nothing but the version is known of what the operator saw.
    fn is_bare(&self) -> bool {
        self.before.get("state").is_none()
    }

    /// The version that the operator saw.
    pub fn version(&self) -> i64 {
        version(&self.before)
    }

    /// The newest version that is known of.
    pub fn newest_version(&self) -> i64 {
        self.newest.as_ref().map_or_else(|| self.version(), version)
    }

    pub fn has_moved_on(&self) -> bool {
        self.newest_version() > self.version()
    }

    /// Takes a snapshot of the ticket; whether it is news.
    pub fn learn(&mut self, snapshot: &Value) -> bool {
        let is_newer = version(snapshot) > self.newest_version();
        if is_newer || self.has_moved_on() && version(snapshot) == self.newest_version() {
            self.newest = Some(snapshot.clone());
        } else if version(snapshot) == self.version() && !self.has_moved_on() {
            // The whole of what a row showed in part.
            self.before = snapshot.clone();
        }
        is_newer
    }

    /// Takes the row of the queue.
    pub fn learn_row(&mut self, row: &rows::Line) -> bool {
        if let Some(tech) = row.tech.as_ref().filter(|tech| !self.names.contains_key(&tech.id)) {
            self.names.insert(tech.id.clone(), tech.name.clone());
        }
        let is_newer = row.id == self.ticket && row.version > self.newest_version();
        if is_newer {
            self.newest = Some(of_row(row));
        }
        is_newer
    }

    /// Takes the timeline, to know who it was.
    pub fn learn_events(&mut self, events: &[Value]) {
        let said = |event: &Value, name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
        let last = events.last();
        let at = last.and_then(|event| said(event, "created_at")).and_then(|at| Timestamp::parse(&at));
        self.by = last.and_then(|event| said(event, "actor_id")).zip(at);
    }

    /// The operator has seen the newest.
    pub fn accept(&mut self) {
        if let Some(newest) = self.newest.take() {
            self.before = newest;
        }
    }

    /// What differs between what was seen and what is.
    pub fn differences(&self, zone: Tz) -> Vec<Difference> {
        if let Some(newest) = self.newest.as_ref().filter(|_| self.is_bare()) {
            let known = TOLD.iter().filter_map(|name| Some((name, newest.get(name)?)));
            return known
                .map(|(name, now)| Difference {
                    label: name_of(name),
                    before: UNKNOWN.to_owned(),
                    after: shown(name, now, &self.names, zone),
                })
                .collect();
        }
        self.newest.as_ref().map(|newest| between(&self.before, newest, &self.names, zone)).unwrap_or_default()
    }

    pub fn learn_names(&mut self, names: Names) {
        self.names.extend(names);
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The snapshot to compare with what would be.
    pub fn current(&self) -> &Value {
        self.newest.as_ref().unwrap_or(&self.before)
    }

    /// `T-10423 moved on: state TRIAGED → SCHEDULED (by maria, 12 s ago).`
    pub fn told(&self, now: Timestamp, zone: Tz) -> String {
        let all = self.differences(zone);
        let is_bare = self.is_bare();
        let part = |it: &Difference| match it.label.to_lowercase() {
            label if is_bare => format!("{label} {}", it.after),
            label => format!("{label} {} → {}", it.before, it.after),
        };
        let parts: Vec<String> = all.iter().take(3).map(part).collect();
        let what = match parts.join(", ") {
            none if none.is_empty() => "something about it changed".to_owned(),
            now if is_bare => format!("what it was when this was filled in is not known here; now it has {now}"),
            changes => changes,
        };
        // Only if the timeline is as new as the snapshot: else it was somebody else.
        let changed_at =
            self.newest.as_ref().and_then(|newest| newest.get("updated_at")?.as_str()).and_then(Timestamp::parse);
        let by = self.by.as_ref().filter(|(_, at)| changed_at.is_some_and(|changed| *at >= changed));
        let by = by.map(|(who, at)| format!(" (by {who}, {} ago)", ago(*at, now))).unwrap_or_default();
        format!("{} moved on: {what}{by}.", self.number)
    }
}

/// One field, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub label: String,
    pub before: String,
    pub after: String,
}

/// Fields that say nothing to people.
const SILENT: [&str; 4] = ["id", "version", "updated_at", "identity_signature"];

/// The fields that two snapshots both have and that differ: name, before, after.
pub fn changed<'a>(before: &'a Value, after: &'a Value) -> Vec<(&'a str, &'a Value, &'a Value)> {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return Vec::new() };
    let told = before.iter().filter(|(name, _)| !SILENT.contains(&name.as_str()));
    told.filter_map(|(name, old)| Some((name.as_str(), old, after.get(name).filter(|new| *new != old)?))).collect()
}

/// A field, before and after, as people read it.
pub fn difference(name: &str, old: &Value, new: &Value, names: &Names, zone: Tz) -> Difference {
    Difference { label: name_of(name), before: shown(name, old, names, zone), after: shown(name, new, names, zone) }
}

/// What differs between two snapshots, of the fields that both have.
pub fn between(before: &Value, after: &Value, names: &Names, zone: Tz) -> Vec<Difference> {
    changed(before, after).into_iter().map(|(name, old, new)| difference(name, old, new, names, zone)).collect()
}

fn name_of(name: &str) -> String {
    match name {
        "assigned_tech_id" => "Tech".to_owned(),
        "assigned_provider_id" => "Provider".to_owned(),
        "nte_cents" => "NTE".to_owned(),
        _ => labels::readable(name),
    }
}

pub fn shown(name: &str, value: &Value, names: &Names, zone: Tz) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(cents) if name.ends_with("_cents") => cents.as_i64().map(money).unwrap_or_default(),
        // Whom a job is for stays hidden here as it is elsewhere.
        Value::String(_) if name.starts_with("customer_") => "•••".to_owned(),
        Value::String(id) if name == "assigned_tech_id" => text::plain(names.get(id).unwrap_or(id)).into_owned(),
        Value::String(said) => match Timestamp::parse(said) {
            Some(at) => time::shown(at, zone),
            None => text::plain(said).replace('_', if name == "state" { " " } else { "_" }),
        },
        other => text::plain(&other.to_string()).into_owned(),
    }
}

/// Differences as a table: what, before, after.
pub fn table(rows: &[Difference], heads: (&str, &str), theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let name = rows.iter().map(|row| text::width(&row.label)).max().unwrap_or(0).min(width / 3);
    let half = width.saturating_sub(name + 6) / 2;
    let cell = |said: &str, columns: usize| {
        let said = text::cut(said, columns).into_owned();
        let pad = columns.saturating_sub(text::width(&said));
        format!("{said}{}", " ".repeat(pad))
    };
    let muted = theme.style(Role::Muted);
    let head = format!("{}  {}    {}", " ".repeat(name), cell(heads.0, half), heads.1);
    let mut lines = vec![Line::styled(text::cut(&head, width).into_owned(), muted)];
    lines.extend(rows.iter().map(|row| {
        Line::from(vec![
            Span::styled(format!("{}  ", cell(&row.label, name)), muted),
            Span::styled(cell(&row.before, half), theme.style(Role::Text)),
            Span::styled(" →  ", muted),
            Span::styled(cell(&row.after, half).trim_end().to_owned(), theme.style(Role::Title)),
        ])
    }));
    lines
}

/// What a call that ends or overrides something would change, and what would be lost with it.
pub fn consequence(before: &Value, after: &Value, case: Option<&Value>, names: &Names, zone: Tz) -> Vec<Difference> {
    let mut rows = between(before, after, names, zone);
    rows.retain(|row| row.before != row.after);
    // What it is to be is said also where it stays that.
    if let Some(old) = before.get("state").filter(|_| !rows.iter().any(|row| row.label == "State")) {
        rows.push(difference("state", old, after.get("state").unwrap_or(old), names, zone));
    }
    let order = ["State", "Tech"];
    rows.sort_by_key(|row| order.iter().position(|label| *label == row.label).unwrap_or(order.len()));
    let count = |name: &str| case.and_then(|case| case.get(name)).and_then(Value::as_array).map_or(0, Vec::len);
    let state = after.get("state").and_then(Value::as_str);
    let mut lost = |label: &str, before: String, after: &str| {
        rows.push(Difference { label: label.to_owned(), before, after: after.to_owned() });
    };
    if state == Some("CANCELLED") {
        if count("open_approvals") > 0 {
            lost("Open approvals", count("open_approvals").to_string(), "cancelled");
        }
        lost("Messages not sent", "as they wait".to_owned(), "cancelled");
    }
    if state == Some("CLOSED") && count("evidence") > 0 {
        lost("Evidence", format!("{} items, may grow", count("evidence")), "sealed");
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::{self, Stage};
    use chrono_tz::America::Los_Angeles;

    #[test]
    fn a_ticket_that_moved_on_says_how_and_by_whom() {
        let stage = Stage::new();
        let mut seen = Seen::new(&stage.world()).unwrap();
        assert!(!seen.learn(&testing::ticket()) && !seen.has_moved_on());
        let mut newer = testing::ticket();
        newer["state"] = "DISPATCHED".into();
        newer["assigned_tech_id"] = "t-ortiz".into();
        newer["version"] = 5.into();
        newer["customer_phone"] = "+1 510 555 0142".into();
        assert!(seen.learn(&newer) && seen.has_moved_on());
        seen.learn_events(&stage.case.as_ref().unwrap().events);
        let told = seen.told(stage.now, Los_Angeles);
        assert!(told.starts_with("T-10423 moved on: state SCHEDULED → DISPATCHED"), "{told}");
        assert!(told.ends_with("(by maria, 10m ago)."), "{told}");
        assert!(!format!("{:?}", seen.differences(Los_Angeles)).contains("0142"));
        seen.accept();
        assert_eq!((seen.version(), seen.has_moved_on()), (5, false));
    }

    #[test]
    fn what_was_seen_another_time_is_what_the_newest_is_compared_with() {
        let stage = Stage::new();
        let mut older = testing::ticket();
        older["state"] = "TRIAGED".into();
        older["version"] = 2.into();
        let mut seen = Seen::new(&stage.world()).unwrap();
        seen.recall(&older);
        assert_eq!((seen.version(), seen.newest_version()), (2, 4));
        assert!(seen.told(stage.now, Los_Angeles).starts_with("T-10423 moved on: state TRIAGED → SCHEDULED"));
        seen.recall(&json!({"id": Uuid::nil(), "version": 1}));
        seen.recall(&Value::Null);
        assert_eq!(seen.version(), 2, "another ticket, or none");
        seen.accept();
        assert_eq!((seen.version(), seen.has_moved_on()), (4, false));
    }

    #[test]
    fn where_only_the_version_is_known_that_is_said_with_what_it_is_now() {
        let stage = Stage::new();
        let mut seen = Seen::new(&stage.world()).unwrap();
        seen.learn_events(&stage.case.as_ref().unwrap().events);
        seen.recall_version(4);
        assert!(!seen.has_moved_on());
        seen.recall_version(3);
        let told = seen.told(stage.now, Los_Angeles);
        assert!(told.contains("is not known here; now it has state SCHEDULED, priority URGENT"), "{told}");
        let differences = seen.differences(Los_Angeles);
        assert_eq!((differences[0].before.as_str(), differences[0].after.as_str()), ("not known", "SCHEDULED"));
    }

    #[test]
    fn what_only_a_row_showed_is_filled_in_by_its_case() {
        let stage = Stage::without_case();
        let mut seen = Seen::new(&stage.world()).unwrap();
        assert_eq!(seen.version(), 4);
        assert!(!seen.learn(&testing::ticket()));
        let mut newer = testing::ticket();
        newer["nte_cents"] = 130_000.into();
        newer["version"] = 6.into();
        seen.learn(&newer);
        let differences = seen.differences(Los_Angeles);
        assert_eq!((differences[0].before.as_str(), differences[0].after.as_str()), ("$950.00", "$1,300.00"));
    }

    #[test]
    fn cancelling_shows_what_is_lost() {
        let mut before = testing::ticket();
        before["assigned_tech_id"] = "t-ortiz".into();
        let mut after = before.clone();
        after["state"] = "CANCELLED".into();
        after["assigned_tech_id"] = Value::Null;
        let names = Names::from([("t-ortiz".to_owned(), "R. Ortiz".to_owned())]);
        let rows = consequence(&before, &after, Some(&testing::case().case), &names, Los_Angeles);
        let told: Vec<String> =
            rows.iter().map(|row| format!("{}: {} → {}", row.label, row.before, row.after)).collect();
        assert_eq!(
            told,
            [
                "State: SCHEDULED → CANCELLED",
                "Tech: R. Ortiz → —",
                "Open approvals: 1 → cancelled",
                "Messages not sent: as they wait → cancelled"
            ]
        );
        assert!(table(&rows, ("now", "after"), &Theme::mono(), 20).iter().all(|line| line.width() <= 24));
    }
}
