//! `tech.check_in`: the technician is there and starts (CONTRACT.md 7.7).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::tool::{Command, From, Group, Risk, ToolSpec};

/// When, and where by the technician's device.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TechCheckIn {
    pub timestamp: Timestamp,
    pub location: Option<Map<String, Value>>,
}

impl Command for TechCheckIn {
    const SPEC: ToolSpec = ToolSpec {
        name: "tech.check_in",
        summary: "Record that the technician has arrived and started.",
        method: "POST",
        route: "/tickets/{id}/tech/check-in",
        roles: &[Role::Technician, Role::Dispatcher],
        from: From::States(&[State::Dispatched]),
        to: Some(State::InProgress),
        status: 200,
        group: Group::Field,
        risk: Risk::Ordinary,
        key: "i",
    };

    fn decide(&self, case: &CaseFile, _: &Context<'_>) -> Result<Decision, Refusal> {
        Ok(Decision::about(super::ticket_of(case)?.clone())
            .note("timestamp", self.timestamp)
            .note("location", &self.location)
            .step(&[State::OnSite, State::InProgress]))
    }
}
