//! The tickets beyond the day: as many as one likes, each a story of its own that depends on
//! nothing but the seed and its place among them, so that any number may be told side by side.

use super::album::Album;
use super::cast::{End, Role, Twist};
use super::jobs::JOBS;
use super::past;
use super::people::DISPATCHERS;
use super::random::Random;
use super::stage;
use super::story::{Place, Story, Writer};
use super::{growth, script};
use crate::domain::policy::Policy;
use crate::domain::ticket::Technician;
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How far back the oldest closed ticket goes, and how old the newest is at least.
const OLDEST: i64 = 730 * DAY;
const NEWEST: i64 = 6 * HOUR;

/// Where open tickets stand, and how many of a hundred stand there.
const OPEN: [(End, i64); 13] = [
    (End::New, 14),
    (End::NeedsInfo, 6),
    (End::Triaged, 14),
    (End::QuoteAsked, 4),
    (End::ChangeAsked, 1),
    (End::Ready, 14),
    (End::Proposed, 13),
    (End::Scheduled, 18),
    (End::Dispatched, 2),
    (End::InProgress, 2),
    (End::Completed, 5),
    (End::Verified, 3),
    (End::Invoiced, 4),
];

/// All of them, untold.
#[derive(Debug)]
pub struct Mass {
    pub seed: u64,
    pub now: Timestamp,
    pub places: Vec<Place>,
    pub crew: Vec<Technician>,
    pub album: Album,
    /// How many there are; the first of them are closed.
    pub count: usize,
    pub closed: usize,
}

impl Mass {
    /// The story of one of them.
    pub fn story(&self, index: usize, policy: &Policy) -> Option<Story> {
        let mut random = Random::of(self.seed, index as u64);
        let random = &mut random;
        let role = if index < self.closed { None } else { Some(open(random)) };
        let priority = role.map_or_else(|| past_priority(random), |role| role.priority);
        let place = self.places.get(random.index(self.places.len()))?;
        let (job, call) = stage::job(priority, random);
        // Only the first door of a place opens by itself.
        let door = if job.incident == JOBS[2].incident { 0 } else { random.index(5) };
        let technician = self.technician(place, job.incident, random)?;
        let dispatcher = *random.pick(&DISPATCHERS);
        let album = Some(&self.album);
        let writer = Writer {
            now: self.now,
            random,
            policy,
            place,
            job,
            door,
            dispatcher,
            technician: &technician.id,
            album,
            acts: Vec::with_capacity(16),
        };
        Some(match role {
            Some(role) => script::tell(writer, &role, call),
            None => past::tell(writer, priority, call, self.created(index)),
        })
    }

    /// When a closed ticket began, in seconds from now: they follow each other over two years.
    fn created(&self, index: usize) -> i64 {
        let (index, closed) = (i64::try_from(index).unwrap_or(0), i64::try_from(self.closed).unwrap_or(1).max(1));
        let back = i128::from(OLDEST - NEWEST) * i128::from(closed - index) / i128::from(closed);
        -NEWEST - i64::try_from(back).unwrap_or(0)
    }

    /// Somebody who may do the job there.
    fn technician(&self, place: &Place, incident: &str, random: &mut Random) -> Option<&Technician> {
        // Everybody in turn, from a place drawn at random: some are fit for anything.
        let first = random.index(self.crew.len());
        let from_there = self.crew[first..].iter().chain(&self.crew[..first]);
        let mut fitting = from_there
            .filter(|tech| tech.active && tech.covers(place.region) && tech.matching_skill(incident).is_some());
        fitting.next()
    }
}

/// How much a ticket pressed that is over.
fn past_priority(random: &mut Random) -> Priority {
    match random.between(1, 100) {
        1..=6 => Priority::Emergency,
        7..=35 => Priority::Urgent,
        _ => Priority::Routine,
    }
}

/// Where an open ticket stands, and how much time is left.
fn open(random: &mut Random) -> Role {
    let mut drawn = random.between(1, OPEN.iter().map(|(_, share)| share).sum());
    let end = OPEN
        .iter()
        .find(|(_, share)| {
            drawn -= share;
            drawn <= 0
        })
        .map_or(End::New, |(end, _)| *end);
    let priority = match (end, random.between(1, 100)) {
        // Nobody has looked at a new ticket yet.
        (End::New, _) => Priority::Routine,
        (End::Dispatched | End::InProgress, 1..=20) => Priority::Emergency,
        (_, 1..=30) => Priority::Urgent,
        _ => Priority::Routine,
    };
    let twist = match (end, priority, random.between(1, 100)) {
        (End::Dispatched | End::InProgress, Priority::Emergency, _) => Twist::Bypass,
        (End::Scheduled | End::Proposed | End::Dispatched, Priority::Routine, 1..=12) => Twist::Rescheduled,
        (End::Ready | End::Scheduled | End::Invoiced, Priority::Routine, 13..=20) => Twist::QuoteGranted,
        (End::Completed | End::Invoiced, Priority::Routine, 21..=28) => Twist::Rework,
        _ => Twist::None,
    };
    Role { end, priority, minutes: minutes(end, priority, random), twist }
}

