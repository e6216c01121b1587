//! `approval.decide`: somebody says yes or no to more money or other work (CONTRACT.md 7.7).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision, Record};
use crate::domain::intake;
use crate::domain::payload::{MAX_CENTS, not_blank_if_given, stored};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::state::State;
use crate::domain::ticket::Approval;
use crate::domain::tool::{Command, From, Group, Needs, Risk, ToolSpec};
use crate::domain::words::{ApprovalStatus, words};
use crate::text::money;

words! {
    /// Yes or no.
    pub enum Verdict {
        Approved = "APPROVED",
        Denied = "DENIED",
    }
}

/// Which approval, and the decision on it.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ApprovalDecide {
    pub approval_id: Uuid,
    pub decision: Verdict,
    #[schemars(length(min = 1, max = 10_000))]
    pub notes: Option<String>,
}

/// Where an approval leads, if it leads somewhere legal.
fn return_state(approval: &Approval) -> Result<State, Refusal> {
    let named = approval.evidence.return_state.as_deref();
    match named.and_then(State::parse) {
        Some(state @ (State::ReadyToSchedule | State::InProgress)) => Ok(state),
        _ => Err(Refusal::new(
            Code::InvalidApprovalTargetState,
            "This approval leads to no state that a decision may lead to (READY_TO_SCHEDULE or IN_PROGRESS). Tell whoever looks after the database: return_state in its row needs repair.",
        )
        .with("return_state", named)),
    }
}

impl ApprovalDecide {
    fn find<'a>(&self, case: &'a CaseFile) -> Result<&'a Approval, Refusal> {
        let approval = case.approvals.iter().find(|approval| approval.id == self.approval_id).ok_or_else(|| {
            Refusal::new(Code::ApprovalNotFound, format!("This ticket has no approval {}.", self.approval_id))
                .pointing("`dispatch ticket show` lists the open ones.")
                .with("approval_id", self.approval_id)
        })?;
        if approval.status != ApprovalStatus::Pending {
            return Err(Refusal::new(
                Code::ApprovalNotPending,
                format!("This approval is already {}. Only a pending one can be decided.", approval.status),
            )
            .pointing("`dispatch ticket show` lists those.")
            .with("approval_status", approval.status));
        }
        Ok(approval)
    }
}

impl Command for ApprovalDecide {
    const SPEC: ToolSpec = ToolSpec {
        name: "approval.decide",
        summary: "Approve or deny a pending approval.",
        method: "POST",
        route: "/tickets/{id}/approval/decide",
        roles: &[Role::Approver, Role::Dispatcher],
        from: From::States(&[State::ApprovalRequired]),
        to: None,
        status: 200,
        group: Group::Money,
        risk: Risk::Ordinary,
        key: "a",
    };

    fn needs(&self) -> Needs {
        Needs { approvals: true, ..Needs::default() }
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank_if_given("notes", self.notes.as_ref())
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let mut ticket = super::ticket_of(case)?.clone();
        let approval = self.find(case)?;
        let target = return_state(approval)?;
        let amount = approval.amount_delta_cents.unwrap_or(0);
        let limit = context.policy.approval.self_approval_limit_cents;
        if approval.requested_by == context.actor.id && amount > limit {
            return Err(Refusal::new(
                Code::Forbidden,
                format!(
                    "You asked for this approval yourself, and it is above {}. Somebody else must decide it.",
                    money(limit)
                ),
            )
            .with("actor_role", context.actor.role)
            .with("allowed_roles", Self::SPEC.roles));
        }
        let to = match (self.decision, target) {
            (Verdict::Approved, target) => {
                if target == State::ReadyToSchedule {
                    intake::may_be_scheduled(&ticket.ticket, false, context.policy)?;
                }
                target
            }
            (Verdict::Denied, State::ReadyToSchedule) => State::Triaged,
            (Verdict::Denied, _) => State::InProgress,
        };
        let before = ticket.ticket.nte_cents;
        if self.decision == Verdict::Approved && approval.approval_type == "NTE_INCREASE" {
            let raised = before.saturating_add(amount);
            if raised > MAX_CENTS {
                return Err(Refusal::field_rule(
                    "amount_delta_cents",
                    format!(
                        "The NTE would pass {}, the most a ticket can have. Deny this approval and ask for less.",
                        money(MAX_CENTS)
                    ),
                ));
            }
            ticket.ticket.nte_cents = raised;
        }
        let after = ticket.ticket.nte_cents;
        let decided = Approval {
            status: match self.decision {
                Verdict::Approved => ApprovalStatus::Approved,
                Verdict::Denied => ApprovalStatus::Denied,
            },
            decided_by: Some(context.actor.id.clone()),
            decided_at: Some(context.now),
            ..approval.clone()
        };
        Ok(Decision::about(ticket)
            .note("approval", json!({"id": approval.id, "decision": self.decision, "return_state": target, "amount_delta_cents": approval.amount_delta_cents}))
            .note("nte_cents", json!({"before": before, "after": after}))
            .note("notes", stored(self.notes.as_ref()))
            .record(Record::ApprovalDecided(decided))
            .step(&[to]))
    }
}
