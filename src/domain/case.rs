//! What a decision depends on and what it consists of.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::actor::Actor;
use super::audit::Head;
use super::directory::Master;
use super::policy::Policy;
use super::state::State;
use super::ticket::{
    Approval, Artifact, Completion, EvidenceException, EvidenceItem, QaResult, Site, StoredTicket, Technician,
};
use super::time::Timestamp;

/// Everything one decision may depend on. A field that the call does not need may be empty.
#[derive(Debug, Clone, Default)]
pub struct CaseFile {
    pub ticket: Option<StoredTicket>,
    /// The ticket's site, or the one a new ticket names.
    pub site: Option<Site>,
    /// The account a new ticket names, where it exists.
    pub account_id: Option<Uuid>,
    /// The asset a new ticket names, where it exists: its id and its site's.
    pub asset: Option<(Uuid, Uuid)>,
    /// The technician the call names.
    pub technician: Option<Technician>,
    pub approvals: Vec<Approval>,
    /// In the order of (`created_at`, `id`), as everywhere.
    pub evidence: Vec<EvidenceItem>,
    pub exceptions: Vec<EvidenceException>,
    /// The newest accepted completion.
    pub completion: Option<Completion>,
    /// The newest result of a verification.
    pub verification: Option<QaResult>,
    /// The recommendation the call names: its first choice, where it exists.
    pub recommendation: Option<Option<String>>,
    /// The `state_transition_id` of each promise made on this ticket so far (section 10).
    pub promises: Vec<String>,
    /// The head of the chain that the event will be appended to.
    pub head: Head,
    /// What probes saw of the evidence; `None` where the HEAD check is off (7.8).
    pub probes: Option<super::closeout::Probes>,
    /// What directory.upsert changes, and the records it names.
    pub master: Master,
}

/// What surrounds a decision: who, when, under which policy, and names for what it makes.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub actor: &'a Actor,
    /// The event's time: never before the chain's last event.
    pub now: Timestamp,
    pub policy: &'a Policy,
    pub policy_hash: &'a str,
    pub request_id: Option<Uuid>,
    pub correlation_id: Option<&'a str>,
    pub trace_id: Option<&'a str>,
    /// The number that a new ticket gets; none in a preview, so that looking burns no number.
    pub number: Option<&'a str>,
    /// The source a new ticket was imported from, and its id there.
    pub source: Option<(&'a str, &'a str)>,
    /// Where the ids of new things come from; as random as the shell makes it.
    pub seed: Uuid,
    /// The place of the coming event in its chain.
    pub seq: i64,
}

impl Context<'_> {
    /// The id of the event itself.
    pub fn event_id(&self) -> Uuid {
        self.ordered_id(0)
    }

    /// A fresh id; `nth` tells several of one decision apart. A version 7 UUID whose random
    /// part begins with the chain's sequence, so that ids of one ticket keep their order even
    /// within a millisecond and across machines.
    pub fn ordered_id(&self, nth: u8) -> Uuid {
        let millis = u64::try_from(self.now.millis()).unwrap_or(0);
        let seq = u64::try_from(self.seq).unwrap_or(0) & 0x3fff_ffff;
        let random = self.seed.as_u64_pair();
        let noise = random.0 ^ random.1.rotate_left(17);
        let high = (millis << 16) | 0x7000 | (seq >> 18);
        let low = (0b10 << 62) | ((seq & 0x3_ffff) << 44) | (u64::from(nth) << 36) | (noise & 0xf_ffff_ffff);
        Uuid::from_u64_pair(high, low)
    }
}

/// One step of a ticket's state; `from` is `None` at its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub from: Option<State>,
    pub to: State,
}

/// A row of a side table that a decision writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    Evidence(EvidenceItem),
    ApprovalOpened(Approval),
    /// An approval of the case file, with its decision.
    ApprovalDecided(Approval),
    Completion(Completion),
    QaResult(QaResult),
    /// Every item that is not yet immutable becomes so.
    FreezeEvidence {
        reason: &'static str,
    },
    /// A document made of the case; one of its type that was there before gives way.
    Artifact(Artifact),
    /// Messages of the ticket that nobody was sent yet are not to be sent.
    CancelMessages,
    /// A row of master data, new or changed.
    Master(super::directory::Row),
}

