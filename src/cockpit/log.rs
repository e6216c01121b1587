//! Where the program's own log goes: to stderr, and to a file while a cockpit has the terminal.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::writer::{EitherWriter, OptionalWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use super::keep::{make_folder, private};

const NAME: &str = "cockpit.log";
/// A log that has grown larger is put aside, in place of the one before.
const LARGE: u64 = 5 * 1024 * 1024;

static FILE: Mutex<Option<Rolling>> = Mutex::new(None);

fn file() -> MutexGuard<'static, Option<Rolling>> {
    FILE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How stderr is written to.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub is_coloured: bool,
    pub has_time: bool,
}

/// Begins to log what a filter lets through.
pub fn begin(filter: EnvFilter, style: Style) {
    let errors = fmt::layer().with_writer(stderr).with_ansi(style.is_coloured).with_target(false);
    // A warning is read at once; whoever wants to hear more wants to know when.
    let errors = if style.has_time { errors.boxed() } else { errors.without_time().boxed() };
    let kept = fmt::layer().with_writer(|| Kept).with_ansi(false);
    tracing_subscriber::registry().with(filter).with(errors).with(kept).init();
}

/// Stderr, unless a cockpit has the terminal.
fn stderr() -> OptionalWriter<io::Stderr> {
    if file().is_some() { EitherWriter::none() } else { EitherWriter::some(io::stderr()) }
}

/// The log goes to a file as long as this lives.
#[derive(Debug)]
pub struct ToFile(());

impl ToFile {
    /// Logs to a file in a cockpit's folder. Where that cannot be written, nothing is logged: the
    /// terminal is no place for it.
    pub fn begin(folder: &Path) -> Self {
        let _ = make_folder(folder);
        *file() = Some(Rolling::new(folder.join(NAME), LARGE));
        Self(())
    }
}

impl Drop for ToFile {
    fn drop(&mut self) {
        *file() = None;
    }
}

/// The file, where there is one.
struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(rolling) = &mut *file() {
            rolling.write(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is put aside when it is large.
#[derive(Debug)]
struct Rolling {
    path: PathBuf,
    large: u64,
    open: Option<(File, u64)>,
}

impl Rolling {
    fn new(path: PathBuf, large: u64) -> Self {
        Self { path, large, open: None }
    }

    fn write(&mut self, line: &[u8]) {
        if self.open.as_ref().is_some_and(|(_, bytes)| *bytes >= self.large) {
            self.open = None;
        }
        if self.open.is_none() {
            self.open = self.open_file().ok();
        }
        if let Some((file, bytes)) = &mut self.open {
            // There is nowhere left to say that a log cannot be written.
            let _ = file.write_all(line);
            *bytes += line.len() as u64;
        }
    }

    fn open_file(&self) -> io::Result<(File, u64)> {
        if fs::metadata(&self.path).is_ok_and(|about| about.len() >= self.large) {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        let file = private().append(true).create(true).open(&self.path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_log_that_has_grown_is_put_aside_once() {
        let folder = std::env::temp_dir().join(format!("dispatch-log-{}", uuid::Uuid::new_v4()));
        make_folder(&folder).unwrap();
        let path = folder.join(NAME);
        let mut rolling = Rolling::new(path.clone(), 10);
        for line in ["first line\n", "second line\n", "third line\n"] {
            rolling.write(line.as_bytes());
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(
            (read(&path).as_str(), read(&folder.join("cockpit.log.1")).as_str()),
            ("third line\n", "second line\n")
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }
}
