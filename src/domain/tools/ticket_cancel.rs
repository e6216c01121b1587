//! `ticket.cancel`: a job will not be done (CONTRACT.md 7.11).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision, Record};
use crate::domain::payload::{not_blank, not_blank_if_given, stored};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::ticket::Approval;
use crate::domain::tool::{Command, From, Group, Needs, Risk, ToolSpec};
use crate::domain::words::ApprovalStatus;

/// Why it will not be done.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TicketCancel {
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
    #[schemars(length(min = 1, max = 500))]
    pub cancellation_code: Option<String>,
}

impl Command for TicketCancel {
    const SPEC: ToolSpec = ToolSpec {
        name: "ticket.cancel",
        summary: "Cancel a job, with whatever was still to be decided or sent.",
        method: "POST",
        route: "/tickets/{id}/cancel",
        roles: &[Role::Dispatcher, Role::Approver, Role::Finance],
        from: From::States(State::OPEN),
        to: Some(State::Cancelled),
        status: 200,
        group: Group::Closeout,
        risk: Risk::Final,
        key: "X",
    };

    fn needs(&self) -> Needs {
        Needs { approvals: true, ..Needs::default() }
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank("reason", &self.reason)?;
        not_blank_if_given("cancellation_code", self.cancellation_code.as_ref())
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let mut ticket = super::ticket_of(case)?.clone();
        let tech_id = ticket.ticket.assigned_tech_id.take();
        let provider_id = ticket.ticket.assigned_provider_id.take();
        let open = case.approvals.iter().filter(|approval| approval.status == ApprovalStatus::Pending);
        let cancelled: Vec<Approval> = open
            .map(|approval| Approval {
                status: ApprovalStatus::Cancelled,
                decided_by: Some(context.actor.id.clone()),
                decided_at: Some(context.now),
                ..approval.clone()
            })
            .collect();
        let approval_ids: Vec<Uuid> = cancelled.iter().map(|approval| approval.id).collect();
        let mut decision = Decision::about(ticket)
            .note("reason", self.reason.trim())
            .note("cancellation_code", stored(self.cancellation_code.as_ref()))
            .note("unassigned", json!({"tech_id": tech_id, "provider_id": provider_id}))
            .note("cancelled_approvals", approval_ids)
            .record(Record::CancelMessages)
            .step(&[State::Cancelled]);
        decision.records.extend(cancelled.into_iter().map(Record::ApprovalDecided));
        Ok(decision)
    }
}
