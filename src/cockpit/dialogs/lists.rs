//! What the choices offer: views, roles, themes, kinds of master data.

use super::choice::{Choice, Entry, Pick};
use crate::cockpit::known::Known;
use crate::cockpit::theme::Theme;
use crate::cockpit::views::VIEWS;
use crate::domain::actor::Role;
use crate::domain::directory::Kind;
use crate::domain::registry;

/// The roles in which one can work here: those that may look at a case.
pub const ROLES: &[Role] = &[Role::Dispatcher, Role::Technician, Role::Approver, Role::Qa, Role::Finance, Role::Agent];

/// The saved views; and to keep the filter that counts as one, or to forget the one it was kept as.
pub fn views(known: &Known, current: &str) -> Choice {
    let entry = |name: &str, filter: &str| Entry {
        label: name.to_owned(),
        detail: if filter.is_empty() { "everything that is not closed".to_owned() } else { filter.to_owned() },
        is_current: filter == current,
        pick: Pick::Filter(filter.to_owned()),
    };
    let mut entries: Vec<Entry> = VIEWS.iter().map(|(name, filter)| entry(name, filter)).collect();
    entries.extend(known.views.iter().map(|view| entry(&view.name, &view.filter)));
    if let Some(view) = known.views.iter().find(|view| view.is_kept && view.filter == current) {
        entries.push(Entry {
            label: "Forget this view".to_owned(),
            detail: view.name.clone(),
            is_current: false,
            pick: Pick::ForgetView(view.name.clone()),
        });
    } else if !current.is_empty() && !entries.iter().any(|entry| entry.is_current) {
        entries.push(Entry {
            label: "Keep this filter as a view".to_owned(),
            detail: current.to_owned(),
            is_current: false,
            pick: Pick::NameView(current.to_owned()),
        });
    }
    Choice::new("Views", entries)
}

/// The roles, each with the tools that it may call.
pub fn roles(known: &Known) -> Choice {
    let entries = ROLES.iter().map(|&role| {
        let tools = registry::tools().iter().filter(|tool| tool.mutating && tool.spec.roles.contains(&role));
        let names: Vec<&str> = tools.map(|tool| tool.spec.name).collect();
        Entry {
            label: role.to_string(),
            detail: names.join(", "),
            is_current: role == known.actor.role,
            pick: Pick::Role(role),
        }
    });
    Choice::new("Act as", entries.collect())
}

/// The themes.
pub fn themes(all: &[Theme], current: &Theme) -> Choice {
    let entries = all.iter().map(|theme| Entry {
        label: theme.name.clone(),
        detail: String::new(),
        is_current: theme.name == current.name,
        pick: Pick::Theme(theme.name.clone()),
    });
    Choice::new("Theme", entries.collect())
}

/// The kinds of master data.
pub fn kinds() -> Choice {
    let entries = Kind::ALL.iter().map(|kind| Entry {
        label: kind.to_string(),
        detail: format!("add or change {kind}"),
        is_current: false,
        pick: Pick::Kind(*kind),
    });
    Choice::new("Master data", entries.collect())
}
