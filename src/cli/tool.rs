//! `dispatch tool`: the toolset, as a table or as JSON.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::error::CliError;
use super::offer;
use super::out::{Table, Tone, terminal_columns};
use super::session::Session;
use crate::domain::directory::Kind;
use crate::domain::registry;
use crate::domain::tool::{From, Tool};

/// List the tools, or show what one takes
#[derive(Debug, Args)]
pub struct ToolArgs {
    #[command(subcommand)]
    command: ToolCommand,
}

#[derive(Debug, Subcommand)]
enum ToolCommand {
    /// List every tool: who may call it, in which states, and where it leads
    #[command(after_help = "Example:\n  dispatch tool list --json")]
    List,
    /// Print the JSON Schema of a tool's payload
    #[command(
        after_help = "Examples:\n  dispatch tool schema ticket.triage\n  dispatch tool schema directory.upsert sites"
    )]
    Schema {
        /// The tool's name, e.g. ticket.triage
        #[arg(value_parser = offer::TOOLS, hide_possible_values = true)]
        tool: String,
        /// The kind of master data, for tools whose payload depends on it
        #[arg(value_parser = offer::KINDS, hide_possible_values = true)]
        kind: Option<String>,
    },
}

/// Runs `dispatch tool`.
pub fn run(session: &mut Session, args: ToolArgs) -> Result<u8, CliError> {
    match args.command {
        ToolCommand::List => list(session)?,
        ToolCommand::Schema { tool, kind } => {
            let tool = named(&tool)?;
            let kind = kind.as_deref().map(Kind::named).transpose()?;
            session.out.value(&tool.schema(kind))?;
        }
    }
    Ok(0)
}

/// A tool by name, or one that sounds like it.
pub fn named(name: &str) -> Result<&'static Tool, CliError> {
    registry::find(name).ok_or_else(|| {
        let names: Vec<&str> = registry::tools().iter().map(|tool| tool.spec.name).collect();
        let hint = nearest(name, &names).map(|name| format!(" Did you mean {name}?")).unwrap_or_default();
        CliError::NotFound(format!("There is no tool `{name}`.{hint} `dispatch tool list` shows those there are."))
    })
}

/// The known word that is spelled most like another, if any is near.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let scored = known.iter().map(|candidate| (distance(&word, candidate), *candidate));
    scored.min().filter(|(distance, candidate)| *distance <= 2 + candidate.len() / 4).map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added or dropped to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn entry(tool: &Tool) -> Value {
    let spec = &tool.spec;
    json!({
        "name": spec.name,
        "summary": spec.summary,
        "mutating": tool.mutating,
        "method": spec.method,
        "route": spec.route,
        "roles": spec.roles,
        "allowed_from_states": spec.from_states(),
        "to_state": spec.to,
        "status": spec.status,
        "group": spec.group,
    })
}

/// The states a tool may be called in, in a few words.
pub fn from_words(tool: &Tool) -> String {
    match tool.spec.from {
        From::NewTicket => "(new)".to_owned(),
        From::Any => "any".to_owned(),
        From::NoTicket => "-".to_owned(),
        From::States(states) => states.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(" "),
    }
}

fn list(session: &mut Session) -> Result<(), CliError> {
    if session.out.json {
        for tool in registry::tools() {
            session.out.json_line(&entry(tool))?;
        }
        return Ok(());
    }
    let wide = terminal_columns() >= 150;
    let mut table = if wide {
        Table::new(&["TOOL", "ROLES", "FROM", "TO", "WHAT IT DOES"])
    } else {
        Table::new(&["TOOL", "ROLES", "WHAT IT DOES"])
    };
    for tool in registry::tools() {
        let roles: Vec<&str> = tool.spec.roles.iter().map(|role| role.as_str()).collect();
        let roles =
            if roles.len() > if wide { 4 } else { 2 } { format!("{} roles", roles.len()) } else { roles.join(" ") };
        let (name, what) = ((Tone::Strong, tool.spec.name), (Tone::Plain, tool.spec.summary));
        if wide {
            let to = tool.spec.to.map_or("", |state| state.as_str());
            table.row([name, (Tone::Plain, &roles), (Tone::Muted, &from_words(tool)), (Tone::Plain, to), what]);
        } else {
            table.row([name, (Tone::Plain, &roles), what]);
        }
    }
    session.out.table(&table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_word_finds_its_neighbour() {
        assert_eq!(nearest("incident_typ", &["priority", "incident_type"]), Some("incident_type"));
        assert_eq!(nearest("tiket.create", &["ticket.create", "ticket.get"]), Some("ticket.create"));
        assert_eq!(nearest("zzzzzzzzzz", &["priority"]), None);
    }
}
