//! The columns of the queue: which are shown in how much room, what stands in them, how they sort.

use std::cmp::Ordering;

use crate::cockpit::look::{countdown, left, priority_role, right, said, short, sla_role, state_role, state_word};
use crate::cockpit::part::World;
use crate::cockpit::rows::Line;
use crate::cockpit::theme::Role;
use crate::cockpit::zone::Zone;
use crate::domain::sla;
use crate::domain::time::Timestamp;
use crate::domain::words::words;

words! {
    /// What a column tells.
    pub enum Column {
        Sla = "SLA",
        Priority = "PRI",
        State = "STATE",
        Ticket = "TICKET",
        Site = "SITE",
        Technician = "TECH",
        Start = "START",
        Updated = "UPD",
        Incident = "TYPE",
        Account = "ACCOUNT",
        Region = "REG",
        Delay = "WAITS ON",
        Summary = "SUMMARY",
    }
}

use Column as C;

/// In which order room is given: what one cannot work without, then more of it, then the rest. A column
/// that is there already grows to the width of its later steps.
const ROOM: &[(Column, usize)] = &[
    (C::Sla, 9),
    (C::Ticket, 8),
    (C::Priority, 3),
    (C::State, 11),
    (C::Site, 12),
    (C::Updated, 3),
    (C::Technician, 9),
    (C::Start, 6),
    (C::Site, 18),
    (C::Technician, 13),
    (C::Summary, 20),
    (C::Site, 22),
    (C::Incident, 20),
    (C::Region, 3),
    (C::State, 18),
    (C::Summary, 32),
    (C::Technician, 16),
    (C::Account, 18),
    (C::Delay, 8),
    (C::Incident, 27),
    (C::Site, 28),
    (C::Account, 24),
    (C::Summary, 70),
];

/// In which order they stand.
const ORDER: &[Column] = &[
    C::Sla,
    C::Priority,
    C::State,
    C::Ticket,
    C::Site,
    C::Technician,
    C::Start,
    C::Updated,
    C::Region,
    C::Delay,
    C::Incident,
    C::Account,
    C::Summary,
];

/// The columns for a width, each with its own; one space lies between.
pub fn layout(width: usize) -> Vec<(Column, usize)> {
    let mut widths: Vec<(Column, usize)> = Vec::new();
    let mut spare = width;
    for &(column, wanted) in ROOM {
        if let Some((_, has)) = widths.iter_mut().find(|(of, _)| *of == column) {
            let more = wanted.saturating_sub(*has).min(spare);
            *has += more;
            spare -= more;
            continue;
        }
        let needs = wanted + usize::from(!widths.is_empty());
        if needs <= spare || widths.is_empty() {
            widths.push((column, wanted));
            spare = spare.saturating_sub(needs);
        } else if matches!(column, C::Summary | C::Incident | C::Account) {
            // Whoever is less important does not get what this one would have needed.
            break;
        }
    }
    let width_of = |column: &Column| widths.iter().find(|(of, _)| of == column).map(|(_, width)| *width);
    ORDER.iter().filter_map(|column| Some((*column, width_of(column)?))).collect()
}

impl Column {
    /// Whether its values stand at the right.
    pub const fn is_right(self) -> bool {
        matches!(self, C::Sla | C::Updated)
    }

    /// What stands in the column, and what it means.
    pub fn cell(self, line: &Line, width: usize, world: &World<'_>) -> (String, Role) {
        let (policy, now) = (world.policy, world.now);
        match self {
            C::Sla => {
                let millis = line.deadline.millis() - line.clock_at(now).millis();
                let status = line.reading(policy, now).status;
                (right(&countdown(millis), width), sla_role(status, line.is_stopped()))
            }
            C::Priority => (left(short(line.priority), width), priority_role(line.priority)),
            C::State => (left(&state_word(line.state, width), width), state_role(line.state)),
            C::Ticket => (left(&line.number, width), Role::Accent),
            C::Site => (left(&line.site.name, width), Role::Text),
            C::Technician => (left(line.tech.as_ref().map_or("—", |tech| &tech.name), width), Role::Text),
            C::Start => {
                let start = line.scheduled_start.map(|at| start(at, now, world.known.zone));
                (left(start.as_deref().unwrap_or("—"), width), Role::Muted)
            }
            C::Updated => (right(&updated(line.last_update_at, now), width), Role::Muted),
            C::Incident => (left(&said(line.incident_type.as_deref().unwrap_or("—")), width), Role::Muted),
            C::Account => (left(&line.account.name, width), Role::Muted),
            C::Region => (left(line.site.region.as_deref().unwrap_or("—"), width), Role::Muted),
            C::Delay => (left(delay(line), width), Role::Muted),
            C::Summary => (left(&line.summary, width), Role::Muted),
        }
    }

