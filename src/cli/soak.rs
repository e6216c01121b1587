//! `dispatch bench soak`: durability under fire.

use clap::Args;

use super::error::CliError;
use super::out::{Table, Tone, say};
use super::session::Session;
use crate::bench::soak::ticket::{self, OneTicket};
use crate::bench::soak::{self, Plan, Report, worker};

/// How often something is killed, where nobody says.
const ROUNDS: u32 = 200;

/// What `bench soak` may be told beside how often to kill.
#[derive(Debug, Args)]
pub struct SoakArgs {
    /// Soak: what is killed, and when, follows from this number
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Soak: kill nothing; make this many calls on one ticket instead [default: 10,000]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10000", value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    ticket: Option<u32>,
}

/// Runs `dispatch bench soak`. Exit code 1 if a call was lost, doubled or done by half.
pub async fn run(session: &mut Session, args: &SoakArgs, rounds: Option<u32>) -> Result<u8, CliError> {
    if let Some(calls) = args.ticket {
        return one_ticket(session, calls).await;
    }
    let program = std::env::current_exe().map_err(CliError::io("this program's own file"))?;
    let plan = Plan {
        program,
        postgres_bin: session.opening().postgres_bin,
        rounds: rounds.unwrap_or(ROUNDS),
        seed: args.seed,
    };
    say(&format!("Killing things {} times (seed {}), on a private database made for it …", plan.rounds, args.seed));
    let report = soak::run(&plan, |round, killed| {
        if round % 10 == 0 || round == plan.rounds {
            say(&format!("{round} of {} (killed: {killed})", plan.rounds));
        }
    })
    .await?;
    if session.out.json {
        session.out.value(&report)?;
    } else {
        print(session, &report)?;
    }
    judged(session, &report.violations)
}

/// Runs `dispatch bench soak --ticket`.
async fn one_ticket(session: &mut Session, calls: u32) -> Result<u8, CliError> {
    say(&format!("Making {calls} calls on one ticket …"));
    let found: OneTicket = ticket::run(&session.opening(), calls as usize).await?;
    if session.out.json {
        session.out.value(&found)?;
    } else {
        session.out.text(&format!(
            "{} callers: {} calls a second at the end, {} at the beginning: ratio {:.2}. The whole timeline: {} ms",
            found.callers, found.calls_per_second, found.yardstick_per_second, found.ratio, found.timeline_ms
        ))?;
    }
    judged(session, &found.violations)
}

fn judged(session: &mut Session, violations: &[String]) -> Result<u8, CliError> {
    if violations.is_empty() {
        return Ok(0);
    }
    session.out.flush()?;
    let first: Vec<&str> = violations.iter().map(String::as_str).take(20).collect();
    Err(CliError::Failed(format!("{} violations:\n{}", violations.len(), first.join("\n"))))
}

/// Runs a process that `bench soak` has started.
pub async fn work(session: &mut Session) -> Result<u8, CliError> {
    worker::serve(session.desk().await?).await;
    Ok(0)
}

fn print(session: &mut Session, report: &Report) -> Result<(), CliError> {
    let mut table = Table::new(&[
        ">ROUNDS",
        ">CALLS",
        ">OPEN",
        ">WHOLE",
        ">ABSENT",
        ">BACK MS",
        ">WORST",
        ">POSTGRES",
        ">RATIO",
        "KILLED",
    ]);
    let number =
        |value: Option<f64>, digits: usize| value.map_or_else(String::new, |value| format!("{value:.digits$}"));
    for kind in &report.kinds {
        table.row([
            (Tone::Plain, kind.rounds.to_string().as_str()),
            (Tone::Plain, &kind.calls.to_string()),
            (Tone::Plain, &kind.unacknowledged.to_string()),
            (Tone::Plain, &kind.found_whole.to_string()),
            (Tone::Plain, &kind.found_absent.to_string()),
            (Tone::Strong, &number(Some(kind.recovery_p50_ms), 0)),
            (Tone::Plain, &number(Some(kind.recovery_worst_ms), 0)),
            (Tone::Muted, &number(kind.yardstick_p50_ms, 0)),
            (Tone::Muted, &number(kind.yardstick_worst_ms, 0)),
            (Tone::Strong, &number(kind.ratio, 2)),
            (Tone::Plain, kind.killed),
        ]);
    }
    session.out.table(&table)?;
    session.out.text(&format!(
        "{} calls acknowledged, {} a second; {} with nothing killed: ratio {:.2}. Violations: {}",
        report.acknowledged,
        report.calls_per_second,
        report.yardstick_per_second,
        report.ratio,
        report.violations.len()
    ))
}
