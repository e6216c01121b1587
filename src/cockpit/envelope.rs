//! A call as it was asked for at a key press: all that is needed to make it again, in another process
//! if need be, under the same request id.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::time::Timestamp;
use crate::engine::{Call, Caller};

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    Ticket {
        id: Uuid,
        number: String,
    },
    /// A kind of master data.
    Kind(String),
    /// A ticket that does not exist yet.
    Nothing,
}

/// A call, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Fixed at the key press: however often the call is sent, it is done once.
    pub request_id: Uuid,
    /// When that was, by this machine's clock.
    pub pressed_at: Timestamp,
    pub tool: String,
    pub target: Target,
    pub payload: Value,
    /// The version of the ticket that the operator saw.
    pub if_version: Option<i64>,
    pub actor: Actor,
    /// A file whose content the payload names by its hash: kept in the object store before the call.
    pub upload: Option<PathBuf>,
    /// The draft that it was made of: kept until the call is answered with success.
    #[serde(default)]
    pub draft_key: Option<String>,
}

impl Envelope {
    /// The ticket it is about, where there is one.
    pub fn ticket_id(&self) -> Option<Uuid> {
        match self.target {
            Target::Ticket { id, .. } => Some(id),
            Target::Kind(_) | Target::Nothing => None,
        }
    }

    /// The call as the desk takes it.
    pub fn call(&self) -> Call {
        let target = match &self.target {
            Target::Ticket { id, .. } => Some(id.to_string()),
            Target::Kind(kind) => Some(kind.clone()),
            Target::Nothing => None,
        };
        let caller = Caller::local(self.actor.clone());
        let mut call = Call::new(&caller, &self.tool, target.as_deref(), self.payload.clone());
        call.request_id = Some(self.request_id.to_string());
        call.if_version = self.if_version;
        call
    }
}
