//! `qa.verify`: somebody checks a completion before it is billed (CONTRACT.md 7.10).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision, Record};
use crate::domain::closeout::Claim;
use crate::domain::payload::{not_blank_if_given, stored};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::ticket::QaResult;
use crate::domain::time::Timestamp;
use crate::domain::tool::{Command, From, Group, Needs, Risk, ToolSpec};
use crate::domain::words::words;

words! {
    /// What the check found.
    pub enum Finding {
        Pass = "PASS",
        Fail = "FAIL",
    }
}

/// When it was checked and what was found.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct QaVerify {
    pub timestamp: Timestamp,
    pub result: Finding,
    /// Needed for FAIL: what must be done again.
    #[schemars(length(min = 1, max = 10_000))]
    pub notes: Option<String>,
}

impl Command for QaVerify {
    const SPEC: ToolSpec = ToolSpec {
        name: "qa.verify",
        summary: "Pass a completed job, or send it back.",
        method: "POST",
        route: "/tickets/{id}/qa/verify",
        roles: &[Role::Qa, Role::Dispatcher],
        from: From::States(&[State::CompletedPendingVerification]),
        to: Some(State::Verified),
        status: 200,
        group: Group::Closeout,
        risk: Risk::Ordinary,
        key: "v",
    };

    fn needs(&self) -> Needs {
        Needs { evidence: true, exceptions: true, completion: true, ..Needs::default() }
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank_if_given("notes", self.notes.as_ref())?;
        if self.result == Finding::Fail && self.notes.is_none() {
            return Err(Refusal::field_rule("notes", "A FAIL needs notes: say what must be done again."));
        }
        Ok(())
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let ticket = super::ticket_of(case)?.clone();
        let result = Record::QaResult(QaResult {
            id: context.ordered_id(2),
            ticket_id: ticket.ticket.id,
            audit_event_id: context.event_id(),
            result: self.result.as_str().to_owned(),
            notes: stored(self.notes.as_ref()),
            verified_at: self.timestamp,
            created_by: context.actor.id.clone(),
            created_at: context.now,
        });
        let decision = Decision::about(ticket).note("result", self.result).record(result);
        if self.result == Finding::Fail {
            return Ok(decision.step(&[State::InProgress]));
        }
        let claim = case.completion.as_ref().map(Claim::from);
        let report = case.gate(claim, context.policy, context.now).report().pass()?;
        Ok(decision
            .note("closeout_gate", report)
            .record(Record::FreezeEvidence { reason: "closeout_verification" })
            .step(&[State::Verified]))
    }
}
