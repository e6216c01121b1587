//! The rows of the queue, in SLA order at every moment.
//!
//! The order depends on the time, but only where a deadline, or the moment from which one warns, lies
//! between two looks: everything else stands as it stood. So a tick sorts a handful of rows, not all.

mod line;
mod slots;

use std::cmp::Reverse;
use std::collections::HashMap;

use uuid::Uuid;

pub use line::{Account, Judged, Line, Site, Tech};

use crate::domain::policy::Policy;
use crate::domain::queue::Row;
use crate::domain::sla::SlaStatus;
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;
use line::Shared;
use slots::Slots;
pub use slots::{Marked, Snapshot};

/// Where a row stands: the smaller, the higher (CONTRACT.md 9.2).
type Rank = (bool, SlaStatus, i64, Priority, i32, Reverse<i64>, Uuid);

/// How many tickets stand how: with running clocks by status, and those whose clock stands still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub breach: usize,
    pub warning: usize,
    pub healthy: usize,
    pub stopped: usize,
}

/// The rows of all open work, kept in SLA order.
#[derive(Debug, Default)]
pub struct Rows {
    lines: Slots,
    by_id: HashMap<Uuid, u32>,
    order: Vec<u32>,
    shared: Shared,
    /// The moment for which the order is right.
    at: Option<Timestamp>,
}

/// From so many changes at once they are sorted together, which is then cheaper.
const MANY: usize = 64;

fn minute(at: Timestamp) -> i64 {
    at.millis().div_euclid(60_000)
}

fn rank(line: &Line, policy: &Policy, at: Timestamp) -> Rank {
    let left = line.deadline.millis() - line.clock_at(at).millis();
    let status = if left < 0 {
        SlaStatus::Breach
    } else if left <= policy.sla.warning_minutes * 60_000 {
        SlaStatus::Warning
    } else {
        SlaStatus::Healthy
    };
    (
        line.is_stopped(),
        status,
        minute(line.deadline),
        line.priority,
        line.site.region_weight,
        Reverse(line.last_update_at.millis()),
        line.id,
    )
}

impl Rows {
    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self { at: self.at, ..Self::default() };
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The rows' slots in SLA order.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The row in a slot.
    pub fn line(&self, slot: u32) -> Option<&Line> {
        self.lines.get(slot)
    }

    /// The slot of a ticket.
    pub fn slot(&self, id: Uuid) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// The row of a ticket.
    pub fn get(&self, id: Uuid) -> Option<&Line> {
        self.line(self.slot(id)?)
    }

    /// A row that is not kept here, made like those that are.
    pub fn guest(&mut self, row: Row) -> Line {
        self.shared.line(row)
    }

    /// Takes rows as they now are; those that are no longer open leave. Tells the slots that changed. The
    /// order is of the last tick: only that tells which promises broke.
    pub fn take(&mut self, rows: Vec<Row>, policy: &Policy, now: Timestamp) -> Vec<u32> {
        let at = *self.at.get_or_insert(now);
        let is_bulk = rows.len() > MANY;
        let mut changed = Vec::with_capacity(rows.len());
        let mut moves = false;
        for row in rows {
            if row.state.is_terminal() {
                changed.extend(self.remove(row.ticket_id, policy));
                continue;
            }
            let line = self.shared.line(row);
            let known = self.by_id.get(&line.id).copied();
            if let (Some(slot), false) = (known, is_bulk) {
                self.take_out(slot, policy, at);
            }
            let slot = self.put(known, line);
            changed.push(slot);
            moves |= known.is_some();
            if !is_bulk {
                self.put_in(slot, policy, at);
            }
        }
        if is_bulk {
            self.put_in_many(&changed, moves, policy, at);
        }
        changed
    }

    /// Puts many rows in at once; some may stand somewhere already. Sorted anew is only what stands behind the first
    /// of them: of a page that follows the last row, the page.
    fn put_in_many(&mut self, slots: &[u32], moves: bool, policy: &Policy, at: Timestamp) {
        let marked = Marked::from_iter(slots);
        if moves {
            self.order.retain(|slot| !marked.has(*slot));
        }
        let new: Vec<u32> = marked.slots().into_iter().filter(|slot| self.line(*slot).is_some()).collect();
        let Some(first) = new.iter().filter_map(|slot| self.key(*slot, policy, at)).min() else { return };
        let from = self.place(&first, policy, at);
        let mut order = std::mem::take(&mut self.order);
        order.extend(new);
        if let Some(behind) = order.get_mut(from..) {
            behind.sort_by_key(|slot| self.key(*slot, policy, at));
        }
        self.order = order;
    }

    fn put(&mut self, slot: Option<u32>, line: Line) -> u32 {
        if let Some(slot) = slot {
            self.lines.set(slot, line);
            return slot;
        }
        let id = line.id;
        let slot = self.lines.add(line);
        self.by_id.insert(id, slot);
        slot
    }

    fn sort_all(&mut self, policy: &Policy, at: Timestamp) {
        let mut order = std::mem::take(&mut self.order);
        order.sort_by_key(|slot| self.key(*slot, policy, at));
        self.order = order;
    }

