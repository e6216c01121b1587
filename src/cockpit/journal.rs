//! The journal of calls: what was asked for at a key press and is not answered yet, so that it
//! happens exactly once also when the terminal, the program or the machine dies in between.
//!
//! Each cockpit writes a file of its own and holds a lock on it as long as it lives; the system
//! lets go of the lock when the process ends, however. A file that nobody holds is taken over.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::envelope::Envelope;
use super::keep::{WRITING, lock, make_folder, private};

const FOLDER: &str = "journal";
const ENDING: &str = "ndjson";

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one lives at a time, for as long as a line takes")]
enum Entry {
    /// To be made.
    Asked(Envelope),
    /// About to be sent: from here on it may have been done.
    Sent(Uuid),
    /// Surely not done after all.
    Held(Uuid),
    /// Answered, or withdrawn.
    Settled(Uuid),
}

/// A call that is not answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    pub envelope: Envelope,
    pub may_be_sent: bool,
}

/// One process' journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// How many calls in it are not settled.
    open: usize,
}

impl Journal {
    /// Begins a journal below a cockpit's folder, and takes over what processes that have ended
    /// left unanswered, the earliest pressed first. Waits ten seconds at most for others that do the same.
    pub fn begin(folder: &Path) -> io::Result<(Self, Vec<Open>)> {
        make_folder(folder)?;
        let folder = folder.join(FOLDER);
        make_folder(&folder)?;
        // While this is held no other process begins a journal or takes one over, so none is seen
        // between being made and being locked.
        let _all = lock(&folder.join(".lock"), WRITING)?;
        let path = folder.join(format!("{}.{ENDING}", Uuid::new_v4()));
        let file = private().append(true).read(true).create_new(true).open(&path)?;
        file.try_lock()?;
        let mut journal = Self { file, path, open: 0 };
        let adopted = journal.take_over(&folder);
        if adopted.is_err() {
            // What was taken over so far is still where it was.
            journal.open = 0;
        }
        adopted.map(|adopted| (journal, adopted))
    }

    fn take_over(&mut self, folder: &Path) -> io::Result<Vec<Open>> {
        let (mut adopted, mut done) = (Vec::<Open>::new(), Vec::new());
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path == self.path || path.extension().is_none_or(|ending| ending != ENDING) {
                continue;
            }
            let mut file = match private().read(true).append(true).open(&path) {
                Ok(file) => file,
                // Whoever it belonged to has just ended, and left nothing in it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if file.try_lock().is_ok() {
                let mut text = Vec::new();
                file.read_to_end(&mut text)?;
                for open in unsettled(&text) {
                    // A process that died while it took over left two files with the same call.
                    match adopted.iter_mut().find(|known| known.envelope.request_id == open.envelope.request_id) {
                        Some(known) => known.may_be_sent |= open.may_be_sent,
                        None => adopted.push(open),
                    }
                }
                done.push((file, path));
            }
        }
        adopted.sort_by_key(|open| (open.envelope.pressed_at, open.envelope.request_id));
        for Open { envelope, may_be_sent } in &adopted {
            self.write(&Entry::Asked(envelope.clone()))?;
            self.open += 1;
            if *may_be_sent {
                self.write(&Entry::Sent(envelope.request_id))?;
            }
        }
        self.file.sync_data()?;
        // That this file is there must last as well as what is in it.
        File::open(folder)?.sync_all()?;
        for (_held, path) in done {
            // One that stays is taken over again, and its calls are known by their ids.
            let _ = fs::remove_file(path);
        }
        Ok(adopted)
    }

    /// A call is to be made.
    pub fn asked(&mut self, envelope: &Envelope) -> io::Result<()> {
        self.write_safely(&Entry::Asked(envelope.clone()))?;
        self.open += 1;
        Ok(())
    }

    /// A call is about to be sent.
    pub fn sent(&mut self, id: Uuid) -> io::Result<()> {
        self.write_safely(&Entry::Sent(id))
    }

    /// A call was not sent after all.
    pub fn held(&mut self, id: Uuid) -> io::Result<()> {
        self.write(&Entry::Held(id))
    }

    /// A call is answered. Were this lost, its replay would be its answer: nothing waits for the
    /// disk. With the last one the file is emptied.
    pub fn settled(&mut self, id: Uuid) -> io::Result<()> {
        self.open = self.open.saturating_sub(1);
        if self.open == 0 { self.file.set_len(0) } else { self.write(&Entry::Settled(id)) }
    }

    /// Writes a line that lasts before anything follows from it, or is not there at all.
    fn write_safely(&mut self, entry: &Entry) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        self.write(entry).and_then(|()| self.file.sync_data()).inspect_err(|_| {
            let _ = self.file.set_len(before);
        })
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let before = self.file.metadata()?.len();
        // What follows half a line would be lost with it.
        self.file.write_all(&line).inspect_err(|_| {
            let _ = self.file.set_len(before);
        })
    }
}

