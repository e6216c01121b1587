//! `dispatch db`: the database.

use std::io::{IsTerminal, Write};

use clap::{Args, Subcommand};
use serde_json::json;
use sqlx::PgPool;

use super::backup::{self, BackupArgs, RestoreArgs};
use super::error::CliError;
use super::out::{Table, Tone, say};
use super::session::Session;
use crate::engine::open::{OpenError, Which, open, parse_url};
use crate::store::local::{APP, LocalError, OWNER, Started, install};
use crate::store::migrate::{self, Schema};
use crate::store::reads::server_version;

/// Look after the database
#[derive(Debug, Args)]
pub struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Make the private database, if there is none yet
    #[command(after_help = "Example:\n  dispatch db init")]
    Init {
        /// Install the Postgres server if it is missing, without asking
        #[arg(long)]
        yes: bool,
    },
    /// Start the private database; every command does so by itself
    #[command(after_help = "Example:\n  dispatch db start")]
    Start {
        /// Install the Postgres server if it is missing, without asking
        #[arg(long)]
        yes: bool,
    },
    /// Stop the private database
    #[command(after_help = "Example:\n  dispatch db stop")]
    Stop,
    /// Say what is running, and where
    #[command(after_help = "Example:\n  dispatch db status")]
    Status,
    /// Print the database's URL, for psql and others
    #[command(after_help = "Example:\n  dispatch --demo db url")]
    Url {
        /// As the owner of the tables instead of the application's role
        #[arg(long)]
        owner: bool,
    },
    /// Bring the tables up to this program's version
    #[command(after_help = "Example:\n  dispatch db migrate")]
    Migrate,
    Backup(BackupArgs),
    Restore(RestoreArgs),
}

/// Runs `dispatch db`.
pub async fn run(session: &mut Session, args: DbArgs) -> Result<u8, CliError> {
    match args.command {
        DbCommand::Init { yes } => init(session, yes).await?,
        DbCommand::Start { yes } => start(session, yes).await?,
        DbCommand::Stop => stop(session).await?,
        DbCommand::Status => status(session).await?,
        DbCommand::Url { owner } => url(session, owner).await?,
        DbCommand::Migrate => migrate_to_here(session).await?,
        DbCommand::Backup(args) => backup::backup(session, &args).await?,
        DbCommand::Restore(args) => backup::restore(session, &args).await?,
    }
    Ok(0)
}

/// Refuses where the database is not ours to start, stop or make.
fn private_only(session: &Session) -> Result<(), CliError> {
    match session.opening().which {
        Which::Private(_) => Ok(()),
        Which::Url(_) => Err(CliError::Usage(
            "A database URL is set, and that database is not ours to make, start or stop. Unset it (--database-url, \
             DISPATCH_DATABASE_URL, DATABASE_URL or database_url in the config file) to work on the private one."
                .to_owned(),
        )),
    }
}

/// Does something that needs the server's programs; where they are missing, offers to install
/// them and tries again.
pub async fn with_server<T, F>(yes: bool, work: impl Fn() -> F) -> Result<T, CliError>
where
    F: Future<Output = Result<T, CliError>>,
{
    match work().await {
        Err(CliError::Open(OpenError::Local(error @ LocalError::NoBinaries { .. }))) => {
            if !offer(yes, &error).await? {
                return Err(error.into());
            }
            work().await
        }
        other => other,
    }
}

/// Offers to install the server; true if it was installed.
async fn offer(yes: bool, error: &LocalError) -> Result<bool, CliError> {
    let Some(offer) = install::offer() else { return Ok(false) };
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !yes {
        if !terminal {
            return Ok(false);
        }
        say(&format!("{error}."));
        let mut stderr = std::io::stderr();
        let _ = write!(stderr, "Install {} now? {} [y/N] ", offer.package, offer.command.join(" "));
        let _ = stderr.flush();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map_err(CliError::io("standard input"))?;
        if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
            return Ok(false);
        }
    }
    say(&format!("Installing {} …", offer.package));
    install::run(&offer).await?;
    Ok(true)
}

async fn init(session: &mut Session, yes: bool) -> Result<(), CliError> {
    private_only(session)?;
    let opening = session.opening();
    let made = with_server(yes, || async { Ok(opening.cluster()?.init().await?) }).await?;
    let told = if made { "Made the private database." } else { "The private database is there already." };
    told_as(session, told, &json!({"made": made}))
}

