//! What can go wrong with the private cluster. Every message says what happened, what is allowed and what to do next.

use std::io;
use std::path::{Path, PathBuf};

use crate::text::failure;

/// Why the private cluster is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// There is no usable server on this machine.
    #[error(
        "no PostgreSQL server was found on this machine (looked in {looked}). dispatch keeps its data in PostgreSQL \
         {minimum} or newer: {remedy}, or use any other PostgreSQL {minimum}+ with --database-url \
         (DISPATCH_DATABASE_URL)",
        minimum = super::binaries::MINIMUM
    )]
    NoBinaries { looked: String, remedy: String },

    /// There is no `pg_dump` that can read the server.
    #[error(
        "backups are written by pg_dump and read by pg_restore of PostgreSQL {major} or newer, and none was found \
         (looked in {looked}). Install the client programs of PostgreSQL {major} (on Debian and Ubuntu \
         postgresql-client-{major}), or set DISPATCH_POSTGRES_BIN to the directory that holds them"
    )]
    NoClients { major: u32, looked: String },

    /// The cluster was made by a major version whose server is gone. Only the same major version can read it.
    #[error(
        "the database in {} was made by PostgreSQL {major}, and no PostgreSQL {major} server was found (looked in \
         {looked}). Only the same major version can open it: install PostgreSQL {major} beside the newer one, or set \
         DISPATCH_POSTGRES_BIN to the directory that holds it",
        .pgdata.display()
    )]
    OtherMajor { pgdata: PathBuf, major: u32, looked: String },

    /// There is nowhere to put it.
    #[error(
        "this user has no home directory to keep data in. Set HOME, or set DISPATCH_DATA_DIR to a directory of yours"
    )]
    NoHome,

    /// A path in the settings that cannot be used.
    #[error("the data directory {} cannot be used: {reason}. Set DISPATCH_DATA_DIR to an ordinary local directory", .path.display())]
    BadPath { path: PathBuf, reason: String },

    /// We are root, and Postgres will not run as root.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has no user `postgres` to run it as. Run dispatch as an \
         ordinary user, or make that user: useradd --system --user-group --shell /usr/sbin/nologin postgres"
    )]
    NoAccount,

    /// We are root, and the user that the server runs as cannot reach its directory.
    #[error(
        "the server runs as user `postgres`, who may not enter {}. Open it with `chmod o+x {}`, or set \
         DISPATCH_DATA_DIR to a directory that user can reach (the default for root is /var/lib/dispatch)",
        .closed.display(), .closed.display()
    )]
    Unreachable { closed: PathBuf },

    /// A directory that should be ours belongs to someone else.
    #[error(
        "{} belongs to another user (uid {owner}), so the server behind it cannot be trusted. It must be owned by uid \
         {expected}: run dispatch as its owner, or set DISPATCH_DATA_DIR to another directory",
        .path.display()
    )]
    NotOurs { path: PathBuf, owner: u32, expected: u32 },

    /// The place of the cluster is taken by something else.
    #[error(
        "{} exists but holds no PostgreSQL cluster, and nothing in it will be overwritten. Move it away, or set \
         DISPATCH_DATA_DIR to another directory",
        .path.display()
    )]
    Occupied { path: PathBuf },

    /// The file system said no.
    #[error("could not {action} {}: {}. {}", .path.display(), failure(.source), advice(.source))]
    File { action: &'static str, path: PathBuf, source: io::Error },

    /// A program of Postgres could not be started at all.
    #[error(
        "could not run {}: {}. It must be an executable of PostgreSQL that this user may run: repair the \
         installation, or set DISPATCH_POSTGRES_BIN to the directory of another",
        .program.display(), failure(.source)
    )]
    Run { program: PathBuf, source: io::Error },

    /// `initdb` failed.
    #[error("the local database could not be created in {}: {output}. {}", .path.display(), output_advice(.output))]
    Initdb { path: PathBuf, output: String },

    /// The server ended as soon as it was started.
    #[error(
        "the local PostgreSQL server did not start. The end of its log ({}):\n{tail}\n{}",
        .log.display(), output_advice(.tail)
    )]
    Start { log: PathBuf, tail: String },

    /// The server is there, but does not answer.
    #[error(
        "the local PostgreSQL server has not answered within {seconds} s; it may still be recovering after a crash. \
         Try again in a moment, read {}, or stop it with `dispatch db stop`",
        .log.display()
    )]
    NoAnswer { seconds: u64, log: PathBuf },

    /// Another process holds the lock for too long.
    #[error(
        "another dispatch has been starting or stopping the local database for {seconds} s. Only one may at a time: \
         wait for it, or end it if it hangs (it holds {})",
        .lock.display()
    )]
    Busy { seconds: u64, lock: PathBuf },

    /// The server would not stop.
    #[error(
        "the local PostgreSQL server (process {pid}) has not stopped within {seconds} s. Read {}, and try \
         `dispatch db stop` again",
        .log.display()
    )]
    WillNotStop { pid: i32, seconds: u64, log: PathBuf },

    /// The roles could not be set up.
    #[error(
        "the roles of the local database could not be set up: {0}. They are made at the first start and repaired at \
         every later one: run the command again"
    )]
    Roles(#[source] sqlx::Error),

    /// The package manager did not install it.
    #[error(
        "`{command}` failed ({outcome}). Run it yourself to see why, or use any other PostgreSQL {minimum}+ with \
         --database-url (DISPATCH_DATABASE_URL)",
        minimum = super::binaries::MINIMUM
    )]
    Install { command: String, outcome: String },
}

impl LocalError {
    /// For `map_err`: `what` was being done to `path`.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FREE_SPACE,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "It must be writable by the user who runs dispatch: change its owner or its mode, or set DISPATCH_DATA_DIR \
             to a directory of yours"
        }
        io::ErrorKind::Unsupported => "It must be on a local file system with locks: set DISPATCH_DATA_DIR to one",
        _ => "A writable directory on a local disk is needed: repair it, or set DISPATCH_DATA_DIR to another",
    }
}

/// Postgres reports its own troubles as text, so the usual ones are recognised in it.
fn output_advice(output: &str) -> &'static str {
    if output.contains("No space left on device") || output.contains("Disk quota exceeded") {
        FREE_SPACE
    } else if output.contains("Permission denied") || output.contains("Read-only file system") {
        "The directory must be writable by the user the server runs as: change its owner or mode, or set \
         DISPATCH_DATA_DIR to another directory"
    } else if output.contains("Cannot allocate memory") || output.contains("could not create shared memory") {
        "The server needs about 300 MB of memory: free some and try again"
    } else {
        "Repair what it names and try again, or use any other PostgreSQL with --database-url (DISPATCH_DATABASE_URL)"
    }
}

const FREE_SPACE: &str =
    "The disk is full: free some space (100 MB is enough to start), or set DISPATCH_DATA_DIR to a directory elsewhere";
