//! Carries out what the model wants done, in tasks of their own, and tells what came of it.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::courier::{self, Order, Pace};
use super::effect::Effect;
use super::follow::follow;
use super::keep::Keep;
use super::late::{Opener, open_late};
use super::msg::{CaseData, Content, FeedNews, Msg, Present};
use super::{content, files};
use crate::domain::actor::Actor;
use crate::domain::chain;
use crate::domain::refusal::Refusal;
use crate::engine::{Call, Caller, Desk, MAX_OBJECT, QueueQuery, Refused};

/// How often it is said which ticket is open.
const ATTENDING: Duration = Duration::from_secs(5);
/// What is left to be said when the user leaves may take this long.
const LEAVING: Duration = Duration::from_secs(1);
const GOODBYE: Duration = Duration::from_millis(300);

/// What a cockpit starts with.
#[derive(Debug)]
pub struct Start {
    /// Whose queue is read first.
    pub actor: Actor,
    pub keep: Keep,
    pub open: Opener,
}

/// Whoever does the work behind the screen. What is not done when this is dropped is not done.
#[derive(Debug)]
pub struct Crew {
    desk: Arc<dyn Desk>,
    tell: UnboundedSender<Msg>,
    tasks: JoinSet<()>,
    who: watch::Sender<Actor>,
    changed: Arc<Notify>,
    courier: UnboundedSender<Order>,
    keeper: UnboundedSender<Keeping>,
    /// This screen, as others know it.
    session: Uuid,
    case: Option<AbortHandle>,
    attending: Option<AbortHandle>,
}

/// Something to keep: in the order in which it was said.
type Keeping = Box<dyn FnOnce(&Keep) -> Result<(), String> + Send>;

impl Crew {
    /// Opens the desk, goes on with calls that an earlier run left, and reads the queue.
    pub fn start(start: Start, tell: UnboundedSender<Msg>) -> Self {
        let Start { actor, keep, open } = start;
        let mut tasks = JoinSet::new();
        let said = tell.clone();
        let (desk, opening) = open_late(open, move |what| drop(said.send(Msg::Said(what))));
        let desk: Arc<dyn Desk> = Arc::new(desk);
        tasks.spawn(opening);
        let (courier, work) = courier::begin(Arc::clone(&desk), keep.clone(), Pace::default(), tell.clone());
        tasks.spawn(work);
        let (who, followed) = watch::channel(actor);
        let (news, heard) = unbounded_channel();
        let changed = Arc::new(Notify::new());
        tasks.spawn(follow(Arc::clone(&desk), followed, Arc::clone(&changed), news));
        tasks.spawn(pass_on(heard, tell.clone(), courier.clone()));
        let (keeper, to_keep) = unbounded_channel();
        tasks.spawn(keep_all(keep, to_keep, tell.clone()));
        let session = Uuid::new_v4();
        Self { desk, tell, tasks, who, changed, courier, keeper, session, case: None, attending: None }
    }

    /// Begins to do something.
    pub fn carry_out(&mut self, effect: Effect) {
        while self.tasks.try_join_next().is_some() {}
        let desk = Arc::clone(&self.desk);
        let caller = Caller::local(self.who.borrow().clone());
        match effect {
            Effect::Send(envelope) => self.order(Order::Send(Box::new(envelope))),
            Effect::SendAfterAll(id) => self.order(Order::SendAfterAll(id)),
            Effect::Withdraw(id) => self.order(Order::Withdraw(id)),
            Effect::LookAgain => self.changed.notify_one(),
            Effect::Follow(actor) => drop(self.who.send_replace(actor)),
            Effect::LoadCase { ticket, actor } => {
                // Only the case that was asked for last is looked at.
                self.case.take().inspect(AbortHandle::abort);
                let role = actor.role;
                let load = load(desk, ticket, Caller::local(actor));
                self.case = Some(self.answer(load.map(move |outcome| Msg::Case { ticket, role, outcome })));
            }
            Effect::Attend { ticket, is_editing, actor } => {
                self.attending.take().inspect(AbortHandle::abort);
                let attending = attend(desk, Caller::local(actor), self.session, ticket, is_editing, self.tell.clone());
                self.attending = Some(self.tasks.spawn(attending));
            }
            Effect::Preview { stamp, envelope } => self.ask(async move {
                let outcome = desk.preview(envelope.call()).await;
                Msg::Previewed { stamp, outcome }
            }),
            Effect::Lookup { stamp, kind, query } => self.ask(async move {
                let outcome = desk.call(Call::new(&caller, "directory.search", Some(kind.as_str()), query)).await;
                let records = |mut answer: Value| match answer["records"].take() {
                    Value::Array(records) => records,
                    _ => Vec::new(),
                };
                let outcome = outcome.map(|reply| records(reply.json())).map_err(|refused| refused.refusal);
                Msg::Looked { stamp, outcome }
            }),
            Effect::List { stamp, filter, limit } => self.ask(async move {
                let query = QueueQuery { filter, limit: Some(limit), cursor: None };
                let outcome = desk.queue(&caller, &query).await.map(|page| page.rows);
                Msg::Listed { stamp, outcome }
            }),
            Effect::Content { stamp, uri } => self.ask(async move {
                let outcome = show(desk, caller, uri).await;
                Msg::Content { stamp, outcome }
            }),
            Effect::Folder { stamp, path } => {
                self.ask(files::folder(path).map(move |outcome| Msg::Folder { stamp, outcome }));
            }
            Effect::Fingerprint { stamp, path } => self.ask(async move {
                let outcome = files::fingerprint(path).await.map(|(print, _)| print);
                Msg::Fingerprint { stamp, outcome }
            }),
            Effect::Export { stamp, path, format, extract } => {
                let written = files::export(path, move || extract.content(format));
                self.ask(written.map(move |outcome| Msg::Exported { stamp, outcome }));
            }
            Effect::After { stamp, wait } => self.ask(sleep(wait).map(move |()| Msg::Due { stamp })),
            Effect::KeepDraft { key, draft } => self.order(Order::KeepDraft { key, draft }),
            Effect::DropDraft { key } => self.order(Order::DropDraft { key }),
            Effect::KeepChoice { key, value } => self.keep(move |keep| keep.keep_choice(key, value)),
            Effect::Quit
            | Effect::Suspend
            | Effect::Redraw
            | Effect::GoOn
            | Effect::Copy(_)
            | Effect::Bell
            | Effect::Notify(_) => {
                tracing::error!(?effect, "an effect of the screen came to the crew");
            }
        }
    }

