//! `bench feed`: how soon another's change is seen, and whether any is missed or shown twice.
//!
//! So many callers write at full speed; a transaction elsewhere in the cluster stays open all the
//! time; now and then a ticket is repaired by hand in SQL. A reader with connections of its own asks
//! for changes as often as a screen does. The yardstick is one round trip to the server under the
//! same load.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use uuid::Uuid;

use super::calls::{World, local};
use super::{BenchError, Machine, Times, ratio, scratch};
use crate::domain::actor::Role;
use crate::domain::queue::Row;
use crate::engine::open::Opening;
use crate::engine::{Call, Desk, Engine, FeedToken, QueueQuery};

/// How many write.
const WRITERS: u32 = 8;
/// How often the reader asks: as often as a watched queue does.
pub const POLL: Duration = Duration::from_millis(150);
/// How often somebody repairs a ticket by hand.
const REPAIR: Duration = Duration::from_millis(400);

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    pub name: &'static str,
    pub writers: u32,
    pub seconds: u64,
    /// Answered commands, and repairs by hand.
    pub calls: usize,
    pub repairs: usize,
    /// From a command's answer to its row in the reader's hands.
    pub seen_p50_ms: f64,
    pub seen_p99_ms: f64,
    pub seen_worst_ms: f64,
    pub goal_p99_ms: f64,
    /// Rows that the feed gave, and those among them that it had given before.
    pub rows: usize,
    pub repeated: usize,
    /// Tickets that the reader did not have as they were at the end.
    pub missed: usize,
    pub poll_p50_ms: f64,
    pub poll_p99_ms: f64,
    pub yardstick: &'static str,
    pub yardstick_p50_ms: f64,
    /// Asking for changes beside a round trip, median beside median.
    pub ratio: f64,
    pub machine: Machine,
}

/// What writers and the reader tell one another.
#[derive(Default)]
struct Board {
    tickets: Mutex<HashMap<Uuid, Progress>>,
    calls: AtomicUsize,
    is_over: AtomicBool,
}

/// How far a ticket has come, for those who write it and for who reads it.
#[derive(Default)]
struct Progress {
    /// Answers whose change the reader does not have yet: link and moment.
    waiting: Vec<(i64, Instant)>,
    /// The newest link that the reader has.
    seen: i64,
}

impl Board {
    fn with<T>(&self, ticket: Uuid, work: impl FnOnce(&mut Progress) -> T) -> T {
        let mut tickets = self.tickets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        work(tickets.entry(ticket).or_default())
    }

    /// A command was answered. Its change may have been seen before its answer.
    fn answered(&self, ticket: Uuid, seq: i64) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.with(ticket, |progress| {
            if progress.seen < seq {
                progress.waiting.push((seq, Instant::now()));
            }
        });
    }

    /// A row has reached the reader.
    fn seen(&self, ticket: Uuid, seq: i64, times: &mut Times) {
        self.with(ticket, |progress| {
            progress.seen = seq;
            progress.waiting.retain(|(of, at)| {
                if *of <= seq {
                    times.push(at.elapsed());
                }
                *of > seq
            });
        });
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// Writes for about so long, reading meanwhile. The database is removed at the end, also after a
/// failure.
pub async fn run(opening: &Opening, seconds: u64) -> Result<Figure, BenchError> {
    let measured = measure(opening, seconds).await;
    scratch::remove(opening).await?;
    measured
}

async fn measure(opening: &Opening, seconds: u64) -> Result<Figure, BenchError> {
    let engine = scratch::make(opening, scratch::OURS, 2 * WRITERS + 2).await?;
    // Of four connections the open transaction holds one, and reads keep up to two at hand.
    let reader = scratch::another(opening, scratch::OURS, 4).await?;
    let machine = Machine::here(engine.store().pool()).await?;
    let world = World::new(&engine).await?;
    // Open from beginning to end, with a transaction id of its own.
    let mut elsewhere = reader.store().pool().begin().await?;
    sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut *elsewhere).await?;
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *elsewhere).await?;
    let board = Board::default();
    let start = reader.queue(&local(Role::Dispatcher), &QueueQuery::default()).await?.feed;
    let until = Instant::now() + Duration::from_secs(seconds);
    let work = async {
        let writers = (0..WRITERS).map(|_| write(&engine, &world, &board, until));
        let done = tokio::join!(futures::future::join_all(writers), repair(&engine, until));
        board.is_over.store(true, Ordering::Relaxed);
        done.0.into_iter().collect::<Result<Vec<()>, _>>()?;
        done.1
    };
    let (repairs, read) = tokio::join!(work, read(&reader, &board, start));
    let (repairs, read) = (repairs?, read?);
    elsewhere.rollback().await?;
    let missed = missed(&engine, &read).await?;
    engine.store().close().await;
    reader.store().close().await;
    Ok(Figure {
        name: "feed",
        writers: WRITERS,
        seconds,
        calls: board.calls.load(Ordering::Relaxed),
        repairs,
        seen_p50_ms: read.seen.percentile_ms(50),
        seen_p99_ms: read.seen.percentile_ms(99),
        seen_worst_ms: read.seen.percentile_ms(100),
        goal_p99_ms: 250.0,
        rows: read.rows,
        repeated: read.repeated,
        missed,
        poll_p50_ms: read.polls.percentile_ms(50),
        poll_p99_ms: read.polls.percentile_ms(99),
        yardstick: "one round trip to the server under the same load",
        yardstick_p50_ms: read.trips.percentile_ms(50),
        ratio: ratio(read.polls.percentile_ms(50), read.trips.percentile_ms(50)),
        machine,
    })
}

