//! What the cockpit costs: while nothing happens, and while everything changes at once.

use std::path::Path;
use std::time::{Duration, Instant};

use super::terminal::{Frame, Terminal};
use super::{CALM, Figure, Plan, of_process};
use crate::bench::BenchError;
use crate::engine::Engine;

/// The system counts a process's time so often a second (`USER_HZ`).
const COUNTS: f64 = 100.0;
/// A storm of changes: so many tickets at once, so often, so far apart.
const AT_ONCE: i64 = 100;
const GUSTS: u32 = 10;
const APART: Duration = Duration::from_millis(10);
/// A change is looked for in so many rounds.
const CHANGES: usize = 20;

/// Measures it over the tickets that are there.
pub async fn run(
    plan: &Plan,
    data_dir: &Path,
    tickets: usize,
    engine: &Engine,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Result<Vec<Figure>, BenchError> {
    let mut terminal = Terminal::start(&plan.program, data_dir).await?;
    terminal.until("live").await?;
    terminal.rest(CALM).await;
    let resident = of_process(terminal.pid(), "status", resident);
    let mut figures = vec![Figure::new("resident memory", Some(tickets), "MB", resident).goal(120.0)];
    say(&format!("Watching an idle cockpit for {} seconds …", plan.seconds));
    figures.extend(idle(&mut terminal, plan.seconds).await);
    say("Changing a thousand tickets at once …");
    figures.extend(storm(&mut terminal, engine).await?);
    Ok(figures)
}

/// Nobody touches it.
async fn idle(terminal: &mut Terminal, seconds: u64) -> [Figure; 3] {
    let begun = Instant::now();
    let before = of_process(terminal.pid(), "stat", counts);
    let time = Duration::from_secs(seconds);
    let mut frames: Vec<Frame> = Vec::new();
    while let Some(left) = time.checked_sub(begun.elapsed()) {
        frames.extend(terminal.next(left).await);
    }
    let spent = (of_process(terminal.pid(), "stat", counts) - before) / COUNTS;
    let seconds = begun.elapsed().as_secs_f64();
    let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
    let per_second = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from) / seconds;
    [
        Figure::new("idle, of a core", None, "%", spent / seconds * 100.0).goal(0.5),
        Figure::new("idle, written to the terminal", None, "bytes/s", per_second(bytes)).goal(1_024.0),
        Figure::new("idle, frames", None, "/s", per_second(frames.len())).goal(1.05),
    ]
}

/// Others change a thousand tickets within 100 ms: until the screen is calm again.
async fn storm(terminal: &mut Terminal, engine: &Engine) -> Result<[Figure; 2], BenchError> {
    let mut settled = Vec::new();
    let mut drawn = Vec::new();
    for round in 0..CHANGES {
        terminal.rest(CALM).await;
        let begun = Instant::now();
        for gust in 0..GUSTS {
            sqlx::query(
                "UPDATE tickets SET summary = $1 WHERE id IN \
                 (SELECT id FROM tickets WHERE queue_class = 0 \
                  ORDER BY queue_minute, priority, region_weight, queue_update, id LIMIT $2 OFFSET $3)",
            )
            .bind(format!("Changed {round}"))
            .bind(AT_ONCE)
            .bind(i64::from(gust) * AT_ONCE)
            .execute(engine.store().pool())
            .await?;
            tokio::time::sleep((APART * (gust + 1)).saturating_sub(begun.elapsed())).await;
        }
        let frames = terminal.rest(CALM).await;
        let last = frames.last().map_or(begun, |frame| frame.at);
        settled.push(last.saturating_duration_since(begun).as_secs_f64() * 1_000.0);
        drawn.push(u32::try_from(frames.len()).map_or(f64::MAX, f64::from));
    }
    Ok([
        Figure::new("a thousand changes, until the screen rests", None, "ms", crate::bench::median(settled)),
        Figure::new("a thousand changes, frames drawn", None, "frames", crate::bench::median(drawn)),
    ])
}

/// The time a process has had, in the system's counts: fields 14 and 15 of its `stat`.
fn counts(stat: &str) -> Option<f64> {
    // The name before them may hold anything; it ends with the last bracket.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// Resident memory in MB, of a `status` page.
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024.0 / 1_000_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_pages_are_read_whatever_the_process_is_called() {
        let stat = "4711 (a ) b) S 1 4711 4711 0 -1 4194304 100 0 0 0 25 17 0 0 20 0 5 0 1";
        assert_eq!(counts(stat), Some(42.0));
        assert_eq!(resident("Name:\tdispatch\nVmRSS:\t  1000 kB\n"), Some(1.024));
        assert_eq!(resident(""), None);
    }
}
