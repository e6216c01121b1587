//! `case.get`: what a case panel and its forms need (CONTRACT.md 9.5).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::actor::Role;
use crate::domain::tool::{From, Group, Read, Risk, ToolSpec};

/// Nothing needs asking beside the ticket.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct CaseGet {}

impl Read for CaseGet {
    const SPEC: ToolSpec = ToolSpec {
        name: "case.get",
        summary: "Show the whole case: ticket, approvals, closeout gate, what can be done.",
        method: "GET",
        route: "/tickets/{id}/case",
        roles: &[Role::Dispatcher, Role::Agent, Role::Technician, Role::Qa, Role::Approver, Role::Finance],
        from: From::Any,
        to: None,
        status: 200,
        group: Group::Look,
        risk: Risk::Ordinary,
        key: "o",
    };
}
