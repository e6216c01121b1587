//! Messages to customers and technicians, and the keys that keep each from going out twice
//! (CONTRACT.md 10).

use serde_json::{Value, json};
use uuid::Uuid;

use super::canonical;
use super::case::{CaseFile, Context, Message};

/// Whom a message reaches when nobody left a number.
const UNKNOWN_RECIPIENT: &str = "UNKNOWN_RECIPIENT";

/// A promise about to be made, and what is said about it.
#[derive(Debug)]
pub struct Promise<'a> {
    pub ticket_id: Uuid,
    /// `schedule.confirm.sms` or `assignment.dispatch.sms`.
    pub event_type: &'static str,
    /// What identifies this promise beside ticket and event type.
    pub identity: Value,
    pub to: Option<&'a str>,
    pub body: String,
    pub reason: &'static str,
}

impl Promise<'_> {
    /// `<ticket>:<event>:<hash>`, the same for every repetition of the same promise.
    fn state_transition_id(&self) -> String {
        let mut identity = self.identity.clone();
        identity["ticket_id"] = json!(self.ticket_id);
        identity["event_type"] = json!(self.event_type);
        format!("{}:{}:{}", self.ticket_id, self.event_type, canonical::hash(&identity))
    }

    /// The outbox message, and the promise's `state_transition_id` for the audit event. A later,
    /// legal repetition gets `:<n>` appended to its key, counting the events before it.
    pub fn message(&self, case: &CaseFile, context: &Context<'_>) -> (Message, String) {
        let promise_id = self.state_transition_id();
        let earlier = case.promises.iter().filter(|earlier| **earlier == promise_id).count();
        let mut key = format!("{}:{}:{promise_id}", self.ticket_id, self.event_type);
        if earlier > 0 {
            key = format!("{key}:{}", earlier + 1);
        }
        let transition_id = context.event_id();
        let payload = json!({
            "channel": "SMS",
            "to": self.to.unwrap_or(UNKNOWN_RECIPIENT),
            "body": self.body,
            "state_transition_id": promise_id,
            "transition_id": transition_id,
            "event_type": self.event_type,
            "aggregate_type": "ticket",
            "aggregate_id": self.ticket_id,
            "message_key": key,
            "payload": {
                "reason": self.reason,
                "state_transition_id": promise_id,
                "transition_id": transition_id,
            },
        });
        let message = Message { id: context.ordered_id(1), event_type: self.event_type, idempotency_key: key, payload };
        (message, promise_id)
    }
}
