//! `closeout.add_evidence`: proof of work joins the case file (CONTRACT.md 7.8).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::actor::Role;
use crate::domain::canonical::to_value;
use crate::domain::case::{Answer, CaseFile, Context, Decision, Record};
use crate::domain::payload::{not_blank, not_blank_if_given, stored};
use crate::domain::refusal::Refusal;
use crate::domain::ticket::EvidenceItem;
use crate::domain::tool::{Command, From, Group, Risk, ToolSpec};

/// What was kept, where, and which requirement it meets.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct CloseoutAddEvidence {
    #[schemars(length(min = 1, max = 500))]
    pub kind: String,
    #[schemars(length(min = 1, max = 10_000))]
    pub uri: String,
    #[schemars(length(min = 1, max = 500))]
    pub checksum: Option<String>,
    /// Wins over `metadata.evidence_key`.
    #[schemars(length(min = 1, max = 500))]
    pub evidence_key: Option<String>,
    pub metadata: Option<Map<String, Value>>,
}

impl Command for CloseoutAddEvidence {
    const SPEC: ToolSpec = ToolSpec {
        name: "closeout.add_evidence",
        summary: "Add a photo, note or signature as proof of work.",
        method: "POST",
        route: "/tickets/{id}/evidence",
        roles: &[Role::Dispatcher, Role::Agent, Role::Technician],
        from: From::Any,
        to: None,
        status: 201,
        group: Group::Closeout,
        risk: Risk::Ordinary,
        key: "e",
    };

    fn field_rules(&self) -> Result<(), Refusal> {
        not_blank("kind", &self.kind)?;
        not_blank("uri", &self.uri)?;
        not_blank_if_given("checksum", self.checksum.as_ref())?;
        not_blank_if_given("evidence_key", self.evidence_key.as_ref())
    }

    fn decide(&self, case: &CaseFile, context: &Context<'_>) -> Result<Decision, Refusal> {
        let ticket = super::ticket_of(case)?.clone();
        let mut metadata = self.metadata.clone().unwrap_or_default();
        if let Some(key) = stored(self.evidence_key.as_ref()) {
            metadata.insert("evidence_key".to_owned(), key.into());
        }
        let item = EvidenceItem {
            id: context.ordered_id(2),
            ticket_id: ticket.ticket.id,
            kind: self.kind.trim().to_owned(),
            uri: self.uri.trim().to_owned(),
            checksum: stored(self.checksum.as_ref()),
            is_immutable: false,
            immutable_reason: None,
            immutable_by: None,
            immutable_request_id: None,
            immutable_at: None,
            metadata,
            created_by: context.actor.id.clone(),
            created_at: context.now,
        };
        let mut decision = Decision::about(ticket).note("evidence_id", item.id).note("evidence_key", item.key());
        decision.moves_version = false;
        decision.answer = Answer::Body(to_value(&item));
        Ok(decision.record(Record::Evidence(item)))
    }
}
