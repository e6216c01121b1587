//! `ticket.create`: a job is asked for.

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::actor::Role;
use crate::domain::case::{CaseFile, Context, Decision, Step};
use crate::domain::payload::{Cents, not_blank, stored};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::state::State;
use crate::domain::ticket::{Inner, StoredTicket, Ticket};
use crate::domain::tool::{Command, From, Group, Needs, Risk, ToolSpec};
use crate::domain::words::Priority;

/// A new job at a site of an account.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TicketCreate {
    pub account_id: Uuid,
    pub site_id: Uuid,
    #[schemars(length(min = 1, max = 500))]
    pub summary: String,
    #[schemars(length(min = 1, max = 10_000))]
    pub description: Option<String>,
    pub asset_id: Option<Uuid>,
    pub nte_cents: Option<Cents>,
    #[schemars(length(min = 1, max = 500))]
    pub customer_name: Option<String>,
    #[schemars(length(min = 1, max = 500))]
    pub contact_phone: Option<String>,
    #[schemars(length(min = 1, max = 500), extend("format" = "email"))]
    pub contact_email: Option<String>,
}

impl Command for TicketCreate {
    const SPEC: ToolSpec = ToolSpec {
        name: "ticket.create",
        summary: "Open a ticket for a job at a site.",
        method: "POST",
        route: "/tickets",
        roles: &[Role::Dispatcher, Role::Agent],
        from: From::NewTicket,
        to: Some(State::New),
        status: 201,
        group: Group::Intake,
        risk: Risk::Ordinary,
        key: "n",
    };

    fn needs(&self) -> Needs {
        Needs { account: Some(self.account_id), site: Some(self.site_id), asset: self.asset_id, ..Needs::default() }
    }

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank("summary", &self.summary)
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        self.check_references(case)?;
        let ticket = StoredTicket {
            ticket: Ticket {
                id: context.ordered_id(3),
                number: context.number.map(str::to_owned),
                account_id: self.account_id,
                site_id: self.site_id,
                asset_id: self.asset_id,
                state: State::New,
                priority: Priority::Routine,
                incident_type: None,
                summary: self.summary.trim().to_owned(),
                description: stored(self.description.as_ref()),
                customer_name: stored(self.customer_name.as_ref()),
                customer_phone: stored(self.contact_phone.as_ref()),
                customer_email: stored(self.contact_email.as_ref()),
                nte_cents: self.nte_cents.map_or(0, |cents| cents.0),
                scheduled_start: None,
                scheduled_end: None,
                identity_signature: None,
                identity_confidence: 0,
                classification_confidence: 0,
                sop_handoff_required: false,
                sop_handoff_acknowledged: false,
                sop_handoff_prompt: None,
                assigned_provider_id: None,
                assigned_tech_id: None,
                requires_return_visit: false,
                version: 0,
                created_at: context.now,
                updated_at: context.now,
            },
            inner: Inner {
                confirmed_start: None,
                source: context.source.map(|(source, _)| source.to_owned()),
                source_id: context.source.map(|(_, id)| id.to_owned()),
                chain_seq: 0,
                chain_hash: None,
                last_event_at: None,
                last_transition_at: None,
                clock_stopped_at: None,
                changed_xid: None,
            },
        };
        let mut decision = Decision::about(ticket);
        decision.moves_version = false;
        decision.steps.push(Step { from: None, to: State::New });
        if let Some((source, source_id)) = context.source {
            decision = decision.note("source", source).note("source_id", source_id);
        }
        Ok(decision)
    }
}

impl TicketCreate {
    /// Refuses accounts, sites and assets that do not exist or do not belong together (7.14).
    fn check_references(&self, case: &CaseFile) -> Result<(), Refusal> {
        if case.account_id != Some(self.account_id) {
            return Err(Refusal::new(Code::AccountNotFound, format!("There is no account {}.", self.account_id))
                .pointing("`dispatch directory list accounts` shows those there are.")
                .with("account_id", self.account_id));
        }
        let Some(site) = &case.site else {
            return Err(Refusal::new(Code::SiteNotFound, format!("There is no site {}.", self.site_id))
                .pointing("`dispatch directory list sites` shows those there are.")
                .with("site_id", self.site_id));
        };
        if site.account_id != self.account_id {
            return Err(Refusal::new(
                Code::SiteAccountMismatch,
                format!(
                    "Site {} belongs to another account. Choose a site of account {}.",
                    self.site_id, self.account_id
                ),
            )
            .with("account_id", self.account_id)
            .with("site_id", self.site_id));
        }
        if let Some(asset) = self.asset_id
            && case.asset != Some((asset, self.site_id))
        {
            return Err(Refusal::new(Code::AssetNotFound, format!("There is no asset {asset} at this site."))
                .pointing("`dispatch directory list assets` shows those there are.")
                .with("asset_id", asset));
        }
        Ok(())
    }
}
