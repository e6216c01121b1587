//! `dispatch bench scale`.

use clap::Args;

use super::super::error::CliError;
use super::super::out::{Table, Tone, say};
use super::super::progress::Progress;
use super::super::session::Session;
use super::super::usage::whole;
use super::measured_on;
use crate::bench::scale;

#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// How many open tickets there are
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = whole::<usize>(1..=1_000_000))]
    tickets: usize,
    /// How many seconds each side is measured at each level, about
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = whole::<u64>(1..=3600))]
    seconds: u64,
}

pub async fn run(session: &mut Session, args: &ScaleArgs) -> Result<u8, CliError> {
    say(&format!("Making {} tickets, then measuring with and without them …", args.tickets));
    let progress = Progress::new("tickets");
    let mut levels = Vec::new();
    let filled = |done: usize, of: usize| progress.show(done as u64, of as u64);
    scale::run(&session.opening(), args.tickets, args.seconds, &filled, |level| {
        progress.end();
        levels.push(level.clone());
    })
    .await?;
    if session.out.json {
        for level in &levels {
            session.out.value(level)?;
        }
        return Ok(0);
    }
    let mut table = Table::new(&[">CALLERS", ">CALLS/S", ">P99 MS", ">EMPTY/S", ">P99 EMPTY", ">RATIO", ">P99 RATIO"]);
    for level in &levels {
        table.row([
            (Tone::Strong, level.callers.to_string().as_str()),
            (Tone::Plain, &format!("{:.0}", level.calls_per_second)),
            (Tone::Plain, &format!("{:.2}", level.p99_ms)),
            (Tone::Muted, &format!("{:.0}", level.yardstick_per_second)),
            (Tone::Muted, &format!("{:.2}", level.yardstick_p99_ms)),
            (Tone::Strong, &format!("{:.2}", level.ratio)),
            (Tone::Strong, &format!("{:.2}", level.p99_ratio)),
        ]);
    }
    session.out.table(&table)?;
    measured_on(session, levels.first().map(|level| &level.machine))?;
    Ok(0)
}
