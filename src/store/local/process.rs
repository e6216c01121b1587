//! The server seen from outside: what its pid file says, and whether that process is really it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

/// The pid file of a server that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub(super) pid: i32,
    /// Whether it says that it takes connections.
    pub(super) ready: bool,
}

/// The server that runs on this data directory, if one does.
///
/// A pid file alone proves nothing: after a crash its process is gone, is a zombie that nobody reaps, or, after a
/// reboot, is some other program.
pub(super) fn postmaster(pgdata: &Path) -> Option<Postmaster> {
    let found = read(pgdata)?;
    is_postmaster(found.pid, pgdata).then_some(found)
}

/// What the pid file says, true or not.
pub(super) fn read(pgdata: &Path) -> Option<Postmaster> {
    parse(&fs::read_to_string(pgdata.join("postmaster.pid")).ok()?)
}

/// Line 1 is the process, line 8 its state.
fn parse(text: &str) -> Option<Postmaster> {
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok().filter(|pid| *pid > 0)?;
    let ready = lines.nth(6).is_some_and(|state| matches!(state.trim(), "ready" | "standby"));
    Some(Postmaster { pid, ready })
}

/// Whether any process has this id, be it a zombie.
pub(super) fn exists(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| {
        // No permission to signal it means that it is there.
        rustix::process::test_kill_process(pid).map_or_else(|error| error == rustix::io::Errno::PERM, |()| true)
    })
}

/// Asks a process to end. That it has ended already is as good.
pub(super) fn signal(pid: i32, signal: Signal) {
    if let Some(target) = Pid::from_raw(pid)
        && let Err(error) = kill_process(target, signal)
    {
        tracing::debug!(pid, %error, "the process could not be signalled");
    }
}

fn is_postmaster(pid: i32, pgdata: &Path) -> bool {
    if Path::new("/proc/self/stat").exists() { is_server_by_proc(pid, pgdata) } else { is_postmaster_by_ps(pid) }
}

/// A live process of the server works in its data directory.
fn is_server_by_proc(pid: i32, pgdata: &Path) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    let Ok(stat) = fs::read_to_string(process.join("stat")) else { return false };
    // `pid (name) state …`, where the name may hold anything.
    let Some((before, after)) = stat.rsplit_once(')') else { return false };
    let name = before.split_once('(').map_or("", |(_, name)| name);
    if after.trim_start().starts_with(['Z', 'X']) || !name.contains("postgres") && !name.contains("postmaster") {
        return false;
    }
    match (fs::metadata(process.join("cwd")), fs::metadata(pgdata)) {
        (Ok(cwd), Ok(data)) => (cwd.dev(), cwd.ino()) == (data.dev(), data.ino()),
        // In a container, root may not look at the processes of others: then its name and user must do.
        _ => fs::metadata(&process).is_ok_and(|found| fs::metadata(pgdata).is_ok_and(|data| found.uid() == data.uid())),
    }
}

/// Where there is no `/proc`: a live process of that name, and not one that Postgres has titled as a backend.
fn is_postmaster_by_ps(pid: i32) -> bool {
    let Ok(answer) = Command::new("ps").args(["-o", "stat=,command=", "-p", &pid.to_string()]).output() else {
        return exists(pid);
    };
    let line = String::from_utf8_lossy(&answer.stdout);
    let Some((state, command)) = line.trim().split_once(char::is_whitespace) else { return false };
    let command = command.trim();
    let program = command.split_whitespace().next().unwrap_or_default();
    !state.starts_with('Z') && (program.ends_with("postgres") || program.ends_with("postmaster"))
}

/// Processes that still work on data whose server is dead, or on data that was here and has been deleted. Found only
/// where there is a `/proc`.
pub(super) fn orphans(pgdata: &Path) -> Vec<i32> {
    let mut deleted = pgdata.as_os_str().to_owned();
    deleted.push(" (deleted)");
    let is_orphan = |pid: &i32| {
        let cwd = PathBuf::from(format!("/proc/{pid}/cwd"));
        // Only sure evidence will do here, for orphans are ended.
        let Ok(directory) = fs::read_link(&cwd) else { return false };
        is_server_by_proc(*pid, if directory == deleted { &cwd } else { pgdata })
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_orphan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_read_at_every_stage_of_its_life() {
        let ready = "4711\n/data\n1700000000\n5432\n/data/run\n\n  5432001  7\nready   \n";
        assert_eq!(parse(ready), Some(Postmaster { pid: 4711, ready: true }));
        assert_eq!(parse(&ready.replace("ready ", "starting")), Some(Postmaster { pid: 4711, ready: false }));
        assert_eq!(parse("4711\n/data\n"), Some(Postmaster { pid: 4711, ready: false }));
        for nonsense in ["", "x\n", "-1\n", "0\n"] {
            assert_eq!(parse(nonsense), None);
        }
    }

    #[test]
    fn this_process_is_no_postmaster_by_either_evidence() -> Result<(), std::num::TryFromIntError> {
        let pid = i32::try_from(std::process::id())?;
        let here = std::env::current_dir().unwrap_or_default();
        assert!(exists(pid));
        assert!(!is_postmaster(pid, &here));
        assert!(!is_postmaster_by_ps(pid));
        Ok(())
    }
}