    fn key(&self, slot: u32, policy: &Policy, at: Timestamp) -> Option<Rank> {
        self.line(slot).map(|line| rank(line, policy, at))
    }

    fn place(&self, key: &Rank, policy: &Policy, at: Timestamp) -> usize {
        self.order.partition_point(|slot| self.key(*slot, policy, at).as_ref().is_some_and(|other| other < key))
    }

    fn take_out(&mut self, slot: u32, policy: &Policy, at: Timestamp) {
        let Some(key) = self.key(slot, policy, at) else { return };
        let place = self.place(&key, policy, at);
        if self.order.get(place) == Some(&slot) {
            self.order.remove(place);
        } else {
            self.order.retain(|other| *other != slot);
        }
    }

    fn put_in(&mut self, slot: u32, policy: &Policy, at: Timestamp) {
        if let Some(key) = self.key(slot, policy, at) {
            self.order.insert(self.place(&key, policy, at), slot);
        }
    }

    /// Forgets a ticket; its slot, if it was here.
    pub fn remove(&mut self, id: Uuid, policy: &Policy) -> Option<u32> {
        let slot = self.by_id.get(&id).copied()?;
        if let Some(at) = self.at {
            self.take_out(slot, policy, at);
        }
        self.by_id.remove(&id);
        self.lines.leave(slot);
        Some(slot)
    }

    /// Brings the order up to a moment. Only rows whose deadline, or whose warning, lay between then and
    /// now change their place, and only among their neighbours. Tells the tickets that broke their promise
    /// since.
    pub fn tick(&mut self, policy: &Policy, now: Timestamp) -> Vec<Uuid> {
        let Some(then) = self.at.replace(now) else { return Vec::new() };
        let ahead = policy.sla.warning_minutes;
        let span = if now == then {
            return Vec::new();
        } else if now < then || now > then.plus_minutes(ahead / 2) {
            // The clock stepped back, or the machine slept.
            self.sort_all(policy, now);
            0..self.order.len()
        } else {
            self.settle(policy, (then, now), (SlaStatus::Warning, SlaStatus::Healthy), ahead);
            self.settle(policy, (then, now), (SlaStatus::Breach, SlaStatus::Warning), 0)
        };
        let broke = |line: &&Line| !line.is_stopped() && line.deadline >= then && line.deadline < now;
        let crossed = self.order.get(span).unwrap_or_default().iter().filter_map(|slot| self.line(*slot));
        crossed.filter(broke).map(|line| line.id).collect()
    }

    /// Sorts again what lies around one boundary between two statuses.
    fn settle(
        &mut self,
        policy: &Policy,
        (then, now): (Timestamp, Timestamp),
        (before, after): (SlaStatus, SlaStatus),
        ahead: i64,
    ) -> std::ops::Range<usize> {
        let (from, to) = (minute(then.plus_minutes(ahead)), minute(now.plus_minutes(ahead)));
        let part = |slot: &u32| self.key(*slot, policy, then).map(|rank| (rank.0, rank.1, rank.2));
        let start = self.order.partition_point(|slot| part(slot) < Some((false, before, from)));
        let end = self.order.partition_point(|slot| part(slot) <= Some((false, after, to)));
        let mut order = std::mem::take(&mut self.order);
        if let Some(span) = order.get_mut(start..end) {
            span.sort_by_cached_key(|slot| self.key(*slot, policy, now));
        }
        self.order = order;
        start..end
    }

    /// How many with running clocks stand like this or worse: the first so many.
    fn upto(&self, status: SlaStatus, policy: &Policy) -> usize {
        let Some(at) = self.at else { return 0 };
        self.order
            .partition_point(|slot| self.key(*slot, policy, at).is_some_and(|rank| (rank.0, rank.1) <= (false, status)))
    }

    /// The slots of those whose promise is broken.
    pub fn breached(&self, policy: &Policy) -> &[u32] {
        self.order.get(..self.upto(SlaStatus::Breach, policy)).unwrap_or_default()
    }

    /// Rows as they stand, in some slots, and guests beneath them. What changes later is not seen in it.
    pub fn snapshot(&self, slots: Vec<u32>, guests: Vec<Line>) -> Snapshot {
        self.lines.snapshot(slots, guests)
    }

