//! The closeout gate: whether the evidence of a job is whole (CONTRACT.md 7.8 and 7.9). One pure
//! function, used by every tool that stands behind it and by every view that shows it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::policy::Policy;
use super::refusal::{Code, Refusal};
use super::ticket::{Completion, EvidenceException, EvidenceItem};
use super::time::Timestamp;
use super::words::words;

/// The key under which a signature, or the reason why there is none, is proof.
pub const SIGNATURE_KEY: &str = "signature_or_no_signature_reason";

/// The scheme of objects in our own store.
pub const OWN_SCHEME: &str = "dispatch";

words! {
    /// What the gate found, first that applies.
    pub enum Requirement {
        TemplateNotFound = "TEMPLATE_NOT_FOUND",
        MissingCompletionContext = "MISSING_COMPLETION_CONTEXT",
        MissingSignatureConfirmation = "MISSING_SIGNATURE_CONFIRMATION",
        InvalidEvidenceReference = "INVALID_EVIDENCE_REFERENCE",
        MissingRequirements = "MISSING_REQUIREMENTS",
        MissingEvidence = "MISSING_EVIDENCE",
        MissingChecklist = "MISSING_CHECKLIST",
        Ready = "READY",
    }
}

words! {
    /// Why a probe of an evidence object failed (7.8).
    pub enum ProbeFailure {
        UnsupportedScheme = "UNSUPPORTED_SCHEME",
        UnreachableUri = "UNREACHABLE_URI",
        ChecksumMismatch = "CHECKSUM_MISMATCH",
        HeadTimeout = "HEAD_TIMEOUT",
        NetworkError = "NETWORK_ERROR",
    }
}

/// What a probe of one uri saw: nothing wrong, or why it failed and a sentence about it.
pub type Probe = Result<(), (ProbeFailure, String)>;

/// What was said about a completion.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    pub checklist: &'a Map<String, Value>,
    pub no_signature_reason: Option<&'a str>,
    /// The evidence that was named; none or empty: all there is.
    pub evidence_refs: &'a [String],
}

impl<'a> From<&'a Completion> for Claim<'a> {
    fn from(completion: &'a Completion) -> Self {
        Self {
            checklist: &completion.checklist_status,
            no_signature_reason: completion.no_signature_reason.as_deref(),
            evidence_refs: completion.evidence_refs.as_deref().unwrap_or_default(),
        }
    }
}

/// What the gate looks at.
#[derive(Debug, Clone, Copy)]
pub struct Gate<'a> {
    pub policy: &'a Policy,
    pub now: Timestamp,
    pub incident_type: Option<&'a str>,
    pub evidence: &'a [EvidenceItem],
    pub exceptions: &'a [EvidenceException],
    /// The claim to judge by; `None` where nothing was ever completed.
    pub claim: Option<Claim<'a>>,
    /// Results of probes; `None` where the HEAD check is off.
    pub probes: Option<&'a Probes>,
}

words! {
    /// How a required evidence key stands.
    pub enum Standing {
        Present = "present",
        Waived = "waived",
        Missing = "missing",
    }
}

/// An evidence key that the incident type requires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequiredKey {
    pub key: String,
    pub standing: Standing,
}

/// What the gate answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub code: Requirement,
    pub incident_type: Option<String>,
    pub template_version: Option<String>,
    pub missing_evidence_keys: Vec<String>,
    pub missing_checklist_keys: Vec<String>,
    pub invalid_evidence_refs: Vec<String>,
    pub waived_evidence_keys: Vec<String>,
    pub signature_satisfied: bool,
    /// The first probe that failed.
    #[serde(skip)]
    pub probe_failure: Option<(ProbeFailure, String)>,
}

impl Report {
    /// Whether the job may pass.
    pub fn is_ready(&self) -> bool {
        self.code == Requirement::Ready
    }

