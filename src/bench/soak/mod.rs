//! `bench soak`: processes of the program do mixed work, and at a random point something is killed:
//! one of them, all of them, Postgres, or all at once. Nothing but the ordinary start of the program
//! brings it back. Then every call is compared with what the database holds of it:
//!
//! * each acknowledged call is there exactly once, with the bytes that were acknowledged,
//! * each other one is there whole or not at all, and after a retry with the same request id it is
//!   answered, and there at most once,
//! * no row is left over, and every audit chain is whole.
//!
//! All on a private cluster of its own, in a directory that is removed at the end. Kinds, victims
//! and moments (in answered calls) follow from the seed; how the calls interleave does not.

mod blow;
pub(in crate::bench) mod home;
mod ledger;
mod report;
pub mod ticket;
mod work;
pub mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::BenchError;
use super::calls::World;
use crate::demo::random::Random;
use crate::engine::Engine;
use crate::engine::open::{MAIN_DATABASE, Opening, open};
use blow::{Aimed, Blow};
use home::Home;
use ledger::{Entry, Ledger, Outcome};
pub use report::{Kind, Report};
use report::{RoundResult, Tally};
use work::{CREW, LIVES, Life, Round, help, order};
use worker::Worker;

/// Processes of the program at work.
const WORKERS: usize = 3;
/// Connections of the driver itself: one, so that it can tell its own from the workers'. Walking the
/// audit trail takes some more.
const OWN_POOL: u32 = 1;
const WALKING_POOL: u32 = 4;
/// Calls sent after the blow, at most, by those who survive it.
const CALLS_AFTER: u64 = 40;
/// A start that is itself killed lives less long than this, in milliseconds.
const FIRST_START: u64 = 300;
/// All that is broken must be whole again by itself within this time.
const PATIENCE: Duration = Duration::from_mins(1);
/// Every so many rounds the whole audit trail is walked.
const WALK_EVERY: u32 = 25;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program to run as workers.
    pub program: PathBuf,
    pub postgres_bin: Option<PathBuf>,
    pub rounds: u32,
    pub seed: u64,
}

