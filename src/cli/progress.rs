//! How far something long has come, on stderr: on a terminal one line that is rewritten, elsewhere
//! a line now and then. What is over at once says nothing.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::out::say;
use crate::text::grouped;

/// Whatever ends sooner needs no progress.
const PATIENCE: Duration = Duration::from_secs(1);
const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Progress through so many things of a kind, told by whoever has some done.
#[derive(Debug)]
pub struct Progress {
    unit: &'static str,
    terminal: bool,
    state: Mutex<Option<State>>,
}

#[derive(Debug)]
struct State {
    /// When something was done for the first time, and how much there was then: what went before
    /// says nothing about the rate.
    since: Instant,
    done_then: u64,
    next: Duration,
    is_shown: bool,
}

impl Progress {
    /// `unit` is what is counted, in the plural.
    pub fn new(unit: &'static str) -> Self {
        Self { unit, terminal: stderr().is_terminal(), state: Mutex::new(None) }
    }

    /// Tells where it is, if it is time to; `all` is 0 where nobody knows.
    pub fn show(&self, done: u64, all: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || State { since: Instant::now(), done_then: done, next: PATIENCE, is_shown: false };
        let state = state.get_or_insert_with(fresh);
        let elapsed = state.since.elapsed();
        if elapsed < state.next {
            return;
        }
        state.next = elapsed + if self.terminal { ON_TERMINAL } else { ELSEWHERE };
        let told = told(self.unit, done, all, done.saturating_sub(state.done_then), elapsed);
        if self.terminal {
            let mut stderr = stderr();
            let _ = write!(stderr, "\r\x1b[2K{told}").and_then(|()| stderr.flush());
            state.is_shown = true;
        } else {
            say(&told);
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.take().is_some_and(|state| state.is_shown) {
            let mut stderr = stderr();
            let _ = write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// `45,000 of 100,000 tickets (45 %), 1,032 a second, 53 s left`
fn told(unit: &str, done: u64, all: u64, lately: u64, elapsed: Duration) -> String {
    if all == 0 {
        return format!("{} {unit}", grouped(done));
    }
    let share =
        format!("{} of {} {unit} ({} %)", grouped(done), grouped(all), u128::from(done) * 100 / u128::from(all));
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let per_second = lately.saturating_mul(1_000) / millis;
    let Some(left) = all.saturating_sub(done).checked_div(per_second) else { return share };
    let left = if left < 120 { format!("{left} s") } else { format!("{} min", left.div_ceil(60)) };
    format!("{share}, {} a second, {left} left", grouped(per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_rate_and_what_is_left_are_told() {
        let text = told("tickets", 45_000, 100_000, 40_000, Duration::from_secs(40));
        assert_eq!(text, "45,000 of 100,000 tickets (45 %), 1,000 a second, 55 s left");
        let text = told("tickets", 1_000, 1_000_000, 1_000, Duration::from_secs(1));
        assert_eq!(text, "1,000 of 1,000,000 tickets (0 %), 1,000 a second, 17 min left");
        assert_eq!(told("tickets", 624, 700, 0, Duration::ZERO), "624 of 700 tickets (89 %)");
        assert_eq!(told("bytes", 7, 0, 7, Duration::from_secs(2)), "7 bytes");
    }
}
