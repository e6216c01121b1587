//! What reads answer: pure views of a case file (CONTRACT.md 9).

use serde_json::{Value, json};

use super::actor::{Actor, Role};
use super::audit::Event;
use super::canonical::to_value;
use super::case::CaseFile;
use super::closeout::Claim;
use super::policy::Policy;
use super::queue;
use super::registry;
use super::state::State;
use super::ticket::{EvidenceItem, Ticket};
use super::time::Timestamp;
use super::words::ApprovalStatus;

/// The ticket snapshot. A customer sees no NTE.
pub fn ticket(ticket: &Ticket, role: Role) -> Value {
    let mut snapshot = to_value(ticket);
    if role == Role::Customer {
        snapshot["nte_cents"] = Value::Null;
    }
    snapshot
}

/// The timeline. A customer sees neither who acted nor what was sent.
pub fn timeline(ticket_id: uuid::Uuid, events: &[Event], role: Role) -> Value {
    let events: Vec<Value> = events
        .iter()
        .map(|event| {
            let mut entry = json!({
                "id": event.id,
                "ticket_id": event.ticket_id,
                "seq": event.seq,
                "actor_type": event.actor_type,
                "actor_id": event.actor_id,
                "actor_role": event.actor_role,
                "tool_name": event.tool_name,
                "request_id": event.request_id,
                "correlation_id": event.correlation_id,
                "trace_id": event.trace_id,
                "before_state": event.before_state,
                "after_state": event.after_state,
                "payload": event.payload,
                "created_at": event.created_at,
                "prev_hash": event.prev_hash,
                "hash": event.hash,
            });
            if role == Role::Customer {
                entry["actor_id"] = Value::Null;
                entry["payload"] = Value::Null;
            }
            entry
        })
        .collect();
    json!({"ticket_id": ticket_id, "events": events})
}

/// The evidence of a ticket.
pub fn evidence(ticket_id: uuid::Uuid, items: &[EvidenceItem]) -> Value {
    json!({"ticket_id": ticket_id, "evidence": items})
}

/// What hangs on a ticket beside what decisions need.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The newest QA result.
    pub last_qa_result: Option<String>,
    /// The names and the address around the ticket, for people to read.
    pub place: Value,
}

/// The whole case (9.5).
pub fn case(case: &CaseFile, around: &Surroundings, actor: &Actor, policy: &Policy, now: Timestamp) -> Value {
    let Some(stored) = &case.ticket else { return Value::Null };
    let ticket = &stored.ticket;
    let claim = case.completion.as_ref().map(Claim::from);
    let open: Vec<Value> = case
        .approvals
        .iter()
        .filter(|approval| approval.status == ApprovalStatus::Pending)
        .map(super::ticket::Approval::snapshot)
        .collect();
    let actions: Vec<Value> = registry::tools()
        .iter()
        .filter(|tool| tool.spec.takes_ticket())
        .map(|tool| queue::action(&tool.spec.name.replace('.', "_"), tool, ticket.id, ticket.state, actor.role))
        .collect();
    json!({
        "generated_at": now,
        "ticket": ticket,
        "site": case.site,
        "place": around.place,
        "open_approvals": open,
        "exceptions": case.exceptions,
        "evidence": case.evidence,
        "completion": case.completion,
        "closeout_gate": case.gate(claim, policy, now).report(),
        "required_evidence": case.gate(claim, policy, now).required_keys(),
        "checkpoints": checkpoints(case, around, policy, now),
        "actions": actions,
    })
}

/// The six sub-states of the operating model (section 2), derived, never stored.
fn checkpoints(case: &CaseFile, around: &Surroundings, policy: &Policy, now: Timestamp) -> Value {
    let Some(stored) = &case.ticket else { return Value::Null };
    let state = stored.ticket.state;
    let intake = match state {
        State::New => "new",
        State::NeedsInfo => "needs_info",
        _ => "triaged",
    };
    let newest = case.approvals.iter().max_by_key(|approval| approval.requested_at);
    let entitlement = match newest.map(|approval| approval.status) {
        Some(ApprovalStatus::Pending) => "approval_required",
        Some(ApprovalStatus::Approved) => "approved",
        Some(ApprovalStatus::Denied) => "denied",
        Some(ApprovalStatus::Cancelled) | None => "unknown",
    };
    let scheduling = match state {
        State::ReadyToSchedule => Some("ready_to_schedule"),
        State::ScheduleProposed | State::PendingCustomerConfirmation => Some("proposed"),
        State::Scheduled => Some("scheduled"),
        State::New | State::NeedsInfo | State::Triaged | State::ApprovalRequired => None,
        _ => Some("dispatched"),
    };
    let execution = match state {
        _ if stored.ticket.requires_return_visit => Some("return_visit_required"),
        State::OnSite | State::InProgress => Some("onsite"),
        State::OnHold => Some("on_hold"),
        State::CompletedPendingVerification | State::Verified | State::Invoiced | State::Closed => {
            Some("completed_pending_verification")
        }
        _ => None,
    };
    let verification = match (state, around.last_qa_result.as_deref()) {
        (State::Verified | State::Invoiced | State::Closed, _) => Some("verified"),
        (State::CompletedPendingVerification, _) => Some("pending"),
        (_, Some("FAIL")) => Some("rejected"),
        _ => None,
    };
    let claim = case.completion.as_ref().map(Claim::from);
    let billing = match state {
        State::Invoiced => "invoiced",
        State::Verified if case.gate(claim, policy, now).report().is_ready() => "draft_ready",
        _ => "not_ready",
    };
    json!({
        "intake": intake,
        "entitlement": entitlement,
        "scheduling": scheduling,
        "execution": execution,
        "verification": verification,
        "billing": billing,
    })
}
