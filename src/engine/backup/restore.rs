//! Restoring a backup: into a database of its own first, which takes the other's place only when
//! it was proven to be what was backed up.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::archive::{Archive, Manifest};
use super::{BackupError, Phase, Place, TrailSeen};
use crate::engine::audit;
use crate::engine::open::{OpenError, Opening, objects};
use crate::store::Store;
use crate::store::dump::{begin_anew, pg_restore};
use crate::store::migrate::{self, Schema};
use crate::store::objects::Objects;
use crate::store::server::Server;

/// How much is handed to `pg_restore` at a time.
const CHUNK: usize = 256 * 1024;

/// What a restore has done, or a drill has shown.
#[derive(Debug, Serialize)]
pub struct Restored {
    pub drill: bool,
    pub database: String,
    /// The name under which the database that was there is kept.
    pub kept_as: Option<String>,
    /// What the backup says about itself, all of it found to be so.
    pub backup: Manifest,
    /// The version of the tables now.
    pub schema: i64,
    pub seconds: f64,
}

/// Restores a backup. Whatever is wrong with the file, the server or the copy, the database stays
/// as it was; a process that is killed leaves the old one or the new one in place, and at most an
/// unfinished copy beside it, which the next restore removes.
///
/// `drill`: the copy is made, migrated and proven, and thrown away.
pub async fn restore(
    opening: &Opening,
    file: &Path,
    drill: bool,
    mut progress: impl FnMut(Phase, u64, u64),
) -> Result<Restored, BackupError> {
    let begun = Instant::now();
    let mut archive = Archive::open(file).await?;
    if archive.manifest.schema > migrate::newest() {
        return Err(BackupError::NewerSchema(archive.manifest.schema));
    }
    archive.check(|done, all| progress(Phase::Checking, done, all)).await?;

    let place = Place::of(opening).await?;
    let mut server = Server::beside(&place.options).await?;
    if !server.may_create().await? {
        return Err(BackupError::MayNotCreate(place.options.get_username().to_owned()));
    }
    if !server.lock(&place.name).await? {
        return Err(BackupError::Busy(place.name));
    }
    let there = server.has(&place.name).await?;
    if there {
        refuse_foreign(&place).await?;
    }
    let fresh = beside(&place.name, "_restoring");
    if !server.clear(&fresh).await? {
        return Err(BackupError::Occupied(fresh));
    }
    server.create(&fresh).await?;
    let kept = if drill { None } else { Some(objects(opening)?) };
    let major = server.major().await?;
    let copy = Copy { place: &place, server: &server, name: &fresh, major, pool_max: opening.pool_max };
    let proven = copy.make_and_prove(&mut archive, kept.as_ref(), &mut progress).await;
    let mut kept_as = None;
    let ended = match proven {
        Ok(()) if !drill => {
            let aside = beside(&place.name, &format!("_before_restore_{}", server.stamp().await?));
            kept_as = there.then(|| aside.clone());
            server.swap(&fresh, &place.name, &aside).await.map_err(BackupError::from)
        }
        other => other,
    };
    if drill || ended.is_err() {
        let dropped = server.drop_database(&fresh).await;
        ended?;
        dropped?;
    }
    Ok(Restored {
        drill,
        database: place.name,
        kept_as,
        backup: archive.manifest,
        schema: migrate::newest(),
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// A name with something behind it, of the 63 bytes that the server keeps.
fn beside(name: &str, suffix: &str) -> String {
    let mut end = name.len().min(63 - suffix.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &name[..end])
}

/// Refuses to take the place of a database that is not ours.
async fn refuse_foreign(place: &Place) -> Result<(), BackupError> {
    let store = Store::open(place.options.clone(), 2, true).await?;
    let schema = migrate::schema(store.pool()).await;
    store.close().await;
    if schema? == Schema::Foreign { Err(OpenError::Foreign.into()) } else { Ok(()) }
}

/// The copy in the making.
struct Copy<'a> {
    place: &'a Place,
    server: &'a Server,
    name: &'a str,
    /// The server's version.
    major: u32,
    pool_max: u32,
}

impl Copy<'_> {
    /// Fills the copy, compares it with what the backup says, and makes it ready for use.
    async fn make_and_prove(
        &self,
        archive: &mut Archive,
        kept: Option<&Objects>,
        progress: &mut impl FnMut(Phase, u64, u64),
    ) -> Result<(), BackupError> {
        self.fill(archive, progress).await?;
        let store = Store::open(self.server.options(self.name), self.pool_max, false).await?;
        let proven = self.prove(&store, &archive.manifest, progress).await;
        store.close().await;
        proven?;
        if archive.manifest.objects > 0 {
            archive.skip_to_objects().await?;
        }
        for _ in 0..archive.manifest.objects {
            let bytes = archive.object().await?;
            if let Some(kept) = kept {
                kept.put(&bytes).await?;
            }
        }
        Ok(())
    }

    async fn fill(&self, archive: &mut Archive, progress: &mut impl FnMut(Phase, u64, u64)) -> Result<(), BackupError> {
        let options = self.server.options(self.name);
        let major = self.major.max(archive.manifest.dump_major);
        let (programs, _) = self.place.cluster.clients(major).await?;
        let mut restoring = pg_restore(&programs, &options, self.place.own_cluster)?;
        let (all, path) = (archive.manifest.dump_bytes, archive.path.clone());
        let mut dump = archive.dump().await?;
        if let Some(mut input) = restoring.child.stdin.take() {
            let (mut chunk, mut done) = (vec![0; CHUNK], 0);
            loop {
                let some = dump.read(&mut chunk).await.map_err(BackupError::file(&path))?;
                // Where it takes no more, it has failed, and says why at its end.
                if some == 0 || input.write_all(&chunk[..some]).await.is_err() {
                    break;
                }
                done += some as u64;
                progress(Phase::Restoring, done, all);
            }
        }
        Ok(restoring.end().await?)
    }

    async fn prove(
        &self,
        store: &Store,
        manifest: &Manifest,
        progress: &mut impl FnMut(Phase, u64, u64),
    ) -> Result<(), BackupError> {
        let rows = store.snapshot().await?.reader.row_counts().await?;
        let mut differences = Vec::new();
        for table in manifest.rows.keys().chain(rows.keys().filter(|table| !manifest.rows.contains_key(*table))) {
            let (wanted, found) = (manifest.rows.get(table), rows.get(table));
            if wanted != found {
                let told = |count: Option<&i64>| count.map_or("no table".to_owned(), |count| format!("{count} rows"));
                differences.push(format!("{table}: {}, but the backup has {}", told(found), told(wanted)));
            }
        }
        if !differences.is_empty() {
            return Err(BackupError::Differs(differences));
        }
        migrate::migrate(store.pool()).await?;
        begin_anew(store.pool()).await?;
        if self.place.own_cluster {
            migrate::grant(store.pool()).await?;
        }
        let mut snapshot = store.snapshot().await?;
        let verdict = audit::verify(&mut snapshot, None, |at| progress(Phase::Verifying, at.done, at.all)).await?;
        let found = TrailSeen::from(&verdict);
        if found != manifest.trail {
            return Err(BackupError::Differs(vec![format!(
                "the audit trail: {found:?}, but the backup has {:?}",
                manifest.trail
            )]));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_what_the_server_keeps() {
        assert_eq!(beside("dispatch", "_restoring"), "dispatch_restoring");
        let long = beside(&"ü".repeat(31), "_restoring");
        assert!(long.len() <= 63 && long.ends_with("_restoring"));
    }
}
