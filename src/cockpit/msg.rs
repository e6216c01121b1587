//! All that can happen to the cockpit.

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};
use serde_json::Value;
use uuid::Uuid;

use super::effect::Stamp;
use super::envelope::Envelope;
use super::zone::Zone;
use crate::domain::actor::Role;
use crate::domain::queue::Row;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
pub use crate::engine::Present;
use crate::engine::{Preview, Refused, Reply};

/// One thing that happened.
#[derive(Debug)]
pub enum Msg {
    Key(KeyEvent),
    Paste(String),
    Mouse(MouseEvent),
    Resize(u16, u16),
    /// A second of this machine's clock began.
    Tick(Timestamp),
    /// The clocks of this machine were set to another zone, or changed to or from the summer time of one without a name.
    Zone(Zone),
    /// The program runs again after it was stopped.
    Resumed,
    /// Another slice of filtering may be done.
    GoOn,
    Feed(FeedNews),
    Call(CallNews),
    Case {
        ticket: Uuid,
        /// In which role it was read: what one may see, another may not.
        role: Role,
        outcome: Result<Arc<CaseData>, Refusal>,
    },
    Previewed {
        stamp: Stamp,
        outcome: Result<Preview, Refused>,
    },
    /// Records of the directory.
    Looked {
        stamp: Stamp,
        outcome: Result<Vec<Value>, Refusal>,
    },
    Listed {
        stamp: Stamp,
        outcome: Result<Vec<Row>, Refusal>,
    },
    Folder {
        stamp: Stamp,
        outcome: Result<Vec<Entry>, String>,
    },
    Fingerprint {
        stamp: Stamp,
        outcome: Result<Fingerprint, String>,
    },
    Content {
        stamp: Stamp,
        outcome: Option<Content>,
    },
    Due {
        stamp: Stamp,
    },
    Present {
        ticket: Uuid,
        others: Vec<Present>,
    },
    Exported {
        stamp: Stamp,
        outcome: Result<PathBuf, String>,
    },
    /// Something that the user should know and nobody asked for.
    Said(String),
}

/// What is heard of the queue.
#[derive(Debug)]
pub enum FeedNews {
    /// The rows are read anew: what was shown before is forgotten with the first page.
    Page { rows: Vec<Row>, at: Timestamp, is_first: bool, is_last: bool },
    /// Rows as they now are, and tickets that are no more. Empty: nothing changed up to `at`.
    Changes { rows: Vec<Row>, deleted: Vec<Uuid>, at: Timestamp },
    /// No answer within two seconds; what is shown grows old.
    Away(String),
    /// The queue cannot be read in this role.
    Refused(Refusal),
}

/// What is heard of the calls.
#[derive(Debug)]
pub enum CallNews {
    /// Found in the journal of a run that ended before its answer; it goes on now.
    Adopted(Envelope),
    /// On its way.
    Sent(Uuid),
    /// Kept until the database is back.
    Waits(Uuid),
    /// Not sent without asking again.
    Asks { envelope: Envelope, why: Why },
    /// Taken back, before it was sent.
    Withdrawn(Uuid),
    /// The answer, final.
    Answered { envelope: Envelope, outcome: Result<Reply, Refused> },
}

/// Why a call asks again before it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It waited two minutes or longer without ever being sent.
    WaitedLong,
    /// Its ticket moved on while it waited.
    TicketMovedOn,
}

/// A case as the panel shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseData {
    /// The answer of `case.get`.
    pub case: Value,
    /// The events of `ticket.timeline`, oldest first.
    pub events: Vec<Value>,
    /// What the ticket's audit chain was found to be: none where it is whole.
    pub chain: Option<String>,
}

/// A file in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub is_folder: bool,
    pub bytes: u64,
}

/// What names a file as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    pub path: PathBuf,
    pub uri: String,
    pub sha256: String,
    pub bytes: u64,
}

/// What is in a file of evidence, as far as a terminal can show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Picture(Picture),
    /// The beginning of a text; whether there is more.
    Words(String, bool),
}

/// A picture, small enough to be drawn: rows of (red, green, blue).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: u16,
    pub height: u16,
    pub pixels: Vec<[u8; 3]>,
}
