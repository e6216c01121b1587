//! Follows the queue for one actor: reads it once, then hears of every change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::msg::{FeedNews, Msg};
use crate::domain::actor::Actor;
use crate::domain::queue::Row;
use crate::domain::refusal::Refusal;
use crate::engine::{Caller, Desk, FeedToken, QueueQuery, Seen};

/// What fits on any screen is read first, the rest in larger pages.
const FIRST_PAGE: u32 = 200;
const PAGE: u32 = 1_000;
/// How often changes are asked for.
const POLL: Duration = Duration::from_millis(150);
/// News that nothing changed is told no more often than this.
const QUIET: Duration = Duration::from_secs(1);
/// An answer that takes longer is said to be missing.
const SLOW: Duration = Duration::from_millis(1500);
/// The pause before a question that failed is put again.
const AGAIN: Duration = Duration::from_millis(500);

/// Follows the queue as whoever was named last, until nobody listens.
pub async fn follow(desk: Arc<dyn Desk>, mut who: watch::Receiver<Actor>, tell: UnboundedSender<Msg>) {
    loop {
        let caller = Caller::local(who.borrow_and_update().clone());
        let follower = Follower { tell: &tell, is_away: false };
        tokio::select! {
            changed = who.changed() => if changed.is_err() { return },
            () = follower.follow(&*desk, &caller) => return,
        }
    }
}

/// Why following one actor's queue ends.
enum Stop {
    /// Nobody listens.
    Unheard,
    Refused(Refusal),
}

struct Follower<'a> {
    tell: &'a UnboundedSender<Msg>,
    /// It was said that there is no answer.
    is_away: bool,
}

impl Follower<'_> {
    /// Follows until nobody listens; a refusal is told, and then there is nothing left to do.
    async fn follow(mut self, desk: &dyn Desk, caller: &Caller) {
        loop {
            match self.read_and_watch(desk, caller).await {
                // A restore began a new epoch: read again.
                Ok(()) => {}
                Err(Stop::Unheard) => return,
                Err(Stop::Refused(refusal)) => {
                    if self.say(FeedNews::Refused(refusal)).is_ok() {
                        self.tell.closed().await;
                    }
                    return;
                }
            }
        }
    }

    async fn read_and_watch(&mut self, desk: &dyn Desk, caller: &Caller) -> Result<(), Stop> {
        let mut seen = Seen::default();
        let mut feed = self.read(desk, caller, &mut seen).await?;
        let mut told = Instant::now();
        loop {
            sleep(POLL).await;
            let changes = self.answered(|| desk.changes(caller, &feed)).await?;
            if changes.starts_anew {
                return Ok(());
            }
            feed = changes.feed;
            let rows: Vec<Row> = changes.rows.into_iter().filter(|row| seen.is_new(row)).collect();
            let mut deleted = changes.deleted;
            deleted.retain(|id| seen.forget(*id));
            let is_back = std::mem::take(&mut self.is_away);
            if !rows.is_empty() || !deleted.is_empty() || is_back || told.elapsed() >= QUIET {
                self.say(FeedNews::Changes { rows, deleted, at: changes.generated_at })?;
                told = Instant::now();
            }
        }
    }

    /// Reads all of the queue, a page at a time; where the feed goes on. It begins before the first
    /// page, so that whatever changes while the others are read comes with it.
    async fn read(&mut self, desk: &dyn Desk, caller: &Caller, seen: &mut Seen) -> Result<FeedToken, Stop> {
        let mut query = QueueQuery { limit: Some(FIRST_PAGE), ..QueueQuery::default() };
        let mut since = None;
        loop {
            let page = self.answered(|| desk.queue(caller, &query)).await?;
            self.is_away = false;
            let is_first = since.is_none();
            let since = since.get_or_insert(page.feed);
            let rows = page.rows.into_iter().filter(|row| seen.is_new(row)).collect();
            let is_last = page.next_cursor.is_none();
            self.say(FeedNews::Page { rows, at: page.generated_at, is_first, is_last })?;
            if is_last {
                return Ok(since.clone());
            }
            query.limit = Some(PAGE);
            query.cursor = page.next_cursor;
            tokio::task::yield_now().await;
        }
    }

    /// Asks until there is an answer, and says once where it is missing. A question that is only
    /// slow goes on.
    async fn answered<T, A>(&mut self, ask: impl Fn() -> A) -> Result<T, Stop>
    where
        A: Future<Output = Result<T, Refusal>>,
    {
        loop {
            let mut answer = std::pin::pin!(ask());
            let answered = if let Ok(answered) = timeout(SLOW, &mut answer).await {
                answered
            } else {
                self.away("The database does not answer.")?;
                answer.await
            };
            match answered {
                Ok(answer) => return Ok(answer),
                Err(refusal) if refusal.status() >= 500 => {
                    self.away(refusal.message())?;
                    sleep(AGAIN).await;
                }
                Err(refusal) => return Err(Stop::Refused(refusal)),
            }
        }
    }

    fn away(&mut self, why: &str) -> Result<(), Stop> {
        if std::mem::replace(&mut self.is_away, true) { Ok(()) } else { self.say(FeedNews::Away(why.to_owned())) }
    }

    fn say(&self, news: FeedNews) -> Result<(), Stop> {
        self.tell.send(Msg::Feed(news)).map_err(|_| Stop::Unheard)
    }
}
