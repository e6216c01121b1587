//! How far something long has come, on stderr: on a terminal one line that is rewritten, elsewhere
//! a line now and then. What is over at once says nothing.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::out::say;

/// Whatever ends sooner needs no progress.
const PATIENCE: Duration = Duration::from_secs(1);
const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Progress through so many things of a kind.
#[derive(Debug)]
pub struct Progress {
    unit: &'static str,
    /// When something was done for the first time: what went before says nothing about the rate.
    since: Option<Instant>,
    next: Duration,
    terminal: bool,
    shown: bool,
}

impl Progress {
    /// `unit` is what is counted, in the plural.
    pub fn new(unit: &'static str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { unit, since: None, next: PATIENCE, terminal, shown: false }
    }

    /// Tells where it is, if it is time to; `all` is 0 where nobody knows.
    pub fn show(&mut self, done: u64, all: u64) {
        let elapsed = self.since.get_or_insert_with(Instant::now).elapsed();
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + if self.terminal { ON_TERMINAL } else { ELSEWHERE };
        let told = told(self.unit, done, all, elapsed);
        if self.terminal {
            let mut stderr = std::io::stderr();
            let _ = write!(stderr, "\r\x1b[2K{told}");
            let _ = stderr.flush();
            self.shown = true;
        } else {
            say(&told);
        }
    }

    /// Takes the line away.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn told(unit: &str, done: u64, all: u64, elapsed: Duration) -> String {
    if all == 0 {
        return format!("{done} {unit}");
    }
    let per_second = u128::from(done) * 1000 / elapsed.as_millis().max(1);
    let share = u128::from(done) * 100 / u128::from(all);
    let left = u128::from(all.saturating_sub(done)).checked_div(per_second);
    let left = left.map(|left| format!(", about {left} s left")).unwrap_or_default();
    format!("{done} of {all} {unit}, {share} %, {per_second} a second{left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_rate_and_what_is_left_are_told() {
        let after = Duration::from_secs(2);
        assert_eq!(told("events", 500, 2000, after), "500 of 2000 events, 25 %, 250 a second, about 6 s left");
        assert_eq!(told("bytes", 7, 0, after), "7 bytes");
    }
}
