//! Backups, and restoring them: all of a database in one file, and back with proof.
//!
//! * [`archive`] the file, and how it is known to be whole.
//! * [`take`](take()) writes one while others work, all of it as of one moment.
//! * [`restore`](restore()) puts one in the database's place, or only tries it out.

pub mod archive;
mod restore;
mod take;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;

pub use archive::Manifest;
pub use restore::{Restored, restore};
pub use take::take;

use super::audit::Verdict;
use super::open::{OpenError, Opening, Which, parse_url};
use crate::store::StoreError;
use crate::store::local::{Cluster, LocalError, OWNER};

/// What is being done, of which there is progress to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Bytes written; how many there will be nobody knows.
    Dumping,
    /// Bytes of the file read and compared.
    Checking,
    /// Bytes of the dump restored.
    Restoring,
    /// Audit events.
    Verifying,
}

/// What a verification of the audit trail saw: a restored one must look the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailSeen {
    pub events: u64,
    pub chains: u64,
    pub broken_chains: u64,
    pub stray_steps: u64,
    pub unchained: u64,
    /// SHA-256 over all chain heads.
    pub digest: String,
}

impl From<&Verdict> for TrailSeen {
    fn from(verdict: &Verdict) -> Self {
        Self {
            events: verdict.events,
            chains: verdict.chains,
            broken_chains: verdict.broken_chains,
            stray_steps: verdict.stray_steps,
            unchained: verdict.unchained,
            digest: verdict.digest.clone(),
        }
    }
}

/// A backup that cannot be taken or restored. Nothing was changed, whichever it is.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    /// The file is something else.
    #[error("this file is no backup of dispatch: {0}. Nothing was changed")]
    Foreign(&'static str),
    /// The file is not as it was written.
    #[error("this backup is damaged: {0}. Nothing was changed. Use another backup, or another copy of this one")]
    Damaged(String),
    /// A newer program's format.
    #[error("this backup has format {0}, which a newer dispatch wrote. Nothing was changed. Update dispatch")]
    NewerFormat(u32),
    /// A newer program's tables.
    #[error(
        "the tables in this backup are version {0}, newer than this program's {newest}. Nothing was changed. Update dispatch",
        newest = crate::store::migrate::newest()
    )]
    NewerSchema(i64),
    /// There is no database to back up.
    #[error("there is no database {0} yet, so there is nothing to back up")]
    Nothing(String),
    /// The restored database is not what the backup says.
    #[error("the restored copy is not what the backup says, so it was thrown away and nothing was changed: {}", .0.join("; "))]
    Differs(Vec<String>),
    /// Another restore is at work.
    #[error("another restore of {0} is under way. Wait for it, or end it; this one has changed nothing")]
    Busy(String),
    /// The name of the copy is taken.
    #[error(
        "the copy is to be made in a database {0}, and there is one that no restore has left behind. Nothing was \
         changed. Rename or drop it"
    )]
    Occupied(String),
    /// A role that may not make databases.
    #[error(
        "a restore needs a database of its own beside the one it replaces, and the role {0} may not make one. Use a \
         role that may (ALTER ROLE … CREATEDB) and that owns the database"
    )]
    MayNotCreate(String),
}

impl BackupError {
    /// For `map_err`.
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

impl From<LocalError> for BackupError {
    fn from(error: LocalError) -> Self {
        Self::Open(error.into())
    }
}

/// The database of a backup, as who may do everything with it.
#[derive(Debug)]
struct Place {
    options: PgConnectOptions,
    name: String,
    /// Whether the server is the private one.
    own_cluster: bool,
    cluster: Cluster,
}

impl Place {
    /// Where an opening leads; the private server is started.
    async fn of(opening: &Opening) -> Result<Self, BackupError> {
        let cluster = opening.cluster()?;
        let (options, own_cluster) = match &opening.which {
            Which::Url(url) => (parse_url(url)?, false),
            Which::Private(name) => {
                cluster.ensure_running().await?;
                (cluster.connect_options(name, OWNER), true)
            }
        };
        let name = options.get_database().unwrap_or(options.get_username()).to_owned();
        Ok(Self { options: options.database(&name), name, own_cluster, cluster })
    }
}