    /// Passes, or refuses with everything that is missing.
    pub fn pass(self) -> Result<Self, Refusal> {
        if self.is_ready() {
            return Ok(self);
        }
        let list = |keys: &[String]| keys.join(", ");
        let message = match self.code {
            Requirement::TemplateNotFound => match &self.incident_type {
                None => "The ticket has no incident type, so nobody knows what proof the job needs. Triage it first.".to_owned(),
                Some(kind) => format!("There is no closeout template for incident type {kind}. Correct the type to one that has a template, then complete again."),
            },
            Requirement::MissingCompletionContext => "Nothing was completed on this ticket yet. It needs a completion (tech.complete) whose checklist can be verified.".to_owned(),
            Requirement::MissingSignatureConfirmation => format!("The customer's signature is missing. Add evidence under {SIGNATURE_KEY}, or complete with no_signature_reason."),
            Requirement::InvalidEvidenceReference => format!("Evidence that cannot be found or is not kept in the object store: {}. Store the files and refer to those.", list(&self.invalid_evidence_refs)),
            Requirement::MissingEvidence => format!("Evidence is missing: {}. Add each with closeout.add_evidence, then try again.", list(&self.missing_evidence_keys)),
            Requirement::MissingChecklist => format!("Checklist items are not confirmed: {}. Each must be exactly true in checklist_status: tick what is done, then try again.", list(&self.missing_checklist_keys)),
            Requirement::MissingRequirements | Requirement::Ready => format!("Evidence is missing: {}; checklist items are not confirmed: {}. Add the evidence, confirm the items, then try again.", list(&self.missing_evidence_keys), list(&self.missing_checklist_keys)),
        };
        let mut refusal = Refusal::new(Code::CloseoutRequirementsIncomplete, message)
            .with("requirement_code", self.code)
            .with("incident_type", &self.incident_type)
            .with("template_version", &self.template_version)
            .with("missing_evidence_keys", &self.missing_evidence_keys)
            .with("missing_checklist_keys", &self.missing_checklist_keys)
            .with("invalid_evidence_refs", &self.invalid_evidence_refs);
        if let Some((failure, message)) = &self.probe_failure {
            refusal = refusal
                .with("head_check_failure", failure)
                .with("head_check_message", message)
                .with("checksum_enforced", *failure == ProbeFailure::ChecksumMismatch);
        }
        Err(refusal)
    }
}

fn is_signature(item: &EvidenceItem) -> bool {
    item.kind.trim().eq_ignore_ascii_case("SIGNATURE") || item.key() == Some(SIGNATURE_KEY)
}

/// Whether a uri names something that is kept: absolute, a configured scheme, a host (or our own
/// store) and a path.
pub fn is_resolvable(uri: &str, policy: &Policy) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    if uri.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return false;
    }
    let scheme = scheme.to_ascii_lowercase();
    if scheme == OWN_SCHEME {
        return !rest.trim_start_matches('/').is_empty();
    }
    let Some((host, path)) = rest.strip_prefix("//").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    policy.evidence.object_store_schemes.contains(&scheme) && !host.is_empty() && !path.is_empty()
}

/// Results of probes, by what was probed.
pub type Probes = BTreeMap<(String, Option<String>), Probe>;

/// What a probe looks at: the object, and what it should be.
pub fn probe_key(item: &EvidenceItem) -> (String, Option<String>) {
    (item.uri.clone(), item.checksum.clone())
}

/// A UUID is an item's id, anything else an exact uri.
fn find<'a>(evidence: &'a [EvidenceItem], reference: &str) -> Option<&'a EvidenceItem> {
    match Uuid::try_parse(reference) {
        Ok(id) => evidence.iter().find(|item| item.id == id),
        Err(_) => evidence.iter().find(|item| item.uri == reference),
    }
}

