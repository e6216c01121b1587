//! `ticket.close`: a job is over, and its proof is sealed (CONTRACT.md 7.10).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Map;

use crate::domain::actor::Role;
use crate::domain::case::{Answer, CaseFile, Context, Decision, Record};
use crate::domain::packet::{self, CLOSEOUT_PACKET, Closing};
use crate::domain::payload::{not_blank_if_given, stored};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::tool::{Command, From, Group, Needs, Risk, ToolSpec};

/// Why it is closed, where that needs saying.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TicketClose {
    #[schemars(length(min = 1, max = 500))]
    pub reason: Option<String>,
    #[schemars(length(min = 1, max = 500))]
    pub closeout_override_code: Option<String>,
}

impl Command for TicketClose {
    const SPEC: ToolSpec = ToolSpec {
        name: "ticket.close",
        summary: "Close a verified or invoiced job and seal its closeout packet.",
        method: "POST",
        route: "/tickets/{id}/close",
        roles: &[Role::Dispatcher, Role::Finance, Role::Approver],
        from: From::States(&[State::Verified, State::Invoiced]),
        to: Some(State::Closed),
        status: 200,
        group: Group::Closeout,
        risk: Risk::Final,
        key: "x",
    };

    fn needs(&self) -> Needs {
        Needs { evidence: true, exceptions: true, completion: true, verification: true, ..Needs::default() }
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank_if_given("reason", self.reason.as_ref())?;
        not_blank_if_given("closeout_override_code", self.closeout_override_code.as_ref())
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let ticket = super::ticket_of(case)?.clone();
        let (ticket_id, from_state) = (ticket.ticket.id, ticket.ticket.state);
        let (reason, override_code) = (stored(self.reason.as_ref()), stored(self.closeout_override_code.as_ref()));
        let closing = Closing {
            event_id: context.event_id(),
            seq: context.seq,
            prev_hash: case.head.hash.as_deref(),
            at: context.now,
            by: &context.actor.id,
            role: context.actor.role.as_str(),
            from_state,
            reason: reason.as_deref(),
            override_code: override_code.as_deref(),
            policy_hash: context.policy_hash,
        };
        let payload = packet::payload(case, context.policy, &closing)?;
        let artifact = packet::artifact(ticket_id, context.ordered_id(2), &payload, &closing, context.request_id);
        let mut decision = Decision::about(ticket)
            .note("closeout_gate", &payload["closeout_gate"])
            .note(CLOSEOUT_PACKET, artifact.snapshot())
            .note("reason", &reason)
            .note("closeout_override_code", &override_code)
            .record(Record::FreezeEvidence { reason: "closeout_verification" })
            .step(&[State::Closed]);
        decision.answer = Answer::TicketWith(Map::from_iter([(CLOSEOUT_PACKET.to_owned(), artifact.snapshot())]));
        Ok(decision.record(Record::Artifact(artifact)))
    }
}
