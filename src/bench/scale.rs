//! `bench scale`: the calls of `bench calls` on a database with many open tickets. The yardstick is
//! the same load on an empty one, in turns.

use std::time::Duration;

use serde::Serialize;

use super::calls::{LEVELS, TURN, WARM_UP, World, load};
use super::{BenchError, Machine, Times, median, ratio, rounded, scratch};
use crate::demo::SEED;
use crate::demo::fill::{Order, Progress, fill};
use crate::engine::Engine;
use crate::engine::open::Opening;
use crate::store::databases::tidy;

/// What was measured with so many callers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Level {
    pub name: &'static str,
    /// Tickets in the database before the load.
    pub tickets: usize,
    pub callers: u32,
    pub calls_per_second: f64,
    pub p99_ms: f64,
    pub yardstick: &'static str,
    pub yardstick_per_second: f64,
    pub yardstick_p99_ms: f64,
    pub ratio: f64,
    pub p99_ratio: f64,
    pub machine: Machine,
}

/// Measures every level, each side for about `seconds` of it. `filled` is told how many tickets there
/// are. The databases are removed at the end, also after a failure.
pub async fn run(
    opening: &Opening,
    tickets: usize,
    seconds: u64,
    filled: &(dyn Fn(usize, usize) + Send + Sync),
    told: impl FnMut(&Level),
) -> Result<(), BenchError> {
    let measured = measure(opening, tickets, seconds, filled, told).await;
    scratch::remove(opening).await?;
    measured
}

/// One side: a database, and what was measured on it.
struct Side {
    engine: Engine,
    world: World,
    rates: Vec<f64>,
    times: Times,
}

impl Side {
    async fn new(engine: Engine) -> Result<Self, BenchError> {
        let world = World::new(&engine).await?;
        Ok(Self { engine, world, rates: Vec::new(), times: Times::default() })
    }

    async fn turn(&mut self, callers: u32, time: Duration) -> Result<(), BenchError> {
        let round = load(&self.engine, &self.world, callers, time).await?;
        self.rates.push(round.rate);
        self.times.extend(round.times);
        Ok(())
    }

    fn forget(&mut self) {
        self.rates.clear();
        self.times = Times::default();
    }
}

async fn measure(
    opening: &Opening,
    tickets: usize,
    seconds: u64,
    filled: &(dyn Fn(usize, usize) + Send + Sync),
    mut told: impl FnMut(&Level),
) -> Result<(), BenchError> {
    let most = 2 * LEVELS.into_iter().max().unwrap_or(1);
    let full = scratch::make(opening, scratch::OURS, most).await?;
    let watch = |progress| {
        if let Progress::Tickets { done, of } = progress {
            filled(done, of);
        }
    };
    let order = Order { seed: SEED, tickets: Some(tickets), closed: 0 };
    fill(&full, order, &watch).await?;
    tidy(&opening.cluster()?, scratch::OURS).await?;
    let mut full = Side::new(full).await?;
    let mut empty = Side::new(scratch::make(opening, scratch::YARDSTICK, most).await?).await?;
    let machine = Machine::here(full.engine.store().pool()).await?;
    for callers in LEVELS {
        full.turn(callers, WARM_UP).await?;
        empty.turn(callers, WARM_UP).await?;
        full.forget();
        empty.forget();
        for _ in 0..(seconds / TURN.as_secs()).max(1) {
            full.turn(callers, TURN).await?;
            empty.turn(callers, TURN).await?;
        }
        let (ours, theirs) = (median(full.rates.clone()), median(empty.rates.clone()));
        let (p99, yardstick_p99) = (full.times.percentile_ms(99), empty.times.percentile_ms(99));
        told(&Level {
            name: "scale",
            tickets,
            callers,
            calls_per_second: rounded(ours, 0),
            p99_ms: p99,
            yardstick: "the same calls on an empty database",
            yardstick_per_second: rounded(theirs, 0),
            yardstick_p99_ms: yardstick_p99,
            ratio: ratio(ours, theirs),
            p99_ratio: ratio(p99, yardstick_p99),
            machine: machine.clone(),
        });
    }
    full.engine.store().close().await;
    empty.engine.store().close().await;
    Ok(())
}