/// One writer: one lifecycle after the other. Each ticket is one writer's own, so every answer is one
/// link more in its chain.
async fn write(engine: &Engine, world: &World, board: &Board, until: Instant) -> Result<(), BenchError> {
    loop {
        let mut ticket: Option<Uuid> = None;
        for (seq, (role, tool, payload)) in (1..).zip(world.way.iter()) {
            if Instant::now() >= until {
                return Ok(());
            }
            let id = ticket.map(|id| id.to_string());
            let reply = engine.call(Call::new(&local(*role), tool, id.as_deref(), payload.clone())).await?;
            ticket = ticket.or_else(|| reply.json()["id"].as_str().and_then(|id| Uuid::try_parse(id).ok()));
            if let Some(id) = ticket {
                board.answered(id, seq);
            }
        }
    }
}

/// Somebody who mends summaries by hand. How many.
async fn repair(engine: &Engine, until: Instant) -> Result<usize, BenchError> {
    let mut repairs = 0;
    while Instant::now() < until {
        tokio::time::sleep(REPAIR).await;
        repairs += 1;
        sqlx::query(
            "UPDATE tickets SET summary = $1 WHERE id = (SELECT id FROM tickets ORDER BY id LIMIT 1 OFFSET $2)",
        )
        .bind(format!("Mended {repairs}"))
        .bind(i64::try_from(repairs).unwrap_or(0) % 50)
        .execute(engine.store().pool())
        .await?;
    }
    Ok(repairs)
}

/// What the reader saw.
#[derive(Default)]
struct Read {
    last: HashMap<Uuid, Row>,
    seen: Times,
    polls: Times,
    trips: Times,
    rows: usize,
    repeated: usize,
}

async fn read(engine: &Engine, board: &Board, mut feed: FeedToken) -> Result<Read, BenchError> {
    let who = local(Role::Dispatcher);
    let mut read = Read::default();
    loop {
        // Asked once more after everything was written.
        let is_last = board.is_over();
        let began = Instant::now();
        sqlx::query("SELECT 1").execute(engine.store().pool()).await?;
        read.trips.push(began.elapsed());
        let began = Instant::now();
        let changes = engine.changes(&who, &feed).await?;
        read.polls.push(began.elapsed());
        feed = changes.feed;
        read.rows += changes.rows.len();
        for row in changes.rows {
            board.seen(row.ticket_id, row.seq, &mut read.seen);
            let before = read.last.insert(row.ticket_id, row.clone());
            read.repeated += usize::from(before.is_some_and(|before| before.change == row.change));
        }
        if is_last {
            return Ok(read);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Tickets that are not as the reader has them.
async fn missed(engine: &Engine, read: &Read) -> Result<usize, BenchError> {
    let mut query = QueueQuery { limit: Some(1_000), ..QueueQuery::default() };
    let mut missed = 0;
    loop {
        let page = engine.queue(&local(Role::Dispatcher), &query).await?;
        for row in &page.rows {
            let is_same = read
                .last
                .get(&row.ticket_id)
                .is_some_and(|last| (last.seq, &last.summary, last.state) == (row.seq, &row.summary, row.state));
            missed += usize::from(!is_same);
        }
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return Ok(missed);
        }
    }
}
