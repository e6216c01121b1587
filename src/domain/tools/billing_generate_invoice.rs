//! `billing.generate_invoice`: a verified job becomes billable (CONTRACT.md 7.10).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::domain::tool::{Command, From, Group, Risk, ToolSpec};

/// Nothing needs saying.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct BillingGenerateInvoice {}

impl Command for BillingGenerateInvoice {
    const SPEC: ToolSpec = ToolSpec {
        name: "billing.generate_invoice",
        summary: "Mark a verified job as invoiced.",
        method: "POST",
        route: "/tickets/{id}/billing/generate-invoice",
        roles: &[Role::Finance],
        from: From::States(&[State::Verified]),
        to: Some(State::Invoiced),
        status: 200,
        group: Group::Money,
        risk: Risk::Ordinary,
        key: "b",
    };

    fn decide(&self, case: &CaseFile, _: &Context<'_>) -> Result<Decision, Refusal> {
        Ok(Decision::about(super::ticket_of(case)?.clone()).step(&[State::Invoiced]))
    }
}
