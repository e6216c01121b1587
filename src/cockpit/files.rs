//! Files of this machine: folders to choose from, fingerprints of evidence, exports. All of it may
//! hang, so none of it runs where something else would have to wait.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use super::keep::private;
use super::msg::{Entry, Fingerprint};
use crate::domain::canonical::sha256_hex;
use crate::engine::{MAX_OBJECT, uri_of};
use crate::text::failure;

/// More entries of a folder than this help nobody to choose.
const MOST_ENTRIES: usize = 2_000;

/// Runs what may hang.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}

/// A path as a shell would read it: `~` is the user's folder.
fn at_home(path: PathBuf) -> PathBuf {
    let rest = path.strip_prefix("~").ok().map(Path::to_owned);
    rest.zip(etcetera::home_dir().ok()).map_or(path, |(rest, home)| home.join(rest))
}

/// What is in a folder: folders first, then files, each by name. What is hidden is shown only inside
/// what is hidden.
pub async fn folder(path: PathBuf) -> Result<Vec<Entry>, String> {
    let path = at_home(path);
    aside(move || {
        let failed = |error: std::io::Error| {
            format!("{} cannot be read: {}. Choose another folder.", path.display(), failure(&error))
        };
        let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        let shows_hidden = path.iter().any(|part| is_hidden(part) && part != "." && part != "..");
        let mut entries = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            // What cannot be looked at, or named, cannot be chosen either.
            let (Some(text), Ok(about)) = (name.to_str(), fs::metadata(entry.path())) else { continue };
            if (about.is_dir() || about.is_file()) && (shows_hidden || !is_hidden(&name)) {
                entries.push(Entry { name: text.to_owned(), is_folder: about.is_dir(), bytes: about.len() });
            }
        }
        entries.sort_by_cached_key(|entry| (!entry.is_folder, entry.name.to_lowercase(), entry.name.clone()));
        entries.truncate(MOST_ENTRIES);
        Ok(entries)
    })
    .await
}

/// A file's hash and size, and its bytes: of an ordinary file that evidence may be.
pub async fn fingerprint(path: PathBuf) -> Result<(Fingerprint, Vec<u8>), String> {
    let path = at_home(path);
    aside(move || {
        let shown = path.display();
        let failed =
            |error: std::io::Error| format!("{shown} cannot be read: {}. Choose another file.", failure(&error));
        let too_large =
            || format!("{shown} is larger than {} MB, the most evidence may be. Make it smaller.", MAX_OBJECT >> 20);
        let about = fs::metadata(&path).map_err(failed)?;
        if !about.is_file() {
            return Err(format!("{shown} is not an ordinary file. Choose one that is."));
        }
        if about.len() > MAX_OBJECT {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        File::open(&path).map_err(failed)?.take(MAX_OBJECT + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_OBJECT {
            return Err(too_large());
        }
        let sha256 = sha256_hex(&bytes);
        let print = Fingerprint { uri: uri_of(&sha256), sha256, bytes: bytes.len() as u64, path };
        Ok((print, bytes))
    })
    .await
}

/// Writes a file that must not exist yet, for this user only.
pub async fn export(
    path: PathBuf,
    content: impl FnOnce() -> Result<Vec<u8>, String> + Send + 'static,
) -> Result<PathBuf, String> {
    aside(move || match write_new(&path, &content()?) {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(format!("{} exists already, and nothing is overwritten. Choose another name.", path.display()))
        }
        Err(error) => Err(format!("{} cannot be written: {}. Choose another place.", path.display(), failure(&error))),
    })
    .await
}

fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = private().write(true).create_new(true).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    // Half a file is worse than none.
    written.inspect_err(|_| drop(fs::remove_file(path)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn fresh() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("dispatch-files-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        folder
    }

    #[tokio::test]
    async fn a_folder_shows_folders_first_and_nothing_hidden() {
        let folder = fresh();
        for name in ["b.jpg", "A.png", ".secret"] {
            fs::write(folder.join(name), name).unwrap();
        }
        fs::create_dir_all(folder.join("z")).unwrap();
        fs::create_dir_all(folder.join(".config")).unwrap();
        fs::write(folder.join(".config/.inner"), "x").unwrap();
        let entries = self::folder(folder.clone()).await.unwrap();
        let names: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.is_folder)).collect();
        assert_eq!(names, [("z", true), ("A.png", false), ("b.jpg", false)]);
        assert_eq!(self::folder(folder.join(".config")).await.unwrap()[0].name, ".inner", "asked for");
        assert!(self::folder(folder.join("b.jpg")).await.unwrap_err().contains("Choose another folder"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn evidence_is_named_by_what_it_is_and_only_ordinary_files_of_a_size_are() {
        let folder = fresh();
        let path = folder.join("note.txt");
        fs::write(&path, "proof").unwrap();
        let (print, bytes) = fingerprint(path.clone()).await.unwrap();
        assert_eq!((print.sha256.as_str(), print.bytes), (sha256_hex(b"proof").as_str(), 5));
        assert_eq!((print.uri, bytes), (uri_of(&print.sha256), b"proof".to_vec()));
        assert!(fingerprint(folder.clone()).await.unwrap_err().contains("ordinary file"));
        File::create(&path).unwrap().set_len(MAX_OBJECT + 1).unwrap();
        assert!(fingerprint(path).await.unwrap_err().contains("25 MB"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn an_export_overwrites_nothing_and_is_the_users_own() {
        let folder = fresh();
        let path = folder.join("queue.csv");
        assert_eq!(export(path.clone(), || Ok(b"a,b\n".to_vec())).await.unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(export(path.clone(), || Ok(b"other".to_vec())).await.unwrap_err().contains("exists already"));
        assert_eq!(fs::read_to_string(path).unwrap(), "a,b\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
