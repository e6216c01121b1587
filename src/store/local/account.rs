//! Who the server runs as: the user who runs us, except that root hands it to `postgres`, since Postgres refuses root.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown, fchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::LocalError;

/// The user that Debian, Fedora, Alpine, Arch and SUSE all make for their server packages.
const USER: &str = "postgres";

/// The effective user.
pub(super) fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

pub(super) fn is_root() -> bool {
    effective_uid() == 0
}

/// The user who owns the cluster's files and runs its server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) uid: u32,
    /// `Some` if we must become that user first, with this group.
    pub(super) switch_to_gid: Option<u32>,
}

impl Account {
    pub(super) fn resolve() -> Result<Self, LocalError> {
        if !is_root() {
            return Ok(Self { uid: effective_uid(), switch_to_gid: None });
        }
        let (uid, gid) = in_passwd().or_else(by_id).filter(|(uid, _)| *uid != 0).ok_or(LocalError::NoAccount)?;
        Ok(Self { uid, switch_to_gid: Some(gid) })
    }

    /// A command that runs as this user. It inherits none of our settings: `PGPORT` and its like would change the
    /// server, secrets do not belong into an environment that lives for weeks, and messages are to be in English.
    pub(super) fn command(self, program: &Path) -> tokio::process::Command {
        const KEPT: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"];
        let mut command = tokio::process::Command::new(program);
        command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        // `TZ` spares initdb the search for the name of this machine's time zone.
        command.env("LC_ALL", "C").env("TZ", "UTC").current_dir("/").stdin(Stdio::null());
        if let Some(gid) = self.switch_to_gid {
            command.uid(self.uid).gid(gid);
        }
        command
    }

    /// Gives a directory that we have just made to the server's user.
    pub(super) fn own(self, path: &Path) -> io::Result<()> {
        match self.switch_to_gid {
            Some(gid) => chown(path, Some(self.uid), Some(gid)),
            None => Ok(()),
        }
    }

    /// The same for an open file.
    pub(super) fn own_file(self, file: &File) -> io::Result<()> {
        match self.switch_to_gid {
            Some(gid) => fchown(file, Some(self.uid), Some(gid)),
            None => Ok(()),
        }
    }

    /// The first directory on the way to `path` that the server's user may not enter.
    pub(super) fn closed_directory(self, path: &Path) -> Option<PathBuf> {
        let gid = self.switch_to_gid?;
        let mut ways: Vec<&Path> = path.ancestors().collect();
        ways.reverse();
        let closed = |directory: &&Path| {
            fs::metadata(directory).is_ok_and(|found| {
                let entered_by = match found {
                    _ if found.uid() == self.uid => 0o100,
                    _ if found.gid() == gid => 0o010,
                    _ => 0o001,
                };
                found.is_dir() && found.mode() & entered_by == 0
            })
        };
        ways.into_iter().find(closed).map(Path::to_owned)
    }
}

fn in_passwd() -> Option<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let entry = passwd.lines().find(|line| line.split(':').next() == Some(USER))?;
    let mut ids = entry.split(':').skip(2).map(str::parse);
    Some((ids.next()?.ok()?, ids.next()?.ok()?))
}

/// For users who come from a directory service and not from a file.
fn by_id() -> Option<(u32, u32)> {
    let ask = |flag: &str| {
        let answer = Command::new("id").args([flag, USER]).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(answer.stdout).ok()?.trim().parse::<u32>().ok()
    };
    Some((ask("-u")?, ask("-g")?))
}
