//! How the world changes and how it is read: every tool call passes here, whichever face it came
//! from, and is judged in the order of CONTRACT.md 5.
//!
//! A command is one read, a pure decision, and one write. The write is guarded by the row that the
//! decision was judged on: if somebody else's change came first, the call is judged anew, this
//! time holding the ticket's lock, so that nobody waits for ever.

mod admission;
pub mod audit;
pub mod backup;
mod bulk;
mod call;
mod command;
mod desk;
pub mod open;
mod patience;
mod read;

use std::sync::Arc;

use futures::future::BoxFuture;

pub use crate::store::copy::Batch;
pub use bulk::{Bulk, BulkCall, Known};
pub use call::{Call, Caller, Preview, Refused, Reply};
pub use desk::{Desk, Present, QueueChanges, QueuePage, QueueQuery};
pub use patience::Patience;

pub use crate::store::objects::{MAX_OBJECT, Stored, uri_of};
pub use crate::store::queue::{FeedToken, Seen};

use crate::domain::policy::Bundle;
use crate::domain::refusal::Refusal;
use crate::store::objects::Objects;
use crate::store::refused::Sampler;
use crate::store::{Store, StoreError};

/// What an operator may choose about the engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Look at every evidence object before a closeout (`DISPATCH_EVIDENCE_REQUIRE_HEAD`).
    pub require_head: bool,
    /// Compare checksums when looking (`DISPATCH_EVIDENCE_REQUIRE_CHECKSUM`).
    pub require_checksum: bool,
}

/// The engine over a database.
#[derive(Debug, Clone)]
pub struct Engine {
    store: Store,
    objects: Objects,
    policy: Arc<Bundle>,
    options: Options,
    patience: Patience,
    sampler: Arc<Sampler>,
}

impl Engine {
    /// An engine with the policy that ships with the program.
    pub fn new(store: Store, objects: Objects, options: Options) -> Self {
        let patience = Patience::default();
        Self { store, objects, policy: Bundle::embedded(), options, patience, sampler: Arc::default() }
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The store below, for what lives beside the tools.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The policy in force.
    pub fn policy(&self) -> &Arc<Bundle> {
        &self.policy
    }

    /// Asks the database again where it went away meanwhile: for reads, which may be repeated.
    async fn patiently<'a, T>(
        &self,
        ask: impl Fn() -> BoxFuture<'a, Result<T, StoreError>> + Send,
    ) -> Result<T, Refusal> {
        let mut tries = self.patience.tries();
        loop {
            match tries.bounded(ask()).await {
                Err(error) if error.is_transient() => {
                    self.store.doubt_connections();
                    if !tries.another().await {
                        return Err(error.into_refusal());
                    }
                }
                other => return other.map_err(StoreError::into_refusal),
            }
        }
    }
}
