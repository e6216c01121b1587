//! A call as a face makes it, and what comes back.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::actor::{Actor, Scope};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// Who calls, and how far they reach.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    pub scope: Scope,
}

impl Caller {
    /// Whoever may open the database is trusted with all of it (CONTRACT.md 4).
    pub fn local(actor: Actor) -> Self {
        Self { actor, scope: Scope::ALL }
    }
}

/// One tool call.
#[derive(Debug, Clone)]
pub struct Call {
    /// A tool's name, in either spelling.
    pub tool: String,
    /// A ticket (id, number, or `source:id` of an import), or a kind of master data.
    pub target: Option<String>,
    pub payload: Value,
    /// As the caller gave it; commands need one, reads and previews do not.
    pub request_id: Option<String>,
    pub caller: Caller,
    pub correlation_id: Option<String>,
    pub trace_id: Option<String>,
    /// The version of the ticket that the caller has seen.
    pub if_version: Option<i64>,
    /// The time to judge by instead of the database's: for tests and simulations.
    pub at: Option<Timestamp>,
}

impl Call {
    /// A call with a fresh request id.
    pub fn new(caller: &Caller, tool: &str, target: Option<&str>, payload: Value) -> Self {
        Self {
            tool: tool.to_owned(),
            target: target.map(str::to_owned),
            payload,
            request_id: Some(Uuid::now_v7().to_string()),
            caller: caller.clone(),
            correlation_id: None,
            trace_id: None,
            if_version: None,
            at: None,
        }
    }

    /// The same under this request id.
    #[must_use]
    pub fn request_id(mut self, id: Uuid) -> Self {
        self.request_id = Some(id.to_string());
        self
    }

    /// The same, judged at this time.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// JSON; of a command exactly the bytes that a replay gives again.
    pub body: String,
    /// Whether this was answered before.
    pub replayed: bool,
}

impl Reply {
    /// The answer as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What a command would do (CONTRACT.md 5, dry run).
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    pub dry_run: bool,
    pub ticket: Value,
    pub steps: Vec<Value>,
    pub messages: Vec<Value>,
    /// Evidence keys that closing the ticket would still ask for.
    pub missing: Vec<String>,
}

/// A call that was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    pub refusal: Refusal,
    /// None before the request id was found valid, and on reads.
    pub request_id: Option<Uuid>,
    pub correlation_id: Option<String>,
}

impl Refused {
    /// The envelope of CONTRACT.md 8.
    pub fn envelope(&self) -> Value {
        self.refusal.envelope(self.request_id, self.correlation_id.as_deref())
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.refusal.fmt(f)
    }
}

impl std::error::Error for Refused {}
