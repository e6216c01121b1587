//! `closeout.list_evidence`: the proof of work that a ticket has.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::actor::Role;
use crate::domain::tool::{From, Group, Read, Risk, ToolSpec};

/// Nothing needs asking beside the ticket.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct CloseoutListEvidence {}

impl Read for CloseoutListEvidence {
    const SPEC: ToolSpec = ToolSpec {
        name: "closeout.list_evidence",
        summary: "List the evidence of a ticket.",
        method: "GET",
        route: "/tickets/{id}/evidence",
        roles: &[Role::Dispatcher, Role::Agent, Role::Technician, Role::Qa, Role::Approver, Role::Finance],
        from: From::Any,
        to: None,
        status: 200,
        group: Group::Closeout,
        risk: Risk::Ordinary,
        key: "E",
    };
}
