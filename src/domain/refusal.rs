//! Refusals: values with a code, a status, a policy dimension and fields (CONTRACT.md 8).

use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::words::words;

words! {
    /// Every way a call of the tools we have can be refused.
    pub enum Code {
        InvalidJson = "INVALID_JSON",
        PayloadTooLarge = "PAYLOAD_TOO_LARGE",
        InvalidRequest = "INVALID_REQUEST",
        MissingIdempotencyKey = "MISSING_IDEMPOTENCY_KEY",
        InvalidIdempotencyKey = "INVALID_IDEMPOTENCY_KEY",
        InvalidActorContext = "INVALID_ACTOR_CONTEXT",
        InvalidTicketId = "INVALID_TICKET_ID",
        InvalidQuery = "INVALID_QUERY",
        Forbidden = "FORBIDDEN",
        ForbiddenScope = "FORBIDDEN_SCOPE",
        NotFound = "NOT_FOUND",
        TicketNotFound = "TICKET_NOT_FOUND",
        ApprovalNotFound = "APPROVAL_NOT_FOUND",
        AccountNotFound = "ACCOUNT_NOT_FOUND",
        SiteNotFound = "SITE_NOT_FOUND",
        AssetNotFound = "ASSET_NOT_FOUND",
        InvalidStateTransition = "INVALID_STATE_TRANSITION",
        IdempotencyPayloadMismatch = "IDEMPOTENCY_PAYLOAD_MISMATCH",
        SiteAccountMismatch = "SITE_ACCOUNT_MISMATCH",
        LowIdentityConfidence = "LOW_IDENTITY_CONFIDENCE",
        LowClassificationConfidence = "LOW_CLASSIFICATION_CONFIDENCE",
        SopHandoffRequired = "SOP_HANDOFF_REQUIRED",
        AssignmentBypassDenied = "ASSIGNMENT_BYPASS_DENIED",
        AssignmentNotFound = "ASSIGNMENT_NOT_FOUND",
        TechUnavailable = "TECH_UNAVAILABLE",
        AssignmentRecommendationMismatch = "ASSIGNMENT_RECOMMENDATION_MISMATCH",
        AssignmentCapabilityMismatch = "ASSIGNMENT_CAPABILITY_MISMATCH",
        AssignmentZoneMismatch = "ASSIGNMENT_ZONE_MISMATCH",
        ApprovalNotPending = "APPROVAL_NOT_PENDING",
        InvalidApprovalTargetState = "INVALID_APPROVAL_TARGET_STATE",
        CloseoutRequirementsIncomplete = "CLOSEOUT_REQUIREMENTS_INCOMPLETE",
        VersionConflict = "VERSION_CONFLICT",
        Unavailable = "UNAVAILABLE",
        OutboxInsertFailed = "OUTBOX_INSERT_FAILED",
        InternalError = "INTERNAL_ERROR",
    }
}

impl Code {
    /// The HTTP status of the refusal.
    pub const fn status(self) -> u16 {
        use Code as C;
        match self {
            C::InvalidJson
            | C::InvalidRequest
            | C::MissingIdempotencyKey
            | C::InvalidIdempotencyKey
            | C::InvalidActorContext
            | C::InvalidTicketId
            | C::InvalidQuery => 400,
            C::Forbidden | C::ForbiddenScope => 403,
            C::NotFound
            | C::TicketNotFound
            | C::ApprovalNotFound
            | C::AccountNotFound
            | C::SiteNotFound
            | C::AssetNotFound => 404,
            C::PayloadTooLarge => 413,
            C::InvalidStateTransition
            | C::IdempotencyPayloadMismatch
            | C::SiteAccountMismatch
            | C::LowIdentityConfidence
            | C::LowClassificationConfidence
            | C::SopHandoffRequired
            | C::AssignmentBypassDenied
            | C::AssignmentNotFound
            | C::TechUnavailable
            | C::AssignmentRecommendationMismatch
            | C::AssignmentCapabilityMismatch
            | C::AssignmentZoneMismatch
            | C::ApprovalNotPending
            | C::InvalidApprovalTargetState
            | C::CloseoutRequirementsIncomplete
            | C::VersionConflict => 409,
            C::OutboxInsertFailed | C::InternalError => 500,
            C::Unavailable => 503,
        }
    }

