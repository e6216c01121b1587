//! `ticket.timeline`: what happened to a ticket, in order.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::actor::Role;
use crate::domain::tool::{From, Group, Read, Risk, ToolSpec};

/// Nothing needs asking beside the ticket.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct TicketTimeline {}

impl Read for TicketTimeline {
    const SPEC: ToolSpec = ToolSpec {
        name: "ticket.timeline",
        summary: "Show what happened to a ticket, by whom.",
        method: "GET",
        route: "/tickets/{id}/timeline",
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
        key: "l",
    };
}
