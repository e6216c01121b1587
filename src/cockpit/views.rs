//! Saved views: a name, and the filter behind it. Some everybody has, some stand in the config file, and
//! some were kept by a key.

use serde_json::{Map, json};

use super::effect::Effect;

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView {
    pub name: String,
    pub filter: String,
    /// Kept by a key, not written in the config file.
    pub is_kept: bool,
}

/// The views that everybody has.
pub const VIEWS: &[(&str, &str)] = &[
    ("All open work", ""),
    ("Broken promises", "sla:breach sla:running"),
    ("About to break", "sla:warning"),
    ("Emergencies", "pri:emergency"),
    ("To triage", "state:new,needs_info"),
    ("To schedule", "state:triaged,ready_to_schedule,schedule_proposed"),
    ("To dispatch", "state:scheduled"),
    ("In the field", "phase:dispatched,onsite"),
    ("Waiting for approval", "state:approval_required"),
    ("To verify, bill or close", "phase:closeout_pending"),
    ("Closed and cancelled", "state:closed,cancelled"),
];

/// The name of the view that shows through a filter.
pub fn name_of<'a>(views: &'a [SavedView], filter: &str) -> Option<&'a str> {
    let kept = views.iter().map(|view| (view.name.as_str(), view.filter.as_str()));
    VIEWS.iter().copied().chain(kept).find(|(_, of)| *of == filter).map(|(name, _)| name)
}

/// Whether a name belongs to a view that no key can change.
pub fn is_given(views: &[SavedView], name: &str) -> bool {
    VIEWS.iter().any(|(given, _)| *given == name) || views.iter().any(|view| !view.is_kept && view.name == name)
}

/// Keeps a filter under a name; another filter that was kept under it goes.
pub fn keep(views: &mut Vec<SavedView>, name: String, filter: String) -> Effect {
    views.retain(|view| !view.is_kept || view.name != name);
    views.push(SavedView { name, filter, is_kept: true });
    kept(views)
}

/// Forgets a view that was kept.
pub fn forget(views: &mut Vec<SavedView>, name: &str) -> Effect {
    views.retain(|view| !view.is_kept || view.name != name);
    kept(views)
}

fn kept(views: &[SavedView]) -> Effect {
    let kept = views.iter().filter(|view| view.is_kept);
    let all: Map<_, _> = kept.map(|view| (view.name.clone(), json!(view.filter))).collect();
    Effect::KeepChoice { key: "views", value: all.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::filter::RowFilter;

    #[test]
    fn every_view_is_a_filter() {
        for (name, filter) in VIEWS {
            assert!(RowFilter::parse(filter).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_kept_view_can_be_kept_anew_and_forgotten_and_a_given_one_cannot() {
        let given = SavedView { name: "Mine".to_owned(), filter: "pri:urgent".to_owned(), is_kept: false };
        let mut views = vec![given.clone()];
        assert!(is_given(&views, "Mine") && is_given(&views, "To triage") && !is_given(&views, "Piers"));
        keep(&mut views, "Piers".to_owned(), "pier 9".to_owned());
        let last = keep(&mut views, "Piers".to_owned(), "pier".to_owned());
        assert_eq!(last, Effect::KeepChoice { key: "views", value: json!({"Piers": "pier"}) });
        assert_eq!(forget(&mut views, "Mine"), last);
        forget(&mut views, "Piers");
        assert_eq!(views, [given]);
    }
}
