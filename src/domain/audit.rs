//! The audit trail: events in hash chains, one chain a ticket (CONTRACT.md 9.4).

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

/// The first thing that is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Break {
    pub chain: String,
    pub seq: i64,
    pub event_id: Option<Uuid>,
    pub what: String,
}

/// Walks one chain, link by link, in the order of `seq`.
#[derive(Debug, Default)]
pub struct Walk {
    chain: String,
    seq: i64,
    hash: Option<String>,
}

impl Walk {
    /// A walk along the chain of this name.
    pub fn along(chain: impl Into<String>) -> Self {
        Self { chain: chain.into(), seq: 0, hash: None }
    }

    fn broken(&self, seq: i64, event_id: Option<Uuid>, what: impl Into<String>) -> Break {
        Break { chain: self.chain.clone(), seq, event_id, what: what.into() }
    }

    /// Looks at the next link.
    pub fn link(&mut self, event: &Event) -> Result<(), Break> {
        let seq = event.seq.unwrap_or(0);
        if seq != self.seq + 1 {
            let what = format!("link {} is missing: the next one found is {seq}", self.seq + 1);
            return Err(self.broken(self.seq + 1, None, what));
        }
        if event.ticket_id.map_or_else(|| SYSTEM_CHAIN.to_owned(), |id| id.to_string()) != self.chain {
            return Err(self.broken(seq, Some(event.id), "ticket_id does not belong to this chain"));
        }
        if event.prev_hash != self.hash {
            return Err(self.broken(
                seq,
                Some(event.id),
                "prev_hash is not the hash of the link before: a link was replaced, moved or removed",
            ));
        }
        let digest = event.digest();
        if event.hash.as_deref() != Some(&digest) {
            return Err(self.broken(seq, Some(event.id), "hash does not fit the row: one of its columns was changed"));
        }
        self.seq = seq;
        self.hash = Some(digest);
        Ok(())
    }

    /// Compares the end of the walk with the head that was recorded elsewhere.
    pub fn end(&self, head: &Head) -> Result<(), Break> {
        if self.seq != head.seq {
            return Err(self.broken(
                self.seq + 1,
                None,
                format!("the chain ends at link {} but its head says {}", self.seq, head.seq),
            ));
        }
        if self.hash != head.hash {
            return Err(self.broken(self.seq, None, "the last link is not the one its head names"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chain(length: i64) -> Vec<Event> {
        let ticket_id = Uuid::from_u128(7);
        let mut events: Vec<Event> = Vec::new();
        for seq in 1..=length {
            let mut event = Event {
                id: Uuid::from_u128(u128::from(seq.unsigned_abs())),
                ticket_id: Some(ticket_id),
                chain: Some(ticket_id.to_string()),
                seq: Some(seq),
                actor_type: ActorType::Human,
                actor_id: "maria".into(),
                actor_role: Some("dispatcher".into()),
                tool_name: "ticket.create".into(),
                request_id: None,
                correlation_id: None,
                trace_id: None,
                before_state: None,
                after_state: Some(State::New),
                payload: json!({"n": seq}),
                prev_hash: events.last().and_then(|last| last.hash.clone()),
                hash: None,
                created_at: Timestamp::parse("2026-01-01T00:00:00.000Z").unwrap(),
            };
            event.hash = Some(event.digest());
            events.push(event);
        }
        events
    }

    fn walk(events: &[Event]) -> Result<(), Break> {
        let whole = chain(4);
        let mut walk = Walk::along(Uuid::from_u128(7).to_string());
        for event in events {
            walk.link(event)?;
        }
        walk.end(&whole[3].head())
    }

    #[test]
    fn a_whole_chain_passes() {
        assert_eq!(walk(&chain(4)), Ok(()));
    }

    #[test]
    fn every_way_of_tampering_is_told_apart() {
        let mut edited = chain(4);
        edited[1].payload = json!({"n": 3});
        assert!(walk(&edited).unwrap_err().what.contains("columns was changed"));
        assert_eq!(walk(&edited).unwrap_err().seq, 2);

        let mut removed = chain(4);
        removed.remove(1);
        assert_eq!(walk(&removed).unwrap_err().what, "link 2 is missing: the next one found is 3");

        let truncated = &chain(4)[..3];
        assert_eq!(walk(truncated).unwrap_err().what, "the chain ends at link 3 but its head says 4");

        let mut swapped = chain(4);
        let (one, two) = (swapped[1].payload.clone(), swapped[2].payload.clone());
        swapped[1].payload = two;
        swapped[2].payload = one;
        assert_eq!(walk(&swapped).unwrap_err().seq, 2);

        let mut forged = chain(4);
        forged[1].payload = json!("forged");
        forged[1].hash = Some(forged[1].digest());
        assert_eq!(walk(&forged).unwrap_err().seq, 3, "the link after it no longer fits");
    }
}
