//! Everything that the checks judge, looked at once.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{self, ConfigError, File};
use crate::domain::policy::Bundle;
use crate::engine::open::{Opening, Which, parse_url};
use crate::store::StoreError;
use crate::store::health::{self, Health, Seen};
use crate::store::local::look::{Found, Programs};
use crate::store::local::{APP, Cluster, LocalError, Status};
use crate::store::objects::Objects;
use crate::text::failure;

/// How long the search for programs, or a folder that does not answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What went wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub seen: String,
    pub advice: String,
}

/// All that was seen.
#[derive(Debug, Clone)]
pub struct Facts {
    pub config: ConfigFile,
    /// Variables of the environment that are set to something they cannot be.
    pub bad_variables: Vec<BadVariable>,
    /// None where a database URL is set.
    pub cluster: Option<Result<Place, Trouble>>,
    pub programs: Result<Programs, Trouble>,
    pub spaces: Vec<Space>,
    pub objects: ObjectFolder,
    pub database: Reach,
    /// Connections that one dispatch opens at most.
    pub pool_max: u32,
    /// Bytes of memory of this machine, where it says.
    pub memory: Option<u64>,
    pub policy: Arc<Bundle>,
    pub surroundings: Surroundings,
}

/// The config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    pub path: Option<PathBuf>,
    pub read: Result<(), String>,
    /// The last nine bits of its mode; none where there is no file.
    pub mode: Option<u32>,
    /// Whether it holds the URL of a database.
    pub has_url: bool,
}

/// A variable of the environment, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadVariable {
    pub name: &'static str,
    pub value: String,
    pub wanted: &'static str,
}

/// Where the private cluster is.
#[derive(Debug, Clone)]
pub struct Place {
    pub data_dir: PathBuf,
    pub status: Result<Status, Trouble>,
    pub found: Vec<Found>,
    /// Bytes of the socket's path, and what they must stay below.
    pub socket_length: (usize, usize),
}

/// A file system that we write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    pub path: PathBuf,
    /// Bytes.
    pub free: u64,
    pub total: u64,
}

/// Where evidence is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFolder {
    pub path: PathBuf,
    /// None where there is no folder yet.
    pub tried: Option<Seen<()>>,
}

/// How far we came.
#[derive(Debug, Clone)]
pub enum Reach {
    /// The cluster or its database was never made.
    NotMade,
    /// The private cluster is down, as it may be.
    Stopped,
    /// It should answer and does not.
    Away(Trouble),
    /// It answers.
    Up(Box<Health>),
}

/// The terminal and its language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether results go to a terminal.
    pub terminal: bool,
    /// Columns and rows.
    pub size: Option<(u16, u16)>,
    pub term: Option<String>,
    pub colorterm: Option<String>,
    pub no_color: bool,
    /// The variable that decides about the character set, and its value.
    pub locale: Option<(&'static str, String)>,
}

impl Facts {
    /// Looks at everything.
    pub async fn gather(config: ConfigFile, opening: &Opening, terminal: bool) -> Self {
        let cluster = opening.cluster().map_err(|error| Trouble::of(&error));
        let programs = match &cluster {
            Ok(cluster) => programs(cluster).await,
            Err(trouble) => Err(trouble.clone()),
        };
        let private = matches!(opening.which, Which::Private(_));
        let place = match &cluster {
            Ok(cluster) => place(cluster).await.map_err(|()| too_slow("the private cluster")),
            Err(trouble) => Err(trouble.clone()),
        };
        let database = reach(opening, cluster.as_ref().ok(), &place).await;
        let data_dir = cluster.as_ref().map(|cluster| cluster.data_dir().to_owned()).unwrap_or_default();
        let objects = Objects::new(data_dir.join("objects"));
        let mut written = vec![objects.folder().to_owned()];
        if let (true, Ok(cluster)) = (private, &cluster) {
            written.splice(0..0, [data_dir, cluster.journal_dir()]);
        }
        Self {
            config,
            bad_variables: bad_variables(),
            cluster: private.then_some(place),
            programs,
            spaces: spaces(&written),
            objects: object_folder(&objects).await,
            database,
            pool_max: opening.pool_max,
            memory: memory(),
            policy: Bundle::embedded(),
            surroundings: Surroundings::here(terminal),
        }
    }

