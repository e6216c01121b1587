//! Verifying the audit trail: every chain, link by link, against its recorded head.
//!
//! One task reads the heads and hands out pages of chains; several walk them, each on a connection
//! of its own, all as of one moment. Memory holds a few pages, however long the trail is.

use std::sync::Arc;

use futures::TryStreamExt;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Engine;
use crate::domain::audit::Head;
use crate::domain::canonical::{canonical, hex};
use crate::domain::chain::{Break, Walk};
use crate::store::StoreError;
use crate::store::trail::{Chain, Link, Reader, Snapshot, StrayStep};

/// Broken chains that a verdict names; beyond it only counts them.
const NAMED: usize = 10_000;
/// A page of chains: as many as have so many links together, and not more than so many.
const PAGE_LINKS: i64 = 4096;
const PAGE_CHAINS: usize = 512;
/// More readers at once than this only wait for the server.
const MOST_READERS: usize = 4;

/// What a verification found.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Events that are links of a chain.
    pub events: u64,
    /// Chains that have links, or should have.
    pub chains: u64,
    pub broken_chains: u64,
    /// The first broken link of each broken chain, by chain; of the first 10,000.
    pub broken: Vec<Finding>,
    /// How many events have other steps than they say, or steps no event.
    pub stray_steps: u64,
    pub first_stray_steps: Vec<StrayStep>,
    /// Events that other programs appended without a chain.
    pub unchained: u64,
    pub first_unchained: Vec<Uuid>,
    /// SHA-256 over all chain heads: equal digests, equal trails.
    pub digest: String,
}

impl Verdict {
    /// Whether nothing is wrong. Events without a chain are not: they prove nothing, and break nothing.
    pub fn is_whole(&self) -> bool {
        self.broken_chains == 0 && self.stray_steps == 0
    }
}

/// A broken chain.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The ticket's number.
    pub ticket: Option<String>,
    #[serde(flatten)]
    pub broken: Break,
    /// The same in a sentence.
    pub what: String,
}

/// How far a verification has come, in events.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub done: u64,
    pub all: u64,
}

/// What a walker does next.
enum Work {
    Page(Vec<Chain>),
    Steps,
}

/// What a walker found.
#[derive(Default)]
struct Found {
    events: u64,
    chains: u64,
    broken: Vec<Finding>,
    steps: Option<(u64, Vec<StrayStep>)>,
}

/// The digest of chain heads: SHA-256 of the canonical JSON of `[[chain, seq, hash], …]`, those of
/// tickets by id, then the others by name.
#[derive(Debug, Default)]
struct HeadsDigest {
    hasher: Sha256,
    begun: bool,
}

impl HeadsDigest {
    fn add(&mut self, chain: &Chain) {
        let Head { seq, hash, .. } = chain.head.clone().unwrap_or_default();
        self.hasher.update(if self.begun { "," } else { "[" });
        self.hasher.update(canonical(&json!([chain.name, seq, hash])));
        self.begun = true;
    }

    fn finish(mut self) -> String {
        self.hasher.update(if self.begun { "]" } else { "[]" });
        hex(&self.hasher.finalize())
    }
}

impl Engine {
    /// Walks all chains, or one, and says where the first broken link of each is. `progress` is
    /// told how many events were looked at.
    pub async fn verify_audit(
        &self,
        chain: Option<&str>,
        progress: impl FnMut(Progress),
    ) -> Result<Verdict, StoreError> {
        verify(&mut self.store.snapshot().await?, chain, progress).await
    }
}

