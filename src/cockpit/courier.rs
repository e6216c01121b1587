//! Makes the calls: each exactly once, those on one ticket in the order in which they were pressed,
//! and whatever happens to the database meanwhile.
//!
//! A call is written to the journal before anything else, and its request id was fixed when the key
//! was pressed. What was typed into its form is in the journal with it, and no draft any more from then on. While the database is away it waits. One that may have been sent is sent again under
//! the same id until it is answered: its replay is its answer. One that surely was not sent asks again
//! where it waited long, or where its ticket moved on meanwhile.

mod book;
mod errand;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::envelope::{Envelope, Target};
use super::journal::Open;
use super::keep::Keep;
use super::msg::{CallNews, Msg, Why};
use crate::domain::refusal::{Code, Refusal};
use crate::engine::{Desk, Refused};
use book::Book;
use errand::{Errand, Outcome};

/// What the courier is told to do.
#[derive(Debug)]
pub enum Order {
    Send(Box<Envelope>),
    /// Send a call that asked.
    SendAfterAll(Uuid),
    /// Forget a call that asked, or was not sent yet.
    Withdraw(Uuid),
    /// Whether the database answers, as far as others know.
    Link(bool),
    /// Keep what is being typed into a form, or forget it.
    KeepDraft {
        key: String,
        draft: Value,
    },
    DropDraft {
        key: String,
    },
    /// Say how many calls are not answered, once all orders before this one are written down.
    Count(oneshot::Sender<usize>),
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// A call that was never sent asks again after this.
    pub ask_again: Duration,
    /// A call that is held is tried again after this.
    pub retry: Duration,
    /// A call without an answer for this long is said to wait.
    pub slow: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { ask_again: Duration::from_mins(2), retry: Duration::from_secs(1), slow: Duration::from_millis(1500) }
    }
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// To be sent as soon as it may.
    Ready,
    /// On its way.
    Out,
    /// Held until the next try.
    Held,
    /// Not sent before the user says so.
    Asking,
}

/// A call that is not answered.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Held {
    envelope: Envelope,
    stage: Stage,
    may_be_sent: bool,
    /// Others may have come first since it was pressed.
    has_waited: bool,
    /// It was said that it waits, and why.
    said: bool,
    has_said_why: bool,
    /// Since when it waits without having been asked for again, in milliseconds since 1970.
    since: i64,
}

impl Held {
    /// One that was pressed just now, whatever clock its time is told by.
    fn new(envelope: Envelope) -> Self {
        Self::since(envelope, Utc::now().timestamp_millis())
    }

    /// One that an earlier run left.
    fn adopted(Open { envelope, may_be_sent }: Open) -> Self {
        let since = envelope.pressed_at.millis();
        Self { may_be_sent, has_waited: true, ..Self::since(envelope, since) }
    }

    fn since(envelope: Envelope, since: i64) -> Self {
        Self {
            envelope,
            stage: Stage::Ready,
            may_be_sent: false,
            has_waited: false,
            said: false,
            has_said_why: false,
            since,
        }
    }
}

/// Begins the courier's work, in the background as long as somebody gives orders.
pub fn begin(
    desk: Arc<dyn Desk>,
    keep: Keep,
    pace: Pace,
    tell: UnboundedSender<Msg>,
) -> (UnboundedSender<Order>, impl Future<Output = ()> + Send) {
    let (order, orders) = unbounded_channel();
    (order, work(desk, keep, pace, tell, orders))
}

async fn work(
    desk: Arc<dyn Desk>,
    keep: Keep,
    pace: Pace,
    tell: UnboundedSender<Msg>,
    mut orders: UnboundedReceiver<Order>,
) {
    let (is_slow, mut slow) = unbounded_channel();
    let (book, calls, out) = (Book::new(keep), Vec::new(), JoinSet::new());
    let mut courier = Courier { desk, pace, tell, book, calls, out, is_slow, is_live: true, has_complained: false };
    let mut retries = interval(pace.retry);
    retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    courier.adopt().await;
    loop {
        courier.set_out();
        let holds = courier.calls.iter().any(|call| call.stage == Stage::Held);
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => courier.take(order).await,
                None => return,
            },
            Some(back) = courier.out.join_next() => {
                // A task that panicked ends the cockpit.
                if let Ok((id, outcome)) = back {
                    courier.back(id, outcome).await;
                }
            }
            Some(id) = slow.recv() => courier.slow(id),
            _ = retries.tick(), if holds => courier.wake(),
        }
    }
}

