//! `dispatch bench import`.

use super::super::error::CliError;
use super::super::out::{Table, Tone, say};
use super::super::session::Session;
use super::measured_on;
use crate::bench::import;

pub async fn run(session: &mut Session) -> Result<u8, CliError> {
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
    measured_on(session, Some(&figure.machine))?;
    Ok(0)
}
