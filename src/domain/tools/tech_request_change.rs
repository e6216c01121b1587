//! `tech.request_change`: the job is larger than agreed (CONTRACT.md 7.7).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, json};

use crate::domain::actor::Role;
use crate::domain::case::{Answer, CaseFile, Context, Decision, Record};
use crate::domain::payload::{Cents, not_blank};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::ticket::{Approval, ApprovalContext};
use crate::domain::tool::{Command, From, Group, Risk, ToolSpec};
use crate::domain::words::{ApprovalStatus, words};

words! {
    /// What is asked for.
    pub enum ChangeType {
        NteIncrease = "NTE_INCREASE",
        Proposal = "PROPOSAL",
    }
}

/// What more is needed, and why.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TechRequestChange {
    pub approval_type: ChangeType,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
    pub amount_delta_cents: Option<Cents>,
    #[schemars(length(max = 200), inner(length(min = 1, max = 500)))]
    pub evidence_refs: Option<Vec<String>>,
}

impl Command for TechRequestChange {
    const SPEC: ToolSpec = ToolSpec {
        name: "tech.request_change",
        summary: "Ask for approval of more money or other work.",
        method: "POST",
        route: "/tickets/{id}/tech/request-change",
        roles: &[Role::Technician],
        from: From::States(&[State::InProgress]),
        to: Some(State::ApprovalRequired),
        status: 200,
        group: Group::Money,
        risk: Risk::Ordinary,
        key: "r",
    };

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank("reason", &self.reason)
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let stored = super::ticket_of(case)?.clone();
        let approval = Approval {
            id: context.ordered_id(2),
            ticket_id: stored.ticket.id,
            status: ApprovalStatus::Pending,
            requested_by: context.actor.id.clone(),
            requested_at: context.now,
            decided_by: None,
            decided_at: None,
            approval_type: self.approval_type.as_str().to_owned(),
            amount_delta_cents: self.amount_delta_cents.map(|cents| cents.0),
            reason: Some(self.reason.trim().to_owned()),
            evidence: ApprovalContext {
                source: Some("tech.request_change".to_owned()),
                return_state: Some(State::InProgress.as_str().to_owned()),
                evidence_refs: self.evidence_refs.clone().unwrap_or_default(),
            },
        };
        let mut decision = Decision::about(stored)
            .note("approval", json!({"id": approval.id, "return_state": State::InProgress}))
            .step(&[State::ApprovalRequired]);
        decision.answer = Answer::TicketWith(Map::from_iter([("approval".to_owned(), approval.snapshot())]));
        Ok(decision.record(Record::ApprovalOpened(approval)))
    }
}
