//! The cluster's programs and folders as they are found, for `dispatch doctor`. Changes nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::account::{self, Account};
use super::binaries::{output_of, parse_version};
use super::error::LocalError;
use super::place::SOCKET_PATH_LIMIT;
use super::{Cluster, install};

/// The server's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    pub directory: PathBuf,
    pub version: String,
    /// The directory that was asked for, where it is not the one.
    pub passed_over: Option<PathBuf>,
    pub tools: Vec<Program>,
}

/// One program beside the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub name: &'static str,
    /// Without it there is no server; the others are for backups and for looking at tables.
    pub needed: bool,
    /// None where it is not there, or does not say.
    pub version: Option<String>,
}

/// What a folder or file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Where everything lives.
    Data,
    /// The cluster itself, into which Postgres lets nobody else look.
    Cluster,
    /// The socket: whoever comes in here is let into the database.
    Socket,
    /// Settings, the log, the lock.
    Private,
}

/// A folder or file of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    pub purpose: Purpose,
    pub uid: u32,
    /// Whose it is to be; two users where we are root.
    pub owners: Vec<u32>,
    /// The last nine bits.
    pub mode: u32,
}

const TOOLS: [(&str, bool); 6] = [
    ("initdb", true),
    ("postgres", true),
    ("pg_ctl", true),
    ("pg_dump", false),
    ("pg_restore", false),
    ("psql", false),
];

impl Cluster {
    /// The programs that make, start and look after the cluster.
    pub async fn programs(&self) -> Result<Programs, LocalError> {
        let found = self.search.find(&self.place.pgdata, self.place.major()).await?;
        let mut tools = Vec::new();
        for (name, needed) in TOOLS {
            let answer = output_of(&found.program(name), "--version").await;
            let version = answer.and_then(|answer| parse_version(&answer)).map(|(_, version)| version);
            tools.push(Program { name, needed, version });
        }
        let passed_over = self.search.configured.clone().filter(|configured| *configured != found.directory);
        Ok(Programs { directory: found.directory, version: found.version, passed_over, tools })
    }

    /// What would install a server here, in words.
    pub fn remedy() -> String {
        install::remedy()
    }

    /// The folders and files there are.
    pub fn found(&self) -> Vec<Found> {
        let place = &self.place;
        let own = account::effective_uid();
        let server = Account::resolve().map_or(own, |account| account.uid);
        let look = |path: &Path, purpose: Purpose| {
            let found = fs::symlink_metadata(path).ok()?;
            let owners = if purpose == Purpose::Cluster { vec![server] } else { vec![own, server] };
            Some(Found { path: path.to_owned(), purpose, uid: found.uid(), owners, mode: found.mode() & 0o777 })
        };
        let settings = place.pgdata.join("dispatch.conf");
        [
            look(&place.data_dir, Purpose::Data),
            look(&place.pgdata, Purpose::Cluster),
            look(&place.socket_dir, Purpose::Socket),
            look(&place.log, Purpose::Private),
            look(&place.lock, Purpose::Private),
            look(&settings, Purpose::Private),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The length of the socket's path in bytes, and what it must stay below.
    pub fn socket_length(&self) -> (usize, usize) {
        (self.place.socket().as_os_str().len(), SOCKET_PATH_LIMIT)
    }

    /// The folder of the server's journal, which may be a link to another disk.
    pub fn journal_dir(&self) -> PathBuf {
        self.place.pgdata.join("pg_wal")
    }
}
