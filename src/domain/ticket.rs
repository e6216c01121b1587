//! The ticket itself and the people and places it names (CONTRACT.md 9.1 and 12).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::state::State;
use super::time::Timestamp;
use super::words::Priority;

/// What everybody may see of a ticket: the snapshot of CONTRACT.md 9.1, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub id: Uuid,
    /// `T-10423`; absent only in a preview of a ticket that has not been created.
    pub number: Option<String>,
    pub account_id: Uuid,
    pub site_id: Uuid,
    pub asset_id: Option<Uuid>,
    pub state: State,
    pub priority: Priority,
    pub incident_type: Option<String>,
    pub summary: String,
    pub description: Option<String>,
    pub customer_name: Option<String>,
    pub customer_phone: Option<String>,
    pub customer_email: Option<String>,
    pub nte_cents: i64,
    pub scheduled_start: Option<Timestamp>,
    pub scheduled_end: Option<Timestamp>,
    pub identity_signature: Option<String>,
    pub identity_confidence: i16,
    pub classification_confidence: i16,
    pub sop_handoff_required: bool,
    pub sop_handoff_acknowledged: bool,
    pub sop_handoff_prompt: Option<String>,
    pub assigned_provider_id: Option<Uuid>,
    pub assigned_tech_id: Option<String>,
    pub requires_return_visit: bool,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What the database keeps of a ticket beside the snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inner {
    pub confirmed_start: Option<Timestamp>,
    pub source: Option<String>,
    pub source_id: Option<String>,
    pub chain_seq: i64,
    pub chain_hash: Option<String>,
    pub last_event_at: Option<Timestamp>,
    pub last_transition_at: Option<Timestamp>,
    pub clock_stopped_at: Option<Timestamp>,
    /// The transaction that last changed the row, as the database counts them; opaque here.
    #[serde(default, skip_serializing)]
    pub changed_xid: Option<String>,
}

/// A ticket as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredTicket {
    #[serde(flatten)]
    pub ticket: Ticket,
    #[serde(flatten)]
    pub inner: Inner,
}

impl StoredTicket {
    /// The service type a technician must be able to do (7.5): incident type, else summary,
    /// else DEFAULT.
    pub fn service_type(&self) -> String {
        let named = self.ticket.incident_type.as_deref().filter(|text| !text.trim().is_empty());
        normalise_service_type(named.unwrap_or(&self.ticket.summary))
    }
}

/// What fits any job, and what a job asks for that says nothing.
const ANY_SERVICE: &str = "DEFAULT";

/// Trimmed, upper case, without a trailing `_V<digits>`.
fn normalise_skill(text: &str) -> String {
    let upper = text.trim().to_uppercase();
    match upper.rsplit_once("_V") {
        Some((base, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => base.to_owned(),
        _ => upper,
    }
}

/// The same of a service type: DEFAULT where nothing is left.
pub fn normalise_service_type(text: &str) -> String {
    Some(normalise_skill(text)).filter(|service| !service.is_empty()).unwrap_or_else(|| ANY_SERVICE.to_owned())
}

/// Where a ticket's work is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub id: Uuid,
    pub account_id: Uuid,
    pub name: String,
    pub city: String,
    pub region: Option<String>,
    pub timezone: String,
}

impl Site {
    /// The region, trimmed and upper case; none where it is blank.
    pub fn zone(&self) -> Option<String> {
        self.region.as_deref().map(|r| r.trim().to_uppercase()).filter(|r| !r.is_empty())
    }
}

/// Who does the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Technician {
    pub id: String,
    pub name: String,
    pub active: bool,
    pub home_region: Option<String>,
    pub phone: Option<String>,
    pub skills: Vec<String>,
    pub regions: Vec<String>,
}

impl Technician {
    /// The skill that lets them do a service: that service or DEFAULT (7.5).
    pub fn matching_skill(&self, service_type: &str) -> Option<String> {
        let mut skills: Vec<String> = self.skills.iter().map(|skill| normalise_skill(skill)).collect();
        skills.sort();
        skills.iter().find(|s| *s == service_type).or_else(|| skills.iter().find(|s| *s == ANY_SERVICE)).cloned()
    }

