//! `dispatch doctor`: what is wrong, and what to do about it.

use std::time::Duration;

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
/// How long all the looking may take; each look has a bound of its own, and together they stay below.
const LONGEST: Duration = Duration::from_mins(1);
/// Where what was seen begins.
const INDENT: usize = 22;

/// Runs `dispatch doctor`.
pub async fn run(session: &mut Session) -> Result<u8, CliError> {
    let (config, _) = ConfigFile::read(session.global.config.as_deref());
    let (opening, terminal) = (session.opening(), session.out.terminal);
    // A task of its own: what a hanging disk blocks is not us.
    let looking = tokio::spawn(async move { Facts::gather(config, &opening, terminal).await });
    let Ok(Ok(facts)) = tokio::time::timeout(LONGEST, looking).await else {
        return Err(CliError::Failed(format!(
            "looking took longer than {} s: a disk or a network folder hangs. Look at the machine's load and mounts, \
             then ask again",
            LONGEST.as_secs()
        )));
    };
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
    for (index, group) in report.findings.chunk_by(|a, b| a.group == b.group).enumerate() {
        let title = group.first().map_or("", |finding| finding.group.as_str());
        let title = session.out.tone(Tone::Strong, title);
        session.out.line(&if index == 0 { title } else { format!("\n{title}") })?;
        // What was skipped for one reason is told once.
        for alike in group.chunk_by(|a, b| a.status == Status::Skipped && b.status == a.status && a.seen == b.seen) {
            for line in lines(alike, columns, |tone, text| session.out.tone(tone, text)) {
                session.out.line(&line)?;
            }
        }
    }
    let [good, warnings, failures, skipped] =
        [Status::Ok, Status::Warn, Status::Fail, Status::Skipped].map(|status| report.count(status));
    session.out.line(&format!("\n{good} ok, {warnings} to look at, {failures} failed, {skipped} skipped"))
}

/// Findings that are alike as they stand on the screen: mark and name, what was seen, the advice.
fn lines(alike: &[Finding], columns: usize, paint: impl Fn(Tone, &str) -> String) -> Vec<String> {
    let Some(finding) = alike.first() else { return Vec::new() };
    let (tone, mark) = match finding.status {
        Status::Ok => (Tone::Good, "ok"),
        Status::Skipped => (Tone::Muted, "skip"),
        Status::Warn => (Tone::Warn, "WARN"),
        Status::Fail => (Tone::Bad, "FAIL"),
    };
    let names: Vec<_> = alike.iter().map(|one| one.check.rsplit('.').next().unwrap_or_default()).collect();
    let (name, seen) = match names[..] {
        [name] => (name, finding.seen.clone()),
        _ => ("", format!("{}: {}", finding.seen, names.join(", "))),
    };
    let room = columns.saturating_sub(INDENT).max(20);
    let indent = " ".repeat(INDENT);
    let front = format!("  {}  {name:<width$}", paint(tone, &format!("{mark:<4}")), width = INDENT - 8);
    let mut lines = Vec::new();
    for (index, line) in wrap(&plain(&seen), room).lines().enumerate() {
        lines.push(format!("{}{line}", if index == 0 { &front } else { &indent }));
    }
    let advice = finding.advice.as_deref().map(plain).unwrap_or_default();
    for (index, line) in wrap(&advice, room.saturating_sub(2)).lines().enumerate() {
        let arrow = if index == 0 { "→ " } else { "  " };
        lines.push(format!("{indent}{arrow}{line}"));
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
            wants: "",
            status: Status::Fail,
            seen: "the constraint and the contract differ on 3: NEW->CLOSED, NULL->CLOSED, CLOSED->NEW".to_owned(),
            advice: Some("Put it back as the migrations have it, or restore a backup of the day before.".to_owned()),
        };
        let shown = lines(std::slice::from_ref(&finding), 80, |_, text| text.to_owned());
        assert!(shown.iter().all(|line| width(line) <= 80), "{shown:?}");
        assert!(shown[0].starts_with("  FAIL  transitions   the constraint"), "{shown:?}");
        assert!(shown.iter().any(|line| line.starts_with(&format!("{}→ Put it back", " ".repeat(INDENT)))));
    }

    #[test]
    fn what_was_skipped_for_one_reason_is_told_once() {
        let skipped = |check: &str| Finding {
            group: Group::Server,
            check: format!("server.{check}"),
            wants: "",
            status: Status::Skipped,
            seen: "the server is stopped".to_owned(),
            advice: None,
        };
        let shown = lines(&[skipped("memory"), skipped("clock")], 80, |_, text| text.to_owned());
        assert_eq!(shown, [format!("  skip  {}the server is stopped: memory, clock", " ".repeat(INDENT - 8))]);
    }
}