    /// The database and what is ours in it; or why there is nothing to judge.
    pub fn health(&self) -> Result<&Health, &'static str> {
        match &self.database {
            Reach::NotMade => Err("not made yet; the first use makes it"),
            Reach::Stopped => Err("the server is stopped; `dispatch db start`, then ask again"),
            Reach::Away(_) => Err("the database cannot be reached"),
            Reach::Up(health) => Ok(health),
        }
    }
}

impl Trouble {
    /// An error's message: first what happened, then what to do.
    fn of(error: &LocalError) -> Self {
        let message = error.to_string();
        let (seen, advice) = message.split_once(". ").unwrap_or((&message, "Read `dispatch help db`"));
        Self { seen: seen.to_owned(), advice: format!("{}.", advice.trim_end_matches('.')) }
    }
}

fn too_slow(what: &str) -> Trouble {
    Trouble {
        seen: format!("{what} could not be looked at within {} s", PATIENCE.as_secs()),
        advice: "A disk or a program hangs: look at the machine's load, and at network folders.".to_owned(),
    }
}

impl ConfigFile {
    /// Reads the file that was named, or the usual one.
    pub fn read(named: Option<&Path>) -> (Self, File) {
        let path = named.map(Path::to_owned).or_else(config::usual_path);
        let mode = path.as_deref().and_then(|path| fs::metadata(path).ok()).map(|found| found.mode() & 0o777);
        let (file, read) = match File::read(named) {
            Ok(file) => (file, Ok(())),
            Err(ConfigError::Unreadable { source, .. }) => (File::default(), Err(failure(&source))),
            Err(ConfigError::Wrong { line, message, .. }) => (File::default(), Err(format!("line {line}: {message}"))),
        };
        (Self { path, read, mode, has_url: file.database_url.is_some() }, file)
    }
}

/// Variables of ours that cannot be what they are set to, and so are not heeded.
fn bad_variables() -> Vec<BadVariable> {
    type Fits = fn(&str) -> bool;
    const YES_OR_NO: &str = "true or false";
    let is_number: Fits = |value| value.trim().parse::<u32>().is_ok();
    let is_flag: Fits = |value| config::yes_or_no(value).is_some();
    let known = [
        ("DISPATCH_DB_POOL_MAX", "a whole number", is_number),
        ("DISPATCH_EVIDENCE_REQUIRE_HEAD", YES_OR_NO, is_flag),
        ("REQUIRE_EVIDENCE_CHECKSUM", YES_OR_NO, is_flag),
        ("DISPATCH_EVIDENCE_REQUIRE_CHECKSUM", YES_OR_NO, is_flag),
    ];
    let bad = known.into_iter().filter_map(|(name, wanted, fits)| {
        let value = config::variable(&[name]).filter(|value| !fits(value))?;
        Some(BadVariable { name, value, wanted })
    });
    bad.collect()
}

async fn programs(cluster: &Cluster) -> Result<Programs, Trouble> {
    match tokio::time::timeout(PATIENCE, cluster.programs()).await {
        Ok(found) => found.map_err(|error| Trouble::of(&error)),
        Err(_) => Err(too_slow("the server's programs")),
    }
}

async fn place(cluster: &Cluster) -> Result<Place, ()> {
    let status = tokio::time::timeout(PATIENCE, cluster.status()).await.map_err(drop)?;
    Ok(Place {
        data_dir: cluster.data_dir().to_owned(),
        status: status.map_err(|error| Trouble::of(&error)),
        found: cluster.found(),
        socket_length: cluster.socket_length(),
    })
}

