//! What is wrong with a payload before anybody is asked, and which field a refusal is about.

use serde_json::Value;

use super::build::{self, Field};
use crate::domain::directory::Kind;
use crate::domain::refusal::{Code, Refusal};
use crate::domain::tool::{Payload, Tool};

/// A payload, checked.
#[derive(Debug)]
pub struct Checked {
    pub body: Value,
    /// What is wrong, by field; without one it concerns the whole.
    pub wrong: Vec<(Option<usize>, String)>,
    /// Required fields that say nothing yet.
    pub missing: Vec<usize>,
}

impl Checked {
    /// Checks fields as the engine will, as far as that needs no case.
    pub fn new(tool: &'static Tool, kind: Option<Kind>, fields: &[Field]) -> Self {
        let (body, unreadable) = build::body(fields);
        let mut wrong: Vec<(Option<usize>, String)> = unreadable.into_iter().map(|(n, why)| (Some(n), why)).collect();
        let is_empty = |n: usize, field: &Field| {
            let has_none = !field.names.iter().all(|name| body.get(name).is_some());
            field.is_required && has_none && !wrong.iter().any(|(at, _)| *at == Some(n))
        };
        let missing: Vec<usize> =
            fields.iter().enumerate().filter(|(n, field)| is_empty(*n, field)).map(|(n, _)| n).collect();
        let refused = match tool.payload(kind, &body) {
            Err(refusal) => Some(refusal),
            Ok(Payload::Command(command)) => command.field_rules().err(),
            Ok(Payload::Query(_)) => None,
        };
        for (path, message) in refused.iter().flat_map(places) {
            let at = fields.iter().position(|field| field.holds(&path));
            let is_known =
                at.is_some() && (wrong.iter().any(|(n, _)| *n == at) || missing.contains(&at.unwrap_or_default()));
            // Without a place it says that something required is not there, which is known.
            let is_told = at.is_none() && (!missing.is_empty() || !wrong.is_empty());
            if !is_known && !is_told {
                wrong.push((at, message));
            }
        }
        Self { body, wrong, missing }
    }

    /// Whether it may be sent, as far as that can be told here.
    pub fn is_whole(&self) -> bool {
        self.wrong.is_empty() && self.missing.is_empty()
    }
}

/// What a refusal says of which fields; a path without a field concerns the whole.
pub fn places(refusal: &Refusal) -> Vec<(String, String)> {
    let listed = |name: &str| refusal.field(name).and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let errors: Vec<_> = listed("validation_errors")
        .map(|error| (text(error, "path"), in_words(&text(error, "schema_path"), &text(error, "message"))))
        .collect();
    if !errors.is_empty() {
        return errors;
    }
    let missing: Vec<_> = listed("missing_fields").map(|entry| (text(entry, "field"), text(entry, "reason"))).collect();
    if !missing.is_empty() {
        return missing;
    }
    let named = refusal.field("field").and_then(Value::as_str);
    named
        .or_else(|| field_of(refusal))
        .map(|name| (name.to_owned(), refusal.finding().to_owned()))
        .into_iter()
        .collect()
}

/// The field that a refusal is about, where its code says it.
fn field_of(refusal: &Refusal) -> Option<&'static str> {
    let has = |name: &str| refusal.field(name).is_some_and(|value| !value.is_null());
    let lists = |name: &str| refusal.field(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    match refusal.code() {
        Code::TechUnavailable | Code::AssignmentCapabilityMismatch | Code::AssignmentZoneMismatch => Some("tech_id"),
        Code::AssignmentNotFound if !has("recommendation_snapshot_id") => Some("tech_id"),
        Code::AssignmentNotFound | Code::AssignmentRecommendationMismatch => Some("recommendation_snapshot_id"),
        Code::AccountNotFound => Some("account_id"),
        Code::SiteNotFound | Code::SiteAccountMismatch => Some("site_id"),
        Code::AssetNotFound => Some("asset_id"),
        Code::ApprovalNotFound | Code::ApprovalNotPending | Code::InvalidApprovalTargetState => Some("approval_id"),
        Code::SopHandoffRequired => Some("sop_handoff_acknowledged"),
        Code::CloseoutRequirementsIncomplete if lists("missing_checklist_keys") => Some("checklist_status"),
        Code::CloseoutRequirementsIncomplete
            if refusal.field("requirement_code") == Some(&"MISSING_SIGNATURE_CONFIRMATION".into()) =>
        {
            Some("no_signature_reason")
        }
        _ => None,
    }
}

/// An error of the schema as people say it.
fn in_words(schema_path: &str, message: &str) -> String {
    let rule = schema_path.rsplit('/').next().unwrap_or_default();
    match rule {
        "minLength" | "minItems" => "Say something here.".to_owned(),
        "maxLength" | "maxItems" => "That is too long.".to_owned(),
        "format" if message.contains("uuid") => "Give an id such as 6f1c7a52-….".to_owned(),
        "format" if message.contains("email") => "Give an address such as ada@example.com.".to_owned(),
        "format" if message.contains("date-time") => super::time::FORMS.to_owned(),
        "format" if message.contains("date") => "Give a date such as 2026-11-22.".to_owned(),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::registry;
    use serde_json::json;

    fn placed(refusal: &Refusal) -> Vec<String> {
        places(refusal).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn refusals_land_at_their_fields() {
        assert_eq!(placed(&Refusal::field_rule("options/0/end", "no")), ["options/0/end"]);
        let bypass = Refusal::new(Code::AssignmentBypassDenied, "no")
            .with("missing_fields", json!([{"field": "dispatch_rationale", "reason": "required"}]));
        assert_eq!(places(&bypass), [("dispatch_rationale".to_owned(), "required".to_owned())]);
        let zone = Refusal::new(Code::AssignmentZoneMismatch, "no");
        assert_eq!(placed(&zone), ["tech_id"]);
        let checklist = Refusal::new(Code::CloseoutRequirementsIncomplete, "no").with("missing_checklist_keys", ["a"]);
        assert_eq!(placed(&checklist), ["checklist_status"]);
        assert!(placed(&Refusal::new(Code::InvalidStateTransition, "no")).is_empty());
        let body = json!({"account_id": "x", "site_id": "x", "summary": "", "contact_email": "no"});
        let refusal = registry::find("ticket.create").unwrap().payload(None, &body).unwrap_err();
        let told = places(&refusal);
        assert!(
            told.contains(&("/contact_email".to_owned(), "Give an address such as ada@example.com.".to_owned())),
            "{told:?}"
        );
        assert!(told.contains(&("/summary".to_owned(), "Say something here.".to_owned())), "{told:?}");
        assert!(told.iter().any(|(path, said)| path == "/site_id" && said.starts_with("Give an id")), "{told:?}");
    }
}
