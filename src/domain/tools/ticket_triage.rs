//! `ticket.triage`: how urgent a job is, of what kind, and where it goes next (CONTRACT.md 7.1).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision, Record};
use crate::domain::intake;
use crate::domain::payload::{Cents, not_blank, not_blank_if_given, stored};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::state::State;
use crate::domain::ticket::{Approval, ApprovalContext, StoredTicket};
use crate::domain::tool::{Command, From, Group, Risk, ToolSpec};
use crate::domain::words::{ApprovalStatus, Priority, words};

words! {
    /// Where triage may lead.
    pub enum Outcome {
        Triaged = "TRIAGED",
        ReadyToSchedule = "READY_TO_SCHEDULE",
        ApprovalRequired = "APPROVAL_REQUIRED",
        NeedsInfo = "NEEDS_INFO",
    }
}

/// Priority, kind of incident, and the way on.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TicketTriage {
    pub priority: Priority,
    #[schemars(length(min = 1, max = 500))]
    pub incident_type: String,
    /// Absent keeps the ticket's.
    pub nte_cents: Option<Cents>,
    pub workflow_outcome: Option<Outcome>,
    pub ready_to_schedule: Option<bool>,
    pub requires_approval: Option<bool>,
    #[schemars(length(min = 1, max = 500))]
    pub approval_reason: Option<String>,
    pub approval_amount_delta_cents: Option<Cents>,
    pub sop_handoff_acknowledged: Option<bool>,
    #[schemars(length(min = 1, max = 10_000))]
    pub info_needed: Option<String>,
}

impl TicketTriage {
    fn outcome(&self) -> Outcome {
        match self.workflow_outcome {
            Some(outcome) => outcome,
            None if self.requires_approval == Some(true) => Outcome::ApprovalRequired,
            None if self.ready_to_schedule == Some(true) => Outcome::ReadyToSchedule,
            None => Outcome::Triaged,
        }
    }

    /// The states passed through, from where the ticket is.
    fn way(&self, from: State) -> Vec<State> {
        let last = match self.outcome() {
            Outcome::Triaged => State::Triaged,
            Outcome::ReadyToSchedule => State::ReadyToSchedule,
            Outcome::ApprovalRequired => State::ApprovalRequired,
            Outcome::NeedsInfo => State::NeedsInfo,
        };
        match (from, last) {
            (State::Triaged, State::Triaged) => vec![],
            (State::Triaged, _) | (_, State::Triaged | State::NeedsInfo) => vec![last],
            _ => vec![State::Triaged, last],
        }
    }

    fn approval(&self, stored_ticket: &StoredTicket, context: &Context<'_>) -> Approval {
        Approval {
            id: context.ordered_id(2),
            ticket_id: stored_ticket.ticket.id,
            status: ApprovalStatus::Pending,
            requested_by: context.actor.id.clone(),
            requested_at: context.now,
            decided_by: None,
            decided_at: None,
            approval_type: "NTE_INCREASE".to_owned(),
            amount_delta_cents: self.approval_amount_delta_cents.map(|cents| cents.0),
            reason: Some(
                stored(self.approval_reason.as_ref()).unwrap_or_else(|| "TRIAGE_REQUIRES_APPROVAL".to_owned()),
            ),
            evidence: ApprovalContext {
                source: Some("ticket.triage".to_owned()),
                return_state: Some(State::ReadyToSchedule.as_str().to_owned()),
                evidence_refs: Vec::new(),
            },
        }
    }
}

impl Command for TicketTriage {
    const SPEC: ToolSpec = ToolSpec {
        name: "ticket.triage",
        summary: "Set priority and incident type, and say where the ticket goes next.",
        method: "POST",
        route: "/tickets/{id}/triage",
        roles: &[Role::Dispatcher, Role::Agent],
        from: From::States(&[State::New, State::NeedsInfo, State::Triaged]),
        to: Some(State::Triaged),
        status: 200,
        group: Group::Intake,
        risk: Risk::Ordinary,
        key: "t",
    };

    fn state_rule(&self, stored_ticket: &StoredTicket) -> Result<(), Refusal> {
        let from = stored_ticket.ticket.state;
        if self.outcome() == Outcome::NeedsInfo && from != State::New {
            return Err(Refusal::new(
                Code::InvalidStateTransition,
                format!("Only a NEW ticket can be sent back for information; this one is {from}. Triage it to another outcome."),
            )
            .with("from_state", from)
            .with("allowed_from_states", [State::New])
            .with("to_state", State::NeedsInfo));
        }
        Ok(())
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank("incident_type", &self.incident_type)?;
        not_blank_if_given("approval_reason", self.approval_reason.as_ref())?;
        not_blank_if_given("info_needed", self.info_needed.as_ref())
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let mut stored_ticket = super::ticket_of(case)?.clone();
        let outcome = self.outcome();
        if outcome == Outcome::ReadyToSchedule {
            let acknowledged = self.sop_handoff_acknowledged == Some(true);
            intake::may_be_scheduled(&stored_ticket.ticket, acknowledged, context.policy)?;
            stored_ticket.ticket.sop_handoff_acknowledged = true;
            stored_ticket.ticket.sop_handoff_required = false;
        }
        let ticket = &mut stored_ticket.ticket;
        ticket.priority = self.priority;
        ticket.incident_type = Some(self.incident_type.trim().to_owned());
        if let Some(cents) = self.nte_cents {
            ticket.nte_cents = cents.0;
        }
        let way = self.way(ticket.state);
        let approval = self.approval(&stored_ticket, context);
        let mut decision = Decision::about(stored_ticket).note("workflow_outcome", outcome).step(&way);
        if outcome == Outcome::ApprovalRequired {
            decision = decision
                .note("approval", json!({"id": approval.id, "return_state": State::ReadyToSchedule}))
                .record(Record::ApprovalOpened(approval));
        }
        Ok(decision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triage(extra: &serde_json::Value) -> TicketTriage {
        let mut body = json!({"priority": "URGENT", "incident_type": "X"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn the_outcome_is_the_named_one_then_approval_then_ready_then_triaged() {
        let all = json!({"workflow_outcome": "TRIAGED", "requires_approval": true, "ready_to_schedule": true});
        assert_eq!(triage(&all).outcome(), Outcome::Triaged);
        assert_eq!(
            triage(&json!({"requires_approval": true, "ready_to_schedule": true})).outcome(),
            Outcome::ApprovalRequired
        );
        assert_eq!(triage(&json!({"ready_to_schedule": true})).outcome(), Outcome::ReadyToSchedule);
        assert_eq!(triage(&json!({"ready_to_schedule": false})).outcome(), Outcome::Triaged);
    }

    #[test]
    fn the_way_has_as_many_steps_as_the_contract_writes() {
        let way = |from, outcome: &str| triage(&json!({"workflow_outcome": outcome})).way(from).len();
        assert_eq!(way(State::New, "READY_TO_SCHEDULE"), 2);
        assert_eq!(way(State::NeedsInfo, "APPROVAL_REQUIRED"), 2);
        assert_eq!(way(State::Triaged, "APPROVAL_REQUIRED"), 1);
        assert_eq!(way(State::New, "NEEDS_INFO"), 1);
        assert_eq!(way(State::NeedsInfo, "TRIAGED"), 1);
        assert_eq!(way(State::Triaged, "TRIAGED"), 0);
    }
}