    /// The dimension of policy that refused, where the contract names one.
    pub const fn dimension(self) -> Option<&'static str> {
        use Code as C;
        match self {
            C::Forbidden => Some("role"),
            C::ForbiddenScope => Some("scope"),
            C::InvalidStateTransition => Some("state"),
            C::LowIdentityConfidence | C::LowClassificationConfidence => Some("identity"),
            C::SopHandoffRequired | C::AssignmentBypassDenied => Some("policy"),
            C::AssignmentNotFound
            | C::TechUnavailable
            | C::AssignmentRecommendationMismatch
            | C::AssignmentCapabilityMismatch
            | C::AssignmentZoneMismatch => Some("assignment"),
            C::CloseoutRequirementsIncomplete => Some("evidence"),
            _ => None,
        }
    }
}

/// A call that was refused: what happened, what is allowed, what to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    code: Code,
    message: String,
    /// How much of the message says what happened and what is allowed; behind it stands a command that helps.
    finding: usize,
    fields: Map<String, Value>,
}

impl Refusal {
    /// A refusal with a message for people.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { code, finding: message.len(), message, fields: Map::new() }))
    }

    /// The same with a command of the headless program that helps, as a last sentence.
    #[must_use]
    pub fn pointing(mut self, to: &str) -> Self {
        self.0.message.push(' ');
        self.0.message.push_str(to);
        self
    }

    /// The same with one more field of section 8.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.0.fields.insert(name.to_owned(), super::canonical::to_value(&value));
        self
    }

    /// What refused.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The same without the command that helps: a face with keys of its own names one of those.
    pub fn finding(&self) -> &str {
        self.0.message.get(..self.0.finding).unwrap_or(&self.0.message)
    }

    /// One of the extra fields.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.0.fields.get(name)
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.code().status()
    }

    /// What `policy_error` says, where the code has a dimension.
    fn policy_error(&self) -> Option<Value> {
        let dimension = self.code().dimension()?;
        let mut error = json!({ "dimension": dimension });
        if self.code() == Code::CloseoutRequirementsIncomplete
            && let Some(requirement) = self.field("requirement_code")
        {
            error["requirement_code"] = requirement.clone();
        }
        Some(error)
    }

    /// The refusal as one entry of an action list: code, message, dimension and its fields.
    pub fn as_action_error(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("code".into(), self.code().as_str().into());
        entry.insert("message".into(), self.message().into());
        entry.insert("dimension".into(), self.code().dimension().into());
        entry.extend(self.0.fields.clone());
        Value::Object(entry)
    }

    /// The envelope that answers the caller. `request_id` is null before the request id was
    /// found valid, and on reads.
    pub fn envelope(&self, request_id: Option<Uuid>, correlation_id: Option<&str>) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code().as_str().into());
        error.insert("message".into(), self.message().into());
        error.insert("request_id".into(), json!(request_id));
        error.extend(self.0.fields.clone());
        error.insert("correlation_id".into(), correlation_id.into());
        if let Some(policy_error) = self.policy_error() {
            error.insert("policy_error".into(), policy_error);
        }
        json!({ "error": error })
    }

    /// A field rule that a schema cannot say was broken (CONTRACT.md 5, step 8).
    pub fn field_rule(field: &str, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, message).with("field", field)
    }

    /// A ticket that nobody knows.
    pub fn ticket_not_found(id: impl Into<String>) -> Self {
        let id = id.into();
        Self::new(Code::TicketNotFound, format!("There is no ticket {id}. Check the number."))
            .pointing("`dispatch queue` lists those there are.")
            .with("ticket_id", id)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_carries_code_fields_and_dimension() {
        let refusal =
            Refusal::new(Code::CloseoutRequirementsIncomplete, "no").with("requirement_code", "MISSING_EVIDENCE");
        assert_eq!(
            refusal.envelope(None, Some("c")),
            json!({"error": {
                "code": "CLOSEOUT_REQUIREMENTS_INCOMPLETE", "message": "no", "request_id": null,
                "requirement_code": "MISSING_EVIDENCE", "correlation_id": "c",
                "policy_error": {"dimension": "evidence", "requirement_code": "MISSING_EVIDENCE"}
            }})
        );
        let plain = Refusal::new(Code::TicketNotFound, "no").envelope(None, None);
        assert!(plain["error"].get("policy_error").is_none());
    }
}