    /// Says goodbye, and how many calls are not answered yet: they are in the journal.
    pub async fn leave(mut self) -> usize {
        self.attending.take().inspect(AbortHandle::abort);
        let caller = Caller::local(self.who.borrow().clone());
        let goodbye = timeout(GOODBYE, self.desk.attend(&caller, self.session, None, false));
        let (tell, counted) = oneshot::channel();
        self.order(Order::Count(tell));
        let (kept, all_kept) = oneshot::channel();
        self.keep(move |_| {
            let _ = kept.send(());
            Ok(())
        });
        // One that is late does not make the other unsaid.
        let (_, counted, _) = tokio::join!(goodbye, timeout(LEAVING, counted), timeout(LEAVING, all_kept));
        counted.ok().and_then(Result::ok).unwrap_or(0)
    }

    fn order(&self, order: Order) {
        // The courier lives as long as the crew does.
        let _ = self.courier.send(order);
    }

    fn keep(&self, keeping: impl FnOnce(&Keep) -> Result<(), String> + Send + 'static) {
        let _ = self.keeper.send(Box::new(keeping));
    }

    /// Tells the answer, once there is one.
    fn ask(&mut self, question: impl Future<Output = Msg> + Send + 'static) {
        self.answer(question);
    }

    fn answer(&mut self, question: impl Future<Output = Msg> + Send + 'static) -> AbortHandle {
        let tell = self.tell.clone();
        self.tasks.spawn(async move { drop(tell.send(question.await)) })
    }
}

/// Passes on what is heard of the queue, and tells the courier whether the database answers.
async fn pass_on(mut heard: UnboundedReceiver<Msg>, tell: UnboundedSender<Msg>, courier: UnboundedSender<Order>) {
    let mut was_live = true;
    while let Some(msg) = heard.recv().await {
        let is_live = !matches!(msg, Msg::Feed(FeedNews::Away(_)));
        if std::mem::replace(&mut was_live, is_live) != is_live {
            let _ = courier.send(Order::Link(is_live));
        }
        if tell.send(msg).is_err() {
            return;
        }
    }
}

/// Keeps one thing after the other; that it cannot be done is said once.
async fn keep_all(keep: Keep, mut to_keep: UnboundedReceiver<Keeping>, tell: UnboundedSender<Msg>) {
    let keep = Arc::new(keep);
    let mut has_said = false;
    while let Some(keeping) = to_keep.recv().await {
        let keep = Arc::clone(&keep);
        if let Ok(Err(trouble)) = spawn_blocking(move || keeping(&keep)).await
            && !std::mem::replace(&mut has_said, true)
        {
            let _ = tell.send(Msg::Said(trouble));
        }
    }
}

/// A case and its timeline, both at once.
async fn load(desk: Arc<dyn Desk>, ticket: Uuid, caller: Caller) -> Result<Arc<CaseData>, Refusal> {
    let target = ticket.to_string();
    let read = |tool: &'static str| -> BoxFuture<'_, Result<Value, Refused>> {
        let answer = desk.call(Call::new(&caller, tool, Some(&target), json!({})));
        Box::pin(async move { answer.await.map(|reply| reply.json()) })
    };
    let both = tokio::try_join!(read("case.get"), read("ticket.timeline"));
    let (case, mut timeline) = both.map_err(|refused| refused.refusal)?;
    let Value::Array(events) = timeline["events"].take() else {
        return Ok(Arc::new(CaseData { case, events: Vec::new(), chain: None }));
    };
    // Thousands of events take their time to be hashed.
    let looked = spawn_blocking(move || (chain::finding(ticket, &events), events)).await;
    let (chain, events) = looked.unwrap_or_default();
    Ok(Arc::new(CaseData { case, events, chain }))
}

/// Says every few seconds which ticket is open, and tells who else has it open when that changes.
async fn attend(
    desk: Arc<dyn Desk>,
    caller: Caller,
    session: Uuid,
    ticket: Option<Uuid>,
    is_editing: bool,
    tell: UnboundedSender<Msg>,
) {
    let mut last: Option<Vec<Present>> = None;
    loop {
        let heard = desk.attend(&caller, session, ticket, is_editing).await;
        let Some(ticket) = ticket else { return };
        match heard {
            Ok(others) if last.as_ref() != Some(&others) => {
                last = Some(others.clone());
                if tell.send(Msg::Present { ticket, others }).is_err() {
                    return;
                }
            }
            // Who may not look need not ask again.
            Err(refusal) if refusal.status() < 500 => return,
            Ok(_) | Err(_) => {}
        }
        sleep(ATTENDING).await;
    }
}

/// A picture or words in our own store; none where it is neither, or cannot be read.
async fn show(desk: Arc<dyn Desk>, caller: Caller, uri: String) -> Option<Content> {
    let bytes = desk.object(&caller, &uri).await.ok()??;
    if bytes.len() as u64 > MAX_OBJECT {
        return None;
    }
    spawn_blocking(move || content::of(&bytes)).await.ok()?
}
