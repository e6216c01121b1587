//! A private cluster of one test, which may be killed, frozen, or put on a disk that is too small.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use dispatch::domain::actor::{Actor, Role};
use dispatch::engine::open::{MAIN_DATABASE, Opening, open};
use dispatch::engine::{Call, Caller, Desk, Engine, Options, Patience};
use dispatch::store::Store;
use dispatch::store::databases::owner_pool;
use dispatch::store::local::{APP, Cluster};
use dispatch::store::objects::Objects;
use serde_json::{Value, json};
use sqlx::PgPool;

pub const DATABASE: &str = MAIN_DATABASE;

/// Waits that are ours to shorten, shortened.
pub const SHORT: Patience = Patience { retry: Duration::from_millis(300), answer: Duration::from_secs(2) };

/// A disk that holds a new cluster and some work.
const SMALL_DISK: &str = "size=112m,mode=755";

pub struct Own {
    pub root: PathBuf,
    pub cluster: Cluster,
    is_mounted: bool,
}

impl Own {
    /// A cluster with our database on it.
    pub async fn new() -> Self {
        Self::at(directory(), false).await
    }

    /// The same on a small disk of its own; none where file systems cannot be mounted.
    pub async fn on_small_disk() -> Option<Self> {
        let root = directory();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", SMALL_DISK, "tmpfs"]).arg(&root).output();
        if !mount.is_ok_and(|output| output.status.success()) {
            fs::remove_dir(&root).unwrap();
            return None;
        }
        Some(Self::at(root, true).await)
    }

    async fn at(root: PathBuf, is_mounted: bool) -> Self {
        let cluster = Cluster::new(Some(root.join("data")), None).unwrap();
        let own = Self { root, cluster, is_mounted };
        let mut opening = Opening::private(DATABASE);
        opening.data_dir = Some(own.cluster.data_dir().to_owned());
        open(&opening).await.unwrap().engine.store().close().await;
        own
    }

    /// An engine with so many connections and the patience of tests.
    pub async fn engine(&self, pool: u32) -> Engine {
        let store = Store::open(self.cluster.connect_options(DATABASE, APP), pool, false).await.unwrap();
        self.engine_on(store)
    }

    pub fn engine_on(&self, store: Store) -> Engine {
        Engine::new(store, Objects::new(self.root.join("objects")), Options::default())
    }

    /// The database as its owner sees it.
    pub async fn owner(&self) -> PgPool {
        owner_pool(&self.cluster, DATABASE).await.unwrap()
    }

    /// The program, on this database as on any that was named.
    pub fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dispatch"));
        command.env("DISPATCH_DATABASE_URL", self.cluster.url(DATABASE, APP)).env("HOME", &self.root);
        command
    }

    /// Every process of the server, the first one first.
    pub fn processes(&self) -> Vec<i32> {
        let pid_file = fs::read_to_string(self.cluster.data_dir().join("postgres/postmaster.pid")).unwrap();
        let first: i32 = pid_file.lines().next().unwrap().parse().unwrap();
        let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let child = |line: &str| {
            let mut words = line.split_whitespace().map(|word| word.parse::<i32>().unwrap());
            let (pid, parent) = (words.next()?, words.next()?);
            (parent == first).then_some(pid)
        };
        std::iter::once(first).chain(listed.lines().filter_map(child)).collect()
    }

    /// Kills the whole server, as a power cut would, and waits until it is dead.
    pub fn kill_server(&self) {
        let processes = self.processes();
        signal(&processes, "KILL");
        until("the server is dead", || processes.iter().all(|pid| !lives(*pid)));
    }

    /// Fills the disk until this many bytes are left; room again when dropped.
    pub fn fill_disk(&self, left: usize) -> Filler {
        let path = self.root.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        let block = vec![0; 64 * 1024];
        let mut written = 0_u64;
        while file.write_all(&block).is_ok() {
            written += block.len() as u64;
        }
        file.set_len(written.saturating_sub(left as u64)).unwrap();
        Filler(path)
    }

    /// A new ticket's id.
    pub async fn ticket(&self, engine: &Engine) -> String {
        let made = async |tool: &str, target: Option<&str>, payload: Value| -> String {
            let reply = engine.call(call(Role::Dispatcher, tool, target, payload)).await.unwrap().json();
            reply["id"].as_str().unwrap().to_owned()
        };
        let account = made("directory.upsert", Some("accounts"), json!({"name": "Harbor Foods"})).await;
        let site = json!({
            "account_id": account, "name": "Pier 9", "address1": "Pier 9", "city": "San Francisco", "region": "CA"
        });
        let site = made("directory.upsert", Some("sites"), site).await;
        let payload = json!({
            "account_id": account, "site_id": site, "summary": "Closer slams", "contact_phone": "415 555 0199",
            "contact_email": "ops@harbor.example"
        });
        made("ticket.create", None, payload).await
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.cluster.abandon();
        if self.is_mounted {
            drop(Command::new("umount").arg("--lazy").arg(&self.root).output());
        }
        drop(fs::remove_dir_all(&self.root));
    }
}

/// A file that takes up room.
pub struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

fn directory() -> PathBuf {
    let name = uuid::Uuid::new_v4().simple().to_string();
    let root = std::env::temp_dir().join(format!("dw-{}", &name[..10]));
    fs::DirBuilder::new().mode(0o755).create(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    root
}

pub fn signal(processes: &[i32], signal: &str) {
    let list: Vec<String> = processes.iter().map(ToString::to_string).collect();
    // One that has ended meanwhile is as good.
    let script = format!("kill -{signal} {} 2>/dev/null || true", list.join(" "));
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

/// Whether the process is there and not a zombie.
fn lives(pid: i32) -> bool {
    let answer = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8(answer.stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

pub fn until(what: &str, condition: impl Fn() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A call in a role, under a fresh request id.
pub fn call(role: Role, tool: &str, target: Option<&str>, payload: Value) -> Call {
    Call::new(&Caller::local(Actor::local(format!("test-{role}"), role)), tool, target, payload)
}

/// A call that needs nothing else to be there.
pub fn account(name: &str) -> Call {
    call(Role::Dispatcher, "directory.upsert", Some("accounts"), json!({ "name": name }))
}

/// A piece of evidence for a ticket.
pub fn evidence(ticket: &str, key: &str, note: &str) -> Call {
    let payload = json!({"kind": "PHOTO", "uri": format!("s3://jobs/{key}.jpg"), "metadata": {"note": note}});
    call(Role::Technician, "closeout.add_evidence", Some(ticket), payload)
}

/// How much evidence a ticket has.
pub async fn evidence_of(engine: &Engine, ticket: &str) -> usize {
    let list = call(Role::Dispatcher, "closeout.list_evidence", Some(ticket), json!({}));
    engine.call(list).await.unwrap().json()["evidence"].as_array().unwrap().len()
}

/// Settles a call, and proves that it was done once: its replay gives the same bytes.
pub async fn settles(engine: &Engine, call: &Call) -> String {
    let reply = engine.call(call.clone()).await.unwrap();
    let again = engine.call(call.clone()).await.unwrap();
    assert!(again.replayed && again.body == reply.body);
    reply.body
}

/// Nothing is there by half, and every chain is whole.
pub async fn is_whole(engine: &Engine) {
    assert_eq!(engine.store().strays().await.unwrap(), []);
    assert_eq!(engine.verify_audit(None, |_| ()).await.unwrap().broken_chains, 0);
}

/// Where a socket of Postgres is.
pub fn socket_in(directory: &Path) -> PathBuf {
    directory.join(".s.PGSQL.5432")
}
