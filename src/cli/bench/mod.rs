//! `dispatch bench`: figures, each beside its yardstick. One file a measurement.

mod calls;
mod cockpit;
mod feed;
mod import;
mod queue;
mod scale;
mod soak;

use clap::{Args, Subcommand};

use super::error::CliError;
use super::session::Session;
use super::usage::whole;
use crate::bench::Machine;

/// Measure how fast this machine is at what matters, each figure beside a yardstick
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Mutating calls a second beside pgbench writing the same five rows
    #[command(after_help = "Example:\n  dispatch bench calls --seconds 10 --json")]
    Calls(Stretch),
    /// Calls a second with many tickets in the database beside the same with none
    #[command(after_help = "Example:\n  dispatch bench scale --tickets 100000 --seconds 10")]
    Scale(scale::ScaleArgs),
    /// Pages, filters and timelines of the database at hand beside one index-only read of 200 rows
    ///
    /// Writes nothing. Fails if a row does not stand where a sort in memory puts it.
    #[command(after_help = "Example:\n  dispatch --demo bench queue --rounds 100")]
    Queue(queue::QueueArgs),
    /// How soon another's change is seen, beside one round trip to the server
    ///
    /// Fails if a change is missed or shown twice.
    #[command(after_help = "Example:\n  dispatch bench feed --seconds 10")]
    Feed(Stretch),
    /// The cockpit in a terminal: from a key to its frame, from the start to the queue, and at rest
    ///
    /// Works on a private server made for it, in a temporary directory.
    #[command(after_help = "Example:\n  dispatch bench cockpit --tickets 1000,100000 --json")]
    Cockpit(cockpit::CockpitArgs),
    /// A process that `cockpit` starts
    #[command(hide = true, after_help = "Example:\n  dispatch bench cockpit-worker")]
    CockpitWorker,
    /// Requests imported a second beside COPY of the rows that come of them
    #[command(after_help = "Example:\n  dispatch bench import --json")]
    Import,
    /// Kill the program and Postgres under mixed work: nothing lost, nothing twice
    ///
    /// Fails if a call was lost, doubled or done by half.
    #[command(after_help = "Examples:\n  dispatch bench soak --rounds 20\n  dispatch bench soak --ticket 10000")]
    Soak(soak::SoakArgs),
    /// A process that `soak` starts
    #[command(hide = true, after_help = "Example:\n  dispatch bench soak-worker < calls.ndjson")]
    SoakWorker,
}

/// How long something is measured.
#[derive(Debug, Args)]
pub struct Stretch {
    /// How many seconds each side is measured at each level, about
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = whole::<u64>(1..=3600))]
    seconds: u64,
}

/// Runs `dispatch bench`. All but `queue` work in databases of their own, and remove them.
pub async fn run(session: &mut Session, args: BenchArgs) -> Result<u8, CliError> {
    match args.command {
        BenchCommand::Calls(args) => calls::run(session, &args).await,
        BenchCommand::Scale(args) => scale::run(session, &args).await,
        BenchCommand::Queue(args) => queue::run(session, &args).await,
        BenchCommand::Feed(args) => feed::run(session, &args).await,
        BenchCommand::Cockpit(args) => cockpit::run(session, &args).await,
        BenchCommand::CockpitWorker => Err(cockpit::work()),
        BenchCommand::Import => import::run(session).await,
        BenchCommand::Soak(args) => soak::run(session, &args).await,
        BenchCommand::SoakWorker => soak::work(session).await,
    }
}

/// Says what was measured on.
fn measured_on(session: &mut Session, machine: Option<&Machine>) -> Result<(), CliError> {
    let Some(machine) = machine else { return Ok(()) };
    session.out.text(&format!(
        "{} × {}, {} MiB, PostgreSQL {}, fsync {}, synchronous_commit {}",
        machine.cpus,
        machine.cpu.as_deref().unwrap_or("CPU"),
        machine.memory_mib.map_or_else(|| "?".to_owned(), |size| size.to_string()),
        machine.postgres,
        machine.fsync,
        machine.synchronous_commit,
    ))
}
