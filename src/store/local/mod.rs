//! The private local cluster: a Postgres that the program looks after itself (DESIGN.md).
//!
//! It is made at first use, listens on a Unix socket only, and stays up until it is stopped, so that the next command
//! finds it warm. All processes of a user share it.
//!
//! ```text
//! <data_dir>/postgres       the cluster
//! <data_dir>/run            its socket, unless the path is too long for one
//! <data_dir>/postgres.log   what the server says
//! <data_dir>/postgres.lock  held while the cluster is made, started or stopped
//! ```
//!
//! The way in is [`Cluster::ensure_running`]. If the server is up, that costs one connection: no lock, no process. Else:
//! * `binaries` finds the server's programs,
//! * `place` makes directories and takes the lock,
//! * `make` runs `initdb` and sets up the roles,
//! * `server` starts and stops, with `process` judging what a pid file is worth.
//!
//! Anything here may be killed at any point: a cluster appears by one rename, the lock goes with its holder, and a
//! stale pid file is recognised.

mod account;
mod binaries;
mod error;
pub mod install;
pub mod look;
mod make;
mod place;
mod process;
mod server;
mod settings;

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use account::Account;
use binaries::{Binaries, Search};
pub use error::LocalError;
use place::{PORT, Place};
use server::Answer;

/// The superuser of the cluster: owns the schema and migrates it.
pub const OWNER: &str = "dispatch_owner";
/// The role the application connects as. It owns nothing.
pub const APP: &str = "dispatch_app";

/// A database that always exists.
const MAINTENANCE: &str = "postgres";

/// How long a warm server may take to answer before we look more closely.
const WARM_PATIENCE: Duration = Duration::from_secs(2);

/// How the server came to be running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Started {
    /// It was up.
    Warm,
    /// It was started now.
    Started,
    /// The cluster was made and started now.
    First,
}

/// What is known about the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub initialised: bool,
    /// Whether it takes connections.
    pub running: bool,
    /// The server's process; there may be one that does not take connections yet.
    pub pid: Option<i32>,
    /// The running server's version, else the installed one's that would be started.
    pub version: Option<String>,
    pub data_dir: PathBuf,
    pub socket_dir: PathBuf,
    pub log: PathBuf,
    /// Where the server's programs were found.
    pub bin_dir: Option<PathBuf>,
}

/// The private cluster of this user. Cheap to make and to clone.
#[derive(Debug, Clone)]
pub struct Cluster {
    place: Place,
    search: Search,
}

impl Cluster {
    /// The cluster in `data_dir`, else `DISPATCH_DATA_DIR`, else the user's data directory (root: `/var/lib/dispatch`).
    /// The server's programs are first looked for in `bin_dir`, else `DISPATCH_POSTGRES_BIN`. Nothing is created yet.
    pub fn new(data_dir: Option<PathBuf>, bin_dir: Option<PathBuf>) -> Result<Self, LocalError> {
        let from_env = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let place = Place::resolve(data_dir.or_else(|| from_env("DISPATCH_DATA_DIR")))?;
        let configured = bin_dir.or_else(|| from_env("DISPATCH_POSTGRES_BIN"));
        Ok(Self { place, search: Search { configured, elsewhere: true } })
    }

    /// Uses the configured directory of programs or none: no `pg_config`, no `PATH`, no usual places.
    #[must_use]
    pub fn only_configured_programs(mut self) -> Self {
        self.search.elsewhere = false;
        self
    }

    /// The root of everything we keep.
    pub fn data_dir(&self) -> &Path {
        &self.place.data_dir
    }

    /// Where the server writes what it has to say.
    pub fn log_file(&self) -> PathBuf {
        self.place.log.clone()
    }

