//! Backups taken while others write, restored with proof; and everything that is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dispatch::domain::actor::Role;
use dispatch::domain::canonical::sha256_hex;
use dispatch::engine::backup::{BackupError, Manifest, Restored, restore, take};
use dispatch::engine::open::Opening;
use dispatch::engine::{Desk, Options, QueueQuery};
use dispatch::store::databases::owner_pool;
use dispatch::store::local::{APP, OWNER};
use dispatch::store::migrate;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use support::{Database, World, call, caller, cluster, ok};

/// A database with something in it, and where its backup goes.
struct Scene {
    database: Database,
    world: World,
    file: PathBuf,
}

impl Scene {
    async fn new() -> Self {
        let database = Database::new().await;
        let world = World::new(&database.engine).await;
        world.ticket_in(&database.engine, "SCHEDULED").await;
        let file = support::data_dir().join(format!("{}.backup", database.name));
        Self { database, world, file }
    }

    fn opening(&self) -> Opening {
        Opening { data_dir: Some(support::data_dir()), ..Opening::private(&self.database.name) }
    }

    async fn take(&self) -> Manifest {
        take(&self.opening(), &self.file, false, |_, _, _| ()).await.unwrap()
    }

    async fn restore(&self, drill: bool) -> Result<Restored, BackupError> {
        restore(&self.opening(), &self.file, drill, |_, _, _| ()).await
    }

    /// The program on this database by its URL, as a role.
    fn program(&self, role: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dispatch"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", support::data_dir())
            .env("USER", "tester")
            .env("DISPATCH_DATA_DIR", support::data_dir())
            .env("DISPATCH_DATABASE_URL", cluster().url(&self.database.name, role))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, role: &str, arguments: &[&str]) -> Output {
        self.program(role, arguments).output().unwrap()
    }

    fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// This database's name, and those that a restore has put beside it.
    async fn databases(&self) -> Vec<String> {
        let sql = "SELECT datname::text FROM pg_database WHERE datname = $1 OR datname LIKE $1 || '\\_%' ORDER BY 1";
        sqlx::query_scalar(sql).bind(&self.database.name).fetch_all(&postgres().await).await.unwrap()
    }

    /// What would show that the database was touched: its oid, its epoch, its rows.
    async fn state(&self) -> (Vec<String>, String) {
        let owner = self.database.owner().await;
        let state = "SELECT concat_ws(' ', (SELECT oid FROM pg_database WHERE datname = current_database()), \
                     (SELECT epoch FROM dispatch_meta), (SELECT count(*) FROM audit_events))";
        let state = sqlx::query_scalar(state).fetch_one(&owner).await.unwrap();
        owner.close().await;
        (self.databases().await, state)
    }
}

