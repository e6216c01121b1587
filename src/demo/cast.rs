//! Which tickets the day consists of: where each ends, how much it presses, how much time is left
//! of its promise, and what is out of the ordinary about it.

use super::random::Random;
use crate::domain::words::Priority;

/// Where a ticket's story ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    New,
    NeedsInfo,
    Triaged,
    /// The dispatcher asked for more money before anybody goes.
    QuoteAsked,
    /// The technician asked for it on site.
    ChangeAsked,
    Ready,
    Proposed,
    Scheduled,
    Dispatched,
    InProgress,
    Completed,
    Verified,
    Invoiced,
    /// Over: what one finds when its customer calls again.
    Closed,
}

impl End {
    /// Whether the work on site is done.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Completed | Self::Verified | Self::Invoiced | Self::Closed)
    }
}

/// What is out of the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    None,
    /// Came back from `NEEDS_INFO` and has lain since.
    Forgotten,
    /// Money was asked for before the visit, and granted or not.
    QuoteGranted,
    QuoteDenied,
    /// Money was asked for on site, and granted or not.
    ChangeGranted,
    ChangeDenied,
    /// The customer wanted another time.
    Rescheduled,
    /// Sent at once, without a schedule.
    Bypass,
    /// Quality assurance sent it back.
    Rework,
    /// Completing was tried before the proof was whole: nothing of it remains in the trail, only
    /// the evidence comes in two parts.
    Photographed,
}

/// One ticket to be.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    pub end: End,
    pub priority: Priority,
    /// Minutes to its deadline now; for finished work, minutes since the visit began.
    pub minutes: i64,
    pub twist: Twist,
}

const fn role(end: End, priority: Priority, minutes: i64, twist: Twist) -> Role {
    Role { end, priority, minutes, twist }
}

use End as E;
use Priority::{Emergency, Routine, Urgent};
use Twist as T;

/// How long ago the oldest ticket came in, in minutes.
pub const OLDEST: i64 = 40 * 60 + 30;

/// The tickets that make the day a hard one. The first of them becomes the first of all.
const HARD: [Role; 21] = [
    role(E::Triaged, Routine, 24 * 60 - OLDEST, T::Forgotten),
    role(E::Dispatched, Emergency, -12, T::None),
    role(E::InProgress, Emergency, -25, T::None),
    role(E::ChangeAsked, Emergency, -18, T::None),
    role(E::Triaged, Urgent, -3, T::None),
    role(E::Ready, Urgent, -38, T::QuoteGranted),
    role(E::Proposed, Urgent, -75, T::None),
    role(E::Scheduled, Urgent, -9, T::None),
    // About to.
    role(E::Dispatched, Emergency, 18, T::Bypass),
    role(E::Dispatched, Emergency, 33, T::Bypass),
    role(E::InProgress, Emergency, 24, T::Bypass),
    role(E::InProgress, Emergency, 7, T::None),
    role(E::InProgress, Emergency, 29, T::Photographed),
    role(E::Triaged, Emergency, 41, T::None),
    role(E::Triaged, Urgent, 22, T::None),
    role(E::Ready, Urgent, 36, T::None),
    role(E::Proposed, Urgent, 12, T::None),
    role(E::Dispatched, Urgent, 38, T::None),
    role(E::InProgress, Urgent, 15, T::ChangeDenied),
    role(E::QuoteAsked, Urgent, 27, T::None),
    role(E::New, Routine, 31, T::None),
];

/// How many of each are under control, and what is special about the first of them.
const CALM: [(End, usize, &[Twist]); 14] = [
    (E::New, 10, &[]),
    (E::NeedsInfo, 5, &[]),
    (E::Triaged, 8, &[T::QuoteDenied, T::QuoteDenied]),
    (E::QuoteAsked, 4, &[]),
    (E::ChangeAsked, 2, &[]),
    (E::Ready, 11, &[T::QuoteGranted]),
    (E::Proposed, 10, &[T::Rescheduled, T::Rescheduled]),
    (E::Scheduled, 21, &[T::Rescheduled, T::Rescheduled, T::QuoteGranted]),
    (E::Dispatched, 8, &[T::Rescheduled]),
    (E::InProgress, 6, &[T::Rework, T::Rework, T::ChangeGranted, T::Photographed]),
    (E::Completed, 7, &[T::Rework, T::ChangeGranted]),
    (E::Verified, 5, &[T::ChangeDenied]),
    (E::Invoiced, 5, &[T::Rework, T::QuoteGranted]),
    (E::Closed, 7, &[T::QuoteGranted]),
];

/// Everybody who plays in the day of a seed, the hard ones first.
pub fn roles(random: &mut Random) -> Vec<Role> {
    let mut all = HARD.to_vec();
    for (end, count, twists) in CALM {
        for n in 0..count {
            let twist = twists.get(n).copied().unwrap_or(T::None);
            let priority = priority(end, twist, random);
            all.push(role(end, priority, minutes(end, priority, random), twist));
        }
    }
    all
}

/// How much a ticket presses that is under control: emergencies rarely are.
fn priority(end: End, twist: Twist, random: &mut Random) -> Priority {
    let urgent = match end {
        E::New | E::NeedsInfo => 0,
        // What happened twice would not have been done in four hours.
        _ if twist != T::None => 0,
        _ if end.is_done() => 50,
        E::Scheduled => 45,
        E::Dispatched | E::InProgress | E::ChangeAsked => 60,
        _ => 35,
    };
    if random.chance(urgent) { Urgent } else { Routine }
}

/// How much time is left where there is enough; for finished work how long ago the visit began.
fn minutes(end: End, priority: Priority, random: &mut Random) -> i64 {
    let target = if priority == Urgent { 240 } else { 1440 };
    match end {
        E::Completed => random.between(170, 420),
        E::Verified => random.between(260, 900),
        E::Invoiced => random.between(500, 1700),
        E::Closed => random.between(900, 1900),
        // The visit is to come, today or tomorrow; or has begun.
        E::Scheduled => target + random.between(25, if priority == Urgent { 300 } else { 1500 }),
        E::Dispatched => target + random.between(-20, 45),
        E::InProgress | E::ChangeAsked => target - random.between(35, if priority == Urgent { 130 } else { 200 }),
        _ if priority == Urgent => random.between(75, 225),
        E::New => random.between(1040, 1436),
        _ => random.between(240, 1400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_about_120_tickets_with_some_too_late_and_some_nearly() {
        for seed in 0..50 {
            let all = roles(&mut Random::new(seed));
            assert!((115..=130).contains(&all.len()), "{}", all.len());
            let running = || all.iter().filter(|role| !role.end.is_done());
            assert_eq!(running().filter(|role| role.minutes < 0).count(), 8);
            assert_eq!(running().filter(|role| (0..=45).contains(&role.minutes)).count(), 13);
        }
    }
}