impl Gate<'_> {
    /// Judges.
    pub fn report(&self) -> Report {
        let incident_type = self.incident_type.map(str::trim).filter(|kind| !kind.is_empty());
        let template = incident_type.and_then(|kind| self.policy.template(kind));
        let empty = Map::new();
        let claim = self.claim.unwrap_or(Claim { checklist: &empty, no_signature_reason: None, evidence_refs: &[] });
        let signature_satisfied = self.signature_satisfied();
        let required = template.map(|template| self.policy.required_evidence(template)).unwrap_or_default();

        let mut report = Report {
            code: Requirement::Ready,
            incident_type: incident_type.map(str::to_uppercase),
            template_version: template.map(|template| template.version.clone()),
            missing_evidence_keys: Vec::new(),
            missing_checklist_keys: Vec::new(),
            invalid_evidence_refs: Vec::new(),
            waived_evidence_keys: Vec::new(),
            signature_satisfied,
            probe_failure: None,
        };
        if incident_type.is_none() {
            report.code = Requirement::TemplateNotFound;
            return report;
        }
        if self.claim.is_none() {
            report.code = Requirement::MissingCompletionContext;
            return report;
        }
        if !signature_satisfied {
            report.code = Requirement::MissingSignatureConfirmation;
            report.missing_evidence_keys = vec![SIGNATURE_KEY.to_owned()];
            return report;
        }
        let (invalid, probe_failure) = self.bad_references(claim, &required);
        if !invalid.is_empty() {
            report.code = Requirement::InvalidEvidenceReference;
            report.invalid_evidence_refs = invalid.into_iter().collect();
            report.probe_failure = probe_failure;
            return report;
        }
        if template.is_none() {
            report.code = Requirement::TemplateNotFound;
            return report;
        }
        self.count_missing(&mut report, claim, required);
        report
    }

    /// How the keys that the incident type requires stand, in order; none without a template.
    pub fn required_keys(&self) -> Vec<RequiredKey> {
        let template = self.incident_type.and_then(|kind| self.policy.template(kind));
        let required = template.map(|template| self.policy.required_evidence(template)).unwrap_or_default();
        self.standing(required)
    }

    fn signature_satisfied(&self) -> bool {
        let reason = self.claim.and_then(|claim| claim.no_signature_reason);
        reason.is_some_and(|reason| !reason.trim().is_empty()) || self.evidence.iter().any(is_signature)
    }

    fn standing(&self, required: BTreeSet<String>) -> Vec<RequiredKey> {
        let present: BTreeSet<&str> = self.evidence.iter().filter_map(EvidenceItem::key).collect();
        let (waived, signed) = (self.waived(), self.signature_satisfied());
        let stands = |key: &str| match key {
            key if present.contains(key) || key == SIGNATURE_KEY && signed => Standing::Present,
            key if waived.contains(key) => Standing::Waived,
            _ => Standing::Missing,
        };
        required.into_iter().map(|key| RequiredKey { standing: stands(&key), key }).collect()
    }

    fn count_missing(&self, report: &mut Report, claim: Claim<'_>, required: BTreeSet<String>) {
        for RequiredKey { key, standing } in self.standing(required) {
            match standing {
                Standing::Present => {}
                Standing::Waived => report.waived_evidence_keys.push(key),
                Standing::Missing => report.missing_evidence_keys.push(key),
            }
        }
        report.missing_checklist_keys = self
            .policy
            .closeout
            .checklist_keys
            .iter()
            .filter(|key| claim.checklist.get(*key) != Some(&Value::Bool(true)))
            .cloned()
            .collect();
        report.code = match (report.missing_evidence_keys.is_empty(), report.missing_checklist_keys.is_empty()) {
            (false, false) => Requirement::MissingRequirements,
            (false, true) => Requirement::MissingEvidence,
            (true, false) => Requirement::MissingChecklist,
            (true, true) => Requirement::Ready,
        };
    }

    /// The keys that a granted, unexpired exception waives; never the signature.
    fn waived(&self) -> BTreeSet<&str> {
        self.exceptions
            .iter()
            .filter(|exception| exception.status == "GRANTED")
            .filter(|exception| exception.expires_at.is_none_or(|end| end > self.now))
            .flat_map(|exception| exception.evidence_refs.iter().map(String::as_str))
            .filter(|key| *key != SIGNATURE_KEY)
            .collect()
    }

    fn bad_references(
        &self,
        claim: Claim<'_>,
        required: &BTreeSet<String>,
    ) -> (BTreeSet<String>, Option<(ProbeFailure, String)>) {
        let resolvable = |uri: &str| is_resolvable(uri, self.policy);
        let mut bad: BTreeSet<String> = self
            .evidence
            .iter()
            .filter(|item| item.key().is_some_and(|key| required.contains(key)))
            .filter(|item| !resolvable(&item.uri))
            .map(|item| item.uri.clone())
            .collect();
        if claim.evidence_refs.is_empty() {
            bad.extend(self.evidence.iter().filter(|item| !resolvable(&item.uri)).map(|item| item.uri.clone()));
        } else {
            let lost = |reference: &&String| find(self.evidence, reference).is_none_or(|item| !resolvable(&item.uri));
            bad.extend(claim.evidence_refs.iter().filter(lost).cloned());
        }
        let mut first_failure = None;
        for item in self.evidence {
            if let Some(Err(failure)) = self.probes.and_then(|probes| probes.get(&probe_key(item))) {
                bad.insert(item.uri.clone());
                first_failure.get_or_insert_with(|| failure.clone());
            }
        }
        (bad, first_failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Bundle;
    use serde_json::json;

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-21T08:00:00.000Z").unwrap()
    }

    fn item(n: u128, kind: &str, uri: &str, key: Option<&str>) -> EvidenceItem {
        let mut metadata = Map::new();
        if let Some(key) = key {
            metadata.insert("evidence_key".into(), key.into());
        }
        EvidenceItem {
            id: Uuid::from_u128(n),
            ticket_id: Uuid::nil(),
            kind: kind.into(),
            uri: uri.into(),
            checksum: None,
            is_immutable: false,
            immutable_reason: None,
            immutable_by: None,
            immutable_request_id: None,
            immutable_at: None,
            metadata,
            created_by: "w".into(),
            created_at: now(),
        }
    }

    fn photos() -> Vec<EvidenceItem> {
        ["photo_before_closer_body", "photo_after_closer_or_adjustment", "note_sweep_and_latch_speed_settings"]
            .iter()
            .zip(1..)
            .map(|(key, n)| item(n, "PHOTO", &format!("s3://jobs/{key}.jpg"), Some(key)))
            .collect()
    }

    fn checklist() -> Map<String, Value> {
        Bundle::embedded().policy.closeout.checklist_keys.iter().map(|k| (k.clone(), json!(true))).collect()
    }

    fn judge(
        evidence: &[EvidenceItem],
        exceptions: &[EvidenceException],
        claim: Option<Claim<'_>>,
        kind: Option<&str>,
    ) -> Report {
        let bundle = Bundle::embedded();
        Gate { policy: &bundle.policy, now: now(), incident_type: kind, evidence, exceptions, claim, probes: None }
            .report()
    }

    const KIND: Option<&str> = Some("closer_leaking_or_slamming");

    #[test]
    fn a_whole_job_is_ready() {
        let checklist = checklist();
        let claim = Claim { checklist: &checklist, no_signature_reason: Some("left"), evidence_refs: &[] };
        let report = judge(&photos(), &[], Some(claim), KIND);
        assert_eq!(report.code, Requirement::Ready, "{report:?}");
        assert_eq!(report.template_version.as_deref(), Some("1.0.0"));
        let mut signed = photos();
        signed.push(item(9, "signature", "dispatch:sha256/ab", None));
        let claim = Claim { no_signature_reason: None, ..claim };
        assert_eq!(judge(&signed, &[], Some(claim), KIND).code, Requirement::Ready);
    }

    #[test]
    fn the_first_condition_that_applies_answers() {
        let (full, none) = (checklist(), Map::new());
        let claim =
            |checklist, reason, evidence_refs| Some(Claim { checklist, no_signature_reason: reason, evidence_refs });
        let loose = vec![item(5, "NOTE", "file.txt", None)];
        let refs = ["s3://x/unknown".to_owned()];
        for (evidence, claim, kind, code) in [
            (vec![], None, None, Requirement::TemplateNotFound),
            (vec![], None, Some("GLAZIER"), Requirement::MissingCompletionContext),
            (vec![], claim(&none, None, &[]), Some("GLAZIER"), Requirement::MissingSignatureConfirmation),
            (vec![], claim(&none, Some("  "), &[]), KIND, Requirement::MissingSignatureConfirmation),
            (loose, claim(&full, Some("x"), &[]), Some("GLAZIER"), Requirement::InvalidEvidenceReference),
            (photos(), claim(&full, Some("x"), &refs[..]), KIND, Requirement::InvalidEvidenceReference),
            (vec![], claim(&full, Some("x"), &[]), Some("GLAZIER"), Requirement::TemplateNotFound),
            (vec![], claim(&none, Some("x"), &[]), KIND, Requirement::MissingRequirements),
            (vec![], claim(&full, Some("x"), &[]), KIND, Requirement::MissingEvidence),
            (photos(), claim(&none, Some("x"), &[]), KIND, Requirement::MissingChecklist),
        ] {
            assert_eq!(judge(&evidence, &[], claim, kind).code, code);
        }
    }

    #[test]
    fn only_true_itself_ticks_a_checklist_item() {
        let mut almost = checklist();
        almost.insert("work_performed".into(), json!("true"));
        almost.insert("resolution_status".into(), json!(1));
        let claim = Claim { checklist: &almost, no_signature_reason: Some("x"), evidence_refs: &[] };
        let report = judge(&photos(), &[], Some(claim), KIND);
        assert_eq!(report.missing_checklist_keys, ["resolution_status", "work_performed"]);
    }

    #[test]
    fn explicit_references_excuse_other_items_unless_those_carry_a_required_key() {
        let mut evidence = photos();
        evidence.push(item(8, "NOTE", "somewhere", None));
        let full = checklist();
        let refs: Vec<String> =
            vec![Uuid::from_u128(1).to_string(), "s3://jobs/photo_after_closer_or_adjustment.jpg".into()];
        let claim = Claim { checklist: &full, no_signature_reason: Some("x"), evidence_refs: &refs };
        assert_eq!(judge(&evidence, &[], Some(claim), KIND).code, Requirement::Ready);
        evidence.push(item(9, "PHOTO", "elsewhere", Some("photo_before_closer_body")));
        assert_eq!(judge(&evidence, &[], Some(claim), KIND).invalid_evidence_refs, ["elsewhere"]);
    }

    #[test]
    fn a_granted_unexpired_exception_waives_its_keys_but_never_the_signature() {
        let full = checklist();
        let waiver = |status: &str, expires_at| EvidenceException {
            status: status.into(),
            evidence_refs: vec!["photo_before_closer_body".into(), SIGNATURE_KEY.into()],
            exception_reason: "dark".into(),
            expires_at,
            created_by: "q".into(),
            created_at: now(),
        };
        let claim = Some(Claim { checklist: &full, no_signature_reason: Some("x"), evidence_refs: &[] });
        let two = &photos()[1..];
        let granted = judge(two, &[waiver("GRANTED", None)], claim, KIND);
        assert!(granted.is_ready());
        assert_eq!(granted.waived_evidence_keys, ["photo_before_closer_body"]);
        assert!(!judge(two, &[waiver("REQUESTED", None)], claim, KIND).is_ready());
        assert!(!judge(two, &[waiver("GRANTED", Some(now()))], claim, KIND).is_ready());
        let unsigned = Some(Claim { checklist: &full, no_signature_reason: None, evidence_refs: &[] });
        assert_eq!(
            judge(two, &[waiver("GRANTED", None)], unsigned, KIND).code,
            Requirement::MissingSignatureConfirmation
        );
    }

    #[test]
    fn a_failed_probe_is_a_bad_reference() {
        let bundle = Bundle::embedded();
        let full = checklist();
        let evidence = photos();
        let probes =
            BTreeMap::from([(probe_key(&evidence[0]), Err((ProbeFailure::UnreachableUri, "gone".to_owned())))]);
        let gate = Gate {
            policy: &bundle.policy,
            now: now(),
            incident_type: KIND,
            evidence: &evidence,
            exceptions: &[],
            claim: Some(Claim { checklist: &full, no_signature_reason: Some("x"), evidence_refs: &[] }),
            probes: Some(&probes),
        };
        let refusal = gate.report().pass().unwrap_err();
        assert_eq!(refusal.field("head_check_failure"), Some(&json!("UNREACHABLE_URI")));
    }

    #[test]
    fn a_uri_is_resolvable_with_a_known_scheme_a_host_and_a_path() {
        let policy = &Bundle::embedded().policy;
        for good in ["s3://bucket/key", "S3://bucket/a/b", "minio://h/p", "dispatch:sha256/00ff"] {
            assert!(is_resolvable(good, policy), "{good}");
        }
        for bad in [
            "",
            "s3",
            "s3://",
            "s3://bucket",
            "s3://bucket/",
            "s3:///key",
            "https://h/p",
            "/tmp/x",
            "dispatch:",
            "s3://b/a b",
            "s3:b/k",
        ] {
            assert!(!is_resolvable(bad, policy), "{bad}");
        }
    }
}