async fn start(session: &mut Session, yes: bool) -> Result<(), CliError> {
    private_only(session)?;
    let opening = session.opening();
    let opened = with_server(yes, || async { Ok(open(&opening).await?) }).await?;
    let told = match opened.started {
        Some(Started::Warm) | None => "The private database is running already.",
        Some(Started::Started) => "Started the private database.",
        Some(Started::First) => "Made the private database and started it.",
    };
    told_as(session, told, &json!({"started": opened.started}))
}

async fn stop(session: &mut Session) -> Result<(), CliError> {
    private_only(session)?;
    let stopped = session.opening().cluster()?.stop().await?;
    let told = if stopped { "Stopped the private database." } else { "The private database is not running." };
    told_as(session, told, &json!({"stopped": stopped}))
}

/// One sentence for people, one object for programs.
fn told_as(session: &mut Session, told: &str, value: &serde_json::Value) -> Result<(), CliError> {
    if session.out.json { session.out.value(value) } else { session.out.line(told) }
}

async fn status(session: &mut Session) -> Result<(), CliError> {
    let opening = session.opening();
    match &opening.which {
        Which::Url(url) => {
            let pool = connect(parse_url(url)?).await?;
            let schema = migrate::schema(&pool).await?;
            let version = server_version(&pool).await?;
            session.out.value(&json!({"database": "url", "running": true, "version": version, "tables": schema}))
        }
        Which::Private(name) => {
            let cluster = opening.cluster()?;
            let status = cluster.status().await?;
            let schema = if status.running {
                match connect(cluster.connect_options(name, APP)).await {
                    Ok(pool) => Some(migrate::schema(&pool).await?),
                    Err(_) => None,
                }
            } else {
                None
            };
            if session.out.json {
                let mut value = crate::domain::canonical::to_value(&status);
                value["database"] = json!(name);
                value["tables"] = json!(schema);
                return session.out.value(&value);
            }
            let mut table = Table::new(&["", ""]);
            let tables = match schema {
                Some(Schema::Current { version }) => format!("version {version}, as this program wants them"),
                Some(Schema::Behind { version }) => format!("version {version}; `dispatch db migrate` brings them up"),
                Some(Schema::Newer { version }) => format!("version {version}, newer than this program: read only"),
                Some(Schema::Empty | Schema::Foreign) | None => "none yet; the first command makes them".to_owned(),
            };
            let path = |path: &std::path::Path| path.display().to_string();
            let running = match (status.running, status.pid) {
                (true, Some(pid)) => format!("yes, process {pid}"),
                (true, None) => "yes".to_owned(),
                (false, _) => "no; any command starts it".to_owned(),
            };
            for (name, value) in [
                ("Running", running),
                ("Database", name.clone()),
                ("Tables", tables),
                ("Postgres", status.version.unwrap_or_else(|| "not found".to_owned())),
                ("Data", path(&status.data_dir)),
                ("Socket", path(&status.socket_dir)),
                ("Log", path(&status.log)),
                ("Programs", status.bin_dir.as_deref().map_or_else(|| "not found".to_owned(), path)),
            ] {
                table.row([(Tone::Muted, name), (Tone::Plain, &value)]);
            }
            session.out.table(&table)
        }
    }
}

async fn url(session: &mut Session, owner: bool) -> Result<(), CliError> {
    private_only(session)?;
    let opening = session.opening();
    open(&opening).await?;
    let Which::Private(name) = &opening.which else { return Ok(()) };
    let url = opening.cluster()?.url(name, if owner { OWNER } else { APP });
    told_as(session, &url, &json!({ "url": url }))
}

async fn connect(options: sqlx::postgres::PgConnectOptions) -> Result<PgPool, CliError> {
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect_with(options).await;
    pool.map_err(|error| CliError::Store(error.into()))
}

async fn migrate_to_here(session: &mut Session) -> Result<(), CliError> {
    let opening = session.opening();
    if let Which::Url(url) = &opening.which {
        let pool = connect(parse_url(url)?).await?;
        if let Some(version) = migrate::too_old(&pool).await? {
            return Err(OpenError::TooOld(version).into());
        }
        match migrate::schema(&pool).await? {
            Schema::Foreign => return Err(OpenError::Foreign.into()),
            Schema::Newer { version } => {
                return Err(CliError::Failed(format!(
                    "the tables are version {version}, newer than this program's {}. Update dispatch",
                    migrate::newest()
                )));
            }
            Schema::Empty | Schema::Behind { .. } | Schema::Current { .. } => migrate::migrate(&pool).await?,
        }
    } else {
        open(&opening).await?;
    }
    let version = migrate::newest();
    told_as(session, &format!("The tables are at version {version}."), &json!({"version": version}))
}
