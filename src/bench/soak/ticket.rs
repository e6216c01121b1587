//! `bench soak --ticket`: very many calls on one ticket. What a call costs must not grow with the
//! ticket's history, so the last calls are measured beside the first.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use serde::Serialize;
use serde_json::json;

use crate::bench::calls::World;
use crate::bench::{BenchError, Machine, rounded, scratch};
use crate::domain::actor::{Actor, Role};
use crate::engine::open::Opening;
use crate::engine::{Call, Caller, Desk, Engine};
use crate::store::StoreError;

/// Who call at once.
const CALLERS: usize = 32;
/// Of so many calls one is made twice at once.
const TWICE: usize = 8;

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneTicket {
    pub name: &'static str,
    pub calls: usize,
    pub callers: usize,
    /// Over the last tenth of them.
    pub calls_per_second: f64,
    /// Over the first tenth.
    pub yardstick_per_second: f64,
    pub ratio: f64,
    /// Reading the whole timeline at the end.
    pub timeline_ms: f64,
    pub machine: Machine,
    pub violations: Vec<String>,
}

/// Makes so many calls on one ticket, in a database of its own that is removed at the end.
pub async fn run(opening: &Opening, calls: usize) -> Result<OneTicket, BenchError> {
    let measured = measure(opening, calls).await;
    scratch::remove(opening).await?;
    measured
}

async fn measure(opening: &Opening, calls: usize) -> Result<OneTicket, BenchError> {
    let engine = scratch::make(opening, scratch::OURS, 64).await?;
    let machine = Machine::here(engine.store().pool()).await?;
    let world = World::new(&engine).await?;
    let dispatcher = Caller::local(Actor::local("soak-dispatcher", Role::Dispatcher));
    let mut ticket = String::new();
    if let Some((_, tool, payload)) = world.way.first() {
        let made = engine.call(Call::new(&dispatcher, tool, None, payload.clone())).await?.json();
        made["id"].as_str().unwrap_or_default().clone_into(&mut ticket);
    }
    let tenth = (calls / 10).max(1);
    let mut times: Vec<Duration> = Vec::new();
    for from in (0..calls).step_by(tenth) {
        let since = Instant::now();
        let callers =
            (0..CALLERS).map(|caller| add(&engine, &ticket, (from + caller..calls.min(from + tenth)).step_by(CALLERS)));
        try_join_all(callers).await?;
        times.push(since.elapsed());
    }
    let rate = |time: Option<&Duration>| {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
        let calls = tenth as f64;
        time.map_or(0.0, |time| calls / time.as_secs_f64().max(0.001))
    };
    let (first, last) = (rate(times.first()), rate(times.get(calls / tenth - 1)));
    let since = Instant::now();
    let timeline = engine.call(Call::new(&dispatcher, "ticket.timeline", Some(&ticket), json!({}))).await?.json();
    let timeline_ms = since.elapsed().as_secs_f64() * 1_000.0;
    let mut violations = check(&engine).await?;
    let events = timeline["events"].as_array().map_or(0, Vec::len);
    if events != calls + 1 {
        violations.push(format!("{calls} calls and the creation made {events} events"));
    }
    engine.store().close().await;
    Ok(OneTicket {
        name: "ticket",
        calls,
        callers: CALLERS,
        calls_per_second: rounded(last, 0),
        yardstick_per_second: rounded(first, 0),
        ratio: rounded(last / first.max(0.001), 2),
        timeline_ms: rounded(timeline_ms, 0),
        machine,
        violations,
    })
}

/// One caller: piece of evidence after piece of evidence.
async fn add(engine: &Engine, ticket: &str, numbers: impl Iterator<Item = usize>) -> Result<(), BenchError> {
    let technician = Caller::local(Actor::local("soak-technician", Role::Technician));
    for n in numbers {
        let payload = json!({"kind": "PHOTO", "uri": format!("s3://soak/{n}.jpg")});
        let call = Call::new(&technician, "closeout.add_evidence", Some(ticket), payload);
        if n % TWICE == 0 {
            try_join_all([engine.call(call.clone()), engine.call(call)]).await?;
        } else {
            engine.call(call).await?;
        }
    }
    Ok(())
}

/// Everything that is wrong in the database.
async fn check(engine: &Engine) -> Result<Vec<String>, StoreError> {
    let strays = engine.store().strays().await?.into_iter().map(|stray| format!("{}: {}", stray.about, stray.what));
    let broken = engine.verify_audit(None, |_| ()).await?.broken;
    let broken =
        broken.into_iter().map(|link| format!("{} link {}: {}", link.broken.chain, link.broken.seq, link.what));
    Ok(strays.chain(broken).collect())
}
