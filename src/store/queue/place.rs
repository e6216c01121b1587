//! The order of the queue, as the index `tickets_queue_idx` holds it.
//!
//! A ticket's class says whether its clock runs, and where it stands still what it says and whether
//! the ticket is open. While it runs, what it says follows from the deadline, so the rows of one
//! status are one stretch of the index. The whole order is six segments, one after the other; in
//! each the rows stand by deadline, priority, region and newest update.

use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::domain::sla::SlaStatus;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) segment: i32,
    pub(super) minute: i64,
    pub(super) priority: Priority,
    pub(super) weight: i32,
    pub(super) update: i64,
    pub(super) id: Uuid,
}

/// What a row's place is compared by within its segment.
const KEYS: &str = "t.queue_minute, t.priority, t.region_weight, t.queue_update, t.id";

/// What of a ticket `t` the index of the order knows.
pub(super) const COLUMNS: &str = "t.id, t.queue_minute, t.priority, t.region_weight, t.queue_update";

/// The moment at which the clocks are read, and what follows from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Deadlines before it are broken.
    pub(super) now: Timestamp,
    /// Deadlines after it are far enough away.
    pub(super) soon: Timestamp,
}

/// A stretch of the order: running or stopped, with one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment(i32);

impl Segment {
    /// All of them, in order.
    pub(super) const ALL: [Self; 6] = [Self(0), Self(1), Self(2), Self(3), Self(4), Self(5)];

    pub(super) const fn number(self) -> i32 {
        self.0
    }

    pub(super) const fn is_running(self) -> bool {
        self.0 < 3
    }

    /// What the clocks in it say.
    pub(super) const fn status(self) -> SlaStatus {
        match self.0 % 3 {
            0 => SlaStatus::Breach,
            1 => SlaStatus::Warning,
            _ => SlaStatus::Healthy,
        }
    }

    /// The class that tickets in these states have here.
    const fn class(self, is_open: bool) -> i32 {
        match (self.is_running(), is_open) {
            (true, _) => 0,
            (false, true) => self.0 - 2,
            (false, false) => self.0 + 1,
        }
    }

    /// The stretches of the index that hold this segment's tickets in `states`.
    pub(super) fn branches(self, states: &[State]) -> Vec<Branch> {
        let mut branches = Vec::new();
        for is_open in [true, false] {
            let here =
                |state: &State| State::OPEN.contains(state) == is_open && state.stops_clock() != self.is_running();
            let possible: Vec<State> = State::ALL.iter().copied().filter(here).collect();
            let wanted: Vec<State> = possible.iter().copied().filter(|state| states.contains(state)).collect();
            let class = self.class(is_open);
            if wanted.is_empty() {
            } else if wanted.len() == possible.len() {
                branches.push(Branch { class, states: Vec::new() });
            } else if wanted.len() <= Branch::FEW {
                branches.extend(wanted.into_iter().map(|state| Branch { class, states: vec![state] }));
            } else {
                branches.push(Branch { class, states: wanted });
            }
        }
        branches
    }

    /// Narrows to this segment's deadlines.
    pub(super) fn bound(self, clock: Clock, sql: &mut QueryBuilder<Postgres>) {
        let minute = |at: Timestamp| at.millis().div_euclid(60_000);
        let mut limit = |after: bool, at: Timestamp, inclusive: &str| {
            sql.push(if after { " AND t.queue_minute >= " } else { " AND t.queue_minute <= " }).push_bind(minute(at));
            sql.push(format_args!(" AND t.sla_deadline {inclusive} ")).push_bind(at.utc());
        };
        match (self.is_running(), self.status()) {
            (false, _) => {}
            (true, SlaStatus::Breach) => limit(false, clock.now, "<"),
            (true, SlaStatus::Warning) => {
                limit(true, clock.now, ">=");
                limit(false, clock.soon, "<=");
            }
            (true, SlaStatus::Healthy) => limit(true, clock.soon, ">"),
        }
    }
}

/// One stretch of the index.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Branch {
    class: i32,
    /// Only these states; all of the class where empty.
    states: Vec<State>,
}

impl Branch {
    /// Up to so many states are looked for one by one, each within the index; more are so common
    /// that their rows are soon met.
    const FEW: usize = 3;

    /// Narrows to this stretch.
    pub(super) fn bound(&self, sql: &mut QueryBuilder<Postgres>) {
        sql.push(format_args!("t.queue_class = {}", self.class));
        match self.states.as_slice() {
            [] => {}
            [state] => {
                sql.push(format_args!(" AND t.state = '{state}'"));
            }
            several => {
                let names: Vec<&str> = several.iter().map(|state| state.as_str()).collect();
                sql.push(format_args!(" AND t.state IN ('{}')", names.join("', '")));
            }
        }
    }
}

/// The segment of a ticket `t`, for rows that are found in another way than along the order.
pub(super) fn segment_of_row(clock: Clock, sql: &mut QueryBuilder<Postgres>) {
    sql.push("CASE WHEN t.queue_class = 0 THEN CASE WHEN t.sla_deadline < ").push_bind(clock.now.utc());
    sql.push(" THEN 0 WHEN t.sla_deadline <= ").push_bind(clock.soon.utc());
    sql.push(" THEN 1 ELSE 2 END WHEN t.queue_class <= 3 THEN t.queue_class + 2 ELSE t.queue_class - 1 END");
}

/// Orders by the whole place.
pub(super) fn order(sql: &mut QueryBuilder<Postgres>) {
    sql.push(format_args!(" ORDER BY t.segment, {KEYS}"));
}

/// Orders within one segment.
pub(super) fn order_within(sql: &mut QueryBuilder<Postgres>) {
    sql.push(format_args!(" ORDER BY {KEYS}"));
}

/// Narrows to what comes after a place: in its own segment, or in the whole order.
pub(super) fn after(place: &Place, with_segment: bool, sql: &mut QueryBuilder<Postgres>) {
    sql.push(format_args!(" AND ({}{KEYS}) > (", if with_segment { "t.segment, " } else { "" }));
    if with_segment {
        sql.push_bind(place.segment).push(", ");
    }
    sql.push_bind(place.minute);
    sql.push(format_args!(", '{}'::priority_level, ", place.priority));
    sql.push_bind(place.weight).push(", ").push_bind(place.update).push(", ").push_bind(place.id).push(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_stands_in_each_of_its_segments_exactly_once() {
        for &state in State::ALL {
            let segments: Vec<i32> = Segment::ALL
                .into_iter()
                .filter(|segment| !segment.branches(&[state]).is_empty())
                .map(Segment::number)
                .collect();
            assert_eq!(segments, if state.stops_clock() { [3, 4, 5] } else { [0, 1, 2] }, "{state}");
        }
    }

    #[test]
    fn open_tickets_that_stand_still_are_found_without_the_closed_ones() {
        let classes =
            |states: &[State]| -> Vec<i32> { Segment(4).branches(states).iter().map(|branch| branch.class).collect() };
        assert_eq!(classes(State::OPEN), [2]);
        assert_eq!(classes(&[State::Closed]), [5]);
        assert_eq!(classes(State::ALL), [2, 5]);
    }
}
