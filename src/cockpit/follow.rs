//! Follows the queue for one actor: reads it once, then hears of every change.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::msg::{FeedNews, Msg};
use crate::domain::actor::Actor;
use crate::domain::queue::Row;
use crate::domain::refusal::Refusal;
use crate::engine::{Caller, Desk, FeedToken, QueueQuery, Seen};

/// What fits on any screen is read first, the rest in larger pages.
const FIRST_PAGE: u32 = 200;
const PAGE: u32 = 500;
/// How often changes are asked for: another's change is to be seen within 250 ms, and asking is most of what an idle
/// cockpit costs.
const POLL: Duration = Duration::from_millis(200);
/// News that nothing changed is told no more often than this.
const QUIET: Duration = Duration::from_secs(1);
/// An answer that takes longer is said to be missing.
const SLOW: Duration = Duration::from_millis(1500);
/// The pause before a question that failed is put again.
const AGAIN: Duration = Duration::from_millis(500);

/// Follows the queue as whoever was named last, until nobody listens.
/// Whoever knows that something changed has it asked for at once.
pub async fn follow(
    desk: Arc<dyn Desk>,
    mut who: watch::Receiver<Actor>,
    changed: Arc<Notify>,
    tell: UnboundedSender<Msg>,
) {
    let was_there = AtomicBool::new(false);
    loop {
        let caller = Caller::local(who.borrow_and_update().clone());
        let follower = Follower { tell: &tell, changed: &changed, away: None, was_there: &was_there };
        tokio::select! {
            other = who.changed() => if other.is_err() { return },
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
    changed: &'a Notify,
    /// What was said of there being no answer.
    away: Option<String>,
    /// There was one before, for whomever.
    was_there: &'a AtomicBool,
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
            let _ = timeout(POLL, self.changed.notified()).await;
            let changes = self.answered(|| desk.changes(caller, &feed)).await?;
            if changes.starts_anew {
                return Ok(());
            }
            feed = changes.feed;
            let rows: Vec<Row> = changes.rows.into_iter().filter(|row| seen.is_new(row)).collect();
            let mut deleted = changes.deleted;
            deleted.retain(|id| seen.forget(*id));
            let is_back = self.away.take().is_some();
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
            self.away = None;
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

    /// Asks until there is an answer, and says where it is missing, once for each reason. A question that is only
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
                if self.away.is_none() {
                    let opening = "The database is still being opened.";
                    self.away(if self.was_there.load(Relaxed) { "The database does not answer." } else { opening })?;
                }
                answer.await
            };
            match answered {
                Ok(answer) => {
                    self.was_there.store(true, Relaxed);
                    return Ok(answer);
                }
                Err(refusal) if refusal.status() >= 500 => {
                    self.away(refusal.message())?;
                    sleep(AGAIN).await;
                }
                Err(refusal) => return Err(Stop::Refused(refusal)),
            }
        }
    }

    fn away(&mut self, why: &str) -> Result<(), Stop> {
        if self.away.as_deref() == Some(why) {
            return Ok(());
        }
        self.away = Some(why.to_owned());
        self.say(FeedNews::Away(why.to_owned()))
    }

    fn say(&self, news: FeedNews) -> Result<(), Stop> {
        self.tell.send(Msg::Feed(news)).map_err(|_| Stop::Unheard)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use uuid::Uuid;

    use super::*;
    use crate::cockpit::fake::{Fake, Mood, token};
    use crate::cockpit::tests::fixture::{Ticket, noon};
    use crate::domain::actor::Role;
    use crate::domain::time::Timestamp;
    use crate::engine::{QueueChanges, QueuePage};

    struct Scene {
        desk: Arc<Fake>,
        who: watch::Sender<Actor>,
        changed: Arc<Notify>,
        news: UnboundedReceiver<Msg>,
    }

    impl Scene {
        fn new(prepare: impl FnOnce(&Fake)) -> Self {
            let desk = Arc::new(Fake::default());
            prepare(&desk);
            let (who, followed) = watch::channel(Actor::local("maria", Role::Dispatcher));
            let (tell, news) = unbounded_channel();
            let changed = Arc::new(Notify::new());
            tokio::spawn(follow(Arc::clone(&desk) as Arc<dyn Desk>, followed, Arc::clone(&changed), tell));
            Self { desk, who, changed, news }
        }

        async fn hears(&mut self) -> FeedNews {
            match timeout(Duration::from_secs(10), self.news.recv()).await.expect("news in time") {
                Some(Msg::Feed(news)) => news,
                other => panic!("{other:?}"),
            }
        }
    }

    fn page(cursor: Option<&str>) -> QueuePage {
        QueuePage {
            generated_at: Timestamp::clamped(0),
            rows: vec![],
            next_cursor: cursor.map(str::to_owned),
            feed: token(),
        }
    }

    fn changes(deleted: Vec<Uuid>, starts_anew: bool) -> QueueChanges {
        QueueChanges { generated_at: Timestamp::clamped(0), rows: vec![], deleted, feed: token(), starts_anew }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_page_is_small_and_the_rest_comes_in_large_ones() {
        let mut scene = Scene::new(|desk| desk.told().pages = vec![page(None), page(Some("b")), page(Some("a"))]);
        for (first, last) in [(true, false), (false, false), (false, true)] {
            let news = scene.hears().await;
            assert!(matches!(news, FeedNews::Page { is_first, is_last, .. } if (is_first, is_last) == (first, last)));
        }
        let cursor = |word: &str| Some(word.to_owned());
        let asked = scene.desk.told().queries.clone();
        assert_eq!(asked, [(Some(200), None), (Some(500), cursor("a")), (Some(500), cursor("b"))]);
    }

    #[tokio::test(start_paused = true)]
    async fn that_nothing_changed_is_told_once_a_second_and_not_at_every_look() {
        let mut scene = Scene::new(|_| {});
        assert!(matches!(scene.hears().await, FeedNews::Page { .. }));
        let since = Instant::now();
        for _ in 0..3 {
            assert!(matches!(scene.hears().await, FeedNews::Changes { rows, .. } if rows.is_empty()));
        }
        assert!((Duration::from_secs(3)..Duration::from_secs(4)).contains(&since.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_change_is_heard_within_a_quarter_of_a_second() {
        let mut scene = Scene::new(|_| {});
        assert!(matches!(scene.hears().await, FeedNews::Page { .. }));
        for number in 1..6 {
            let rows = vec![Ticket::new(number, "URGENT", "NEW", 60).row(noon())];
            scene.desk.told().changes = vec![QueueChanges { rows, ..changes(vec![], false) }];
            let since = Instant::now();
            assert!(matches!(scene.hears().await, FeedNews::Changes { rows, .. } if rows.len() == 1));
            assert!(since.elapsed() < Duration::from_millis(250), "{:?}", since.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_changed_oneself_is_asked_for_at_once() {
        let mut scene = Scene::new(|_| {});
        assert!(matches!(scene.hears().await, FeedNews::Page { .. }));
        scene.desk.told().changes = vec![changes(vec![], false)];
        scene.changed.notify_one();
        // The clock stands as long as something can go on.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(scene.desk.told().changes.is_empty(), "it was asked for");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_restore_everything_is_read_again() {
        let mut scene = Scene::new(|desk| desk.told().changes = vec![changes(vec![], true)]);
        for _ in 0..2 {
            assert!(matches!(scene.hears().await, FeedNews::Page { is_first: true, is_last: true, .. }));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_is_away_is_said_once_and_heard_of_when_it_is_back() {
        let mut scene = Scene::new(|_| {});
        assert!(matches!(scene.hears().await, FeedNews::Page { .. }));
        scene.desk.is(Mood::Away);
        let mut heard = scene.hears().await;
        while matches!(heard, FeedNews::Changes { .. }) {
            heard = scene.hears().await;
        }
        assert!(matches!(heard, FeedNews::Away(why) if why == "gone"));
        sleep(Duration::from_mins(1)).await;
        assert!(scene.news.try_recv().is_err(), "said once");
        scene.desk.is(Mood::There);
        let since = Instant::now();
        assert!(matches!(scene.hears().await, FeedNews::Changes { .. }));
        assert!(since.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_answer_is_said_within_two_seconds() {
        let mut scene = Scene::new(|desk| desk.is(Mood::Hangs));
        let since = Instant::now();
        assert!(matches!(scene.hears().await, FeedNews::Away(_)));
        assert!(since.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_not_look_is_told_why_and_the_next_actor_reads_anew() {
        let mut scene = Scene::new(|desk| desk.is(Mood::Refuses));
        assert!(matches!(scene.hears().await, FeedNews::Refused(_)));
        scene.desk.is(Mood::There);
        sleep(Duration::from_mins(1)).await;
        assert!(scene.news.try_recv().is_err());
        scene.who.send_replace(Actor::local("maria", Role::Admin));
        assert!(matches!(scene.hears().await, FeedNews::Page { is_first: true, .. }));
    }
}
