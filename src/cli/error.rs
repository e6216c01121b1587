//! How a command fails, and the exit code that says so (CONTRACT.md 14).

use std::io;

use crate::bench::BenchError;
use crate::config::ConfigError;
use crate::domain::refusal::Refusal;
use crate::engine::Refused;
use crate::engine::backup::BackupError;
use crate::engine::open::OpenError;
use crate::store::StoreError;
use crate::store::local::LocalError;
use crate::text::failure;

/// A command that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A call was refused.
    #[error("{0}")]
    Refused(Refused),
    /// Something was checked and found wrong; it has been said already.
    #[error("{0}")]
    Failed(String),
    /// Something that was named is not there.
    #[error("{0}")]
    NotFound(String),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading or writing failed.
    #[error("{what}: {}. {}", failure(.source), advice(.source))]
    Io { what: String, source: io::Error },
    /// Whoever read our output has had enough: a quiet end.
    #[error("the output was closed")]
    Closed,
}

/// What to do about a file or stream that failed.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "Check its name and its folder",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "Change its owner or mode (chmod), or name another"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "Free some space, then do it again",
        io::ErrorKind::InvalidData => "Save it as UTF-8 text",
        io::ErrorKind::IsADirectory => "Name a file in it",
        io::ErrorKind::NotADirectory => "A part of its path is a file: name another folder",
        _ => "Mend that, or name another, then do it again",
    }
}

impl CliError {
    /// A file or stream that failed.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| match source.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io { what, source },
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Usage(_) | Self::Config(_) | Self::Open(OpenError::Url) => 2,
            Self::Failed(_)
            | Self::Store(
                StoreError::Outbox(_) | StoreError::Value(_) | StoreError::Database(_) | StoreError::Files(_),
            ) => 1,
            Self::NotFound(_) => 5,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => 5,
                io::ErrorKind::InvalidData | io::ErrorKind::IsADirectory => 2,
                _ => 1,
            },
            Self::Refused(refused) => code_of_status(refused.refusal.status()),
            Self::Open(_)
            | Self::Store(
                StoreError::Unavailable(_)
                | StoreError::NoSpace(_)
                | StoreError::Login(_)
                | StoreError::NoDatabase(_)
                | StoreError::ReadOnly,
            ) => 6,
        }
    }
}

/// The exit code for an HTTP status.
pub const fn code_of_status(status: u16) -> u8 {
    match status {
        200..=299 => 0,
        400 | 413 => 2,
        401 | 403 => 3,
        404 => 5,
        409 => 4,
        429 | 503 => 6,
        _ => 1,
    }
}

impl From<LocalError> for CliError {
    fn from(error: LocalError) -> Self {
        Self::Open(error.into())
    }
}

impl From<Refused> for CliError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Refused { refusal, request_id: None, correlation_id: None })
    }
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Open(error) => Self::Open(error),
            BackupError::Store(error) => Self::Store(error),
            BackupError::File { path, source } => Self::Io { what: path.display().to_string(), source },
            error @ (BackupError::Foreign(_)
            | BackupError::Damaged(_)
            | BackupError::NewerFormat(_)
            | BackupError::NewerSchema(_)) => Self::Usage(error.to_string()),
            error @ BackupError::Nothing(_) => Self::NotFound(error.to_string()),
            error @ (BackupError::Differs(_)
            | BackupError::Busy(_)
            | BackupError::Occupied(_)
            | BackupError::MayNotCreate(_)) => Self::Failed(error.to_string()),
        }
    }
}

impl From<BenchError> for CliError {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Open(error) => Self::Open(error),
            BenchError::Store(error) => Self::Store(error),
            error @ BenchError::NoPgbench(_) => Self::NotFound(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}
