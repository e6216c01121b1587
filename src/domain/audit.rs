//! The audit trail: events in hash chains, one chain a ticket (CONTRACT.md 9.4). Whether a chain is
//! whole is found out in [`super::chain`].

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::actor::ActorType;
use super::canonical;
use super::state::State;
use super::time::Timestamp;

/// The chain of everything that belongs to no ticket.
pub const SYSTEM_CHAIN: &str = "system";

/// The last link of a chain; `seq` 0 where there is none yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Head {
    pub seq: i64,
    pub hash: Option<String>,
    pub at: Option<Timestamp>,
}

impl Head {
    /// When the next link is at the earliest: time never runs backwards within a chain.
    pub fn not_before(&self, now: Timestamp) -> Timestamp {
        self.at.map_or(now, |last| last.max(now))
    }
}

/// One link: every column of `audit_events`, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub id: Uuid,
    pub ticket_id: Option<Uuid>,
    pub chain: Option<String>,
    pub seq: Option<i64>,
    pub actor_type: ActorType,
    pub actor_id: String,
    pub actor_role: Option<String>,
    pub tool_name: String,
    pub request_id: Option<Uuid>,
    pub correlation_id: Option<String>,
    pub trace_id: Option<String>,
    pub before_state: Option<State>,
    pub after_state: Option<State>,
    pub payload: Value,
    pub prev_hash: Option<String>,
    pub hash: Option<String>,
    pub created_at: Timestamp,
}

impl Event {
    /// SHA-256 of the canonical JSON of all columns but the hash itself.
    pub fn digest(&self) -> String {
        let mut value = canonical::to_value(self);
        if let Value::Object(columns) = &mut value {
            columns.shift_remove("hash");
        }
        canonical::hash(&value)
    }

    /// The head of the chain once this event is its last link.
    pub fn head(&self) -> Head {
        Head { seq: self.seq.unwrap_or(0), hash: self.hash.clone(), at: Some(self.created_at) }
    }
}
