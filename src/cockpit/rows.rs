//! The rows of the queue as the cockpit keeps them: small, because there may be 100,000.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::policy::Policy;
use crate::domain::sla::{self, Reading};
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

/// Something with an id and a name, shared by its rows: an account, a technician.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Named {
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
    pub account: Arc<Named>,
    pub tech: Option<Arc<Named>>,
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
}
