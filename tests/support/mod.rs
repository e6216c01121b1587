//! What the tests share: one private cluster a test process, and one database a test, made from a
//! template. A watchdog stops the cluster and removes it once the process has ended, however.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses its own part, and fails by panicking"
)]

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use dispatch::domain::actor::{Actor, Role};
use dispatch::engine::{Call, Caller, Desk, Engine, Options, Refused, Reply};
use dispatch::store::databases::owner_pool;
use dispatch::store::local::{APP, Cluster};
use dispatch::store::objects::Objects;
use dispatch::store::{Store, migrate};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

const TEMPLATE: &str = "dispatch_template";

/// Where this test process keeps its cluster.
pub fn data_dir() -> PathBuf {
    std::env::temp_dir().join(format!("dispatch-test-{}", std::process::id()))
}

/// The cluster of this test process, with a template of our tables in it.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let made = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let cluster = Cluster::new(Some(data_dir()), None).unwrap();
                watch(&cluster);
                cluster.ensure_running().await.unwrap();
                let postgres = owner_pool(&cluster, "postgres").await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {TEMPLATE}"))).execute(&postgres).await.unwrap();
                postgres.close().await;
                let template = owner_pool(&cluster, TEMPLATE).await.unwrap();
                migrate::migrate(&template).await.unwrap();
                migrate::grant(&template).await.unwrap();
                template.close().await;
                cluster
            })
        });
        made.join().unwrap()
    })
}

/// Stops the cluster when this process ends, even by `kill -9`.
fn watch(cluster: &Cluster) {
    let data = cluster.data_dir().display().to_string();
    let script = "while kill -0 \"$1\" 2>/dev/null; do sleep 1; done; \
                  pid=$(head -n 1 \"$2/postgres/postmaster.pid\" 2>/dev/null); \
                  [ -z \"$pid\" ] || kill -INT \"$pid\"; \
                  while [ -n \"$pid\" ] && kill -0 \"$pid\" 2>/dev/null; do sleep 1; done; rm -rf \"$2\"";
    #[expect(clippy::zombie_processes, reason = "it outlives us on purpose")]
    let _watchdog = Command::new("sh")
        .args(["-c", script, "watch", &std::process::id().to_string(), &data])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
}

/// A database of one test.
pub struct Database {
    pub name: String,
    pub engine: Engine,
}

impl Database {
    /// A fresh one.
    pub async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let postgres = owner_pool(cluster, "postgres").await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")))
            .execute(&postgres)
            .await
            .unwrap();
        postgres.close().await;
        let engine = engine_on(&name, Options::default()).await;
        Self { name, engine }
    }

    /// Another engine on the same database, as another process would have.
    pub async fn another_engine(&self, options: Options) -> Engine {
        engine_on(&self.name, options).await
    }

    /// The database as its owner sees it.
    pub async fn owner(&self) -> PgPool {
        owner_pool(cluster(), &self.name).await.unwrap()
    }

    /// Its URL, for the program under test.
    pub fn url(&self) -> String {
        cluster().url(&self.name, APP)
    }

    /// One number out of the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.engine.store().pool()).await.unwrap()
    }
}

async fn engine_on(name: &str, options: Options) -> Engine {
    let store = Store::open(cluster().connect_options(name, APP), 40, false).await.unwrap();
    Engine::new(store, Objects::new(data_dir().join("objects")), options)
}

/// Somebody in a role.
pub fn caller(role: Role) -> Caller {
    Caller::local(Actor::local(format!("test-{role}"), role))
}

/// A call in a role, under a fresh request id.
pub fn call(role: Role, tool: &str, target: Option<&str>, payload: Value) -> Call {
    Call::new(&caller(role), tool, target, payload)
}

/// Calls and expects to be answered.
pub async fn ok(engine: &Engine, role: Role, tool: &str, target: Option<&str>, payload: Value) -> Value {
    match engine.call(call(role, tool, target, payload)).await {
        Ok(reply) => reply.json(),
        Err(refused) => panic!("{tool} was refused: {refused}"),
    }
}

/// Calls and expects to be refused.
pub async fn refused(engine: &Engine, role: Role, tool: &str, target: Option<&str>, payload: Value) -> Refused {
    match engine.call(call(role, tool, target, payload)).await {
        Ok(Reply { body, .. }) => panic!("{tool} was not refused: {body}"),
        Err(refused) => refused,
    }
}

