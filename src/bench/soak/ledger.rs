//! What the driver knows of every call: that it was sent, and what it was answered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use super::worker::{Answer, Order};
use crate::domain::refusal::Code;
use crate::store::traces::Trace;

/// How far a call has come, as far as its caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Sent, and not answered, or only that the database was away: it may have been done or not.
    Open,
    /// Acknowledged, with these bytes.
    Done(String),
    /// Refused by rule: nothing of it may be there.
    Refused,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Entry {
    pub order: Order,
    pub outcome: Outcome,
}

/// Every call of a soak, in the order in which they were first sent.
#[derive(Debug)]
pub struct Ledger {
    entries: Mutex<Vec<Entry>>,
    violations: Mutex<Vec<String>>,
    answered: watch::Sender<u64>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { entries: Mutex::default(), violations: Mutex::default(), answered: watch::Sender::new(0) }
    }
}

impl Ledger {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Entry>) -> T) -> T {
        work(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a call that is about to be sent; its place.
    pub fn note(&self, order: Order) -> usize {
        self.with(|entries| {
            entries.push(Entry { order, outcome: Outcome::Open });
            entries.len() - 1
        })
    }

    /// Notes what came back; true if the call is settled by now.
    pub fn tell(&self, place: usize, answer: Option<Answer>) -> bool {
        if answer.is_some() {
            self.answered.send_modify(|many| *many += 1);
        }
        let wrong = self.with(|entries| {
            let entry = entries.get_mut(place)?;
            match (answer, &entry.outcome) {
                (Some(Answer::Done { body, .. }), Outcome::Done(before)) if body != *before => {
                    Some((entry.order.clone(), "was answered twice, and not with the same bytes".to_owned()))
                }
                (Some(Answer::Done { body, .. }), _) => {
                    entry.outcome = Outcome::Done(body);
                    None
                }
                (Some(Answer::Refused { code, .. }), _) if code == Code::Unavailable.as_str() => None,
                (Some(Answer::Refused { code, message }), before) => {
                    let wrong = if *before == Outcome::Open || *before == Outcome::Refused {
                        entry.outcome = Outcome::Refused;
                        [Code::InternalError, Code::OutboxInsertFailed].iter().any(|never| code == never.as_str())
                    } else {
                        true
                    };
                    wrong.then(|| (entry.order.clone(), format!("was refused: {code}: {message}")))
                }
                (None, _) => None,
            }
        });
        if let Some((order, what)) = wrong {
            self.violation(&order, &what);
        }
        self.outcome(place) != Outcome::Open
    }

    /// What is known of a call.
    pub fn outcome(&self, place: usize) -> Outcome {
        self.with(|entries| entries.get(place).map_or(Outcome::Refused, |entry| entry.outcome.clone()))
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.with(|entries| entries.len())
    }

    /// A copy of the calls from a place on.
    pub fn since(&self, place: usize) -> Vec<Entry> {
        self.with(|entries| entries.get(place..).map(<[Entry]>::to_vec).unwrap_or_default())
    }

    /// The calls from a place on that are not settled, with their places.
    pub fn open_since(&self, place: usize) -> Vec<(usize, Order)> {
        let open = |(n, entry): (usize, &Entry)| (entry.outcome == Outcome::Open).then(|| (n, entry.order.clone()));
        self.with(|entries| entries.iter().enumerate().skip(place).filter_map(open).collect())
    }

    /// An acknowledged call near the end, `back` from it.
    pub fn done_before(&self, back: usize) -> Option<(usize, Order)> {
        self.with(|entries| {
            let done = |(n, entry): (usize, &Entry)| {
                matches!(entry.outcome, Outcome::Done(_)).then(|| (n, entry.order.clone()))
            };
            entries.iter().enumerate().rev().filter_map(done).nth(back)
        })
    }

    /// How many answers have come in, whatever they said.
    pub fn answers(&self) -> watch::Receiver<u64> {
        self.answered.subscribe()
    }

    /// Notes that something is wrong with a call.
    pub fn violation(&self, order: &Order, what: &str) {
        let on = order.target.as_deref().unwrap_or("no ticket yet");
        self.wrong(format!("{} on {on}, request {}, {what}", order.tool, order.request_id));
    }

    /// Notes that something is wrong.
    pub fn wrong(&self, what: String) {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Everything that was wrong so far.
    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Compares calls with what the database holds of them. Of those that are open: how many were
    /// found whole, how many not at all.
    pub fn compare(&self, entries: &[Entry], traces: &[Trace]) -> (u64, u64) {
        let of: HashMap<Uuid, &Trace> = traces.iter().map(|trace| (trace.request_id, trace)).collect();
        let (mut whole, mut absent) = (0, 0);
        for Entry { order, outcome } in entries {
            let Some(trace) = of.get(&order.request_id) else {
                self.violation(order, "was not looked up");
                continue;
            };
            let counts = format!("{} answers and {} events are stored", trace.answers, trace.events);
            match (outcome, trace.answers, trace.events) {
                (Outcome::Done(body), 1, 1) if trace.body.as_ref() == Some(body) => {}
                (Outcome::Done(_), 1, 1) => {
                    self.violation(order, "was acknowledged with other bytes than those that are stored");
                }
                (Outcome::Done(_), ..) => self.violation(order, &format!("was acknowledged, but {counts}")),
                (Outcome::Refused, 0, 0) => {}
                (Outcome::Refused, ..) => self.violation(order, &format!("was refused, but {counts}")),
                (Outcome::Open, 1, 1) => whole += 1,
                (Outcome::Open, 0, 0) => absent += 1,
                (Outcome::Open, ..) => self.violation(order, &format!("was never acknowledged, and {counts}")),
            }
        }
        (whole, absent)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::actor::Role;

    fn order() -> Order {
        Order {
            tool: "ticket.triage".to_owned(),
            target: Some("T-1".to_owned()),
            payload: json!({}),
            request_id: Uuid::now_v7(),
            actor: "a".to_owned(),
            role: Role::Dispatcher,
        }
    }

    fn done(body: &str) -> Answer {
        Answer::Done { body: body.to_owned(), replayed: false }
    }

    fn refused(code: Code) -> Answer {
        Answer::Refused { code: code.as_str().to_owned(), message: String::new() }
    }

    #[test]
    fn a_call_stays_open_until_it_is_answered_for_good() {
        let ledger = Ledger::default();
        let place = ledger.note(order());
        assert!(!ledger.tell(place, None));
        assert!(!ledger.tell(place, Some(refused(Code::Unavailable))));
        assert!(ledger.tell(place, Some(done("x"))));
        assert!(ledger.tell(place, Some(done("x"))));
        assert!(ledger.violations().is_empty());
        ledger.tell(place, Some(done("y")));
        ledger.tell(place, Some(refused(Code::InvalidStateTransition)));
        assert_eq!(ledger.violations().len(), 2);
        let place = ledger.note(order());
        ledger.tell(place, Some(refused(Code::InternalError)));
        assert_eq!(ledger.violations().len(), 3);
    }

    #[test]
    fn what_the_database_holds_is_compared_call_by_call() {
        let check = |answer: Option<Answer>, answers, events, body: Option<&str>| {
            let ledger = Ledger::default();
            let place = ledger.note(order());
            ledger.tell(place, answer);
            let entries = ledger.since(0);
            let request_id = entries[0].order.request_id;
            let found =
                ledger.compare(&entries, &[Trace { request_id, answers, events, body: body.map(str::to_owned) }]);
            (found, ledger.violations().len())
        };
        assert_eq!(check(Some(done("x")), 1, 1, Some("x")), ((0, 0), 0));
        assert_eq!(check(None, 1, 1, Some("x")), ((1, 0), 0));
        assert_eq!(check(None, 0, 0, None), ((0, 1), 0));
        assert_eq!(check(Some(refused(Code::InvalidStateTransition)), 0, 0, None), ((0, 0), 0));
        assert_eq!(check(Some(done("x")), 1, 1, Some("y")).1, 1);
        assert_eq!(check(Some(done("x")), 0, 0, None).1, 1);
        assert_eq!(check(Some(done("x")), 1, 2, Some("x")).1, 1);
        assert_eq!(check(None, 0, 1, None).1, 1);
        assert_eq!(check(Some(refused(Code::InvalidStateTransition)), 1, 1, Some("x")).1, 1);
    }
}
