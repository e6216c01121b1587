//! The file of a backup.
//!
//! ```text
//! block of 16 KiB   `dispatch backup 1 <SHA-256 of the rest of the block>`, then the manifest:
//!                   one line of JSON, filled up with spaces
//! dump              what pg_dump wrote, in its custom format
//! objects           each `<SHA-256> <bytes>` on a line, then the bytes
//! ```
//!
//! The manifest holds the length and the SHA-256 of all that follows it, so no byte can be missing
//! or different unnoticed. Without this program, the dump is had by `tail -c +16385 FILE | pg_restore`.

use std::collections::BTreeMap;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader};
use uuid::Uuid;

use super::{BackupError, TrailSeen};
use crate::domain::canonical::{hex, sha256_hex};
use crate::domain::time::Timestamp;
use crate::store::objects::MAX_OBJECT;

const BLOCK: usize = 16 * 1024;
const MAGIC: &str = "dispatch backup ";
const FORMAT: u32 = 1;
/// The first line: magic, format, space, hash, end of line.
const FIRST_LINE: usize = MAGIC.len() + 1 + 1 + 64 + 1;
/// How much is copied at a time.
const CHUNK: usize = 256 * 1024;

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the program that made it.
    pub program: String,
    pub taken_at: Timestamp,
    pub database: String,
    /// The newest migration of the tables.
    pub schema: i64,
    pub epoch: Uuid,
    /// The server's version, and the major version of the `pg_dump` that wrote the dump.
    pub server: String,
    pub dump_major: u32,
    /// Rows a table.
    pub rows: BTreeMap<String, i64>,
    pub trail: TrailSeen,
    pub dump_bytes: u64,
    pub objects: u64,
    /// Objects that evidence names and that were not in the store.
    pub objects_missing: u64,
    pub body_bytes: u64,
    pub body_sha256: String,
}

/// A file in the making, beside the one it becomes. Dropped unfinished, it is removed.
#[derive(Debug)]
pub(super) struct Writer {
    target: PathBuf,
    making: PathBuf,
    file: File,
    hasher: Sha256,
    bytes: u64,
    finished: bool,
}

impl Writer {
    pub(super) async fn create(target: &Path) -> Result<Self, BackupError> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", Uuid::new_v4().simple()));
        let making = target.with_file_name(name);
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let failed = BackupError::file(target);
        let create = async {
            let mut file = options.open(&making).await?;
            file.write_all(&[b' '; BLOCK]).await?;
            Ok(file)
        };
        let file = create.await.map_err(failed)?;
        Ok(Self { target: target.to_owned(), making, file, hasher: Sha256::new(), bytes: 0, finished: false })
    }

    /// Adds what a program writes; how much that was.
    pub(super) async fn copy(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        mut progress: impl FnMut(u64),
    ) -> Result<u64, BackupError> {
        let (mut chunk, before) = (vec![0; CHUNK], self.bytes);
        loop {
            match from.read(&mut chunk).await.map_err(BackupError::file(&self.making))? {
                0 => return Ok(self.bytes - before),
                some => self.add(&chunk[..some]).await?,
            }
            progress(self.bytes);
        }
    }

    pub(super) async fn object(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.add(format!("{} {}\n", sha256_hex(bytes), bytes.len()).as_bytes()).await?;
        self.add(bytes).await
    }

    async fn add(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes).await.map_err(BackupError::file(&self.making))
    }

    /// Writes the manifest, and makes the file appear under its name, whole.
    pub(super) async fn finish(mut self, mut manifest: Manifest, replace: bool) -> Result<Manifest, BackupError> {
        manifest.body_bytes = self.bytes;
        manifest.body_sha256 = hex(&self.hasher.finalize_reset());
        let block = block(&manifest)?;
        let publish = async {
            self.file.seek(SeekFrom::Start(0)).await?;
            self.file.write_all(&block).await?;
            self.file.sync_all().await?;
            if !replace && self.target.exists() {
                return Err(std::io::ErrorKind::AlreadyExists.into());
            }
            tokio::fs::rename(&self.making, &self.target).await?;
            self.finished = true;
            let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new("."))).await?.sync_all().await
        };
        publish.await.map_err(BackupError::file(&self.target))?;
        Ok(manifest)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            let _ = std::fs::remove_file(&self.making);
        }
    }
}