    /// How to connect, whatever the `PG…` variables say. Only after [`ensure_running`](Self::ensure_running), which
    /// checks that the socket's directory is ours.
    pub fn connect_options(&self, database: &str, role: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.place.socket_dir)
            .port(PORT)
            .ssl_mode(PgSslMode::Disable)
            .database(database)
            .username(role)
    }

    /// The same for `psql` and other clients. The role is a parameter, since not every client takes a URL with a user
    /// and no host.
    pub fn url(&self, database: &str, role: &str) -> String {
        let host = self.place.socket_dir.to_string_lossy();
        let (database, host, role) = (encode(database, b""), encode(&host, b"/"), encode(role, b""));
        format!("postgresql:///{database}?host={host}&port={PORT}&user={role}")
    }

    /// The directory with `pg_dump` and `pg_restore` for a server of this major version, or a newer
    /// one's, and their own major version.
    pub async fn clients(&self, major: u32) -> Result<(PathBuf, u32), LocalError> {
        self.search.clients(major).await
    }

    /// Makes the cluster if there is none, starts it if it is down, and returns when it takes connections.
    pub async fn ensure_running(&self) -> Result<Started, LocalError> {
        self.place.check_socket_dir()?;
        // Were the data deleted under a running server, it would still answer for a while.
        if self.place.is_initialised() && self.probe().await == Answer::Up {
            return Ok(Started::Warm);
        }
        let work = self.begin().await?;
        // Another process may have done it while we waited for the lock.
        if self.place.is_initialised() && self.probe().await == Answer::Up {
            return Ok(Started::Warm);
        }
        let first = self.make(&work).await?;
        self.place.make_socket_dir(work.account)?;
        let owner = self.connect_options(MAINTENANCE, OWNER);
        let started = server::start(&self.place, &work.binaries, work.account, &owner).await?;
        make::roles(owner, work.binaries.major).await?;
        Ok(match (first, started) {
            (true, _) => Started::First,
            (false, true) => Started::Started,
            (false, false) => Started::Warm,
        })
    }

    /// Makes the cluster without starting it. True if there was none.
    pub async fn init(&self) -> Result<bool, LocalError> {
        if self.place.is_initialised() {
            return Ok(false);
        }
        let work = self.begin().await?;
        self.make(&work).await
    }

    /// Shuts the server down: clients are cut off, nothing is lost. Returns when it has ended; true if one was running.
    pub async fn stop(&self) -> Result<bool, LocalError> {
        if !self.place.is_initialised() {
            return Ok(false);
        }
        let _lock = self.place.lock().await?;
        match process::postmaster(&self.place.pgdata) {
            Some(server) => server::stop(&self.place, server.pid).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Ends the server at once, for whoever is about to delete its data: no lock, and it must recover
    /// if it is ever started again. Returns when it has ended, or after a few seconds.
    pub fn abandon(&self) {
        server::abandon(&self.place.pgdata);
    }

    /// What is known, without changing anything.
    pub async fn status(&self) -> Result<Status, LocalError> {
        self.place.check_socket_dir()?;
        let running_version = self.running_version().await;
        let binaries = self.search.find(&self.place.pgdata, self.place.major()).await.ok();
        Ok(Status {
            initialised: self.place.is_initialised(),
            running: running_version.is_some(),
            pid: process::postmaster(&self.place.pgdata).map(|server| server.pid),
            version: running_version.or_else(|| Some(binaries.as_ref()?.version.clone())),
            data_dir: self.place.data_dir.clone(),
            socket_dir: self.place.socket_dir.clone(),
            log: self.place.log.clone(),
            bin_dir: binaries.map(|found| found.directory),
        })
    }

    /// Takes the lock, with all that is needed to change something.
    async fn begin(&self) -> Result<Work, LocalError> {
        let find = || self.search.find(&self.place.pgdata, self.place.major());
        let mut binaries = find().await?;
        if let Some(asked) = self.search.configured.as_ref().filter(|asked| **asked != binaries.directory) {
            tracing::warn!(
                "there is no fitting PostgreSQL server in {}; the one in {} is used. Correct DISPATCH_POSTGRES_BIN or \
                 postgres_bin in the config file",
                asked.display(),
                binaries.directory.display()
            );
        }
        let account = Account::resolve()?;
        if let Some(closed) = account.closed_directory(&self.place.data_dir) {
            return Err(LocalError::Unreachable { closed });
        }
        self.place.make_data_dir(account)?;
        let lock = self.place.lock().await?;
        if self.place.major().is_some_and(|major| major != binaries.major) {
            binaries = find().await?;
        }
        Ok(Work { binaries, account, _lock: lock })
    }

    async fn make(&self, work: &Work) -> Result<bool, LocalError> {
        make::remove_unfinished(&self.place);
        if self.place.is_initialised() {
            return Ok(false);
        }
        server::end_orphans(&self.place.pgdata).await;
        make::cluster(&self.place, &work.binaries, work.account).await.map(|()| true)
    }

    async fn probe(&self) -> Answer {
        server::probe(&self.connect_options(MAINTENANCE, APP), WARM_PATIENCE).await
    }

    async fn running_version(&self) -> Option<String> {
        let ask = async {
            let mut connection = self.connect_options(MAINTENANCE, APP).connect().await?;
            let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok::<_, sqlx::Error>(version)
        };
        let version = tokio::time::timeout(WARM_PATIENCE, ask).await.ok()?.ok()?;
        version.split_whitespace().next().map(str::to_owned)
    }
}

/// The right to make, start or stop, and the means.
struct Work {
    binaries: Binaries,
    account: Account,
    _lock: std::fs::File,
}

/// Percent-encodes all but what RFC 3986 leaves alone everywhere, and `kept`.
fn encode(text: &str, kept: &[u8]) -> String {
    let encode = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) => char::from(byte).into(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
