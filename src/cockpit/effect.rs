//! What the cockpit wants done, as data. The crew does it and answers with a message; an effect that
//! carries a [`Stamp`] is answered by a message with the same one.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::envelope::Envelope;
use super::extract::{Extract, Format};
use crate::domain::actor::Actor;
use crate::domain::directory::Kind;
use crate::domain::queue::Filter;

/// Which question an answer belongs to: never used twice in a run.
pub type Stamp = u64;

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Quit,
    /// Hand the terminal back and stop, as Ctrl-Z does.
    Suspend,
    /// Draw everything again, whatever the terminal shows.
    Redraw,
    /// Make a call: journalled, then sent until it is answered.
    Send(Envelope),
    /// Send a call that had asked again.
    SendAfterAll(Uuid),
    /// Forget a call that had asked again, or was never sent.
    Withdraw(Uuid),
    /// Judge a call without making it.
    Preview {
        stamp: Stamp,
        envelope: Envelope,
    },
    /// Read a case, its timeline and its evidence.
    LoadCase {
        ticket: Uuid,
        actor: Actor,
    },
    /// Search master data with a query of `directory.search`.
    Lookup {
        stamp: Stamp,
        kind: Kind,
        query: Value,
    },
    /// A page of the queue, closed tickets included where the filter's words ask for them.
    List {
        stamp: Stamp,
        filter: Filter,
        limit: u32,
    },
    /// The files of a folder.
    Folder {
        stamp: Stamp,
        path: PathBuf,
    },
    /// Read a file's hash and size, to name it as evidence.
    Fingerprint {
        stamp: Stamp,
        path: PathBuf,
    },
    /// Read a picture or words from the object store, or none if it is neither.
    Content {
        stamp: Stamp,
        uri: String,
    },
    /// Ask what changed in the queue at once: something did.
    LookAgain,
    /// Follow the queue as somebody (else).
    Follow(Actor),
    /// Say which ticket is open here, and ask who else has it open.
    Attend {
        ticket: Option<Uuid>,
        /// Whether a form is open on it.
        is_editing: bool,
        actor: Actor,
    },
    /// Say `Due` after a while.
    After {
        stamp: Stamp,
        wait: Duration,
    },
    /// Go on with filtering, once everything that waits was heard.
    GoOn,
    /// Put text on the clipboard (OSC 52).
    Copy(String),
    Bell,
    /// A desktop notification (OSC 9).
    Notify(String),
    /// Keep what was typed into a form.
    KeepDraft {
        key: String,
        draft: Value,
    },
    DropDraft {
        key: String,
    },
    /// Keep what the user chose for the next run.
    KeepChoice {
        key: &'static str,
        value: Value,
    },
    /// Write a file that must not exist yet.
    Export {
        stamp: Stamp,
        path: PathBuf,
        format: Format,
        extract: Extract,
    },
}