/// Does every round. `told` hears of each as it ends: its number, and what was killed.
pub async fn run(plan: &Plan, mut told: impl FnMut(u32, &'static str)) -> Result<Report, BenchError> {
    let mut opening = Opening::private(MAIN_DATABASE);
    let home = Home::make(plan.postgres_bin.clone())?;
    opening.data_dir = Some(home.data_dir().to_owned());
    opening.postgres_bin.clone_from(&plan.postgres_bin);
    opening.pool_max = OWN_POOL;
    let mut soak = Soak::new(plan.clone(), opening, home).await?;
    let mut tally = Tally::default();
    for _ in 0..(plan.rounds / 20).max(1) {
        tally.calm(&soak.calm().await?);
    }
    let mut deck: Vec<Blow> = Vec::new();
    for round in 1..=plan.rounds {
        if deck.is_empty() {
            deck = Blow::ALL.to_vec();
        }
        let blow = deck.swap_remove(soak.random.index(deck.len()));
        tally.add(soak.round(blow).await?);
        if round % WALK_EVERY == 0 || round == plan.rounds {
            soak.walk().await?;
        }
        told(round, blow.as_str());
    }
    soak.compare_all().await?;
    let violations = soak.finish().await?;
    Ok(tally.report(plan.rounds, plan.seed, violations))
}

struct Soak {
    plan: Plan,
    opening: Opening,
    home: Home,
    random: Random,
    ledger: Arc<Ledger>,
    world: World,
    workers: Vec<Worker>,
    lives: Vec<Life>,
    rounds: u64,
}

impl Soak {
    async fn new(plan: Plan, opening: Opening, home: Home) -> Result<Self, BenchError> {
        let engine = open(&opening).await?.engine;
        let world = World::new(&engine).await?;
        engine.store().close().await;
        let random = Random::new(plan.seed);
        let lives = (0..LIVES).map(|_| Life::default()).collect();
        let ledger = Arc::default();
        Ok(Self { plan, opening, home, random, ledger, world, workers: Vec::new(), lives, rounds: 0 })
    }

    /// The database as the driver reads it, on connections that no blow has touched.
    async fn look(&self) -> Result<Engine, BenchError> {
        Ok(open(&self.opening).await?.engine)
    }

    fn start_worker(&self) -> Result<Worker, BenchError> {
        Worker::start(&self.plan.program, self.home.data_dir(), self.plan.postgres_bin.as_deref())
            .map_err(|source| BenchError::Soak { what: "start the program", source })
    }

    /// Sends a new call to a worker until it is answered: a new ticket, whose id it gives.
    async fn ticket(&self, worker: &Worker) -> Option<String> {
        let (role, tool, payload) = self.world.way.first()?;
        let order = order("probe", *role, tool, None, payload.clone());
        let place = self.ledger.note(order);
        self.settle(place, &[worker]).await;
        match self.ledger.outcome(place) {
            Outcome::Done(body) => {
                let reply: Value = serde_json::from_str(&body).unwrap_or_default();
                Some(reply["id"].as_str()?.to_owned())
            }
            _ => None,
        }
    }

    /// Retries a call with its same request id, by one worker after the other, until it is settled.
    async fn settle(&self, place: usize, workers: &[&Worker]) {
        let Some(entry) = self.ledger.since(place).into_iter().next() else { return };
        let since = Instant::now();
        for worker in workers.iter().cycle() {
            let left = PATIENCE.saturating_sub(since.elapsed());
            let answer = timeout(left, worker.link().ask(&entry.order)).await.unwrap_or(None);
            if self.ledger.tell(place, answer) {
                return;
            }
            if left.is_zero() {
                self.ledger.violation(&entry.order, "was not settled by retries within a minute");
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts the work of a round.
    async fn begin(&mut self, calls: u64) -> Result<Working, BenchError> {
        while self.workers.len() < WORKERS {
            self.workers.push(self.start_worker()?);
        }
        let ticket = match self.workers.last() {
            Some(worker) => self.ticket(worker).await.unwrap_or_default(),
            None => String::new(),
        };
        self.rounds += 1;
        let from = self.ledger.len();
        let links = self.workers.iter().map(Worker::link).collect();
        let round = Arc::new(Round::new(Arc::clone(&self.ledger), self.world.clone(), links, ticket, calls));
        let began = Instant::now();
        let mut random = Random::new(self.plan.seed ^ (self.rounds << 32));
        let mut lives = tokio::task::JoinSet::new();
        for (n, life) in self.lives.drain(..).enumerate() {
            lives.spawn(life.live(Arc::clone(&round), Random::new(random.next()), format!("caller-{n}")));
        }
        let mut crew = tokio::task::JoinSet::new();
        for n in 0..CREW {
            crew.spawn(help(Arc::clone(&round), Random::new(random.next()), format!("crew-{n}")));
        }
        Ok(Working { from, began, lives, crew })
    }

    /// Waits until everyone has stopped.
    async fn end(&mut self, mut working: Working) {
        self.lives = Vec::new();
        let all = async {
            while let Some(life) = working.lives.join_next().await {
                self.lives.extend(life);
            }
            while working.crew.join_next().await.is_some() {}
        };
        if timeout(PATIENCE, all).await.is_err() {
            self.ledger.wrong("a worker that was alive did not answer a call within a minute".to_owned());
        }
        self.lives.resize_with(usize::try_from(LIVES).unwrap_or(1), Life::default);
    }

    /// The same work with nothing killed: the calls acknowledged, and the time it took.
    async fn calm(&mut self) -> Result<(usize, Duration), BenchError> {
        let working = self.begin(400).await?;
        let (from, began) = (working.from, working.began);
        self.end(working).await;
        let time = began.elapsed();
        self.check(from).await?;
        Ok((acknowledged(&self.ledger.since(from)), time))
    }

    /// One round: work, a blow in the middle of it, recovery, the comparison, retries, and the
    /// comparison again.
    async fn round(&mut self, blow: Blow) -> Result<RoundResult, BenchError> {
        let moment = 10 + self.random.next() % 100;
        let jitter = Duration::from_micros(self.random.next() % 3_000);
        let own = self.look().await?;
        let log = self.home.log_length();
        let working = self.begin(moment + CALLS_AFTER).await?;
        let (from, began) = (working.from, working.began);
        let mut answers = self.ledger.answers();
        let goal = *answers.borrow() + moment;
        // Where all have ended before, it strikes those who are idle.
        let _ = timeout(PATIENCE, answers.wait_for(|many| *many >= goal)).await;
        sleep(jitter).await;
        let cluster = self.home.cluster();
        let aimed = Aimed::at(blow, &self.workers, cluster, own.store(), &mut self.random).await?;
        aimed.strike(own.store()).await?;
        drop(own);
        if blow == Blow::Restart {
            let mut first = self.start_worker()?;
            sleep(Duration::from_millis(self.random.next() % FIRST_START)).await;
            first.kill().await;
        }
        let struck = Instant::now();
        self.replace_the_dead(blow, &aimed).await?;
        let probed = match self.workers.last() {
            Some(newest) => self.ticket(newest).await,
            None => None,
        };
        let recovery = struck.elapsed();
        if probed.is_none() {
            self.ledger.wrong(format!("after the blow ({}) the program did not work again", blow.as_str()));
        }
        self.end(working).await;
        let worked = began.elapsed();
        if self.workers.iter_mut().any(Worker::has_ended) {
            self.ledger.wrong(format!("after the blow ({}) a process of the program ended by itself", blow.as_str()));
        }
        let unacknowledged = self.ledger.open_since(from);
        let (whole, absent) = self.check(from).await?;
        let settling = Instant::now();
        let workers: Vec<&Worker> = self.workers.iter().collect();
        for (n, (place, _)) in unacknowledged.iter().enumerate() {
            let in_turn: Vec<&Worker> = workers.iter().cycle().skip(n % WORKERS).take(WORKERS).copied().collect();
            self.settle(*place, &in_turn).await;
        }
        let worked = worked + settling.elapsed();
        if !unacknowledged.is_empty() {
            self.check(from).await?;
        }
        let calls = self.ledger.since(from);
        Ok(RoundResult {
            blow,
            calls: calls.len(),
            acknowledged: acknowledged(&calls),
            unacknowledged: unacknowledged.len(),
            whole,
            absent,
            worked,
            recovery,
            server_recovery: if blow.makes_server_recover() { self.home.recovery_since(log) } else { None },
        })
    }

    /// Starts a process of the program for each that was killed; if only the server was, one more,
    /// as somebody would who finds it gone. It takes the place of the oldest.
    async fn replace_the_dead(&mut self, blow: Blow, aimed: &Aimed) -> Result<(), BenchError> {
        let (dead, alive): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.workers).into_iter().partition(|worker| aimed.hits(worker));
        self.workers = alive;
        for mut worker in dead {
            worker.ended().await;
        }
        if blow.ends_server() && self.workers.len() == WORKERS {
            let oldest = self.workers.remove(0);
            let ledger = Arc::clone(&self.ledger);
            tokio::spawn(async move {
                if !oldest.retire().await {
                    ledger.wrong("a process of the program that survived did not end well".to_owned());
                }
            });
        }
        while self.workers.len() < WORKERS {
            self.workers.push(self.start_worker()?);
        }
        Ok(())
    }

    /// Compares the calls from a place on with the database, once nobody works on it any more.
    async fn check(&self, from: usize) -> Result<(u64, u64), BenchError> {
        let engine = self.look().await?;
        let store = engine.store();
        let since = Instant::now();
        // A statement of a process that was killed goes on until its backend notices.
        while store.others_at_work().await? > 0 {
            if since.elapsed() > PATIENCE {
                self.ledger.wrong("statements go on although nobody is there who sent them".to_owned());
                break;
            }
            sleep(Duration::from_millis(2)).await;
        }
        let entries = self.ledger.since(from);
        let requests: Vec<_> = entries.iter().map(|entry| entry.order.request_id).collect();
        let found = self.ledger.compare(&entries, &store.traces(&requests).await?);
        for stray in store.strays().await? {
            self.ledger.wrong(format!("{}: {}", stray.about, stray.what));
        }
        store.close().await;
        Ok(found)
    }

    /// Walks every audit chain.
    async fn walk(&self) -> Result<(), BenchError> {
        let engine = open(&Opening { pool_max: WALKING_POOL, ..self.opening.clone() }).await?.engine;
        let verdict = engine.verify_audit(None, |_| ()).await?;
        for found in verdict.broken {
            self.ledger.wrong(format!("{} link {}: {}", found.broken.chain, found.broken.seq, found.what));
        }
        engine.store().close().await;
        Ok(())
    }

    /// Compares every call of all rounds once more: what was acknowledged stays.
    async fn compare_all(&self) -> Result<(), BenchError> {
        self.check(0).await.map(|_| ())
    }

    /// Ends the workers and the server; everything that was wrong.
    async fn finish(mut self) -> Result<Vec<String>, BenchError> {
        for worker in self.workers.drain(..) {
            worker.retire().await;
        }
        self.home.cluster().stop().await?;
        Ok(self.ledger.violations())
    }
}

fn acknowledged(calls: &[Entry]) -> usize {
    calls.iter().filter(|entry| matches!(entry.outcome, Outcome::Done(_))).count()
}

/// A round under way.
struct Working {
    from: usize,
    began: Instant,
    lives: tokio::task::JoinSet<Life>,
    crew: tokio::task::JoinSet<()>,
}
