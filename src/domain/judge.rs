//! How a call is judged, in the order of CONTRACT.md 5: pure, total and deterministic. The shell
//! loads what is asked for here, asks, and stores what is decided.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::actor::{Actor, Role, Scope};
use super::audit::{Event, SYSTEM_CHAIN};
use super::canonical;
use super::case::{CaseFile, Context, Decision, Message, Record, Step};
use super::closeout::{Claim, Gate};
use super::directory::Kind;
use super::policy::Policy;
use super::redact::redact;
use super::refusal::{Code, Refusal};
use super::state::State;
use super::ticket::StoredTicket;
use super::time::Timestamp;
use super::tool::{From, Payload, ReadyCommand, Tool};

/// A command as it was asked for.
#[derive(Debug)]
pub struct Asked<'a> {
    pub tool: &'static Tool,
    pub ticket_id: Option<Uuid>,
    pub kind: Option<Kind>,
    pub body: &'a Value,
    /// The body as read, or why it cannot be; looked at only once authority and replay allow.
    pub payload: Result<Payload, Refusal>,
    pub scope: &'a Scope,
    pub if_version: Option<i64>,
}

/// Whether a role may call a tool at all (step 3).
pub fn authorise(tool: &Tool, actor: &Actor) -> Result<(), Refusal> {
    may_call(tool, actor.role)
}

/// Whether a role may call a tool.
pub fn may_call(tool: &Tool, role: Role) -> Result<(), Refusal> {
    if tool.spec.roles.contains(&role) {
        return Ok(());
    }
    let allowed: Vec<&str> = tool.spec.roles.iter().map(|role| role.as_str()).collect();
    Err(Refusal::new(
        Code::Forbidden,
        format!(
            "Role {role} may not call {}. Allowed: {}. Ask somebody in one of these roles.",
            tool.spec.name,
            allowed.join(", ")
        ),
    )
    .with("actor_role", role)
    .with("allowed_roles", tool.spec.roles))
}

/// Whether the ticket's state admits a tool (step 7).
pub fn admit(tool: &Tool, state: State) -> Result<(), Refusal> {
    if tool.spec.admits(state) {
        return Ok(());
    }
    let allowed: Vec<&str> = tool.spec.from_states().iter().map(|state| state.as_str()).collect();
    Err(Refusal::new(
        Code::InvalidStateTransition,
        format!("The ticket is {state}; {} is possible from {}.", tool.spec.name, allowed.join(", ")),
    )
    .pointing("`dispatch ticket show` says what is possible now.")
    .with("from_state", state)
    .with("allowed_from_states", tool.spec.from_states())
    .with("to_state", tool.spec.to))
}

/// Judges a command from its schema on (steps 6 to 9); identity, request id and replay come
/// before it.
pub fn judge(asked: &Asked<'_>, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
    let command = match &asked.payload {
        Ok(Payload::Command(command)) => command.as_ref(),
        Ok(Payload::Query(_)) => {
            return Err(Refusal::new(Code::NotFound, "This tool reads; it cannot be done or previewed."));
        }
        Err(refusal) => return Err(refusal.clone()),
    };
    find_and_admit(asked, command, case)?;
    command.field_rules()?;
    let decision = command.decide(case, context)?;
    Ok(settle(decision, case, context.now))
}

fn find_and_admit(asked: &Asked<'_>, command: &dyn ReadyCommand, case: &CaseFile) -> Result<(), Refusal> {
    match asked.tool.spec.from {
        From::NewTicket => {
            let needs = command.needs();
            if let (Some(account), Some(site)) = (needs.account, needs.site) {
                asked.scope.check(account, site)?;
            }
            Ok(())
        }
        From::NoTicket => asked.scope.check_everything(),
        From::Any | From::States(_) => {
            let id = asked.ticket_id.map(|id| id.to_string()).unwrap_or_default();
            let stored = case.ticket.as_ref().ok_or_else(|| Refusal::ticket_not_found(id))?;
            asked.scope.check(stored.ticket.account_id, stored.ticket.site_id)?;
            check_version(asked.if_version, stored)?;
            admit(asked.tool, stored.ticket.state)?;
            command.state_rule(stored)
        }
    }
}

fn check_version(expected: Option<i64>, stored: &StoredTicket) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != stored.ticket.version => Err(Refusal::new(
            Code::VersionConflict,
            format!(
                "The ticket moved on: you saw version {expected}, it is now {} ({}). Look at it again, then decide.",
                stored.ticket.version, stored.ticket.state
            ),
        )
        .with("expected_version", expected)
        .with("ticket", &stored.ticket)),
        _ => Ok(()),
    }
}

/// What follows from every decision: version, times and the SLA clock.
fn settle(mut decision: Decision, case: &CaseFile, now: Timestamp) -> Decision {
    let Some(stored) = &mut decision.ticket else { return decision };
    if decision.moves_version {
        stored.ticket.version += 1;
        stored.ticket.updated_at = now;
    }
    stored.inner.last_event_at = Some(now);
    if !decision.steps.is_empty() {
        stored.inner.last_transition_at = Some(now);
    }
    let before = case.ticket.as_ref().map(|stored| stored.ticket.state);
    if stored.ticket.state.stops_clock() && !before.is_some_and(State::stops_clock) {
        stored.inner.clock_stopped_at = Some(now);
    }
    decision
}

/// An accepted command, complete: everything that is to be stored together.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub ticket: Option<StoredTicket>,
    pub is_new_ticket: bool,
    pub event: Event,
    pub steps: Vec<Step>,
    pub records: Vec<Record>,
    pub messages: Vec<Message>,
    pub answer: StoredAnswer,
}

