//! How long calls bear with a database that is away.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::store::StoreError;

/// The pause before the second try; each later one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long a call is tried again where the database goes away under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// No further try begins later than this after the first.
    pub retry: Duration,
    /// No try goes on longer than this after the first: a server may be frozen, or a network swallow
    /// what is sent.
    pub answer: Duration,
}

impl Default for Patience {
    /// A server that was killed is back within this time, as a rule; and no statement of a call takes
    /// nearly as long, though it wait for others on the same ticket.
    fn default() -> Self {
        Self { retry: Duration::from_secs(5), answer: Duration::from_secs(20) }
    }
}

/// The tries of one call.
#[derive(Debug)]
pub(super) struct Tries {
    retry_until: Instant,
    answer_until: Instant,
    pause: Duration,
}

impl Patience {
    pub(super) fn tries(self) -> Tries {
        let now = Instant::now();
        Tries { retry_until: now + self.retry, answer_until: now + self.answer, pause: FIRST_PAUSE }
    }
}

impl Tries {
    /// Lets one try go on as long as there is time.
    pub(super) async fn bounded<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match timeout_at(self.answer_until, work).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Unavailable("it has not answered in time".to_owned())),
        }
    }

    /// Waits before the next try; false if there is to be none.
    pub(super) async fn another(&mut self) -> bool {
        if Instant::now() + self.pause > self.retry_until {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tries_end_when_their_time_is_up() {
        let mut tries = Patience { retry: Duration::from_millis(100), answer: Duration::ZERO }.tries();
        let mut many = 0;
        while tries.another().await {
            many += 1;
        }
        assert_eq!(many, 2, "after 20 and 40 ms more; the next would be too late");
        let stuck = tries.bounded(std::future::pending::<Result<(), StoreError>>()).await;
        assert!(matches!(stuck, Err(StoreError::Unavailable(_))));
    }
}
