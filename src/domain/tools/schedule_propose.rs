//! `schedule.propose`: windows offered to the customer (CONTRACT.md 7.3).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision};
use crate::domain::intake;
use crate::domain::payload::Window;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::tool::{Command, From, Group, Risk, ToolSpec};

/// One or more windows, the preferred one first.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct SchedulePropose {
    #[schemars(length(min = 1, max = 200))]
    pub options: Vec<Window>,
}

impl Command for SchedulePropose {
    const SPEC: ToolSpec = ToolSpec {
        name: "schedule.propose",
        summary: "Propose windows for the visit.",
        method: "POST",
        route: "/tickets/{id}/schedule/propose",
        roles: &[Role::Dispatcher, Role::Agent],
        from: From::States(&[
            State::Triaged,
            State::ReadyToSchedule,
            State::Scheduled,
            State::PendingCustomerConfirmation,
        ]),
        to: Some(State::ScheduleProposed),
        status: 200,
        group: Group::Schedule,
        risk: Risk::Ordinary,
        key: "p",
    };

    fn field_rules(&self) -> Result<(), Refusal> {
        (0..).zip(&self.options).try_for_each(|(n, window): (usize, _)| window.check(&format!("options/{n}/end")))
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let mut stored = super::ticket_of(case)?.clone();
        let ticket = &mut stored.ticket;
        let from = ticket.state;
        if from == State::Triaged {
            intake::may_be_scheduled(ticket, false, context.policy)?;
        }
        let previous = json!({"start": ticket.scheduled_start, "end": ticket.scheduled_end});
        ticket.scheduled_start = self.options.first().map(|window| window.start);
        ticket.scheduled_end = self.options.first().map(|window| window.end);
        let way: &[State] = if from == State::Triaged {
            &[State::ReadyToSchedule, State::ScheduleProposed]
        } else {
            &[State::ScheduleProposed]
        };
        Ok(Decision::about(stored).note("options", &self.options).note("previous_window", previous).step(way))
    }
}
