//! What a soak found, kind by kind, beside what the server alone takes.

use std::time::Duration;

use serde::Serialize;

use super::blow::Blow;
use crate::bench::median;
use crate::bench::rounded;

/// One round.
#[derive(Debug)]
pub struct RoundResult {
    pub blow: Blow,
    pub calls: usize,
    pub acknowledged: usize,
    pub unacknowledged: usize,
    pub whole: u64,
    pub absent: u64,
    /// Work, recovery and retries, without the comparisons.
    pub worked: Duration,
    /// From the blow to the first call answered after it.
    pub recovery: Duration,
    /// What of it the server needed, by its own log.
    pub server_recovery: Option<Duration>,
}

/// All rounds in which the same was killed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kind {
    pub killed: &'static str,
    pub rounds: usize,
    pub calls: usize,
    /// Calls whose caller got no answer, and what was found of them before they were retried.
    pub unacknowledged: usize,
    pub found_whole: u64,
    pub found_absent: u64,
    /// From the blow to the next answered call.
    pub recovery_p50_ms: f64,
    pub recovery_worst_ms: f64,
    /// The yardstick: Postgres' own recovery in the same rounds, by its log; none where it had none.
    pub yardstick_p50_ms: Option<f64>,
    pub yardstick_worst_ms: Option<f64>,
    /// Of the medians.
    pub ratio: Option<f64>,
}

/// The whole soak.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub name: &'static str,
    pub rounds: u32,
    pub seed: u64,
    pub calls: usize,
    pub acknowledged: usize,
    pub unacknowledged: usize,
    pub calls_per_second: f64,
    /// The same work with nothing killed.
    pub yardstick_per_second: f64,
    pub ratio: f64,
    pub kinds: Vec<Kind>,
    pub violations: Vec<String>,
}

/// Results as they come in.
#[derive(Debug, Default)]
pub struct Tally {
    rounds: Vec<RoundResult>,
    calm_calls: usize,
    calm_time: Duration,
}

impl Tally {
    pub fn calm(&mut self, (calls, time): &(usize, Duration)) {
        self.calm_calls += calls;
        self.calm_time += *time;
    }

    pub fn add(&mut self, round: RoundResult) {
        self.rounds.push(round);
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
    pub fn report(self, rounds: u32, seed: u64, violations: Vec<String>) -> Report {
        let sum = |of: fn(&RoundResult) -> usize| self.rounds.iter().map(of).sum::<usize>();
        let (calls, acknowledged) = (sum(|round| round.calls), sum(|round| round.acknowledged));
        let worked: Duration = self.rounds.iter().map(|round| round.worked).sum();
        let rate = |calls: f64, time: Duration| calls / time.as_secs_f64().max(0.001);
        let yardstick = rate(self.calm_calls as f64, self.calm_time);
        let ours = rate(acknowledged as f64, worked);
        Report {
            name: "soak",
            rounds,
            seed,
            calls,
            acknowledged,
            unacknowledged: sum(|round| round.unacknowledged),
            calls_per_second: rounded(ours, 0),
            yardstick_per_second: rounded(yardstick, 0),
            ratio: rounded(ours / yardstick.max(0.001), 2),
            kinds: Blow::ALL.into_iter().filter_map(|blow| self.kind(blow)).collect(),
            violations,
        }
    }

    fn kind(&self, blow: Blow) -> Option<Kind> {
        let rounds: Vec<&RoundResult> = self.rounds.iter().filter(|round| round.blow == blow).collect();
        if rounds.is_empty() {
            return None;
        }
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        let recoveries: Vec<f64> = rounds.iter().map(|round| ms(round.recovery)).collect();
        let servers: Vec<f64> = rounds.iter().filter_map(|round| round.server_recovery.map(ms)).collect();
        let p50 = median(recoveries.clone());
        let worst = |times: &[f64]| rounded(times.iter().copied().fold(0.0, f64::max), 0);
        let yardstick = (!servers.is_empty()).then(|| median(servers.clone()));
        Some(Kind {
            killed: blow.as_str(),
            rounds: rounds.len(),
            calls: rounds.iter().map(|round| round.calls).sum(),
            unacknowledged: rounds.iter().map(|round| round.unacknowledged).sum(),
            found_whole: rounds.iter().map(|round| round.whole).sum(),
            found_absent: rounds.iter().map(|round| round.absent).sum(),
            recovery_p50_ms: rounded(p50, 0),
            recovery_worst_ms: worst(&recoveries),
            yardstick_p50_ms: yardstick.map(|time| rounded(time, 0)),
            yardstick_worst_ms: yardstick.map(|_| worst(&servers)),
            ratio: yardstick.map(|time| rounded(p50 / time.max(1.0), 2)),
        })
    }
}
