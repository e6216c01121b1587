//! The calls of this cockpit: those under way, and the last ones answered.

use std::collections::VecDeque;

use serde_json::Value;
use uuid::Uuid;

use super::envelope::{Draft, Envelope};
use super::msg::{CallNews, Why};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::Reply;

/// How many answered calls are remembered.
const REMEMBERED: usize = 200;

/// How a call stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// On its way.
    Sent,
    /// Kept until the database is back.
    Waits,
    /// It goes only if somebody says so once more.
    Asks(Why),
    /// Accepted; what the answer says in one line.
    Done(String),
    Refused(Refusal),
    /// Taken back before it was sent.
    Withdrawn,
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub envelope: Envelope,
    pub standing: Standing,
    /// When it came to stand so.
    pub since: Timestamp,
}

impl Entry {
    /// Whether its answer is still to come.
    pub fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Sent | Standing::Waits | Standing::Asks(_))
    }
}

/// All of them, the newest last.
#[derive(Debug, Default)]
pub struct Calls(VecDeque<Entry>);

impl Calls {
    /// The newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().rev()
    }

    /// Those that are not answered.
    pub fn open(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(|entry| entry.is_open())
    }

    /// Whether a call on a ticket is under way.
    pub fn is_running(&self, ticket: Uuid) -> bool {
        self.open().any(|entry| entry.envelope.ticket_id() == Some(ticket))
    }

    /// A call by its request id.
    pub fn get(&self, id: Uuid) -> Option<&Entry> {
        self.0.iter().rev().find(|entry| entry.envelope.request_id == id)
    }

    /// Takes what was typed into a call's form. What was seen there stays known.
    pub fn take_draft(&mut self, id: Uuid) -> Option<Box<Draft>> {
        let entry = self.0.iter_mut().rev().find(|entry| entry.envelope.request_id == id)?;
        let draft = entry.envelope.draft.as_mut().filter(|draft| draft.is_something())?;
        let taken = draft.clone();
        if let Some(said) = draft.said.as_object_mut() {
            said.shift_remove("fields");
        }
        Some(taken)
    }

    /// Notes a call that was just pressed.
    pub fn pressed(&mut self, envelope: Envelope, now: Timestamp) {
        self.0.push_back(Entry { envelope, standing: Standing::Sent, since: now });
        while self.0.len() > REMEMBERED {
            let Some(oldest) = self.0.iter().position(|entry| !entry.is_open()) else { break };
            self.0.remove(oldest);
        }
    }

    /// Notes how a call stands.
    pub fn stands(&mut self, id: Uuid, standing: Standing, now: Timestamp) {
        if let Some(entry) = self.0.iter_mut().rev().find(|entry| entry.envelope.request_id == id) {
            (entry.standing, entry.since) = (standing, now);
        }
    }

    /// Notes what is heard of a call.
    pub fn hear(&mut self, news: &CallNews, now: Timestamp) {
        let (id, standing) = match news {
            CallNews::Adopted(envelope) => return self.pressed(envelope.clone(), now),
            CallNews::Sent(id) => (*id, Standing::Sent),
            CallNews::Waits(id) => (*id, Standing::Waits),
            CallNews::Withdrawn(id) => (*id, Standing::Withdrawn),
            CallNews::Asks { envelope, why } => (envelope.request_id, Standing::Asks(*why)),
            CallNews::Answered { envelope, outcome } => {
                let standing = match outcome {
                    Ok(reply) => Standing::Done(said(reply)),
                    Err(refused) => Standing::Refused(refused.refusal.clone()),
                };
                (envelope.request_id, standing)
            }
        };
        self.stands(id, standing, now);
    }
}

/// What an answer says, in a few words: where the ticket stands, or what was made.
pub fn said(reply: &Reply) -> String {
    let body = reply.json();
    let ticket = if body["ticket"].is_object() { &body["ticket"] } else { &body };
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let text = match (word(&ticket["number"]), word(&ticket["state"])) {
        (Some(number), Some(state)) => format!("{number} is {}", state.replace('_', " ")),
        _ => word(&body["name"]).or_else(|| word(&body["kind"])).unwrap_or_else(|| "done".to_owned()),
    };
    if reply.replayed { format!("{text} (answered before)") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::envelope::Target;
    use crate::domain::actor::{Actor, Role};
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::clamped(second * 1_000_000)
    }

    fn envelope(ticket: u128) -> Envelope {
        Envelope {
            request_id: Uuid::now_v7(),
            pressed_at: at(0),
            tool: "ticket.triage".to_owned(),
            target: Target::Ticket { id: Uuid::from_u128(ticket), number: "T-1".to_owned() },
            payload: json!({}),
            if_version: None,
            actor: Actor::local("maria", Role::Dispatcher),
            upload: None,
            draft: None,
        }
    }

    #[test]
    fn a_ticket_runs_until_its_call_is_answered() {
        let mut calls = Calls::default();
        let call = envelope(1);
        calls.pressed(call.clone(), at(0));
        assert!(calls.is_running(Uuid::from_u128(1)) && !calls.is_running(Uuid::from_u128(2)));
        calls.hear(&CallNews::Waits(call.request_id), at(1));
        assert!(calls.is_running(Uuid::from_u128(1)));
        let body = json!({"number": "T-1", "state": "IN_PROGRESS"}).to_string();
        let outcome = Ok(Reply { status: 200, body, replayed: true });
        calls.hear(&CallNews::Answered { envelope: call.clone(), outcome }, at(2));
        assert!(!calls.is_running(Uuid::from_u128(1)));
        let expected = Standing::Done("T-1 is IN PROGRESS (answered before)".to_owned());
        assert_eq!(calls.get(call.request_id).unwrap().standing, expected);
    }

    #[test]
    fn what_is_not_answered_is_never_forgotten() {
        let mut calls = Calls::default();
        let open = envelope(1);
        calls.pressed(open.clone(), at(0));
        for _ in 0..2 * REMEMBERED {
            let call = envelope(2);
            calls.pressed(call.clone(), at(0));
            calls.stands(call.request_id, Standing::Done(String::new()), at(0));
        }
        assert!(calls.newest_first().count() <= REMEMBERED + 1);
        assert!(calls.get(open.request_id).is_some());
    }
}