    /// How two rows stand to each other in this column.
    pub fn compare(self, a: &Line, b: &Line) -> Ordering {
        match self {
            C::Sla => (a.is_stopped(), a.deadline).cmp(&(b.is_stopped(), b.deadline)),
            C::Priority => a.priority.cmp(&b.priority),
            C::State => a.state.cmp(&b.state),
            C::Ticket => (a.number.len(), &a.number).cmp(&(b.number.len(), &b.number)),
            C::Site => a.site.name.cmp(&b.site.name),
            // Those without stand last.
            C::Technician => (a.tech.is_none(), name(a)).cmp(&(b.tech.is_none(), name(b))),
            C::Start => {
                (a.scheduled_start.is_none(), a.scheduled_start).cmp(&(b.scheduled_start.is_none(), b.scheduled_start))
            }
            C::Updated => b.last_update_at.cmp(&a.last_update_at),
            C::Incident => a.incident_type.cmp(&b.incident_type),
            C::Account => a.account.name.cmp(&b.account.name),
            C::Region => a.site.region.cmp(&b.site.region),
            C::Delay => delay(a).cmp(delay(b)),
            C::Summary => a.summary.cmp(&b.summary),
        }
    }
}

fn name(line: &Line) -> Option<&str> {
    line.tech.as_ref().map(|tech| tech.name.as_str())
}

fn delay(line: &Line) -> &'static str {
    match sla::delay(line.state) {
        sla::Delay::Unknown => "—",
        other => other.as_str(),
    }
}

/// How long ago, in three columns, to the minute: a column of seconds that run would never be still.
fn updated(then: Timestamp, now: Timestamp) -> String {
    let minutes = (now.millis() - then.millis()) / 60_000;
    match minutes {
        ..1 => "now".to_owned(),
        1..60 => format!("{minutes}m"),
        60..1_440 => format!("{}h", minutes / 60),
        1_440..144_000 => format!("{}d", minutes / 1_440),
        144_000..1_008_000 => format!("{}w", minutes / 10_080),
        _ => format!("{}y", minutes / 525_600),
    }
}

/// When an appointment starts, in the operator's zone: the time today, the day else. The case tells
/// the site's own time.
fn start(at: Timestamp, now: Timestamp, zone: Zone) -> String {
    let (at, now) = (zone.at(at), zone.at(now));
    let form = if at.date_naive() == now.date_naive() { "%H:%M" } else { "%d %b" };
    at.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_never_need_more_than_there_is_but_for_the_first() {
        for width in 0..300 {
            let columns = layout(width);
            let total = columns.iter().map(|(_, width)| width + 1).sum::<usize>() - 1;
            assert!(total <= width.max(9), "{width}: {columns:?}");
            assert_eq!(columns[0].0, C::Sla);
        }
    }

    #[test]
    fn eighty_columns_hold_what_a_dispatcher_needs() {
        let shown: Vec<_> = layout(76).into_iter().map(|(column, _)| column).collect();
        for column in [C::Sla, C::Priority, C::State, C::Ticket, C::Site, C::Technician, C::Start, C::Updated] {
            assert!(shown.contains(&column), "{column}");
        }
        assert_eq!(layout(200).len(), Column::ALL.len());
    }

    #[test]
    fn an_appointment_is_told_by_the_clock_that_then_counts() {
        let zone = Zone::Named(chrono_tz::America::Los_Angeles);
        let told = |at: &str, now: &str| start(Timestamp::parse(at).unwrap(), Timestamp::parse(now).unwrap(), zone);
        // The clocks go back at 09:00 UTC on the first of November.
        assert_eq!(told("2026-11-01T17:00:00Z", "2026-11-01T07:30:00Z"), "09:00");
        assert_eq!(told("2026-11-03T07:30:00Z", "2026-10-30T12:00:00Z"), "02 Nov", "not the third");
    }

    #[test]
    fn an_update_is_told_in_three_columns() {
        let now = Timestamp::clamped(4_000_000_000_000_000);
        let told = |minutes: i64| updated(now.plus_minutes(-minutes), now);
        assert_eq!([0, 1, 59, 60, 119, 1_440].map(told), ["now", "1m", "59m", "1h", "1h", "1d"]);
        assert!((0..2_000_000).step_by(7).all(|minutes| told(minutes).len() <= 3));
    }
}
