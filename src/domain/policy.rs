//! The policy bundle: thresholds, limits, targets and incident templates, as data
//! (CONTRACT.md 13).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::canonical;
use super::words::Priority;

/// A policy, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub version: String,
    pub confidence: Confidence,
    pub approval: ApprovalLimits,
    pub sla: Sla,
    pub evidence: EvidencePolicy,
    pub closeout: Closeout,
    pub templates: Vec<Template>,
}

/// Confidences, out of 100, that a blind intake needs before it is scheduled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confidence {
    pub identity_threshold: i16,
    pub classification_threshold: i16,
}

/// Limits of who may decide an approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalLimits {
    /// Cents; above it the requester may not decide.
    pub self_approval_limit_cents: i64,
}

/// The default clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    /// Minutes by priority.
    pub target_minutes: BTreeMap<Priority, i64>,
    /// Minutes before the deadline from which on it is a warning.
    pub warning_minutes: i64,
}

/// What counts as kept evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidencePolicy {
    pub object_store_schemes: BTreeSet<String>,
}

/// What every template asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closeout {
    pub evidence_keys: BTreeSet<String>,
    pub checklist_keys: BTreeSet<String>,
}

/// What one incident type asks for beside that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    pub incident_type: String,
    pub version: String,
    pub evidence_keys: BTreeSet<String>,
}

impl Policy {
    /// The template of an incident type, which is trimmed and upper-cased first.
    pub fn template(&self, incident_type: &str) -> Option<&Template> {
        let wanted = incident_type.trim().to_uppercase();
        self.templates.iter().find(|template| template.incident_type == wanted)
    }

    /// Every evidence key that a template's tickets must show.
    pub fn required_evidence(&self, template: &Template) -> BTreeSet<String> {
        self.closeout.evidence_keys.union(&template.evidence_keys).cloned().collect()
    }

    /// Minutes that a ticket of this priority has.
    pub fn sla_target_minutes(&self, priority: Priority) -> i64 {
        self.sla.target_minutes.get(&priority).copied().unwrap_or(1440)
    }
}

/// A policy with the hash under which events record it.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub policy: Policy,
    /// SHA-256 of its canonical JSON.
    pub hash: String,
}

impl Bundle {
    /// A policy and its hash.
    pub fn new(policy: Policy) -> Self {
        let hash = canonical::hash(&canonical::to_value(&policy));
        Self { policy, hash }
    }

    /// The policy that ships with the program.
    pub fn embedded() -> Arc<Self> {
        static EMBEDDED: LazyLock<Arc<Bundle>> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "a test parses the embedded file")]
            let policy = toml::from_str(include_str!("policy.toml")).expect("the embedded policy");
            Arc::new(Bundle::new(policy))
        });
        Arc::clone(&EMBEDDED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_policy_is_whole() {
        let bundle = Bundle::embedded();
        let policy = &bundle.policy;
        assert_eq!(policy.templates.len(), 6);
        for priority in Priority::ALL {
            assert!(policy.sla.target_minutes.contains_key(priority));
        }
        let types: BTreeSet<_> = policy.templates.iter().map(|t| &t.incident_type).collect();
        assert_eq!(types.len(), 6, "no type twice");
        assert_eq!(bundle.hash.len(), 64);
    }

    #[test]
    fn templates_are_found_whatever_the_case() {
        let bundle = Bundle::embedded();
        let template = bundle.policy.template(" door_wont_latch ").unwrap();
        assert_eq!(bundle.policy.required_evidence(template).len(), 4);
        assert!(bundle.policy.template("GLAZIER").is_none());
    }
}
