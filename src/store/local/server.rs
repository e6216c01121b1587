//! Starting the server, stopping it, and asking whether it answers.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::process::Child;
use tokio::time::sleep;

use super::account::Account;
use super::binaries::Binaries;
use super::error::LocalError;
use super::place::{Place, private};
use super::{process, settings};

/// A server that recovers after a crash may need this long.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// A ready server answers within milliseconds, unless the machine is swamped.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// A start that was killed is worth another, and one that cannot work fails as quickly as before.
const TRIES: u32 = 3;
/// Backends of a killed server notice at once, unless they are at work: then they are asked, then told.
const ORPHANS_ASKED_AFTER: Duration = Duration::from_secs(1);
const ORPHANS_KILLED_AFTER: Duration = Duration::from_secs(4);
const ORPHANS_PATIENCE: Duration = Duration::from_secs(15);
/// A fast shutdown writes all that is in memory; an immediate one leaves that to recovery and loses nothing either.
const FAST_STOP: Duration = Duration::from_mins(1);
const IMMEDIATE_STOP: Duration = Duration::from_secs(10);
/// A ready server whose socket is gone can be reached by nobody. It gets this long to make one.
const SOCKET_PATIENCE: Duration = Duration::from_secs(1);
const LOG_LIMIT: u64 = 8 << 20;

/// What a try to connect has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Up,
    /// It answers, but does not know the role.
    NoRole,
    /// Nobody there, or not ready.
    Down,
}

/// Connects once.
pub(super) async fn probe(options: &PgConnectOptions, patience: Duration) -> Answer {
    let Ok(connected) = tokio::time::timeout(patience, options.connect()).await else { return Answer::Down };
    match connected {
        Ok(connection) => {
            // It has answered; how the goodbye fares does not matter.
            drop(connection.close().await);
            Answer::Up
        }
        Err(sqlx::Error::Database(error)) => match error.code().as_deref() {
            Some("57P01" | "57P02" | "57P03") => Answer::Down,
            Some("28000") => Answer::NoRole,
            // It is up, and refuses for a reason that starting it again would not mend, such as too many clients.
            _ => Answer::Up,
        },
        Err(_) => Answer::Down,
    }
}

/// Starts the server unless it runs, and waits until it takes connections. True if it was started. Called under the lock.
pub(super) async fn start(
    place: &Place,
    binaries: &Binaries,
    account: Account,
    owner: &PgConnectOptions,
) -> Result<bool, LocalError> {
    let since = Instant::now();
    let mut started = false;
    let mut failures = 0;
    let mut pg_ctl: Option<Starter> = None;
    let mut unreachable_since: Option<Instant> = None;
    loop {
        // Its pid file says when it is ready: trying before would fill its log with refusals.
        let running = process::postmaster(&place.pgdata);
        if let Some(server) = running.as_ref().filter(|server| server.ready) {
            if !place.socket().exists() {
                let since = unreachable_since.get_or_insert_with(Instant::now);
                if since.elapsed() > SOCKET_PATIENCE {
                    tracing::warn!(pid = server.pid, "the server's socket is gone: starting it again");
                    stop(place, server.pid).await?;
                    unreachable_since = None;
                    continue;
                }
            } else if probe(owner, ANSWER_PATIENCE).await != Answer::Down {
                return Ok(started);
            }
        }
        if since.elapsed() > START_PATIENCE {
            return Err(LocalError::NoAnswer { seconds: START_PATIENCE.as_secs(), log: place.log.clone() });
        }
        if let Some(starting) = &mut pg_ctl {
            match starting.outcome(place)? {
                Outcome::Open => {}
                Outcome::Ready => pg_ctl = None,
                Outcome::Failed(tail) => {
                    pg_ctl = None;
                    failures += 1;
                    // Another start may have won, or orphans of a killed server are still about.
                    let passing = tail.contains("shared memory block") || tail.contains("lock file");
                    let retry = failures < TRIES || passing && since.elapsed() < ORPHANS_PATIENCE;
                    if !retry && process::postmaster(&place.pgdata).is_none() {
                        return Err(LocalError::Start { log: place.log.clone(), tail });
                    }
                    sleep(Duration::from_millis(100)).await;
                }
            }
        } else if running.is_none() {
            clear_leftovers(place).await?;
            if process::postmaster(&place.pgdata).is_none() {
                settings::write(place, &place.pgdata, account)?;
                pg_ctl = Some(Starter::spawn(place, binaries, account)?);
                started = true;
            }
        }
        sleep(Duration::from_millis(2)).await;
    }
}

/// A `pg_ctl start` at work.
///
/// It gives the server a session of its own, so that neither Ctrl-C nor the end of the terminal reaches it, and leaves
/// it to init, so that it never becomes a zombie of ours. Its own waiting is too coarse for us and only used for
/// learning at once that the server has ended.
struct Starter {
    child: Child,
    log_start: u64,
}

