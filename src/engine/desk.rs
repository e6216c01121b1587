//! The one interface through which every face reaches the engine. A face never needs the
//! database: another implementation may speak to a server instead.

use async_trait::async_trait;
use serde::Serialize;

use super::Engine;
use super::call::{Call, Caller, Preview, Refused, Reply};
use crate::domain::queue::{Filter, Row};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::objects::Stored;
use crate::store::queue::FeedToken;

/// Which part of the queue.
#[derive(Debug, Clone, Default)]
pub struct QueueQuery {
    pub filter: Filter,
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// A page of the queue.
#[derive(Debug, Serialize)]
pub struct QueuePage {
    pub generated_at: Timestamp,
    pub rows: Vec<Row>,
    pub next_cursor: Option<String>,
    /// Where [`Desk::changes`] goes on from here.
    #[serde(skip)]
    pub feed: FeedToken,
}

/// What changed since a point of the feed.
#[derive(Debug)]
pub struct QueueChanges {
    pub generated_at: Timestamp,
    /// Rows as they now are, whether or not a filter shows them. Some may repeat.
    pub rows: Vec<Row>,
    pub feed: FeedToken,
    /// The database was restored since: read everything again.
    pub starts_anew: bool,
}

/// What a face can ask for.
#[async_trait]
pub trait Desk: Send + Sync + std::fmt::Debug {
    /// Calls a tool, command or read.
    async fn call(&self, call: Call) -> Result<Reply, Refused>;
    /// Judges a command without doing it.
    async fn preview(&self, call: Call) -> Result<Preview, Refused>;
    /// A page of the queue, for everyone who may look at a case.
    async fn queue(&self, caller: &Caller, query: &QueueQuery) -> Result<QueuePage, Refusal>;
    /// What changed in the queue.
    async fn changes(&self, caller: &Caller, since: &FeedToken) -> Result<QueueChanges, Refusal>;
    /// Keeps a file in the object store, so that evidence can name it.
    async fn upload(&self, caller: &Caller, bytes: &[u8]) -> Result<Stored, Refusal>;
}

#[async_trait]
impl Desk for Engine {
    async fn call(&self, call: Call) -> Result<Reply, Refused> {
        let tool = match Self::tool(&call) {
            Ok(tool) => tool,
            Err(refusal) => {
                let refused = Refused { refusal, request_id: None, correlation_id: call.correlation_id.clone() };
                if let Some(tool) = crate::domain::registry::find(&call.tool) {
                    self.note_refusal(tool, &call, None, &refused).await;
                }
                return Err(refused);
            }
        };
        if tool.mutating { self.command(tool, &call).await } else { self.read(tool, &call).await }
    }

    async fn preview(&self, call: Call) -> Result<Preview, Refused> {
        let result = match Self::tool(&call) {
            Ok(tool) => self.dry_run(tool, &call).await,
            Err(refusal) => Err(refusal),
        };
        result.map_err(|refusal| Refused { refusal, request_id: None, correlation_id: call.correlation_id })
    }

    async fn queue(&self, caller: &Caller, query: &QueueQuery) -> Result<QueuePage, Refusal> {
        self.queue_page(caller, query).await
    }

    async fn changes(&self, caller: &Caller, since: &FeedToken) -> Result<QueueChanges, Refusal> {
        self.queue_changes(caller, since).await
    }

    async fn upload(&self, caller: &Caller, bytes: &[u8]) -> Result<Stored, Refusal> {
        self.keep(caller, bytes).await
    }
}
