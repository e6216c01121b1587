//! `assignment.dispatch`: a technician is sent (CONTRACT.md 7.5 and 10).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision};
use crate::domain::messages::Promise;
use crate::domain::payload::{not_blank, not_blank_if_given, stored};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::state::State;
use crate::domain::ticket::{StoredTicket, Technician};
use crate::domain::tool::{Command, From, Group, Needs, Risk, ToolSpec};
use crate::domain::words::{ApprovalStatus, words};

words! {
    /// How a technician is sent. Naming one lets a TRIAGED ticket skip the schedule.
    pub enum DispatchMode {
        Standard = "STANDARD",
        EmergencyBypass = "EMERGENCY_BYPASS",
    }
}

/// Who goes, and for an emergency why without a schedule.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct AssignmentDispatch {
    #[schemars(length(min = 1, max = 500))]
    pub tech_id: String,
    pub provider_id: Option<Uuid>,
    pub dispatch_mode: Option<DispatchMode>,
    #[schemars(length(min = 1, max = 500))]
    pub dispatch_rationale: Option<String>,
    pub dispatch_confirmation: Option<bool>,
    pub recommendation_snapshot_id: Option<Uuid>,
}

impl AssignmentDispatch {
    fn is_bypass(&self) -> bool {
        self.dispatch_mode == Some(DispatchMode::EmergencyBypass)
    }

    /// What an emergency bypass asks for, each in turn.
    fn check_bypass(&self, case: &CaseFile, stored: &StoredTicket) -> Result<(), Refusal> {
        let denied = |message: &str| {
            Refusal::new(Code::AssignmentBypassDenied, message).with("dispatch_mode", self.dispatch_mode)
        };
        let mut missing = Vec::new();
        if self.dispatch_rationale.is_none() {
            missing.push(json!({"field": "dispatch_rationale", "reason": "required for EMERGENCY_BYPASS"}));
        }
        if self.dispatch_confirmation.is_none() {
            missing.push(json!({"field": "dispatch_confirmation", "reason": "required for EMERGENCY_BYPASS"}));
        }
        if !missing.is_empty() {
            return Err(denied("An emergency bypass needs a dispatch_rationale and dispatch_confirmation true.")
                .with("required_confirmation", true)
                .with("missing_fields", missing));
        }
        if self.dispatch_confirmation != Some(true) {
            let reason = json!([{"field": "dispatch_confirmation", "reason": "must be true"}]);
            return Err(denied("An emergency bypass must be confirmed: dispatch_confirmation true.")
                .with("required_confirmation", true)
                .with("missing_fields", reason)
                .with("dispatch_rationale", &self.dispatch_rationale));
        }
        if stored.ticket.incident_type.as_deref().is_none_or(|kind| kind.trim().is_empty()) {
            return Err(denied("An emergency bypass needs an incident type. Triage the ticket first.")
                .with("incident_type", Value::Null));
        }
        let open = case.approvals.iter().filter(|approval| approval.status == ApprovalStatus::Pending).count();
        if open > 0 {
            return Err(denied("An approval is still pending on this ticket. Have it decided first.")
                .with("open_approvals", open));
        }
        Ok(())
    }

    fn refuse(&self, code: Code, message: String) -> Refusal {
        Refusal::new(code, message)
            .with("tech_id", &self.tech_id)
            .with("recommendation_snapshot_id", self.recommendation_snapshot_id)
    }

