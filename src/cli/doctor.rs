//! `dispatch doctor`: what is wrong, and what to do about it.

use clap::Args;

use super::error::CliError;
use super::out::{Tone, say, terminal_columns, wrap};
use super::session::Session;
use crate::doctor::facts::{ConfigFile, Facts};
use crate::doctor::{Finding, Report, Status, examine};
use crate::text::plain;

/// Look at everything that dispatch needs, and say what is wrong and what to do
///
/// Looks at the server's programs, folders, disks, the server and its settings, the database and its
/// rules, policy, clocks, time zones and the terminal. Starts nothing and repairs nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dispatch doctor
  dispatch --demo doctor --json

Exit codes: 0 all is well, or there are warnings; 1 something failed; 6 the database or its server failed.")]
pub struct DoctorArgs {}

/// The widest a line may be: longer ones are hard to read.
const WIDEST: usize = 100;
/// Where what was seen begins.
const INDENT: usize = 23;

/// Runs `dispatch doctor`.
pub async fn run(session: &mut Session) -> Result<u8, CliError> {
    let (config, _) = ConfigFile::read(session.global.config.as_deref());
    let facts = Facts::gather(config, &session.opening(), session.out.terminal).await;
    let report = examine(&facts);
    if session.out.json {
        session.out.value(&report)?;
    } else {
        print(session, &report)?;
    }
    let code = report.exit_code();
    if code != 0 {
        session.out.flush()?;
        let failed = report.findings.iter().filter(|finding| finding.status == Status::Fail);
        let names: Vec<_> = failed.map(|finding| finding.check.as_str()).collect();
        say(&format!("dispatch: failed: {}. The advice beside each says what to do.", names.join(", ")));
    }
    Ok(code)
}

fn print(session: &mut Session, report: &Report) -> Result<(), CliError> {
    let columns = terminal_columns().min(WIDEST);
    let mut group = None;
    for finding in &report.findings {
        if group != Some(finding.group) {
            if group.is_some() {
                session.out.line("")?;
            }
            group = Some(finding.group);
            let title = session.out.tone(Tone::Strong, finding.group.as_str());
            session.out.line(&title)?;
        }
        for (tone, line) in lines(finding, columns) {
            let (mark, rest) = line.split_at(line.char_indices().nth(9).map_or(line.len(), |(at, _)| at));
            let line = format!("{}{rest}", session.out.tone(tone, mark));
            session.out.line(&line)?;
        }
    }
    let [warnings, failures, skipped] = [Status::Warn, Status::Fail, Status::Skipped].map(|status| report.count(status));
    let good = report.count(Status::Ok);
    session.out.line(&format!("\n{good} ok, {warnings} to look at, {failures} failed, {skipped} skipped"))
}

/// A finding as it stands on the screen: its mark, its name, what was seen, and the advice.
fn lines(finding: &Finding, columns: usize) -> Vec<(Tone, String)> {
    let (tone, mark) = match finding.status {
        Status::Ok => (Tone::Good, "ok"),
        Status::Skipped => (Tone::Muted, "skipped"),
        Status::Warn => (Tone::Warn, "WARN"),
        Status::Fail => (Tone::Bad, "FAIL"),
    };
    let name = finding.check.rsplit('.').next().unwrap_or_default();
    let room = columns.saturating_sub(INDENT).max(20);
    let indent = " ".repeat(INDENT);
    let mut lines = Vec::new();
    for (index, line) in wrap(&plain(&finding.seen), room).lines().enumerate() {
        let front = if index == 0 { format!("  {mark:<7}{name:<14}") } else { indent.clone() };
        lines.push((tone, format!("{front}{line}")));
    }
    let advice = finding.advice.as_deref().map(plain).unwrap_or_default();
    for (index, line) in wrap(&advice, room.saturating_sub(2)).lines().enumerate() {
        let arrow = if index == 0 { "→ " } else { "  " };
        lines.push((tone, format!("{indent}{arrow}{line}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Group;
    use crate::text::width;

    #[test]
    fn a_finding_fits_eighty_columns_with_its_advice_below_it() {
        let finding = Finding {
            group: Group::Database,
            check: "database.transitions".to_owned(),
            status: Status::Fail,
            seen: "the constraint and the contract differ on 3: NEW->CLOSED, NULL->CLOSED, CLOSED->NEW".to_owned(),
            advice: Some("Put it back as the migrations have it, or restore a backup of the day before.".to_owned()),
        };
        let lines = lines(&finding, 80);
        assert!(lines.iter().all(|(_, line)| width(line) <= 80), "{lines:?}");
        assert!(lines[0].1.starts_with("  FAIL   transitions   the constraint"), "{lines:?}");
        assert!(lines.iter().any(|(_, line)| line.starts_with(&format!("{}→ Put it back", " ".repeat(INDENT)))));
    }
}
