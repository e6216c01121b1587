//! What the cockpit keeps beside the database: drafts of forms, choices, the journal of calls and
//! the log. One folder a database, for this user's eyes only, shared by all of their cockpits.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde_json::{Map, Value};

use crate::domain::canonical::sha256_hex;
use crate::engine::open::{Opening, Which, parse_url};
use crate::text::failure;

/// Older drafts are forgotten.
const MOST_DRAFTS: usize = 200;
const DRAFTS: &str = "drafts.json";
const CHOICES: &str = "choices.json";

/// The folder of one database.
#[derive(Debug, Clone)]
pub struct Keep {
    folder: PathBuf,
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
        Self { folder }
    }

    /// Where everything lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What earlier runs kept.
    pub fn read(&self) -> Kept {
        let both = self.locked(|| Ok((read_map(&self.folder.join(DRAFTS))?, read_map(&self.folder.join(CHOICES))?)));
        match both {
            Ok((drafts, choices)) => {
                Kept { drafts: drafts.into_iter().collect(), choices: choices.into_iter().collect(), trouble: None }
            }
            Err(trouble) => Kept { trouble: Some(trouble), ..Kept::default() },
        }
    }

    /// Keeps what was typed into a form.
    pub fn keep_draft(&self, key: &str, draft: Value) -> Result<(), String> {
        self.change(DRAFTS, |drafts| {
            drafts.shift_remove(key);
            drafts.insert(key.to_owned(), draft);
            while drafts.len() > MOST_DRAFTS {
                let oldest = drafts.keys().next().cloned().unwrap_or_default();
                drafts.shift_remove(&oldest);
            }
        })
    }

    /// Forgets what was typed into a form.
    pub fn drop_draft(&self, key: &str) -> Result<(), String> {
        self.change(DRAFTS, |drafts| drop(drafts.shift_remove(key)))
    }

    /// Keeps what the user chose.
    pub fn keep_choice(&self, key: &str, value: Value) -> Result<(), String> {
        self.change(CHOICES, |choices| drop(choices.insert(key.to_owned(), value)))
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), String> {
        let path = self.folder.join(name);
        self.locked(|| {
            let before = read_map(&path)?;
            let mut map = before.clone();
            change(&mut map);
            if map == before && map.keys().eq(before.keys()) {
                return Ok(());
            }
            let temporary = self.folder.join(format!(".{name}.{}", uuid::Uuid::new_v4()));
            let mut file = private().write(true).create_new(true).open(&temporary)?;
            let written = serde_json::to_writer(&mut file, &map).map_err(io::Error::from);
            let done = written.and_then(|()| file.sync_data()).and_then(|()| fs::rename(&temporary, &path));
            if done.is_err() {
                let _ = fs::remove_file(&temporary);
            }
            done
        })
    }

    /// Does something that no other cockpit may do at the same time.
    fn locked<T>(&self, work: impl FnOnce() -> io::Result<T>) -> Result<T, String> {
        let done = || {
            make_folder(&self.folder)?;
            let lock = private().write(true).create(true).truncate(false).open(self.folder.join(".lock"))?;
            lock.lock()?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fresh() -> Keep {
        Keep::at(std::env::temp_dir().join(format!("dispatch-keep-{}", uuid::Uuid::new_v4())).join("scope"))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_kept_is_there_in_the_next_run_and_nobody_elses() {
        let keep = fresh();
        keep.keep_draft("ticket.triage/1", json!({"summary": "Zoë"})).unwrap();
        keep.keep_choice("theme", json!("mono")).unwrap();
        let kept = Keep::at(keep.folder().to_owned()).read();
        assert_eq!(kept.drafts["ticket.triage/1"], json!({"summary": "Zoë"}));
        assert_eq!(kept.choices["theme"], "mono");
        assert_eq!(kept.trouble, None);
        keep.drop_draft("ticket.triage/1").unwrap();
        assert!(keep.read().drafts.is_empty());
        assert_eq!(mode(keep.folder()), 0o700);
        for file in fs::read_dir(keep.folder()).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        fs::remove_dir_all(keep.folder()).unwrap();
    }

    #[test]
    fn the_oldest_drafts_are_forgotten_and_one_that_is_typed_again_is_new() {
        let keep = fresh();
        for n in 0..MOST_DRAFTS {
            keep.keep_draft(&format!("form {n}"), json!(n)).unwrap();
        }
        keep.keep_draft("form 0", json!("again")).unwrap();
        keep.keep_draft("one more", json!(1)).unwrap();
        let drafts = keep.read().drafts;
        assert_eq!(drafts.len(), MOST_DRAFTS);
        assert!(drafts.contains_key("form 0") && !drafts.contains_key("form 1"));
        fs::remove_dir_all(keep.folder()).unwrap();
    }

    #[test]
    fn cockpits_that_keep_at_once_lose_nothing_of_each_other() {
        let keep = fresh();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let keep = &keep;
                scope.spawn(move || {
                    for m in 0..20 {
                        keep.keep_draft(&format!("{n}/{m}"), json!(m)).unwrap();
                    }
                });
            }
        });
        assert_eq!(keep.read().drafts.len(), 80);
        fs::remove_dir_all(keep.folder()).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_read_is_put_aside_and_a_folder_that_cannot_be_made_is_said() {
        let keep = fresh();
        keep.keep_choice("theme", json!("dark")).unwrap();
        fs::write(keep.folder().join(CHOICES), "{\"theme\":").unwrap();
        assert!(keep.read().choices.is_empty());
        assert!(keep.folder().join("choices.broken").exists());
        let blocked = Keep::at(keep.folder().join("choices.broken").join("below a file"));
        let trouble = blocked.read().trouble.unwrap();
        assert!(trouble.contains("DISPATCH_STATE_DIR"), "{trouble}");
        assert!(blocked.keep_choice("theme", json!("dark")).is_err());
        fs::remove_dir_all(keep.folder()).unwrap();
    }

    #[test]
    fn each_database_has_its_own_folder_whatever_its_password() {
        let of = |url: &str| scope(&Opening { which: Which::Url(url.to_owned()), ..Opening::private("") });
        assert_eq!(of("postgres://me:one@host/db"), of("postgres://me:two@host/db"));
        assert_ne!(of("postgres://me@host/db"), of("postgres://me@host/other"));
        assert_eq!(of("postgres://me@host/db").len(), 16);
    }
}
