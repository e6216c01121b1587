//! `dispatch demo`: a believable day in a database of its own.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use clap::Args;

use super::db::with_server;
use super::error::CliError;
use super::out::{Tone, say, terminal_columns};
use super::progress;
use super::queue;
use super::session::Session;
use super::usage::whole;
use crate::demo::database::{self, Lock};
use crate::demo::fill::{Filled, Order, Progress};
use crate::demo::lifecycle::{self, Step};
use crate::demo::{self, COMPANY, DemoError, STALE_HOURS, people};
use crate::domain::actor::Role;
use crate::domain::queue::{MAX_LIMIT, Row};
use crate::domain::state::State;
use crate::engine::open::{Opening, open};
use crate::engine::{Desk, Engine, QueuePage, QueueQuery};
use crate::store::local::Started;
use crate::text::grouped;

/// Look at a believable day of a door, lock and glass company
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dispatch demo
  dispatch demo --headless
  dispatch demo --reset --seed 7
  dispatch demo --reset --tickets 2000 --closed 50")]
pub struct DemoArgs {
    /// Drive one new ticket from creation to invoice and print every step
    #[arg(long)]
    headless: bool,
    /// Throw the demo away and make a new day
    #[arg(long)]
    reset: bool,
    /// Which day to make: the same number gives the same one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Make so many tickets, at most 2,000,000: today's, and others around them
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=2_000_000))]
    tickets: Option<u32>,
    /// Of a hundred tickets beyond today's, how many are closed or cancelled
    #[arg(long, value_name = "PERCENT", requires = "tickets", default_value_t = 0,
        value_parser = whole::<u8>(0..=100))]
    closed: u8,
    /// Install the Postgres server if it is missing, without asking
    #[arg(long)]
    yes: bool,
}

impl From<DemoError> for CliError {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Open(error) => Self::Open(error),
            DemoError::Store(error) => Self::Store(error),
            DemoError::File { what, source } => Self::Io { what, source },
            DemoError::Refused { .. } => Self::Failed(error.to_string()),
        }
    }
}

/// Runs `dispatch demo`.
pub async fn run(session: &mut Session, args: DemoArgs) -> Result<u8, CliError> {
    if session.global.database_url.is_some() {
        return Err(CliError::Usage("The demo has a database of its own. Leave --database-url out.".to_owned()));
    }
    // Whatever the environment and the config file name: never somebody's real work.
    session.global.demo = true;
    let opening = session.opening();
    let cluster = opening.cluster()?;
    if with_server(args.yes, || async { Ok(cluster.ensure_running().await?) }).await? == Started::First {
        say("Made a private database for you. It stays up, idle and small; `dispatch db stop` ends it.");
    }
    // Held to the end, so that no other `demo` takes the day away while this one shows it.
    let lock = database::lock(&cluster, || say("Another dispatch is busy with the demo; waiting for it …")).await?;
    let mut is_there = database::is_there(&opening, &cluster).await?;
    if is_there && args.tickets.is_some() && !args.reset {
        return Err(CliError::Usage(
            "There is a demo already, with whatever was changed in it. --reset beside --tickets throws it away and \
             makes the new one."
                .to_owned(),
        ));
    }
    if args.reset || !is_there {
        make(&lock, &opening, &args).await?;
        is_there = false;
    }
    let mut engine = open(&opening).await?.engine;
    if is_there && wants_a_new_day(session, &args, &engine).await? {
        engine.store().close().await;
        make(&lock, &opening, &args).await?;
        engine = open(&opening).await?.engine;
    }
    if args.headless {
        let code = headless(session, &engine).await;
        drop(lock);
        return code;
    }
    let has_screen = super::cockpit::needs_terminal().is_ok() && !session.out.json;
    if !has_screen {
        let code = show(session, &engine).await;
        drop(lock);
        return code;
    }
    engine.store().close().await;
    drop(lock);
    super::cockpit::run(session).await
}

