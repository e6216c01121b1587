//! Measurements: each figure beside a yardstick taken in the same run on the same machine, so
//! that their ratio means something elsewhere too (docs/performance.md).

pub mod calls;
pub mod cockpit;
pub mod feed;
pub mod import;
mod pgbench;
pub mod queue;
pub mod scale;
mod scratch;
pub mod soak;

use std::time::Duration;

use serde::Serialize;
use sqlx::PgPool;

use crate::demo::DemoError;
use crate::domain::refusal::Refusal;
use crate::engine::Refused;
use crate::engine::open::OpenError;
use crate::store::StoreError;
use crate::store::local::LocalError;
use crate::store::reads::server_settings;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A call of the load was refused, so its rate would mean nothing.
    #[error("a call of the load was refused: {0}")]
    Refused(#[from] Refused),
    /// The yardstick's program is not there.
    #[error(
        "pgbench was not found beside the server's programs{0}. It comes with PostgreSQL: install the package \
         postgresql (Debian, Ubuntu), postgresql-contrib (Fedora) or postgresql@17 (Homebrew)"
    )]
    NoPgbench(String),
    #[error("pgbench failed: {0}")]
    Pgbench(String),
    /// A process or a directory of the soak's own could not be had.
    #[error("the soak could not {what}: {source}")]
    Soak { what: &'static str, source: std::io::Error },
    /// A terminal for the cockpit could not be had.
    #[error("the measurement could not {what}: {source}")]
    Terminal { what: &'static str, source: std::io::Error },
    /// The cockpit did not do what it was measured at.
    #[error("the cockpit did not show `{what}` within 20 seconds. Does it start by itself, with `dispatch`?")]
    Silent { what: &'static str },
}

impl From<DemoError> for BenchError {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Open(error) => error.into(),
            DemoError::Store(error) => error.into(),
            other => StoreError::Files(other.to_string()).into(),
        }
    }
}

impl From<Refusal> for BenchError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Refused { refusal, request_id: None, correlation_id: None })
    }
}

impl From<LocalError> for BenchError {
    fn from(error: LocalError) -> Self {
        Self::Open(error.into())
    }
}

impl From<sqlx::Error> for BenchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What was measured on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    pub cpus: usize,
    pub cpu: Option<String>,
    pub memory_mib: Option<u64>,
    pub postgres: String,
    pub fsync: String,
    pub synchronous_commit: String,
}

impl Machine {
    /// This machine, and the server behind `pool`.
    async fn here(pool: &PgPool) -> Result<Self, StoreError> {
        let [postgres, fsync, synchronous_commit] = server_settings(pool).await?;
        Ok(Self {
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: from_proc("/proc/cpuinfo", "model name"),
            memory_mib: from_proc("/proc/meminfo", "MemTotal")
                .and_then(|size| size.split_whitespace().next()?.parse::<u64>().ok())
                .map(|kib| kib / 1024),
            postgres,
            fsync,
            synchronous_commit,
        })
    }
}

/// A field of a file of `name: value` lines; none where the system has no such file.
fn from_proc(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?.trim_start().strip_prefix(':')?;
    Some(value.trim().to_owned())
}

/// How long each of many took.
#[derive(Debug, Default, Clone)]
pub struct Times(Vec<Duration>);

impl Times {
    fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// So many in a hundred took no longer, in milliseconds to the hundredth; 100 is the worst.
    fn percentile_ms(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(place).map_or(0.0, |time| rounded(time.as_secs_f64() * 1_000.0, 2))
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// Ours beside the yardstick, to the hundredth; 0 where the yardstick measured nothing.
fn ratio(ours: f64, yardstick: f64) -> f64 {
    if yardstick > 0.0 { rounded(ours / yardstick, 2) } else { 0.0 }
}

/// The middle one; of an even number the upper of the two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_round_does_not_move_the_median() {
        assert!((median(vec![900.0, 10.0, 1000.0]) - 900.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }
}
