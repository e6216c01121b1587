//! The mixed work: tickets on their way from creation to invoice, one caller each, and a crew that
//! works on one ticket together and repeats what was answered before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use uuid::Uuid;

use super::ledger::{Ledger, Outcome};
use super::worker::{Link, Order};
use crate::bench::calls::World;
use crate::demo::random::Random;
use crate::domain::actor::Role;

/// Tickets on their way at once, and callers on the one ticket.
pub const LIVES: u64 = 8;
pub const CREW: u64 = 4;

/// What everyone shares who works in a round.
#[derive(Debug)]
pub struct Round {
    pub ledger: Arc<Ledger>,
    pub world: World,
    pub workers: Vec<Arc<Link>>,
    /// The ticket that the crew works on.
    pub ticket: String,
    /// How many calls may still be sent.
    left: AtomicU64,
}

impl Round {
    pub fn new(ledger: Arc<Ledger>, world: World, workers: Vec<Arc<Link>>, ticket: String, calls: u64) -> Self {
        Self { ledger, world, workers, ticket, left: AtomicU64::new(calls) }
    }

    fn goes_on(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Sends a call to a worker; true if it is settled.
    async fn send(&self, random: &mut Random, place: usize, order: &Order) -> bool {
        let Some(worker) = self.workers.get(random.index(self.workers.len())) else { return false };
        self.ledger.tell(place, worker.ask(order).await)
    }
}

/// A call under a fresh request id.
pub fn order(who: &str, role: Role, tool: &str, target: Option<&str>, payload: Value) -> Order {
    Order {
        tool: tool.to_owned(),
        target: target.map(str::to_owned),
        payload,
        request_id: Uuid::now_v7(),
        actor: format!("{who}-{role}"),
        role,
    }
}

/// One ticket on its way; another follows it.
#[derive(Debug, Default)]
pub struct Life {
    ticket: Option<String>,
    step: usize,
    /// The call under way.
    open: Option<usize>,
}

impl Life {
    /// Works until the round is over, or a call goes unanswered.
    pub async fn live(mut self, round: Arc<Round>, mut random: Random, who: String) -> Self {
        while self.advance(&round.ledger, round.world.way.len()) && round.goes_on() {
            let Some((role, tool, payload)) = round.world.way.get(self.step) else { break };
            let order = order(&who, *role, tool, self.ticket.as_deref(), payload.clone());
            let place = round.ledger.note(order.clone());
            self.open = Some(place);
            round.send(&mut random, place, &order).await;
        }
        self
    }

    /// Takes note of how the last call ended; false if it did not yet.
    fn advance(&mut self, ledger: &Ledger, steps: usize) -> bool {
        let Some(place) = self.open else { return true };
        match ledger.outcome(place) {
            Outcome::Open => return false,
            Outcome::Done(body) => {
                if self.step == 0 {
                    let reply: Value = serde_json::from_str(&body).unwrap_or_default();
                    self.ticket = reply["id"].as_str().map(str::to_owned);
                }
                self.step += 1;
            }
            // Nobody else works on this ticket, so each of its calls is legal.
            Outcome::Refused => {
                let Some(entry) = ledger.since(place).into_iter().next() else { return true };
                ledger.violation(&entry.order, "was refused, although it was its ticket's next step");
                self.step = steps;
            }
        }
        self.open = None;
        if self.step == steps {
            (self.ticket, self.step) = (None, 0);
        }
        true
    }
}

/// One of the crew: evidence, triage, master data, calls made twice at once, and replays.
pub async fn help(round: Arc<Round>, mut random: Random, who: String) {
    while round.goes_on() {
        let on_ticket = |role, tool, payload| order(&who, role, tool, Some(&round.ticket), payload);
        let order = match random.index(10) {
            0..=3 => {
                let uri = format!("s3://soak/{}.jpg", random.next());
                on_ticket(Role::Technician, "closeout.add_evidence", json!({"kind": "PHOTO", "uri": uri}))
            }
            4..=5 => on_ticket(Role::Dispatcher, "ticket.triage", json!({"priority": "URGENT", "incident_type": "X"})),
            6 => on_ticket(Role::Dispatcher, "schedule.confirm", json!({})),
            7 => order(
                &who,
                Role::Dispatcher,
                "directory.upsert",
                Some("accounts"),
                json!({"name": format!("Account {}", random.next())}),
            ),
            8 => {
                let Some((place, order)) = round.ledger.done_before(random.index(50)) else { continue };
                round.send(&mut random, place, &order).await;
                continue;
            }
            _ => {
                let order =
                    on_ticket(Role::Agent, "ticket.triage", json!({"priority": "ROUTINE", "incident_type": "Y"}));
                let place = round.ledger.note(order.clone());
                let mut other = random.clone();
                other.next();
                let (one, two) =
                    tokio::join!(round.send(&mut random, place, &order), round.send(&mut other, place, &order));
                if one || two {
                    continue;
                }
                return;
            }
        };
        let place = round.ledger.note(order.clone());
        if !round.send(&mut random, place, &order).await {
            return;
        }
    }
}
