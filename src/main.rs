//! Parses the command line and hands over.

use std::process::ExitCode;

use clap::Parser;
use dispatch::cli::{self, Cli};
use tracing_subscriber::EnvFilter;

fn main() -> color_eyre::Result<ExitCode> {
    color_eyre::install()?;
    let cli = Cli::parse();
    let level = match cli.verbosity() {
        0 => "dispatch=warn",
        1 => "dispatch=info,sqlx=warn",
        _ => "dispatch=debug,sqlx=debug",
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(level))
        .with_target(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(cli::run(cli)))
}