struct Courier {
    desk: Arc<dyn Desk>,
    pace: Pace,
    tell: UnboundedSender<Msg>,
    book: Book,
    /// In the order in which they were pressed.
    calls: Vec<Held>,
    out: JoinSet<(Uuid, Outcome)>,
    /// Told of calls without an answer.
    is_slow: UnboundedSender<Uuid>,
    is_live: bool,
    /// It was said that drafts cannot be kept.
    has_complained: bool,
}

impl Courier {
    /// Goes on with what an earlier run left.
    async fn adopt(&mut self) {
        let begun = self.book.write(|_| Ok(())).await;
        self.take_over();
        if let Err(why) = begun {
            self.say(Msg::Said(format!("Calls cannot be made: {why}. {ADVICE}")));
        }
    }

    /// Takes over what was found with the journal, also where nothing could be written into it.
    fn take_over(&mut self) {
        for open in self.book.found() {
            self.news(CallNews::Adopted(open.envelope.clone()));
            self.calls.push(Held::adopted(open));
        }
    }

    async fn take(&mut self, order: Order) {
        match order {
            Order::Send(envelope) => self.send(*envelope).await,
            Order::SendAfterAll(id) => self.send_after_all(id),
            Order::Withdraw(id) => {
                let Some(place) = self.place(id) else { return };
                let Some(call) = self.calls.get(place) else { return };
                if call.may_be_sent || call.stage == Stage::Out {
                    let why = "It may have been done already, so it cannot be taken back: its answer will tell.";
                    return self.say(Msg::Said(why.to_owned()));
                }
                let call = self.calls.remove(place);
                self.give_back(&call.envelope).await;
                self.settle(id).await;
                self.news(CallNews::Withdrawn(id));
            }
            Order::Link(is_live) => {
                let is_back = is_live && !self.is_live;
                self.is_live = is_live;
                if is_back {
                    // That they go is told anew; those under way may still meet the outage.
                    for call in self.calls.iter_mut().filter(|call| call.stage != Stage::Out) {
                        call.said = false;
                    }
                    self.wake();
                }
            }
            Order::KeepDraft { key, draft } => self.keep(move |keep| keep.keep_draft(&key, draft)).await,
            Order::DropDraft { key } => self.keep(move |keep| keep.drop_draft(&key)).await,
            Order::Count(tell) => drop(tell.send(self.calls.len())),
        }
    }

    /// A call is never sent that could be lost.
    async fn send(&mut self, envelope: Envelope) {
        if self.place(envelope.request_id).is_some() {
            return;
        }
        let written = envelope.clone();
        let done = self.book.write(move |journal| journal.asked(&written)).await;
        self.take_over();
        match done {
            Ok(()) => {
                // From here on the journal has it. It goes only when nobody can send it a second time.
                if let Some(draft) = envelope.draft.clone().filter(|draft| draft.is_something()) {
                    self.keep(move |keep| keep.drop_draft(&draft.form)).await;
                }
                self.calls.push(Held::new(envelope));
            }
            Err(why) => {
                let why = format!("The call was not made, because {why}. {ADVICE}");
                let refused = refused(&envelope, Refusal::new(Code::Unavailable, why));
                self.news(CallNews::Answered { envelope, outcome: Err(refused) });
            }
        }
    }

