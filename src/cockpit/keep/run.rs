//! Which cockpits run: each holds a lock on a file of its own, which the system lets go of however one ends.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Keep, private};

/// This cockpit, as long as it runs.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: String,
    /// The locked file that says that it lives, once there is something to keep.
    pub(super) alive: Mutex<Option<(File, PathBuf)>>,
}

impl Default for Run {
    fn default() -> Self {
        Self { id: Uuid::new_v4().to_string(), alive: Mutex::default() }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some((_held, path)) = self.alive.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = fs::remove_file(path);
        }
    }
}

impl Keep {
    /// Lets others see that this cockpit runs.
    pub(super) fn live(&self) -> io::Result<()> {
        let mut alive = self.run.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if alive.is_none() {
            let path = self.sign(&self.run.id);
            let file = private().write(true).create(true).truncate(false).open(&path)?;
            file.try_lock()?;
            *alive = Some((file, path));
        }
        Ok(())
    }

    pub(super) fn sign(&self, run: &str) -> PathBuf {
        self.folder.join(format!(".{run}.lock"))
    }

    /// The cockpits that run. Of those that ended without a word nothing is left after this.
    pub(super) fn living(&self) -> io::Result<HashSet<String>> {
        let mut living = HashSet::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let run = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(".lock"));
            let Some(run) = run.filter(|run| Uuid::try_parse(run).is_ok()) else { continue };
            let path = self.sign(run);
            match File::open(&path) {
                Ok(file) if file.try_lock().is_err() => drop(living.insert(run.to_owned())),
                Ok(_) => drop(fs::remove_file(path)),
                // It has just ended.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(living)
    }
}

/// Locks a file that other cockpits lock for moments. One that was stopped in such a moment is not waited for for ever.
pub fn lock(path: &Path, within: Duration) -> io::Result<File> {
    let file = private().write(true).create(true).truncate(false).open(path)?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if since.elapsed() < within => sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => {
                let why = "another cockpit of yours is just writing and does not go on; continue it (`fg`) or end it";
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
        }
    }
}