/// An account with a site in region CA, and technician `t-1` who can do everything there.
pub struct World {
    pub account: String,
    pub site: String,
}

impl World {
    /// Makes it.
    pub async fn new(engine: &Engine) -> Self {
        let upsert = async |kind: &str, payload: Value| {
            ok(engine, Role::Dispatcher, "directory.upsert", Some(kind), payload).await["id"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let account = upsert("accounts", json!({"name": "Harbor Foods"})).await;
        let site = json!({
            "account_id": account, "name": "Pier 9", "address1": "Pier 9", "city": "San Francisco", "region": "CA"
        });
        let site = upsert("sites", site).await;
        let technician = json!({
            "id": "t-1", "name": "R. Ortiz", "home_region": "ca", "skills": ["DEFAULT"], "phone": "+1 415 555 0101"
        });
        upsert("technicians", technician).await;
        Self { account, site }
    }

    /// A new ticket's id.
    pub async fn ticket(&self, engine: &Engine) -> String {
        let payload = json!({
            "account_id": self.account, "site_id": self.site, "summary": "Closer slams",
            "contact_phone": "415 555 0199", "contact_email": "ops@harbor.example"
        });
        ok(engine, Role::Dispatcher, "ticket.create", None, payload).await["id"].as_str().unwrap().to_owned()
    }

    /// A ticket brought to a state along the ordinary way, as far as it goes; its id.
    pub async fn ticket_in(&self, engine: &Engine, state: &str) -> String {
        let id = self.ticket(engine).await;
        for (reached, role, tool, payload) in ordinary_way() {
            if state == "NEW" {
                break;
            }
            ok(engine, role, tool, Some(&id), payload).await;
            if reached == state {
                break;
            }
        }
        let ticket = ok(engine, Role::Dispatcher, "ticket.get", Some(&id), json!({})).await;
        assert_eq!(ticket["state"], state, "the ordinary way does not lead there");
        id
    }
}

/// Every checklist item, ticked.
pub fn checklist() -> Value {
    json!({
        "work_performed": true, "parts_used_or_needed": true, "resolution_status": true,
        "onsite_photos_after": true, "billing_authorization": true
    })
}

/// The calls that bring a new ticket to INVOICED, with the state after each.
pub fn ordinary_way() -> Vec<(&'static str, Role, &'static str, Value)> {
    let evidence = |key: &str| json!({"kind": "PHOTO", "uri": format!("s3://jobs/{key}.jpg"), "evidence_key": key});
    let window = json!({"start": "2026-12-01T17:00:00.000Z", "end": "2026-12-01T19:00:00.000Z"});
    vec![
        (
            "TRIAGED",
            Role::Dispatcher,
            "ticket.triage",
            json!({
                "priority": "URGENT", "incident_type": "CLOSER_LEAKING_OR_SLAMMING", "nte_cents": 50_000
            }),
        ),
        (
            "READY_TO_SCHEDULE",
            Role::Dispatcher,
            "ticket.triage",
            json!({
                "priority": "URGENT", "incident_type": "CLOSER_LEAKING_OR_SLAMMING", "ready_to_schedule": true
            }),
        ),
        ("SCHEDULE_PROPOSED", Role::Dispatcher, "schedule.propose", json!({"options": [window]})),
        ("SCHEDULED", Role::Dispatcher, "schedule.confirm", window),
        ("DISPATCHED", Role::Dispatcher, "assignment.dispatch", json!({"tech_id": "t-1"})),
        ("IN_PROGRESS", Role::Technician, "tech.check_in", json!({"timestamp": "2026-12-01T17:05:00.000Z"})),
        ("evidence", Role::Technician, "closeout.add_evidence", evidence("photo_before_closer_body")),
        ("evidence", Role::Technician, "closeout.add_evidence", evidence("photo_after_closer_or_adjustment")),
        ("evidence", Role::Technician, "closeout.add_evidence", evidence("note_sweep_and_latch_speed_settings")),
        (
            "COMPLETED_PENDING_VERIFICATION",
            Role::Technician,
            "tech.complete",
            json!({
                "checklist_status": checklist(), "no_signature_reason": "Site was closed"
            }),
        ),
        ("VERIFIED", Role::Qa, "qa.verify", json!({"timestamp": "2026-12-01T20:00:00.000Z", "result": "PASS"})),
        ("INVOICED", Role::Finance, "billing.generate_invoice", json!({})),
    ]
}
