//! Opening a database: the private one, made and migrated by the way, or one that was named,
//! which is left as it is.

use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use super::{Engine, Options};
use crate::store::databases::{bring_up, create};
use crate::store::local::{APP, Cluster, LocalError, Started};
use crate::store::migrate::{self, Schema};
use crate::store::objects::Objects;
use crate::store::{DEFAULT_POOL, Store, StoreError};

/// The database of everyday work on the private cluster.
pub const MAIN_DATABASE: &str = "dispatch";
/// The demo's own.
pub const DEMO_DATABASE: &str = "dispatch_demo";

/// Which database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Any Postgres, by URL.
    Url(String),
    /// One on the private cluster, by name.
    Private(String),
}

/// How to open it.
#[derive(Debug, Clone)]
pub struct Opening {
    pub which: Which,
    pub data_dir: Option<PathBuf>,
    pub postgres_bin: Option<PathBuf>,
    pub pool_max: u32,
    pub options: Options,
}

impl Opening {
    /// A database on the private cluster, with nothing said about the rest.
    pub fn private(database: &str) -> Self {
        Self {
            which: Which::Private(database.to_owned()),
            data_dir: None,
            postgres_bin: None,
            pool_max: DEFAULT_POOL,
            options: Options::default(),
        }
    }

    /// The private cluster.
    pub fn cluster(&self) -> Result<Cluster, LocalError> {
        Cluster::new(self.data_dir.clone(), self.postgres_bin.clone())
    }
}

/// A database that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was given is no URL of a database.
    #[error(
        "the database URL cannot be read. Write postgresql://user@host/database, special characters percent-encoded"
    )]
    Url,
    /// A server from before.
    #[error("the server at this URL is PostgreSQL {0}. dispatch needs 14 or newer: upgrade it, or use another")]
    TooOld(i32),
    /// A database without our tables.
    #[error(
        "the database at this URL is empty. Bring it up with `dispatch db migrate`, which is the only command that \
         changes the tables of a database of yours"
    )]
    Empty,
    /// Somebody else's.
    #[error(
        "the database at this URL holds tables that are not ours, so it is left alone. Name another database, or make \
         one for dispatch (createdb) and run `dispatch db migrate`"
    )]
    Foreign,
    /// Ours, but from before.
    #[error(
        "the schema of this database is version {0}, older than this program's. Bring it up with `dispatch db migrate` \
         when nobody uses an older dispatch on it"
    )]
    Behind(i64),
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// An engine, and how its database came to be running.
#[derive(Debug)]
pub struct Opened {
    pub engine: Engine,
    /// None where the database is not ours to start.
    pub started: Option<Started>,
}

/// Opens a database.
pub async fn open(opening: &Opening) -> Result<Opened, OpenError> {
    match &opening.which {
        Which::Url(url) => open_url(opening, url).await,
        Which::Private(database) => open_private(opening, database).await,
    }
}

fn engine(opening: &Opening, store: Store) -> Result<Engine, OpenError> {
    Ok(Engine::new(store, objects(opening)?, opening.options))
}

/// Where the evidence objects are kept.
pub(super) fn objects(opening: &Opening) -> Result<Objects, LocalError> {
    Ok(Objects::new(opening.cluster()?.data_dir().join("objects")))
}

/// The options in a URL; the URL itself may hold a password and is never repeated.
pub fn parse_url(url: &str) -> Result<PgConnectOptions, OpenError> {
    PgConnectOptions::from_str(url).map_err(|_| OpenError::Url)
}

async fn open_url(opening: &Opening, url: &str) -> Result<Opened, OpenError> {
    let options = parse_url(url)?;
    let store = Store::open(options.clone(), opening.pool_max, false).await?;
    if let Some(version) = migrate::too_old(store.pool()).await? {
        return Err(OpenError::TooOld(version));
    }
    let store = match migrate::schema(store.pool()).await? {
        Schema::Current { .. } => store,
        Schema::Newer { version } => {
            tracing::warn!(
                "the schema of this database is version {version}, newer than this program's: it is only read"
            );
            store.close().await;
            Store::open(options, opening.pool_max, true).await?
        }
        Schema::Empty => return Err(OpenError::Empty),
        Schema::Foreign => return Err(OpenError::Foreign),
        Schema::Behind { version } => return Err(OpenError::Behind(version)),
    };
    warn_of_differences(&store).await?;
    Ok(Opened { engine: engine(opening, store)?, started: None })
}

async fn open_private(opening: &Opening, database: &str) -> Result<Opened, OpenError> {
    let cluster = opening.cluster()?;
    let app = cluster.connect_options(database, APP);
    let started = cluster.ensure_running().await?;
    let store = match Store::open(app.clone(), opening.pool_max, false).await {
        Ok(store) => match migrate::schema(store.pool()).await? {
            Schema::Current { .. } => store,
            Schema::Newer { .. } => {
                store.close().await;
                Store::open(app, opening.pool_max, true).await?
            }
            Schema::Empty | Schema::Behind { .. } => {
                bring_up(&cluster, database).await?;
                store
            }
            Schema::Foreign => return Err(OpenError::Foreign),
        },
        Err(StoreError::NoDatabase(_)) => {
            create(&cluster, database).await?;
            bring_up(&cluster, database).await?;
            Store::open(app, opening.pool_max, false).await?
        }
        Err(error) => return Err(error.into()),
    };
    warn_of_differences(&store).await?;
    Ok(Opened { engine: engine(opening, store)?, started: Some(started) })
}

/// Says where the database's own transition constraint and the contract disagree.
async fn warn_of_differences(store: &Store) -> Result<(), StoreError> {
    let differences = migrate::transition_differences(store.pool()).await?;
    if !differences.is_empty() {
        tracing::warn!(
            "the database's transition constraint was changed by hand; it differs from the contract at: {}",
            differences.join(", ")
        );
    }
    Ok(())
}
