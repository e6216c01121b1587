//! `dispatch import`: requests for service from elsewhere.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::json;

use super::error::CliError;
use super::out::say;
use super::session::Session;
use crate::import::load::{Counts, LoadError, Plan, Watcher, load};
use crate::import::mapping::{BUILT_IN, Mapping, Rejected};
use crate::import::read::{ReadError, Source};

/// Rejected rows that are told on stderr; a file can hold them all.
const SHOWN: u64 = 20;
/// How often progress is told.
const PACE: Duration = Duration::from_millis(500);

/// Import from elsewhere
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(subcommand)]
    command: ImportCommand,
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    Requests(RequestsArgs),
}

/// Import service requests, CSV or one JSON object a line, as tickets
///
/// Each row is created and triaged at its original time. A row that was imported before is left
/// as it is, so the same file, or a longer one, can be imported again. Rows that cannot be
/// imported are reported with their line and reason, and hold nobody up; the exit code is 4 only
/// where nothing but such rows was found.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  printf 'id,at,what\\n7,2026-11-20T08:00:00Z,Door stuck\\n' > calls.csv
  dispatch --demo import requests calls.csv --account 'Pier 39 Shops' --dry-run \\
      --map source_id=id --map created_at=at --map summary=what

In a mapping file each field is a text in which {column} stands for a column's value, and what
stands in [brackets] is left out where a column in it is blank; src/import/sf311.toml is one.")]
struct RequestsArgs {
    /// The file
    file: PathBuf,
    /// What the columns mean: a built-in mapping (sf311) or a TOML file
    #[arg(long, value_name = "NAME|FILE.toml")]
    mapping: Option<String>,
    #[arg(
        long,
        value_name = "FIELD=COLUMN",
        help = "Take a field from a column: source_id, created_at, closed_at, \
        summary, description, account, address, city, region, incident_type or priority"
    )]
    map: Vec<String>,
    /// Whose requests they are; made where it is missing
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Where they come from; a ticket's name from there is SOURCE:ID [default: the mapping's, else the file's name]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Import what is closed at the source too, as open work
    #[arg(long)]
    include_closed: bool,
    /// Judge every row and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Write every rejected row's line, id and reason to this CSV file
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// Runs `dispatch import`.
pub async fn run(session: &mut Session, args: ImportArgs) -> Result<u8, CliError> {
    let ImportCommand::Requests(args) = args.command;
    let caller = session.caller()?;
    let mut mapping = mapping(&args)?;
    let name = args.file.display().to_string();
    let file = Source::open(&args.file).map_err(|error| broken(&name, error))?;
    mapping.check(&file.columns).map_err(CliError::Usage)?;
    let source = source_name(&args, &mapping)?;
    let account = args.account.as_deref().map(str::trim);
    if account.is_some_and(str::is_empty) || (account.is_none() && !mapping.names_account()) {
        return Err(CliError::Usage(
            "Say whose requests these are: --account NAME, or --map account=COLUMN.".to_owned(),
        ));
    }
    let mut report = Report::new(&args, file.rows)?;
    let engine = session.engine().await?;
    let plan = Plan {
        file: &file,
        mapping: &mapping,
        source: &source,
        account,
        include_closed: args.include_closed,
        dry_run: args.dry_run,
    };
    let counts = load(&engine, &caller, &plan, &mut report).await.map_err(|error| match error {
        LoadError::Read(error) => broken(&name, error),
        LoadError::Refused(refused) => CliError::Refused(refused),
        LoadError::Store(error) => CliError::Store(error),
        LoadError::Report(error) => CliError::io("the report of rejected rows")(error),
    })?;
    report.end(&counts)?;
    tell(session, &args, &source, &counts)?;
    let nothing_but_rejects = counts.rejected > 0 && counts.rejected == counts.rows;
    Ok(if nothing_but_rejects { 4 } else { 0 })
}

fn broken(name: &str, error: ReadError) -> CliError {
    match error {
        ReadError::Io(error) => CliError::io(name)(error),
        ReadError::Broken(what) => CliError::Usage(format!("{name}: {what}. Nothing was imported.")),
    }
}

