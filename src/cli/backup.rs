//! `dispatch db backup` and `dispatch db restore`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::out::say;
use super::progress::Progress;
use super::session::Session;
use crate::domain::canonical::to_value;
use crate::engine::backup::{self, Manifest, Phase};
use crate::engine::open::Which;
use crate::store::local::OWNER;

/// Write all of the database and its evidence files to one file, while others work
///
/// The file holds what was answered before the backup began, as of one moment, and how to prove
/// it: rows a table, the digest of all audit chain heads, its own length and SHA-256. Only you may
/// read it, but it is not encrypted. Needs `pg_dump`, which comes with the server.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dispatch --demo db backup demo.backup --force")]
pub struct BackupArgs {
    /// The file to write
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

/// Put a backup in the place of the database, once the copy is proven
///
/// Checks the file whole, restores it into a database beside the one it replaces, brings the
/// tables up to this program's version, compares the rows of every table, walks all audit chains
/// and compares their digest. Only then it takes the other's place, in one step; the old database
/// is kept under another name. Whatever goes wrong before changes nothing. Whoever is connected is
/// cut off and meets the restored database when coming back.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dispatch --demo db restore demo.backup --drill")]
pub struct RestoreArgs {
    /// The backup. Only one you trust: restoring it, also in a drill, runs what it holds
    file: PathBuf,
    /// Do all of it, then throw the copy away instead of using it
    #[arg(long)]
    drill: bool,
}

/// Shows the progress of each phase.
fn shown() -> impl FnMut(Phase, u64, u64) {
    let mut now: Option<(Phase, Progress)> = None;
    move |phase, done, all| {
        if now.as_ref().is_none_or(|(current, _)| *current != phase) {
            let unit = match phase {
                Phase::Dumping => "MB written",
                Phase::Checking => "MB checked",
                Phase::Restoring => "MB restored",
                Phase::Verifying => "audit events verified",
            };
            now = Some((phase, Progress::new(unit)));
        }
        let one = if phase == Phase::Verifying { 1 } else { 1_000_000 };
        if let Some((_, progress)) = &now {
            progress.show(done / one, all.div_ceil(one));
        }
    }
}

/// Runs `dispatch db backup`.
pub async fn backup(session: &mut Session, args: &BackupArgs) -> Result<(), CliError> {
    let taken = backup::take(&session.opening(), &args.file, args.force, shown()).await;
    let manifest = taken.map_err(|error| match error {
        backup::BackupError::File { path, source } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            CliError::Usage(format!(
                "{} is there already and was left as it is. Name another file, or replace it with --force.",
                path.display()
            ))
        }
        other => other.into(),
    })?;
    if manifest.trail.broken_chains > 0 || manifest.trail.stray_steps > 0 {
        say("The audit trail is not whole (`dispatch audit verify` says where). It was backed up as it is.");
    }
    if manifest.objects_missing > 0 {
        say(&format!("{} evidence files are not in the store and so not in the backup.", manifest.objects_missing));
    }
    if session.out.json {
        let mut value = to_value(&manifest);
        value["file"] = json!(args.file);
        return session.out.value(&value);
    }
    session.out.text(&format!("Backed up {} to {}.", manifest.database, args.file.display()))?;
    print(session, &manifest)
}

/// What a backup holds, for people.
fn print(session: &mut Session, manifest: &Manifest) -> Result<(), CliError> {
    let rows: i64 = manifest.rows.values().sum();
    session.out.line(&format!(
        "{rows} rows in {} tables; {} audit events in {} chains; {} evidence files; taken {}",
        manifest.rows.len(),
        manifest.trail.events,
        manifest.trail.chains,
        manifest.objects,
        manifest.taken_at
    ))?;
    session.out.line(&format!("digest  {}", manifest.trail.digest))
}

/// Runs `dispatch db restore`.
pub async fn restore(session: &mut Session, args: &RestoreArgs) -> Result<(), CliError> {
    let opening = session.opening();
    let restored = backup::restore(&opening, &args.file, args.drill, shown()).await?;
    if session.out.json {
        return session.out.value(&restored);
    }
    let seconds = restored.seconds;
    if restored.drill {
        session.out.line(&format!(
            "The backup restores: rows, audit chains and digest are what it says. The copy was thrown away. {seconds:.1} s"
        ))?;
    } else {
        session.out.text(&format!("Restored {}, proven against the backup. {seconds:.1} s", restored.database))?;
    }
    print(session, &restored.backup)?;
    if let Some(kept) = &restored.kept_as {
        let drop = match opening.which {
            Which::Private(_) => {
                format!("psql '{}' -c 'DROP DATABASE \"{kept}\"'", opening.cluster()?.url("postgres", OWNER))
            }
            Which::Url(_) => format!("DROP DATABASE \"{kept}\""),
        };
        session
            .out
            .text(&format!("The database that was there is kept as {kept}. When you no longer need it: {drop}"))?;
    }
    Ok(())
}
