//! `dispatch audit verify`: whether the audit trail is whole.

use clap::{Args, Subcommand};
use serde_json::json;

use super::error::CliError;
use super::out::say;
use super::session::Session;
use crate::engine::{Call, Desk};

/// Check the audit trail
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Walk the hash chains and name the first broken link of each broken one
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
    let all = if chain.is_none() { engine.store().count_events().await? } else { 0 };
    let verdict = engine
        .verify_audit(chain.as_deref(), |looked_at| {
            if looked_at % 100_000 == 0 {
                say(&format!("{looked_at} of about {all} events"));
            }
        })
        .await?;
    let intact = verdict.broken.is_empty();
    if session.out.json {
        session.out.value(&verdict)?;
    } else {
        let whole = verdict.chains - verdict.broken.len().min(verdict.chains);
        session.out.line(&format!("{} events in {} chains, {whole} chains whole.", verdict.events, verdict.chains))?;
        for found in verdict.broken.iter().take(20) {
            session.out.text(&format!("BROKEN  chain {} at link {}: {}", found.chain, found.seq, found.what))?;
        }
        if verdict.broken.len() > 20 {
            session.out.line(&format!("… and {} more broken chains (--json lists all).", verdict.broken.len() - 20))?;
        }
        if verdict.unchained > 0 {
            session.out.line(&format!(
                "{} events were appended by other programs, without a chain. They prove nothing:",
                verdict.unchained
            ))?;
            for id in &verdict.first_unchained {
                session.out.line(&format!("UNCHAINED  {id}"))?;
            }
            if verdict.unchained > 20 {
                session.out.line("… the first 20 of them.")?;
            }
        }
        session.out.line(&format!("digest  {}", verdict.digest))?;
    }
    if intact {
        Ok(0)
    } else {
        session.out.flush()?;
        Err(CliError::Failed(format!("the audit trail is broken in {} chains", verdict.broken.len())))
    }
}
