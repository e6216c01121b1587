//! A believable day of *Harbor Doors & Glass*, for a newcomer to look at and for tests to walk.
//!
//! Nothing here writes to the database by itself: master data comes through `directory.upsert`,
//! and every ticket was brought to where it stands by tool calls at simulated times, so that its
//! timeline, its audit chain and its messages are real. The same seed gives the same day, seen
//! from now.
//!
//! * [`places`], [`people`], [`jobs`] who calls, who works, and what is said: data.
//! * [`cast`] which tickets there are, [`stage`] who plays in each, [`script`] and [`story`] what
//!   happened.
//! * [`image`] and [`png`] the photos.
//! * [`fill`] plays the day through the engine; [`database`] puts it in place, whole or not at all.
//! * [`lifecycle`] drives one new ticket from creation to invoice and looks at every step.

pub mod album;
pub mod cast;
pub mod database;
pub mod fill;
pub mod growth;
pub mod image;
pub mod jobs;
pub mod lifecycle;
pub mod mass;
pub mod master;
pub mod past;
pub mod people;
pub mod places;
pub mod png;
pub mod random;
pub mod script;
pub mod stage;
pub mod story;
pub mod volume;

use crate::domain::refusal::Refusal;
use crate::engine::Refused;
use crate::engine::open::OpenError;
use crate::store::StoreError;
use crate::store::local::LocalError;

/// Whose day it is.
pub const COMPANY: &str = "Harbor Doors & Glass";
/// The seed where nobody names one.
pub const SEED: u64 = 1;
/// A day older than this is no believable day any more, in hours.
pub const STALE_HOURS: i64 = 12;

/// A demo that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A call of the day itself was refused.
    #[error("the demo could not be made: {tool} was refused: {refusal}")]
    Refused { tool: String, refusal: Box<Refusal> },
    /// A file beside the database.
    #[error("{what}: {source}")]
    File { what: String, source: std::io::Error },
}

impl From<LocalError> for DemoError {
    fn from(error: LocalError) -> Self {
        Self::Open(error.into())
    }
}

impl DemoError {
    /// A refusal of this tool.
    fn refused(tool: &str) -> impl Fn(Refused) -> Self {
        move |refused| Self::of(tool)(refused.refusal)
    }

    fn of(tool: &str) -> impl Fn(Refusal) -> Self {
        move |refusal| Self::Refused { tool: tool.to_owned(), refusal: Box::new(refusal) }
    }
}
