//! Plays a day through the engine: master data by single calls, tickets as one batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use uuid::Uuid;

use super::album::Album;
use super::mass::{self, Mass};
use super::master::Master;
use super::story::{Content, Deed, Story};
use super::{DemoError, people, script, volume};
use crate::domain::actor::Role;
use crate::domain::closeout::OWN_SCHEME;
use crate::domain::words::ApprovalStatus;
use crate::engine::{Bulk, BulkCall, Desk, Engine, QueueQuery};

/// What a day consists of.
#[derive(Debug, Clone, Copy)]
pub struct Filled {
    pub accounts: usize,
    pub sites: usize,
    pub technicians: usize,
    pub tickets: usize,
    /// Tool calls that were made.
    pub calls: usize,
    /// Evidence files that were kept.
    pub files: usize,
}

/// What is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub seed: u64,
    /// How many tickets; those of the day alone where nobody says.
    pub tickets: Option<usize>,
    /// How many of a hundred tickets beyond the day are closed.
    pub closed: usize,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many sites and technicians beyond those of the day are to be added.
    Growing { sites: usize, technicians: usize },
    /// So many tickets of so many are written.
    Tickets { done: usize, of: usize },
    /// The database is looked over, so that the first questions are answered fast.
    Tidying,
}

/// Who is told.
pub type Watch<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Fills an empty database with the day of a seed, and with as many tickets beyond it as wanted.
pub async fn fill(engine: &Engine, order: Order, watch: Watch<'_>) -> Result<Filled, DemoError> {
    let Order { seed, tickets, closed } = order;
    let manager = people::caller("maria", Role::Dispatcher);
    let one = QueueQuery { limit: Some(1), ..QueueQuery::default() };
    // The database's own time: nothing may lie in its future.
    let now = engine.queue(&manager, &one).await.map_err(DemoError::of("queue"))?.generated_at;
    let mut master = Master::new(engine, seed, now);
    master.day().await?;
    let mut stories = script::write(seed, now, &engine.policy().policy, &master.places);
    stories.truncate(tickets.unwrap_or(usize::MAX));
    let mut files = keep_files(engine, stories.iter().flat_map(Story::files)).await?;
    let mut bulk = Bulk::new(engine, Arc::new(master.known.clone()));
    bulk.reserve(stories.len()).await?;
    let mut calls = 0;
    for (n, story) in stories.iter().enumerate() {
        calls += play(&mut bulk, story, |step| request_id(seed, &format!("{n}/{step}")))?;
    }
    let mut made = bulk.flush().await?;
    let rest = tickets.unwrap_or(0).saturating_sub(made);
    if rest > 0 {
        let is_closed = rest * closed / 100;
        let (sites, technicians) = mass::company(rest, is_closed);
        watch(Progress::Growing { sites, technicians });
        master.grow(sites, technicians).await?;
        let album = Album::new(seed);
        files += keep_files(engine, album.all()).await?;
        let mass = Mass {
            seed,
            now,
            places: master.places.clone(),
            crew: master.crew.clone(),
            album,
            count: rest,
            closed: is_closed,
        };
        let loaded = volume::load(engine, mass, master.known.clone(), made, watch).await?;
        made += loaded.tickets;
        calls += loaded.calls;
    }
    Ok(Filled {
        accounts: master.accounts,
        sites: master.places.len(),
        technicians: master.crew.len(),
        tickets: made,
        calls: calls + master.calls,
        files,
    })
}

/// The request id of a step of a seed's day.
pub fn request_id(seed: u64, step: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("dispatch demo {seed} {step}").as_bytes())
}

/// Keeps files, several at a time: each is written through to the disk. Says how many there are.
async fn keep_files<'a>(engine: &Engine, files: impl Iterator<Item = &'a Content>) -> Result<usize, DemoError> {
    let agent = &people::caller(people::INTAKE_AGENT, Role::Agent);
    let kept: BTreeSet<String> = stream::iter(files)
        .map(|file| async move { engine.upload(agent, &file.bytes).await })
        .buffer_unordered(16)
        .map_ok(|stored| stored.checksum)
        .map_err(DemoError::of("upload"))
        .try_collect()
        .await?;
    Ok(kept.len())
}

/// Plays one story, its steps under these request ids; says how many calls it took.
pub fn play(bulk: &mut Bulk, story: &Story, id: impl Fn(usize) -> Uuid) -> Result<usize, DemoError> {
    let mut ticket_id = None;
    for (step, act) in story.acts.iter().enumerate() {
        let (tool, payload) = match &act.deed {
            Deed::Call { tool, payload } => (*tool, payload.clone()),
            Deed::Decide { verdict, notes } => {
                let case = ticket_id.and_then(|id| bulk.case(id));
                let open = case
                    .and_then(|case| case.approvals.iter().find(|approval| approval.status == ApprovalStatus::Pending));
                let id = open.map(|approval| approval.id);
                ("approval.decide", json!({"approval_id": id, "decision": verdict, "notes": notes}))
            }
            Deed::Proof { kind, key, file, content } => {
                let checksum = &content.checksum;
                let payload = json!({
                    "kind": kind,
                    "uri": format!("{OWN_SCHEME}:sha256/{checksum}"),
                    "checksum": checksum,
                    "evidence_key": key,
                    "metadata": {"file_name": file, "bytes": content.bytes.len()},
                });
                ("closeout.add_evidence", payload)
            }
        };
        let caller = people::caller(&act.who.0, act.who.1);
        let call = BulkCall {
            tool,
            ticket_id,
            payload,
            caller: &caller,
            request_id: id(step),
            at: act.at,
            source: None,
            correlation_id: None,
        };
        ticket_id = Some(bulk.call(&call).map_err(DemoError::of(tool))?);
    }
    Ok(story.acts.len())
}
