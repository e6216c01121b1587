//! The soak's own cluster, so that nobody else's work is killed.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDateTime;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::bench::BenchError;
use crate::store::local::Cluster;

/// Its directory is named so, with the number of its process.
const PREFIX: &str = "dispatch-soak-";
/// Within it.
const DATA: &str = "data";

/// A private cluster in a temporary directory, gone when dropped.
#[derive(Debug)]
pub struct Home {
    directory: PathBuf,
    cluster: Cluster,
}

impl Home {
    /// Makes the directory; the cluster comes with its first use. What a soak left behind that was
    /// itself killed goes first.
    pub fn make(postgres_bin: Option<PathBuf>) -> Result<Self, BenchError> {
        for directory in left_behind() {
            drop(Self { cluster: Cluster::new(Some(directory.join(DATA)), None)?, directory });
        }
        let directory = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        // As root the server's user must come through.
        fs::DirBuilder::new()
            .mode(0o711)
            .create(&directory)
            .map_err(|source| BenchError::Soak { what: "make a temporary directory", source })?;
        let cluster = Cluster::new(Some(directory.join(DATA)), postgres_bin)?;
        Ok(Self { directory, cluster })
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub fn data_dir(&self) -> &Path {
        self.cluster.data_dir()
    }

    /// How long the server's log is.
    pub fn log_length(&self) -> u64 {
        fs::metadata(self.cluster.log_file()).map_or(0, |log| log.len())
    }

    /// How long the server itself took, by its own log from this point on, from its last start or
    /// reinitialisation to being ready.
    pub fn recovery_since(&self, log_length: u64) -> Option<Duration> {
        let mut file = fs::File::open(self.cluster.log_file()).ok()?;
        file.seek(SeekFrom::Start(log_length)).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        recovery(&String::from_utf8_lossy(&bytes))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.cluster.abandon();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Directories of soaks whose process is gone.
fn left_behind() -> Vec<PathBuf> {
    let is_left = |name: &str| {
        let process = name.strip_prefix(PREFIX).and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        process.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
    };
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_left)).map(|entry| entry.path()).collect()
}

fn recovery(log: &str) -> Option<Duration> {
    // `2026-11-21 10:40:02.123 UTC [4711] LOG:  …`
    let moment = |line: &str| NaiveDateTime::parse_from_str(line.get(..23)?, "%Y-%m-%d %H:%M:%S%.3f").ok();
    let (mut began, mut took) = (None, None);
    for line in log.lines() {
        if line.contains("LOG:  starting PostgreSQL") || line.contains("terminated; reinitializing") {
            began = moment(line);
        } else if line.contains("ready to accept connections") {
            took = Some((moment(line)? - began?).to_std().ok()?);
        }
    }
    took
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_recovery_is_read_from_its_log() {
        let log = "2026-11-21 10:40:02.123 UTC [1] LOG:  starting PostgreSQL 15.18\n\
                   2026-11-21 10:40:02.130 UTC [2] LOG:  database system was interrupted\n\
                   2026-11-21 10:40:02.223 UTC [1] LOG:  database system is ready to accept connections\n";
        assert_eq!(recovery(log), Some(Duration::from_millis(100)));
        assert_eq!(recovery("nonsense"), None);
    }
}
