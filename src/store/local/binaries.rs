//! Where the server's programs are.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::error::LocalError;
use super::install;

/// The oldest major version that the schema works on.
pub(super) const MINIMUM: u32 = 14;

const PROGRAMS: [&str; 3] = ["initdb", "postgres", "pg_ctl"];

/// Where packages put them: a parent, the prefix before the version, and what follows.
const USUAL: [(&str, &str, &str); 9] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/lib", "postgresql", "bin"),
    ("/usr/lib64", "postgresql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A directory with `initdb`, `postgres` and `pg_ctl` of one version.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub(super) directory: PathBuf,
    pub(super) major: u32,
    pub(super) version: String,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What is in `directory`, if it is a server we can use.
    async fn inspect(directory: PathBuf) -> Option<Self> {
        if !PROGRAMS.iter().all(|program| is_executable(&directory.join(program))) {
            return None;
        }
        let answer = output_of(&directory.join("postgres"), "--version").await?;
        let (major, version) = parse_version(&answer)?;
        if major < MINIMUM {
            tracing::debug!(directory = %directory.display(), version, "this PostgreSQL is too old");
            return None;
        }
        Some(Self { directory, major, version })
    }
}

/// Where to look.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pub(super) configured: Option<PathBuf>,
    /// Whether to look anywhere but in the configured directory.
    pub(super) elsewhere: bool,
}

impl Search {
    /// The first server in the order of the documentation. A cluster that exists can only be opened by its own major
    /// version, which is then the only one that counts.
    pub(super) async fn find(&self, pgdata: &Path, major: Option<u32>) -> Result<Binaries, LocalError> {
        let fits = |found: &Binaries| major.is_none_or(|major| major == found.major);
        if let Some(directory) = &self.configured {
            match Binaries::inspect(directory.clone()).await {
                Some(found) if fits(&found) => return Ok(found),
                _ => {
                    tracing::debug!(directory = %directory.display(), "no fitting PostgreSQL server in this directory");
                }
            }
        }
        if self.elsewhere {
            if let Some(directory) = output_of(Path::new("pg_config"), "--bindir").await
                && let Some(found) = Binaries::inspect(directory.trim().into()).await.filter(fits)
            {
                return Ok(found);
            }
            for directory in on_path().chain(usual()) {
                if let Some(found) = Binaries::inspect(directory).await.filter(fits) {
                    return Ok(found);
                }
            }
        }
        let looked = self.looked();
        Err(match major {
            Some(major) => LocalError::OtherMajor { pgdata: pgdata.to_owned(), major, looked },
            None => LocalError::NoBinaries { looked, remedy: install::remedy() },
        })
    }

    /// The directory with `pg_dump` and `pg_restore` of this major version, else of the next newer
    /// one: an older one cannot read the server. With the version found.
    pub(super) async fn clients(&self, major: u32) -> Result<(PathBuf, u32), LocalError> {
        let mut directories: Vec<PathBuf> = self.configured.iter().cloned().collect();
        if self.elsewhere {
            let named = output_of(Path::new("pg_config"), "--bindir").await;
            directories.extend(named.map(|directory| PathBuf::from(directory.trim())));
            directories.extend(on_path().chain(usual()));
        }
        let mut best: Option<(PathBuf, u32)> = None;
        for directory in directories {
            let dump = directory.join("pg_dump");
            if !is_executable(&dump) || !is_executable(&directory.join("pg_restore")) {
                continue;
            }
            let found = output_of(&dump, "--version").await.and_then(|answer| parse_version(&answer));
            if let Some((found, _)) = found.filter(|(found, _)| *found >= major)
                && best.as_ref().is_none_or(|(_, best)| found < *best)
            {
                best = Some((directory, found));
            }
        }
        best.ok_or_else(|| LocalError::NoClients { major, looked: self.looked() })
    }

    fn looked(&self) -> String {
        let configured = self.configured.as_ref().map(|directory| directory.display().to_string());
        let elsewhere = self.elsewhere.then(|| "the directory pg_config names, PATH and the usual places".to_owned());
        let places: Vec<String> = configured.into_iter().chain(elsewhere).collect();
        if places.is_empty() { "no directory: none is configured".to_owned() } else { places.join(", ") }
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

pub(super) async fn output_of(program: &Path, argument: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let answer = command.output().await.ok()?;
    if answer.status.success() { String::from_utf8(answer.stdout).ok() } else { None }
}

fn on_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|directory| directory.is_absolute()).collect::<Vec<_>>().into_iter()
}

fn usual() -> impl Iterator<Item = PathBuf> {
    let versioned = USUAL.iter().flat_map(|&(parent, prefix, below)| newest_first(Path::new(parent), prefix, below));
    versioned.chain([PathBuf::from("/usr/local/pgsql/bin")])
}

fn newest_first(parent: &Path, prefix: &str, below: &str) -> Vec<PathBuf> {
    let version_of = |name: &OsStr| name.to_str()?.strip_prefix(prefix)?.parse::<u32>().ok();
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some((version_of(&entry.file_name())?, entry.path())))
        .map(|(version, path)| (version, if below.is_empty() { path } else { path.join(below) }))
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}

/// Reads `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
pub(super) fn parse_version(answer: &str) -> Option<(u32, String)> {
    let version = answer.split_once("(PostgreSQL) ")?.1.split_whitespace().next()?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    Some((version[..digits].parse().ok()?, version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_releases_betas_and_development_builds_are_read() {
        for (answer, major, version) in [
            ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", 15, "15.14"),
            ("postgres (PostgreSQL) 18beta1\n", 18, "18beta1"),
            ("postgres (PostgreSQL) 19devel\n", 19, "19devel"),
            ("postgres (PostgreSQL) 9.6.24\n", 9, "9.6.24"),
        ] {
            assert_eq!(parse_version(answer), Some((major, version.to_owned())));
        }
        assert_eq!(parse_version("something else 15"), None);
    }

    #[test]
    fn the_newest_of_several_versions_comes_first_and_by_number() -> std::io::Result<()> {
        let parent = std::env::temp_dir().join(format!("dispatch-binaries-{}", std::process::id()));
        for name in ["pg-9", "pg-17", "pg-15", "pg-latest", "other-18"] {
            fs::create_dir_all(parent.join(name))?;
        }
        let found = newest_first(&parent, "pg-", "bin");
        fs::remove_dir_all(&parent)?;
        let expected: Vec<PathBuf> =
            ["pg-17/bin", "pg-15/bin", "pg-9/bin"].iter().map(|name| parent.join(name)).collect();
        assert_eq!(found, expected);
        Ok(())
    }
}
