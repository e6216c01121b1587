//! `dispatch completions`: what lets a shell complete our commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::error::CliError;
use super::session::Session;

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dispatch completions bash > dispatch.bash
  dispatch completions zsh > _dispatch
  dispatch completions fish > dispatch.fish

bash: source the file in ~/.bashrc. zsh: put it into a directory of $fpath. fish: put it into
~/.config/fish/completions.")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs `dispatch completions`.
pub fn run(session: &mut Session, args: &CompletionsArgs) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dispatch", &mut script);
    session.out.raw(&script)?;
    Ok(0)
}
