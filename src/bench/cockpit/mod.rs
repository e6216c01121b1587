//! `bench cockpit`: the cockpit as its user feels it, in a terminal of 200 × 60: from a key to the
//! frame that answers it, from the start to the first frame, and what it costs while nothing happens.
//!
//! Everything runs on a private cluster made for it, in a temporary directory.

mod busy;
mod keys;
mod start;
mod terminal;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

pub use terminal::become_cockpit;

use super::soak::home::Home;
use super::{BenchError, Machine, ratio, rounded, scratch};
use crate::demo::SEED;
use crate::demo::fill::{Order, Progress, fill};
use crate::engine::Engine;
use crate::engine::open::{MAIN_DATABASE, Opening};
use crate::store::databases::tidy;

/// A frame of a screen that is drawn 60 times a second.
const SCREEN_FRAME_MS: f64 = 16.0;
/// Frames come closer together than this while something is going on; a countdown's do not.
const CALM: Duration = Duration::from_millis(600);

/// What is measured, and on what.
#[derive(Debug, Clone)]
pub struct Plan {
    pub program: PathBuf,
    pub postgres_bin: Option<PathBuf>,
    /// Tickets in the database, one size after the other.
    pub sizes: Vec<usize>,
    /// How many keys of each kind are pressed.
    pub rounds: usize,
    /// How long an idle cockpit is watched.
    pub seconds: u64,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    pub name: &'static str,
    pub what: &'static str,
    /// Tickets in the database, where that matters.
    pub tickets: Option<usize>,
    pub unit: &'static str,
    /// The figure, or the middle of many.
    pub figure: f64,
    pub p99: Option<f64>,
    pub worst: Option<f64>,
    /// What the figure may come to, and the 99th in a hundred; none where nothing is asked.
    pub goal: Option<f64>,
    pub goal_p99: Option<f64>,
    pub yardstick: Option<&'static str>,
    pub yardstick_figure: Option<f64>,
    pub ratio: Option<f64>,
}

impl Figure {
    fn new(what: &'static str, tickets: Option<usize>, unit: &'static str, figure: f64) -> Self {
        Self {
            name: "cockpit",
            what,
            tickets,
            unit,
            figure: rounded(figure, 2),
            p99: None,
            worst: None,
            goal: None,
            goal_p99: None,
            yardstick: None,
            yardstick_figure: None,
            ratio: None,
        }
    }

    fn goal(mut self, goal: f64) -> Self {
        self.goal = Some(goal);
        self
    }

    fn beside(mut self, yardstick: &'static str, figure: f64) -> Self {
        self.ratio = Some(ratio(self.figure, figure));
        (self.yardstick, self.yardstick_figure) = (Some(yardstick), Some(rounded(figure, 2)));
        self
    }

    /// Whether it keeps to its goals; where there is none, it does.
    pub fn is_met(&self) -> bool {
        let keeps = |figure: Option<f64>, goal: Option<f64>| match (figure, goal) {
            (Some(figure), Some(goal)) => figure <= goal,
            _ => true,
        };
        keeps(Some(self.figure), self.goal) && keeps(self.p99, self.goal_p99)
    }
}

/// Measures everything; each figure is told as soon as it is there.
pub async fn run(
    plan: &Plan,
    say: &(dyn Fn(&str) + Send + Sync),
    mut told: impl FnMut(Figure),
) -> Result<Machine, BenchError> {
    say("Starting from nothing …");
    for figure in start::first_ever(plan).await? {
        told(figure);
    }
    let home = Home::make(plan.postgres_bin.clone())?;
    let opening = Opening {
        data_dir: Some(home.data_dir().to_owned()),
        postgres_bin: plan.postgres_bin.clone(),
        ..Opening::private("")
    };
    let mut machine = None;
    let (mut least, mut most) = (None, None);
    for tickets in plan.sizes.iter().copied() {
        let engine = filled(&opening, tickets, say).await?;
        machine = Some(Machine::here(engine.store().pool()).await?);
        say(&format!("Pressing keys over {tickets} tickets …"));
        let middle = keys::run(plan, home.data_dir(), tickets, &mut told).await?;
        least = least.or(Some(middle));
        most = Some((tickets, middle));
        engine.store().close().await;
    }
    if let (Some(least), Some((tickets, most))) = (least, most) {
        let figure = Figure::new("a frame beside one at the least size", Some(tickets), "×", ratio(most, least));
        told(figure.goal(1.2));
        let engine = scratch::another(&opening, MAIN_DATABASE, 4).await?;
        for figure in busy::run(plan, home.data_dir(), tickets, &engine, say).await? {
            told(figure);
        }
        engine.store().close().await;
    }
    say("Starting …");
    for figure in start::again(plan, &home).await? {
        told(figure);
    }
    machine.ok_or(BenchError::Silent { what: "any size to measure" })
}

/// The cockpit's database with so many tickets in it.
async fn filled(opening: &Opening, tickets: usize, say: &(dyn Fn(&str) + Send + Sync)) -> Result<Engine, BenchError> {
    let engine = scratch::make(opening, MAIN_DATABASE, 8).await?;
    let watch = |progress| {
        if let Progress::Tickets { done, of } = progress
            && done % 10_000 < 1_000
        {
            say(&format!("{done} of {of} tickets written"));
        }
    };
    let order = Order { seed: SEED, tickets: Some(tickets), closed: 0 };
    fill(&engine, order, &watch).await?;
    tidy(&opening.cluster()?, MAIN_DATABASE).await?;
    Ok(engine)
}

/// A field of the system's page about a process, as a number.
fn of_process(pid: u32, page: &str, take: impl Fn(&str) -> Option<f64>) -> f64 {
    let path = Path::new("/proc").join(pid.to_string()).join(page);
    std::fs::read_to_string(path).ok().and_then(|text| take(&text)).unwrap_or_default()
}
