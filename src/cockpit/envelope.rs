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

/// What the payload names by its hash: kept in the object store before the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Upload {
    /// The content of a file.
    File(PathBuf),
    /// A note, no longer than its field.
    Words { words: String },
}

/// What was typed into a call's form and what was seen there, to be there again where the call is not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Under which key the form keeps it.
    pub form: String,
    pub said: Value,
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
    pub upload: Option<Upload>,
    /// What it was made of.
    #[serde(default)]
    pub draft: Option<Box<Draft>>,
}

impl Draft {
    /// Whether anything was typed.
    pub fn is_something(&self) -> bool {
        self.said.get("fields").and_then(Value::as_object).is_some_and(|fields| !fields.is_empty())
    }

    /// Under which key it waits, once its call was not done, while its form holds something else.
    pub fn waiting(&self, call: Uuid) -> String {
        waiting(&self.form, call)
    }
}

/// Under which key the draft of a call waits for its form. Of several the last one is the newest.
pub fn waiting(form: &str, call: impl std::fmt::Display) -> String {
    format!("{form} waiting {call}")
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_to_be_kept_is_read_as_older_journals_have_it() {
        let read = |value: Value| serde_json::from_value::<Upload>(value).unwrap();
        assert_eq!(read(json!("/tmp/after.jpg")), Upload::File("/tmp/after.jpg".into()));
        let note = Upload::Words { words: "Braced.".to_owned() };
        assert_eq!(read(serde_json::to_value(&note).unwrap()), note);
    }
}
