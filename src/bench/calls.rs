//! `bench calls`: mutating calls a second, full lifecycles in process, beside the yardstick.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::pgbench::Pgbench;
use super::{BenchError, Machine, Times, median, ratio, rounded, scratch};
use crate::domain::actor::{Actor, Role};
use crate::domain::time::Timestamp;
use crate::engine::open::Opening;
use crate::engine::{Call, Caller, Desk, Engine};

/// How many call at once.
pub const LEVELS: [u32; 3] = [1, 8, 32];
/// Ours and the yardstick take turns of this length, so that whatever else the machine does meets
/// both. Not shorter: pgbench plans its statement anew in each.
const TURN: Duration = Duration::from_secs(2);
/// Connections and caches fill before the first round.
const WARM_UP: Duration = Duration::from_secs(1);

/// What was measured with so many callers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Level {
    pub name: &'static str,
    pub callers: u32,
    pub calls_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub yardstick_per_second: f64,
    pub ratio: f64,
    pub machine: Machine,
}

/// Measures every level, each side for about `seconds` of it. The databases are removed at the
/// end, also after a failure.
pub async fn run(opening: &Opening, seconds: u64, told: impl FnMut(&Level)) -> Result<(), BenchError> {
    let cluster = opening.cluster()?;
    cluster.ensure_running().await?;
    let yardstick = Pgbench::find(&cluster).await?;
    let measured = measure(opening, &yardstick, seconds, told).await;
    scratch::remove(opening).await?;
    measured
}

async fn measure(
    opening: &Opening,
    yardstick: &Pgbench,
    seconds: u64,
    mut told: impl FnMut(&Level),
) -> Result<(), BenchError> {
    let filled = scratch::make(opening, scratch::YARDSTICK, 2).await?;
    Pgbench::fill(filled.store().pool()).await?;
    filled.store().close().await;
    let most = LEVELS.into_iter().max().unwrap_or(1);
    // Calls keep half of the pool for themselves (`store::lane`).
    let engine = scratch::make(opening, scratch::OURS, 2 * most).await?;
    let machine = Machine::here(engine.store().pool()).await?;
    let world = World::new(&engine).await?;
    for callers in LEVELS {
        load(&engine, &world, callers, WARM_UP).await?;
        let (mut ours, mut theirs, mut times) = (Vec::new(), Vec::new(), Times::default());
        for _ in 0..(seconds / TURN.as_secs()).max(1) {
            let round = load(&engine, &world, callers, TURN).await?;
            ours.push(round.rate);
            times.extend(round.times);
            theirs.push(yardstick.run(callers, TURN.as_secs()).await?);
        }
        let (calls_per_second, yardstick_per_second) = (median(ours), median(theirs));
        told(&Level {
            name: "calls",
            callers,
            calls_per_second: rounded(calls_per_second, 0),
            p50_ms: times.percentile_ms(50),
            p99_ms: times.percentile_ms(99),
            yardstick_per_second: rounded(yardstick_per_second, 0),
            ratio: ratio(calls_per_second, yardstick_per_second),
            machine: machine.clone(),
        });
    }
    engine.store().close().await;
    Ok(())
}

/// One stretch of load.
struct Round {
    rate: f64,
    times: Times,
}

/// Lets so many callers bring tickets from creation to invoice until the time is up.
async fn load(engine: &Engine, world: &World, callers: u32, time: Duration) -> Result<Round, BenchError> {
    let began = Instant::now();
    let until = began + time;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let (engine, world) = (engine.clone(), world.clone());
        tasks.spawn(async move { lifecycles(&engine, &world, until).await });
    }
    let mut times = Times::default();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(result) => times.extend(result?),
            Err(error) => return Err(BenchError::Store(crate::store::StoreError::Files(error.to_string()))),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    Ok(Round { rate, times })
}

