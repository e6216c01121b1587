//! How many statements a call sends, counted in the server's own log.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use dispatch::domain::actor::Role;
use dispatch::engine::{Engine, Options};
use serde_json::{Value, json};
use support::{Database, World, cluster, ok, ordinary_way};

/// The budget is four, BEGIN and COMMIT included; one load and one write is what it takes.
const STATEMENTS: usize = 2;

/// A database whose statements the server logs.
struct Logged {
    database: Database,
    engine: Engine,
    world: World,
}

impl Logged {
    async fn new() -> Self {
        let database = Database::new().await;
        let world = World::new(&database.engine).await;
        let owner = database.owner().await;
        for sql in [
            "ALTER SYSTEM SET log_line_prefix = '%d|'",
            "SELECT pg_reload_conf()",
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET log_statement = ''all''', current_database()); END $$",
        ] {
            sqlx::raw_sql(sql).execute(&owner).await.unwrap();
        }
        owner.close().await;
        let logged = Self { engine: database.another_engine(Options::default()).await, database, world };
        // Proves that counting works at all, and waits until the server has read its settings.
        for _ in 0..100 {
            sqlx::query("SELECT 1").execute(logged.engine.store().pool()).await.unwrap();
            if logged.count() > 0 {
                return logged;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the server logs no statements");
    }

    /// Statements that reached the server so far. The server writes its log before it answers.
    fn count(&self) -> usize {
        let log = std::fs::read_to_string(cluster().log_file()).unwrap();
        let prefix = format!("{}|LOG:", self.database.name);
        let sent = |line: &&str| {
            line.strip_prefix(&prefix)
                .map(str::trim_start)
                .is_some_and(|what| what.starts_with("execute ") || what.starts_with("statement: "))
        };
        log.lines().filter(sent).count()
    }

    /// Makes a call; its answer, and the statements it took.
    async fn call(&self, role: Role, tool: &str, target: Option<&str>, payload: Value) -> (Value, usize) {
        let before = self.count();
        let reply = ok(&self.engine, role, tool, target, payload).await;
        (reply, self.count() - before)
    }

    async fn create(&self) -> (Value, usize) {
        let payload = json!({
            "account_id": self.world.account, "site_id": self.world.site, "summary": "Closer slams",
            "contact_phone": "415 555 0199", "contact_email": "ops@harbor.example"
        });
        self.call(Role::Dispatcher, "ticket.create", None, payload).await
    }
}

#[tokio::test]
async fn every_command_of_the_ordinary_way_takes_one_load_and_one_write() {
    let logged = Logged::new().await;
    let mut counts = Vec::new();
    let mut seen = |tool: &'static str, count| counts.push((tool, count));
    // The first connection greets the server; what follows is the warm path.
    logged.create().await;
    let (ticket, count) = logged.create().await;
    seen("ticket.create", count);
    let id = ticket["id"].as_str().unwrap();
    for (reached, role, tool, payload) in ordinary_way() {
        seen(tool, logged.call(role, tool, Some(id), payload).await.1);
        if reached == "IN_PROGRESS" {
            let change = json!({"approval_type": "NTE_INCREASE", "reason": "New closer", "amount_delta_cents": 12_000});
            let (asked, count) = logged.call(Role::Technician, "tech.request_change", Some(id), change).await;
            seen("tech.request_change", count);
            let decision = json!({"approval_id": asked["approval"]["id"], "decision": "APPROVED"});
            seen("approval.decide", logged.call(Role::Approver, "approval.decide", Some(id), decision).await.1);
        }
    }
    seen("ticket.close", logged.call(Role::Finance, "ticket.close", Some(id), json!({})).await.1);
    let cancelled = logged.create().await.0;
    let reason = json!({"reason": "Customer fixed it"});
    seen("ticket.cancel", logged.call(Role::Dispatcher, "ticket.cancel", cancelled["id"].as_str(), reason).await.1);
    let site = json!({
        "account_id": logged.world.account, "name": "Pier 70", "address1": "Pier 70", "city": "San Francisco"
    });
    let technician = json!({"id": "t-2", "name": "M. Lee", "home_region": "CA", "skills": ["DEFAULT"]});
    for (kind, payload) in [("accounts", json!({"name": "Bay Foods"})), ("sites", site), ("technicians", technician)] {
        seen("directory.upsert", logged.call(Role::Dispatcher, "directory.upsert", Some(kind), payload).await.1);
    }
    assert_eq!(counts.len(), 20);
    let over: Vec<_> = counts.into_iter().filter(|(_, count)| *count != STATEMENTS).collect();
    assert!(over.is_empty(), "not {STATEMENTS} statements: {over:?}");
}

#[tokio::test]
async fn a_ticket_named_by_its_number_takes_one_statement_more_and_a_replay_one_less() {
    let logged = Logged::new().await;
    let (ticket, _) = logged.create().await;
    let number = ticket["number"].as_str().unwrap();
    let (_, role, tool, payload) = ordinary_way().remove(0);
    assert_eq!(logged.call(role, tool, Some(number), payload.clone()).await.1, STATEMENTS + 1);

    let call = support::call(role, tool, ticket["id"].as_str(), payload);
    let twice = dispatch::engine::Desk::call(&logged.engine, call.clone()).await.unwrap();
    let before = logged.count();
    let replayed = dispatch::engine::Desk::call(&logged.engine, call).await.unwrap();
    assert!(replayed.replayed && replayed.body == twice.body);
    assert_eq!(logged.count() - before, 1);
}
