//! The object store: evidence files in a folder, named by their SHA-256.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;

use super::StoreError;
use crate::domain::canonical::sha256_hex;
use crate::domain::closeout::{OWN_SCHEME, ProbeFailure};
use crate::text::failure;

/// The largest object, in bytes (CONTRACT.md 6).
pub const MAX_OBJECT: u64 = 25 * 1024 * 1024;

/// A folder of objects.
#[derive(Debug, Clone)]
pub struct Objects {
    folder: PathBuf,
}

/// An object that is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Stored {
    /// `dispatch:sha256/<hex>`
    pub uri: String,
    /// SHA-256 in hex.
    pub checksum: String,
    pub size: u64,
}

impl Objects {
    /// The store in a folder, which is made when the first object comes.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps an object. The same bytes are kept once.
    pub async fn put(&self, bytes: &[u8]) -> Result<Stored, StoreError> {
        let checksum = sha256_hex(bytes);
        let path = self.path(&checksum);
        let failed = |error: io::Error| {
            StoreError::Files(format!(
                "the object store in {} cannot be written: {}. Make that folder writable for \
                 whoever runs dispatch; `dispatch doctor` tries it.",
                self.folder.display(),
                failure(&error)
            ))
        };
        if !fs::try_exists(&path).await.unwrap_or(false) {
            let folder = path.parent().unwrap_or(&self.folder);
            make_private_folder(folder).await.map_err(failed)?;
            let temporary = folder.join(format!(".{}", uuid::Uuid::new_v4()));
            write_private(&temporary, bytes).await.map_err(failed)?;
            fs::rename(&temporary, &path).await.map_err(failed)?;
        }
        let size = bytes.len() as u64;
        Ok(Stored { uri: uri_of(&checksum), checksum, size })
    }

    /// The bytes of one of our own uris, where they are kept.
    pub async fn get(&self, uri: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(checksum) = checksum_of(uri) else { return Ok(None) };
        match fs::read(self.path(checksum)).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::Files(format!(
                "the object {uri} cannot be read: {}. See that its folder is readable for whoever runs dispatch",
                failure(&error)
            ))),
        }
    }

    /// Looks whether an object is there and is what its checksum says (CONTRACT.md 7.8).
    pub async fn probe(&self, uri: &str, checksum: Option<&str>) -> Result<(), (ProbeFailure, String)> {
        if !uri.starts_with(OWN_SCHEME) {
            return Err((
                ProbeFailure::UnsupportedScheme,
                "Only objects in our own store can be looked at here.".to_owned(),
            ));
        }
        let bytes = match self.get(uri).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err((ProbeFailure::UnreachableUri, "The object is not in the store.".to_owned())),
            Err(error) => return Err((ProbeFailure::UnreachableUri, error.to_string())),
        };
        match checksum.map(|checksum| checksum.trim().to_lowercase()) {
            Some(expected) if expected != sha256_hex(&bytes) => {
                Err((ProbeFailure::ChecksumMismatch, "The object is not what its checksum says.".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file into the folder, reads it back and removes it; makes no folder.
    pub async fn try_out(&self) -> io::Result<()> {
        let path = self.folder.join(format!(".doctor-{}", uuid::Uuid::new_v4()));
        let bytes = path.as_os_str().as_encoded_bytes();
        let tried = async {
            write_private(&path, bytes).await?;
            if fs::read(&path).await? == bytes { Ok(()) } else { Err(io::Error::other("it reads back changed")) }
        };
        let tried = tried.await;
        match fs::remove_file(&path).await {
            Err(error) if tried.is_ok() => Err(error),
            _ => tried,
        }
    }

    fn path(&self, checksum: &str) -> PathBuf {
        self.folder.join("sha256").join(checksum.get(..2).unwrap_or("00")).join(checksum)
    }
}

/// The uri of an object with this SHA-256.
pub fn uri_of(checksum: &str) -> String {
    format!("{OWN_SCHEME}:sha256/{checksum}")
}

/// The checksum in one of our uris; nothing that could lead out of the folder.
fn checksum_of(uri: &str) -> Option<&str> {
    let checksum = uri.strip_prefix(OWN_SCHEME)?.strip_prefix(":sha256/")?;
    (checksum.len() == 64 && checksum.bytes().all(|b| b.is_ascii_hexdigit())).then_some(checksum)
}

async fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder).await
}

async fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use tokio::io::AsyncWriteExt;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(bytes).await?;
    file.sync_all().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_cannot_lead_out_of_the_folder() {
        assert!(checksum_of("dispatch:sha256/../../etc/passwd").is_none());
        assert!(checksum_of(&format!("dispatch:sha256/{}", "a".repeat(64))).is_some());
        assert!(checksum_of("s3://a/b").is_none());
    }

    #[tokio::test]
    async fn an_object_is_kept_once_and_found_again() {
        let folder = std::env::temp_dir().join(format!("objects-{}", uuid::Uuid::new_v4()));
        let objects = Objects::new(folder.clone());
        let stored = objects.put(b"proof").await.unwrap();
        assert_eq!(objects.put(b"proof").await.unwrap(), stored);
        assert_eq!(objects.get(&stored.uri).await.unwrap().unwrap(), b"proof");
        assert!(objects.probe(&stored.uri, Some(&stored.checksum.to_uppercase())).await.is_ok());
        assert_eq!(objects.probe(&stored.uri, Some("00")).await.unwrap_err().0, ProbeFailure::ChecksumMismatch);
        let other = format!("dispatch:sha256/{}", "0".repeat(64));
        assert_eq!(objects.probe(&other, None).await.unwrap_err().0, ProbeFailure::UnreachableUri);
        fs::remove_dir_all(folder).await.unwrap();
    }
}
