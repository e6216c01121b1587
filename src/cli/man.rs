//! `dispatch man`: the manual's pages, made from the help.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use serde_json::json;

use super::Cli;
use super::error::CliError;
use super::session::Session;
use super::tool::nearest;

/// Print a page of the manual, or write all of them to a directory
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dispatch man queue > dispatch-queue.1
  dispatch man --dir man1")]
pub struct ManArgs {
    /// The command whose page to print [default: the page of dispatch itself]
    #[arg(conflicts_with = "dir")]
    command: Vec<String>,
    /// Write every page into this directory, which is made if it is missing
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs `dispatch man`.
pub fn run(session: &mut Session, args: &ManArgs) -> Result<u8, CliError> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    if let Some(dir) = &args.dir {
        fs::create_dir_all(dir).map_err(CliError::io(format!("the directory {}", dir.display())))?;
        let pages = write_all(&root, dir)?;
        if session.out.json {
            session.out.value(&json!({"pages": pages, "dir": dir}))?;
        } else {
            session.out.text(&format!("{pages} pages in {}. `man -l FILE` shows one.", dir.display()))?;
        }
    } else {
        let page = page(named(&root, &args.command)?)?;
        session.out.raw(&page)?;
    }
    Ok(0)
}

/// The command of these words.
fn named<'a>(root: &'a Command, words: &[String]) -> Result<&'a Command, CliError> {
    words.iter().try_fold(root, |command, word| {
        command.find_subcommand(word).ok_or_else(|| {
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let hint = nearest(word, &names).map(|name| format!(" Did you mean {name}?")).unwrap_or_default();
            CliError::NotFound(format!("There is no command `{word}`.{hint} `dispatch help` lists those there are."))
        })
    })
}

/// One page.
fn page(command: &Command) -> Result<Vec<u8>, CliError> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut page = Vec::new();
    Man::new(command.clone()).title(name).render(&mut page).map_err(CliError::io("the page"))?;
    Ok(page)
}

/// Writes the pages of a command and all below it; how many.
fn write_all(command: &Command, dir: &Path) -> Result<usize, CliError> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let file = dir.join(format!("{name}.1"));
    fs::write(&file, page(command)?).map_err(CliError::io(format!("the page {}", file.display())))?;
    command.get_subcommands().try_fold(1, |pages, below| Ok(pages + write_all(below, dir)?))
}
