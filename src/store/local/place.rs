//! Where everything of the cluster lives: its paths, its directories, its lock.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};

use super::account::{self, Account};
use super::error::LocalError;

/// Where root keeps it: a home directory may be closed to the user the server runs as.
const ROOT_DATA_DIR: &str = "/var/lib/dispatch";

/// The kernel's limit on a socket's path is 104 bytes on some systems.
pub(super) const SOCKET_PATH_LIMIT: usize = 100;

/// The name of the socket and its lock file are made of the port, though there is none.
pub(super) const PORT: u16 = 5432;

const LOCK_PATIENCE: Duration = Duration::from_mins(2);

/// The paths of one cluster. Making it touches nothing.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) data_dir: PathBuf,
    pub(super) pgdata: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) log: PathBuf,
    pub(super) lock: PathBuf,
}

impl Place {
    pub(super) fn resolve(data_dir: Option<PathBuf>) -> Result<Self, LocalError> {
        let wanted = match data_dir {
            Some(given) => given,
            None if account::is_root() => PathBuf::from(ROOT_DATA_DIR),
            None => etcetera::base_strategy::choose_base_strategy()
                .map_err(|_| LocalError::NoHome)?
                .data_dir()
                .join("dispatch"),
        };
        let bad = |reason: String| LocalError::BadPath { path: wanted.clone(), reason };
        let data_dir = settled(&std::path::absolute(&wanted).map_err(|error| bad(error.to_string()))?);
        if data_dir.to_str().is_none_or(|name| name.contains('\n')) {
            return Err(bad("its name is not one line of UTF-8".to_owned()));
        }
        Ok(Self {
            pgdata: data_dir.join("postgres"),
            socket_dir: socket_dir(&data_dir, account::effective_uid()),
            log: data_dir.join("postgres.log"),
            lock: data_dir.join("postgres.lock"),
            data_dir,
        })
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.socket_dir.join(socket_name())
    }

    pub(super) fn is_initialised(&self) -> bool {
        self.pgdata.join("PG_VERSION").exists()
    }

    /// The major version that made the cluster.
    pub(super) fn major(&self) -> Option<u32> {
        fs::read_to_string(self.pgdata.join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Refuses a socket directory that someone else has made in a place open to all: behind it could be a server
    /// that is not ours.
    pub(super) fn check_socket_dir(&self) -> Result<(), LocalError> {
        let Ok(found) = fs::symlink_metadata(&self.socket_dir) else { return Ok(()) };
        let own = account::effective_uid();
        if found.is_dir() && found.uid() == own {
            return Ok(());
        }
        let expected = Account::resolve()?.uid;
        if found.is_dir() && found.uid() == expected {
            return Ok(());
        }
        Err(LocalError::NotOurs { path: self.socket_dir.clone(), owner: found.uid(), expected })
    }

    /// Makes the data directory, and whatever of its parents is missing.
    ///
    /// Root keeps it for itself and lets the server's user only pass through: in a directory of that user, it could
    /// turn the lock or the log that root opens into a link to any file of root's.
    pub(super) fn make_data_dir(&self, account: Account) -> Result<(), LocalError> {
        let mode = if account.switch_to_gid.is_some() { 0o711 } else { 0o700 };
        let missing: Vec<&Path> = self.data_dir.ancestors().take_while(|path| !path.exists()).collect();
        missing.into_iter().rev().try_for_each(|path| create_dir(path, mode).map(drop))
    }

    /// Makes the socket directory, and closes it to others if it was open.
    pub(super) fn make_socket_dir(&self, account: Account) -> Result<(), LocalError> {
        make_dir(&self.socket_dir, account)?;
        self.check_socket_dir()?;
        fs::set_permissions(&self.socket_dir, Permissions::from_mode(0o700))
            .map_err(LocalError::file("close to others the directory", &self.socket_dir))?;
        account.own(&self.socket_dir).map_err(LocalError::file("give away the directory", &self.socket_dir))
    }

    /// Waits until no other process starts or stops this cluster. The lock goes when the file is dropped, and so also
    /// when this process is killed. Polled, not awaited in a thread: a blocked thread could not be cancelled and would
    /// hold up the end of the program.
    pub(super) async fn lock(&self) -> Result<File, LocalError> {
        let open = private().create(true).truncate(false).write(true).open(&self.lock);
        let file = open.map_err(LocalError::file("open the lock", &self.lock))?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if since.elapsed() > LOCK_PATIENCE => {
                    return Err(LocalError::Busy { seconds: LOCK_PATIENCE.as_secs(), lock: self.lock.clone() });
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(TryLockError::Error(error)) => return Err(LocalError::file("lock", &self.lock)(error)),
            }
        }
    }
}

/// Options that make files only their owner can read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes one private directory for the server's user.
pub(super) fn make_dir(path: &Path, account: Account) -> Result<(), LocalError> {
    if create_dir(path, 0o700)? {
        account.own(path).map_err(LocalError::file("give away the directory", path))?;
    }
    Ok(())
}

/// That another process made it first is as good; false then.
fn create_dir(path: &Path, mode: u32) -> Result<bool, LocalError> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(LocalError::file("create the directory", path)(error)),
    }
}

/// The path without symbolic links, as far as it exists: all processes must come to the same one.
fn settled(path: &Path) -> PathBuf {
    let existing = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    let Some((part, real)) = existing else { return path.to_owned() };
    match path.strip_prefix(part) {
        Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
        _ => real,
    }
}

/// Beside the data if that path is short and plain, else a directory of ours under `/tmp`. Never `$XDG_RUNTIME_DIR` or
/// `$TMPDIR`: they differ between the sessions of one user, and the former goes when the last session ends, while the
/// server stays.
fn socket_dir(data_dir: &Path, uid: u32) -> PathBuf {
    let beside = data_dir.join("run");
    if beside.join(socket_name()).as_os_str().len() < SOCKET_PATH_LIMIT && is_plain(beside.as_os_str()) {
        return beside;
    }
    let digest = Sha256::digest(data_dir.as_os_str().as_bytes());
    let hash = digest.iter().take(8).fold(0u64, |hash, &byte| hash << 8 | u64::from(byte));
    PathBuf::from(format!("/tmp/dispatch-{uid}-{hash:016x}"))
}

/// Free of everything that means something in a list of directories or in a setting of Postgres.
fn is_plain(name: &OsStr) -> bool {
    name.as_bytes().iter().all(|&byte| byte.is_ascii_alphanumeric() || b"/._-+@ ~=:%".contains(&byte))
}

fn socket_name() -> String {
    format!(".s.PGSQL.{PORT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_stays_beside_the_data_while_its_path_is_short_and_plain() {
        let short = Path::new("/home/x/.local/share/dispatch");
        assert_eq!(socket_dir(short, 1000), short.join("run"));
        for awkward in [format!("/home/{}", "x".repeat(90)), "/home/o'brien, jr".to_owned(), "/home/ü".to_owned()] {
            let chosen = socket_dir(Path::new(&awkward), 1000);
            assert!(chosen.starts_with("/tmp") && chosen.as_os_str().len() < 50, "{}", chosen.display());
            assert_eq!(chosen, socket_dir(Path::new(&awkward), 1000));
            assert_ne!(chosen, socket_dir(Path::new(&awkward), 1001));
        }
    }

    #[test]
    fn a_path_that_does_not_exist_yet_is_settled_as_far_as_it_does() {
        assert_eq!(settled(Path::new("/proc/self/../nothing/here")), Path::new("/proc/nothing/here"));
        assert_eq!(settled(Path::new("/")), Path::new("/"));
    }
}