async fn reach(opening: &Opening, cluster: Option<&Cluster>, place: &Result<Place, Trouble>) -> Reach {
    match &opening.which {
        Which::Url(url) => match parse_url(url) {
            Ok(options) => health::look(options).await.map_or_else(|error| Reach::Away(away(&error, false)), up),
            Err(_) => Reach::Away(Trouble {
                seen: "the database URL cannot be read".to_owned(),
                advice: "Write it as postgresql://user@host/database.".to_owned(),
            }),
        },
        Which::Private(name) => {
            let status = place.as_ref().map_err(Clone::clone).and_then(|place| place.status.clone());
            let (cluster, status) = match (cluster, status) {
                (Some(cluster), Ok(status)) => (cluster, status),
                (_, Err(trouble)) => return Reach::Away(trouble),
                (None, Ok(_)) => return Reach::NotMade,
            };
            match (status.initialised, status.running, status.pid) {
                (false, ..) => Reach::NotMade,
                (true, false, None) => Reach::Stopped,
                (true, false, Some(pid)) => Reach::Away(Trouble {
                    seen: format!("the private server (process {pid}) is there and does not answer"),
                    advice: format!(
                        "It may be recovering: ask again in a moment. Then read {}, or `dispatch db stop`.",
                        status.log.display()
                    ),
                }),
                (true, true, _) => match health::look(cluster.connect_options(name, APP)).await {
                    Ok(health) => up(health),
                    Err(StoreError::NoDatabase(_)) => Reach::NotMade,
                    Err(error) => Reach::Away(away(&error, true)),
                },
            }
        }
    }
}

fn up(health: Health) -> Reach {
    Reach::Up(Box::new(health))
}

fn away(error: &StoreError, private: bool) -> Trouble {
    let advice = match error {
        _ if private => {
            "Start it anew: `dispatch db stop`, then `dispatch db start`, which also mends its roles. Its log says more: \
             `dispatch db status` names it."
        }
        StoreError::Login(_) => {
            "Correct user and password: in DISPATCH_DATABASE_URL, in the config file, or in ~/.pgpass (mode 0600)."
        }
        StoreError::NoDatabase(_) => {
            "Correct the name in the database URL, or make it: createdb, then `dispatch db migrate`."
        }
        _ => {
            "Check that the server runs, that host and port in the database URL are right, and that no firewall is \
             between (pg_isready asks it)."
        }
    };
    Trouble { seen: error.reason(), advice: advice.to_owned() }
}

/// The file systems behind these paths, each once.
fn spaces(paths: &[PathBuf]) -> Vec<Space> {
    let mut seen = Vec::new();
    let mut spaces = Vec::new();
    for path in paths {
        let Some(existing) = path.ancestors().find(|part| part.exists()) else { continue };
        let (Ok(found), Ok(space)) = (fs::metadata(existing), rustix::fs::statvfs(existing)) else { continue };
        if !seen.contains(&found.dev()) {
            seen.push(found.dev());
            let (free, total) = (space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize);
            spaces.push(Space { path: path.clone(), free, total });
        }
    }
    spaces
}

async fn object_folder(objects: &Objects) -> ObjectFolder {
    let path = objects.folder().to_owned();
    let tried = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        _ => match tokio::time::timeout(PATIENCE, objects.try_out()).await {
            Ok(tried) => Some(tried.map_err(|error| failure(&error))),
            Err(_) => Some(Err(format!("it did not answer within {} s", PATIENCE.as_secs()))),
        },
    };
    ObjectFolder { path, tried }
}

/// All memory of this machine.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

impl Surroundings {
    fn here(terminal: bool) -> Self {
        let set = |name: &str| config::variable(&[name]);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| Some((name, set(name)?)));
        Self {
            terminal,
            size: terminal_size::terminal_size().map(|(columns, rows)| (columns.0, rows.0)),
            term: set("TERM"),
            colorterm: set("COLORTERM"),
            no_color: set("NO_COLOR").is_some(),
            locale,
        }
    }
}
