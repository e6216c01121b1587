//! `dispatch bench cockpit`.

use clap::Args;
use serde::Serialize;

use super::super::error::CliError;
use super::super::out::{Table, Tone, say};
use super::super::session::Session;
use super::super::usage::whole;
use super::measured_on;
use crate::bench::cockpit::{self, Figure, Plan};
use crate::bench::{BenchError, Machine};

#[derive(Debug, Args)]
pub struct CockpitArgs {
    /// Over how many tickets keys are pressed, one size after the other
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000], value_parser = whole::<usize>(1_000..=300_000))]
    tickets: Vec<usize>,
    /// How many rounds of keys are pressed over each
    #[arg(long, default_value_t = 25, value_name = "N", value_parser = whole::<usize>(1..=1_000))]
    rounds: usize,
    /// How many seconds an idle cockpit is watched
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = whole::<u64>(1..=3600))]
    seconds: u64,
}

/// A figure as it is told to programs.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    figure: &'a Figure,
    machine: &'a Machine,
}

pub async fn run(session: &mut Session, args: &CockpitArgs) -> Result<u8, CliError> {
    let program = std::env::current_exe().map_err(CliError::io("this program's own file"))?;
    let plan = Plan {
        program,
        postgres_bin: session.opening().postgres_bin,
        sizes: args.tickets.clone(),
        rounds: args.rounds,
        seconds: args.seconds,
    };
    let mut figures = Vec::new();
    let machine = cockpit::run(&plan, &say, |figure| figures.push(figure)).await?;
    if session.out.json {
        for figure in &figures {
            session.out.value(&Line { figure, machine: &machine })?;
        }
    } else {
        print(session, &figures)?;
        measured_on(session, Some(&machine))?;
    }
    Ok(0)
}

fn print(session: &mut Session, figures: &[Figure]) -> Result<(), CliError> {
    let mut table =
        Table::new(&["WHAT", ">TICKETS", ">FIGURE", ">P99", ">WORST", "", ">GOAL", ">P99", ">YARDSTICK", ">RATIO"]);
    for figure in figures {
        let number = |value: Option<f64>| value.map(|value| format!("{value:.2}")).unwrap_or_default();
        let most = |value: Option<f64>| value.map(|value| format!("≤ {value}")).unwrap_or_default();
        let tone = if figure.is_met() { Tone::Good } else { Tone::Bad };
        table.row([
            (Tone::Strong, figure.what),
            (Tone::Plain, &figure.tickets.map(|tickets| tickets.to_string()).unwrap_or_default()),
            (tone, &number(Some(figure.figure))),
            (Tone::Plain, &number(figure.p99)),
            (Tone::Plain, &number(figure.worst)),
            (Tone::Muted, figure.unit),
            (Tone::Muted, &most(figure.goal)),
            (Tone::Muted, &most(figure.goal_p99)),
            (Tone::Muted, &number(figure.yardstick_figure)),
            (Tone::Strong, &number(figure.ratio)),
        ]);
    }
    session.out.table(&table)
}

/// Runs what `dispatch bench cockpit` starts: a cockpit with its standard input for its terminal.
pub fn work() -> CliError {
    BenchError::Terminal { what: "become a cockpit", source: cockpit::become_cockpit() }.into()
}
