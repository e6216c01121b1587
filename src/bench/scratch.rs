//! Databases that exist while something is measured.

use super::BenchError;
use crate::engine::Engine;
use crate::engine::open::{Opening, Which, open};
use crate::store::databases::drop_database;

/// The database our own calls run on.
pub const OURS: &str = "dispatch_bench";
/// The yardstick's: the same tables, indexes, constraints and triggers.
pub const YARDSTICK: &str = "dispatch_bench_yardstick";

/// Makes an empty database of this name on the private cluster, with our tables in it. One that a
/// run which was cut short left behind goes first.
pub async fn make(opening: &Opening, name: &str, pool_max: u32) -> Result<Engine, BenchError> {
    let cluster = opening.cluster()?;
    cluster.ensure_running().await?;
    drop_database(&cluster, name).await?;
    another(opening, name, pool_max).await
}

/// Opens one that was made once more, as another process would.
pub async fn another(opening: &Opening, name: &str, pool_max: u32) -> Result<Engine, BenchError> {
    let opening = Opening { which: Which::Private(name.to_owned()), pool_max, ..opening.clone() };
    Ok(open(&opening).await?.engine)
}

/// Removes both.
pub async fn remove(opening: &Opening) -> Result<(), BenchError> {
    let cluster = opening.cluster()?;
    drop_database(&cluster, OURS).await?;
    drop_database(&cluster, YARDSTICK).await?;
    Ok(())
}