/// One caller: one lifecycle after the other; how long each call took.
async fn lifecycles(engine: &Engine, world: &World, until: Instant) -> Result<Times, BenchError> {
    let mut times = Times::default();
    loop {
        let mut ticket: Option<String> = None;
        for (role, tool, payload) in world.way.iter() {
            if Instant::now() >= until {
                return Ok(times);
            }
            let call = Call::new(&local(*role), tool, ticket.as_deref(), payload.clone());
            let asked = Instant::now();
            let reply = engine.call(call).await?;
            times.push(asked.elapsed());
            if ticket.is_none() {
                ticket = reply.json()["id"].as_str().map(str::to_owned);
            }
        }
    }
}

/// A caller of the load.
pub(super) fn local(role: Role) -> Caller {
    Caller::local(Actor::local(format!("bench-{role}"), role))
}

/// Master data, and the calls of a lifecycle on it.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) way: std::sync::Arc<Vec<(Role, &'static str, Value)>>,
}

impl World {
    pub(super) async fn new(engine: &Engine) -> Result<Self, BenchError> {
        let account = upsert(engine, "accounts", json!({"name": "Harbor Foods"})).await?;
        let site = json!({
            "account_id": account, "name": "Pier 9", "address1": "Pier 9", "city": "San Francisco", "region": "CA"
        });
        let site = upsert(engine, "sites", site).await?;
        let technician = json!({
            "id": "t-1", "name": "R. Ortiz", "home_region": "CA", "skills": ["DEFAULT"], "phone": "+1 415 555 0101"
        });
        upsert(engine, "technicians", technician).await?;
        Ok(Self { way: std::sync::Arc::new(way(&account, &site)) })
    }
}

async fn upsert(engine: &Engine, kind: &str, payload: Value) -> Result<Value, BenchError> {
    let call = Call::new(&local(Role::Dispatcher), "directory.upsert", Some(kind), payload);
    Ok(engine.call(call).await?.json()["id"].clone())
}

/// The ordinary way of a ticket, from creation to invoice.
fn way(account: &Value, site: &Value) -> Vec<(Role, &'static str, Value)> {
    const INCIDENT: &str = "CLOSER_LEAKING_OR_SLAMMING";
    let tomorrow = |minutes: i64| Timestamp::new(chrono::Utc::now()).plus_minutes(24 * 60 + minutes);
    let window = json!({"start": tomorrow(0), "end": tomorrow(120)});
    let evidence = |key: &str| {
        let uri = format!("s3://bench/{}/{key}.jpg", Uuid::nil());
        (Role::Technician, "closeout.add_evidence", json!({"kind": "PHOTO", "uri": uri, "evidence_key": key}))
    };
    let create = json!({
        "account_id": account, "site_id": site, "summary": "Closer slams",
        "contact_phone": "415 555 0199", "contact_email": "ops@harbor.example"
    });
    let checklist = json!({
        "work_performed": true, "parts_used_or_needed": true, "resolution_status": true, "onsite_photos_after": true,
        "billing_authorization": true
    });
    let complete = json!({"checklist_status": checklist, "no_signature_reason": "Site was closed"});
    let triage = json!({"priority": "URGENT", "incident_type": INCIDENT, "nte_cents": 50_000});
    let ready = json!({"priority": "URGENT", "incident_type": INCIDENT, "ready_to_schedule": true});
    vec![
        (Role::Dispatcher, "ticket.create", create),
        (Role::Dispatcher, "ticket.triage", triage),
        (Role::Dispatcher, "ticket.triage", ready),
        (Role::Dispatcher, "schedule.propose", json!({"options": [window]})),
        (Role::Dispatcher, "schedule.confirm", window),
        (Role::Dispatcher, "assignment.dispatch", json!({"tech_id": "t-1"})),
        (Role::Technician, "tech.check_in", json!({"timestamp": tomorrow(5)})),
        evidence("photo_before_closer_body"),
        evidence("photo_after_closer_or_adjustment"),
        evidence("note_sweep_and_latch_speed_settings"),
        (Role::Technician, "tech.complete", complete),
        (Role::Qa, "qa.verify", json!({"timestamp": tomorrow(180), "result": "PASS"})),
        (Role::Finance, "billing.generate_invoice", json!({})),
    ]
}
