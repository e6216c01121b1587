//! `schedule.confirm`: a window is promised to the customer (CONTRACT.md 7.3 and 10).

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision};
use crate::domain::messages::Promise;
use crate::domain::payload::Window;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::tool::{Command, From, Group, Needs, Risk, ToolSpec};

/// The window that was agreed.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ScheduleConfirm {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl ScheduleConfirm {
    /// What the customer reads, in the site's own time.
    fn text(&self, number: &str, zone: &str) -> String {
        let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
        let (start, end) = (self.start.utc().with_timezone(&zone), self.end.utc().with_timezone(&zone));
        let end = if start.date_naive() == end.date_naive() {
            end.format("%H:%M %Z")
        } else {
            end.format("%a %-d %b %H:%M %Z")
        };
        format!("Your visit {number} is confirmed: {} to {end}.", start.format("%a %-d %b %H:%M"))
    }
}

impl Command for ScheduleConfirm {
    const SPEC: ToolSpec = ToolSpec {
        name: "schedule.confirm",
        summary: "Confirm the window that the customer agreed to.",
        method: "POST",
        route: "/tickets/{id}/schedule/confirm",
        roles: &[Role::Dispatcher],
        from: From::States(&[State::ScheduleProposed]),
        to: Some(State::Scheduled),
        status: 200,
        group: Group::Schedule,
        risk: Risk::Ordinary,
        key: "c",
    };

    fn needs(&self) -> Needs {
        Needs { promises: true, ..Needs::default() }
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        Window { start: self.start, end: self.end }.check("end")
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let mut stored = super::ticket_of(case)?.clone();
        let from = stored.ticket.state;
        stored.ticket.scheduled_start = Some(self.start);
        stored.ticket.scheduled_end = Some(self.end);
        stored.inner.confirmed_start = Some(self.start);
        let zone = case.site.as_ref().map_or("UTC", |site| site.timezone.as_str());
        let promise = Promise {
            ticket_id: stored.ticket.id,
            event_type: "schedule.confirm.sms",
            identity: json!({
                "from_state": from,
                "to_state": State::Scheduled,
                "scheduled_start": self.start,
                "scheduled_end": self.end,
            }),
            to: stored.ticket.customer_phone.as_deref(),
            body: self.text(stored.ticket.number.as_deref().unwrap_or_default(), zone),
            reason: "schedule.confirm",
        };
        let (message, promise_id) = promise.message(case, context);
        let mut decision = Decision::about(stored)
            .note("confirmed_window", json!({"start": self.start, "end": self.end}))
            .note("state_transition_id", promise_id)
            .step(&[State::Scheduled]);
        decision.messages.push(message);
        Ok(decision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_read_their_own_time() {
        let at = |text| Timestamp::parse(text).unwrap();
        let confirm = ScheduleConfirm { start: at("2026-11-21T17:00:00.000Z"), end: at("2026-11-21T19:30:00.000Z") };
        assert_eq!(
            confirm.text("T-10423", "America/New_York"),
            "Your visit T-10423 is confirmed: Sat 21 Nov 12:00 to 14:30 EST."
        );
        assert!(confirm.text("T-1", "nowhere").ends_with("19:30 UTC."));
    }
}
