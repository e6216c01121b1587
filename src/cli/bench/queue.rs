//! `dispatch bench queue`.

use clap::Args;

use super::super::error::CliError;
use super::super::out::{Table, Tone, say};
use super::super::session::Session;
use super::super::usage::whole;
use super::measured_on;
use crate::bench::queue;

#[derive(Debug, Args)]
pub struct QueueArgs {
    /// How many reads of each kind are measured, about
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = whole::<usize>(1..=100_000))]
    rounds: usize,
}

pub async fn run(session: &mut Session, args: &QueueArgs) -> Result<u8, CliError> {
    let engine = session.engine().await?;
    let report = queue::run(&engine, args.rounds, |what| say(&format!("Reading {what}"))).await?;
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
        measured_on(session, report.figures.first().map(|figure| &figure.machine))?;
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
