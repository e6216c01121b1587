//! The program as its users run it: right and wrong input, exit codes, and sentences to act on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use dispatch::domain::actor::Role;
use serde_json::{Value, json};
use support::{Database, World, ok};

/// The program on a database, in a directory of its own, with nothing of the caller's settings.
struct Program {
    url: String,
    home: PathBuf,
}

impl Program {
    fn on(database: &Database) -> Self {
        let home = support::data_dir().join(format!("home-{}", database.name));
        std::fs::create_dir_all(&home).unwrap();
        Self { url: database.url(), home }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dispatch"));
        command
            .args(arguments)
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", &self.home)
            .env("USER", "tester")
            .env("DISPATCH_DATA_DIR", support::data_dir())
            .env("DISPATCH_DATABASE_URL", &self.url)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs and expects success; the lines of JSON it prints.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        lines(&output)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Values as a script: a line each.
fn ndjson(values: &[Value]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

async fn world() -> (Database, World, Program) {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    let program = Program::on(&database);
    (database, world, program)
}

#[tokio::test]
async fn wrong_input_of_every_kind_gives_its_exit_code_and_a_sentence_to_act_on() {
    let (database, world, program) = world().await;
    let id = world.ticket(&database.engine).await;
    std::fs::write(program.home.join("bad.ndjson"), "{\"tool\": \"ticket.get\"}\n{nope\n").unwrap();
    std::fs::write(program.home.join("typo.ndjson"), "{\"tool\": \"ticket.get\", \"tickt\": \"T-1\"}\n").unwrap();
    std::fs::write(program.home.join("latin.ndjson"), b"{\"tool\": \"\xe9\"}\n").unwrap();
    std::fs::write(program.home.join("config.toml"), "colour = 1\n").unwrap();
    for (arguments, code, says) in [
        (&["frobnicate"][..], 2, "unrecognized subcommand"),
        (&["call"], 2, "Usage"),
        (&["call", "tiket.get", "T-10001"], 5, "Did you mean ticket.get?"),
        (&["tool", "schema", "nothing.like.it"], 5, "dispatch tool list"),
        (&["call", "ticket.get", "T-99999"], 5, "There is no ticket T-99999"),
        (&["call", "ticket.get", "banana"], 2, "T-10423"),
        (&["call", "ticket.get"], 2, "needs a ticket"),
        (&["call", "ticket.triage", &id, "--set", "incident_tipe=X"], 2, "Did you mean `incident_type`?"),
        (&["call", "ticket.triage", &id, "--set", "priority"], 2, "KEY=VALUE"),
        (&["call", "ticket.triage", &id, "--payload", "[1]"], 2, "not a JSON object"),
        (&["call", "ticket.triage", &id, "--payload", "{x"], 2, "INVALID_JSON"),
        (&["call", "ticket.triage", &id, "--payload", "@nowhere.json"], 5, "nowhere.json"),
        (&["call", "ticket.triage", &id, "--set", "priority=SOON", "--set", "incident_type=X"], 2, "INVALID_REQUEST"),
        (&["call", "ticket.triage", &id, "--payload", "{}", "--request-id", "7"], 2, "INVALID_IDEMPOTENCY_KEY"),
        (&["call", "ticket.triage", &id, "--role", "finance", "--payload", "{}"], 3, "FORBIDDEN"),
        (&["call", "ticket.get", &id, "--role", "king"], 2, "There is no role `king`"),
        (&["call", "ticket.get", &id, "--actor", " "], 2, "--actor is blank"),
        (
            &[
                "call",
                "qa.verify",
                &id,
                "--role",
                "qa",
                "--set",
                "timestamp=2026-01-01T00:00:00Z",
                "--set",
                "result=PASS",
            ],
            4,
            "INVALID_STATE_TRANSITION",
        ),
        (
            &[
                "call",
                "ticket.triage",
                &id,
                "--if-version",
                "9",
                "--set",
                "priority=URGENT",
                "--set",
                "incident_type=X",
            ],
            4,
            "VERSION_CONFLICT",
        ),
        (&["call", "ticket.get", &id, "--dry-run"], 2, "only reads"),
        (&["call", "directory.search", "doors"], 5, "accounts, sites, contacts, assets, technicians"),
        (&["queue", "--state", "OPEN"], 2, "INVALID_QUERY"),
        (&["queue", "--filter", "stat:new"], 2, "state, phase, pri"),
        (&["queue", "--limit", "0"], 2, "--limit"),
        (&["queue", "--role", "customer"], 3, "FORBIDDEN"),
        (&["ticket", "show", "T-99999"], 5, "TICKET_NOT_FOUND"),
        (&["evidence", "add", &id, "missing.jpg"], 5, "missing.jpg"),
        (&["evidence", "add", &id, "."], 2, "not an ordinary file"),
        (&["directory", "list", "doors"], 5, "There is no directory of `doors`"),
        (
            &["directory", "edit", "accounts", "0198ffff-0000-7000-8000-000000000000", "--set", "name=x"],
            5,
            "directory list accounts",
        ),
        (&["directory", "add", "technicians", "--set", "name=Nameless"], 2, "needs an id"),
        (&["run", "missing.ndjson"], 5, "missing.ndjson"),
        (&["run", "bad.ndjson"], 2, "Line 2"),
        (&["run", "typo.ndjson"], 2, "unknown field `tickt`"),
        (&["run", "latin.ndjson"], 2, "not UTF-8"),
        (&["run", "."], 2, "directory"),
        (&["--config", "config.toml", "tool", "list"], 2, "unknown field `colour`"),
        (&["--config", "nowhere.toml", "tool", "list"], 2, "nowhere.toml"),
        (&["--database-url", "postgres://me:secret@localhost/x", "queue"], 2, "process list"),
        (&["--database-url", "nonsense", "queue"], 2, "postgresql://user@host/database"),
        (&["--database-url", "postgres://nobody@127.0.0.1:9/none", "queue"], 6, "cannot be reached"),
        (&["db", "stop"], 2, "not ours to make, start or stop"),
        (&["audit", "verify", "T-99999"], 5, "TICKET_NOT_FOUND"),
    ] {
        let output = program.run(arguments);
        let said = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?} should say `{says}`: {said}");
        assert!(!said.contains("panicked") && !said.contains("secret"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_refusal_is_an_envelope_with_json_and_a_reply_exactly_its_bytes() {
    let (database, world, program) = world().await;
    let id = world.ticket(&database.engine).await;
    let output = program.run(&[
        "--json",
        "call",
        "schedule.confirm",
        &id,
        "--set",
        "start=2026-01-01T00:00:00Z",
        "--set",
        "end=2026-01-02T00:00:00Z",
        "--correlation-id",
        "c-1",
    ]);
    let envelope = &lines(&output)[0]["error"];
    assert_eq!((&envelope["code"], &envelope["correlation_id"]), (&json!("INVALID_STATE_TRANSITION"), &json!("c-1")));
    assert_eq!(envelope["policy_error"]["dimension"], "state");
    let request = uuid::Uuid::new_v4().to_string();
    let triage = [
        "call",
        "ticket.triage",
        &id,
        "--set",
        "priority=URGENT",
        "--set",
        "incident_type=X",
        "--request-id",
        &request,
    ];
    let (first, again) = (program.run(&triage), program.run(&triage));
    assert_eq!(first.stdout, again.stdout);
    assert!(first.status.success() && first.stderr.is_empty());
    let timeline = &program.json(&["ticket", "timeline", &id])[0];
    assert_eq!(timeline["events"][1]["actor_id"], "tester");
    assert_eq!(timeline["events"][1]["actor_type"], "HUMAN");
}

#[tokio::test]
async fn a_preview_from_the_command_line_changes_nothing() {
    let (database, world, program) = world().await;
    let id = world.ticket(&database.engine).await;
    let preview = &program.json(&[
        "call",
        "ticket_triage",
        &id,
        "--set",
        "priority=URGENT",
        "--set",
        "incident_type=X",
        "--dry-run",
    ])[0];
    assert_eq!((&preview["dry_run"], &preview["ticket"]["state"]), (&json!(true), &json!("TRIAGED")));
    assert_eq!(program.json(&["call", "ticket.get", &id])[0]["state"], "NEW");
}

#[tokio::test]
async fn an_actor_who_is_named_leaves_the_system_login_too() {
    let (database, world, program) = world().await;
    let id = world.ticket(&database.engine).await;
    program.json(&[
        "--actor",
        "maria",
        "--role",
        "bot",
        "call",
        "ticket.triage",
        &id,
        "--set",
        "priority=URGENT",
        "--set",
        "incident_type=X",
    ]);
    let event = &program.json(&["ticket", "timeline", &id])[0]["events"][1];
    assert_eq!((&event["actor_id"], &event["actor_role"]), (&json!("maria"), &json!("dispatcher")));
    assert!(event["payload"]["system_login"].as_str().unwrap().starts_with("tester@"));
}

#[tokio::test]
async fn evidence_is_kept_once_under_its_hash_and_only_if_the_call_is_accepted() {
    let (database, world, program) = world().await;
    let id = world.ticket_in(&database.engine, "IN_PROGRESS").await;
    std::fs::write(program.home.join("before.JPG"), b"not really a photo").unwrap();
    let add = ["evidence", "add", &id, "before.JPG", "--key", "photo_before_closer_body"];
    let item = &program.json(&add)[0];
    assert_eq!(
        (&item["kind"], &item["metadata"]["evidence_key"]),
        (&json!("PHOTO"), &json!("photo_before_closer_body"))
    );
    let checksum = item["checksum"].as_str().unwrap();
    assert_eq!(item["uri"], format!("dispatch:sha256/{checksum}"));
    let object = support::data_dir().join("objects/sha256").join(&checksum[..2]).join(checksum);
    assert_eq!(std::fs::read(&object).unwrap(), b"not really a photo");
    std::fs::write(program.home.join("other.jpg"), b"never kept").unwrap();
    let refused = program.run(&["--role", "finance", "evidence", "add", &id, "other.jpg"]);
    assert_eq!(refused.status.code(), Some(3));
    let hash = dispatch::domain::canonical::sha256_hex(b"never kept");
    assert!(!support::data_dir().join("objects/sha256").join(&hash[..2]).join(&hash).exists());
}

#[tokio::test]
async fn a_script_runs_once_however_often_it_is_run() {
    let (database, world, program) = world().await;
    let mut script = vec![json!({
        "tool": "ticket.create", "save": "t",
        "payload": {"account_id": world.account, "site_id": world.site, "summary": "Scripted"}
    })];
    for (_, role, tool, payload) in support::ordinary_way() {
        script.push(
            json!({"tool": tool, "ticket": "${t.id}", "payload": payload, "as": {"actor": "script", "role": role}}),
        );
    }
    let script = ndjson(&script);
    std::fs::write(program.home.join("whole.ndjson"), &script).unwrap();
    let first = program.json(&["run", "whole.ndjson", "--jobs", "4"]);
    assert_eq!(first.last().unwrap()["reply"]["state"], "INVOICED");
    assert!(first.iter().all(|line| line["replayed"] == false));
    let events = database.count("SELECT count(*) FROM audit_events").await;
    let again = program.json(&["run", "whole.ndjson"]);
    assert!(again.iter().all(|line| line["replayed"] == true));
    assert_eq!(database.count("SELECT count(*) FROM audit_events").await, events);
    // From standard input it is another run, unless the run is named.
    let named = |id: &str| program.run_with_input(&["run", "-", "--run-id", id], &script);
    assert!(named("one").status.success());
    assert!(lines(&named("one")).iter().all(|line| line["replayed"] == true));
    assert_eq!(database.count("SELECT count(*) FROM tickets").await, 2);
}

#[tokio::test]
async fn a_script_stops_at_a_refusal_unless_it_is_told_to_keep_going() {
    let (database, world, program) = world().await;
    let (one, two) = (world.ticket(&database.engine).await, world.ticket(&database.engine).await);
    let triage = json!({"priority": "URGENT", "incident_type": "X"});
    let script = [
        json!({"tool": "qa.verify", "ticket": one, "payload": {"timestamp": "2026-01-01T00:00:00Z", "result": "PASS"}}),
        json!({"tool": "ticket.triage", "ticket": one, "payload": triage}),
        json!({"tool": "ticket.triage", "ticket": two, "payload": triage}),
        json!({"tool": "ticket.get", "ticket": "${nobody.id}"}),
    ];
    let script = ndjson(&script);
    std::fs::write(program.home.join("refused.ndjson"), script).unwrap();
    let stopped = program.run(&["run", "refused.ndjson"]);
    assert_eq!((stopped.status.code(), lines(&stopped).len()), (Some(4), 1));
    let went_on = program.run(&["run", "refused.ndjson", "--keep-going"]);
    assert_eq!(went_on.status.code(), Some(4));
    let lines = lines(&went_on);
    assert_eq!(lines.len(), 4);
    assert_eq!(lines.iter().filter(|line| line["status"] == 200).count(), 2);
    assert!(lines.iter().any(|line| line["error"]["message"].as_str().is_some_and(|m| m.contains("${nobody.id}"))));
}

#[tokio::test]
async fn a_closed_pipe_is_a_quiet_end() {
    let (database, world, program) = world().await;
    for _ in 0..3 {
        world.ticket(&database.engine).await;
    }
    let mut child =
        program.command(&["queue", "--watch"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    // The next change finds nobody reading.
    world.ticket(&database.engine).await;
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_watched_queue_shows_another_callers_change_and_ends_at_an_interrupt() {
    let (database, world, program) = world().await;
    let id = world.ticket(&database.engine).await;
    let mut child = program
        .command(&["queue", "--watch", "--filter", "state:open"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut row = || {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    assert_eq!(row()["state"], "NEW");
    ok(
        &database.engine,
        Role::Dispatcher,
        "ticket.triage",
        Some(&id),
        json!({"priority": "URGENT", "incident_type": "X"}),
    )
    .await;
    let changed = row();
    assert_eq!((&changed["state"], &changed["ticket_id"]), (&json!("TRIAGED"), &json!(id)));
    sqlx::query("UPDATE tickets SET state = 'CANCELLED'").execute(&database.owner().await).await.unwrap();
    assert_eq!(row()["state"], "CANCELLED", "a row that leaves is shown once more");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[tokio::test]
async fn master_data_is_listed_added_and_edited() {
    let (_database, world, program) = world().await;
    let added = &program.json(&[
        "directory",
        "add",
        "sites",
        "--set",
        &format!("account_id={}", world.account),
        "--set",
        "name=Annex",
        "--set",
        "address1=2 Main",
        "--set",
        "city=Reno",
    ])[0];
    assert_eq!((&added["country"], &added["region"]), (&json!("US"), &Value::Null));
    let id = added["id"].as_str().unwrap();
    let edited = &program.json(&["directory", "edit", "sites", id, "--set", "region=NV"])[0];
    assert_eq!((&edited["region"], &edited["city"]), (&json!("NV"), &json!("Reno")));
    let hours = r#"availability=[{"weekday":1,"start_time":"08:00","end_time":"17:00"}]"#;
    program.json(&["directory", "edit", "technicians", "t-1", "--set", hours]);
    let hours = r#"availability=[{"weekday":1,"start_time":"08:00","end_time":"12:30"}]"#;
    program.json(&["directory", "edit", "technicians", "t-1", "--set", hours, "--set", "skills=[\"LOCK\",\"LOCK\"]"]);
    let technician = &program.json(&["directory", "list", "technicians", "--q", "ortiz"])[0];
    assert_eq!(technician["availability"][0]["end_time"], "12:30:00");
    assert_eq!((&technician["skills"], &technician["active"]), (&json!(["LOCK"]), &json!(true)));
    assert_eq!(program.json(&["directory", "list", "sites"]).len(), 2);
}

#[tokio::test]
async fn the_audit_trail_is_verified_and_tampering_named() {
    let (database, world, program) = world().await;
    let id = world.ticket_in(&database.engine, "SCHEDULED").await;
    let whole = &program.json(&["audit", "verify"])[0];
    assert_eq!((&whole["broken"], whole["digest"].as_str().unwrap().len()), (&json!([]), 64));
    assert_eq!(program.json(&["audit", "verify", &id])[0]["events"], 5);
    sqlx::raw_sql(
        "ALTER TABLE audit_events DISABLE TRIGGER ALL; \
         UPDATE audit_events SET payload = payload || '{\"x\": 1}' WHERE seq = 3 AND ticket_id IS NOT NULL",
    )
    .execute(&database.owner().await)
    .await
    .unwrap();
    let output = program.run(&["audit", "verify"]);
    assert_eq!(output.status.code(), Some(1));
    let broken = &lines(&output)[0]["broken"][0];
    assert_eq!((&broken["chain"], &broken["seq"]), (&json!(id), &json!(3)));
}

#[tokio::test]
async fn a_database_of_yours_is_migrated_only_by_command_and_a_foreign_one_left_alone() {
    let database = Database::new().await;
    let postgres = dispatch::store::databases::owner_pool(support::cluster(), "postgres").await.unwrap();
    sqlx::raw_sql("CREATE DATABASE yours").execute(&postgres).await.unwrap();
    let mut program = Program::on(&database);
    program.url = support::cluster().url("yours", dispatch::store::local::OWNER);
    let empty = program.run(&["queue"]);
    assert_eq!(empty.status.code(), Some(6));
    assert!(text(&empty.stderr).contains("dispatch db migrate"), "{}", text(&empty.stderr));
    assert_eq!(program.json(&["db", "migrate"])[0]["version"], dispatch::store::migrate::newest());
    assert!(program.json(&["queue"]).is_empty());
    assert_eq!(program.json(&["db", "status"])[0]["tables"]["schema"], "current");
    let yours = dispatch::store::databases::owner_pool(support::cluster(), "yours").await.unwrap();
    sqlx::raw_sql("UPDATE _sqlx_migrations SET version = version + 1000").execute(&yours).await.unwrap();
    assert!(program.run(&["queue"]).status.success(), "a newer schema is read");
    let written = program.run(&["directory", "add", "accounts", "--set", "name=x"]);
    assert_eq!(written.status.code(), Some(6));
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE somebody (id int)")
        .execute(&yours)
        .await
        .unwrap();
    for arguments in [&["queue"][..], &["db", "migrate"]] {
        let foreign = program.run(arguments);
        assert_eq!(foreign.status.code(), Some(6), "{arguments:?}");
        assert!(text(&foreign.stderr).contains("left alone"), "{}", text(&foreign.stderr));
    }
}

#[tokio::test]
async fn hostile_text_is_json_in_a_pipe_and_means_the_same() {
    let (_database, world, program) = world().await;
    let hostile = "\u{1b}[2J\u{202e}evil\u{9b}31m \"quoted\"\n🚪\u{301}";
    let summary = format!("summary={hostile}");
    let made = &program.json(&[
        "call",
        "ticket.create",
        "--set",
        &format!("account_id={}", world.account),
        "--set",
        &format!("site_id={}", world.site),
        "--set",
        &summary,
    ])[0];
    assert_eq!(made["summary"], hostile);
    assert_eq!(program.json(&["queue"])[0]["summary"], hostile);
}

#[tokio::test]
async fn first_uses_at_once_and_one_that_was_cut_off_all_end_well() {
    let database = Database::new().await;
    let program = Program::on(&database);
    let on_main = |arguments: &[&str]| {
        let mut command = program.command(arguments);
        command.env_remove("DISPATCH_DATABASE_URL").stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let children: Vec<_> = (0..4).map(|_| on_main(&["queue"]).spawn().unwrap()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let postgres = dispatch::store::databases::owner_pool(support::cluster(), "postgres").await.unwrap();
    for (cut_off, left) in [
        (
            "before the tables",
            "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, \
            installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, \
            execution_time bigint NOT NULL)",
        ),
        ("before the application is let in", ""),
    ] {
        sqlx::raw_sql("DROP DATABASE IF EXISTS dispatch WITH (FORCE)").execute(&postgres).await.unwrap();
        sqlx::raw_sql("CREATE DATABASE dispatch").execute(&postgres).await.unwrap();
        let main = dispatch::store::databases::owner_pool(support::cluster(), "dispatch").await.unwrap();
        if left.is_empty() {
            dispatch::store::migrate::migrate(&main).await.unwrap();
        } else {
            sqlx::raw_sql(left).execute(&main).await.unwrap();
        }
        main.close().await;
        let output = on_main(&["directory", "add", "accounts", "--set", "name=After"]).output().unwrap();
        assert!(output.status.success(), "cut off {cut_off}: {}", text(&output.stderr));
    }
}
