//! Every message is read as its reader would: what happened, what is allowed, what to do next; in
//! three lines at most, with nothing of the program's inside, and nothing on stdout.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::print_stderr, reason = "a test says what it could not try on this machine")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use dispatch::store::databases::owner_pool;
use dispatch::store::local::{APP, Cluster, OWNER};
use support::{Database, World};

/// What only somebody who knows the program's inside could read.
const INSIDE: [&str; 16] = [
    "Error {", "Err(", "Some(", "Ok(", "Os {", "kind:", "os error", "sqlx", "panicked", "unwrap", "\u{1b}", "SELECT ",
    "INSERT ", "src/", "None", "thread '",
];

/// A directory to run the program in, with nothing of the caller's settings.
struct Desk {
    home: PathBuf,
    url: Option<String>,
}

impl Desk {
    fn new(name: &str, url: Option<String>) -> Self {
        let home = support::data_dir().join(format!("messages-{name}"));
        fs::create_dir_all(&home).unwrap();
        Self { home, url }
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
            .env("DISPATCH_DATA_DIR", self.home.join("data"))
            .stdin(Stdio::null());
        if let Some(url) = &self.url {
            command.env("DISPATCH_DATABASE_URL", url);
        }
        command
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.home.join(name), content).unwrap();
    }

    /// Runs each and reads what it says.
    fn all_say(&self, table: &[(&[&str], i32, &[&str])]) {
        for (arguments, code, words) in table {
            says(&format!("{arguments:?}"), &self.command(arguments).output().unwrap(), *code, words);
        }
    }
}

