//! The one interface through which every face reaches the engine. A face never needs the
//! database: another implementation may speak to a server instead.

use async_trait::async_trait;
use serde::Serialize;
use uuid::Uuid;

use super::Engine;
use super::admission;
use super::call::{Call, Caller, Preview, Refused, Reply};
use crate::domain::queue::{Filter, Row};
use crate::domain::refusal::Refusal;
use crate::domain::registry;
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
    /// Rows as they now are, whether or not a filter shows them. Some may repeat what a page shows.
    pub rows: Vec<Row>,
    /// Tickets that are no more, deleted by hand.
    pub deleted: Vec<Uuid>,
    pub feed: FeedToken,
    /// The database was restored since: read everything again.
    pub starts_anew: bool,
}

/// Somebody who has a ticket open on another screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Present {
    pub actor_id: String,
    pub role: String,
    /// Whether a form is open on it.
    pub is_editing: bool,
    pub since: Timestamp,
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
    /// The bytes of one of our own uris; none where it is not ours, or not there.
    async fn object(&self, caller: &Caller, uri: &str) -> Result<Option<Vec<u8>>, Refusal>;
    /// Says which ticket a screen has open, or that it has none any more, and asks who else has it
    /// open. A screen that is not heard of for 15 seconds is forgotten. Where a database can only be
    /// read, nobody is ever there.
    async fn attend(
        &self,
        caller: &Caller,
        session: Uuid,
        ticket: Option<Uuid>,
        is_editing: bool,
    ) -> Result<Vec<Present>, Refusal>;
}

#[async_trait]
impl Desk for Engine {
    async fn call(&self, call: Call) -> Result<Reply, Refused> {
        let refused = |refusal| Refused { refusal, request_id: None, correlation_id: call.correlation_id.clone() };
        let (tool, reference) = admission::route(&call).map_err(refused)?;
        if let Err(refusal) = admission::admit(tool, &call) {
            let refused = refused(refusal);
            self.note_refusal(tool, &call.caller.actor, None, &refused).await;
            return Err(refused);
        }
        match reference {
            Ok(reference) if tool.mutating => self.command(tool, &reference, &call).await,
            reference => self.read(tool, reference, &call).await,
        }
    }

    async fn preview(&self, call: Call) -> Result<Preview, Refused> {
        let judged = async {
            let (tool, reference) = admission::route(&call)?;
            admission::admit(tool, &call)?;
            self.dry_run(tool, &reference?, &call).await
        };
        judged.await.map_err(|refusal| Refused {
            refusal,
            request_id: None,
            correlation_id: call.correlation_id.clone(),
        })
    }

    async fn queue(&self, caller: &Caller, query: &QueueQuery) -> Result<QueuePage, Refusal> {
        let page = self.queue_page(caller, query).await;
        self.note("dispatcher.cockpit", caller, page).await
    }

    async fn changes(&self, caller: &Caller, since: &FeedToken) -> Result<QueueChanges, Refusal> {
        let changes = self.queue_changes(caller, since).await;
        self.note("dispatcher.cockpit", caller, changes).await
    }

    async fn upload(&self, caller: &Caller, bytes: &[u8]) -> Result<Stored, Refusal> {
        let stored = self.keep(caller, bytes).await;
        self.note("closeout.add_evidence", caller, stored).await
    }

    async fn object(&self, caller: &Caller, uri: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let found = self.fetch(caller, uri).await;
        self.note("closeout.list_evidence", caller, found).await
    }

    async fn attend(
        &self,
        caller: &Caller,
        session: Uuid,
        ticket: Option<Uuid>,
        is_editing: bool,
    ) -> Result<Vec<Present>, Refusal> {
        let present = self.attending(caller, session, ticket, is_editing).await;
        self.note("case.get", caller, present).await
    }
}

impl Engine {
    /// Records a refusal of what is no tool call but stands behind a tool's authority.
    async fn note<T>(&self, tool: &str, caller: &Caller, result: Result<T, Refusal>) -> Result<T, Refusal> {
        if let (Err(refusal), Some(tool)) = (&result, registry::find(tool)) {
            let refused = Refused { refusal: refusal.clone(), request_id: None, correlation_id: None };
            self.note_refusal(tool, &caller.actor, None, &refused).await;
        }
        result
    }
}