/// The same as of a snapshot.
pub(super) async fn verify(
    snapshot: &mut Snapshot,
    chain: Option<&str>,
    mut progress: impl FnMut(Progress),
) -> Result<Verdict, StoreError> {
    let census = snapshot.reader.census(chain).await?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let readers = cores.min(MOST_READERS).min(snapshot.connections().saturating_sub(1)).max(1);
    let (pages, queue) = mpsc::channel(2 * readers);
    let (told, mut heard) = mpsc::channel(64);
    let queue = Arc::new(Mutex::new(queue));
    let mut walkers = JoinSet::new();
    for _ in 0..readers {
        walkers.spawn(walker(snapshot.reader().await?, chain.map(str::to_owned), Arc::clone(&queue), told.clone()));
    }
    drop((told, queue));
    let mut total = Found::default();
    let all = census.chained;
    let collect = async {
        while let Some(found) = heard.recv().await {
            total.add(found);
            progress(Progress { done: total.events, all });
        }
    };
    let (digest, ()) = tokio::join!(hand_out(&mut snapshot.reader, chain, pages), collect);
    let digest = digest?;
    while let Some(ended) = walkers.join_next().await {
        ended.map_err(|error| StoreError::Files(format!("a reader of the audit trail ended: {error}")))??;
    }
    if total.events < all {
        let orphans = snapshot.reader.orphaned_chains(chain).await?;
        let orphans = orphans.into_iter().map(|name| Chain { name, ticket: None, head: None });
        total.add(walk(&mut snapshot.reader, orphans.collect()).await?);
        progress(Progress { done: total.events, all });
    }
    total.broken.sort_by(|a, b| a.broken.chain.cmp(&b.broken.chain));
    let broken_chains = total.broken.len() as u64;
    total.broken.truncate(NAMED);
    let (stray_steps, first_stray_steps) = total.steps.unwrap_or_default();
    Ok(Verdict {
        events: total.events,
        chains: total.chains,
        broken_chains,
        broken: total.broken,
        stray_steps,
        first_stray_steps,
        unchained: census.unchained,
        first_unchained: census.first_unchained,
        digest,
    })
}

impl Found {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.chains += other.chains;
        self.broken.extend(other.broken);
        self.steps = self.steps.take().or(other.steps);
    }
}

/// Hands out all chains, a page at a time; the digest of their heads.
async fn hand_out(reader: &mut Reader, chain: Option<&str>, pages: mpsc::Sender<Work>) -> Result<String, StoreError> {
    let mut digest = HeadsDigest::default();
    let (mut page, mut links) = (Vec::new(), 0);
    // Where nobody takes the work any more, a walker has failed, which says why.
    let _ = pages.send(Work::Steps).await;
    let mut chains = std::pin::pin!(reader.chains(chain));
    while let Some(chain) = chains.try_next().await? {
        digest.add(&chain);
        links += chain.head.as_ref().map_or(0, |head| head.seq);
        page.push(chain);
        if links >= PAGE_LINKS || page.len() >= PAGE_CHAINS {
            links = 0;
            if pages.send(Work::Page(std::mem::take(&mut page))).await.is_err() {
                break;
            }
        }
    }
    let _ = pages.send(Work::Page(page)).await;
    Ok(digest.finish())
}

/// Takes work until there is none.
async fn walker(
    mut reader: Reader,
    chain: Option<String>,
    queue: Arc<Mutex<mpsc::Receiver<Work>>>,
    told: mpsc::Sender<Found>,
) -> Result<(), StoreError> {
    loop {
        let work = queue.lock().await.recv().await;
        let found = match work {
            None => return Ok(()),
            Some(Work::Page(chains)) => walk(&mut reader, chains).await?,
            Some(Work::Steps) => Found { steps: Some(reader.stray_steps(chain.as_deref()).await?), ..Found::default() },
        };
        if told.send(found).await.is_err() {
            return Ok(());
        }
    }
}

/// Walks these chains.
async fn walk(reader: &mut Reader, chains: Vec<Chain>) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let names: Vec<String> = chains.iter().map(|chain| chain.name.clone()).collect();
    let mut walks: std::collections::HashMap<String, (Chain, Option<Walk>)> =
        chains.into_iter().map(|chain| (chain.name.clone(), (chain, None))).collect();
    reader
        .links(&names, |Link { chain, seq, id, event }| {
            found.events += 1;
            if let Some((_, walk)) = walks.get_mut(&chain) {
                let walk = walk.get_or_insert_with(|| Walk::along(chain));
                match event {
                    Ok(event) => walk.link(&event),
                    Err(reason) => walk.unreadable(seq, id, reason),
                }
            }
        })
        .await?;
    for (Chain { name, ticket, head }, walk) in walks.into_values() {
        // Nothing has happened to a ticket that others made, so there is nothing to walk.
        if walk.is_none() && head.as_ref().is_none_or(|head| head.seq == 0) {
            continue;
        }
        found.chains += 1;
        if let Err(broken) = walk.unwrap_or_else(|| Walk::along(name)).end(head.as_ref()) {
            let what = broken.damage.to_string();
            found.broken.push(Finding { ticket, broken, what });
        }
    }
    Ok(found)
}
