//! `dispatch bench feed`.

use super::super::error::CliError;
use super::super::out::{Table, Tone, say};
use super::super::session::Session;
use super::{Stretch, measured_on};
use crate::bench::feed;

pub async fn run(session: &mut Session, args: &Stretch) -> Result<u8, CliError> {
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
        measured_on(session, Some(&figure.machine))?;
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
