//! One try of one call.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;
use uuid::Uuid;

use super::super::envelope::{Envelope, Upload};
use super::super::files;
use super::book::Book;
use super::{ADVICE, refused};
use crate::domain::refusal::{Code, Refusal};
use crate::engine::{Call, Caller, Desk, Refused, Reply};

/// How a try ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The answer, final.
    Answered(Box<Result<Reply, Refused>>),
    /// To be tried again.
    Away { may_be_sent: bool, why: String },
    /// Not sent: its ticket is at this version now.
    MovedOn,
}

#[derive(Debug)]
pub(super) struct Errand {
    pub(super) desk: Arc<dyn Desk>,
    pub(super) book: Book,
    pub(super) envelope: Envelope,
    pub(super) may_be_sent: bool,
    /// Whether the ticket may have moved on since the key was pressed.
    pub(super) looks_first: bool,
    /// When to tell that there is no answer yet, and whom.
    pub(super) slow: Duration,
    pub(super) is_slow: UnboundedSender<Uuid>,
}

impl Errand {
    pub(super) fn id(&self) -> Uuid {
        self.envelope.request_id
    }

    /// Tries, and tells where it takes long: it goes on all the same.
    pub(super) async fn run(self) -> Outcome {
        let mut work = std::pin::pin!(self.work());
        if let Ok(outcome) = timeout(self.slow, &mut work).await {
            return outcome;
        }
        let _ = self.is_slow.send(self.id());
        work.await
    }

    async fn work(&self) -> Outcome {
        if !self.may_be_sent {
            if let Some(outcome) = self.prepare().await {
                return outcome;
            }
            let id = self.id();
            if let Err(why) = self.book.write(move |journal| journal.sent(id)).await {
                return away(false, format!("A call waits, because {why}. {ADVICE}."));
            }
        }
        match self.desk.call(self.envelope.call()).await {
            Err(refused) if refused.refusal.code() == Code::Unavailable => {
                let never_sent = refused.refusal.field("never_sent") == Some(&json!(true));
                if never_sent && !self.may_be_sent {
                    let id = self.id();
                    // Otherwise it counts as sent: it is only not asked about again.
                    let _ = self.book.write(move |journal| journal.held(id)).await;
                }
                away(!never_sent, refused.refusal.message().to_owned())
            }
            answer => Outcome::Answered(Box::new(answer)),
        }
    }

    /// What comes before the first time that it may be sent; an outcome where it is not to be.
    async fn prepare(&self) -> Option<Outcome> {
        let refuse = |refusal| Some(Outcome::Answered(Box::new(Err(refused(&self.envelope, refusal)))));
        if self.looks_first
            && let (Some(ticket), Some(seen)) = (self.envelope.ticket_id(), self.envelope.if_version)
        {
            let look = Call::new(&self.caller(), "ticket.get", Some(&ticket.to_string()), json!({}));
            match self.desk.call(look).await {
                Ok(reply) => match reply.json()["version"].as_i64() {
                    Some(now) if now != seen => return Some(Outcome::MovedOn),
                    _ => {}
                },
                Err(refused) if refused.refusal.code() == Code::Unavailable => {
                    return Some(away(false, refused.refusal.message().to_owned()));
                }
                // The call itself will be told why.
                Err(_) => {}
            }
        }
        let bytes = match self.read(self.envelope.upload.as_ref()?).await {
            Ok(bytes) => bytes,
            Err(why) => return refuse(Refusal::field_rule("uri", why)),
        };
        match self.desk.upload(&self.caller(), &bytes).await {
            Ok(_) => None,
            Err(refusal) if refusal.code() == Code::Unavailable => Some(away(false, refusal.message().to_owned())),
            Err(refusal) => refuse(refusal),
        }
    }

    /// What the payload names by its hash.
    async fn read(&self, upload: &Upload) -> Result<Vec<u8>, String> {
        let path = match upload {
            Upload::Words { words } => return Ok(words.clone().into_bytes()),
            Upload::File(path) => path,
        };
        let (print, bytes) = files::fingerprint(path.clone()).await?;
        if self.envelope.payload["checksum"].as_str() == Some(print.sha256.as_str()) {
            return Ok(bytes);
        }
        Err(format!(
            "The file {} has changed since it was chosen, so it was not added. Look at it, and choose it again.",
            path.display()
        ))
    }

    fn caller(&self) -> Caller {
        Caller::local(self.envelope.actor.clone())
    }
}

fn away(may_be_sent: bool, why: String) -> Outcome {
    Outcome::Away { may_be_sent, why }
}
