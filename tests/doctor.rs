//! `dispatch doctor` on installations in which one thing is broken: that thing is named, with what
//! to do about it, and the exit code says how bad it is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::print_stderr, reason = "a test says what it could not try on this machine")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use dispatch::doctor::checks;
use dispatch::store::databases::{bring_up, create, owner_pool};
use dispatch::store::local::{APP, Cluster, OWNER};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};
use support::{Database, World};

/// The program, with nothing of the caller's settings.
fn program(home: &Path, data_dir: &Path) -> Command {
    fs::create_dir_all(home).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dispatch"));
    command
        .current_dir(home)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .env("USER", "tester")
        .env("LANG", "C.UTF-8")
        .env("DISPATCH_DATA_DIR", data_dir)
        .stdin(Stdio::null());
    command
}

/// What the doctor said.
struct Told {
    code: i32,
    report: Value,
    stderr: String,
}

impl Told {
    fn of(output: &Output) -> Self {
        let stdout = String::from_utf8(output.stdout.clone()).unwrap();
        let stderr = String::from_utf8(output.stderr.clone()).unwrap();
        let report = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
        Self { code: output.status.code().unwrap(), report, stderr }
    }

    fn finding(&self, check: &str) -> &Value {
        let mut findings = self.report["findings"].as_array().unwrap().iter();
        findings.find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("no check {check}"))
    }

    /// The finding is of this status, and says these words in what was seen or advised.
    fn says(&self, check: &str, status: &str, words: &[&str]) {
        let finding = self.finding(check);
        assert_eq!(finding["status"], status, "{finding}");
        let text = format!("{} {}", finding["seen"], finding["advice"]);
        for word in words {
            assert!(text.contains(word), "`{word}` in {finding}");
        }
        if ["warn", "fail"].contains(&status) {
            assert!(finding["advice"].as_str().is_some_and(|advice| advice.len() > 5), "{finding}");
        }
    }

    /// Every other check is well.
    fn all_well_but(&self, broken: &[&str]) {
        for finding in self.report["findings"].as_array().unwrap() {
            let is_broken = broken.iter().any(|check| finding["check"] == *check);
            assert!(is_broken || finding["status"] != "fail" && finding["status"] != "warn", "{finding}");
        }
    }
}

/// The doctor on a database that a URL names.
fn on_url(database: &Database, url: &str, change: impl FnOnce(&mut Command)) -> Told {
    let home = support::data_dir().join(format!("doctor-{}", database.name));
    let mut command = program(&home, &home.join("data"));
    command.arg("doctor").env("DISPATCH_DATABASE_URL", url);
    change(&mut command);
    Told::of(&command.output().unwrap())
}

fn examined(database: &Database) -> Told {
    on_url(database, &database.url(), |_| {})
}

async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.unwrap();
}

/// A private cluster of one test, stopped and removed at its end.
struct Private {
    root: PathBuf,
    cluster: Cluster,
}

impl Private {
    fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("dispatch-doctor-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&root));
        fs::create_dir_all(&root).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        let cluster = Cluster::new(Some(root.join("data")), None).unwrap();
        Self { root, cluster }
    }

    /// With the main database in it.
    async fn made(name: &str) -> Self {
        let private = Self::new(name);
        private.cluster.ensure_running().await.unwrap();
        create(&private.cluster, "dispatch").await.unwrap();
        bring_up(&private.cluster, "dispatch").await.unwrap();
        private
    }

    fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    fn examined(&self) -> Told {
        self.examined_with(|_| {})
    }

    fn examined_with(&self, change: impl FnOnce(&mut Command)) -> Told {
        let mut command = program(&self.root.join("home"), &self.data());
        command.arg("doctor");
        change(&mut command);
        Told::of(&command.output().unwrap())
    }

