//! `ticket.get`: the ticket as it stands.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::actor::Role;
use crate::domain::tool::{From, Group, Read, Risk, ToolSpec};

/// Nothing needs asking beside the ticket.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct TicketGet {}

impl Read for TicketGet {
    const SPEC: ToolSpec = ToolSpec {
        name: "ticket.get",
        summary: "Show a ticket.",
        method: "GET",
        route: "/tickets/{id}",
        roles: &[
            Role::Dispatcher,
            Role::Agent,
            Role::Customer,
            Role::Technician,
            Role::Qa,
            Role::Approver,
            Role::Finance,
        ],
        from: From::Any,
        to: None,
        status: 200,
        group: Group::Look,
        risk: Risk::Ordinary,
        key: "g",
    };
}
