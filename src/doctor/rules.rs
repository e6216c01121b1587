//! The policy bundle and its incident templates.

use std::collections::BTreeSet;

use super::{Check, Facts, Group, Verdict};
use crate::domain::words::Priority;

pub(super) const CHECKS: &[Check] = &[
    Check::new(Group::Rules, "policy", "every target and threshold is there and makes sense", policy),
    Check::new(Group::Rules, "templates", "every template asks for something, and no type has two", templates),
];

const REPAIR: &str = "Correct the policy, or go back to the one that ships with dispatch.";

fn policy(facts: &Facts) -> Verdict {
    let policy = &facts.policy.policy;
    let mut wrong = Vec::new();
    for priority in Priority::ALL {
        match policy.sla.target_minutes.get(priority) {
            None => wrong.push(format!("no target for {priority}")),
            Some(minutes) if *minutes <= 0 => wrong.push(format!("the target for {priority} is {minutes} minutes")),
            Some(_) => {}
        }
    }
    if policy.sla.warning_minutes < 0 {
        wrong.push(format!("warning_minutes is {}", policy.sla.warning_minutes));
    }
    for (name, value) in [
        ("identity_threshold", policy.confidence.identity_threshold),
        ("classification_threshold", policy.confidence.classification_threshold),
    ] {
        if !(0..=100).contains(&value) {
            wrong.push(format!("{name} is {value}, not 0 to 100"));
        }
    }
    if policy.closeout.checklist_keys.is_empty() {
        wrong.push("the checklist is empty".to_owned());
    }
    if wrong.is_empty() {
        Verdict::ok(format!("version {}, hash {}…", policy.version, facts.policy.hash.get(..12).unwrap_or_default()))
    } else {
        Verdict::fail(wrong.join("; "), REPAIR)
    }
}

fn templates(facts: &Facts) -> Verdict {
    let templates = &facts.policy.policy.templates;
    let mut wrong = Vec::new();
    let mut types = BTreeSet::new();
    for template in templates {
        let name = template.incident_type.trim().to_uppercase();
        if name.is_empty() || name != template.incident_type {
            wrong.push(format!("`{}` is not written in capitals, so it is never found", template.incident_type));
        }
        if !types.insert(name) {
            wrong.push(format!("{} is there twice", template.incident_type));
        }
        if template.evidence_keys.iter().all(|key| key.trim().is_empty()) {
            wrong.push(format!("{} asks for no evidence", template.incident_type));
        }
    }
    if templates.is_empty() {
        wrong.push("there is none".to_owned());
    }
    if wrong.is_empty() {
        Verdict::ok(format!("{} incident types, all whole", templates.len()))
    } else {
        Verdict::fail(wrong.join("; "), REPAIR)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::doctor::Status;
    use crate::domain::policy::{Bundle, Policy};

    fn with(change: impl FnOnce(&mut Policy)) -> Facts {
        let mut policy = Bundle::embedded().policy.clone();
        change(&mut policy);
        let mut facts = Facts::sample();
        facts.policy = Arc::new(Bundle::new(policy));
        facts
    }

    #[test]
    fn a_policy_with_gaps_is_told_gap_by_gap() {
        let facts = with(|policy| {
            policy.sla.target_minutes.remove(&Priority::Urgent);
            policy.confidence.identity_threshold = 101;
        });
        let verdict = policy(&facts);
        assert_eq!(verdict.status, Status::Fail);
        assert!(verdict.seen.contains("no target for URGENT") && verdict.seen.contains("identity_threshold is 101"));
    }

    #[test]
    fn templates_that_are_double_empty_or_never_found_are_named() {
        let facts = with(|policy| {
            let mut double = policy.templates[0].clone();
            double.evidence_keys.clear();
            policy.templates.push(double);
            policy.templates[1].incident_type = "closer".to_owned();
        });
        let seen = templates(&facts).seen;
        for part in ["is there twice", "asks for no evidence", "`closer` is not written in capitals"] {
            assert!(seen.contains(part), "{seen}");
        }
        assert_eq!(templates(&with(|policy| policy.templates.clear())).status, Status::Fail);
    }
}
