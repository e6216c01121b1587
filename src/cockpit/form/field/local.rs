//! What the case and the policy know to choose from: approvals, incident types, evidence keys.

use serde_json::Value;

use super::Scene;
use super::pick::{Item, Mark};
use crate::cockpit::look::ago;
use crate::domain::time::Timestamp;
use crate::text::money;

/// A list that needs no looking up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    Approvals,
    IncidentTypes,
    EvidenceKeys,
    EvidenceKinds,
}

fn plain(word: &str, note: &str) -> Item {
    Item { value: word.into(), label: word.to_owned(), note: note.to_owned(), mark: None, record: Value::Null }
}

impl Local {
    /// Whether the only entry is chosen unasked.
    pub fn is_obvious(self) -> bool {
        self == Self::Approvals
    }

    /// The entries as things stand.
    pub fn items(self, scene: &Scene<'_>) -> Vec<Item> {
        match self {
            Self::Approvals => approvals(scene),
            Self::IncidentTypes => {
                scene.world.policy.templates.iter().map(|template| plain(&template.incident_type, "")).collect()
            }
            Self::EvidenceKeys => evidence_keys(scene),
            Self::EvidenceKinds => {
                ["PHOTO", "NOTE", "SIGNATURE", "DOCUMENT", "VIDEO"].map(|kind| plain(kind, "")).into()
            }
        }
    }
}

fn approvals(scene: &Scene<'_>) -> Vec<Item> {
    let open = scene.case.and_then(|case| case.get("open_approvals")).and_then(Value::as_array);
    let item = |approval: &Value| {
        let said = |name: &str| approval.get(name).and_then(Value::as_str);
        let amount = approval.get("amount_delta_cents").and_then(Value::as_i64).map(money);
        let since = said("requested_at").and_then(Timestamp::parse);
        let parts = [said("reason").map(str::to_owned), since.map(|at| format!("{} ago", ago(at, scene.world.now)))];
        let label = [said("approval_type").map(|kind| kind.replace('_', " ")), amount];
        Some(Item {
            value: approval.get("id")?.clone(),
            label: label.into_iter().flatten().collect::<Vec<_>>().join(" "),
            note: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            mark: None,
            record: approval.clone(),
        })
    };
    open.into_iter().flatten().filter_map(item).collect()
}

/// The keys that are still missing first, then the others that the template asks for, each with how it stands.
fn evidence_keys(scene: &Scene<'_>) -> Vec<Item> {
    let keys = scene.case.and_then(|case| case.get("required_evidence")).and_then(Value::as_array);
    let item = |key: &Value| {
        let standing = key.get("standing").and_then(Value::as_str);
        let (mark, note) = match standing {
            Some("present") => (None, "there is one"),
            Some("waived") => (None, "waived"),
            _ => (Some(Mark::Wanted("missing".to_owned())), ""),
        };
        Some(Item { mark, ..plain(key.get("key")?.as_str()?, note) })
    };
    let mut items: Vec<Item> = keys.into_iter().flatten().filter_map(item).collect();
    items.sort_by_key(|item| item.mark.is_none());
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::field::Control;
    use crate::cockpit::form::field::pick::{Pick, Source};
    use crate::cockpit::form::testing::{Stage, type_into};
    use serde_json::json;

    fn pick(local: Local, is_free: bool, stage: &Stage) -> Pick {
        let mut pick = Pick::new(Source::Local(local), is_free, 500);
        stage.scene(|scene| pick.learn(scene));
        pick
    }

    #[test]
    fn incident_types_are_found_by_their_words_and_others_may_be_said() {
        let stage = Stage::new();
        let mut types = pick(Local::IncidentTypes, true, &stage);
        type_into(&mut types, "wont space latch enter", &stage);
        assert_eq!(types.value(), Ok(Some(json!("DOOR_WONT_LATCH"))));
        type_into(&mut types, "GLAZIER", &stage);
        assert_eq!(types.value(), Ok(Some(json!("GLAZIER"))));
    }

    #[test]
    fn the_missing_evidence_keys_come_first_and_say_so() {
        let stage = Stage::new();
        let mut keys = pick(Local::EvidenceKeys, true, &stage);
        let lines = stage.lines(&keys, 70);
        assert!(lines[1].contains("photo_after_latched_alignment") && lines[1].contains("missing"), "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("there is one")), "{lines:#?}");
        type_into(&mut keys, "down down up enter", &stage);
        assert_eq!(keys.value(), Ok(Some(json!("photo_after_latched_alignment"))));
    }

    #[test]
    fn the_only_open_approval_is_chosen_unasked() {
        let stage = Stage::new();
        let approvals = pick(Local::Approvals, false, &stage);
        assert_eq!(approvals.value(), Ok(Some(json!("00000000-0000-0000-0000-0000000000aa"))));
        assert_eq!(approvals.draft(), Value::Null);
        assert!(stage.shown(&approvals, 60).contains("NTE INCREASE $350.00"));
    }
}