    /// Whether they work in a zone (given in upper case).
    pub fn covers(&self, zone: &str) -> bool {
        self.home_region.iter().chain(&self.regions).any(|region| region.trim().to_uppercase() == zone)
    }
}

/// Reads what others may have repaired by hand into a shape that is not ours: as nothing then,
/// since one odd row must not make a whole case unreadable.
fn lenient<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + serde::de::DeserializeOwned,
    D: serde::Deserializer<'de>,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Proof of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceItem {
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub kind: String,
    pub uri: String,
    pub checksum: Option<String>,
    pub is_immutable: bool,
    pub immutable_reason: Option<String>,
    pub immutable_by: Option<String>,
    #[serde(default, skip_serializing)]
    pub immutable_request_id: Option<Uuid>,
    pub immutable_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    pub metadata: Map<String, Value>,
    pub created_by: String,
    pub created_at: Timestamp,
}

impl EvidenceItem {
    /// The evidence key it carries (7.8).
    pub fn key(&self) -> Option<&str> {
        self.metadata.get("evidence_key").and_then(Value::as_str)
    }
}

/// A question of money that somebody must decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub status: super::words::ApprovalStatus,
    pub requested_by: String,
    pub requested_at: Timestamp,
    pub decided_by: Option<String>,
    pub decided_at: Option<Timestamp>,
    pub approval_type: String,
    pub amount_delta_cents: Option<i64>,
    pub reason: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub evidence: ApprovalContext,
}

/// Where an approval came from and where it leads.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovalContext {
    pub source: Option<String>,
    pub return_state: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub evidence_refs: Vec<String>,
}

impl Approval {
    /// What callers see of it (9.1).
    pub fn snapshot(&self) -> Value {
        serde_json::json!({
            "id": self.id,
            "status": self.status,
            "approval_type": self.approval_type,
            "amount_delta_cents": self.amount_delta_cents,
            "reason": self.reason,
            "requested_at": self.requested_at,
        })
    }
}

/// What an accepted completion said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub audit_event_id: Uuid,
    #[serde(default, deserialize_with = "lenient")]
    pub checklist_status: Map<String, Value>,
    pub no_signature_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub evidence_refs: Option<Vec<String>>,
    pub created_by: String,
    pub created_at: Timestamp,
}

/// Evidence keys that need not be met (7.11).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceException {
    pub status: String,
    #[serde(default, deserialize_with = "lenient")]
    pub evidence_refs: Vec<String>,
    pub exception_reason: String,
    pub expires_at: Option<Timestamp>,
    pub created_by: String,
    pub created_at: Timestamp,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QaResult {
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub audit_event_id: Uuid,
    pub result: String,
    pub notes: Option<String>,
    pub verified_at: Timestamp,
    pub created_by: String,
    pub created_at: Timestamp,
}

/// A document made of a case, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Artifact {
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub artifact_type: String,
    pub artifact_name: String,
    /// SHA-256 of the payload's bytes, in lower-case hex.
    pub artifact_hash: String,
    /// Canonical JSON.
    pub artifact_payload: String,
    pub created_by: String,
    pub request_id: Option<Uuid>,
    pub created_at: Timestamp,
}

impl Artifact {
    /// What callers see of it (9.1).
    pub fn snapshot(&self) -> Value {
        serde_json::json!({
            "artifact_type": self.artifact_type,
            "artifact_name": self.artifact_name,
            "artifact_hash": self.artifact_hash,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_types_lose_their_version_and_their_case() {
        assert_eq!(normalise_service_type(" door_wont_latch_v2 "), "DOOR_WONT_LATCH");
        assert_eq!(normalise_service_type("A_V2_V10"), "A_V2");
        assert_eq!(normalise_service_type("LEVEL_VX"), "LEVEL_VX");
        assert_eq!(normalise_service_type("X_V"), "X_V");
        assert_eq!(normalise_service_type("  "), "DEFAULT");
        assert_eq!(normalise_service_type("_V1"), "DEFAULT");
        assert_eq!(normalise_skill("_V1"), "", "a skill that says nothing fits nothing");
    }
}