    /// How many stand how.
    pub fn counts(&self, policy: &Policy) -> Counts {
        let upto = |status| self.upto(status, policy);
        let (breach, warning, healthy) = (upto(SlaStatus::Breach), upto(SlaStatus::Warning), upto(SlaStatus::Healthy));
        Counts { breach, warning: warning - breach, healthy: healthy - warning, stopped: self.order.len() - healthy }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::actor::{Actor, Role};
    use crate::domain::policy::Bundle;
    use crate::domain::queue::RawRow;

    fn at(second: i64) -> Timestamp {
        Timestamp::clamped((1_795_000_000 + second) * 1_000_000)
    }

    fn row(id: u128, priority: &str, state: &str, start: i64, now: i64) -> Row {
        let raw: RawRow = serde_json::from_value(json!({
            "ticket_id": Uuid::from_u128(id), "number": format!("T-{id}"), "account_id": Uuid::from_u128(1),
            "account_name": "Harbor", "state": state, "priority": priority, "incident_type": "DOOR_WONT_LATCH",
            "summary": "s", "site_id": Uuid::from_u128(2), "site_name": "Pier 9", "site_city": "SF",
            "site_region": "CA", "region_weight": 190, "assigned_tech_id": null, "assigned_tech_name": null,
            "assigned_provider_id": null, "scheduled_start": null, "created_at": at(start), "updated_at": at(start),
            "last_event_at": at(start), "last_transition_at": null, "clock_stopped_at": at(start + 100),
            "sla_clock_start": at(start), "version": 0, "chain_seq": 1, "change": "1"
        }))
        .unwrap();
        raw.seen(at(now), &Bundle::embedded().policy, &Actor::local("maria", Role::Dispatcher))
    }

    fn is_right(rows: &Rows, policy: &Policy, now: Timestamp) -> bool {
        let keys: Vec<_> = rows.order().iter().map(|slot| rows.key(*slot, policy, now)).collect();
        keys.iter().all(Option::is_some) && keys.is_sorted() && rows.order.len() == rows.by_id.len()
    }

    fn any_row() -> impl Strategy<Value = (u128, &'static str, &'static str, i64)> {
        let priority = prop::sample::select(vec!["EMERGENCY", "URGENT", "ROUTINE"]);
        let state = prop::sample::select(vec!["NEW", "SCHEDULED", "VERIFIED", "CLOSED"]);
        // Deadlines close together, so that many share a minute with a boundary.
        (1_u128..40, priority, state, -4_000_i64..200)
    }

    proptest! {
        #[test]
        fn the_order_is_right_after_any_changes_and_any_passing_of_time(
            steps in prop::collection::vec((prop::collection::vec(any_row(), 0..90), -30_i64..400), 1..12)
        ) {
            let bundle = Bundle::embedded();
            let (mut rows, mut now) = (Rows::default(), 0);
            for (batch, passed) in steps {
                now += passed;
                let batch = batch.into_iter().map(|(id, priority, state, start)| row(id, priority, state, start, now));
                rows.take(batch.collect(), &bundle.policy, at(now));
                prop_assert!(is_right(&rows, &bundle.policy, rows.at.unwrap()));
                now += passed;
                rows.tick(&bundle.policy, at(now));
                prop_assert!(is_right(&rows, &bundle.policy, at(now)));
            }
        }
    }

    #[test]
    fn what_was_kept_of_a_moment_stays_as_it_was() {
        let bundle = Bundle::embedded();
        let mut rows = Rows::default();
        rows.take((1..900).map(|n| row(n, "URGENT", "NEW", 0, 5)).collect(), &bundle.policy, at(5));
        let kept = rows.snapshot(rows.order().to_vec(), Vec::new());
        let was: Vec<Line> = kept.iter().cloned().collect();
        rows.take(vec![row(1, "URGENT", "CLOSED", 0, 6), row(2, "ROUTINE", "NEW", 0, 6)], &bundle.policy, at(6));
        rows.take(vec![row(1_000, "ROUTINE", "NEW", 0, 6)], &bundle.policy, at(6));
        assert!(kept.iter().eq(&was) && was.len() == 899);
        assert_eq!(rows.get(Uuid::from_u128(2)).unwrap().priority, Priority::Routine);
    }

    #[test]
    fn a_promise_that_breaks_is_told_once() {
        let bundle = Bundle::embedded();
        let mut rows = Rows::default();
        rows.take(
            vec![row(1, "EMERGENCY", "NEW", 0, 3_500), row(2, "URGENT", "NEW", 0, 3_500)],
            &bundle.policy,
            at(3_500),
        );
        assert!(rows.tick(&bundle.policy, at(3_600)).is_empty(), "the last second still counts");
        rows.take(vec![row(3, "URGENT", "NEW", 0, 3_601)], &bundle.policy, at(3_601));
        assert_eq!(rows.tick(&bundle.policy, at(3_601)), [Uuid::from_u128(1)], "whatever came between");
        assert!(rows.tick(&bundle.policy, at(3_602)).is_empty());
        assert_eq!(rows.counts(&bundle.policy), Counts { breach: 1, warning: 0, healthy: 2, stopped: 0 });
    }

    #[test]
    fn what_is_closed_or_deleted_leaves() {
        let bundle = Bundle::embedded();
        let mut rows = Rows::default();
        rows.take(vec![row(1, "URGENT", "NEW", 0, 5), row(2, "URGENT", "VERIFIED", 0, 5)], &bundle.policy, at(5));
        assert_eq!(rows.counts(&bundle.policy).stopped, 1);
        rows.take(vec![row(1, "URGENT", "CLOSED", 0, 6)], &bundle.policy, at(6));
        rows.remove(Uuid::from_u128(2), &bundle.policy);
        assert!(rows.is_empty() && rows.get(Uuid::from_u128(1)).is_none());
    }
}
