//! `dispatch bench`: figures, each beside its yardstick.

use clap::{Args, ValueEnum};

use super::error::CliError;
use super::out::{Table, Tone, say};
use super::session::Session;
use crate::bench::Machine;
use crate::bench::calls::{self, LEVELS, Level};
use crate::bench::import;

/// Measure how fast this machine is at what matters, beside a yardstick
///
/// Works in databases of its own on the private cluster, and removes them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  dispatch bench calls --seconds 10 --json\n  dispatch bench import")]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_enum, default_value = "calls")]
    name: Name,
    /// How long calls are measured on each side at each level, about
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Mutating calls a second beside pgbench writing the same five rows
    Calls,
    /// Requests imported a second beside COPY of the rows that come of them
    Import,
}

/// Runs `dispatch bench`.
pub async fn run(session: &mut Session, args: BenchArgs) -> Result<u8, CliError> {
    match args.name {
        Name::Calls => calls(session, args.seconds).await,
        Name::Import => import(session).await,
    }
}

async fn calls(session: &mut Session, seconds: u64) -> Result<u8, CliError> {
    say(&format!("Measuring with {LEVELS:?} callers, about {} seconds a level …", 2 * seconds + 1));
    let mut levels = Vec::new();
    calls::run(&session.opening(), seconds, |level| levels.push(level.clone())).await?;
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
    levels.first().map_or(Ok(()), |level| measured_on(session, &level.machine))
}

async fn import(session: &mut Session) -> Result<u8, CliError> {
    say(&format!("Importing {} requests, {} times, and the same rows by COPY …", import::REQUESTS, import::ROUNDS));
    let figure = import::run(&session.opening()).await?;
    if session.out.json {
        session.out.value(&figure)?;
        return Ok(0);
    }
    let mut table = Table::new(&[">REQUESTS", ">REQUESTS/S", ">YARDSTICK/S", ">RATIO"]);
    table.row([
        (Tone::Plain, figure.requests.to_string().as_str()),
        (Tone::Plain, &format!("{:.0}", figure.requests_per_second)),
        (Tone::Muted, &format!("{:.0}", figure.yardstick_per_second)),
        (Tone::Strong, &format!("{:.2}", figure.ratio)),
    ]);
    session.out.table(&table)?;
    measured_on(session, &figure.machine)?;
    Ok(0)
}

fn measured_on(session: &mut Session, machine: &Machine) -> Result<(), CliError> {
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
