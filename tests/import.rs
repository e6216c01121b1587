//! `dispatch import requests` and the script of `examples/`, by the program itself on a real
//! Postgres.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use dispatch::domain::actor::Role;
use serde_json::{Value, json};
use support::{Database, ok};

const HEADER: &str = "unique_key,created_date,closed_date,status_notes,agency_name,category,complaint_type,descriptor,\
    incident_address,neighborhood,location,source,media_url";
const TICKETS: &str = "SELECT count(*) FROM tickets";
const EVERYTHING: &str = "SELECT (SELECT count(*) FROM tickets) + (SELECT count(*) FROM audit_events) \
    + (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM sites) + (SELECT count(*) FROM accounts) \
    + (SELECT count(*) FROM ticket_state_transitions)";

/// A file of one test, gone afterwards.
struct Temporary(PathBuf);

impl Temporary {
    fn new(end: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(format!("dispatch-import-{}.{end}", uuid::Uuid::new_v4()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    /// Rows under the header of sf311.
    fn csv(rows: &[String]) -> Self {
        Self::new("csv", format!("{HEADER}\n{}\n", rows.join("\n")))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn row(id: &str, created: &str, closed: &str, kind: &str, descriptor: &str, address: &str) -> String {
    format!("{id},{created},{closed},,Housing,Requests,{kind},{descriptor},\"{address}\",,,Phone,")
}

fn open_row(id: impl std::fmt::Display) -> String {
    row(&id.to_string(), "2012-08-24 19:33:13+00:00", "", "Glazier", "Glazier - Urgent", "1 A ST, Reno, NV, 89501")
}

fn dispatch(database: &Database, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dispatch"));
    command.env("DISPATCH_DATABASE_URL", database.url()).env("DISPATCH_DATA_DIR", support::data_dir());
    command.env("XDG_CONFIG_HOME", support::data_dir()).args(args).stdin(Stdio::null());
    command
}

fn import(database: &Database, file: &Path, more: &[&str]) -> Command {
    let mut command = dispatch(database, &["import", "requests"]);
    command.arg(file).args(more);
    command
}

fn sf311(database: &Database, file: &Path, more: &[&str]) -> Command {
    let mut command = import(database, file, &["--mapping", "sf311", "--account", "Housing"]);
    command.args(more);
    command
}

/// The summary of an import that succeeds.
fn done(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn numbers(summary: &Value) -> [u64; 5] {
    ["rows", "imported", "known", "skipped_closed", "rejected"].map(|name| summary[name].as_u64().unwrap())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Real data, or none.
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

async fn chains_are_whole(database: &Database) {
    let verdict = database.engine.verify_audit(None, |_| ()).await.unwrap();
    assert!(verdict.broken.is_empty(), "{:?}", verdict.broken);
}

async fn no_half_rows(database: &Database) {
    let half = "SELECT count(*) FROM tickets t WHERE state <> 'TRIAGED' \
        OR (SELECT count(*) FROM audit_events e WHERE e.ticket_id = t.id) <> 2 \
        OR (SELECT count(*) FROM ticket_state_transitions s WHERE s.ticket_id = t.id) <> 2";
    assert_eq!(database.count(half).await, 0);
    let stray = "SELECT count(*) FROM audit_events WHERE chain <> 'system' \
        AND ticket_id NOT IN (SELECT id FROM tickets)";
    assert_eq!(database.count(stray).await, 0);
}

#[tokio::test]
async fn a_row_is_created_and_triaged_at_its_original_time_at_its_site() {
    let database = Database::new().await;
    let file = Temporary::csv(&[
        row(
            "1",
            "2010-08-02 14:04:33+00:00",
            "",
            "Door  shop",
            "Shop - Emergency",
            "491 31ST AVE, Apt 2, RENO, NV, 89501",
        ),
        row("2", "2011-08-02 14:04:33+02:00", "", "Other", "", "491 31st Avenue,  Apt. 2, Reno, NV, 89501"),
        row("3", "2012-08-02 14:04:33+00:00", "", "Other", "x", "Not associated with a specific address"),
        row("4", "2012-08-02 14:04:33+00:00", "", "Other", "Preventive", ""),
    ]);
    let summary = done(&mut sf311(&database, &file.0, &[]));
    assert_eq!(numbers(&summary), [4, 4, 0, 0, 0]);
    assert_eq!((&summary["accounts_made"], &summary["sites_made"]), (&json!(1), &json!(2)));
    let get = async |reference: &str, tool: &str| {
        ok(&database.engine, Role::Dispatcher, tool, Some(reference), json!({})).await
    };
    let first = get("sf311:1", "ticket.get").await;
    assert_eq!((&first["state"], &first["priority"]), (&json!("TRIAGED"), &json!("EMERGENCY")));
    assert_eq!(first["incident_type"], "DOOR_SHOP");
    assert_eq!(first["summary"], "Door shop: Shop - Emergency at 491 31ST AVE, Apt 2, RENO, NV, 89501");
    assert_eq!(first["created_at"], "2010-08-02T14:04:33.000Z");
    let events = get("sf311:2", "ticket.timeline").await["events"].clone();
    let told: Vec<_> = events.as_array().unwrap().iter().map(|e| (&e["tool_name"], &e["created_at"])).collect();
    let at = json!("2011-08-02T12:04:33.000Z");
    assert_eq!(told, [(&json!("ticket.create"), &at), (&json!("ticket.triage"), &at)]);
    let second = get("sf311:2", "ticket.get").await;
    assert_eq!((&second["site_id"], &second["priority"]), (&first["site_id"], &json!("ROUTINE")));
    let (third, fourth) = (get("sf311:3", "ticket.get").await, get("sf311:4", "ticket.get").await);
    assert_eq!((&third["site_id"], &fourth["priority"]), (&fourth["site_id"], &json!("ROUTINE")));
    let named = "SELECT count(*) FROM sites WHERE name = 'no address given'";
    assert_eq!(database.count(named).await, 1);
    let site = "SELECT count(*) FROM sites WHERE name = '491 31ST AVE, Apt 2' AND address1 = '491 31ST AVE' \
        AND region = 'NV' AND city = 'RENO' AND postal_code = '89501' AND timezone = 'America/Los_Angeles'";
    assert_eq!(database.count(site).await, 1);
    no_half_rows(&database).await;
    chains_are_whole(&database).await;
}

#[tokio::test]
async fn closed_rows_are_skipped_and_counted_or_imported_as_open_work_and_nothing_twice() {
    let database = Database::new().await;
    let closed = row("2", "2012-01-01 10:00:00+00:00", "2012-02-01 10:00:00+00:00", "Glazier", "", "");
    let file = Temporary::csv(&[open_row(1), closed]);
    let dry = done(&mut sf311(&database, &file.0, &["--dry-run", "--include-closed"]));
    assert_eq!((numbers(&dry), &dry["sites_made"]), ([2, 2, 0, 0, 0], &json!(2)));
    assert_eq!(database.count(EVERYTHING).await, 0, "a dry run stores nothing");
    assert_eq!(numbers(&done(&mut sf311(&database, &file.0, &[]))), [2, 1, 0, 1, 0]);
    assert_eq!(numbers(&done(&mut sf311(&database, &file.0, &["--include-closed"]))), [2, 1, 1, 0, 0]);
    let before = database.count(EVERYTHING).await;
    assert_eq!(numbers(&done(&mut sf311(&database, &file.0, &["--include-closed"]))), [2, 0, 2, 0, 0]);
    let somebody_else = &["--include-closed", "--actor", "somebody-else"];
    assert_eq!(numbers(&done(&mut sf311(&database, &file.0, somebody_else))), [2, 0, 2, 0, 0]);
    assert_eq!(database.count(EVERYTHING).await, before, "a second import adds nothing");
    assert_eq!(database.count("SELECT count(*) FROM tickets WHERE state = 'TRIAGED'").await, 2);
}

#[tokio::test]
async fn refused_rows_are_reported_with_line_and_reason_and_half_a_row_is_never_stored() {
    let database = Database::new().await;
    let long = "x".repeat(600);
    let file = Temporary::csv(&[
        "7,2012-08-24 19:33:13+00:00,,\"a note\nof two lines\",H,R,Glazier,,,,,Phone,".to_owned(),
        row("8", "yesterday", "", "Glazier", "", ""),
        row("9", "1969-12-31 10:00:00+00:00", "", "Glazier", "", ""),
        row("10", "2012-01-02 10:00:00+00:00", "", &long, "", ""),
        open_row(7),
        open_row(""),
        "11,2012-08-24 19:33:13+00:00,,\"cut off".to_owned(),
    ]);
    let rejects = Temporary::new("rejects.csv", "old");
    let name = rejects.0.display().to_string();
    let summary = done(&mut sf311(&database, &file.0, &["--rejects", &name]));
    assert_eq!(numbers(&summary), [7, 1, 0, 0, 6]);
    let report = std::fs::read_to_string(&rejects.0).unwrap();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], "line,source_id,reason");
    let mut told: Vec<&str> = lines[1..].to_vec();
    told.sort_by_key(|line| line.split(',').next().unwrap().parse::<u64>().unwrap());
    for (line, (start, why)) in told.iter().zip([
        ("4,8,", "Its created_at, `yesterday`, is no date"),
        ("5,9,", "Its created_at"),
        ("6,10,", "/incident_type"),
        ("7,7,", "Line 2 has the same source_id."),
        ("8,,", "It has no source_id."),
        ("9,,", "The row has 4 fields; the header has 13."),
    ]) {
        assert!(line.starts_with(start) && line.contains(why), "{line}");
    }
    assert_eq!(database.count(TICKETS).await, 1);
    no_half_rows(&database).await;
    chains_are_whole(&database).await;
    let output = sf311(&database, &file.0, &[]).output().unwrap();
    assert!(stderr(&output).contains("line 4 (8): Its created_at, `yesterday`"), "{}", stderr(&output));
}

#[tokio::test]
async fn at_most_twenty_refused_rows_are_told_and_nothing_but_such_rows_is_a_failure() {
    let database = Database::new().await;
    let file = Temporary::csv(&(0..30).map(|id| row(&format!("r{id}"), "never", "", "x", "", "")).collect::<Vec<_>>());
    let output = sf311(&database, &file.0, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let told = stderr(&output);
    assert_eq!(told.matches("Its created_at").count(), 20);
    assert!(told.contains("… and 10 more; --rejects FILE"), "{told}");
    assert_eq!(database.count(TICKETS).await, 0);
    let itself = file.0.display().to_string();
    let output = sf311(&database, &file.0, &["--rejects", &itself]).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).contains("overwrite")), (Some(2), true));
    assert!(std::fs::read_to_string(&file.0).unwrap().starts_with("unique_key"));
}

#[tokio::test]
async fn broken_input_is_a_clear_error_and_stores_nothing() {
    let database = Database::new().await;
    let fails = |file: &Path, code: i32, why: &str| {
        let output = sf311(&database, file, &[]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    };
    let good: Vec<String> = (0..600).map(open_row).collect();
    let wrong_header = Temporary::new("csv", "id,created_date,what\n1,2,3\n");
    fails(
        &wrong_header.0,
        2,
        "no column `unique_key`, which the mapping needs for source_id. It has: id, created_date, what.",
    );
    let bad_utf8 = [format!("{HEADER}\n{}\n", good.join("\n")).into_bytes(), b"601,\xff\n".to_vec()].concat();
    fails(&Temporary::new("csv", bad_utf8).0, 2, "line 602 is not UTF-8");
    let huge = row("601", "2012-08-24 19:33:13+00:00", "", "Glazier", &"x".repeat(10_000_000), "");
    fails(&Temporary::csv(&[good[0].clone(), huge]).0, 2, "line 3: the field descriptor holds 10000000 bytes");
    fails(&Temporary::new("csv", "").0, 2, "is empty");
    fails(&std::env::temp_dir(), 2, "is a directory");
    fails(Path::new("no-such-file.csv"), 5, "no-such-file.csv");
    assert_eq!(database.count(EVERYTHING).await, 0);
}

#[tokio::test]
async fn wrong_usage_is_explained_and_authority_is_asked_first() {
    let database = Database::new().await;
    let file = Temporary::csv(&[open_row(1)]);
    let fails = |more: &[&str], code: i32, why: &str| {
        let output = import(&database, &file.0, more).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let told = format!("{}{}", stderr(&output), String::from_utf8_lossy(&output.stdout));
        assert!(told.contains(why), "{told}");
    };
    fails(&["--account", "x"], 2, "built in: sf311");
    fails(&["--mapping", "none.toml", "--account", "x"], 5, "none.toml (built in: sf311)");
    fails(&["--mapping", "sf311", "--account", " "], 2, "--account NAME");
    fails(&["--mapping", "sf311", "--map", "sumary=x"], 2, "There are: source_id");
    fails(&["--mapping", "sf311", "--source", "a:b"], 2, "without a colon");
    fails(&["--map", "summary=category", "--account", "x"], 2, "--map source_id=COLUMN");
    fails(&["--mapping", "sf311", "--role", "technician"], 3, "FORBIDDEN");
    let wrong = Temporary::new("toml", "summary = '{complaint_type'\n");
    fails(&["--mapping", &wrong.0.display().to_string(), "--account", "x"], 2, "never closed");
    assert_eq!(database.count(EVERYTHING).await, 0);
}

#[tokio::test]
async fn a_mapping_of_ones_own_reads_json_lines_and_takes_accounts_from_a_column() {
    let database = Database::new().await;
    let mapping = Temporary::new(
        "toml",
        "source = 'desk'\nsource_id = '{id}'\ncreated_at = '{at}'\nsummary = '{what}[ ({note})]'\n\
         account = '{owner}'\naddress = '{where}'\ncity = 'Oakland'\nregion = 'CA'\nincident_type = '{kind}'\n\
         [priority]\nvalue = '{grade}'\ntable = { high = 'EMERGENCY' }\n",
    );
    let line = |id: u32, owner: &str| {
        json!({"id": id, "at": "2026-11-20T08:00:00Z", "what": "Door", "owner": owner, "where": "1 B St", "kind": "a b",
               "grade": "High", "note": null})
        .to_string()
    };
    let file = Temporary::new("jsonl", [line(1, "One"), line(2, "two"), line(3, " ONE "), line(4, "")].join("\n"));
    let name = mapping.0.display().to_string();
    let summary = done(&mut import(&database, &file.0, &["--mapping", &name]));
    assert_eq!(numbers(&summary), [4, 3, 0, 0, 1]);
    assert_eq!((&summary["accounts_made"], &summary["sites_made"]), (&json!(2), &json!(2)));
    let ticket = ok(&database.engine, Role::Dispatcher, "ticket.get", Some("desk:3"), json!({})).await;
    assert_eq!((&ticket["summary"], &ticket["priority"]), (&json!("Door"), &json!("EMERGENCY")));
    assert_eq!(ticket["incident_type"], "A_B");
    let fields = ["--map", "source_id=id", "--map", "created_at=at", "--map", "summary=what", "--account", "One"];
    let summary = done(&mut import(&database, &file.0, &fields));
    assert_eq!((numbers(&summary), &summary["accounts_made"]), ([4, 4, 0, 0, 0], &json!(0)));
    assert_eq!(summary["source"], file.0.file_stem().unwrap().to_str().unwrap());
}

/// Kills a child as soon as the database says so.
async fn kill_when(database: &Database, child: &mut Child, sql: &'static str) {
    while database.count(sql).await == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn an_import_killed_in_the_middle_is_completed_by_the_next() {
    let database = Database::new().await;
    let rows: Vec<String> = (0..6000).map(open_row).collect();
    let file = Temporary::csv(&rows);
    let mut child = sf311(&database, &file.0, &[]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    kill_when(&database, &mut child, "SELECT count(*) FROM (SELECT FROM tickets LIMIT 1) t").await;
    let there = database.count(TICKETS).await;
    assert!((1..6000).contains(&there), "{there}");
    no_half_rows(&database).await;
    let [rows, imported, known, ..] = numbers(&done(&mut sf311(&database, &file.0, &[])));
    assert_eq!((rows, imported + known), (6000, 6000));
    assert!(known > 0);
    assert_eq!(database.count("SELECT count(DISTINCT source_id) FROM tickets").await, 6000);
    assert_eq!(database.count(TICKETS).await, 6000);
    no_half_rows(&database).await;
    chains_are_whole(&database).await;
}

#[tokio::test]
async fn two_imports_at_once_share_the_work_and_lose_nothing() {
    let database = Database::new().await;
    let street = |id: u32| format!("{} A ST, Reno, NV, 89501", id % 40);
    let rows: Vec<String> =
        (0..2000).map(|id| row(&id.to_string(), "2012-08-24 19:33:13+00:00", "", "x", "", &street(id))).collect();
    let file = Temporary::csv(&rows);
    let start = || sf311(&database, &file.0, &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (one, other) = (start(), start());
    let mut imported = 0;
    for child in [one, other] {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let [_, new, known, ..] = numbers(&serde_json::from_slice(&output.stdout).unwrap());
        assert_eq!(new + known, 2000);
        imported += new;
    }
    assert_eq!((imported, database.count(TICKETS).await), (2000, 2000));
    assert_eq!(database.count("SELECT count(*) FROM sites").await, 40);
    assert_eq!(database.count("SELECT count(*) FROM accounts").await, 1);
    no_half_rows(&database).await;
    chains_are_whole(&database).await;
}

#[tokio::test]
async fn both_real_files_are_imported_whole() {
    let (Some(requests), Some(orders)) = (real("sf311_requests.csv"), real("sfha_work_orders.csv")) else { return };
    let database = Database::new().await;
    assert_eq!(numbers(&done(&mut sf311(&database, &orders, &[]))), [657, 1, 0, 656, 0]);
    assert_eq!(numbers(&done(&mut sf311(&database, &orders, &["--include-closed"]))), [657, 656, 1, 0, 0]);
    assert_eq!(numbers(&done(&mut sf311(&database, &requests, &["--dry-run"]))), [4446, 196, 0, 4250, 0]);
    assert_eq!(numbers(&done(&mut sf311(&database, &requests, &["--include-closed"]))), [4446, 4446, 0, 0, 0]);
    assert_eq!(numbers(&done(&mut sf311(&database, &requests, &["--include-closed"]))), [4446, 0, 4446, 0, 0]);
    assert_eq!(database.count(TICKETS).await, 657 + 4446);
    assert_eq!(database.count("SELECT count(*) FROM tickets WHERE priority = 'EMERGENCY'").await, 32);
    no_half_rows(&database).await;
    chains_are_whole(&database).await;
}

#[tokio::test]
async fn twenty_real_work_orders_are_driven_to_invoiced_by_a_script_killed_half_way() {
    let Some(orders) = real("sfha_work_orders.csv") else { return };
    let database = Database::new().await;
    done(&mut sf311(&database, &orders, &["--include-closed"]));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/work_orders.ndjson");
    let mut child = dispatch(&database, &["run", script]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let answers = BufReader::new(child.stdout.take().unwrap()).lines().take(111);
    assert_eq!(answers.map(Result::unwrap).count(), 111);
    child.kill().unwrap();
    child.wait().unwrap();
    let invoiced = "SELECT count(*) FROM tickets WHERE state = 'INVOICED'";
    let half_way = database.count(invoiced).await;
    assert!((9..20).contains(&half_way), "{half_way}");
    let output = dispatch(&database, &["run", script]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let answers: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 222);
    assert!(answers.iter().filter(|answer| answer["replayed"] == true).count() >= 111);
    assert_eq!(database.count(invoiced).await, 20);
    let calls = "SELECT count(*) FROM audit_events e JOIN tickets t ON t.id = e.ticket_id WHERE t.state = 'INVOICED'";
    assert_eq!(database.count(calls).await, 20 * (2 + 11), "nothing was done twice");
    let verdict = dispatch(&database, &["audit", "verify"]).output().unwrap();
    assert_eq!(verdict.status.code(), Some(0), "{}", stderr(&verdict));
}
