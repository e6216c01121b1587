//! A desk for tests: it is there, away, or hangs, as they say, and does each call once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::canonical::sha256_hex;
use crate::domain::refusal::{Code, Refusal};
use crate::domain::time::Timestamp;
use crate::engine::{
    Call, Caller, Desk, FeedToken, Present, Preview, QueueChanges, QueuePage, QueueQuery, Refused, Reply, Stored,
    uri_of,
};

/// How it behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    There,
    /// Gone, and sure that nothing was done.
    Away,
    /// What is asked for is done, and the answer lost.
    Deaf,
    /// Never answers.
    Hangs,
    /// Refuses everything.
    Refuses,
}

#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) mood: Mood,
    /// The request ids of what was done, in order.
    pub(crate) done: Vec<String>,
    /// How often each call was tried.
    pub(crate) tries: HashMap<String, u32>,
    pub(crate) uploads: Vec<String>,
    pub(crate) versions: HashMap<String, i64>,
    /// What the queue's next answers are, the last one first.
    pub(crate) pages: Vec<QueuePage>,
    pub(crate) changes: Vec<QueueChanges>,
    pub(crate) queries: Vec<(Option<u32>, Option<String>)>,
}

#[derive(Debug, Default)]
pub(crate) struct Fake(Mutex<Told>);

impl Fake {
    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap()
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.told().mood = mood;
    }

    async fn moody(&self) -> Result<(), Refusal> {
        let mood = self.told().mood;
        match mood {
            Mood::There | Mood::Deaf => Ok(()),
            Mood::Away => Err(gone().with("never_sent", true)),
            Mood::Hangs => std::future::pending().await,
            Mood::Refuses => Err(Refusal::new(Code::Forbidden, "no")),
        }
    }
}

fn gone() -> Refusal {
    Refusal::new(Code::Unavailable, "gone")
}

fn refused(refusal: Refusal) -> Refused {
    Refused { refusal, request_id: None, correlation_id: None }
}

pub(crate) fn token() -> FeedToken {
    FeedToken { epoch: Uuid::nil(), snapshot: "1:1:".to_owned() }
}

#[async_trait]
impl Desk for Fake {
    async fn call(&self, call: Call) -> Result<Reply, Refused> {
        let id = call.request_id.clone().unwrap();
        if call.tool != "ticket.get" {
            *self.told().tries.entry(id.clone()).or_default() += 1;
        }
        self.moody().await.map_err(refused)?;
        let mut told = self.told();
        if call.tool == "ticket.get" {
            let version = told.versions.get(&call.target.unwrap()).copied().unwrap_or(1);
            return Ok(Reply { status: 200, body: json!({"version": version}).to_string(), replayed: false });
        }
        let replayed = told.done.contains(&id);
        if !replayed {
            told.done.push(id);
        }
        if told.mood == Mood::Deaf {
            return Err(refused(gone()));
        }
        Ok(Reply { status: 200, body: "{}".to_owned(), replayed })
    }

    async fn preview(&self, _call: Call) -> Result<Preview, Refused> {
        self.moody().await.map_err(refused)?;
        Ok(Preview { dry_run: true, ticket: Value::Null, steps: vec![], messages: vec![], missing: vec![] })
    }

    async fn queue(&self, _caller: &Caller, query: &QueueQuery) -> Result<QueuePage, Refusal> {
        self.told().queries.push((query.limit, query.cursor.clone()));
        self.moody().await?;
        let empty = QueuePage { generated_at: Timestamp::clamped(0), rows: vec![], next_cursor: None, feed: token() };
        Ok(self.told().pages.pop().unwrap_or(empty))
    }

    async fn changes(&self, _caller: &Caller, since: &FeedToken) -> Result<QueueChanges, Refusal> {
        self.moody().await?;
        let nothing = QueueChanges {
            generated_at: Timestamp::clamped(0),
            rows: vec![],
            deleted: vec![],
            feed: since.clone(),
            starts_anew: false,
        };
        Ok(self.told().changes.pop().unwrap_or(nothing))
    }

    async fn upload(&self, _caller: &Caller, bytes: &[u8]) -> Result<Stored, Refusal> {
        self.moody().await?;
        let checksum = sha256_hex(bytes);
        self.told().uploads.push(checksum.clone());
        Ok(Stored { uri: uri_of(&checksum), checksum, size: bytes.len() as u64 })
    }

    async fn object(&self, _caller: &Caller, _uri: &str) -> Result<Option<Vec<u8>>, Refusal> {
        self.moody().await?;
        Ok(None)
    }

    async fn attend(
        &self,
        _caller: &Caller,
        _session: Uuid,
        _ticket: Option<Uuid>,
        _is_editing: bool,
    ) -> Result<Vec<Present>, Refusal> {
        self.moody().await?;
        Ok(vec![])
    }
}
