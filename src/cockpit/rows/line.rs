//! One row as the cockpit keeps it: small, because there may be 100,000; what many rows share is kept
//! once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::filter::Columns;
use crate::domain::policy::Policy;
use crate::domain::queue::Row;
use crate::domain::sla::{self, Reading, SlaClock, SlaStatus};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;

/// A site, shared by its rows.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Site {
    pub id: Uuid,
    pub name: String,
    pub city: String,
    pub region: Option<String>,
    pub region_weight: i32,
}

/// An account, shared by its rows.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Account {
    pub id: Uuid,
    pub name: String,
}

/// A technician, shared by their rows.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Tech {
    pub id: String,
    pub name: String,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub id: Uuid,
    pub number: Box<str>,
    pub state: State,
    pub priority: Priority,
    pub incident_type: Option<Arc<str>>,
    pub summary: Box<str>,
    pub site: Arc<Site>,
    pub account: Arc<Account>,
    pub tech: Option<Arc<Tech>>,
    pub provider: Option<Uuid>,
    pub scheduled_start: Option<Timestamp>,
    pub created_at: Timestamp,
    pub last_update_at: Timestamp,
    pub deadline: Timestamp,
    /// Since when the clock stands still, where it does.
    pub stopped_at: Option<Timestamp>,
    pub version: i64,
    pub seq: i64,
}

impl Line {
    /// The clock, read at a moment.
    pub fn reading(&self, policy: &Policy, now: Timestamp) -> Reading {
        let target = policy.sla_target_minutes(self.priority);
        let start = self.deadline.plus_minutes(-target);
        sla::read(policy, self.priority, self.state, start, self.stopped_at.unwrap_or(now), now)
    }

    /// Whether the clock stands still.
    pub fn is_stopped(&self) -> bool {
        self.state.stops_clock()
    }

    /// The moment as of which the clock is read: a stopped one stands.
    pub fn clock_at(&self, now: Timestamp) -> Timestamp {
        self.stopped_at.unwrap_or(now)
    }
}

/// A row with the policy by which its clock is read, for filters.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a>(pub &'a Line, pub &'a Policy);

impl Columns for Judged<'_> {
    fn number(&self) -> &str {
        &self.0.number
    }
    fn state(&self) -> State {
        self.0.state
    }
    fn priority(&self) -> Priority {
        self.0.priority
    }
    fn incident_type(&self) -> Option<&str> {
        self.0.incident_type.as_deref()
    }
    fn summary(&self) -> &str {
        &self.0.summary
    }
    fn site_id(&self) -> Uuid {
        self.0.site.id
    }
    fn site_name(&self) -> &str {
        &self.0.site.name
    }
    fn site_city(&self) -> &str {
        &self.0.site.city
    }
    fn region(&self) -> Option<&str> {
        self.0.site.region.as_deref()
    }
    fn account_id(&self) -> Uuid {
        self.0.account.id
    }
    fn account_name(&self) -> &str {
        &self.0.account.name
    }
    fn tech_id(&self) -> Option<&str> {
        self.0.tech.as_ref().map(|tech| tech.id.as_str())
    }
    fn tech_name(&self) -> Option<&str> {
        self.0.tech.as_ref().map(|tech| tech.name.as_str())
    }
    fn provider_id(&self) -> Option<Uuid> {
        self.0.provider
    }
    fn created_at(&self) -> Timestamp {
        self.0.created_at
    }
    fn sla(&self, now: Timestamp) -> (SlaStatus, SlaClock) {
        let reading = self.0.reading(self.1, now);
        (reading.status, reading.clock)
    }
}

/// What many rows share, each kept once.
#[derive(Debug, Default)]
pub(super) struct Shared {
    sites: HashSet<Arc<Site>>,
    accounts: HashSet<Arc<Account>>,
    techs: HashSet<Arc<Tech>>,
    types: HashSet<Arc<str>>,
}

/// The one copy of a value.
fn once<T: Hash + Eq>(set: &mut HashSet<Arc<T>>, value: T) -> Arc<T> {
    if let Some(known) = set.get(&value) {
        return Arc::clone(known);
    }
    let new = Arc::new(value);
    set.insert(Arc::clone(&new));
    new
}

impl Shared {
    /// The row, sharing what is known.
    pub(super) fn line(&mut self, row: Row) -> Line {
        let incident_type = row.incident_type.map(|kind| {
            self.types.get(kind.as_str()).cloned().unwrap_or_else(|| {
                let new: Arc<str> = kind.into();
                self.types.insert(Arc::clone(&new));
                new
            })
        });
        let tech = row.assigned_tech.map(|id| {
            let name = row.assigned_tech_name.unwrap_or_else(|| id.clone());
            once(&mut self.techs, Tech { id, name })
        });
        // The clock as the row tells it: one that stands still stands somewhere in the minute that it says,
        // and where that minute is the first to warn, before its end if it does not warn.
        let seconds = if row.sla_status == SlaStatus::Healthy { 59_000 } else { 0 };
        let left = row.sla_timer_remaining_minutes.saturating_mul(60_000).saturating_add(seconds);
        let stopped_at = (row.sla_clock == SlaClock::Stopped)
            .then(|| Timestamp::clamped(row.sla_deadline_at.millis().saturating_sub(left).saturating_mul(1_000)));
        Line {
            id: row.ticket_id,
            number: row.number.into(),
            state: row.state,
            priority: row.priority,
            incident_type,
            summary: row.summary.into(),
            site: once(
                &mut self.sites,
                Site {
                    id: row.site.id,
                    name: row.site.name,
                    city: row.site.city,
                    region: row.site_region,
                    region_weight: row.region_weight,
                },
            ),
            account: once(&mut self.accounts, Account { id: row.account_id, name: row.account_name }),
            tech,
            provider: row.assigned_provider_id,
            scheduled_start: row.scheduled_start,
            created_at: row.created_at,
            last_update_at: row.last_update_at,
            deadline: row.sla_deadline_at,
            stopped_at,
            version: row.version,
            seq: row.seq,
        }
    }
}