    /// The technician, if they exist, are active, and are the snapshot's first choice.
    fn technician<'a>(&self, case: &'a CaseFile) -> Result<&'a Technician, Refusal> {
        if self.recommendation_snapshot_id.is_some() && case.recommendation.is_none() {
            return Err(self.refuse(
                Code::AssignmentNotFound,
                "There is no such recommendation for this ticket. Leave recommendation_snapshot_id out, or ask for a new one.".to_owned(),
            ));
        }
        let Some(technician) = &case.technician else {
            return Err(self
                .refuse(Code::AssignmentNotFound, format!("There is no technician {}.", self.tech_id))
                .pointing("`dispatch directory list technicians` shows those there are."));
        };
        if !technician.active {
            return Err(self.refuse(
                Code::TechUnavailable,
                format!("{} is not active. Send somebody else, or set the technician active.", technician.name),
            ));
        }
        if let Some(first_choice) = &case.recommendation
            && first_choice.as_deref() != Some(&technician.id)
        {
            return Err(self
                .refuse(
                    Code::AssignmentRecommendationMismatch,
                    format!("{} is not the first choice of this recommendation. Send the first choice, or leave recommendation_snapshot_id out.", technician.name),
                )
                .with("recommended_tech_id", first_choice));
        }
        Ok(technician)
    }

    fn check_skill(&self, technician: &Technician, service_type: &str) -> Result<String, Refusal> {
        technician.matching_skill(service_type).ok_or_else(|| {
            self.refuse(
                Code::AssignmentCapabilityMismatch,
                format!(
                    "{} has no skill for {service_type}. Send somebody who has it, or add the skill.",
                    technician.name
                ),
            )
            .with("service_type", service_type)
        })
    }

    fn check_zone(&self, technician: &Technician, zone: Option<String>) -> Result<Option<String>, Refusal> {
        match zone {
            Some(zone) if !technician.covers(&zone) => Err(self
                .refuse(
                    Code::AssignmentZoneMismatch,
                    format!(
                        "{} does not work in region {zone}. Send somebody who does, or add the region.",
                        technician.name
                    ),
                )
                .with("ticket_region", zone)),
            zone => Ok(zone),
        }
    }

    fn promise<'a>(
        &'a self,
        from: State,
        stored: &'a StoredTicket,
        case: &'a CaseFile,
        technician: &'a Technician,
    ) -> Promise<'a> {
        let number = stored.ticket.number.as_deref().unwrap_or_default();
        let place = case.site.as_ref().map(|site| format!("{}, {}", site.name, site.city)).unwrap_or_default();
        Promise {
            ticket_id: stored.ticket.id,
            event_type: "assignment.dispatch.sms",
            identity: json!({
                "from_state": from,
                "to_state": State::Dispatched,
                "dispatch_mode": self.dispatch_mode,
                "tech_id": technician.id,
                "provider_id": self.provider_id,
                "requires_ready_to_schedule_stage": from == State::Triaged,
            }),
            to: technician.phone.as_deref().or(stored.ticket.customer_phone.as_deref()),
            body: format!("{number}: {} at {place}. Please confirm.", stored.ticket.summary),
            reason: "assignment.dispatch",
        }
    }
}

impl Command for AssignmentDispatch {
    const SPEC: ToolSpec = ToolSpec {
        name: "assignment.dispatch",
        summary: "Send a technician.",
        method: "POST",
        route: "/tickets/{id}/assignment/dispatch",
        roles: &[Role::Dispatcher],
        from: From::States(&[State::Triaged, State::Scheduled]),
        to: Some(State::Dispatched),
        status: 200,
        group: Group::Assign,
        risk: Risk::Ordinary,
        key: "d",
    };

    fn needs(&self) -> Needs {
        Needs {
            technician: Some(self.tech_id.trim().to_owned()),
            recommendation: self.recommendation_snapshot_id,
            approvals: self.is_bypass(),
            promises: true,
            ..Needs::default()
        }
    }

    fn state_rule(&self, stored: &StoredTicket) -> Result<(), Refusal> {
        let from = stored.ticket.state;
        if from == State::Triaged && self.dispatch_mode.is_none() {
            return Err(Refusal::new(
                Code::InvalidStateTransition,
                "This ticket is TRIAGED but not scheduled. Schedule it first, or name a dispatch_mode to send somebody without a schedule.",
            )
            .with("from_state", from)
            .with("allowed_from_states", [State::Scheduled])
            .with("to_state", State::Dispatched));
        }
        Ok(())
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank("tech_id", &self.tech_id)?;
        not_blank_if_given("dispatch_rationale", self.dispatch_rationale.as_ref())
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let mut ticket = super::ticket_of(case)?.clone();
        let from = ticket.ticket.state;
        if self.is_bypass() {
            self.check_bypass(case, &ticket)?;
        }
        let technician = self.technician(case)?;
        let service_type = ticket.service_type();
        let capability = self.check_skill(technician, &service_type)?;
        let zone = self.check_zone(technician, case.site.as_ref().and_then(crate::domain::ticket::Site::zone))?;
        let (message, promise_id) = self.promise(from, &ticket, case, technician).message(case, context);
        ticket.ticket.assigned_tech_id = Some(technician.id.clone());
        ticket.ticket.assigned_provider_id = self.provider_id;
        let mut decision = Decision::about(ticket)
            .note(
                "dispatch_validation",
                json!({
                    "tech_id": technician.id,
                    "selected_service_type": service_type,
                    "recommendation_snapshot_id": self.recommendation_snapshot_id,
                    "matched_capability": capability,
                    "matched_zone": zone,
                    "bypass_used": self.is_bypass(),
                    "bypass_mode": self.is_bypass().then_some(self.dispatch_mode),
                    "dispatch_confirmation": self.dispatch_confirmation,
                    "dispatch_rationale": stored(self.dispatch_rationale.as_ref()),
                    "derived_transitions": [{"from_state": from, "to_state": State::Dispatched}],
                }),
            )
            .note("state_transition_id", promise_id)
            .step(&[State::Dispatched]);
        decision.messages.push(message);
        Ok(decision)
    }
}
