//! What is killed, and how.

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use super::worker::Worker;
use crate::bench::BenchError;
use crate::demo::random::Random;
use crate::store::Store;
use crate::store::local::Cluster;

/// A kind of accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blow {
    /// `kill -9` of one worker process.
    Worker,
    /// Of all of them at once.
    Workers,
    /// Of the first process of the server; the others notice.
    Postmaster,
    /// Of every process of the server, as a power cut would.
    Server,
    /// Of all workers and every process of the server.
    Everything,
    /// The same, and then of the first process of the program that is started to mend it.
    Restart,
    /// `pg_ctl stop -m immediate`.
    ImmediateStop,
    /// Of one process that serves a connection: the server throws everyone out and recovers.
    Backend,
    /// One connection is cut by the server.
    Connection,
}

impl Blow {
    pub const ALL: [Self; 9] = [
        Self::Worker,
        Self::Workers,
        Self::Postmaster,
        Self::Server,
        Self::Everything,
        Self::Restart,
        Self::ImmediateStop,
        Self::Backend,
        Self::Connection,
    ];

    /// What it does, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "one process of the program",
            Self::Workers => "every process of the program",
            Self::Postmaster => "Postgres' first process",
            Self::Server => "every process of Postgres",
            Self::Everything => "all processes of both",
            Self::Restart => "all, and the next start",
            Self::ImmediateStop => "pg_ctl stop -m immediate",
            Self::Backend => "one backend of Postgres",
            Self::Connection => "one connection",
        }
    }

    /// Whether the server must be started again.
    pub const fn ends_server(self) -> bool {
        matches!(self, Self::Postmaster | Self::Server | Self::Everything | Self::Restart | Self::ImmediateStop)
    }

    /// Whether the server recovers, by a start or by itself.
    pub const fn makes_server_recover(self) -> bool {
        self.ends_server() || matches!(self, Self::Backend)
    }
}

/// A blow with its targets found, so that nothing but the blow itself is left to do.
#[derive(Debug)]
pub enum Aimed {
    Signal { processes: Vec<i32>, signal: Signal },
    CutOff { backend: i32 },
}

impl Aimed {
    /// Finds the targets.
    pub async fn at(
        blow: Blow,
        workers: &[Worker],
        cluster: &Cluster,
        store: &Store,
        random: &mut Random,
    ) -> Result<Self, BenchError> {
        let postmaster = cluster.status().await?.pid;
        let all_workers = || workers.iter().filter_map(Worker::pid);
        let server = async || {
            let rest = store.server_processes().await?;
            // The first one first: it must not live to see its children die.
            Ok::<_, BenchError>(postmaster.into_iter().chain(rest).collect::<Vec<_>>())
        };
        let one_backend = async |random: &mut Random| {
            let backends = store.other_backends().await?;
            let place = random.index(backends.len().min(3));
            Ok::<_, BenchError>(backends.get(place).copied())
        };
        let kill = |processes| Self::Signal { processes, signal: Signal::KILL };
        Ok(match blow {
            Blow::Worker => kill(workers.get(random.index(workers.len())).and_then(Worker::pid).into_iter().collect()),
            Blow::Workers => kill(all_workers().collect()),
            Blow::Postmaster => kill(postmaster.into_iter().collect()),
            Blow::Server => kill(server().await?),
            Blow::Everything | Blow::Restart => kill(server().await?.into_iter().chain(all_workers()).collect()),
            Blow::ImmediateStop => Self::Signal { processes: postmaster.into_iter().collect(), signal: Signal::QUIT },
            Blow::Backend => kill(one_backend(random).await?.into_iter().collect()),
            Blow::Connection => match one_backend(random).await? {
                Some(backend) => Self::CutOff { backend },
                None => kill(Vec::new()),
            },
        })
    }

    /// Whether this worker is among them.
    pub fn hits(&self, worker: &Worker) -> bool {
        match self {
            Self::Signal { processes, .. } => worker.pid().is_some_and(|pid| processes.contains(&pid)),
            Self::CutOff { .. } => false,
        }
    }

    /// Strikes.
    pub async fn strike(&self, store: &Store) -> Result<(), BenchError> {
        match self {
            Self::Signal { processes, signal } => {
                for process in processes.iter().filter_map(|pid| Pid::from_raw(*pid)) {
                    // One that has just ended by itself is as dead.
                    let _ = kill_process(process, *signal);
                }
            }
            Self::CutOff { backend } => store.cut_off(*backend).await?,
        }
        Ok(())
    }
}
