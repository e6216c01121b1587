//! `dispatch audit verify`: whether the audit trail is whole.

use clap::{Args, Subcommand};
use serde_json::json;

use super::error::CliError;
use super::out::Out;
use super::progress::Progress;
use super::session::Session;
use crate::engine::audit::Verdict;
use crate::engine::{Call, Desk};

/// Broken chains and the like that are shown to people; `--json` has more.
const SHOWN: usize = 20;

/// Check the audit trail
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Walk the hash chains and name the first broken link of each broken one
    ///
    /// Says what was done to it: edited (and which column, where that can be proven), swapped,
    /// missing, truncated, replaced, rewritten, added. Also compares the steps of tickets with the
    /// events that made them, and lists events that other programs appended without a chain.
    /// The digest stands for all chain heads: the same digest, the same trail. Exit code 1 if
    /// anything is broken.
    #[command(after_help = "Example:\n  dispatch --demo audit verify")]
    Verify {
        /// Only this ticket's chain
        ticket: Option<String>,
    },
}

/// Runs `dispatch audit`.
pub async fn run(session: &mut Session, args: AuditArgs) -> Result<u8, CliError> {
    let AuditCommand::Verify { ticket } = args.command;
    let engine = session.engine().await?;
    let chain = match ticket {
        None => None,
        Some(ticket) => {
            let caller = session.caller()?;
            let reply = engine.call(Call::new(&caller, "ticket.get", Some(&ticket), json!({}))).await?;
            reply.json()["id"].as_str().map(str::to_owned)
        }
    };
    let mut progress = Progress::new("events");
    let verdict = engine.verify_audit(chain.as_deref(), |at| progress.show(at.done, at.all)).await?;
    progress.end();
    if session.out.json {
        session.out.value(&verdict)?;
    } else {
        print(&mut session.out, &verdict)?;
    }
    if verdict.is_whole() {
        return Ok(0);
    }
    session.out.flush()?;
    let mut wrong = Vec::new();
    if verdict.broken_chains > 0 {
        wrong.push(format!("{} of {} chains are broken", verdict.broken_chains, verdict.chains));
    }
    if verdict.stray_steps > 0 {
        wrong.push(format!("{} times steps and events disagree", verdict.stray_steps));
    }
    Err(CliError::Failed(format!(
        "the audit trail is not whole: {}. Keep the database as it is, find out who wrote to it past dispatch, and \
         compare with a backup",
        wrong.join("; ")
    )))
}

/// What was found, for people.
fn print(out: &mut Out, verdict: &Verdict) -> Result<(), CliError> {
    let whole = verdict.chains.saturating_sub(verdict.broken_chains);
    out.line(&format!("{} events in {} chains, {whole} chains whole.", verdict.events, verdict.chains))?;
    for found in verdict.broken.iter().take(SHOWN) {
        let chain = found.ticket.as_ref().unwrap_or(&found.broken.chain);
        out.text(&format!("BROKEN  {chain} at link {}: {}", found.broken.seq, found.what))?;
    }
    if verdict.broken_chains > SHOWN as u64 {
        out.line(&format!("… and {} more broken chains (--json names them).", verdict.broken_chains - SHOWN as u64))?;
    }
    for step in verdict.first_stray_steps.iter().take(SHOWN) {
        let id = |id: Option<uuid::Uuid>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
        out.line(&format!("STEPS  ticket {}, event {}: {}", id(step.ticket_id), id(step.event_id), step.what))?;
    }
    if verdict.stray_steps > SHOWN as u64 {
        out.line(&format!("… the first {SHOWN} of {}.", verdict.stray_steps))?;
    }
    if verdict.unchained > 0 {
        out.line(&format!(
            "{} events were appended by other programs, without a chain. They prove nothing:",
            verdict.unchained
        ))?;
        for id in &verdict.first_unchained {
            out.line(&format!("UNCHAINED  {id}"))?;
        }
        if verdict.unchained > verdict.first_unchained.len() as u64 {
            out.line(&format!("… the first {} of them.", verdict.first_unchained.len()))?;
        }
    }
    out.line(&format!("digest  {}", verdict.digest))
}