async fn postgres() -> PgPool {
    owner_pool(cluster(), "postgres").await.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_while_others_write_restores_all_that_was_answered_before() {
    let scene = Scene::new().await;
    let engine = &scene.database.engine;
    let photo = engine.upload(&caller(Role::Technician), b"a photo of this very test").await.unwrap();
    let ticket = scene.world.ticket_in(engine, "IN_PROGRESS").await;
    let evidence = json!({"kind": "PHOTO", "uri": photo.uri, "checksum": photo.checksum});
    ok(engine, Role::Technician, "closeout.add_evidence", Some(&ticket), evidence).await;
    let page = engine.queue(&caller(Role::Dispatcher), &QueueQuery::default()).await.unwrap();

    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let engine = scene.database.another_engine(Options::default()).await;
        let world = World { account: scene.world.account.clone(), site: scene.world.site.clone() };
        let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
        writers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                world.ticket(&engine).await;
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while written.load(Ordering::Relaxed) < 30 {
        tokio::task::yield_now().await;
    }
    let answered = ids(&scene.database.owner().await).await;
    let during = written.load(Ordering::Relaxed);
    let manifest = scene.take().await;
    assert!(written.load(Ordering::Relaxed) > during, "they went on writing");
    stop.store(true, Ordering::Relaxed);
    writers.join_all().await;
    assert_eq!((manifest.objects, manifest.objects_missing, manifest.trail.broken_chains), (1, 0, 0));
    assert_eq!(fs::metadata(&scene.file).unwrap().permissions().mode() & 0o777, 0o600);

    let all = ids(&scene.database.owner().await).await;
    let object = support::data_dir().join("objects/sha256").join(&photo.checksum[..2]).join(&photo.checksum);
    fs::remove_file(&object).unwrap();
    let restored = scene.restore(false).await.unwrap();
    assert_eq!(fs::read(&object).unwrap(), b"a photo of this very test", "evidence comes back as well");

    let owner = scene.database.owner().await;
    let back = ids(&owner).await;
    assert!(answered.is_subset(&back) && back.is_subset(&all));
    assert_eq!(i64::try_from(back.len()).unwrap(), manifest.rows["tickets"]);
    let verdict = scene.database.another_engine(Options::default()).await.verify_audit(None, |_| ()).await.unwrap();
    assert!(verdict.is_whole() && verdict.digest == manifest.trail.digest);
    let kept = owner_pool(cluster(), restored.kept_as.as_ref().unwrap()).await.unwrap();
    assert_eq!(ids(&kept).await, all, "the old database is kept as it was");

    // Whoever was connected goes on, and reads anew.
    let fresh = scene.world.ticket(engine).await;
    assert!(ids(&owner).await.contains(&fresh));
    assert!(engine.changes(&caller(Role::Dispatcher), &page.feed).await.unwrap().starts_anew);
    // What the application may not do, it may not do here either; nor may the owner.
    let refused = sqlx::raw_sql("DELETE FROM audit_events").execute(engine.store().pool()).await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    let refused = sqlx::raw_sql("DELETE FROM audit_events").execute(&owner).await.unwrap_err();
    assert!(refused.to_string().contains("append-only"), "{refused}");
    assert!(migrate::transition_differences(&owner).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_works_through_a_restore_is_answered_or_told_to_come_back() {
    let scene = Scene::new().await;
    scene.take().await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let engine = scene.database.another_engine(Options::default()).await;
        let (account, site, stop) = (scene.world.account.clone(), scene.world.site.clone(), Arc::clone(&stop));
        writers.spawn(async move {
            let mut codes = BTreeSet::new();
            while !stop.load(Ordering::Relaxed) {
                let payload = json!({"account_id": account, "site_id": site, "summary": "Closer slams"});
                if let Err(refused) = engine.call(call(Role::Dispatcher, "ticket.create", None, payload)).await {
                    codes.insert(refused.refusal.code().as_str().to_owned());
                }
            }
            codes
        });
    }
    for _ in 0..3 {
        scene.restore(false).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let codes: BTreeSet<String> = writers.join_all().await.into_iter().flatten().collect();
    assert!(codes.is_subset(&BTreeSet::from(["UNAVAILABLE".to_owned()])), "{codes:?}");
    let engine = scene.database.another_engine(Options::default()).await;
    assert!(engine.verify_audit(None, |_| ()).await.unwrap().is_whole());
}

async fn ids(pool: &PgPool) -> BTreeSet<String> {
    let ids: Vec<String> = sqlx::query_scalar("SELECT id::text FROM tickets").fetch_all(pool).await.unwrap();
    ids.into_iter().collect()
}

#[tokio::test]
async fn a_file_that_is_damaged_or_foreign_is_refused_and_nothing_is_touched() {
    let scene = Scene::new().await;
    let made = scene.run(OWNER, &["db", "backup", scene.path(), "--json"]);
    assert!(made.status.success(), "{}", said(&made));
    let again = scene.run(OWNER, &["db", "backup", scene.path()]);
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("--force"), "{}", said(&again));
    assert!(scene.run(OWNER, &["db", "backup", scene.path(), "--force"]).status.success());
    let whole = fs::read(&scene.file).unwrap();
    let before = scene.state().await;
    let flipped = |place: usize| {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x20;
        bytes
    };
    for (bytes, told) in [
        (Vec::new(), "it is empty"),
        (whole[..whole.len() - 1].to_vec(), "bytes and should have"),
        (whole[..9000].to_vec(), "first block"),
        (flipped(300), "first block"),
        (flipped(20_000), "not those that were written"),
        (whole[16 * 1024..].to_vec(), "pg_dump itself"),
        (b"-- PostgreSQL database dump".to_vec(), "does not begin as one"),
        (b"dispatch backup 7 later\n".to_vec(), "newer dispatch"),
        (with_manifest(&whole, |manifest| manifest["schema"] = json!(9999)), "Update dispatch"),
    ] {
        fs::write(&scene.file, &bytes).unwrap();
        for arguments in [&["db", "restore", scene.path()][..], &["db", "restore", scene.path(), "--drill"]] {
            let output = scene.run(OWNER, arguments);
            assert_eq!(output.status.code(), Some(2), "{told}: {}", said(&output));
            assert!(said(&output).contains(told) && said(&output).contains("Nothing was changed"), "{}", said(&output));
        }
    }
    assert_eq!(scene.run(OWNER, &["db", "restore", "/no/such/file"]).status.code(), Some(5));
    assert_eq!(scene.run(OWNER, &["db", "backup", "/no/such/folder/file"]).status.code(), Some(5));
    fs::write(&scene.file, &whole).unwrap();
    assert_eq!(scene.run(APP, &["db", "restore", scene.path()]).status.code(), Some(1), "it may not make databases");
    assert_eq!(scene.state().await, before);
}

/// A backup that says something else about itself, and is sound otherwise.
fn with_manifest(whole: &[u8], change: impl Fn(&mut Value)) -> Vec<u8> {
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut manifest: Value = serde_json::from_slice(&whole[first..16 * 1024]).unwrap();
    change(&mut manifest);
    let mut rest = manifest.to_string().into_bytes();
    rest.resize(16 * 1024 - first - 1, b' ');
    rest.push(b'\n');
    let mut changed = format!("dispatch backup 1 {}\n", sha256_hex(&rest)).into_bytes();
    changed.extend(rest);
    changed.extend(&whole[16 * 1024..]);
    changed
}

#[tokio::test]
async fn a_copy_that_is_not_what_the_backup_says_is_thrown_away() {
    let scene = Scene::new().await;
    scene.take().await;
    let whole = fs::read(&scene.file).unwrap();
    let before = scene.state().await;
    for (part, field, value, told) in [
        ("rows", "tickets", json!(2), "tickets: 1 rows, but the backup has 2"),
        ("rows", "ghosts", json!(0), "ghosts: no table"),
        ("trail", "digest", json!("0".repeat(64)), "the audit trail"),
    ] {
        fs::write(&scene.file, with_manifest(&whole, |manifest| manifest[part][field] = value.clone())).unwrap();
        let error = scene.restore(false).await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
        assert_eq!(scene.state().await, before);
    }
}

#[tokio::test]
async fn a_drill_proves_the_backup_and_leaves_nothing_behind() {
    let scene = Scene::new().await;
    scene.take().await;
    let before = scene.state().await;
    let output = scene.run(OWNER, &["db", "restore", scene.path(), "--drill", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["drill"], &told["kept_as"]), (&json!(true), &json!(null)));
    assert_eq!(told["backup"]["trail"]["events"], 8);
    assert!(told["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn a_database_that_is_gone_comes_back_and_a_foreign_one_is_left_alone() {
    let scene = Scene::new().await;
    scene.take().await;
    scene.database.engine.store().close().await;
    let name = &scene.database.name;
    let sql = |sql: String| async move { sqlx::raw_sql(AssertSqlSafe(sql)).execute(&postgres().await).await.unwrap() };
    sql(format!("DROP DATABASE {name} WITH (FORCE)")).await;
    assert_eq!(scene.run(OWNER, &["db", "backup", scene.path(), "--force"]).status.code(), Some(5));
    let restored = scene.restore(false).await.unwrap();
    assert_eq!((restored.kept_as, scene.databases().await), (None, vec![name.clone()]));
    assert_eq!(scene.run(APP, &["audit", "verify"]).status.code(), Some(0));
    sql(format!("DROP DATABASE {name} WITH (FORCE)")).await;
    sql(format!("CREATE DATABASE {name}")).await;
    let foreign = scene.database.owner().await;
    sqlx::raw_sql("CREATE TABLE somebody (id int)").execute(&foreign).await.unwrap();
    let refused = scene.restore(false).await.unwrap_err().to_string();
    assert!(refused.contains("not ours"), "{refused}");
    assert_eq!(scene.databases().await, std::slice::from_ref(name));
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_the_old_database_and_the_next_one_clears_up() {
    let scene = Scene::new().await;
    scene.take().await;
    let before = scene.state().await;
    let unfinished = format!("{}_restoring", scene.database.name);
    let mut restoring: Child = scene.program(OWNER, &["db", "restore", scene.path()]).spawn().unwrap();
    let marked = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND shobj_description(oid, 'pg_database') \
                  IS NOT NULL)";
    let postgres = postgres().await;
    while !sqlx::query_scalar::<_, bool>(marked).bind(&unfinished).fetch_one(&postgres).await.unwrap() {
        assert!(restoring.try_wait().unwrap().is_none(), "it was too fast");
    }
    restoring.kill().unwrap();
    restoring.wait().unwrap();
    assert_eq!(scene.state().await.1, before.1, "the old one is untouched");
    assert_eq!(scene.run(APP, &["audit", "verify"]).status.code(), Some(0));
    // Its connections may take a moment to be noticed as gone: until then the lock is held.
    while let Err(error) = scene.restore(true).await {
        assert!(matches!(error, BackupError::Busy(_)), "{error}");
    }
    assert_eq!(scene.state().await, before, "the unfinished copy is gone");
}

#[tokio::test]
async fn only_one_restore_at_a_time() {
    let scene = Scene::new().await;
    scene.take().await;
    let postgres = postgres().await;
    sqlx::query("SELECT pg_advisory_lock(hashtext('dispatch restore ' || $1))")
        .bind(&scene.database.name)
        .execute(&postgres)
        .await
        .unwrap();
    assert!(matches!(scene.restore(true).await, Err(BackupError::Busy(_))));
    postgres.close().await;
    scene.restore(true).await.unwrap();
}

#[tokio::test]
async fn a_database_of_somebody_with_the_copys_name_is_left_alone() {
    let scene = Scene::new().await;
    scene.take().await;
    let theirs = format!("CREATE DATABASE {}_restoring", scene.database.name);
    sqlx::raw_sql(AssertSqlSafe(theirs)).execute(&postgres().await).await.unwrap();
    let before = scene.state().await;
    assert!(matches!(scene.restore(false).await, Err(BackupError::Occupied(_))));
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn a_backup_from_another_server_hides_no_later_change() {
    let scene = Scene::new().await;
    // As rows are that were stamped by a server whose transactions are counted much further.
    sqlx::raw_sql(
        "ALTER TABLE tickets DISABLE TRIGGER tickets_place; UPDATE tickets SET changed_xid = '999999999999'; \
         ALTER TABLE tickets ENABLE TRIGGER tickets_place",
    )
    .execute(&scene.database.owner().await)
    .await
    .unwrap();
    scene.take().await;
    scene.restore(false).await.unwrap();
    let ahead = "SELECT count(*) FROM tickets WHERE changed_xid > pg_current_xact_id()";
    let ahead: i64 = sqlx::query_scalar(ahead).fetch_one(&scene.database.owner().await).await.unwrap();
    assert_eq!(ahead, 0);
}

#[tokio::test]
async fn a_broken_trail_is_backed_up_as_it_is_and_restored_as_it_was() {
    let scene = Scene::new().await;
    sqlx::raw_sql(
        "ALTER TABLE audit_events DISABLE TRIGGER ALL; UPDATE audit_events SET actor_id = 'mallory' WHERE seq = 2; \
         ALTER TABLE audit_events ENABLE TRIGGER ALL",
    )
    .execute(&scene.database.owner().await)
    .await
    .unwrap();
    let output = scene.run(OWNER, &["db", "backup", scene.path()]);
    assert!(output.status.success() && said(&output).contains("not whole"), "{}", said(&output));
    scene.restore(false).await.unwrap();
    assert_eq!(scene.run(APP, &["audit", "verify"]).status.code(), Some(1));
}
