//! Taking a backup.

use std::path::Path;

use futures::TryStreamExt;

use super::archive::{Manifest, Writer};
use super::{BackupError, Phase, Place, TrailSeen};
use crate::engine::audit;
use crate::engine::open::{OpenError, Opening, objects};
use crate::store::dump::pg_dump;
use crate::store::migrate::{self, Schema};
use crate::store::{Store, StoreError};

/// Writes a backup of a database to a file, which appears whole or not at all. Others may work
/// meanwhile; the backup holds what was answered before it began. Tables from before are backed up
/// as they are. An existing file is replaced only where `replace` says so.
pub async fn take(
    opening: &Opening,
    file: &Path,
    replace: bool,
    mut progress: impl FnMut(Phase, u64, u64),
) -> Result<Manifest, BackupError> {
    if !replace && file.exists() {
        return Err(BackupError::file(file)(std::io::ErrorKind::AlreadyExists.into()));
    }
    let place = Place::of(opening).await?;
    let store = match Store::open(place.options.clone(), opening.pool_max, true).await {
        Err(StoreError::NoDatabase(_)) => return Err(BackupError::Nothing(place.name)),
        other => other?,
    };
    match migrate::schema(store.pool()).await? {
        Schema::Empty => return Err(BackupError::Nothing(place.name)),
        Schema::Foreign => return Err(OpenError::Foreign.into()),
        Schema::Behind { .. } | Schema::Current { .. } | Schema::Newer { .. } => {}
    }
    let major = migrate::server_major(store.pool()).await?.unsigned_abs();
    let (programs, dump_major) = place.cluster.clients(major).await?;
    let mut writer = Writer::create(file).await?;
    let mut snapshot = store.snapshot().await?;
    let about = snapshot.reader.about().await?;
    let rows = snapshot.reader.row_counts().await?;

    let mut dumping = pg_dump(&programs, &place.options, snapshot.name(), place.own_cluster)?;
    let mut dump_bytes = 0;
    if let Some(mut output) = dumping.child.stdout.take() {
        dump_bytes = writer.copy(&mut output, |bytes| progress(Phase::Dumping, bytes, 0)).await?;
    }
    dumping.end().await?;

    let verdict = audit::verify(&mut snapshot, None, |at| progress(Phase::Verifying, at.done, at.all)).await?;

    let kept = objects(opening)?;
    let (mut objects, mut objects_missing) = (0, 0);
    let mut uris = std::pin::pin!(snapshot.reader.object_uris());
    while let Some(uri) = uris.try_next().await? {
        match kept.get(&uri).await? {
            Some(bytes) => {
                writer.object(&bytes).await?;
                objects += 1;
            }
            None => objects_missing += 1,
        }
    }
    let manifest = Manifest {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        taken_at: about.now,
        database: place.name,
        schema: about.schema,
        epoch: about.epoch,
        server: about.server,
        dump_major,
        rows,
        trail: TrailSeen::from(&verdict),
        dump_bytes,
        objects,
        objects_missing,
        body_bytes: 0,
        body_sha256: String::new(),
    };
    writer.finish(manifest, replace).await
}
