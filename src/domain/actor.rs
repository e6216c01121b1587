//! Who calls, in which role, and over which accounts and sites (CONTRACT.md 4).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refusal::{Code, Refusal};
use super::words::words;

words! {
    /// What kind of caller.
    pub enum ActorType {
        Human = "HUMAN",
        Agent = "AGENT",
        Service = "SERVICE",
        System = "SYSTEM",
    }
}

words! {
    /// The canonical roles.
    pub enum Role {
        Dispatcher = "dispatcher",
        Technician = "technician",
        Customer = "customer",
        Approver = "approver",
        Qa = "qa",
        Finance = "finance",
        Agent = "agent",
        Admin = "admin",
        Audit = "audit",
        System = "system",
    }
}

impl Role {
    /// A role as people and tokens write it: trimmed, any case, aliases resolved.
    pub fn from_input(word: &str) -> Option<Self> {
        match word.trim().to_lowercase().as_str() {
            "tech" => Some(Self::Technician),
            "dispatcher_admin" | "assistant" | "bot" => Some(Self::Dispatcher),
            canonical => Self::parse(canonical),
        }
    }
}

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub actor_type: ActorType,
    pub id: String,
    pub role: Role,
    /// The operating-system user and host behind a configured actor id, for the audit trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_login: Option<String>,
}

impl Actor {
    /// An actor of a type, by id and role.
    pub fn new(actor_type: ActorType, id: impl Into<String>, role: Role) -> Self {
        Self { actor_type, id: id.into(), role, system_login: None }
    }

    /// A person, or an agent where the role is `agent`: what the cockpit and command line speak for.
    pub fn local(id: impl Into<String>, role: Role) -> Self {
        let actor_type = if role == Role::Agent { ActorType::Agent } else { ActorType::Human };
        Self::new(actor_type, id, role)
    }
}

/// One of the two scope lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// `*`
    All,
    /// Exactly these ids; an empty list allows nothing.
    Only(Vec<Uuid>),
}

impl Reach {
    /// The ids it is narrowed to; none where it is `*`.
    pub fn ids(&self) -> Option<&[Uuid]> {
        match self {
            Self::All => None,
            Self::Only(ids) => Some(ids),
        }
    }

    fn holds(&self, id: Uuid) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(&id),
        }
    }
}

/// The accounts and sites a caller may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub accounts: Reach,
    pub sites: Reach,
}

impl Scope {
    /// Everything: what whoever may open the database has.
    pub const ALL: Self = Self { accounts: Reach::All, sites: Reach::All };

    /// Refuses an account or site out of scope, the account first.
    pub fn check(&self, account: Uuid, site: Uuid) -> Result<(), Refusal> {
        for (field, reach, id) in [("account_id", &self.accounts, account), ("site_id", &self.sites, site)] {
            if !reach.holds(id) {
                let mut refusal = Refusal::new(
                    Code::ForbiddenScope,
                    "This ticket belongs to an account or site outside your scope. Ask for access to it, or choose one of yours.",
                )
                .with("scope_field", field);
                if matches!(reach, Reach::Only(ids) if !ids.is_empty()) {
                    refusal = refusal.with("target_id", id.to_string());
                }
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Refuses where a list is empty: nothing can be in such a scope.
    pub fn check_something(&self) -> Result<(), Refusal> {
        for (field, reach) in [("account_id", &self.accounts), ("site_id", &self.sites)] {
            if matches!(reach, Reach::Only(ids) if ids.is_empty()) {
                return Err(Refusal::new(
                    Code::ForbiddenScope,
                    "Your scope holds no account or no site, so there is nothing to show. Ask for access.",
                )
                .with("scope_field", field));
            }
        }
        Ok(())
    }

    /// Refuses unless both lists hold `*`, as changes to master data require.
    pub fn check_everything(&self) -> Result<(), Refusal> {
        for (field, reach) in [("account_id", &self.accounts), ("site_id", &self.sites)] {
            if *reach != Reach::All {
                return Err(Refusal::new(
                    Code::ForbiddenScope,
                    "This call concerns every account and site, so it needs a scope of * in both lists. Ask somebody who has it.",
                )
                .with("scope_field", field));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_trimmed_lowered_and_their_aliases_resolved() {
        assert_eq!(Role::from_input("  Tech "), Some(Role::Technician));
        assert_eq!(Role::from_input("BOT"), Some(Role::Dispatcher));
        assert_eq!(Role::from_input("assistant"), Some(Role::Dispatcher));
        assert_eq!(Role::from_input("dispatcher_admin"), Some(Role::Dispatcher));
        assert_eq!(Role::from_input("root"), None);
    }

    #[test]
    fn the_account_is_judged_before_the_site_and_an_empty_list_names_nothing() {
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let scope = Scope { accounts: Reach::Only(vec![mine]), sites: Reach::Only(vec![]) };
        let refusal = scope.check(other, other).unwrap_err();
        assert_eq!(refusal.field("scope_field"), Some(&"account_id".into()));
        assert_eq!(refusal.field("target_id"), Some(&other.to_string().into()));
        let refusal = scope.check(mine, other).unwrap_err();
        assert_eq!(refusal.field("scope_field"), Some(&"site_id".into()));
        assert_eq!(refusal.field("target_id"), None);
        assert!(Scope::ALL.check(mine, other).is_ok());
    }
}
