//! From a key to the frame that answers it.

use std::path::Path;
use std::time::Duration;

use super::terminal::Terminal;
use super::{CALM, Figure, Plan, SCREEN_FRAME_MS};
use crate::bench::{BenchError, Times};

/// Between two keys: the case of the row is not waited for, as under a key that is held down.
const HELD: Duration = Duration::from_millis(30);
/// The keys that move, each with how often it is pressed in a round.
const MOVES: [(&str, usize); 6] = [("j", 8), ("k", 4), ("\x04", 3), ("\x15", 2), ("G", 1), ("g", 1)];
/// Keys that are about all rows.
struct Wide {
    what: &'static str,
    /// What leads there and back.
    there: &'static str,
    back: &'static str,
    keys: &'static [&'static str],
}

const WIDE: [Wide; 4] = [
    Wide { what: "a key that sorts", there: "", back: "\x1b", keys: &["s", "s", "S"] },
    Wide { what: "the next breach", there: "", back: "", keys: &["b"] },
    Wide { what: "a digit into the palette", there: ":", back: "\x1b", keys: &["1", "0", "9", "9"] },
    Wide { what: "the key for an export", there: "", back: "\x1b", keys: &["e"] },
];

/// What is typed into the filter, letter by letter.
const TYPED: [&str; 5] = ["m", "a", "i", "n", " "];

/// Presses keys over so many tickets; the middle of what moving took, in milliseconds.
pub async fn run(
    plan: &Plan,
    data_dir: &Path,
    tickets: usize,
    told: &mut impl FnMut(Figure),
) -> Result<f64, BenchError> {
    let mut terminal = Terminal::start(&plan.program, data_dir).await?;
    terminal.until("live").await?;
    terminal.rest(CALM).await;
    let mut moves = Times::default();
    for _ in 0..plan.rounds {
        for (key, times) in MOVES {
            for _ in 0..times {
                moves.push(terminal.press(key).await?);
                terminal.rest(HELD).await;
            }
        }
    }
    let middle = moves.percentile_ms(50);
    told(figure("a key that moves", tickets, &moves));
    let (mut typed, mut settled) = (Times::default(), Times::default());
    for _ in 0..plan.rounds.div_ceil(TYPED.len()) {
        terminal.press("/").await?;
        terminal.rest(HELD).await;
        for key in TYPED {
            let pressed = std::time::Instant::now();
            let first = terminal.press(key).await?;
            typed.push(first);
            let later = terminal.rest(HELD * 4).await;
            settled.push(later.last().map_or(first, |frame| frame.at.duration_since(pressed)));
        }
        // Out of the line, then back to all open work.
        for _ in 0..2 {
            terminal.send("\x1b")?;
            terminal.rest(HELD * 4).await;
        }
    }
    told(figure("a letter into the filter", tickets, &typed));
    let settled_middle = settled.percentile_ms(50);
    let mut result = Figure::new("a letter into the filter, to its result", Some(tickets), "ms", settled_middle);
    (result.p99, result.worst) = (Some(settled.percentile_ms(99)), Some(settled.percentile_ms(100)));
    told(result);
    for Wide { what, there, back, keys } in WIDE {
        let mut times = Times::default();
        for _ in 0..plan.rounds.div_ceil(5) {
            for (way, keys) in [(there, keys), (back, &[])] {
                if !way.is_empty() {
                    terminal.send(way)?;
                    terminal.rest(HELD * 4).await;
                }
                for key in keys {
                    times.push(terminal.press(key).await?);
                    terminal.rest(HELD * 2).await;
                }
            }
        }
        told(figure(what, tickets, &times));
    }
    Ok(middle)
}

fn figure(what: &'static str, tickets: usize, times: &Times) -> Figure {
    let mut figure = Figure::new(what, Some(tickets), "ms", times.percentile_ms(50)).goal(5.0);
    (figure.p99, figure.worst) = (Some(times.percentile_ms(99)), Some(times.percentile_ms(100)));
    figure.goal_p99 = Some(SCREEN_FRAME_MS);
    figure.beside("a 60 Hz frame", SCREEN_FRAME_MS)
}