    fn chmod(&self, path: &str, mode: u32) {
        fs::set_permissions(self.data().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let home = self.root.join("home");
        drop(program(&home, &self.data()).args(["db", "stop"]).output());
        drop(fs::remove_dir_all(&self.root));
    }
}

#[tokio::test]
async fn nothing_is_wrong_with_a_fresh_installation_and_nothing_is_made_by_looking() {
    let private = Private::new("fresh");
    let told = private.examined();
    assert_eq!((told.code, &told.report["status"]), (0, &Value::from("ok")), "{}", told.report);
    told.all_well_but(&[]);
    told.says("server.answers", "ok", &["not made yet"]);
    told.says("database.audit", "skipped", &["the first use makes it"]);
    assert!(!private.data().exists(), "looking makes nothing");
    assert_eq!(told.report["findings"].as_array().unwrap().len(), checks().count());

    let private = Private::made("running").await;
    let told = private.examined();
    assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{}", told.report);
    told.all_well_but(&[]);
    told.says("database.migrations", "ok", &["matching checksums"]);
    told.says("server.zones", "ok", &["on the server"]);

    private.cluster.stop().await.unwrap();
    let told = private.examined();
    assert_eq!(told.code, 0);
    told.says("server.answers", "ok", &["stopped", "dispatch db start"]);
    told.says("database.tables", "skipped", &["stopped"]);
    assert!(!private.cluster.status().await.unwrap().running, "looking starts nothing");
}

#[tokio::test]
async fn folders_that_are_open_to_others_are_named_with_the_command_that_closes_them() {
    let private = Private::made("folders").await;
    for (path, mode, status, code) in [
        ("", 0o777, "fail", 1),
        ("postgres", 0o755, "fail", 1),
        ("run", 0o755, "fail", 1),
        ("postgres.log", 0o644, "warn", 0),
    ] {
        let before = fs::metadata(private.data().join(path)).unwrap().permissions().mode() & 0o777;
        private.chmod(path, mode);
        let told = private.examined();
        private.chmod(path, before);
        assert_eq!(told.code, code, "{}", told.report);
        told.says("files.folders", status, &["chmod", &format!("mode {mode:03o}")]);
        told.all_well_but(&["files.folders"]);
    }
}

#[tokio::test]
async fn settings_of_the_server_that_lose_data_fail() {
    let private = Private::made("settings").await;
    let settings = private.data().join("postgres/postgresql.conf");
    let mut text = fs::read_to_string(&settings).unwrap();
    text.push_str("\nfsync = off\nfull_page_writes = off\nsynchronous_commit = off\n");
    fs::write(&settings, text).unwrap();
    private.cluster.stop().await.unwrap();
    private.cluster.ensure_running().await.unwrap();
    let told = private.examined();
    assert_eq!(told.code, 6);
    let words = ["fsync is off", "full_page_writes is off", "synchronous_commit is off", "postgresql.conf"];
    told.says("server.durability", "fail", &words);
    told.all_well_but(&["server.durability"]);
    assert!(told.stderr.contains("server.durability"), "{}", told.stderr);
}

#[tokio::test]
async fn a_cluster_whose_server_is_gone_or_of_another_version_is_named() {
    let private = Private::made("programs").await;
    let told = private.examined_with(|command| {
        command.env("DISPATCH_POSTGRES_BIN", "/nowhere/bin");
    });
    assert_eq!(told.code, 0);
    told.says("installation.programs", "warn", &["/nowhere/bin", "DISPATCH_POSTGRES_BIN"]);
    private.cluster.stop().await.unwrap();
    fs::write(private.data().join("postgres/PG_VERSION"), "9\n").unwrap();
    let told = private.examined();
    assert_eq!(told.code, 6);
    told.says("installation.programs", "fail", &["PostgreSQL 9", "install PostgreSQL 9"]);
    fs::write(private.data().join("postgres/PG_VERSION"), "15\n").unwrap();
}

#[tokio::test]
async fn a_private_server_that_hangs_is_a_failure_and_one_that_was_killed_is_only_stopped() {
    let private = Private::made("hangs").await;
    let pid = private.cluster.status().await.unwrap().pid.unwrap().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    let told = private.examined();
    signal("-CONT");
    assert_eq!(told.code, 6);
    told.says("server.answers", "fail", &[&pid, "does not answer", "dispatch db stop"]);
    told.says("server.clock", "skipped", &["cannot be reached"]);

    signal("-KILL");
    let gone = || Command::new("ps").args(["-o", "stat=", "-p", &pid]).output().unwrap().stdout;
    while !gone().is_empty() && !gone().starts_with(b"Z") {
        tokio::task::yield_now().await;
    }
    let told = private.examined();
    assert_eq!(told.code, 0, "{}", told.report);
    told.says("server.answers", "ok", &["stopped"]);
}

#[tokio::test]
async fn programs_beside_the_server_are_missed() {
    let private = Private::new("tools");
    let real = Cluster::new(Some(support::data_dir()), None).unwrap().programs().await.unwrap().directory;
    let few = private.root.join("bin");
    fs::create_dir_all(&few).unwrap();
    for name in ["initdb", "postgres", "pg_ctl"] {
        std::os::unix::fs::symlink(real.join(name), few.join(name)).unwrap();
    }
    fs::write(few.join("psql"), "#!/bin/sh\necho 'psql (PostgreSQL) 11.2'\n").unwrap();
    fs::set_permissions(few.join("psql"), fs::Permissions::from_mode(0o755)).unwrap();
    let told = private.examined_with(|command| {
        command.env("DISPATCH_POSTGRES_BIN", &few);
    });
    assert_eq!(told.code, 0);
    told.says("installation.versions", "warn", &["psql is 11.2", "pg_dump is not in"]);
}

#[tokio::test]
async fn settings_of_the_user_that_are_wrong_are_named_and_stop_nothing_else() {
    let private = Private::new("config");
    let home = private.root.join("home");
    fs::create_dir_all(home.join(".config/dispatch")).unwrap();
    let file = home.join(".config/dispatch/config.toml");
    fs::write(&file, "rolle = \"qa\"\n").unwrap();
    let told = private.examined();
    assert_eq!(told.code, 1);
    told.says("files.config", "fail", &["unknown field `rolle`", "postgres_bin"]);
    told.says("server.answers", "ok", &[]);

    fs::write(&file, "database_url = \"postgresql://me@127.0.0.1:1/x\"\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let told = private.examined();
    told.says("files.config", "warn", &["chmod 600"]);
    told.says("server.answers", "fail", &["refused", "pg_isready"]);
    assert_eq!(told.code, 6);
    fs::remove_file(&file).unwrap();

    let told = private.examined_with(|command| {
        command.args(["--config", "/nowhere.toml"]);
    });
    told.says("files.config", "fail", &["/nowhere.toml", "No such file"]);

    let told = private.examined_with(|command| {
        command.env("DISPATCH_DB_POOL_MAX", "many").env("DISPATCH_EVIDENCE_REQUIRE_HEAD", "perhaps");
    });
    assert_eq!(told.code, 0);
    told.says("files.environment", "warn", &["DISPATCH_DB_POOL_MAX", "a whole number", "true or false"]);
}

#[tokio::test]
async fn the_terminal_and_its_language_are_looked_at() {
    let private = Private::new("terminal");
    let told = private.examined_with(|command| {
        command.env("TERM", "dumb").env("LANG", "C");
    });
    assert_eq!((told.code, &told.report["status"]), (0, &Value::from("warn")));
    told.says("terminal.type", "warn", &["TERM=dumb", "xterm-256color"]);
    told.says("terminal.locale", "warn", &["LANG=C", "C.UTF-8"]);
    told.all_well_but(&["terminal.type", "terminal.locale"]);

    // The same on a real one, where people read it.
    let Ok(script) = Command::new("script").arg("--version").output() else {
        eprintln!("script(1) is not here: the doctor was not tried on a terminal");
        return;
    };
    assert!(script.status.success());
    let home = private.root.join("home");
    let line = format!("stty cols 60 rows 20; {} doctor", env!("CARGO_BIN_EXE_dispatch"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env_clear().stdin(Stdio::null());
    for (name, value) in program(&home, &private.data()).get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.env("TERM", "xterm").env("NO_COLOR", "1").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("WARN  size          60 columns, 20 rows"), "{shown}");
    assert!(shown.contains("NO_COLOR") && !shown.contains('\u{1b}'), "{shown}");
    let is_path = |line: &str| line.trim_start().starts_with('/') || line.contains("  /");
    let too_wide = |line: &&str| line.trim_end().chars().count() > 60 && !is_path(line);
    assert_eq!(shown.lines().find(too_wide), None, "only a path may be longer than a line");
}

#[tokio::test]
async fn evidence_that_cannot_be_kept_and_a_full_disk_fail() {
    let private = Private::new("disk");
    fs::create_dir_all(private.data()).unwrap();
    fs::set_permissions(private.data(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(private.data().join("objects"), "a file in its place").unwrap();
    let told = private.examined();
    assert_eq!(told.code, 1);
    told.says("files.objects", "fail", &["evidence cannot be kept", "writable"]);
    fs::remove_file(private.data().join("objects")).unwrap();
    fs::create_dir(private.data().join("objects")).unwrap();
    private.examined().says("files.objects", "ok", &["read back, removed"]);
    assert_eq!(fs::read_dir(private.data().join("objects")).unwrap().count(), 0, "looking leaves nothing");

    let small = private.data().join("objects");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "none"]).arg(&small).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        eprintln!("no file system may be mounted here: the full disk was not tried");
        return;
    }
    let told = private.examined();
    let unmounted = Command::new("umount").arg(&small).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(told.code, 1);
    told.says("files.space", "fail", &["8.0 MiB free", "Free some space"]);
}

#[tokio::test]
async fn the_rules_of_the_database_are_held_against_the_contract() {
    let database = Database::new().await;
    let owner = database.owner().await;
    examined(&database).all_well_but(&[]);

    run(&owner, "ALTER TABLE audit_events DISABLE TRIGGER audit_events_append_only").await;
    let told = examined(&database);
    assert_eq!(told.code, 6);
    told.says("database.audit", "fail", &["audit_events_append_only", "ENABLE TRIGGER"]);
    told.all_well_but(&["database.audit"]);
    run(&owner, "ALTER TABLE audit_events ENABLE TRIGGER audit_events_append_only").await;

    run(&owner, "ALTER TABLE tickets DISABLE TRIGGER tickets_place").await;
    examined(&database).says("database.functions", "fail", &["trigger off: tickets_place"]);
    run(&owner, "DROP TRIGGER tickets_place ON tickets").await;
    examined(&database).says("database.functions", "fail", &["trigger missing: tickets_place"]);

    run(
        &owner,
        "ALTER TABLE ticket_state_transitions DROP CONSTRAINT chk_ticket_state_transition_valid; \
         ALTER TABLE ticket_state_transitions ADD CONSTRAINT chk_ticket_state_transition_valid \
         CHECK (dispatch_step_is_legal(from_state, to_state) OR (from_state = 'CLOSED' AND to_state = 'NEW'))",
    )
    .await;
    examined(&database).says("database.transitions", "fail", &["differ on 1: CLOSED->NEW"]);
    run(&owner, "ALTER TABLE ticket_state_transitions DROP CONSTRAINT chk_ticket_state_transition_valid").await;
    let told = examined(&database);
    assert_eq!(told.code, 6);
    told.says("database.transitions", "fail", &["differ on 249", "and 241 more"]);
    let restored = "ALTER TABLE ticket_state_transitions ADD CONSTRAINT chk_ticket_state_transition_valid \
                    CHECK (dispatch_step_is_legal(from_state, to_state))";
    run(&owner, restored).await;
    run(
        &owner,
        "CREATE OR REPLACE FUNCTION dispatch_step_is_legal(from_state ticket_state, to_state ticket_state) \
         RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT to_state <> 'CANCELLED' $$",
    )
    .await;
    let told = examined(&database);
    told.says("database.transitions", "fail", &["APPROVAL_REQUIRED->CANCELLED"]);
    told.says("database.functions", "fail", &["function changed: dispatch_step_is_legal"]);
}

#[tokio::test]
async fn the_list_of_migrations_is_held_against_the_programs_own() {
    let database = Database::new().await;
    let owner = database.owner().await;
    run(&owner, "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1").await;
    let told = examined(&database);
    assert_eq!(told.code, 6);
    told.says("database.migrations", "fail", &["1 was made from another text", "checksum"]);

    run(&owner, "DELETE FROM _sqlx_migrations WHERE version = 1").await;
    let told = examined(&database);
    assert_eq!(told.code, 6);
    told.says("database.migrations", "fail", &["1 is not in the list"]);

    let database = Database::new().await;
    let owner = database.owner().await;
    run(
        &owner,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'of tomorrow', true, '\\x00', 0)",
    )
    .await;
    let told = examined(&database);
    assert_eq!(told.code, 0, "{}", told.report);
    told.says("database.tables", "warn", &["9999", "only read", "Update dispatch"]);
    told.says("database.indexes", "skipped", &["newer"]);
}

#[tokio::test]
async fn indexes_roles_and_what_lies_in_the_tables_are_looked_at() {
    let database = Database::new().await;
    World::new(&database.engine).await;
    let owner = database.owner().await;
    run(&owner, "DROP INDEX tickets_site_idx").await;
    // Fails on the two equal regions, and leaves an invalid index behind.
    run(&owner, "INSERT INTO accounts (name) VALUES ('Twin'), ('Twin')").await;
    let failing = sqlx::raw_sql("CREATE UNIQUE INDEX CONCURRENTLY broken_idx ON accounts (name)").execute(&owner).await;
    assert!(failing.is_err());
    run(&owner, "UPDATE sites SET timezone = 'Mars/Olympus'").await;
    run(&owner, "UPDATE audit_chain_heads SET last_event_at = now() + interval '1 hour'").await;
    let told = examined(&database);
    assert_eq!(told.code, 0, "{}", told.report);
    told.says("database.indexes", "warn", &["tickets_site_idx", "REINDEX INDEX CONCURRENTLY broken_idx"]);
    told.says("database.sites", "warn", &["Mars/Olympus", "dispatch directory edit sites"]);
    told.says("database.history", "warn", &["in the future", "stepped back"]);

    run(&owner, "REVOKE SELECT ON sites FROM dispatch_app").await;
    let told = examined(&database);
    assert_eq!(told.code, 6);
    told.says("database.role", "fail", &["may not read sites", "GRANT SELECT"]);
    told.says("database.sites", "warn", &["could not be looked at", "permission denied"]);
    let as_owner = on_url(&database, &support::cluster().url(&database.name, OWNER), |_| {});
    as_owner.says("database.role", "warn", &["superuser", "owns no table"]);
}

#[tokio::test]
async fn the_private_clusters_role_may_own_nothing() {
    let private = Private::made("role").await;
    let owner = owner_pool(&private.cluster, "dispatch").await.unwrap();
    run(&owner, &format!("ALTER TABLE audit_events OWNER TO {APP}")).await;
    owner.close().await;
    let told = private.examined();
    assert_eq!(told.code, 6);
    told.says("database.role", "fail", &["owns 1 tables", "OWNER TO dispatch_owner"]);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_found_by_the_databases_own() {
    let database = Database::new().await;
    let owner = database.owner().await;
    run(
        &owner,
        "CREATE OR REPLACE FUNCTION dispatch_now() RETURNS timestamptz LANGUAGE sql VOLATILE \
         AS $$ SELECT clock_timestamp() - interval '5 minutes' $$",
    )
    .await;
    let told = examined(&database);
    assert_eq!(told.code, 6);
    told.says("server.clock", "fail", &["s behind this machine's", "NTP"]);
    told.says("database.functions", "warn", &["function changed: dispatch_now"]);
}

#[tokio::test]
async fn databases_that_are_gone_empty_or_somebody_elses_are_named() {
    let database = Database::new().await;
    let gone = on_url(&database, &support::cluster().url("no_such_database", APP), |_| {});
    assert_eq!(gone.code, 6);
    gone.says("server.answers", "fail", &["no_such_database", "createdb"]);
    gone.says("installation.programs", "ok", &[]);

    let nobody = on_url(&database, &support::cluster().url(&database.name, "nobody_we_know"), |_| {});
    nobody.says("server.answers", "fail", &["nobody_we_know", "~/.pgpass"]);
    // Accepts connections, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let silence = on_url(&database, &format!("postgresql://me@{address}/d"), |_| {});
    assert_eq!(silence.code, 6);
    silence.says("server.answers", "fail", &["does not answer within", "firewall"]);
    let nonsense = on_url(&database, "not a url", |_| {});
    assert_eq!(nonsense.code, 6);
    nonsense.says("server.answers", "fail", &["postgresql://user@host/database"]);

    let postgres = owner_pool(support::cluster(), "postgres").await.unwrap();
    run(&postgres, "CREATE DATABASE doctor_foreign").await;
    let empty = on_url(&database, &support::cluster().url("doctor_foreign", OWNER), |_| {});
    assert_eq!(empty.code, 6);
    empty.says("database.tables", "fail", &["is empty", "dispatch db migrate"]);
    let foreign = owner_pool(support::cluster(), "doctor_foreign").await.unwrap();
    run(&foreign, "CREATE TABLE theirs (a int)").await;
    let told = on_url(&database, &support::cluster().url("doctor_foreign", OWNER), |_| {});
    assert_eq!(told.code, 6);
    told.says("database.tables", "fail", &["not ours", "left alone"]);
    told.says("database.audit", "skipped", &["no tables of ours"]);

    run(&postgres, "CREATE DATABASE doctor_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        .await;
    let latin = on_url(&database, &support::cluster().url("doctor_latin", OWNER), |_| {});
    latin.says("database.encoding", "fail", &["LATIN1", "UTF8"]);
    latin.says("server.durability", "ok", &[]);
}
