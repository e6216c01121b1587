//! `dispatch ticket`: look at one ticket.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::error::CliError;
use super::out::{Table, Tone, terminal_columns};
use super::session::Session;
use crate::domain::time::Timestamp;
use crate::engine::Call;
use crate::text::cut;

/// Look at one ticket
#[derive(Debug, Args)]
pub struct TicketArgs {
    #[command(subcommand)]
    command: TicketCommand,
}

#[derive(Debug, Subcommand)]
enum TicketCommand {
    /// The ticket, what its closeout lacks, and what can be done now
    #[command(after_help = "Example:\n  dispatch --demo ticket show T-10001")]
    Show {
        /// Number, id, or source:id of an import
        ticket: String,
    },
    /// What happened, by whom, in order
    #[command(after_help = "Example:\n  dispatch --demo ticket timeline T-10001")]
    Timeline {
        /// Number, id, or source:id of an import
        ticket: String,
    },
    /// The proof of work it has
    #[command(after_help = "Example:\n  dispatch --demo ticket evidence T-10001")]
    Evidence {
        /// Number, id, or source:id of an import
        ticket: String,
    },
}

/// Runs `dispatch ticket`.
pub async fn run(session: &mut Session, args: TicketArgs) -> Result<u8, CliError> {
    let (tool, ticket) = match &args.command {
        TicketCommand::Show { ticket } => ("case.get", ticket),
        TicketCommand::Timeline { ticket } => ("ticket.timeline", ticket),
        TicketCommand::Evidence { ticket } => ("closeout.list_evidence", ticket),
    };
    let caller = session.caller()?;
    let desk = session.desk().await?;
    let reply = desk.call(Call::new(&caller, tool, Some(ticket), json!({}))).await?;
    if session.out.json {
        session.out.body(&reply.body)?;
        return Ok(0);
    }
    let body = reply.json();
    match args.command {
        TicketCommand::Show { .. } => show(session, &body)?,
        TicketCommand::Timeline { .. } => timeline(session, &body)?,
        TicketCommand::Evidence { .. } => evidence(session, &body)?,
    }
    Ok(0)
}

/// A field as people read it.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "—".to_owned(),
        Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Cents as money.
fn money(value: &Value) -> String {
    crate::text::money(value.as_i64().unwrap_or(0))
}

fn show(session: &mut Session, case: &Value) -> Result<(), CliError> {
    let ticket = &case["ticket"];
    let title = format!("{}  {}", word(&ticket["number"]), word(&ticket["summary"]));
    let title = session.out.tone(Tone::Strong, &crate::text::plain(&title));
    session.out.line(&title)?;
    let window = match (&ticket["scheduled_start"], &ticket["scheduled_end"]) {
        (Value::Null, _) => "—".to_owned(),
        (start, end) => format!("{} to {}", at(start), at(end)),
    };
    let mut table = Table::new(&["", ""]);
    for (name, value) in [
        ("State", word(&ticket["state"])),
        ("Priority", word(&ticket["priority"])),
        ("Incident", word(&ticket["incident_type"])),
        (
            "Site",
            format!(
                "{}, {} {}",
                word(&case["site"]["name"]),
                word(&case["site"]["city"]),
                word(&case["site"]["region"])
            ),
        ),
        ("Customer", word(&ticket["customer_name"])),
        ("Technician", word(&ticket["assigned_tech_id"])),
        ("Window", window),
        ("NTE", money(&ticket["nte_cents"])),
        ("Version", word(&ticket["version"])),
        ("Evidence", format!("{} items", case["evidence"].as_array().map_or(0, Vec::len))),
        ("Closeout", word(&case["closeout_gate"]["code"])),
        ("  lacks", word(&case["closeout_gate"]["missing_evidence_keys"])),
        ("  unticked", word(&case["closeout_gate"]["missing_checklist_keys"])),
        ("Id", word(&ticket["id"])),
    ] {
        if !(name.starts_with(' ') && value == "—") {
            table.row([(Tone::Muted, name), (Tone::Plain, &value)]);
        }
    }
    for approval in case["open_approvals"].as_array().into_iter().flatten() {
        let asked = format!(
            "{} {}  {}",
            word(&approval["approval_type"]),
            money(&approval["amount_delta_cents"]),
            word(&approval["reason"])
        );
        table.row([(Tone::Warn, "Approval"), (Tone::Plain, &asked)]);
        table.row([(Tone::Muted, "  its id"), (Tone::Plain, &word(&approval["id"]))]);
    }
    let possible: Vec<String> = case["actions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|action| action["enabled"] == true && action["mutating"] == true)
        .map(|action| word(&action["tool_name"]))
        .collect();
    table.row([(Tone::Muted, "Possible"), (Tone::Plain, &possible.join(", "))]);
    session.out.table(&table)
}

/// A moment as people read it.
fn at(value: &Value) -> String {
    let moment = value.as_str().and_then(Timestamp::parse);
    moment.map_or_else(|| word(value), |moment| moment.utc().format("%d %b %H:%M:%SZ").to_string())
}

fn timeline(session: &mut Session, body: &Value) -> Result<(), CliError> {
    let wide = terminal_columns() >= 120;
    let headings = ["TIME", "WHO", "TOOL", "STATE", "REQUEST"];
    let mut table = Table::new(if wide { &headings } else { &headings[..4] });
    for event in body["events"].as_array().into_iter().flatten() {
        let (before, after) = (&event["before_state"], &event["after_state"]);
        let (time, tool) = (at(&event["created_at"]), word(&event["tool_name"]));
        if wide {
            let who =
                format!("{}/{} ({})", word(&event["actor_type"]), word(&event["actor_id"]), word(&event["actor_role"]));
            let state = if before == after { word(after) } else { format!("{} → {}", word(before), word(after)) };
            let request = word(&event["request_id"]);
            table.row([
                (Tone::Muted, &time),
                (Tone::Plain, &who),
                (Tone::Strong, &tool),
                (Tone::Plain, &state),
                (Tone::Muted, &request),
            ]);
        } else {
            let state = if before == after { String::new() } else { format!("→ {}", word(after).replace('_', " ")) };
            let who = word(&event["actor_id"]);
            table.row([(Tone::Muted, &time), (Tone::Plain, &who), (Tone::Strong, &tool), (Tone::Plain, &state)]);
        }
    }
    session.out.table(&table)
}

fn evidence(session: &mut Session, body: &Value) -> Result<(), CliError> {
    let mut table = Table::new(&["TIME", "KIND", "BY", "FROZEN", "KEY", "URI"]);
    for item in body["evidence"].as_array().into_iter().flatten() {
        let frozen = if item["is_immutable"] == true { "yes" } else { "" };
        table.row([
            (Tone::Muted, &at(&item["created_at"])),
            (Tone::Plain, &word(&item["kind"])),
            (Tone::Plain, &word(&item["created_by"])),
            (Tone::Plain, frozen),
            (
                Tone::Strong,
                &cut(&word(&item["metadata"]["evidence_key"]), if terminal_columns() < 120 { 26 } else { 60 }),
            ),
            (Tone::Muted, &word(&item["uri"])),
        ]);
    }
    session.out.table(&table)
}
