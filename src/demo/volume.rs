//! Writes many tickets fast: several workers, each of which judges a batch and then writes it, so
//! that some judge while the database works for the others.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use futures::future::try_join_all;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use uuid::{Builder, Uuid};

use super::DemoError;
use super::fill::{Progress, Watch, play};
use super::mass::Mass;
use super::random::Random;
use crate::domain::policy::Policy;
use crate::engine::{Batch, Bulk, Engine, Known};

/// Tickets written in one transaction.
const BATCH: usize = 500;

/// What was written.
#[derive(Debug, Clone, Copy)]
pub struct Loaded {
    pub tickets: usize,
    pub calls: usize,
}

/// What the workers share.
struct Work<'a> {
    engine: &'a Engine,
    mass: Arc<Mass>,
    known: Arc<Known>,
    /// The first ticket that nobody has begun.
    next: Mutex<usize>,
    tickets: AtomicUsize,
    calls: AtomicUsize,
    /// Tickets that were there before.
    before: usize,
    watch: Watch<'a>,
}

/// Tells and writes all of them.
pub async fn load(
    engine: &Engine,
    mass: Mass,
    known: Known,
    before: usize,
    watch: Watch<'_>,
) -> Result<Loaded, DemoError> {
    let work = Work {
        engine,
        mass: Arc::new(mass),
        known: Arc::new(known),
        next: Mutex::new(0),
        tickets: AtomicUsize::new(0),
        calls: AtomicUsize::new(0),
        before,
        watch,
    };
    let workers = available_parallelism().map_or(2, usize::from).clamp(2, 8);
    try_join_all((0..workers).map(|_| work.go_on())).await?;
    Ok(Loaded { tickets: work.tickets.into_inner(), calls: work.calls.into_inner() })
}

impl Work<'_> {
    /// One worker: batch after batch, until there is none left.
    async fn go_on(&self) -> Result<(), DemoError> {
        loop {
            let mut bulk = Bulk::new(self.engine, Arc::clone(&self.known));
            let range = self.take(&mut bulk).await?;
            if range.is_empty() {
                return Ok(());
            }
            let (mass, bundle) = (Arc::clone(&self.mass), Arc::clone(self.engine.policy()));
            let judged = spawn_blocking(move || judge(&mass, &bundle.policy, range, bulk)).await;
            let (batch, calls) = judged.unwrap_or_else(|failed| resume_unwind(failed.into_panic()))?;
            self.engine.store().copy(&batch).await?;
            self.calls.fetch_add(calls, Ordering::Relaxed);
            let done = self.tickets.fetch_add(batch.tickets(), Ordering::Relaxed) + batch.tickets();
            (self.watch)(Progress::Tickets { done: self.before + done, of: self.before + self.mass.count });
        }
    }

    /// The next batch, with numbers: one worker after the other, so that a ticket has the same
    /// number whoever writes it.
    async fn take(&self, bulk: &mut Bulk) -> Result<Range<usize>, DemoError> {
        let mut next = self.next.lock().await;
        let range = *next..(*next + BATCH).min(self.mass.count);
        bulk.reserve(range.len()).await?;
        *next = range.end;
        Ok(range)
    }
}

/// Judges a batch, and puts it into the form in which it is written.
fn judge(mass: &Mass, policy: &Policy, range: Range<usize>, mut bulk: Bulk) -> Result<(Batch, usize), DemoError> {
    let mut calls = 0;
    for index in range {
        if let Some(story) = mass.story(index, policy) {
            calls += play(&mut bulk, &story, |step| request_id(mass.seed, index, step))?;
        }
    }
    Ok((bulk.finish(), calls))
}

/// The request id of a step. Ids grow with the ticket and the step, so that the index of stored
/// answers grows at its end; what else is in them depends on the seed.
fn request_id(seed: u64, index: usize, step: usize) -> Uuid {
    let place = (index as u64) << 8 | step as u64;
    let noise = Random::of(seed, place ^ 0x1d << 56).next();
    Builder::from_custom_bytes(Uuid::from_u64_pair(place << 16, noise).into_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_uuids_that_grow_and_depend_on_the_seed() {
        let ids: Vec<Uuid> = [(0, 0), (0, 1), (0, 15), (0, 16), (0, 40), (1, 0), (255, 3), (70_000, 2), (1_999_999, 0)]
            .map(|(index, step)| request_id(1, index, step))
            .into();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert!(ids.iter().all(|id| id.get_version_num() == 8 && id.get_variant() == uuid::Variant::RFC4122));
        assert_ne!(request_id(1, 5, 5), request_id(2, 5, 5));
    }
}