/// An answer, as a replay gives it back.
#[derive(Debug, Clone)]
pub struct StoredAnswer {
    pub actor_id: String,
    pub endpoint: String,
    pub request_id: Uuid,
    pub request_hash: String,
    pub status: u16,
    pub body: String,
}

/// The hash by which a repeated request is recognised: the body together with the concrete path
/// parameters (CONTRACT.md 5).
pub fn request_hash(ticket_id: Option<Uuid>, kind: Option<Kind>, body: &Value) -> String {
    canonical::hash(&json!({"body": body, "path": {"ticketId": ticket_id, "kind": kind}}))
}

/// Completes a decision: the audit event that links it into its chain, and the stored answer.
pub fn accept(
    asked: &Asked<'_>,
    case: &CaseFile,
    mut decision: Decision,
    request_id: Uuid,
    context: &Context<'_>,
) -> Accepted {
    let body = decision.reply().to_string();
    let mut event = Event {
        id: context.event_id(),
        ticket_id: decision.ticket.as_ref().map(|stored| stored.ticket.id),
        chain: Some(
            decision.ticket.as_ref().map_or_else(|| SYSTEM_CHAIN.to_owned(), |stored| stored.ticket.id.to_string()),
        ),
        seq: Some(context.seq),
        actor_type: context.actor.actor_type,
        actor_id: context.actor.id.clone(),
        actor_role: Some(context.actor.role.as_str().to_owned()),
        tool_name: asked.tool.spec.name.to_owned(),
        request_id: Some(request_id),
        correlation_id: context.correlation_id.map(str::to_owned),
        trace_id: context.trace_id.map(str::to_owned),
        before_state: case.ticket.as_ref().map(|stored| stored.ticket.state),
        after_state: decision.ticket.as_ref().map(|stored| stored.ticket.state),
        payload: audit_payload(asked, &decision, context),
        prev_hash: case.head.hash.clone(),
        hash: None,
        created_at: context.now,
    };
    event.hash = Some(event.digest());
    if let Some(stored) = &mut decision.ticket {
        stored.inner.chain_seq = context.seq;
        stored.inner.chain_hash.clone_from(&event.hash);
    }
    Accepted {
        is_new_ticket: case.ticket.is_none() && decision.ticket.is_some(),
        ticket: decision.ticket,
        event,
        steps: decision.steps,
        records: decision.records,
        messages: decision.messages,
        answer: StoredAnswer {
            actor_id: context.actor.id.clone(),
            endpoint: asked.tool.spec.endpoint(),
            request_id,
            request_hash: request_hash(asked.ticket_id, asked.kind, asked.body),
            status: asked.tool.spec.status,
            body,
        },
    }
}

/// What every event records (CONTRACT.md 9.4), with what is private replaced.
fn audit_payload(asked: &Asked<'_>, decision: &Decision, context: &Context<'_>) -> Value {
    let mut payload = Map::new();
    payload.insert("endpoint".into(), asked.tool.spec.endpoint().into());
    payload.insert("requested_at".into(), context.now.to_string().into());
    payload.insert("request".into(), asked.body.clone());
    payload.insert("policy".into(), json!({"version": context.policy.version, "hash": context.policy_hash}));
    if let Some(login) = &context.actor.system_login {
        payload.insert("system_login".into(), login.clone().into());
    }
    payload.extend(decision.audit.clone());
    let mut payload = Value::Object(payload);
    redact(&mut payload);
    payload
}

impl CaseFile {
    /// The closeout gate over this case, judged by a claim.
    pub fn gate<'a>(&'a self, claim: Option<Claim<'a>>, policy: &'a Policy, now: Timestamp) -> Gate<'a> {
        Gate {
            policy,
            now,
            incident_type: self.ticket.as_ref().and_then(|stored| stored.ticket.incident_type.as_deref()),
            evidence: &self.evidence,
            exceptions: &self.exceptions,
            claim,
            probes: self.probes.as_ref(),
        }
    }

    /// The case as it stands once a call on it was accepted. Bulk loading goes on from here
    /// without asking the database again.
    pub fn apply(&mut self, accepted: &Accepted) {
        if accepted.ticket.is_some() {
            self.ticket.clone_from(&accepted.ticket);
        }
        self.head = accepted.event.head();
        if let Some(promise) = accepted.event.payload.get("state_transition_id").and_then(Value::as_str) {
            self.promises.push(promise.to_owned());
        }
        for record in &accepted.records {
            match record {
                Record::Evidence(item) => self.evidence.push(item.clone()),
                Record::ApprovalOpened(approval) => self.approvals.push(approval.clone()),
                Record::ApprovalDecided(decided) => {
                    for approval in self.approvals.iter_mut().filter(|approval| approval.id == decided.id) {
                        approval.clone_from(decided);
                    }
                }
                Record::Completion(completion) => self.completion = Some(completion.clone()),
                Record::FreezeEvidence { reason } => {
                    for item in self.evidence.iter_mut().filter(|item| !item.is_immutable) {
                        item.is_immutable = true;
                        item.immutable_reason = Some((*reason).to_owned());
                        item.immutable_by = Some(accepted.event.actor_id.clone());
                        item.immutable_request_id = accepted.event.request_id;
                        item.immutable_at = Some(accepted.event.created_at);
                    }
                }
                Record::QaResult(result) => self.verification = Some(result.clone()),
                Record::Artifact(_) | Record::CancelMessages | Record::Master(_) => {}
            }
        }
    }
}
