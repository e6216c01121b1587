//! What the cockpit knows, whatever it shows of it.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::calls::Calls;
use super::effect::Stamp;
use super::keymap::Keymap;
use super::msg::{CaseData, Present};
use super::part::World;
use super::rows::{Line, Rows};
use super::theme::Theme;
use super::views::SavedView;
use super::zone::Zone;
use crate::domain::actor::Actor;
use crate::domain::policy::Bundle;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// How many cases are kept for a second look.
const CASES: usize = 64;

/// How the cockpit stands with the database.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// Nothing was read yet, and why, as far as is known.
    Opening(String),
    Live,
    /// No answer, since when, and why as far as is known.
    Away {
        since: Timestamp,
        why: String,
    },
    /// The queue cannot be read in this role.
    Refused(Refusal),
}

/// All that is known.
#[derive(Debug)]
pub struct Known {
    pub theme: Theme,
    pub keymap: Keymap,
    pub actor: Actor,
    pub bundle: Arc<Bundle>,
    /// What the header calls the place: a company, a database.
    pub place: String,
    /// Whether the database is the private one, which `dispatch db start` starts.
    pub is_private: bool,
    pub rows: Rows,
    /// Whether all pages of the queue have come.
    pub is_complete: bool,
    /// Rows that are not open work: found by a search, or closed while they were looked at.
    pub guests: HashMap<Uuid, Line>,
    cases: Vec<(Uuid, Arc<CaseData>)>,
    pub drafts: HashMap<String, Value>,
    pub calls: Calls,
    /// The ticket whose case could not be read, and why.
    pub trouble: Option<(Uuid, String)>,
    /// Who else has the ticket open that is selected here.
    pub present: Option<(Uuid, Vec<Present>)>,
    pub link: Link,
    /// The database's time up to which everything is known.
    pub as_of: Option<Timestamp>,
    /// The zone of whoever sits here.
    pub zone: Zone,
    /// This machine's time, and how far the database's is ahead of it, in milliseconds.
    pub local: Timestamp,
    ahead: i64,
    /// Tickets that changed since they were last looked at.
    pub unread: HashSet<Uuid>,
    /// New breaches and emergencies that nobody acknowledged.
    pub alarms: BTreeSet<Uuid>,
    /// Those that became so a moment ago.
    pub flashing: Vec<(Uuid, Timestamp)>,
    pub views: Vec<SavedView>,
    pub stamps: Cell<Stamp>,
}

impl Known {
    /// At the start nothing is known but who acts, and the time of this machine.
    pub fn new(theme: Theme, keymap: Keymap, actor: Actor, bundle: Arc<Bundle>, local: Timestamp) -> Self {
        Self {
            theme,
            keymap,
            actor,
            bundle,
            place: String::new(),
            is_private: false,
            rows: Rows::default(),
            is_complete: false,
            guests: HashMap::new(),
            cases: Vec::new(),
            drafts: HashMap::new(),
            calls: Calls::default(),
            trouble: None,
            present: None,
            link: Link::Opening(String::new()),
            as_of: None,
            zone: Zone::UTC,
            local,
            ahead: 0,
            unread: HashSet::new(),
            alarms: BTreeSet::new(),
            flashing: Vec::new(),
            views: Vec::new(),
            stamps: Cell::new(0),
        }
    }

    /// The database's time, as far as it is known.
    pub fn now(&self) -> Timestamp {
        Timestamp::clamped((self.local.millis().saturating_add(self.ahead)).saturating_mul(1_000))
    }

    /// Hears the database's time. Small differences are the way of the answer, not the clock's.
    pub fn heard(&mut self, at: Timestamp) {
        let ahead = at.millis() - self.local.millis();
        if (ahead - self.ahead).abs() > 1_500 {
            self.ahead = ahead;
        }
        self.as_of = Some(at);
        self.link = Link::Live;
    }

    /// Whether a ticket's row lights up: for a moment after its promise broke.
    pub fn flashes(&self, id: Uuid) -> bool {
        self.flashing.iter().any(|(of, _)| *of == id)
    }

    /// How old the data is, in seconds.
    pub fn age_seconds(&self) -> Option<i64> {
        self.as_of.map(|as_of| ((self.now().millis() - as_of.millis()) / 1_000).max(0))
    }

    /// A ticket's row, open or found.
    pub fn row(&self, id: Uuid) -> Option<&Line> {
        self.rows.get(id).or_else(|| self.guests.get(&id))
    }

    /// A case that was read before.
    pub fn case(&self, id: Uuid) -> Option<&CaseData> {
        self.cases.iter().find(|(of, _)| *of == id).map(|(_, case)| case.as_ref())
    }

    /// Keeps a case; the one that was read longest ago goes.
    pub fn keep_case(&mut self, id: Uuid, case: Arc<CaseData>) {
        self.cases.retain(|(of, _)| *of != id);
        if self.cases.len() >= CASES {
            self.cases.remove(0);
        }
        self.cases.push((id, case));
    }

    /// Forgets what was read in another role, which may see other things.
    pub fn forget_cases(&mut self) {
        self.cases.clear();
    }

    /// A stamp that was never used.
    pub fn stamp(&self) -> Stamp {
        self.stamps.set(self.stamps.get() + 1);
        self.stamps.get()
    }

    /// What parts may look at, with a ticket selected or none.
    pub fn world(&self, selected: Option<Uuid>) -> World<'_> {
        World {
            theme: &self.theme,
            keymap: &self.keymap,
            actor: &self.actor,
            now: self.now(),
            policy: &self.bundle.policy,
            row: selected.and_then(|id| self.row(id)),
            case: selected.and_then(|id| self.case(id)),
            drafts: &self.drafts,
            is_live: self.link == Link::Live,
            stamps: &self.stamps,
            known: self,
        }
    }
}
