//! Where a file of evidence is kept: one that is chosen here and sent along, or a uri that is typed.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use ratatui::text::{Line, Span};
use serde_json::{Value, json};

use super::line::Typed;
use super::text::Text;
use super::{Control, Look, Scene, Took};
use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::envelope::Upload;
use crate::cockpit::keymap::Action;
use crate::cockpit::msg::{Entry, Msg};
use crate::cockpit::part::{Ask, Press};
use crate::cockpit::theme::Role;
use crate::domain::canonical::sha256_hex;
use crate::engine::uri_of;
use crate::text;

/// Entries that are shown at once.
const ROWS: usize = 6;

/// A field of a file.
#[derive(Debug)]
pub struct File {
    typed: Typed,
    /// The same where it may be a note: of several lines.
    note: Text,
    /// The folder whose entries are listed, as it was typed.
    folder: Option<String>,
    entries: Vec<Entry>,
    at: Option<usize>,
    listing: Option<Stamp>,
    reading: Option<Stamp>,
    chosen: Option<Chosen>,
    failure: Option<String>,
    /// Evidence of this kind may be written here, word by word.
    is_note: bool,
    is_touched: bool,
}

/// What is kept with the call, and what names it as evidence.
#[derive(Debug)]
struct Chosen {
    content: Upload,
    uri: String,
    sha256: String,
    bytes: u64,
}