/// Makes the day, saying so.
async fn make(lock: &Lock, opening: &Opening, args: &DemoArgs) -> Result<(), CliError> {
    say(&format!("Making a day at {COMPANY} …"));
    let since = Instant::now();
    let order = Order {
        seed: args.seed.unwrap_or(demo::SEED),
        tickets: args.tickets.and_then(|tickets| usize::try_from(tickets).ok()),
        closed: args.closed.into(),
    };
    let shown = progress::Progress::new("tickets");
    let watch = |progress| match progress {
        Progress::Growing { sites, technicians } => {
            say(&format!("{} more sites and {} more technicians first …", grouped(sites), grouped(technicians)));
        }
        Progress::Tickets { done, of } => shown.show(done as u64, of as u64),
        Progress::Tidying => shown.end(),
    };
    let filled = database::make(lock, opening, &opening.cluster()?, order, &watch).await?;
    let Filled { accounts, sites, technicians, tickets, calls, files } = filled;
    say(&format!(
        "{accounts} accounts, {} sites, {technicians} technicians; {} tickets by {} tool calls, with {files} evidence \
         files, in {:.1} s.",
        grouped(sites),
        grouped(tickets),
        grouped(calls),
        since.elapsed().as_secs_f32()
    ));
    Ok(())
}

/// Whether the day that is there has grown too old, and somebody wants another.
async fn wants_a_new_day(session: &Session, args: &DemoArgs, engine: &Engine) -> Result<bool, CliError> {
    let (made, now) = engine.store().made_at().await?;
    let hours = (now.millis() - made.millis()) / 3_600_000;
    if args.seed.is_some() {
        say("There is a day already; --seed counts together with --reset.");
    }
    if hours < STALE_HOURS {
        return Ok(false);
    }
    let told = format!("This day was made {hours} hours ago, and most of its promises are broken by now.");
    let is_asked = !args.headless && !session.out.json;
    if !is_asked || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        say(&format!("{told} `dispatch demo --reset` makes a new one."));
        return Ok(false);
    }
    say(&told);
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "Make a new one? What you changed in it is lost. [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(CliError::io("standard input"))?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// The open tickets that press most: all of them, unless there are very many.
async fn open_tickets(engine: &Engine) -> Result<QueuePage, CliError> {
    let caller = people::caller("maria", Role::Dispatcher);
    Ok(engine.queue(&caller, &QueueQuery { limit: Some(MAX_LIMIT), ..QueueQuery::default() }).await?)
}

/// Shows the queue and what can be done with it.
async fn show(session: &mut Session, engine: &Engine) -> Result<u8, CliError> {
    let QueuePage { generated_at: now, rows, next_cursor, .. } = open_tickets(engine).await?;
    let has_more = next_cursor.is_some();
    if session.out.json {
        if has_more {
            say(&format!("The first {} open tickets; `dispatch --demo queue` lists more.", grouped(rows.len())));
        }
        queue::print(session, &rows, now)?;
        return Ok(0);
    }
    let title = session.out.tone(Tone::Strong, COMPANY);
    let clock = now.utc().format("%a %-d %b %Y, %H:%MZ").to_string();
    let clock = session.out.tone(Tone::Muted, &clock);
    session.out.line("")?;
    session.out.line(&format!("{title}   {clock}"))?;
    session.out.line("")?;
    let top = &rows[..rows.len().min(room())];
    queue::table(session, top, now)?;
    if rows.len() > top.len() && !has_more {
        let more = format!("   … and {} more", rows.len() - top.len());
        let more = session.out.tone(Tone::Muted, &more);
        session.out.line(&more)?;
    }
    session.out.line("")?;
    if has_more {
        let (open, over) = engine.store().census().await?;
        let (open, over, first) = (grouped(open), grouped(over), grouped(rows.len()));
        session.out.line(&format!("{open} open tickets, {over} closed or cancelled. Of the {first} most urgent:"))?;
    }
    queue::counts(session, &rows)?;
    session.out.line("")?;
    suggest(session, &rows)?;
    Ok(0)
}

/// How many rows to show, so that all of it fits on the screen.
fn room() -> usize {
    let height = terminal_size::terminal_size().map_or(30, |(_, terminal_size::Height(rows))| usize::from(rows));
    height.saturating_sub(17).clamp(6, 15)
}

