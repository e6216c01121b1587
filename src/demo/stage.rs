//! Who plays in which story: place, door, job and technician, drawn so that they fit together.

use std::collections::BTreeSet;

use super::cast::{End, Role, Twist};
use super::jobs::{JOBS, Job};
use super::people::{DISPATCHERS, TECHNICIANS, Technician};
use super::random::Random;
use super::story::Place;
use crate::domain::words::Priority;

/// How often a scene is drawn anew before the rules of the stage are relaxed.
const TRIES: usize = 2_000;

/// Who and what a story is about.
#[derive(Debug)]
pub struct Scene<'a> {
    pub place: &'a Place,
    pub job: &'static Job,
    pub call: (&'static str, &'static str),
    pub door: usize,
    pub dispatcher: &'static str,
    pub technician: &'static Technician,
}

/// What is taken already.
#[derive(Debug)]
pub struct Stage<'a> {
    places: &'a [Place],
    /// Technicians who are at a job, and those who are on the way to one.
    busy: BTreeSet<(&'static str, bool)>,
    /// Doors that somebody has called about.
    used: BTreeSet<(usize, usize)>,
}

impl<'a> Stage<'a> {
    /// Nobody at work, no door called about.
    pub const fn new(places: &'a [Place]) -> Self {
        Self { places, busy: BTreeSet::new(), used: BTreeSet::new() }
    }

    /// Draws until place, job and technician fit together and nobody has to be at two places.
    pub fn scene(&mut self, role: &Role, random: &mut Random) -> Option<Scene<'a>> {
        // At a job, or on the way to one; for all other tickets it does not matter.
        let at_work = match role.end {
            End::InProgress | End::ChangeAsked => Some(true),
            End::Dispatched => Some(false),
            _ => None,
        };
        for attempt in 0..2 * TRIES {
            let forgotten = role.twist == Twist::Forgotten;
            let (place_at, door) = if forgotten { (0, 3) } else { (random.index(self.places.len()), random.index(5)) };
            let (job, call) = if forgotten { (&JOBS[0], JOBS[0].calls[0]) } else { job(role.priority, random) };
            // Only the first door of a place opens by itself.
            let door = if job.incident == "AUTO_OPERATOR_FAULT" { 0 } else { door };
            let dispatcher = *random.pick(&DISPATCHERS);
            let place = self.places.get(place_at)?;
            let fitting: Vec<&'static Technician> = TECHNICIANS
                .iter()
                .filter(|tech| tech.active && tech.regions.contains(&place.region))
                .filter(|tech| tech.skills.contains(&job.incident) || tech.skills.contains(&"DEFAULT"))
                .filter(|tech| attempt > TRIES || at_work.is_none_or(|at| !self.busy.contains(&(tech.id, at))))
                .collect();
            let chosen = random.index(fitting.len());
            let Some(technician) = fitting.get(chosen).copied() else { continue };
            if attempt < TRIES && !self.used.insert((place_at, door)) {
                continue;
            }
            if let Some(at_work) = at_work {
                self.busy.insert((technician.id, at_work));
            }
            return Some(Scene { place, job, call, door, dispatcher, technician });
        }
        None
    }
}

/// Which of a job's calls, by the job's place in `JOBS`.
type Calls = fn(usize) -> [usize; 4];

/// A job that presses as much as it should, and the words of who called about it.
pub fn job(priority: Priority, random: &mut Random) -> (&'static Job, (&'static str, &'static str)) {
    // Places in `JOBS`, and in the calls of each: those that a dispatcher would rank so.
    let (kinds, calls): ([usize; 6], Calls) = match priority {
        Priority::Emergency => ([3, 3, 3, 5, 5, 3], |job| if job == 3 { [0, 1, 4, 7] } else { [1, 3, 1, 3] }),
        Priority::Urgent => ([0, 1, 2, 3, 4, 5], |job| match job {
            0 => [1, 4, 5, 6],
            1 => [1, 2, 3, 4],
            2 => [0, 2, 3, 4],
            3 => [2, 3, 5, 6],
            4 => [0, 3, 4, 7],
            _ => [0, 2, 4, 6],
        }),
        Priority::Routine => ([0, 0, 1, 2, 4, 5], |job| match job {
            0 => [0, 2, 3, 7],
            1 => [0, 5, 6, 7],
            2 => [1, 5, 6, 7],
            5 => [2, 5, 6, 7],
            _ => [1, 2, 5, 6],
        }),
    };
    let job = *random.pick(&kinds);
    let call = *random.pick(&calls(job));
    (&JOBS[job], JOBS[job].calls[call])
}
