//! `dispatch directory`: master data, through its tools.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::call::{CallArgs, run as call};
use super::error::CliError;
use super::offer;
use super::out::{Table, Tone};
use super::session::Session;
use super::tool::named;
use crate::domain::directory::Kind;
use crate::engine::Call;

/// Look up, add and change accounts, sites, contacts, assets and technicians
#[derive(Debug, Args)]
pub struct DirectoryArgs {
    #[command(subcommand)]
    command: DirectoryCommand,
}

#[derive(Debug, Subcommand)]
enum DirectoryCommand {
    /// List records of a kind
    #[command(after_help = "Example:\n  dispatch --demo directory list technicians --q ortiz")]
    List {
        /// accounts, sites, contacts, assets or technicians
        #[arg(value_parser = offer::KINDS, hide_possible_values = true)]
        kind: String,
        /// Words to look for
        #[arg(long)]
        q: Option<String>,
    },
    /// Add a record
    #[command(after_help = "Example:\n  dispatch --demo directory add accounts --set name='Pier 39 Shops'")]
    Add {
        /// accounts, sites, contacts, assets or technicians
        #[arg(value_parser = offer::KINDS, hide_possible_values = true)]
        kind: String,
        /// One field of the record
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
    /// Change a record
    #[command(after_help = "Example:\n  dispatch --demo directory edit technicians t-ortiz --set active=true")]
    Edit {
        /// accounts, sites, contacts, assets or technicians
        #[arg(value_parser = offer::KINDS, hide_possible_values = true)]
        kind: String,
        /// The record's id
        id: String,
        /// One field of the record
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
}

/// Runs `dispatch directory`.
pub async fn run(session: &mut Session, args: DirectoryArgs) -> Result<u8, CliError> {
    match args.command {
        DirectoryCommand::List { kind, q } => list(session, Kind::named(&kind)?, q).await,
        DirectoryCommand::Add { kind, set } => call(session, CallArgs::upsert(kind, set)).await,
        DirectoryCommand::Edit { kind, id, set } => edit(session, Kind::named(&kind)?, &id, set).await,
    }
}

/// Changes some fields of a record; those that its tool requires besides stay as they are.
async fn edit(session: &mut Session, kind: Kind, id: &str, mut set: Vec<String>) -> Result<u8, CliError> {
    let caller = session.caller()?;
    let desk = session.desk().await?;
    let found = desk.call(Call::new(&caller, "directory.search", Some(kind.as_str()), json!({"id": id}))).await?.json();
    let Some(record) = found["records"].get(0) else {
        return Err(CliError::NotFound(format!(
            "There is no record {id} among the {kind}. `dispatch directory list {kind}` shows those there are."
        )));
    };
    let schema = named("directory.upsert")?.schema(Some(kind));
    for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let given = set.iter().any(|pair| pair.split('=').next() == Some(field));
        if let (false, Some(value)) = (given, record[field].as_str()) {
            set.push(format!("{field}={value}"));
        }
    }
    set.push(format!("id={id}"));
    call(session, CallArgs::upsert(kind.to_string(), set)).await
}

/// Prints every record, page after page.
async fn list(session: &mut Session, kind: Kind, q: Option<String>) -> Result<u8, CliError> {
    let caller = session.caller()?;
    let desk = session.desk().await?;
    let mut table = Table::new(&["ID", "NAME", "WHAT ELSE"]);
    let mut cursor = Value::Null;
    loop {
        let mut query = Map::new();
        query.insert("q".into(), json!(q));
        query.insert("cursor".into(), cursor);
        let reply =
            desk.call(Call::new(&caller, "directory.search", Some(kind.as_str()), Value::Object(query))).await?;
        let page = reply.json();
        for record in page["records"].as_array().into_iter().flatten() {
            if session.out.json {
                session.out.json_line(record)?;
            } else {
                let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
                let name =
                    if kind == Kind::Assets { format!("{} {}", text("type"), text("tag")) } else { text("name") };
                table.row([(Tone::Muted, &text("id")), (Tone::Strong, &name), (Tone::Plain, &rest(kind, record))]);
            }
        }
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    if !session.out.json {
        session.out.table(&table)?;
    }
    Ok(0)
}

/// What tells records of a kind apart beside their names.
fn rest(kind: Kind, record: &Value) -> String {
    let columns: &[&str] = match kind {
        Kind::Accounts => &[],
        Kind::Sites => &["address1", "city", "region", "timezone"],
        Kind::Contacts => &["role", "phone", "email"],
        Kind::Assets => &["make", "model", "serial"],
        Kind::Technicians => &["home_region", "skills"],
    };
    let words = columns.iter().filter_map(|name| match &record[*name] {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    });
    words.collect::<Vec<_>>().join(", ")
}
