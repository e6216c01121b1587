//! The closeout packet: what a closed job leaves behind for whoever asks later (CONTRACT.md 7.10).
//!
//! It is a function of the rows up to the closing event, with the template embedded and no time of
//! generation: made again from the same rows under the same policy it is the same, byte for byte. It
//! names nobody's phone or mail, and seals the trail before it by the hash of its last link.

use serde_json::{Value, json};
use uuid::Uuid;

use super::canonical::{canonical, sha256_hex};
use super::case::CaseFile;
use super::closeout::{Claim, Report};
use super::policy::Policy;
use super::refusal::Refusal;
use super::state::State;
use super::ticket::{Artifact, EvidenceItem};
use super::time::Timestamp;

/// The type of the artifact, and the word in a reply under which it stands.
pub const CLOSEOUT_PACKET: &str = "closeout_packet";

/// The event that closes a ticket.
#[derive(Debug, Clone, Copy)]
pub struct Closing<'a> {
    pub event_id: Uuid,
    /// Its place in the ticket's chain, and the hash of the link before it.
    pub seq: i64,
    pub prev_hash: Option<&'a str>,
    pub at: Timestamp,
    pub by: &'a str,
    pub role: &'a str,
    pub from_state: State,
    pub reason: Option<&'a str>,
    pub override_code: Option<&'a str>,
    pub policy_hash: &'a str,
}

impl Closing<'_> {
    /// Whether an item was there when the ticket was closed.
    fn saw(&self, item: &EvidenceItem) -> bool {
        (item.created_at, item.id) < (self.at, self.event_id)
    }
}

/// Judges the case once more by its newest completion, whose `evidence_refs` play no part.
fn gate(case: &CaseFile, policy: &Policy, now: Timestamp) -> Result<Report, Refusal> {
    let claim = case.completion.as_ref().map(|completion| Claim { evidence_refs: &[], ..Claim::from(completion) });
    case.gate(claim, policy, now).report().pass()
}

/// The packet of a case: as it is about to be closed, or long after.
pub fn payload(case: &CaseFile, policy: &Policy, closing: &Closing<'_>) -> Result<Value, Refusal> {
    let stored = case.ticket.as_ref().ok_or_else(|| Refusal::ticket_not_found("of this packet"))?;
    let ticket = &stored.ticket;
    let then = CaseFile {
        evidence: case.evidence.iter().filter(|item| closing.saw(item)).cloned().collect(),
        exceptions: case.exceptions.iter().filter(|exception| exception.created_at <= closing.at).cloned().collect(),
        ticket: Some(stored.clone()),
        completion: case.completion.clone(),
        probes: case.probes.clone(),
        ..CaseFile::default()
    };
    let report = gate(&then, policy, closing.at)?;
    let template = report.incident_type.as_deref().and_then(|kind| policy.template(kind)).map(|template| {
        json!({
            "incident_type": template.incident_type,
            "version": template.version,
            "evidence_keys": policy.required_evidence(template),
            "checklist_keys": policy.closeout.checklist_keys,
        })
    });
    let evidence: Vec<Value> = then
        .evidence
        .iter()
        .map(|item| {
            json!({
                "id": item.id, "kind": item.kind, "evidence_key": item.key(), "uri": item.uri, "checksum": item.checksum,
                "metadata": item.metadata, "created_by": item.created_by, "created_at": item.created_at,
            })
        })
        .collect();
    Ok(json!({
        "artifact_type": CLOSEOUT_PACKET,
        "ticket": {
            "id": ticket.id, "number": ticket.number, "account_id": ticket.account_id, "site_id": ticket.site_id,
            "asset_id": ticket.asset_id, "priority": ticket.priority, "incident_type": ticket.incident_type,
            "summary": ticket.summary, "description": ticket.description, "nte_cents": ticket.nte_cents,
            "scheduled_start": ticket.scheduled_start, "scheduled_end": ticket.scheduled_end,
            "assigned_provider_id": ticket.assigned_provider_id, "assigned_tech_id": ticket.assigned_tech_id,
            "created_at": ticket.created_at,
        },
        "template": template,
        "closeout_gate": report,
        "completion": case.completion,
        "verification": case.verification,
        "evidence": evidence,
        "exceptions": then.exceptions,
        "closing": {
            "event_id": closing.event_id, "seq": closing.seq, "prev_hash": closing.prev_hash, "at": closing.at,
            "by": closing.by, "role": closing.role, "from_state": closing.from_state, "reason": closing.reason,
            "closeout_override_code": closing.override_code,
            "policy": {"version": policy.version, "hash": closing.policy_hash},
        },
    }))
}

/// The packet as it is kept: its canonical JSON and the SHA-256 of that.
pub fn artifact(
    ticket_id: Uuid,
    id: Uuid,
    payload: &Value,
    closing: &Closing<'_>,
    request_id: Option<Uuid>,
) -> Artifact {
    let payload = canonical(payload);
    Artifact {
        id,
        ticket_id,
        artifact_type: CLOSEOUT_PACKET.to_owned(),
        artifact_name: format!("closeout-{ticket_id}.json"),
        artifact_hash: sha256_hex(payload.as_bytes()),
        artifact_payload: payload,
        created_by: closing.by.to_owned(),
        request_id,
        created_at: closing.at,
    }
}