/// The program ended with this code, and said these words and nothing it should not.
fn says(what: &str, output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{what}: {said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{what} prints nothing on stdout");
    assert!((1..=3).contains(&said.lines().count()), "{what} says too much or nothing: {said}");
    for word in words {
        assert!(said.contains(word), "{what} does not say `{word}`: {said}");
    }
    for inside in INSIDE {
        assert!(!said.contains(inside), "{what} shows `{inside}`: {said}");
    }
    let last = said.trim_end().chars().last().unwrap();
    assert!(['.', '?', '!'].contains(&last), "{what} breaks off: {said}");
}

#[test]
fn a_command_line_that_makes_no_sense_is_told_what_would() {
    let desk = Desk::new("usage", None);
    desk.all_say(&[
        (&["queu"], 2, &["unrecognized subcommand 'queu'", "'queue'", "--help"]),
        (&["--nope"], 2, &["unexpected argument '--nope'", "Usage: dispatch", "--help"]),
        (&["call"], 2, &["required arguments", "<TOOL>", "Usage: dispatch call"]),
        (&["ticket", "show"], 2, &["<TICKET>", "Usage: dispatch ticket show"]),
        (&["queue", "--limit", "0"], 2, &["'0'", "--limit", "a whole number from 1"]),
        (&["queue", "--limit", "many"], 2, &["'many'", "a whole number from 1"]),
        (&["run", "x", "--jobs", "99"], 2, &["'99'", "from 1 to 64"]),
        (&["evidence", "add", "T-1", "x", "--request-id", "7"], 2, &["'7'", "a UUID", "uuidgen"]),
        (&["completions", "tcsh"], 2, &["'tcsh'", "bash", "zsh"]),
        (&["man", "quue"], 5, &["no command `quue`", "Did you mean queue?", "dispatch help"]),
        (&["tool", "schema", "ticket.triag"], 5, &["no tool", "Did you mean ticket.triage?", "dispatch tool list"]),
        (&["queue", "--role", "king"], 2, &["no role `king`", "dispatcher"]),
        (&["queue", "--actor", " "], 2, &["--actor is blank", "leave it out"]),
        (&["queue", "--state", "LOST"], 2, &["`LOST`", "Allowed: NEW"]),
        (&["queue", "--priority", "soon"], 2, &["`soon`", "EMERGENCY, URGENT, ROUTINE"]),
        (&["queue", "--sla", "red"], 2, &["`red`", "breach, warning, healthy"]),
        (&["queue", "--filter", "colour:red"], 2, &["`colour:`", "There are: state"]),
        (&["queue", "--filter", "age:old"], 2, &["age:>2h"]),
        (&["directory", "list", "things"], 5, &["`things`", "There are: accounts"]),
        (&["call", "ticket.triage", "T-1", "--set", "priority"], 2, &["`priority`", "KEY=VALUE", "priority=URGENT"]),
        (&["call", "ticket.triage", "T-1", "--set", "prio=X"], 2, &["`prio`", "Did you mean `priority`?"]),
        (&["call", "ticket.triage", "T-1", "--payload", "{x"], 2, &["not JSON", "\"priority\": \"URGENT\""]),
        (&["call", "ticket.triage", "T-1", "--payload", "[]"], 2, &["not a JSON object", "such as"]),
        (&["--database-url", "postgres://me:pw@h/d", "queue"], 2, &["password", "DISPATCH_DATABASE_URL", ".pgpass"]),
        (&["--database-url", "no url", "queue"], 2, &["cannot be read", "postgresql://user@host/database"]),
    ]);
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_they_must_be() {
    let desk = Desk::new("files", None);
    fs::create_dir_all(desk.home.join("folder")).unwrap();
    desk.write("latin", b"\xff\xfe");
    desk.write("empty", "");
    desk.write("rows.csv", "a,b\n1,2\n");
    desk.write("typo.toml", "role = \"qa\"\nrolle = \"qa\"\n");
    desk.write("broken.toml", "role = \n");
    desk.write("number.toml", "database_url = 7\n");
    desk.write("map.toml", "summary = \n");
    desk.write("nonsense.ndjson", "{\"tool\": \"ticket.get\", \"ticket\": \"T-1\"}\n{nope\n");
    desk.write("typo.ndjson", "{\"tool\": \"ticket.get\", \"tickt\": \"T-1\"}\n");
    desk.write("tool.ndjson", "{\"tool\": \"ticket.gett\"}\n");
    let mapped: [&str; 2] = ["--map", "source_id=a"];
    desk.all_say(&[
        (&["--config", "no.toml", "queue"], 2, &["no.toml", "No such file", "--config"]),
        (&["--config", "folder", "queue"], 2, &["folder", "Is a directory", "readable text file"]),
        (&["--config", "latin", "queue"], 2, &["latin", "UTF-8"]),
        (&["--config", "typo.toml", "queue"], 2, &["line 2", "`rolle`", "`role`", "Correct that line"]),
        (&["--config", "broken.toml", "queue"], 2, &["line 1", "Correct that line"]),
        (&["--config", "number.toml", "queue"], 2, &["line 1", "expected a string"]),
        (&["evidence", "add", "T-1", "no.jpg"], 5, &["no.jpg", "No such file", "Check its name"]),
        (&["evidence", "add", "T-1", "folder"], 2, &["not an ordinary file", "Name one"]),
        (&["run", "no.ndjson"], 5, &["no.ndjson", "No such file", "Check its name"]),
        (&["run", "folder"], 2, &["Is a directory", "Name a file"]),
        (&["run", "latin"], 2, &["latin", "Save it as UTF-8"]),
        (&["run", "empty"], 0, &["holds no calls", "dispatch help run"]),
        (&["run", "nonsense.ndjson"], 2, &["Line 2", "column", "one JSON object a line"]),
        (&["run", "typo.ndjson"], 2, &["Line 1", "`tickt`", "`ticket`"]),
        (&["run", "tool.ndjson"], 2, &["Line 1", "Did you mean ticket.get?"]),
        (&["call", "ticket.get", "T-1", "--payload", "@no.json"], 5, &["no.json", "Check its name"]),
        (&["import", "requests", "no.csv", mapped[0], mapped[1]], 5, &["no.csv", "Check its name"]),
        (&["import", "requests", "folder", mapped[0], mapped[1]], 2, &["directory", "name a file in it"]),
        (&["import", "requests", "empty", mapped[0], mapped[1]], 2, &["empty", "a heading and rows"]),
        (&["import", "requests", "rows.csv"], 2, &["--mapping NAME", "sf311", "--map FIELD=COLUMN"]),
        (&["import", "requests", "rows.csv", "--mapping", "sf311"], 2, &["no column `unique_key`", "It has: a, b"]),
        (&["import", "requests", "rows.csv", "--mapping", "nope"], 5, &["nope", "built in: sf311", "Check its name"]),
        (&["import", "requests", "rows.csv", "--mapping", "map.toml"], 2, &["line 1", "Correct that"]),
        (&["import", "requests", "rows.csv", "--map", "a"], 2, &["FIELD=COLUMN", "summary=Subject"]),
        (&["import", "requests", "rows.csv", "--map", "x=a"], 2, &["no field `x`", "There are: source_id"]),
        (&["man", "--dir", "empty/pages"], 1, &["empty/pages", "another folder"]),
    ]);
    if Path::new("/dev/full").exists() {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = desk.command(&["tool", "list"]).stdout(full).output().unwrap();
        says("a full disk behind stdout", &output, 1, &["stdout", "No space left", "Free some space"]);
    }
}

#[tokio::test]
async fn calls_that_are_refused_say_what_would_be_taken() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    let ticket = world.ticket(&database.engine).await;
    let desk = Desk::new("calls", Some(database.url()));
    desk.write("photo.jpg", "a photo");
    let invoice = ["call", "billing.generate_invoice", &ticket, "--role", "finance"];
    desk.all_say(&[
        (&["ticket", "show", "T-99999"], 5, &["no ticket T-99999", "dispatch queue"]),
        (&["ticket", "show", "banana"], 5, &["`banana` is no ticket", "T-10423"]),
        (&["call", "ticket.get"], 2, &["needs a ticket", "T-10423"]),
        (&["evidence", "add", "T-99999", "photo.jpg"], 5, &["no ticket T-99999"]),
        (&["call", "ticket.triage", &ticket, "--role", "qa", "--payload", "{}"], 3, &["Role qa", "dispatcher", "Ask"]),
        (&invoice, 4, &["The ticket is NEW", "VERIFIED", "dispatch ticket show"]),
        (
            &["call", "ticket.triage", &ticket, "--set", "priority=SOON", "--set", "incident_type=X"],
            2,
            &["/priority", "EMERGENCY", "dispatch tool schema ticket.triage"],
        ),
        (&["call", "ticket.triage", &ticket, "--payload", "{}", "--request-id", "7"], 2, &["not a UUID", "Send one"]),
        (
            &[
                "call",
                "ticket.triage",
                &ticket,
                "--if-version",
                "9",
                "--set",
                "priority=URGENT",
                "--set",
                "incident_type=X",
            ],
            4,
            &["moved on", "version 9", "Look at it again"],
        ),
        (&["directory", "edit", "technicians", "nobody"], 5, &["no record nobody", "dispatch directory list"]),
        (&["directory", "add", "accounts", "--set", "name= "], 2, &["name is blank", "Say it in words"]),
        (
            &["directory", "add", "sites", "--set", "name=x"],
            2,
            &["\"account_id\" is a required", "dispatch tool schema"],
        ),
        (&["db", "stop"], 2, &["not ours to make, start or stop", "Unset it"]),
    ]);
    // A folder of evidence that is none.
    fs::create_dir_all(desk.home.join("data")).unwrap();
    desk.write("data/objects", "");
    let output = desk.command(&["evidence", "add", &ticket, "photo.jpg"]).output().unwrap();
    says("no folder for evidence", &output, 6, &["cannot be written", "writable", "dispatch doctor"]);
}

/// Listens, and answers whoever connects like this.
fn listening(answer: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    format!("postgresql://me@127.0.0.1:{port}/d?sslmode=disable")
}

/// Answers as a server that refuses, with this code of SQL.
fn refusing(code: &'static str, message: &'static str) -> String {
    listening(move |mut stream| {
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut startup = vec![0; u32::from_be_bytes(length) as usize - 4];
        stream.read_exact(&mut startup).unwrap();
        let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
        let size = u32::try_from(fields.len() + 4).unwrap();
        stream.write_all(&[b"E", &size.to_be_bytes()[..], fields.as_bytes()].concat()).unwrap();
    })
}

#[tokio::test]
async fn databases_that_are_not_to_be_had_are_told_with_the_way_to_one() {
    let database = Database::new().await;
    let cluster = support::cluster();
    let closed = "postgresql://me@127.0.0.1:1/d".to_owned();
    let desk = |url: String| Desk::new(&database.name, Some(url));
    let queue = |url: String, code: i32, words: &[&str]| {
        says(&url, &desk(url.clone()).command(&["queue"]).output().unwrap(), code, words);
    };
    queue(closed, 6, &["cannot be reached", "refused", "dispatch doctor"]);
    queue("postgresql:///d?host=/nowhere".to_owned(), 6, &["cannot be reached", "dispatch doctor"]);
    queue("postgresql://me@nowhere.invalid/d".to_owned(), 6, &["cannot be reached", "dispatch doctor"]);
    queue(cluster.url("no_such_database", APP), 6, &["no_such_database", "createdb", "dispatch db migrate"]);
    queue(cluster.url(&database.name, "nobody"), 6, &["nobody", "does not let us in", "~/.pgpass"]);
    let wrong = "password authentication failed for user \"me\"";
    queue(refusing("28P01", wrong), 6, &["password authentication failed", "DISPATCH_DATABASE_URL", "~/.pgpass"]);
    queue(refusing("53300", "sorry, too many clients already"), 6, &["too many clients", "Try again"]);
    queue(refusing("57P03", "the database system is starting up"), 6, &["starting up", "Try again"]);
    queue(listening(drop), 6, &["cannot be reached", "dispatch doctor"]);

    let postgres = owner_pool(cluster, "postgres").await.unwrap();
    sqlx::raw_sql("CREATE DATABASE messages_empty").execute(&postgres).await.unwrap();
    queue(cluster.url("messages_empty", OWNER), 6, &["is empty", "dispatch db migrate"]);
    let output = desk(cluster.url("messages_empty", APP)).command(&["db", "migrate"]).output().unwrap();
    says("migrating as a role that may not", &output, 1, &["permission denied", "owner"]);
    let theirs = owner_pool(cluster, "messages_empty").await.unwrap();
    sqlx::raw_sql("CREATE TABLE theirs (a int)").execute(&theirs).await.unwrap();
    queue(cluster.url("messages_empty", OWNER), 6, &["not ours", "left alone", "createdb"]);

    let owner = database.owner().await;
    sqlx::raw_sql("ALTER TABLE tickets RENAME TO hidden").execute(&owner).await.unwrap();
    let output = desk(database.url()).command(&["queue"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("INTERNAL_ERROR") && said.contains("dispatch doctor") && said.contains("reference"),
        "{said}"
    );
}

#[tokio::test]
async fn a_place_that_cannot_hold_the_private_database_is_told_with_another() {
    let desk = Desk::new("places", None);
    desk.write("file", "");
    fs::create_dir_all(desk.home.join("taken/postgres/theirs")).unwrap();
    let queue = |place: &Path| desk.command(&["queue"]).env("DISPATCH_DATA_DIR", place).output().unwrap();
    let home = &desk.home;
    says("a file", &queue(&home.join("file")), 6, &["Not a directory", "DISPATCH_DATA_DIR"]);
    says("a place below a file", &queue(&home.join("file/data")), 6, &["Not a directory", "DISPATCH_DATA_DIR"]);
    says("a taken place", &queue(&home.join("taken")), 6, &["nothing in it will be overwritten", "Move it away"]);
    let programs = desk.command(&["queue"]).env("DISPATCH_DATA_DIR", "/proc/none").output().unwrap();
    says("no place at all", &programs, 6, &["/proc/none", "DISPATCH_DATA_DIR"]);

    let small = home.join("small");
    fs::create_dir_all(&small).unwrap();
    for (options, words) in [
        ("size=16m", ["The disk is full", "free some space", "DISPATCH_DATA_DIR"]),
        ("ro", ["Read-only file system", "must be writable", "DISPATCH_DATA_DIR"]),
    ] {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(&small).output();
        if !mount.is_ok_and(|mount| mount.status.success()) {
            eprintln!("no file system may be mounted here: {options} was not tried");
            return;
        }
        let output = queue(&small.join("data"));
        assert!(Command::new("umount").arg(&small).status().unwrap().success());
        says(options, &output, 6, &words);
    }
}

#[tokio::test]
async fn a_watcher_whose_server_is_killed_waits_for_it_and_one_whose_reader_left_ends_quietly() {
    let desk = Desk::new("watch", None);
    let cluster = Cluster::new(Some(desk.home.join("data")), None).unwrap();
    let made = desk.command(&["db", "init"]).output().unwrap();
    assert!(made.status.success());
    let mut reading = desk.command(&["queue", "--watch"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(reading.stdout.take());
    let id = |arguments: &[&str]| {
        let output = desk.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let account = format!("account_id={}", id(&["directory", "add", "accounts", "--set", "name=Pier"]));
    let set = ["name=Pier 9", "address1=Pier 9", "city=San Francisco", &account];
    let site = id(&["directory", "add", "sites", "--set", set[0], "--set", set[1], "--set", set[2], "--set", set[3]]);
    let site = format!("site_id={site}");
    id(&["call", "ticket.create", "--set", &account, "--set", &site, "--set", "summary=Door stuck"]);
    // The first row that it cannot hand on ends it.
    assert_eq!(reading.wait().unwrap().code(), Some(0));

    let mut watching =
        desk.command(&["queue", "--watch"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(watching.stdout.take().unwrap());
    let mut row = String::new();
    shown.read_line(&mut row).unwrap();
    assert!(row.contains("Door stuck"), "{row}");
    let pid = cluster.status().await.unwrap().pid.unwrap();
    let kill = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(kill.success());
    let mut said = BufReader::new(watching.stderr.take().unwrap()).lines();
    let away = said.next().unwrap().unwrap();
    assert!(away.contains("cannot be reached") && away.contains("Waiting for it"), "{away}");
    // The next command starts it again.
    let again = desk.command(&["queue"]).output().unwrap();
    assert!(again.status.success());
    assert_eq!(String::from_utf8(again.stderr).unwrap().lines().count(), 1);
    assert_eq!(said.next().unwrap().unwrap(), "The database is back.");
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert!(desk.command(&["db", "stop"]).output().unwrap().status.success());
}

#[test]
fn a_reader_who_has_seen_enough_ends_the_program_quietly() {
    let desk = Desk::new("pipe", None);
    let mut child = desk.command(&["tool", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}