/// Minutes to the deadline, from long overdue to far ahead; of finished work, since the visit began.
fn minutes(end: End, priority: Priority, random: &mut Random) -> i64 {
    let target = match priority {
        Priority::Emergency => 60,
        Priority::Urgent => 240,
        Priority::Routine => 1_440,
    };
    let how_late = random.between(1, 100);
    match end {
        End::Completed | End::Verified | End::Invoiced => random.between(240, 6 * 1_440),
        // Sent at once, so the clock runs from the call.
        End::Dispatched | End::InProgress if priority == Priority::Emergency => random.between(-240, 50),
        // A visit that is to come counts from its beginning.
        End::Scheduled if how_late <= 85 => target + random.between(20, 10 * 1_440),
        End::Dispatched if how_late <= 80 => target + random.between(-20, 45),
        End::InProgress | End::ChangeAsked if how_late <= 80 => target - random.between(35, 55),
        End::Scheduled | End::Dispatched | End::InProgress | End::ChangeAsked => -random.between(1, 1_440),
        _ if how_late <= 8 => -random.between(1_440, 5 * 1_440),
        _ if how_late <= 28 => -random.between(1, 1_440),
        _ => random.between(1, target - 5),
    }
}

/// How many sites and technicians beyond the day so many tickets need.
pub fn company(count: usize, closed: usize) -> (usize, usize) {
    (growth::sites_for(count), growth::technicians_for(count.saturating_sub(closed)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::demo::story::{Contact, Deed};
    use crate::domain::policy::Bundle;

    fn mass(seed: u64, count: usize, closed: usize) -> Mass {
        let contact = Contact { name: "A B".into(), phone: "+1 415 555 0100".into(), mail: "a.b@c.example".into() };
        let places = growth::accounts(60).into_iter().flat_map(|(account, sites)| {
            let contact = contact.clone();
            sites.into_iter().map(move |site| Place {
                id: Uuid::nil(),
                account_id: Uuid::nil(),
                doors: account.doors,
                name: site.name.to_string(),
                city: site.city,
                region: site.region,
                timezone: site.timezone(),
                contact: contact.clone(),
                assets: Vec::new(),
            })
        });
        Mass {
            seed,
            now: Timestamp::parse("2026-11-21T08:03:11.000Z").unwrap(),
            places: places.collect(),
            crew: (0..16).map(|n| growth::technician(n).0).collect(),
            album: Album::new(seed),
            count,
            closed,
        }
    }

    #[test]
    fn in_every_story_time_goes_on_and_nothing_lies_in_the_future() {
        let policy = &Bundle::embedded().policy;
        for (count, closed) in [(4_000, 0), (4_000, 4_000)] {
            let mass = mass(9, count, closed);
            for index in 0..count {
                let story = mass.story(index, policy).unwrap();
                let times: Vec<_> = story.acts.iter().map(|act| act.at).collect();
                assert!(times.is_sorted_by(|one, next| one < next), "{index}: {:#?}", story.acts);
                assert!(times.iter().all(|at| *at < mass.now), "{index}: {:#?}", story.acts);
            }
        }
    }

    #[test]
    fn a_story_depends_on_nothing_but_the_seed_and_its_place() {
        let policy = &Bundle::embedded().policy;
        let told = |mass: &Mass, index| format!("{:?}", mass.story(index, policy).unwrap().acts);
        let (one, other) = (mass(9, 100, 50), mass(9, 100, 50));
        let forwards: Vec<String> = (0..100).map(|index| told(&one, index)).collect();
        let mut backwards: Vec<String> = (0..100).rev().map(|index| told(&other, index)).collect();
        backwards.reverse();
        assert_eq!(forwards, backwards);
        assert_ne!(forwards[3], told(&mass(10, 100, 50), 3));
        let ended = |index: usize| match &one.story(index, policy).unwrap().acts.last().unwrap().deed {
            Deed::Call { tool, .. } => ["ticket.close", "ticket.cancel"].contains(tool),
            _ => false,
        };
        assert!((0..50).all(ended) && !(50..100).any(ended));
    }
}
