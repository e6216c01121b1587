//! Parses the command line and hands over.

use std::io::IsTerminal;
use std::process::ExitCode;

use dispatch::cli;
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
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(level))
        .with_ansi(std::io::stderr().is_terminal() && !cli.no_color())
        .with_target(false);
    // A warning is read at once; whoever wants to hear more wants to know when.
    if cli.verbosity() == 0 {
        log.without_time().init();
    } else {
        log.init();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(cli::run(cli));
    // What was awaited is done; a read that hangs in the system is not waited for.
    runtime.shutdown_background();
    Ok(code)
}
