//! What can go wrong between us and the database.

use sqlx::error::ErrorKind;

use crate::domain::refusal::{Code, Refusal};
use crate::text::failure;

/// A failure below the rules.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nobody answers, or not in time. Trying again later may help.
    #[error("the database cannot be reached: {0}. Try again in a moment; `dispatch doctor` looks for the cause")]
    Unavailable(String),
    /// The database's disk is full: it can be read, and written to once there is room.
    #[error("the database's disk is full: {0}. Make room on it, then try again")]
    NoSpace(String),
    /// The server answers, and does not let us in.
    #[error(
        "the database does not let us in: {0}. The user and password come from the database URL \
         (DISPATCH_DATABASE_URL or the config file) and ~/.pgpass: correct them there"
    )]
    Login(String),
    /// The server answers, and has no such database; for a moment also while one takes its place.
    #[error(
        "there is no such database: {0}. Name another in the database URL, or make it (createdb) and run `dispatch db migrate`"
    )]
    NoDatabase(String),
    /// The database may only be read: its schema is newer than this program, or it is a replica.
    #[error(
        "the database can only be read: its schema is newer than this program, or it is a replica. Update dispatch, or use the primary"
    )]
    ReadOnly,
    /// A message could not be put into the outbox; the command failed whole.
    #[error("the outbox refused a message, so nothing was changed: {0}. `dispatch doctor` looks for the cause")]
    Outbox(String),
    /// A value that the database cannot hold, although every rule let it through.
    #[error("the database cannot hold a value, so nothing was changed: {0}. Send it shorter or within range")]
    Value(String),
    /// Anything else.
    #[error("the database failed: {}. {}", told(.0), advice(.0))]
    Database(#[source] sqlx::Error),
    /// A file could not be read or written.
    #[error("{0}")]
    Files(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(told(&error)),
            sqlx::Error::Database(database) => {
                let code = database.code();
                let code = code.as_deref().unwrap_or_default();
                // 08 connection, 57 cancelled, shutting down or starting, 53 out of connections or
                // memory, 55P03 lock not available, 40 rolled back by the server.
                if code == "53100" {
                    Self::NoSpace(database.message().to_owned())
                } else if ["08", "57", "53", "55P03", "40"].iter().any(|class| code.starts_with(class)) {
                    Self::Unavailable(database.message().to_owned())
                } else if code.starts_with("28") {
                    Self::Login(database.message().to_owned())
                } else if code == "3D000" {
                    Self::NoDatabase(database.message().to_owned())
                } else if code.starts_with("22") || code == "54000" || code == "21000" {
                    Self::Value(database.message().to_owned())
                } else if code == "25006" {
                    Self::ReadOnly
                } else if database.table() == Some("dispatch_outbox") || database.message().contains("dispatch_outbox")
                {
                    Self::Outbox(database.message().to_owned())
                } else {
                    Self::Database(error)
                }
            }
            _ => Self::Database(error),
        }
    }
}

/// What happened, without what it was wrapped in.
fn told(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        sqlx::Error::Io(error) => failure(error),
        sqlx::Error::Tls(error) => format!("the encrypted connection failed ({error})"),
        sqlx::Error::PoolTimedOut => "no connection was free in time".to_owned(),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => "the connection was closed".to_owned(),
        sqlx::Error::Migrate(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// What to do about a failure of the database.
fn advice(error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    match code.as_deref().unwrap_or_default() {
        "42501" => {
            "The user in the database URL may not do that: connect as the owner of the tables, or have it granted; \
             `dispatch doctor` names what is missing"
        }
        _ => "`dispatch doctor` looks for the cause",
    }
}

impl StoreError {
    /// What happened, without what to do.
    pub fn reason(&self) -> String {
        match self {
            Self::Unavailable(reason)
            | Self::NoSpace(reason)
            | Self::Login(reason)
            | Self::NoDatabase(reason)
            | Self::Outbox(reason)
            | Self::Value(reason)
            | Self::Files(reason) => reason.clone(),
            Self::Database(error) => told(error),
            Self::ReadOnly => "the database can only be read".to_owned(),
        }
    }

    /// Whether another call with the same request id was answered first.
    pub fn is_twin(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                error.kind() == ErrorKind::UniqueViolation && error.table() == Some("idempotency_keys")
            }
            _ => false,
        }
    }

    /// Whether what was to be added is there already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.kind() == ErrorKind::UniqueViolation)
    }

    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::NoDatabase(_))
    }

    /// The refusal that a caller sees. The cause goes to the log, under a reference.
    pub fn into_refusal(self) -> Refusal {
        let reference = uuid::Uuid::new_v4().to_string();
        match &self {
            // The refusal says all there is to say.
            Self::Unavailable(_)
            | Self::NoSpace(_)
            | Self::Login(_)
            | Self::NoDatabase(_)
            | Self::ReadOnly
            | Self::Value(_) => {
                tracing::info!(error = %self, "a call failed below the rules");
            }
            Self::Outbox(_) | Self::Database(_) | Self::Files(_) => {
                tracing::error!(%reference, error = %self, "a call failed below the rules");
            }
        }
        match self {
            Self::Unavailable(_) | Self::Login(_) | Self::NoDatabase(_) => Refusal::new(
                Code::Unavailable,
                "The database cannot be reached right now. Nothing was lost: try again with the same request id. `dispatch doctor` looks for the cause.",
            )
            .with("retry_after_seconds", 2),
            Self::NoSpace(_) => Refusal::new(
                Code::Unavailable,
                "The database's disk is full, so nothing can be written. Nothing was changed: make room on that disk, then try again with the same request id.",
            )
            .with("retry_after_seconds", 60),
            Self::ReadOnly => Refusal::new(
                Code::Unavailable,
                "This database can only be read: its schema is newer than this program, or it is a replica. Update dispatch, or use the primary.",
            )
            .with("retry_after_seconds", 60),
            Self::Outbox(_) => Refusal::new(
                Code::OutboxInsertFailed,
                "The message of this command could not be put into the outbox, so the command was not done. Try again; if it stays, look for the reference in the log.",
            )
            .with("reference", reference),
            Self::Value(_) => Refusal::new(
                Code::InvalidRequest,
                "The database cannot hold one of the values: it is too long, or out of range. Nothing was changed. Send it shorter or within range.",
            ),
            Self::Database(_) | Self::Files(_) => Refusal::new(
                Code::InternalError,
                format!("Something failed that should not have. Nothing was changed. The log has the cause under reference {reference}; `dispatch doctor` looks for it."),
            )
            .with("reference", reference),
        }
    }
}
