//! The headless face: one file a command (CONTRACT.md 14).

mod audit;
mod backup;
mod bench;
mod call;
mod cockpit;
mod completions;
mod db;
mod demo;
mod directory;
mod doctor;
mod error;
mod evidence;
mod import;
mod man;
mod offer;
mod out;
mod progress;
mod queue;
mod run;
mod session;
mod ticket;
mod tool;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use error::CliError;
use out::{Out, say};
use session::Session;

use crate::cockpit::terminal;
pub use usage::parse;

/// Field-service dispatch: every promise, every step, every proof in one case file.
#[derive(Debug, Parser)]
#[command(name = "dispatch", version)]
#[command(
    after_help = "Without a command: the cockpit.\n\nExample:\n  dispatch tool list\n\nExit codes: 0 done, 1 unexpected, 2 wrong usage, 3 refused by \
authority, 4 refused by rule or conflict, 5 not found, 6 unavailable, 130 interrupted."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// A Postgres 14 or newer to work on instead of the private one. May not hold a password: use
    /// the environment, the config file or ~/.pgpass for that
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Work on the demo's database
    #[arg(long, global = true)]
    demo: bool,
    /// The role to act in [default: dispatcher]
    #[arg(long, global = true, value_name = "ROLE", value_parser = offer::ROLES, hide_possible_values = true)]
    role: Option<String>,
    /// Who you are in the audit trail [default: your system login]
    #[arg(long, global = true, value_name = "ID")]
    actor: Option<String>,
    /// The config file to read
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON, also on a terminal
    #[arg(long, global = true)]
    json: bool,
    /// Print no colours
    #[arg(long, global = true)]
    no_color: bool,
    /// Say more on stderr; twice: much more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Tool(tool::ToolArgs),
    Call(call::CallArgs),
    Run(run::RunArgs),
    Queue(queue::QueueArgs),
    Ticket(ticket::TicketArgs),
    Evidence(evidence::EvidenceArgs),
    Directory(directory::DirectoryArgs),
    Import(import::ImportArgs),
    Db(db::DbArgs),
    Audit(audit::AuditArgs),
    Bench(bench::BenchArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Runs what the command line asks for.
pub async fn run(cli: Cli) -> ExitCode {
    let out = Out::new(cli.global.json, cli.global.no_color);
    let json_refusals = cli.global.json;
    let mut session = match Session::new(cli.global, out) {
        Ok(session) => session,
        Err(error) => return finish(Err(error), json_refusals),
    };
    let works_without_config =
        matches!(cli.command, Some(Command::Doctor(_) | Command::Completions(_) | Command::Man(_)));
    if !works_without_config && let Err(error) = session.heed_config() {
        return finish(Err(error), json_refusals);
    }
    let work = async {
        let result = match cli.command {
            None => cockpit::run(&mut session).await,
            Some(Command::Demo(args)) => demo::run(&mut session, args).await,
            Some(Command::Tool(args)) => tool::run(&mut session, args),
            Some(Command::Call(args)) => call::run(&mut session, args).await,
            Some(Command::Run(args)) => run::run(&mut session, args).await,
            Some(Command::Queue(args)) => queue::run(&mut session, args).await,
            Some(Command::Ticket(args)) => ticket::run(&mut session, args).await,
            Some(Command::Evidence(args)) => evidence::run(&mut session, args).await,
            Some(Command::Directory(args)) => directory::run(&mut session, args).await,
            Some(Command::Import(args)) => import::run(&mut session, args).await,
            Some(Command::Db(args)) => db::run(&mut session, args).await,
            Some(Command::Audit(args)) => audit::run(&mut session, args).await,
            Some(Command::Bench(args)) => bench::run(&mut session, args).await,
            Some(Command::Doctor(_)) => doctor::run(&mut session).await,
            Some(Command::Completions(args)) => completions::run(&mut session, &args),
            Some(Command::Man(args)) => man::run(&mut session, &args),
        };
        result.and_then(|code| session.out.flush().map(|()| code))
    };
    tokio::select! {
        result = work => finish(result, json_refusals),
        () = interrupted() => {
            say("Interrupted. What was answered is done; anything else is not.");
            ExitCode::from(130)
        }
    }
}

/// Waits until somebody interrupts a command. A cockpit hears that itself, and leaves in order.
async fn interrupted() {
    loop {
        let heard = tokio::signal::ctrl_c().await;
        if heard.is_err() {
            return std::future::pending().await;
        }
        if !terminal::was_taken() {
            return;
        }
    }
}

/// Says what went wrong, and gives the exit code.
fn finish(result: Result<u8, CliError>, json: bool) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            match &error {
                CliError::Closed => {}
                CliError::Refused(refused) if json => {
                    let mut out = Out::new(json, true);
                    let _ = out.value(&refused.envelope()).and_then(|()| out.flush());
                }
                CliError::Refused(refused) => say(&refused.to_string()),
                other => say(&sentence(&other.to_string())),
            }
            ExitCode::from(error.code())
        }
    }
}

/// A message as it is said: who says it, and a full stop.
fn sentence(message: &str) -> String {
    let stop = if message.ends_with(['.', '?', '!', ':', '…']) { "" } else { "." };
    format!("dispatch: {message}{stop}")
}

impl Cli {
    /// How much is to be logged: 0 warnings, 1 what happens, 2 everything.
    pub fn verbosity(&self) -> u8 {
        self.global.verbose
    }

    /// Whether colours are unwanted.
    pub fn no_color(&self) -> bool {
        self.global.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
    }
}
