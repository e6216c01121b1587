//! `dispatch bench calls`.

use super::super::error::CliError;
use super::super::out::{Table, Tone, say};
use super::super::session::Session;
use super::{Stretch, measured_on};
use crate::bench::calls::{self, LEVELS};

pub async fn run(session: &mut Session, args: &Stretch) -> Result<u8, CliError> {
    say(&format!("Measuring with {LEVELS:?} callers, about {} seconds a level …", 2 * args.seconds + 1));
    let mut levels = Vec::new();
    calls::run(&session.opening(), args.seconds, |level| levels.push(level.clone())).await?;
    if session.out.json {
        for level in &levels {
            session.out.value(level)?;
        }
        return Ok(0);
    }
    let mut table = Table::new(&[">CALLERS", ">CALLS/S", ">P50 MS", ">P99 MS", ">YARDSTICK/S", ">RATIO"]);
    for level in &levels {
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
    measured_on(session, levels.first().map(|level| &level.machine))?;
    Ok(0)
}
