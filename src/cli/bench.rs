//! `dispatch bench`: figures, each beside its yardstick.

use clap::{Args, ValueEnum};

use super::error::CliError;
use super::out::{Table, Tone, say};
use super::session::Session;
use super::soak;
use crate::bench::calls::{self, LEVELS, Level};
use crate::bench::{Machine, feed, import, queue};

/// Measure how fast this machine is at what matters, beside a yardstick
///
/// `queue` reads the database at hand and writes nothing. The others work in databases of their own on
/// the private cluster, and remove them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  dispatch bench calls --seconds 10 --json\n  dispatch --demo bench queue --rounds 100"
)]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_enum, default_value = "calls")]
    name: Name,
    /// How long each side is measured at each level, about
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    #[command(flatten)]
    soak: soak::SoakArgs,
    /// How many reads of each kind `queue` measures [default: 500], or how often `soak` kills
    /// [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: Option<u32>,
}

/// Reads of each kind, where nobody says.
const QUEUE_ROUNDS: u32 = 500;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Mutating calls a second beside pgbench writing the same five rows
    Calls,
    /// Pages, filters and timelines beside one index-only read of 200 rows
    Queue,
    /// How soon another's change is seen, beside one round trip
    Feed,
    /// Requests imported a second beside COPY of the rows that come of them
    Import,
    /// Kill the program and Postgres under mixed work: nothing lost, nothing twice
    Soak,
    /// A process that `soak` starts
    #[value(hide = true)]
    SoakWorker,
}

/// Runs `dispatch bench`.
pub async fn run(session: &mut Session, args: BenchArgs) -> Result<u8, CliError> {
    match args.name {
        Name::Calls => calls(session, &args).await,
        Name::Queue => queue(session, &args).await,
        Name::Feed => feed(session, &args).await,
        Name::Import => import(session).await,
        Name::Soak => soak::run(session, &args.soak, args.rounds).await,
        Name::SoakWorker => soak::work(session).await,
    }
}

/// Requests from a file to tickets.
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
    machine(session, Some(&figure.machine))?;
    Ok(0)
}

/// Reads of the queue; fails if its order is not the contract's.
async fn queue(session: &mut Session, args: &BenchArgs) -> Result<u8, CliError> {
    let engine = session.engine().await?;
    let report =
        queue::run(&engine, args.rounds.unwrap_or(QUEUE_ROUNDS) as usize, |what| say(&format!("Reading {what}")))
            .await?;
    if session.out.json {
        for figure in &report.figures {
            session.out.value(figure)?;
        }
    } else {
        let mut table = Table::new(&["READ", ">P50 MS", ">P99 MS", ">WORST", ">GOAL P99", ">YARDSTICK", ">RATIO"]);
        for figure in &report.figures {
            let tone = if figure.is_met() { Tone::Good } else { Tone::Bad };
            table.row([
                (Tone::Strong, figure.what),
                (Tone::Plain, format!("{:.2}", figure.p50_ms).as_str()),
                (tone, &format!("{:.2}", figure.p99_ms)),
                (Tone::Plain, &format!("{:.2}", figure.worst_ms)),
                (Tone::Muted, &format!("≤ {}", figure.goal_p99_ms)),
                (Tone::Muted, &format!("{:.2}", figure.yardstick_p50_ms)),
                (Tone::Strong, &format!("{:.2}", figure.ratio)),
            ]);
        }
        session.out.table(&table)?;
        session.out.line(&format!("{} open tickets, {} closed.", report.open, report.closed))?;
        machine(session, report.figures.first().map(|figure| &figure.machine))?;
    }
    if report.misplaced == 0 {
        return Ok(0);
    }
    session.out.flush()?;
    Err(CliError::Failed(format!(
        "{} rows did not stand where a sort in memory puts them. Did somebody work on this database meanwhile?",
        report.misplaced
    )))
}

/// The change feed; fails if a change was missed or shown twice.
async fn feed(session: &mut Session, args: &BenchArgs) -> Result<u8, CliError> {
    say(&format!("Eight callers write for {} seconds, one reads …", args.seconds));
    let figure = feed::run(&session.opening(), args.seconds).await?;
    if session.out.json {
        session.out.value(&figure)?;
    } else {
        let mut table = Table::new(&["", ">P50 MS", ">P99 MS", ">WORST", ">GOAL P99", ">YARDSTICK", ">RATIO"]);
        let tone = if figure.seen_p99_ms <= figure.goal_p99_ms { Tone::Good } else { Tone::Bad };
        table.row([
            (Tone::Strong, "a change is seen after"),
            (Tone::Plain, format!("{:.0}", figure.seen_p50_ms).as_str()),
            (tone, &format!("{:.0}", figure.seen_p99_ms)),
            (Tone::Plain, &format!("{:.0}", figure.seen_worst_ms)),
            (Tone::Muted, &format!("≤ {:.0}", figure.goal_p99_ms)),
            (Tone::Muted, ""),
            (Tone::Muted, ""),
        ]);
        table.row([
            (Tone::Strong, "asking for changes takes"),
            (Tone::Plain, &format!("{:.2}", figure.poll_p50_ms)),
            (Tone::Plain, &format!("{:.2}", figure.poll_p99_ms)),
            (Tone::Muted, ""),
            (Tone::Muted, ""),
            (Tone::Muted, &format!("{:.2}", figure.yardstick_p50_ms)),
            (Tone::Strong, &format!("{:.2}", figure.ratio)),
        ]);
        session.out.table(&table)?;
        session.out.line(&format!(
            "{} calls and {} repairs by hand; {} rows shown, {} twice, {} missed.",
            figure.calls, figure.repairs, figure.rows, figure.repeated, figure.missed
        ))?;
        machine(session, Some(&figure.machine))?;
    }
    if figure.missed + figure.repeated == 0 {
        return Ok(0);
    }
    session.out.flush()?;
    Err(CliError::Failed(format!(
        "the feed missed {} tickets and showed {} rows twice",
        figure.missed, figure.repeated
    )))
}

async fn calls(session: &mut Session, args: &BenchArgs) -> Result<u8, CliError> {
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
    machine(session, levels.first().map(|level| &level.machine))
}

/// Says what was measured on.
fn machine(session: &mut Session, machine: Option<&Machine>) -> Result<(), CliError> {
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