    /// It goes as of now, and that is told anew.
    fn send_after_all(&mut self, id: Uuid) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.envelope.request_id == id)
            && call.stage == Stage::Asking
        {
            (call.stage, call.since, call.said) = (Stage::Ready, Utc::now().timestamp_millis(), false);
        }
    }

    /// Sends what may go: of the calls on one ticket, or one kind of master data, the first.
    fn set_out(&mut self) {
        let mut taken = HashMap::new();
        let mut news = Vec::new();
        for call in &mut self.calls {
            // Of what is about nothing yet, nothing depends on the order.
            if call.envelope.target != Target::Nothing {
                let about = call.envelope.target.clone();
                if let Some(first_waits) = taken.get(&about) {
                    call.has_waited = true;
                    if *first_waits {
                        call.waits(&mut news);
                    }
                    continue;
                }
                taken.insert(about, call.said || matches!(call.stage, Stage::Held | Stage::Asking));
            }
            if call.stage != Stage::Ready {
                continue;
            }
            let has_waited_long = !call.may_be_sent && call.age() >= self.pace.ask_again;
            if has_waited_long && self.is_live {
                call.stage = Stage::Asking;
                news.push(CallNews::Asks { envelope: call.envelope.clone(), why: Why::WaitedLong });
                continue;
            }
            if has_waited_long {
                // Were it sent now, it might meet a database that is just back.
                call.stage = Stage::Held;
                call.waits(&mut news);
                continue;
            }
            if !self.is_live {
                call.has_waited = true;
                call.waits(&mut news);
            } else if !call.said {
                news.push(CallNews::Sent(call.envelope.request_id));
            }
            call.stage = Stage::Out;
            let errand = Errand {
                desk: Arc::clone(&self.desk),
                book: self.book.clone(),
                envelope: call.envelope.clone(),
                may_be_sent: call.may_be_sent,
                looks_first: call.has_waited,
                slow: self.pace.slow,
                is_slow: self.is_slow.clone(),
            };
            self.out.spawn(async move { (errand.id(), errand.run().await) });
        }
        for news in news {
            self.news(news);
        }
    }

    /// A call came back.
    async fn back(&mut self, id: Uuid, outcome: Outcome) {
        let Some(place) = self.place(id) else { return };
        let Some(call) = self.calls.get_mut(place) else { return };
        match outcome {
            Outcome::Answered(outcome) => {
                let call = self.calls.remove(place);
                if outcome.is_err() {
                    self.give_back(&call.envelope).await;
                }
                self.settle(id).await;
                self.news(CallNews::Answered { envelope: call.envelope, outcome: *outcome });
            }
            Outcome::Away { may_be_sent, why } => {
                (call.stage, call.has_waited) = (Stage::Held, true);
                call.may_be_sent |= may_be_sent;
                let mut news = Vec::new();
                call.waits(&mut news);
                // Where the database answers others, the reason is one of this call.
                if self.is_live && !std::mem::replace(&mut call.has_said_why, true) {
                    self.say(Msg::Said(why));
                }
                for news in news {
                    self.news(news);
                }
            }
            Outcome::MovedOn => {
                call.stage = Stage::Asking;
                let envelope = call.envelope.clone();
                self.news(CallNews::Asks { envelope, why: Why::TicketMovedOn });
            }
        }
    }

    /// A call has no answer yet. It may have been sent, and goes on.
    fn slow(&mut self, id: Uuid) {
        let mut news = Vec::new();
        let call = self.calls.iter_mut().find(|call| call.envelope.request_id == id);
        if let Some(call) = call.filter(|call| call.stage == Stage::Out) {
            call.waits(&mut news);
        }
        for news in news {
            self.news(news);
        }
    }

    /// Everything that is held is tried again.
    fn wake(&mut self) {
        for call in &mut self.calls {
            if call.stage == Stage::Held {
                call.stage = Stage::Ready;
            }
        }
    }

    /// What a call was made of waits for its form, before the journal forgets it.
    async fn give_back(&mut self, envelope: &Envelope) {
        if let Some(draft) = envelope.draft.clone().filter(|draft| draft.is_something()) {
            let key = draft.waiting(envelope.request_id);
            self.keep(move |keep| keep.keep_draft(&key, draft.said)).await;
        }
    }

    /// Keeps something; that it cannot be done is said once.
    async fn keep(&mut self, keep: impl FnOnce(&Keep) -> Result<(), String> + Send + 'static) {
        if let Err(trouble) = self.book.keep(keep).await
            && !std::mem::replace(&mut self.has_complained, true)
        {
            self.say(Msg::Said(trouble));
        }
    }

    async fn settle(&self, id: Uuid) {
        if let Err(why) = self.book.write(move |journal| journal.settled(id)).await {
            tracing::warn!(%why, "a call that is answered will be asked for again, and answered by its replay");
        }
    }

    fn place(&self, id: Uuid) -> Option<usize> {
        self.calls.iter().position(|call| call.envelope.request_id == id)
    }

    fn news(&self, news: CallNews) {
        self.say(Msg::Call(news));
    }

    /// Where nobody listens any more, the journal has it.
    fn say(&self, msg: Msg) {
        let _ = self.tell.send(msg);
    }
}

impl Held {
    fn waits(&mut self, news: &mut Vec<CallNews>) {
        if !std::mem::replace(&mut self.said, true) {
            news.push(CallNews::Waits(self.envelope.request_id));
        }
    }

    /// How long it has waited.
    fn age(&self) -> Duration {
        Duration::from_millis((Utc::now().timestamp_millis() - self.since).max(0).unsigned_abs())
    }
}

const ADVICE: &str = "Make room or make that folder writable, or name another in DISPATCH_STATE_DIR";

fn refused(envelope: &Envelope, refusal: Refusal) -> Refused {
    Refused { refusal, request_id: Some(envelope.request_id), correlation_id: None }
}