/// A message for the outbox, in the same transaction (section 10).
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: Uuid,
    pub event_type: &'static str,
    pub idempotency_key: String,
    pub payload: Value,
}

/// What the caller is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The ticket snapshot.
    Ticket,
    /// `ticket` and these fields beside it.
    TicketWith(Map<String, Value>),
    /// Just this.
    Body(Value),
}

/// What an accepted call does.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The ticket's new field values; its state, version, times and chain follow from the rest.
    pub ticket: Option<StoredTicket>,
    /// Whether this counts as a change of the ticket, i.e. moves its version (9.1).
    pub moves_version: bool,
    pub steps: Vec<Step>,
    pub records: Vec<Record>,
    /// What the rule decided, under the contract's names, for the audit payload.
    pub audit: Map<String, Value>,
    pub messages: Vec<Message>,
    pub answer: Answer,
}

impl Decision {
    /// A decision about a ticket that changes nothing yet and answers with its snapshot.
    pub fn about(ticket: StoredTicket) -> Self {
        Self {
            ticket: Some(ticket),
            moves_version: true,
            steps: Vec::new(),
            records: Vec::new(),
            audit: Map::new(),
            messages: Vec::new(),
            answer: Answer::Ticket,
        }
    }

    /// A decision about no ticket.
    pub fn elsewhere(answer: Value) -> Self {
        Self {
            ticket: None,
            moves_version: false,
            steps: Vec::new(),
            records: Vec::new(),
            audit: Map::new(),
            messages: Vec::new(),
            answer: Answer::Body(answer),
        }
    }

    /// Takes the ticket through a chain of states.
    #[must_use]
    pub fn step(mut self, through: &[State]) -> Self {
        if let Some(stored) = &mut self.ticket {
            for &to in through {
                self.steps.push(Step { from: Some(stored.ticket.state), to });
                stored.ticket.state = to;
            }
        }
        self
    }

    /// Adds what the rule decided to the audit payload.
    #[must_use]
    pub fn note(mut self, name: &str, value: impl serde::Serialize) -> Self {
        self.audit.insert(name.to_owned(), super::canonical::to_value(&value));
        self
    }

    /// Adds a row of a side table.
    #[must_use]
    pub fn record(mut self, record: Record) -> Self {
        self.records.push(record);
        self
    }

    /// The answer, with the ticket as it now stands.
    pub fn reply(&self) -> Value {
        let snapshot = self.ticket.as_ref().map(|stored| super::canonical::to_value(&stored.ticket));
        match &self.answer {
            Answer::Ticket => snapshot.unwrap_or_default(),
            Answer::TicketWith(fields) => {
                let mut body = Map::new();
                body.insert("ticket".to_owned(), snapshot.unwrap_or_default());
                body.extend(fields.clone());
                Value::Object(body)
            }
            Answer::Body(body) => body.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::{Actor, Role};
    use crate::domain::policy::Bundle;

    #[test]
    fn ids_of_one_ticket_keep_their_order_within_a_millisecond() {
        let actor = Actor::local("maria", Role::Dispatcher);
        let bundle = Bundle::embedded();
        let now = Timestamp::parse("2026-11-21T08:00:00.000Z").unwrap();
        let mut last = Uuid::nil();
        for seq in [1, 2, 3, 4095, 4096, 262_143, 262_144, 300_000] {
            for nth in 0..3 {
                let context = Context {
                    actor: &actor,
                    now,
                    policy: &bundle.policy,
                    policy_hash: &bundle.hash,
                    request_id: None,
                    correlation_id: None,
                    trace_id: None,
                    number: None,
                    source: None,
                    seed: Uuid::new_v4(),
                    seq,
                };
                let id = context.ordered_id(nth);
                assert_eq!(id.get_version_num(), 7);
                assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
                assert!(id > last, "{seq}/{nth}");
                last = id;
            }
        }
    }
}
