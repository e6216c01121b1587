//! `directory.search`: master data, looked up (CONTRACT.md 3).

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::actor::Role;
use crate::domain::tool::{From, Group, Read, Risk, ToolSpec};

/// What to look for; everything where nothing is asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct DirectorySearch {
    /// Words of the name, the address or the number.
    #[schemars(length(min = 1, max = 500))]
    pub q: Option<String>,
    /// Exactly this record.
    #[schemars(length(min = 1, max = 500))]
    pub id: Option<String>,
    pub account_id: Option<Uuid>,
    pub site_id: Option<Uuid>,
    /// 1 to 1,000; 200 where absent.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Where the page before ended.
    #[schemars(length(min = 1, max = 10_000))]
    pub cursor: Option<String>,
}

impl Read for DirectorySearch {
    const SPEC: ToolSpec = ToolSpec {
        name: "directory.search",
        summary: "Look up accounts, sites, contacts, assets or technicians.",
        method: "GET",
        route: "/directory/{kind}",
        roles: &[Role::Dispatcher, Role::Agent, Role::Technician, Role::Qa, Role::Approver, Role::Finance],
        from: From::NoTicket,
        to: None,
        status: 200,
        group: Group::Directory,
        risk: Risk::Ordinary,
        key: "S",
    };
}
