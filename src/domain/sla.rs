//! The default SLA clock and the order of the queue (CONTRACT.md 9.2).

use std::cmp::Reverse;

use serde::Serialize;
use uuid::Uuid;

use super::policy::Policy;
use super::state::State;
use super::time::Timestamp;
use super::words::{Priority, words};

words! {
    /// How much of the promise is left.
    pub enum SlaStatus {
        Breach = "breach",
        Warning = "warning",
        Healthy = "healthy",
    }
}

words! {
    /// Whether the clock runs.
    pub enum SlaClock {
        Running = "running",
        Stopped = "stopped",
    }
}

words! {
    /// On whom a ticket waits.
    pub enum Delay {
        Customer = "customer",
        Provider = "provider",
        Unknown = "unknown",
    }
}

/// The clock of one ticket, read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub target_minutes: i64,
    pub deadline: Timestamp,
    pub clock: SlaClock,
    pub status: SlaStatus,
    /// Whole minutes, rounded down; negative after the deadline.
    pub remaining_minutes: i64,
}

/// Reads the clock. `stopped_at` is when it came to stand still, where it does.
pub fn read(
    policy: &Policy,
    priority: Priority,
    state: State,
    clock_start: Timestamp,
    stopped_at: Timestamp,
    now: Timestamp,
) -> Reading {
    let target_minutes = policy.sla_target_minutes(priority);
    let deadline = clock_start.plus_minutes(target_minutes);
    let clock = if state.stops_clock() { SlaClock::Stopped } else { SlaClock::Running };
    let at = if clock == SlaClock::Stopped { stopped_at } else { now };
    let left_millis = deadline.millis() - at.millis();
    let status = if left_millis < 0 {
        SlaStatus::Breach
    } else if left_millis <= policy.sla.warning_minutes * 60_000 {
        SlaStatus::Warning
    } else {
        SlaStatus::Healthy
    };
    Reading { target_minutes, deadline, clock, status, remaining_minutes: left_millis.div_euclid(60_000) }
}

/// `hh:mm`, with a leading minus after the deadline.
pub fn hours_and_minutes(minutes: i64) -> String {
    let sign = if minutes < 0 { "-" } else { "" };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// On whom a ticket in this state waits.
pub fn delay(state: State) -> Delay {
    match state {
        State::ApprovalRequired | State::PendingCustomerConfirmation => Delay::Customer,
        State::Scheduled
        | State::Dispatched
        | State::OnSite
        | State::InProgress
        | State::OnHold
        | State::CompletedPendingVerification => Delay::Provider,
        _ => Delay::Unknown,
    }
}

/// The weight by which regions spread evenly: 500 for none, else 10 to 990.
pub fn region_weight(region: Option<&str>) -> i32 {
    let word = region.unwrap_or_default().trim().to_uppercase();
    if word.is_empty() {
        return 500;
    }
    let hash = word.encode_utf16().fold(0_i32, |hash, unit| (31 * hash + i32::from(unit)) % 100_000);
    10 + hash % 981
}

/// Where a row stands in the queue: the smaller, the higher.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rank {
    clock: SlaClock,
    status: SlaStatus,
    deadline_minute: i64,
    priority: Priority,
    region_weight: i32,
    newest_first: Reverse<i64>,
    ticket_id: Uuid,
}

impl Rank {
    /// The rank of a row.
    pub fn new(
        reading: &Reading,
        priority: Priority,
        region_weight: i32,
        last_update: Timestamp,
        ticket_id: Uuid,
    ) -> Self {
        Self {
            clock: reading.clock,
            status: reading.status,
            deadline_minute: reading.deadline.millis().div_euclid(60_000),
            priority,
            region_weight,
            newest_first: Reverse(last_update.millis()),
            ticket_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Bundle;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn status(now: &str) -> (SlaStatus, i64, String) {
        let bundle = Bundle::embedded();
        let start = at("2026-09-04T12:00:00.000Z");
        let reading = read(&bundle.policy, Priority::Emergency, State::Scheduled, start, start, at(now));
        (reading.status, reading.remaining_minutes, hours_and_minutes(reading.remaining_minutes))
    }

    #[test]
    fn the_status_goes_by_exact_seconds_and_the_minutes_round_down() {
        assert_eq!(status("2026-09-04T12:14:59.999Z"), (SlaStatus::Healthy, 45, "00:45".into()));
        assert_eq!(status("2026-09-04T12:15:00.000Z"), (SlaStatus::Warning, 45, "00:45".into()));
        assert_eq!(status("2026-09-04T13:00:00.000Z"), (SlaStatus::Warning, 0, "00:00".into()));
        assert_eq!(status("2026-09-04T13:00:00.001Z"), (SlaStatus::Breach, -1, "-00:01".into()));
        assert_eq!(status("2026-09-04T15:00:00.000Z"), (SlaStatus::Breach, -120, "-02:00".into()));
    }

    #[test]
    fn a_stopped_clock_is_read_when_it_stopped() {
        let bundle = Bundle::embedded();
        let (start, stopped) = (at("2026-09-04T12:00:00.000Z"), at("2026-09-04T12:30:00.000Z"));
        let reading =
            read(&bundle.policy, Priority::Urgent, State::Verified, start, stopped, at("2027-01-01T00:00:00.000Z"));
        assert_eq!(
            (reading.clock, reading.status, reading.remaining_minutes),
            (SlaClock::Stopped, SlaStatus::Healthy, 210)
        );
    }

    #[test]
    fn regions_weigh_what_the_contract_says() {
        assert_eq!(region_weight(Some(" ca ")), 190);
        assert_eq!(region_weight(Some("NY")), 555);
        assert_eq!(region_weight(Some("TX")), 740);
        assert_eq!(region_weight(Some("  ")), 500);
        assert_eq!(region_weight(None), 500);
    }
}