fn mapping(args: &RequestsArgs) -> Result<Mapping, CliError> {
    let built_in: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    let built_in = built_in.join(", ");
    let mut mapping = match args.mapping.as_deref() {
        None if args.map.is_empty() => {
            return Err(CliError::Usage(format!(
                "Say what the columns mean: --mapping NAME (built in: {built_in}), --mapping FILE.toml, or --map FIELD=COLUMN."
            )));
        }
        None => Mapping::default(),
        Some(name) => {
            let parsed = if let Some(mapping) = Mapping::built_in(name) {
                mapping
            } else {
                let what = format!("the mapping {name} (built in: {built_in})");
                Mapping::parse(&std::fs::read_to_string(name).map_err(CliError::io(what))?)
            };
            parsed.map_err(|error| {
                CliError::Usage(format!(
                    "The mapping {name} is wrong at {error}. Correct that; `dispatch help import requests` says more."
                ))
            })?
        }
    };
    for pair in &args.map {
        let (field, column) = pair.split_once('=').ok_or_else(|| {
            CliError::Usage(format!("--map wants FIELD=COLUMN, such as summary=Subject, not `{pair}`."))
        })?;
        mapping.set(field.trim(), column.trim()).map_err(CliError::Usage)?;
    }
    Ok(mapping)
}

/// The name of the source: part of a reference `source:id`, so without a colon.
fn source_name(args: &RequestsArgs, mapping: &Mapping) -> Result<String, CliError> {
    let of_file = || args.file.file_stem().map(|stem| stem.to_string_lossy().replace(':', "_"));
    let name = args.source.clone().or_else(|| mapping.source.clone()).or_else(of_file).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 80 || name.contains(':') || name.chars().any(char::is_control) {
        return Err(CliError::Usage(format!(
            "`{name}` cannot name a source: 1 to 80 characters without a colon. Give --source NAME."
        )));
    }
    Ok(name.to_owned())
}

fn tell(session: &mut Session, args: &RequestsArgs, source: &str, counts: &Counts) -> Result<(), CliError> {
    if session.out.json {
        let mut summary = json!(counts);
        summary["source"] = json!(source);
        summary["dry_run"] = json!(args.dry_run);
        return session.out.value(&summary);
    }
    let would = if args.dry_run { "would be " } else { "" };
    session.out.line(&format!(
        "{} rows: {} {would}imported, {} known, {} closed at the source and skipped, {} rejected.",
        counts.rows, counts.imported, counts.known, counts.skipped_closed, counts.rejected
    ))?;
    session.out.line(&format!("{} accounts and {} sites {would}made.", counts.accounts_made, counts.sites_made))
}

/// Tells rejected rows, and how far the import is.
struct Report {
    file: Option<(PathBuf, csv::Writer<File>)>,
    total: u64,
    told: u64,
    last: Instant,
}

impl Report {
    fn new(args: &RequestsArgs, total: u64) -> Result<Self, CliError> {
        let file = args.rejects.as_deref().map(|path| rejects(path, &args.file)).transpose()?;
        Ok(Self { file, total, told: 0, last: Instant::now() })
    }

    fn end(&mut self, counts: &Counts) -> Result<(), CliError> {
        match &mut self.file {
            Some((path, file)) => {
                file.flush().map_err(CliError::io(path.display().to_string()))?;
                if counts.rejected > 0 {
                    say(&format!("{} rejected rows are in {}.", counts.rejected, path.display()));
                }
            }
            None if counts.rejected > SHOWN => {
                say(&format!("… and {} more; --rejects FILE writes them all.", counts.rejected - SHOWN));
            }
            None => {}
        }
        Ok(())
    }
}

/// Opens the file for rejected rows, unless that is the one to be read.
fn rejects(path: &Path, input: &Path) -> Result<(PathBuf, csv::Writer<File>), CliError> {
    let name = path.display().to_string();
    if let (Ok(one), Ok(other)) = (path.canonicalize(), input.canonicalize())
        && one == other
    {
        return Err(CliError::Usage(format!("--rejects {name} would overwrite the file to import. Name another.")));
    }
    let file = File::create(path).map_err(CliError::io(name.clone()))?;
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(["line", "source_id", "reason"]).map_err(|error| CliError::io(name)(error.into()))?;
    Ok((path.to_owned(), writer))
}

impl Watcher for Report {
    fn rejected(&mut self, row: &Rejected) -> std::io::Result<()> {
        let line = row.line.to_string();
        if let Some((_, file)) = &mut self.file {
            file.write_record([&line, &row.source_id, &row.reason])?;
        } else if self.told < SHOWN {
            let id = if row.source_id.is_empty() { String::new() } else { format!(" ({})", row.source_id) };
            say(&format!("line {line}{id}: {}", row.reason));
        }
        self.told += 1;
        Ok(())
    }

    fn progress(&mut self, counts: &Counts) {
        if self.last.elapsed() >= PACE {
            self.last = Instant::now();
            say(&format!(
                "{} of {} rows; {} imported, {} rejected",
                counts.rows, self.total, counts.imported, counts.rejected
            ));
        }
    }
}
