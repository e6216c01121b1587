//! `tech.complete`: the work is done and its proof is whole (CONTRACT.md 7.9 and 7.10).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision, Record};
use crate::domain::closeout::Claim;
use crate::domain::payload::{not_blank_if_given, stored};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::ticket::Completion;
use crate::domain::tool::{Command, From, Group, Needs, Risk, ToolSpec};

/// The checklist, and why there is no signature if there is none.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TechComplete {
    pub checklist_status: Map<String, Value>,
    #[schemars(length(min = 1, max = 500))]
    pub no_signature_reason: Option<String>,
    /// Ids or uris of the evidence meant; all of the ticket's where absent.
    #[schemars(length(max = 200), inner(length(min = 1, max = 10_000)))]
    pub evidence_refs: Option<Vec<String>>,
}

impl TechComplete {
    /// What this says about the completion.
    fn claim(&self) -> Claim<'_> {
        Claim {
            checklist: &self.checklist_status,
            no_signature_reason: self.no_signature_reason.as_deref(),
            evidence_refs: self.evidence_refs.as_deref().unwrap_or_default(),
        }
    }
}

impl Command for TechComplete {
    const SPEC: ToolSpec = ToolSpec {
        name: "tech.complete",
        summary: "Declare the work done, with its checklist.",
        method: "POST",
        route: "/tickets/{id}/tech/complete",
        roles: &[Role::Dispatcher, Role::Technician],
        from: From::States(&[State::InProgress]),
        to: Some(State::CompletedPendingVerification),
        status: 200,
        group: Group::Closeout,
        risk: Risk::Ordinary,
        key: "w",
    };

    fn needs(&self) -> Needs {
        Needs { evidence: true, exceptions: true, ..Needs::default() }
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank_if_given("no_signature_reason", self.no_signature_reason.as_ref())
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let ticket = super::ticket_of(case)?.clone();
        let report = case.gate(Some(self.claim()), context.policy, context.now).report().pass()?;
        let completion = Completion {
            id: context.ordered_id(2),
            ticket_id: ticket.ticket.id,
            audit_event_id: context.event_id(),
            checklist_status: self.checklist_status.clone(),
            no_signature_reason: stored(self.no_signature_reason.as_ref()),
            evidence_refs: self.evidence_refs.clone(),
            created_by: context.actor.id.clone(),
            created_at: context.now,
        };
        Ok(Decision::about(ticket)
            .note("closeout_gate", report)
            .record(Record::Completion(completion))
            .step(&[State::CompletedPendingVerification]))
    }
}
