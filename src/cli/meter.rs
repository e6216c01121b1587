//! How far something long is: a line that is rewritten on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::out::{grouped, say};

/// How often a terminal is told, and how often anything else.
const TERMINAL_PACE: Duration = Duration::from_millis(200);
const PACE: Duration = Duration::from_secs(5);

/// Tells how far something is.
#[derive(Debug)]
pub struct Meter {
    what: &'static str,
    terminal: bool,
    state: Mutex<Option<State>>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    since: Instant,
    done_then: usize,
    told: Instant,
}

impl Meter {
    /// Of so many of these.
    pub fn new(what: &'static str) -> Self {
        Self { what, terminal: stderr().is_terminal(), state: Mutex::new(None) }
    }

    /// So many of so many are done.
    pub fn tell(&self, done: usize, of: usize) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = if self.terminal { TERMINAL_PACE } else { PACE };
        let is_due = state.is_none_or(|state| now.duration_since(state.told) >= pace);
        let State { since, done_then, .. } = state.unwrap_or(State { since: now, done_then: done, told: now });
        if is_due {
            *state = Some(State { since, done_then, told: now });
            self.write(&line(self.what, done, of, done - done_then.min(done), now.duration_since(since)));
        }
    }

    fn write(&self, text: &str) {
        if self.terminal {
            let mut stderr = stderr();
            let _ = write!(stderr, "\r{text}\x1b[K").and_then(|()| stderr.flush());
        } else {
            say(text);
        }
    }

    /// Leaves the line free for what is said next.
    pub fn end(&self) {
        if self.terminal && self.state.lock().is_ok_and(|state| state.is_some()) {
            let mut stderr = stderr();
            let _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
        }
    }
}

/// `45,000 of 100,000 tickets (45 %), 1,032 a second, 53 s left`
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, of numbers far below 2^52"
)]
fn line(what: &str, done: usize, of: usize, lately: usize, took: Duration) -> String {
    let share = format!("{} of {} {what} ({} %)", grouped(done), grouped(of), done * 100 / of.max(1));
    let rate = lately as f64 / took.as_secs_f64();
    if !rate.is_finite() || rate <= 0.0 {
        return share;
    }
    let left = ((of - done.min(of)) as f64 / rate).ceil() as usize;
    let left = if left < 120 { format!("{left} s") } else { format!("{} min", left.div_ceil(60)) };
    format!("{share}, {} a second, {left} left", grouped(rate as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_share_the_rate_and_what_is_left() {
        let text = line("tickets", 45_000, 100_000, 40_000, Duration::from_secs(40));
        assert_eq!(text, "45,000 of 100,000 tickets (45 %), 1,000 a second, 55 s left");
        let text = line("tickets", 1_000, 1_000_000, 1_000, Duration::from_secs(1));
        assert_eq!(text, "1,000 of 1,000,000 tickets (0 %), 1,000 a second, 17 min left");
        assert_eq!(line("tickets", 624, 700, 0, Duration::ZERO), "624 of 700 tickets (89 %)");
    }
}