/// All calls below a cockpit's folder that are not answered, whosever they are. Waits no longer than that for processes that
/// begin a journal.
pub fn asked_for(folder: &Path, within: Duration) -> io::Result<Vec<Envelope>> {
    let folder = folder.join(FOLDER);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    // A call that is being taken over is in one file or the other.
    let _all = lock(&folder.join(".lock"), within)?;
    let mut asked = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            match fs::read(&path) {
                Ok(text) => asked.extend(unsettled(&text).into_iter().map(|open| open.envelope)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(asked)
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.open == 0 {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The calls in a journal that are not settled, in the order in which they were pressed. Lines that
/// cannot be read are passed over: the last may be torn.
fn unsettled(text: &[u8]) -> Vec<Open> {
    let mut open: Vec<Open> = Vec::new();
    let mark = |open: &mut Vec<Open>, id: Uuid, may_be_sent: bool| {
        if let Some(call) = open.iter_mut().find(|open| open.envelope.request_id == id) {
            call.may_be_sent = may_be_sent;
        }
    };
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(Entry::Asked(envelope)) => open.push(Open { envelope, may_be_sent: false }),
            Ok(Entry::Sent(id)) => mark(&mut open, id, true),
            Ok(Entry::Held(id)) => mark(&mut open, id, false),
            Ok(Entry::Settled(id)) => open.retain(|open| open.envelope.request_id != id),
            Err(error) => tracing::warn!(%error, "a line of a journal of calls cannot be read"),
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::super::envelope::Target;
    use super::*;
    use crate::domain::actor::{Actor, Role};
    use crate::domain::time::Timestamp;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("dispatch-journal-{}", Uuid::new_v4())))
        }

        fn files(&self) -> Vec<PathBuf> {
            let all = fs::read_dir(self.0.join(FOLDER)).unwrap().map(|file| file.unwrap().path());
            all.filter(|path| path.extension().is_some_and(|ending| ending == ENDING)).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn envelope(minute: i64) -> Envelope {
        Envelope {
            request_id: Uuid::new_v4(),
            pressed_at: Timestamp::parse("2026-01-01T00:00:00Z").unwrap().plus_minutes(minute),
            tool: "ticket.triage".to_owned(),
            target: Target::Ticket { id: Uuid::from_u128(7), number: "T-7".to_owned() },
            payload: json!({"priority": "URGENT", "note": "two\nlines"}),
            if_version: Some(3),
            actor: Actor::local("maria", Role::Dispatcher),
            upload: None,
            draft: None,
        }
    }

    fn open(envelope: &Envelope, may_be_sent: bool) -> Open {
        Open { envelope: envelope.clone(), may_be_sent }
    }

    #[test]
    fn what_a_process_that_ended_left_unanswered_is_taken_over_once() {
        let folder = Folder::new();
        let (mut first, adopted) = Journal::begin(&folder.0).unwrap();
        assert!(adopted.is_empty());
        let [settled, sent, asked, held] = [0, 3, 2, 1].map(envelope);
        for call in [&settled, &sent, &asked, &held] {
            first.asked(call).unwrap();
        }
        for call in [&settled, &sent, &held] {
            first.sent(call.request_id).unwrap();
        }
        first.settled(settled.request_id).unwrap();
        first.held(held.request_id).unwrap();
        let (second, adopted) = Journal::begin(&folder.0).unwrap();
        assert!(adopted.is_empty(), "its process lives");
        drop(first);
        let (third, adopted) = Journal::begin(&folder.0).unwrap();
        assert_eq!(adopted, [open(&held, false), open(&asked, false), open(&sent, true)], "as they were pressed");
        let (_, again) = Journal::begin(&folder.0).unwrap();
        assert!(again.is_empty(), "somebody has them");
        drop((second, third));
        let (_, last) = Journal::begin(&folder.0).unwrap();
        assert_eq!(last, adopted, "taking over is written down as well");
    }

    #[test]
    fn a_call_that_stands_in_two_files_is_taken_over_once_as_the_more_careful_one() {
        let folder = Folder::new();
        let call = envelope(0);
        let (mut one, _) = Journal::begin(&folder.0).unwrap();
        let (mut two, _) = Journal::begin(&folder.0).unwrap();
        one.asked(&call).unwrap();
        two.asked(&call).unwrap();
        two.sent(call.request_id).unwrap();
        drop((one, two));
        let (_journal, adopted) = Journal::begin(&folder.0).unwrap();
        assert_eq!(adopted, [open(&call, true)]);
        assert_eq!(folder.files().len(), 1);
    }

    #[test]
    fn a_torn_last_line_costs_only_itself() {
        let folder = Folder::new();
        let (mut journal, _) = Journal::begin(&folder.0).unwrap();
        let call = envelope(0);
        journal.asked(&call).unwrap();
        journal.file.write_all(b"{\"sent\":\"0192").unwrap();
        drop(journal);
        let (_, adopted) = Journal::begin(&folder.0).unwrap();
        assert_eq!(adopted, [open(&call, false)]);
    }

    #[test]
    fn the_file_is_the_users_own_empty_when_all_is_answered_and_gone_in_the_end() {
        let folder = Folder::new();
        let (mut journal, _) = Journal::begin(&folder.0).unwrap();
        let call = envelope(0);
        journal.asked(&call).unwrap();
        let file = folder.files().remove(0);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        journal.settled(call.request_id).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().len(), 0);
        journal.asked(&call).unwrap();
        assert!(fs::metadata(&file).unwrap().len() > 0);
        journal.settled(call.request_id).unwrap();
        drop(journal);
        assert!(folder.files().is_empty());
    }
}
