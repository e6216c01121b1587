//! What the cockpit keeps beside the database: drafts of forms, choices, the journal of calls and
//! the log. One folder a database, for this user's eyes only, shared by all of their cockpits.
//!
//! A draft belongs to the cockpit it is typed in, which holds a lock on a file of its own as long as it
//! lives. What belongs to one that has ended is taken over by the next that starts.

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use etcetera::BaseStrategy;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::envelope::{Envelope, waiting};
use super::journal;
use crate::domain::canonical::sha256_hex;
use crate::engine::open::{Opening, Which, parse_url};
use crate::text::failure;

/// Older drafts are forgotten.
const MOST_DRAFTS: usize = 200;
const DRAFTS: &str = "drafts.json";
const CHOICES: &str = "choices.json";
/// As long as this is waited for another cockpit, which writes for milliseconds unless it was stopped.
const PATIENCE: Duration = Duration::from_secs(2);

/// The folder of one database, and whose drafts are ours in it.
#[derive(Debug, Clone)]
pub struct Keep {
    folder: PathBuf,
    run: Arc<Run>,
}

/// This cockpit, as long as it runs.
#[derive(Debug)]
struct Run {
    id: String,
    /// The locked file that says that it lives, once there is something to keep.
    alive: Mutex<Option<(File, PathBuf)>>,
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some((_held, path)) = self.alive.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = fs::remove_file(path);
        }
    }
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
        let run = Run { id: Uuid::new_v4().to_string(), alive: Mutex::default() };
        Self { folder, run: Arc::new(run) }
    }

    /// Where everything lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What runs that have ended kept: their drafts are ours now. Waits for other cockpits that keep something just
    /// now, or begin a journal: two seconds each at most.
    pub fn read(&self) -> Kept {
        let both = self.locked(|| {
            let (asked, living) = (journal::asked_for(&self.folder)?, self.living()?);
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

    /// Takes the drafts out of a file that belong to nobody who lives, and our own. Of two in one form the older one
    /// waits for the newer.
    fn take_over(&self, all: &mut Map<String, Value>, living: &HashSet<String>) -> Map<String, Value> {
        let mut ours = Map::new();
        for (name, value) in std::mem::take(all) {
            match value {
                Value::Object(drafts) if Uuid::try_parse(&name).is_ok() => {
                    if name != self.run.id && living.contains(&name) {
                        all.insert(name, Value::Object(drafts));
                        continue;
                    }
                    drafts.into_iter().for_each(|(form, draft)| put(&mut ours, form, draft));
                }
                // As they were kept before there was a name to each cockpit.
                draft => put(&mut ours, name, draft),
            }
        }
        ours
    }

    /// Keeps what was typed into a form.
    pub fn keep_draft(&self, key: &str, draft: Value) -> Result<(), String> {
        self.change_drafts(|drafts| {
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
        self.change_drafts(|drafts| drop(drafts.shift_remove(key)))
    }

    fn change_drafts(&self, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), String> {
        self.change(DRAFTS, |all| {
            // Who kept something last comes last.
            let ours = all.shift_remove(&self.run.id);
            let mut ours = ours.and_then(|ours| ours.as_object().cloned()).unwrap_or_default();
            change(&mut ours);
            if !ours.is_empty() {
                all.insert(self.run.id.clone(), Value::Object(ours));
            }
        })
    }

    /// Keeps what the user chose.
    pub fn keep_choice(&self, key: &str, value: Value) -> Result<(), String> {
        self.change(CHOICES, |choices| drop(choices.insert(key.to_owned(), value)))
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), String> {
        self.locked(|| self.rewrite(name, change))
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
    fn locked<T>(&self, work: impl FnOnce() -> io::Result<T>) -> Result<T, String> {
        let done = || {
            make_folder(&self.folder)?;
            let _held = lock(&self.folder.join(".lock"))?;
            self.live()?;
            work()
        };
        done().map_err(|error| self.trouble(&error))
    }

    /// Lets others see that this cockpit runs.
    fn live(&self) -> io::Result<()> {
        let mut alive = self.run.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if alive.is_none() {
            let path = self.sign(&self.run.id);
            let file = private().write(true).create(true).truncate(false).open(&path)?;
            file.try_lock()?;
            *alive = Some((file, path));
        }
        Ok(())
    }

    fn sign(&self, run: &str) -> PathBuf {
        self.folder.join(format!(".{run}.lock"))
    }

    /// The cockpits that run. Of those that ended without a word nothing is left after this.
    fn living(&self) -> io::Result<HashSet<String>> {
        let mut living = HashSet::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let run = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(".lock"));
            let Some(run) = run.filter(|run| Uuid::try_parse(run).is_ok()) else { continue };
            let path = self.sign(run);
            if File::open(&path)?.try_lock().is_err() {
                living.insert(run.to_owned());
            } else {
                fs::remove_file(path)?;
            }
        }
        Ok(living)
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

/// Adds a draft to those of cockpits that ended earlier.
fn put(drafts: &mut Map<String, Value>, form: String, draft: Value) {
    let before = drafts.shift_remove(&form);
    if let Some(before) = before.filter(|before| *before != draft) {
        drafts.insert(waiting(&form, Uuid::now_v7()), before);
    }
    drafts.insert(form, draft);
}

/// Forgets what is on its way: killed at the wrong moment, a cockpit leaves it both as a draft and in a call. What
/// waits for its form and is in it already waits no longer.
fn settle(drafts: &mut Map<String, Value>, asked: &[Envelope]) {
    for envelope in asked {
        let Some(draft) = &envelope.draft else { continue };
        if drafts.get(&draft.form) == Some(&draft.said) {
            drafts.shift_remove(&draft.form);
        }
        drafts.shift_remove(&draft.waiting(envelope.request_id));
    }
    let is_double = |key: &String, draft: &Value| {
        let form = key.rsplit_once(&waiting("", "")).map(|(form, _)| form);
        form.is_some_and(|form| drafts.get(form) == Some(draft))
    };
    let doubles: Vec<String> =
        drafts.iter().filter(|(key, draft)| is_double(key, draft)).map(|(key, _)| key.clone()).collect();
    for key in doubles {
        drafts.shift_remove(&key);
    }
}

/// Locks a file that other cockpits lock for moments. One that was stopped meanwhile is not waited for.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let file = private().write(true).create(true).truncate(false).open(path)?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => {
                let why = "another cockpit of yours is just writing and does not go on; continue it (`fg`) or end it";
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
        }
    }
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
        let folder = keep.folder().to_owned();
        drop(keep);
        let keep = Keep::at(folder);
        let kept = keep.read();
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
    fn the_drafts_of_a_cockpit_that_runs_are_nobody_elses_until_it_ends() {
        let first = fresh();
        first.keep_draft("maria ticket.create new", json!("half")).unwrap();
        let second = Keep::at(first.folder().to_owned());
        assert!(second.read().drafts.is_empty());
        second.keep_draft("maria ticket.create new", json!("other")).unwrap();
        assert_eq!(first.read().drafts["maria ticket.create new"], "half");
        // However it ends.
        let sign = first.sign(&first.run.id);
        let held = first.run.alive.lock().unwrap().take();
        assert!(held.is_some() && sign.exists());
        drop((first, held));
        let third = Keep::at(second.folder().to_owned());
        let kept = third.read();
        assert_eq!(kept.drafts, [("maria ticket.create new".to_owned(), json!("half"))].into());
        assert!(!sign.exists(), "nothing is left of it");
        assert_eq!(second.read().drafts["maria ticket.create new"], "other");
        assert_eq!(third.read().drafts, kept.drafts, "they are its own now");
        fs::remove_dir_all(second.folder()).unwrap();
    }

    #[test]
    fn of_two_drafts_in_one_form_the_older_one_waits_and_those_of_older_files_are_taken_over() {
        let folder = fresh().folder().to_owned();
        make_folder(&folder).unwrap();
        fs::write(folder.join(DRAFTS), "{\"form\": {\"fields\": 1}}").unwrap();
        let (first, second) = (Keep::at(folder.clone()), Keep::at(folder.clone()));
        second.keep_draft("form", json!({"fields": 3})).unwrap();
        first.keep_draft("form", json!({"fields": 2})).unwrap();
        drop((first, second));
        let drafts = Keep::at(folder.clone()).read().drafts;
        let mut waiting: Vec<_> = drafts.iter().filter(|(key, _)| key.starts_with("form waiting ")).collect();
        waiting.sort_by_key(|(key, _)| *key);
        let waiting: Vec<_> = waiting.into_iter().map(|(_, draft)| draft["fields"].clone()).collect();
        assert_eq!((drafts["form"]["fields"].clone(), waiting), (json!(2), vec![json!(1), json!(3)]));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_in_the_journal_is_no_draft_any_more() {
        let envelope: Envelope = serde_json::from_value(json!({
            "request_id": Uuid::now_v7(), "pressed_at": "2026-11-21T12:00:00.000Z", "tool": "ticket.create",
            "target": "Nothing", "payload": {}, "if_version": null, "upload": null,
            "actor": crate::domain::actor::Actor::local("maria", crate::domain::actor::Role::Dispatcher),
            "draft": {"form": "form", "said": {"fields": {"a": 1}}},
        }))
        .unwrap();
        let keep = fresh();
        let draft = envelope.draft.clone().unwrap();
        let (mut journal, _) = journal::Journal::begin(keep.folder()).unwrap();
        journal.asked(&envelope).unwrap();
        keep.keep_draft(&draft.form, draft.said.clone()).unwrap();
        keep.keep_draft(&draft.waiting(envelope.request_id), draft.said).unwrap();
        keep.keep_draft("other", json!({"fields": {"a": 2}})).unwrap();
        // Killed while it was put back.
        keep.keep_draft(&waiting("other", Uuid::nil()), json!({"fields": {"a": 2}})).unwrap();
        assert_eq!(keep.read().drafts, [("other".to_owned(), json!({"fields": {"a": 2}}))].into());
        keep.keep_draft("form", json!({"fields": {"a": 3}})).unwrap();
        assert!(keep.read().drafts.contains_key("form"), "begun after it");
        fs::remove_dir_all(keep.folder()).unwrap();
    }

    #[test]
    fn a_cockpit_that_was_stopped_while_it_wrote_is_not_waited_for_for_ever() {
        let keep = fresh();
        keep.keep_draft("form", json!(1)).unwrap();
        let held = lock(&keep.folder().join(".lock")).unwrap();
        let trouble = Keep::at(keep.folder().to_owned()).read().trouble.unwrap();
        assert!(trouble.contains("another cockpit of yours"), "{trouble}");
        drop(held);
        assert_eq!(keep.read().drafts["form"], 1);
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