fn block(manifest: &Manifest) -> Result<Vec<u8>, BackupError> {
    let mut rest = crate::domain::canonical::to_value(manifest).to_string().into_bytes();
    if rest.len() + FIRST_LINE + 1 > BLOCK {
        return Err(BackupError::Damaged("there are too many tables to be listed in a backup".to_owned()));
    }
    rest.resize(BLOCK - FIRST_LINE - 1, b' ');
    rest.push(b'\n');
    let mut block = format!("{MAGIC}{FORMAT} {}\n", sha256_hex(&rest)).into_bytes();
    block.extend(rest);
    Ok(block)
}

/// A backup whose manifest is sound and whose length is right.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) manifest: Manifest,
    pub(super) path: PathBuf,
    file: BufReader<File>,
}

impl Archive {
    /// Opens a file and checks its first block and its length.
    pub(super) async fn open(path: &Path) -> Result<Self, BackupError> {
        let mut file = File::open(path).await.map_err(BackupError::file(path))?;
        let mut block = Vec::with_capacity(BLOCK);
        (&mut file).take(BLOCK as u64).read_to_end(&mut block).await.map_err(BackupError::file(path))?;
        let manifest = read_block(&block)?;
        let length = file.metadata().await.map_err(BackupError::file(path))?.len();
        let wanted = manifest.body_bytes + BLOCK as u64;
        if length != wanted {
            return Err(BackupError::Damaged(format!("it has {length} bytes and should have {wanted}")));
        }
        Ok(Self { manifest, path: path.to_owned(), file: BufReader::with_capacity(CHUNK, file) })
    }

    /// Reads all of it and compares its SHA-256.
    pub(super) async fn check(&mut self, mut progress: impl FnMut(u64, u64)) -> Result<(), BackupError> {
        let (mut hasher, mut done) = (Sha256::new(), 0);
        let failed = BackupError::file(&self.path);
        let read = async {
            self.file.seek(SeekFrom::Start(BLOCK as u64)).await?;
            loop {
                let chunk = self.file.fill_buf().await?;
                let some = chunk.len();
                if some == 0 {
                    return Ok(());
                }
                hasher.update(chunk);
                self.file.consume(some);
                done += some as u64;
                progress(done, self.manifest.body_bytes);
            }
        };
        read.await.map_err(failed)?;
        if hex(&hasher.finalize()) == self.manifest.body_sha256 {
            Ok(())
        } else {
            Err(BackupError::Damaged("its bytes are not those that were written".to_owned()))
        }
    }

    /// The dump, from its first byte.
    pub(super) async fn dump(&mut self) -> Result<impl AsyncRead + Unpin, BackupError> {
        self.file.seek(SeekFrom::Start(BLOCK as u64)).await.map_err(BackupError::file(&self.path))?;
        Ok((&mut self.file).take(self.manifest.dump_bytes))
    }

    /// Goes to the first object.
    pub(super) async fn skip_to_objects(&mut self) -> Result<(), BackupError> {
        let place = BLOCK as u64 + self.manifest.dump_bytes;
        self.file.seek(SeekFrom::Start(place)).await.map_err(BackupError::file(&self.path))?;
        Ok(())
    }

    /// The next object.
    pub(super) async fn object(&mut self) -> Result<Vec<u8>, BackupError> {
        let wrong = || BackupError::Damaged("an evidence object in it is not what its name says".to_owned());
        let mut line = String::new();
        (&mut self.file).take(128).read_line(&mut line).await.map_err(BackupError::file(&self.path))?;
        let (name, size) = line.trim_end().split_once(' ').ok_or_else(wrong)?;
        let size: u64 = size.parse().ok().filter(|size| *size <= MAX_OBJECT).ok_or_else(wrong)?;
        let mut bytes = Vec::new();
        (&mut self.file).take(size).read_to_end(&mut bytes).await.map_err(BackupError::file(&self.path))?;
        if sha256_hex(&bytes) == name { Ok(bytes) } else { Err(wrong()) }
    }
}

