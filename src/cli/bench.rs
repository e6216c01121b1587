//! `dispatch bench`: figures, each beside its yardstick.

use clap::{Args, ValueEnum};

use super::error::CliError;
use super::out::{Table, Tone, say};
use super::session::Session;
use super::soak;
use crate::bench::calls::{self, LEVELS, Level};

/// Measure how fast this machine is at what matters, beside a yardstick
///
/// Works in databases of its own on the private cluster, and removes them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dispatch bench calls --seconds 10 --json")]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_enum, default_value = "calls")]
    name: Name,
    /// How long each side is measured at each level, about
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    #[command(flatten)]
    soak: soak::SoakArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Mutating calls a second beside pgbench writing the same five rows
    Calls,
    /// Kill the program and Postgres under mixed work: nothing lost, nothing twice
    Soak,
    /// A process that `soak` starts
    #[value(hide = true)]
    SoakWorker,
}

/// Runs `dispatch bench`.
pub async fn run(session: &mut Session, args: BenchArgs) -> Result<u8, CliError> {
    match args.name {
        Name::Calls => {}
        Name::Soak => return soak::run(session, &args.soak).await,
        Name::SoakWorker => return soak::work(session).await,
    }
    say(&format!("Measuring with {LEVELS:?} callers, about {} seconds a level …", 2 * args.seconds + 1));
    let mut levels = Vec::new();
    calls::run(&session.opening(), args.seconds, |level| levels.push(level.clone())).await?;
    if session.out.json {
        for level in &levels {
            session.out.value(level)?;
        }
        return Ok(0);
    }
    print(session, &levels)?;
    Ok(0)
}

fn print(session: &mut Session, levels: &[Level]) -> Result<(), CliError> {
    let mut table = Table::new(&[">CALLERS", ">CALLS/S", ">P50 MS", ">P99 MS", ">YARDSTICK/S", ">RATIO"]);
    for level in levels {
        table.row([
            (Tone::Strong, level.callers.to_string().as_str()),
            (Tone::Plain, &format!("{:.0}", level.calls_per_second)),
            (Tone::Plain, &format!("{:.2}", level.p50_ms)),
            (Tone::Plain, &format!("{:.2}", level.p99_ms)),
            (Tone::Muted, &format!("{:.0}", level.yardstick_per_second)),
            (Tone::Strong, &format!("{:.2}", level.ratio)),
        ]);
    }
    session.out.table(&table)?;
    let Some(machine) = levels.first().map(|level| &level.machine) else { return Ok(()) };
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
