//! A desk that is still being opened: the cockpit is on the screen before its database is found,
//! and stays there while that is away.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use uuid::Uuid;

use crate::domain::refusal::{Code, Refusal};
use crate::engine::open::{OpenError, Opening, open};
use crate::engine::{
    Call, Caller, Desk, FeedToken, Present, Preview, QueueChanges, QueuePage, QueueQuery, Refused, Reply, Stored,
};
use crate::store::StoreError;
use crate::store::local::Started;

/// The pause before a database that did not answer is tried again, and one that needs somebody to
/// do something first.
const AWAY: Duration = Duration::from_millis(500);
const WRONG: Duration = Duration::from_secs(3);

/// A desk that was opened.
#[derive(Debug)]
pub struct Found {
    pub desk: Arc<dyn Desk>,
    /// What the user should know about it.
    pub said: Option<String>,
}

/// A desk that could not be opened.
#[derive(Debug)]
pub struct NotFound {
    pub why: String,
    /// It may be there any moment.
    pub is_passing: bool,
}

/// Opens the desk, as often as it takes.
pub struct Opener(Box<dyn Fn() -> BoxFuture<'static, Result<Found, NotFound>> + Send + Sync>);

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

impl Opener {
    /// An opener of any kind.
    pub fn new(open: impl Fn() -> BoxFuture<'static, Result<Found, NotFound>> + Send + Sync + 'static) -> Self {
        Self(Box::new(open))
    }

    /// Opens the engine on a database.
    pub fn engine(opening: Opening) -> Self {
        let opening = Arc::new(opening);
        Self::new(move || {
            let opening = Arc::clone(&opening);
            Box::pin(async move {
                // One thread does all of it. To prove that it may move between threads takes the compiler minutes.
                let runtime = Handle::current();
                let opening = spawn_blocking(move || runtime.block_on(open(&opening)));
                let opened = match opening.await {
                    Ok(opened) => opened.map_err(NotFound::from)?,
                    Err(broken) => return Err(NotFound { why: broken.to_string(), is_passing: true }),
                };
                let said = match opened.started {
                    Some(Started::First) => Some(
                        "Made a private database for you. It stays up, idle and small; `dispatch db stop` ends it.",
                    ),
                    Some(Started::Started) => Some("Started your private database. `dispatch db stop` ends it."),
                    Some(Started::Warm) | None => None,
                };
                Ok(Found { desk: Arc::new(opened.engine), said: said.map(str::to_owned) })
            })
        })
    }

    /// A desk that is open already.
    pub fn ready(desk: Arc<dyn Desk>) -> Self {
        Self::new(move || {
            let desk = Arc::clone(&desk);
            Box::pin(async move { Ok(Found { desk, said: None }) })
        })
    }
}

impl From<OpenError> for NotFound {
    fn from(error: OpenError) -> Self {
        let is_passing = matches!(&error, OpenError::Store(StoreError::Unavailable(_)));
        let said = error.to_string();
        let mut letters = said.chars();
        let why: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
        Self { why: if why.ends_with('.') { why } else { format!("{why}.") }, is_passing }
    }
}

#[derive(Debug)]
enum Door {
    /// Nothing is known yet.
    Closed,
    Stuck(String),
    Open(Arc<dyn Desk>),
}

/// The desk, as soon as there is one; until then a call waits, or hears why there is none.
#[derive(Debug, Clone)]
pub struct LateDesk(watch::Receiver<Door>);

/// Opens the desk in the background; `say` hears what the user should know.
pub fn open_late(opener: Opener, say: impl Fn(String) + Send + 'static) -> (LateDesk, impl Future<Output = ()> + Send) {
    let (door, seen) = watch::channel(Door::Closed);
    let opening = async move {
        loop {
            match (opener.0)().await {
                Ok(found) => {
                    found.said.into_iter().for_each(say);
                    door.send_replace(Door::Open(found.desk));
                    // Whoever holds the desk decides when it is no longer needed.
                    return door.closed().await;
                }
                Err(NotFound { why, is_passing }) => {
                    tracing::info!(%why, "the database cannot be opened yet");
                    door.send_replace(Door::Stuck(why));
                    sleep(if is_passing { AWAY } else { WRONG }).await;
                }
            }
        }
    };
    (LateDesk(seen), opening)
}

impl LateDesk {
    async fn desk(&self) -> Result<Arc<dyn Desk>, Refusal> {
        let gone = |why: &str| Refusal::new(Code::Unavailable, why).with("never_sent", true);
        let mut door = self.0.clone();
        match door.wait_for(|door| !matches!(door, Door::Closed)).await.as_deref() {
            Ok(Door::Open(desk)) => Ok(Arc::clone(desk)),
            Ok(Door::Stuck(why)) => Err(gone(why)),
            Ok(Door::Closed) | Err(_) => Err(gone("The cockpit is being closed.")),
        }
    }
}

fn refused(refusal: Refusal) -> Refused {
    Refused { refusal, request_id: None, correlation_id: None }
}

#[async_trait]
impl Desk for LateDesk {
    async fn call(&self, call: Call) -> Result<Reply, Refused> {
        self.desk().await.map_err(refused)?.call(call).await
    }

    async fn preview(&self, call: Call) -> Result<Preview, Refused> {
        self.desk().await.map_err(refused)?.preview(call).await
    }

    async fn queue(&self, caller: &Caller, query: &QueueQuery) -> Result<QueuePage, Refusal> {
        self.desk().await?.queue(caller, query).await
    }

    async fn changes(&self, caller: &Caller, since: &FeedToken) -> Result<QueueChanges, Refusal> {
        self.desk().await?.changes(caller, since).await
    }

    async fn upload(&self, caller: &Caller, bytes: &[u8]) -> Result<Stored, Refusal> {
        self.desk().await?.upload(caller, bytes).await
    }

    async fn object(&self, caller: &Caller, uri: &str) -> Result<Option<Vec<u8>>, Refusal> {
        self.desk().await?.object(caller, uri).await
    }

    async fn attend(
        &self,
        caller: &Caller,
        session: Uuid,
        ticket: Option<Uuid>,
        is_editing: bool,
    ) -> Result<Vec<Present>, Refusal> {
        self.desk().await?.attend(caller, session, ticket, is_editing).await
    }
}
