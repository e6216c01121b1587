//! What the cockpit keeps beside the database: drafts of forms, choices, the journal of calls and
//! the log. One folder a database, for this user's eyes only, shared by all of their cockpits.
//!
//! A draft belongs to the cockpit it is typed in, which holds a lock on a file of its own as long as it
//! lives. What belongs to one that has ended is taken over by the next that starts.

mod drafts;
mod run;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use etcetera::BaseStrategy;
use serde_json::{Map, Value};
use uuid::Uuid;

use self::drafts::settle;
use self::run::Run;
pub(super) use self::run::lock;
use super::journal;
use crate::domain::canonical::sha256_hex;
use crate::engine::open::{Opening, Which, parse_url};
use crate::text::failure;

const DRAFTS: &str = "drafts.json";
const CHOICES: &str = "choices.json";
/// As long as this other cockpits are waited for, which write for milliseconds unless they were stopped: before the
/// first frame, and behind it.
const STARTING: Duration = Duration::from_secs(2);
pub(super) const WRITING: Duration = Duration::from_secs(10);

/// The folder of one database, and whose drafts are ours in it.
#[derive(Debug, Clone)]
pub struct Keep {
    folder: PathBuf,
    run: Arc<Run>,
}

/// What was kept by earlier runs.
#[derive(Debug, Default)]
pub struct Kept {
    /// What was typed into forms and not sent, by form.
    pub drafts: HashMap<String, Value>,
    pub choices: HashMap<String, Value>,
    /// Why nothing can be kept, where that is so.
    pub trouble: Option<String>,
}

impl Keep {
    /// The folder of a database, below `DISPATCH_STATE_DIR` or the user's own place for such things.
    pub fn of(opening: &Opening) -> Self {
        let base = crate::config::variable(&["DISPATCH_STATE_DIR"]).map(PathBuf::from).or_else(|| {
            let usual = etcetera::choose_base_strategy().ok()?;
            Some(usual.state_dir().unwrap_or_else(|| usual.data_dir()).join("dispatch"))
        });
        // Nobody's home: beside the evidence.
        let base = base.unwrap_or_else(|| {
            opening.cluster().map(|cluster| cluster.data_dir().to_owned()).unwrap_or_default().join("cockpit")
        });
        Self::at(base.join(scope(opening)))
    }

    /// A folder, which is made when something is kept.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, run: Arc::default() }
    }

    /// Where everything lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What runs that have ended kept: their drafts are ours now. Waits for other cockpits that keep something just
    /// now, or begin a journal: two seconds each at most.
    pub fn read(&self) -> Kept {
        let both = self.locked(STARTING, || {
            let (asked, living) = (journal::asked_for(&self.folder, STARTING)?, self.living()?);
            let mut drafts = Map::new();
            self.rewrite(DRAFTS, |all| {
                drafts = self.take_over(all, &living);
                settle(&mut drafts, &asked);
                if !drafts.is_empty() {
                    all.insert(self.run.id.clone(), Value::Object(drafts.clone()));
                }
            })?;
            Ok((drafts, read_map(&self.folder.join(CHOICES))?))
        });
        match both {
            Ok((drafts, choices)) => {
                Kept { drafts: drafts.into_iter().collect(), choices: choices.into_iter().collect(), trouble: None }
            }
            Err(trouble) => Kept { trouble: Some(trouble), ..Kept::default() },
        }
    }

    /// Keeps what the user chose.
    pub fn keep_choice(&self, key: &str, value: Value) -> Result<(), String> {
        self.change(CHOICES, |choices| drop(choices.insert(key.to_owned(), value)))
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), String> {
        self.locked(WRITING, || self.rewrite(name, change))
    }

    fn rewrite(&self, name: &str, change: impl FnOnce(&mut Map<String, Value>)) -> io::Result<()> {
        let path = self.folder.join(name);
        let before = read_map(&path)?;
        let mut map = before.clone();
        change(&mut map);
        if map == before && map.keys().eq(before.keys()) {
            return Ok(());
        }
        let temporary = self.folder.join(format!(".{name}.{}", Uuid::new_v4()));
        let mut file = private().write(true).create_new(true).open(&temporary)?;
        let written = serde_json::to_writer(&mut file, &map).map_err(io::Error::from);
        let done = written.and_then(|()| file.sync_data()).and_then(|()| fs::rename(&temporary, &path));
        if done.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        done
    }

    /// Does something that no other cockpit may do at the same time.
    fn locked<T>(&self, within: Duration, work: impl FnOnce() -> io::Result<T>) -> Result<T, String> {
        let done = || {
            make_folder(&self.folder)?;
            let _held = lock(&self.folder.join(".lock"), within)?;
            self.live()?;
            work()
        };
        done().map_err(|error| self.trouble(&error))
    }

    /// Why nothing can be kept.
    fn trouble(&self, error: &io::Error) -> String {
        format!(
            "Drafts and choices cannot be kept in {}: {}. They last until you leave; make that folder writable, or name \
             another in DISPATCH_STATE_DIR.",
            self.folder.display(),
            failure(error)
        )
    }
}

/// What identifies a database, without a password in it, as a folder's name.
fn scope(opening: &Opening) -> String {
    let identity = match &opening.which {
        Which::Url(url) => match parse_url(url) {
            Ok(options) => format!(
                "{}|{:?}|{}|{}|{}",
                options.get_host(),
                options.get_socket(),
                options.get_port(),
                options.get_username(),
                options.get_database().unwrap_or_default()
            ),
            Err(_) => "no URL".to_owned(),
        },
        Which::Private(database) => {
            let place = opening.cluster().map(|cluster| cluster.data_dir().to_owned());
            format!("{}|{database}", place.unwrap_or_default().display())
        }
    };
    sha256_hex(identity.as_bytes()).chars().take(16).collect()
}

/// How a file of ours is opened: for this user only.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes a folder for this user only; the last part is closed to others also where it was there.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let rights = fs::metadata(folder)?.permissions();
    if rights.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// A map that was kept; none where there is no file. One that cannot be read is put aside.
fn read_map(path: &Path) -> io::Result<Map<String, Value>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => return Err(error),
    };
    match serde_json::from_reader(io::BufReader::new(file)) {
        Ok(map) => Ok(map),
        Err(error) if error.is_io() => Err(error.into()),
        Err(error) => {
            let aside = path.with_extension("broken");
            tracing::warn!(%error, "{} cannot be read and is kept as {}", path.display(), aside.display());
            fs::rename(path, aside)?;
            Ok(Map::new())
        }
    }
}
