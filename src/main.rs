//! Parses the command line and hands over.

use std::io::IsTerminal;
use std::process::ExitCode;

use dispatch::cli;
use dispatch::cockpit::log;
use tracing_subscriber::EnvFilter;

/// A call allocates many small things: the system's allocator takes a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> color_eyre::Result<ExitCode> {
    color_eyre::install()?;
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(code) => return Ok(code),
    };
    let level = match cli.verbosity() {
        0 => "dispatch=warn",
        1 => "dispatch=info,sqlx=warn",
        _ => "dispatch=debug,sqlx=debug",
    };
    let style =
        log::Style { is_coloured: std::io::stderr().is_terminal() && !cli.no_color(), has_time: cli.verbosity() > 0 };
    log::begin(EnvFilter::new(level), style);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(cli::run(cli));
    // What was awaited is done; a read that hangs in the system is not waited for.
    runtime.shutdown_background();
    Ok(code)
}
