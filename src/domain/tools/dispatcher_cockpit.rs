//! `dispatcher.cockpit`: the queue of promises, the worst on top (CONTRACT.md 9.2).

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::actor::Role;
use crate::domain::queue::Filter;
use crate::domain::tool::{From, Group, Read, Risk, ToolSpec};

/// Which part of the queue.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct DispatcherCockpit {
    #[serde(flatten)]
    pub filter: Filter,
    /// 1 to 1,000; 200 where absent.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Where the page before ended.
    #[schemars(length(min = 1, max = 10_000))]
    pub cursor: Option<String>,
    /// One ticket to show beside the queue; it filters nothing.
    pub ticket_id: Option<Uuid>,
}

impl Read for DispatcherCockpit {
    const SPEC: ToolSpec = ToolSpec {
        name: "dispatcher.cockpit",
        summary: "Show the queue in SLA order.",
        method: "GET",
        route: "/ux/dispatcher/cockpit",
        roles: &[Role::Dispatcher],
        from: From::NoTicket,
        to: None,
        status: 200,
        group: Group::Look,
        risk: Risk::Ordinary,
        key: "Q",
    };
}
