//! Where it is kept: Postgres, migrations, the private local cluster. All SQL is here.

mod columns;
pub mod copy;
pub mod databases;
pub mod directory;
pub mod dump;
pub mod error;
pub mod health;
mod lane;
pub mod load;
pub mod local;
pub mod migrate;
mod moment;
pub mod objects;
pub mod persist;
pub mod presence;
pub mod queue;
pub mod reads;
pub mod refused;
pub mod server;
pub mod shape;
mod statement;
pub mod traces;
pub mod trail;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};

pub use error::StoreError;

/// A database of ours, open.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    kept: Arc<lane::Kept>,
}

/// Connections one process holds at most, where nobody says.
pub const DEFAULT_POOL: u32 = 10;
/// How long a connection may be waited for.
const ACQUIRING: Duration = Duration::from_secs(10);
/// How long the first connection may take before we ask why.
const PATIENCE: Duration = Duration::from_secs(1);

impl Store {
    /// Opens a database. The first connection is made at once, so that one that cannot be reached
    /// is said here and not later. A schema newer than this program is opened for reading only.
    pub async fn open(options: PgConnectOptions, pool_max: u32, read_only: bool) -> Result<Self, StoreError> {
        let mut options = options
            .options([
                ("TimeZone", "UTC"),
                ("jit", "off"),
                // Answers are short: starting parallel workers takes longer than they save.
                ("max_parallel_workers_per_gather", "0"),
                // Each statement has one text for one shape, so it need not be planned for its values.
                ("plan_cache_mode", "force_generic_plan"),
                // Nor may it read a table from end to end because that was small when it was planned.
                ("random_page_cost", "1.1"),
                // A client that was put to sleep in mid call must not keep a ticket locked until it wakes.
                ("idle_in_transaction_session_timeout", "15s"),
            ])
            .statement_cache_capacity(256)
            .log_statements(tracing::log::LevelFilter::Trace)
            .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(1));
        if options.get_application_name().is_none() {
            options = options.application_name("dispatch");
        }
        if read_only {
            options = options.options([("default_transaction_read_only", "on")]);
        }
        let connecting = PgPoolOptions::new()
            .max_connections(pool_max)
            .min_connections(0)
            .acquire_timeout(ACQUIRING)
            // A dead connection is noticed by the call that meets it, which tries again with the
            // same request id; asking before each call would cost every call a round trip.
            .test_before_acquire(false)
            .connect_with(options.clone());
        tokio::pin!(connecting);
        let pool = match tokio::time::timeout(PATIENCE, &mut connecting).await {
            Ok(connected) => connected?,
            // A pool keeps trying where nobody listens, and does not say why: asked directly, the
            // server or the system does.
            Err(_) => match tokio::time::timeout(ACQUIRING, options.connect()).await {
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(_)) | Err(_) => connecting.await?,
            },
        };
        Ok(Self { pool, kept: Arc::default() })
    }

    /// The connections, for what lives beside the tools: migrations, backups, measurements.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Closes every connection.
    pub async fn close(&self) {
        // The pool waits for every connection to come back, also for one that a call keeps meanwhile.
        let closing = self.pool.close();
        self.release_lanes();
        closing.await;
    }
}