/// Reads the first block, and says what the file is where it is no backup of ours.
fn read_block(block: &[u8]) -> Result<Manifest, BackupError> {
    if block.is_empty() {
        return Err(BackupError::Foreign("it is empty"));
    }
    if block.starts_with(b"PGDMP") {
        return Err(BackupError::Foreign("it is an archive of pg_dump itself; pg_restore reads those"));
    }
    if !block.starts_with(MAGIC.as_bytes()) {
        return Err(BackupError::Foreign("it does not begin as one"));
    }
    let damaged = || BackupError::Damaged("its first block is not as it was written".to_owned());
    let end = block.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
    let (first, rest) = (&block[MAGIC.len()..end], &block[end + 1..]);
    let (format, hash) = std::str::from_utf8(first).ok().and_then(|line| line.split_once(' ')).ok_or_else(damaged)?;
    let format: u32 = format.parse().map_err(|_| damaged())?;
    if format > FORMAT {
        return Err(BackupError::NewerFormat(format));
    }
    if block.len() != BLOCK || sha256_hex(rest) != hash || format != FORMAT {
        return Err(damaged());
    }
    serde_json::from_slice(rest).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            program: "0.1.0".into(),
            taken_at: Timestamp::parse("2026-01-01T00:00:00.000Z").unwrap(),
            database: "dispatch".into(),
            schema: 1,
            epoch: Uuid::nil(),
            server: "15".into(),
            dump_major: 15,
            rows: BTreeMap::from([("tickets".to_owned(), 3)]),
            trail: TrailSeen::default(),
            dump_bytes: 9,
            objects: 1,
            objects_missing: 0,
            body_bytes: 0,
            body_sha256: String::new(),
        }
    }

    async fn written(path: &Path) -> Manifest {
        let mut writer = Writer::create(path).await.unwrap();
        assert_eq!(writer.copy(&mut &b"the dump\n"[..], |_| ()).await.unwrap(), 9);
        writer.object(b"a photo").await.unwrap();
        writer.finish(manifest(), true).await.unwrap()
    }

    async fn read(path: &Path) -> Result<(Vec<u8>, Vec<u8>), BackupError> {
        let mut archive = Archive::open(path).await?;
        archive.check(|_, _| ()).await?;
        let mut dump = Vec::new();
        archive.dump().await?.read_to_end(&mut dump).await.unwrap();
        archive.skip_to_objects().await?;
        Ok((dump, archive.object().await?))
    }

    #[tokio::test]
    async fn what_was_written_is_read_and_no_byte_may_differ_or_be_missing() {
        let path = std::env::temp_dir().join(format!("dispatch-archive-{}", Uuid::new_v4()));
        let manifest = written(&path).await;
        assert_eq!(Archive::open(&path).await.unwrap().manifest, manifest);
        assert_eq!(read(&path).await.unwrap(), (b"the dump\n".to_vec(), b"a photo".to_vec()));
        let whole = std::fs::read(&path).unwrap();
        for place in (0..whole.len()).filter(|place| *place < 200 || *place % 97 == 0 || *place >= BLOCK) {
            let mut flipped = whole.clone();
            flipped[place] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            assert!(read(&path).await.is_err(), "byte {place}");
        }
        for length in [0, 1, FIRST_LINE, BLOCK - 1, BLOCK, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read(&path).await.is_err(), "{length} bytes");
        }
        std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert!(read(&path).await.is_err(), "a byte too many");
        std::fs::write(&path, "dispatch backup 2 whatever comes then\n").unwrap();
        assert!(matches!(read(&path).await, Err(BackupError::NewerFormat(2))));
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_not_finished_leaves_nothing() {
        let folder = std::env::temp_dir().join(format!("dispatch-archive-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let mut writer = Writer::create(&folder.join("b")).await.unwrap();
        writer.object(b"a photo").await.unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        written(&folder.join("b")).await;
        let writer = Writer::create(&folder.join("b")).await.unwrap();
        assert!(writer.finish(manifest(), false).await.is_err(), "what is there stays");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
