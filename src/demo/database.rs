//! The demo's database: there whole or not at all, however often and however suddenly `demo` is
//! started and ended. A day is made under another name and takes its place by being renamed.

use std::fs::{File, OpenOptions, TryLockError};
use std::time::Duration;

use serde_json::json;

use super::fill::{Filled, Order, Progress, Watch, fill};
use super::{DemoError, people};
use crate::domain::actor::Role;
use crate::engine::open::{DEMO_DATABASE, Opening, Which, open};
use crate::engine::{Call, Desk, Engine, QueueQuery};
use crate::store::databases::{database_exists, drop_database, rename_database, tidy};
use crate::store::local::Cluster;

/// The name of a day in the making.
pub const FILLING_DATABASE: &str = "dispatch_demo_filling";

/// The right to make or replace the demo; it ends with its holder, however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Waits for the right to make or replace the demo. `waiting` is told once if that takes a while.
pub async fn lock(cluster: &Cluster, waiting: impl FnOnce()) -> Result<Lock, DemoError> {
    let path = cluster.data_dir().join("demo.lock");
    let failed = |source| DemoError::File { what: format!("the lock {}", path.display()), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    let mut waiting = Some(waiting);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                if let Some(waiting) = waiting.take() {
                    waiting();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

/// Whether there is a demo with something in it. Another command, told `--demo`, may have made the
/// database and left it empty.
pub async fn is_there(opening: &Opening, cluster: &Cluster) -> Result<bool, DemoError> {
    if !database_exists(cluster, DEMO_DATABASE).await? {
        return Ok(false);
    }
    let engine = open(&of(opening, DEMO_DATABASE)).await?.engine;
    let is_there = has_content(&engine).await?;
    engine.store().close().await;
    Ok(is_there)
}

async fn has_content(engine: &Engine) -> Result<bool, DemoError> {
    let caller = people::caller("demo", Role::Dispatcher);
    let one = QueueQuery { limit: Some(1), ..QueueQuery::default() };
    let page = engine.queue(&caller, &one).await.map_err(DemoError::of("queue"))?;
    if !page.rows.is_empty() {
        return Ok(true);
    }
    let call = Call::new(&caller, "directory.search", Some("accounts"), json!({"limit": 1}));
    let found = engine.call(call).await.map_err(DemoError::refused("directory.search"))?.json();
    Ok(found["records"].as_array().is_some_and(|records| !records.is_empty()))
}

/// Makes what is ordered and puts it in place of whatever was there.
pub async fn make(
    _: &Lock,
    opening: &Opening,
    cluster: &Cluster,
    order: Order,
    watch: Watch<'_>,
) -> Result<Filled, DemoError> {
    // What somebody left behind who was killed while making a day.
    drop_database(cluster, FILLING_DATABASE).await?;
    let engine = open(&of(opening, FILLING_DATABASE)).await?.engine;
    let filled = fill(&engine, order, watch).await;
    engine.store().close().await;
    let filled = filled?;
    watch(Progress::Tidying);
    tidy(cluster, FILLING_DATABASE).await?;
    // Another command may make an empty demo between the two steps; so try more than once.
    for attempt in 1.. {
        drop_database(cluster, DEMO_DATABASE).await?;
        match rename_database(cluster, FILLING_DATABASE, DEMO_DATABASE).await {
            Ok(()) => break,
            Err(error) if attempt < 5 => {
                tracing::debug!(%error, "the demo could not be put in place; trying again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

/// The same opening, of another database of the private cluster.
fn of(opening: &Opening, database: &str) -> Opening {
    Opening { which: Which::Private(database.to_owned()), ..opening.clone() }
}