/// Whether a text begins like something that is kept already: with a scheme.
fn has_scheme(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    text.starts_with("dispatch:") || text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Whether a text begins like a path and nothing else does.
fn is_rooted(text: &str) -> bool {
    ["/", "~/", "./", "../"].iter().any(|root| text.starts_with(root))
}

/// The folder of a path as it is typed, with its last slash, and what follows.
fn split(path: &str) -> (&str, &str) {
    path.rfind('/').map_or(("", path), |at| path.split_at(at + 1))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

impl File {
    pub fn new(most: usize) -> Self {
        Self {
            typed: Typed::new(most),
            note: Text::new(most),
            folder: None,
            entries: Vec::new(),
            at: None,
            listing: None,
            reading: None,
            chosen: None,
            failure: None,
            is_note: false,
            is_touched: false,
        }
    }

    fn text(&self) -> String {
        if self.is_note { self.note.text() } else { self.typed.text().to_owned() }
    }

    fn is_empty(&self) -> bool {
        self.text().trim().is_empty()
    }

    fn set(&mut self, text: &str) {
        self.note.set(text);
        self.typed.set(text);
    }

    /// Whether it may be sent as it is.
    fn fits(&self) -> Result<(), String> {
        if self.is_note { self.note.value().map(|_| ()) } else { self.typed.fits() }
    }

    /// The entries of the folder that begin like what is typed, hidden ones only where asked for.
    fn shown(&self) -> Vec<&Entry> {
        let text = self.text();
        let start = split(&text).1.to_lowercase();
        let fits = |entry: &&Entry| {
            entry.name.to_lowercase().starts_with(&start) && (start.starts_with('.') || !entry.name.starts_with('.'))
        };
        self.entries.iter().filter(fits).collect()
    }

    /// Lists the folder that the text is in, unless it is listed already.
    fn list(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        let folder = split(&self.text()).0.to_owned();
        if self.is_uri() || self.folder.as_ref() == Some(&folder) {
            return Vec::new();
        }
        let stamp = scene.world.stamp();
        let path = if folder.is_empty() { PathBuf::from(".") } else { PathBuf::from(&folder) };
        (self.listing, self.folder) = (Some(stamp), Some(folder));
        self.entries.clear();
        vec![Ask::Effect(Effect::Folder { stamp, path })]
    }

    fn fingerprint(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        self.failure = None;
        if self.is_words() {
            let words = self.text().trim().to_owned();
            let (sha256, bytes) = (sha256_hex(words.as_bytes()), words.len() as u64);
            let chosen = Chosen { uri: uri_of(&sha256), sha256, bytes, content: Upload::Words { words } };
            (self.reading, self.chosen) = (None, Some(chosen));
            return Vec::new();
        }
        let stamp = scene.world.stamp();
        self.reading = Some(stamp);
        vec![Ask::Effect(Effect::Fingerprint { stamp, path: PathBuf::from(self.text().trim()) })]
    }

    /// Into a folder, or a file it is.
    fn take(&mut self, at: usize, scene: &Scene<'_>) -> Took {
        let Some(entry) = self.shown().get(at).map(|entry| (*entry).clone()) else { return Took::used().done() };
        let text = self.text();
        let (folder, _) = split(&text);
        let slash = if entry.is_folder { "/" } else { "" };
        let path = format!("{folder}{}{slash}", entry.name);
        self.set(&path);
        (self.at, self.chosen, self.is_touched) = (None, None, true);
        if entry.is_folder {
            return Took::changed().asking(self.list(scene));
        }
        Took::changed().asking(self.fingerprint(scene))
    }

    fn typed_on(&mut self, took: Took, scene: &Scene<'_>) -> Took {
        if !took.is_changed {
            return took;
        }
        (self.chosen, self.reading, self.failure, self.is_touched) = (None, None, None, true);
        let mut asks = self.list(scene);
        self.at = None;
        if self.is_words() && !self.is_empty() {
            asks.extend(self.fingerprint(scene));
        }
        took.asking(asks)
    }

    /// Whether what is typed names something that is kept already. A note may speak of one.
    fn is_uri(&self) -> bool {
        let text = self.text();
        let text = text.trim();
        has_scheme(text) && !(self.is_note && text.contains(char::is_whitespace))
    }

    /// Whether what is typed is a note itself, not the name of a file that holds one.
    fn is_words(&self) -> bool {
        let text = self.text();
        let text = text.trim();
        let (folder, name) = split(text);
        let is_there = self.folder.as_deref() == Some(folder) && self.entries.iter().any(|entry| entry.name == name);
        // With spaces in it, it is a path only if there is one, which is not known while its folder is being read.
        let is_path = is_rooted(text) && (!text.contains(char::is_whitespace) || self.listing.is_some());
        self.is_note && !is_there && !is_path && !self.is_uri()
    }

    fn is_settled(&self) -> bool {
        self.chosen.is_some() || self.reading.is_some() || self.is_uri()
    }

    /// What is said beneath the text.
    fn beneath(&self) -> Option<(Role, String)> {
        match (&self.chosen, &self.failure) {
            (Some(found), _) => {
                let print = found.sha256.get(..12).unwrap_or_default();
                Some((Role::Muted, format!("{} · sha256 {print} · kept with the call", size(found.bytes))))
            }
            (None, Some(why)) => Some((Role::Warning, why.clone())),
            (None, None) if self.reading.is_some() => Some((Role::Muted, "reading it …".to_owned())),
            (None, None) if self.is_words() && !self.is_empty() => {
                Some((Role::Muted, "these words are kept as the note".to_owned()))
            }
            (None, None) if self.is_words() => Some((Role::Muted, "write the note here, or choose a file".to_owned())),
            (None, None) => None,
        }
    }

    /// The entries that are listed: none where one is not choosing among them.
    fn listed(&self) -> Vec<&Entry> {
        let is_writing = self.is_words() && !self.is_empty();
        if self.is_settled() || is_writing { Vec::new() } else { self.shown() }
    }
}

impl Control for File {
    fn value(&self) -> Result<Option<Value>, String> {
        self.fits()?;
        let text = self.text();
        match (Some(text.trim()).filter(|text| !text.is_empty()), &self.chosen) {
            (None, _) => Ok(None),
            (_, Some(chosen)) => Ok(Some(chosen.uri.as_str().into())),
            (Some(said), None) if self.is_uri() => Ok(Some(said.into())),
            _ if self.reading.is_some() => Err("It is being read; once more in a moment.".to_owned()),
            _ => Err(self.failure.clone().unwrap_or_else(|| {
                "Choose a file of the list with enter, or write a uri such as s3://bucket/photo.jpg.".to_owned()
            })),
        }
    }

    fn fill(&mut self, value: &Value, _: &Scene<'_>) -> Vec<Ask> {
        self.set(value.as_str().unwrap_or_default());
        (self.chosen, self.is_touched) = (None, false);
        Vec::new()
    }

    fn draft(&self) -> Value {
        if self.is_touched { self.text().into() } else { Value::Null }
    }

    /// A file is read again: it may have changed since.
    fn restore(&mut self, draft: &Value, scene: &Scene<'_>) -> Vec<Ask> {
        self.fill(draft, scene);
        self.is_touched = true;
        let text = self.text();
        if text.trim().is_empty() || self.is_uri() || text.ends_with('/') {
            return Vec::new();
        }
        self.fingerprint(scene)
    }

    fn learn(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        self.list(scene)
    }

    /// The kind of the evidence says whether it may be words.
    fn narrow(&mut self, name: &str, value: Option<&Value>, scene: &Scene<'_>) -> Took {
        let is_note = value.is_some_and(|value| value == "NOTE");
        if name != "kind" || self.is_note == is_note {
            return Took::nothing();
        }
        // What is typed goes along; a note keeps its lines meanwhile.
        if !is_note {
            self.typed.set(&self.note.text());
        } else if self.note.text().replace('\n', " ") != self.typed.text() {
            self.note.set(self.typed.text());
        }
        self.is_note = is_note;
        // Words are a note and nothing else.
        let was_words = self.chosen.take_if(|found| matches!(found.content, Upload::Words { .. }));
        if was_words.is_some() {
            return Took::changed();
        }
        if self.is_empty() || self.chosen.is_some() || self.is_uri() {
            return Took::used();
        }
        Took::changed().asking(self.fingerprint(scene))
    }

    fn press(&mut self, press: Press, scene: &Scene<'_>) -> Took {
        let count = self.listed().len();
        let is_writing = self.is_words() && !self.is_empty();
        match press.action {
            // Enter makes a line of a note.
            Some(Action::Up | Action::Down | Action::Enter) if is_writing => {
                let took = self.note.press(press, scene);
                self.typed_on(took, scene)
            }
            Some(Action::Down) if count > 0 => {
                self.at = Some(self.at.map_or(0, |at| (at + 1).min(count - 1)));
                Took::used()
            }
            Some(Action::Up) if self.at.is_some() => {
                self.at = self.at.and_then(|at| at.checked_sub(1));
                Took::used()
            }
            Some(Action::Up | Action::Down) => Took::nothing(),
            Some(Action::Enter) => match self.at {
                Some(at) if count > 0 => self.take(at, scene),
                _ if self.is_settled() || self.is_empty() => Took::used().done(),
                _ if count == 1 => self.take(0, scene),
                _ => Took::used().asking(self.fingerprint(scene)),
            },
            _ => {
                let took = if self.is_note { self.note.press(press, scene) } else { self.typed.press(press) };
                self.typed_on(took, scene)
            }
        }
    }

    /// A file that is dropped on a terminal arrives as its path, often in quotes.
    fn paste(&mut self, text: &str, scene: &Scene<'_>) -> Took {
        let is_path = !text.trim().contains('\n');
        let text = if is_path { text.trim().trim_matches(['\'', '"']) } else { text };
        let took = if self.is_note { self.note.paste(text, scene) } else { self.typed.paste(text) };
        self.typed_on(took, scene)
    }

    fn hear(&mut self, msg: &Msg, scene: &Scene<'_>) -> Took {
        match msg {
            Msg::Folder { stamp, outcome } if self.listing == Some(*stamp) => {
                self.listing = None;
                match outcome {
                    Ok(entries) => self.entries.clone_from(entries),
                    Err(why) => self.failure = Some(why.clone()),
                }
                Took::used()
            }
            Msg::Fingerprint { stamp, outcome } if self.reading == Some(*stamp) => {
                self.reading = None;
                match outcome {
                    Ok(found) => {
                        self.chosen = Some(Chosen {
                            content: Upload::File(found.path.clone()),
                            uri: found.uri.clone(),
                            sha256: found.sha256.clone(),
                            bytes: found.bytes,
                        });
                    }
                    Err(why) => self.failure = Some(why.clone()),
                }
                Took::changed().asking(self.list(scene))
            }
            _ => Took::nothing(),
        }
    }

    fn leave(&mut self, scene: &Scene<'_>) -> Took {
        let was_words = self.chosen.as_ref().is_some_and(|found| matches!(found.content, Upload::Words { .. }));
        if was_words && !self.is_words() {
            self.chosen = None;
        }
        if self.is_settled() || self.is_empty() {
            return Took::nothing();
        }
        Took::used_and(self.is_words()).asking(self.fingerprint(scene))
    }

    fn click(&mut self, _: usize, row: usize, width: usize, scene: &Scene<'_>) -> Took {
        let (theme, now) = (scene.world.theme, scene.world.now);
        let lines = self.lines(&Look { theme, now, width, is_focused: true, has_error: false }).len();
        let count = self.listed().len();
        let first = lines - count.saturating_sub(self.first()).min(ROWS);
        match row.checked_sub(first).map(|row| self.first() + row).filter(|at| *at < count) {
            Some(at) => self.take(at, scene),
            None => Took::nothing(),
        }
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        if self.text().is_empty() && !look.is_focused {
            return Vec::new();
        }
        let mut lines =
            if self.is_note { self.note.lines(look) } else { vec![Line::from(self.typed.spans(look, look.width))] };
        lines.extend(self.beneath().map(|(role, said)| {
            Line::styled(text::cut(&text::plain(&said), look.width).into_owned(), look.style(role))
        }));
        if look.is_focused {
            let rows = self.listed().into_iter().enumerate().skip(self.first()).take(ROWS);
            lines.extend(rows.map(|(n, entry)| self.row(n, entry, look)));
        }
        lines
    }

    fn is_too_long(&self) -> bool {
        self.fits().is_err()
    }

    fn upload(&self) -> Option<(&Upload, &str)> {
        self.chosen.as_ref().map(|found| (&found.content, found.sha256.as_str()))
    }
}

impl File {
    fn first(&self) -> usize {
        self.at.unwrap_or(0).saturating_sub(ROWS - 1)
    }

    fn row(&self, n: usize, entry: &Entry, look: &Look<'_>) -> Line<'static> {
        let is_here = self.at == Some(n);
        let (sign, role) = if is_here { ("› ", Role::Selection) } else { ("  ", Role::Text) };
        let name = text::plain(&entry.name);
        let shown = format!(
            "{sign}{}{}",
            text::cut(&name, look.width.saturating_sub(14)),
            if entry.is_folder { "/" } else { "" }
        );
        let mut spans = vec![Span::styled(shown, look.style(role))];
        if !entry.is_folder {
            spans.push(Span::styled(format!("  {}", size(entry.bytes)), look.style(Role::Muted)));
        }
        Line::from(spans)
    }
}

/// What the form's other fields take from a file.
pub fn checksum_of(control: &dyn Control) -> Option<Value> {
    control.upload().map(|(_, sha256)| json!(sha256))
}