impl Starter {
    fn spawn(place: &Place, binaries: &Binaries, account: Account) -> Result<Self, LocalError> {
        let open = || {
            if fs::metadata(&place.log).is_ok_and(|log| log.len() > LOG_LIMIT) {
                fs::rename(&place.log, place.log.with_extension("log.1"))?;
            }
            let log = private().create(true).append(true).open(&place.log)?;
            Ok((log.metadata()?.len(), log.try_clone()?, log))
        };
        let (log_start, out, err) = open().map_err(LocalError::file("open the log", &place.log))?;
        let program = binaries.program("pg_ctl");
        let mut command = account.command(&program);
        // The directory goes by the environment and the log by inheritance: pg_ctl would put them into a shell
        // command, and their names may hold anything. In a process group of its own Ctrl-C does not make it take the
        // server down again.
        command.args(["start", "--silent", "--wait", "--timeout"]).arg(START_PATIENCE.as_secs().to_string());
        command.env("PGDATA", &place.pgdata).stdout(out).stderr(err).process_group(0);
        let child = command.spawn().map_err(|source| LocalError::Run { program, source })?;
        Ok(Self { child, log_start })
    }

    fn outcome(&mut self, place: &Place) -> Result<Outcome, LocalError> {
        let ended = self.child.try_wait().map_err(LocalError::file("wait for pg_ctl of", &place.pgdata))?;
        Ok(match ended {
            None => Outcome::Open,
            Some(status) if status.success() => Outcome::Ready,
            Some(_) => Outcome::Failed(tail(&place.log, self.log_start)),
        })
    }
}

enum Outcome {
    Open,
    Ready,
    /// With the end of the log.
    Failed(String),
}

/// Clears what a killed server left behind, where it would keep the next one from starting. Called under the lock,
/// with no server running.
async fn clear_leftovers(place: &Place) -> Result<(), LocalError> {
    end_orphans(&place.pgdata).await;
    let left = process::read(&place.pgdata);
    if process::postmaster(&place.pgdata).is_some() {
        // The start of a dispatch that was killed has come through after all.
        return Ok(());
    }
    // Postgres itself clears up after a process that is gone, with a check of its own for orphans. It is stopped by
    // one that exists, though that be a zombie or a stranger.
    if left.is_none_or(|left| process::exists(left.pid)) {
        remove(&place.pgdata.join("postmaster.pid"))?;
    }
    let socket = place.socket();
    let mut socket_lock = socket.clone().into_os_string();
    socket_lock.push(".lock");
    remove(Path::new(&socket_lock))?;
    remove(&socket)
}

fn remove(path: &Path) -> Result<(), LocalError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(LocalError::file("remove the stale file", path)(error))
        }
        _ => Ok(()),
    }
}

/// Waits for the processes of a killed or deleted server to end, and ends those that do not. What they were doing was
/// never committed, so nothing is lost.
pub(super) async fn end_orphans(pgdata: &Path) {
    let since = Instant::now();
    let mut sent = None;
    loop {
        let orphans = process::orphans(pgdata);
        let waited = since.elapsed();
        if orphans.is_empty() || waited > ORPHANS_PATIENCE || process::postmaster(pgdata).is_some() {
            return;
        }
        let due = match waited {
            _ if waited > ORPHANS_KILLED_AFTER => Some(Signal::KILL),
            _ if waited > ORPHANS_ASKED_AFTER => Some(Signal::QUIT),
            _ => None,
        };
        if due != sent {
            sent = due;
            orphans.iter().zip(due.into_iter().cycle()).for_each(|(pid, due)| process::signal(*pid, due));
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Shuts the server down and waits for its end. Called under the lock.
pub(super) async fn stop(place: &Place, pid: i32) -> Result<(), LocalError> {
    for (signal, patience) in [(Signal::INT, FAST_STOP), (Signal::QUIT, IMMEDIATE_STOP)] {
        process::signal(pid, signal);
        let since = Instant::now();
        while since.elapsed() < patience {
            if process::postmaster(&place.pgdata).is_none_or(|server| server.pid != pid) {
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
    let seconds = (FAST_STOP + IMMEDIATE_STOP).as_secs();
    Err(LocalError::WillNotStop { pid, seconds, log: place.log.clone() })
}

/// Ends the server without ceremony; blocks until it is gone, or `IMMEDIATE_STOP` has passed.
pub(super) fn abandon(pgdata: &Path) {
    let Some(server) = process::postmaster(pgdata) else { return };
    process::signal(server.pid, Signal::QUIT);
    let since = Instant::now();
    while process::postmaster(pgdata).is_some() && since.elapsed() < IMMEDIATE_STOP {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The last lines of the log that were written since `start`.
fn tail(log: &Path, start: u64) -> String {
    const LINES: usize = 12;
    const BYTES: u64 = 16 << 10;
    let read = || {
        let mut file = fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(BYTES))))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    let text = read().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    // What pg_ctl says of a server that has ended helps nobody who is reading its log.
    let is_telling = |line: &&str| !line.contains("could not start server") && *line != "Examine the log output.";
    let lines: Vec<&str> = text.lines().filter(is_telling).collect();
    if lines.is_empty() {
        return "(nothing: it was killed)".to_owned();
    }
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