/// What to try next: commands that work as they stand.
fn suggest(session: &mut Session, rows: &[Row]) -> Result<(), CliError> {
    // The number of the first ticket, and of one whose story is long.
    let has = |number: &str| rows.iter().any(|row| row.number == number);
    let first = if has("T-10001") { "T-10001" } else { rows.first().map_or("T-10001", |row| row.number.as_str()) };
    let told = rows.iter().find(|row| row.state == State::Invoiced).map_or(first, |row| row.number.as_str());
    // Broken where a shell reads on, so that it can be copied whole.
    let turn = if terminal_columns() < 115 { "\\\n    " } else { "" };
    let triage = format!("{turn}--set priority=URGENT --set incident_type=DOOR_WONT_LATCH --dry-run");
    let heading = session.out.tone(Tone::Strong, "Try next");
    session.out.line(&heading)?;
    for command in [
        format!("dispatch --demo ticket show {first}"),
        format!("dispatch --demo ticket timeline {told}"),
        "dispatch --demo queue --sla breach,warning --watch".to_owned(),
        format!("dispatch --demo call ticket.triage {first} {triage}"),
        "dispatch demo --headless".to_owned(),
    ] {
        session.out.line(&format!("  {command}"))?;
    }
    Ok(())
}

/// Drives one ticket through its whole life; fails if a step is not as expected.
async fn headless(session: &mut Session, engine: &Engine) -> Result<u8, CliError> {
    if !session.out.json {
        let title = session.out.tone(Tone::Strong, "One ticket, from the first call to the invoice");
        session.out.line(&title)?;
    }
    let mut last: Option<Step> = None;
    let mut written = Ok(());
    let mut tell = |step: &Step| {
        if written.is_ok() {
            written = print_step(session, step).and_then(|()| session.out.flush());
        }
        last = Some(step.clone());
    };
    let went_well = lifecycle::drive(engine, &mut tell).await?;
    written?;
    match last {
        Some(step) if went_well && step.ok => {
            let ticket = step.ticket.unwrap_or_default();
            say(&format!("{} steps, every one as expected. `dispatch --demo ticket timeline {ticket}`", step.step));
            Ok(0)
        }
        Some(Step { step, tool, expected, got, .. }) => {
            Err(CliError::Failed(format!("step {step}, {tool}: expected {expected}, got {got}")))
        }
        None => Err(CliError::Failed("the lifecycle ended before its first step".to_owned())),
    }
}

fn print_step(session: &mut Session, step: &Step) -> Result<(), CliError> {
    if session.out.json {
        return session.out.line(&crate::domain::canonical::to_value(step).to_string());
    }
    let (tone, mark) = if step.ok { (Tone::Good, "✓") } else { (Tone::Bad, "✗") };
    let mark = session.out.tone(tone, mark);
    let who = format!("{} {}", step.role, step.actor);
    let state = step.state.as_deref().unwrap_or("—");
    // The main line says where the ticket stands; what else came of the step goes below it.
    let (outcome, details): (String, Vec<&str>) = match step.got.split_once(": ") {
        _ if !step.ok => (state.to_owned(), vec![]),
        Some(("refused", rest)) => ("refused, as it should be".to_owned(), rest.splitn(2, ": ").collect()),
        _ if step.got == state && step.step == 1 => (state.to_owned(), step.ticket.as_deref().into_iter().collect()),
        _ if step.got == state => (state.to_owned(), vec![]),
        _ => (format!("still {state}"), vec![&step.got]),
    };
    let line = format!("{:>2} {:<24} {who:<18} {outcome}", step.step, step.tool);
    session.out.line(&format!("{mark} {}", crate::text::plain(&line)))?;
    let failure = [format!("expected  {}", step.expected), format!("got       {}", step.got)];
    let failure = failure.iter().map(String::as_str).filter(|_| !step.ok);
    for detail in details.into_iter().chain(failure) {
        let detail = session.out.tone(Tone::Muted, &crate::text::plain(detail));
        session.out.line(&format!("     {detail}"))?;
    }
    Ok(())
}
