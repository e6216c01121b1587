//! `dispatch demo`, the real program in a data directory of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

/// There is one demo a data directory, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    support::cluster();
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dispatch"));
    command.args(arguments).env("DISPATCH_DATA_DIR", support::data_dir()).stdin(Stdio::null());
    for name in ["DATABASE_URL", "DISPATCH_DATABASE_URL", "DISPATCH_CONFIG"] {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Runs, expects success, and reads the lines of JSON.
fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One text out of a database.
fn psql(database: &str, sql: &'static str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = dispatch::store::databases::owner_pool(support::cluster(), database).await.unwrap();
        let found: String = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        pool.close().await;
        found
    })
}

/// Changes something in the demo's database behind the program's back.
fn execute(sql: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = dispatch::store::databases::owner_pool(support::cluster(), "dispatch_demo").await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    });
}

fn summaries(rows: &[Value]) -> BTreeMap<String, String> {
    rows.iter().map(|row| (row["number"].to_string(), row["summary"].to_string())).collect()
}

fn start(arguments: &[&str]) -> Child {
    command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn the_day_is_whole_believable_and_only_shown_the_second_time() {
    let _turn = turn();
    let rows = lines(&["demo", "--reset"]);
    assert!((110..=135).contains(&rows.len()), "{}", rows.len());
    let states: BTreeSet<&str> = rows.iter().map(|row| row["state"].as_str().unwrap()).collect();
    for state in [
        "NEW",
        "NEEDS_INFO",
        "TRIAGED",
        "APPROVAL_REQUIRED",
        "READY_TO_SCHEDULE",
        "SCHEDULE_PROPOSED",
        "SCHEDULED",
        "DISPATCHED",
        "IN_PROGRESS",
        "COMPLETED_PENDING_VERIFICATION",
        "VERIFIED",
        "INVOICED",
    ] {
        assert!(states.contains(state), "{state}");
    }
    let running =
        |status: &str| rows.iter().filter(|row| row["sla_clock"] == "running" && row["sla_status"] == status).count();
    assert!((5..=12).contains(&running("breach")), "{}", running("breach"));
    assert!((8..=18).contains(&running("warning")), "{}", running("warning"));
    let regions: BTreeSet<&str> = rows.iter().filter_map(|row| row["site_region"].as_str()).collect();
    assert!(regions.len() >= 4, "{regions:?}");

    assert!(run(&["--demo", "audit", "verify"]).status.success(), "every chain is whole");
    let future = psql("dispatch_demo", "SELECT count(*)::text FROM audit_events WHERE created_at > dispatch_now()");
    assert_eq!(future, "0", "events in the future");
    let back = "SELECT count(*)::text FROM (SELECT created_at < lag(created_at) OVER (PARTITION BY chain ORDER BY seq) \
                AS back FROM audit_events) e WHERE back";
    assert_eq!(psql("dispatch_demo", back), "0", "events that go back in time");
    let people = "SELECT count(DISTINCT actor_id)::text FROM audit_events";
    assert!(psql("dispatch_demo", people).parse::<u32>().unwrap() > 15, "many people act");

    let again = lines(&["demo"]);
    assert_eq!(summaries(&rows), summaries(&again));
}

#[test]
fn evidence_is_kept_and_its_photos_are_pictures() {
    let _turn = turn();
    lines(&["demo"]);
    let all = "SELECT json_agg(json_build_object('uri', uri, 'kind', kind, 'checksum', checksum))::text \
               FROM evidence_items";
    let items: Vec<Value> = serde_json::from_str(&psql("dispatch_demo", all)).unwrap();
    assert!(items.len() > 50, "{}", items.len());
    for item in &items {
        let checksum = item["checksum"].as_str().unwrap();
        assert_eq!(item["uri"], format!("dispatch:sha256/{checksum}"));
        let file = support::data_dir().join("objects/sha256").join(&checksum[..2]).join(checksum);
        let bytes = std::fs::read(&file).unwrap();
        if item["kind"] != "NOTE" {
            assert_eq!(bytes[..8], [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a], "{}", file.display());
        }
    }
    let different: BTreeSet<String> = items.iter().map(|item| item["uri"].to_string()).collect();
    assert!(different.len() * 10 >= items.len() * 7, "{} of {}", different.len(), items.len());
}

#[test]
fn the_examples_of_other_commands_work_on_it() {
    let _turn = turn();
    lines(&["demo", "--reset"]);
    let triage = ["priority=URGENT", "incident_type=DOOR_WONT_LATCH"];
    for arguments in [
        &["--demo", "ticket", "show", "T-10001"] as &[&str],
        &["--demo", "ticket", "timeline", "T-10001"],
        &["--demo", "ticket", "evidence", "T-10001"],
        &["--demo", "queue", "--limit", "10"],
        &["--demo", "queue", "--filter", "phase:onsite -tech:none"],
        &["--demo", "call", "ticket.triage", "T-10001", "--set", triage[0], "--set", triage[1], "--dry-run"],
        &["--demo", "directory", "list", "technicians", "--q", "ortiz"],
        &["--demo", "directory", "edit", "technicians", "t-ortiz", "--set", "active=true"],
    ] {
        let found = lines(arguments);
        assert!(!found.is_empty(), "{arguments:?}");
    }
}

#[test]
fn headless_drives_one_ticket_to_its_invoice_as_often_as_one_likes() {
    let _turn = turn();
    // Even after somebody has sent the usual technician home.
    lines(&["demo", "--reset"]);
    for leave in ["active=true", "active=false"] {
        lines(&["--demo", "directory", "edit", "technicians", "t-ortiz", "--set", leave]);
        let steps = lines(&["demo", "--headless"]);
        assert!(steps.iter().all(|step| step["ok"] == true && step["expected"] == step["got"]));
        let refused = steps.iter().find(|step| step["got"].as_str().unwrap().starts_with("refused")).unwrap();
        assert_eq!(refused["tool"], "tech.complete");
        assert_eq!(
            refused["got"],
            "refused: CLOSEOUT_REQUIREMENTS_INCOMPLETE / MISSING_EVIDENCE: \
             note_adjustments_and_test_cycles, photo_after_latched_alignment"
        );
        let last = steps.last().unwrap();
        assert_eq!((&last["tool"], &last["state"]), (&"audit verify".into(), &"INVOICED".into()));
        let roles: BTreeSet<&str> = steps.iter().map(|step| step["role"].as_str().unwrap()).collect();
        assert_eq!(roles, BTreeSet::from(["dispatcher", "technician", "qa", "finance"]));
    }
}

#[test]
fn headless_fails_and_says_where_if_something_is_not_as_expected() {
    let _turn = turn();
    lines(&["demo", "--reset"]);
    // A completion that cannot be stored: the drive stops there and names the step.
    execute("REVOKE INSERT ON completions FROM dispatch_app");
    let output = run(&["demo", "--headless"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("step 11, tech.complete: expected COMPLETED_PENDING_VERIFICATION"), "{said}");
    // Nobody is left who could be sent.
    execute("UPDATE technicians SET active = false");
    let output = run(&["demo", "--headless"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("expected an active technician"), "{said}");
    lines(&["demo", "--reset"]);
}

#[test]
fn a_reset_makes_a_new_day_and_the_same_seed_the_same_one() {
    let _turn = turn();
    let seven = lines(&["demo", "--reset", "--seed", "7"]);
    let epoch = || psql("dispatch_demo", "SELECT epoch::text FROM dispatch_meta");
    let before = epoch();
    let eight = lines(&["demo", "--reset", "--seed", "8"]);
    assert_ne!(before, epoch(), "another database");
    assert_ne!(summaries(&seven), summaries(&eight));
    assert_eq!(summaries(&seven), summaries(&lines(&["demo", "--reset", "--seed", "7"])));
}

#[test]
fn a_demo_that_was_killed_while_it_was_made_is_made_anew() {
    let _turn = turn();
    lines(&["demo", "--reset"]);
    let mut child = start(&["demo", "--reset"]);
    let filling = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'dispatch_demo_filling')::text";
    let since = Instant::now();
    while psql("postgres", filling) != "true" {
        assert!(since.elapsed() < Duration::from_mins(1), "it never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The old day is still whole, and the next reset is not disturbed by what was left behind.
    assert!(lines(&["demo"]).len() > 100);
    assert!(lines(&["demo", "--reset"]).len() > 100);
    assert_eq!(psql("postgres", filling), "false");
    assert!(run(&["--demo", "audit", "verify"]).status.success());
}

#[test]
fn an_empty_demo_that_another_command_made_is_filled() {
    let _turn = turn();
    lines(&["demo"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(dispatch::store::databases::drop_database(support::cluster(), "dispatch_demo")).unwrap();
    assert!(lines(&["--demo", "queue"]).is_empty(), "the other command made an empty one");
    assert!(lines(&["demo"]).len() > 100);
}

#[test]
fn several_at_once_all_end_well() {
    let _turn = turn();
    let mut children: Vec<Child> =
        [&["demo", "--reset"] as &[&str], &["demo"], &["demo", "--headless"], &["demo", "--reset"]].map(start).into();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert!(lines(&["demo"]).len() > 100);
    assert!(run(&["--demo", "audit", "verify"]).status.success());
}

#[test]
fn an_old_day_is_shown_with_a_hint_and_a_wrong_database_is_refused() {
    let _turn = turn();
    lines(&["demo"]);
    execute("UPDATE dispatch_meta SET created_at = created_at - interval '13 hours'");
    let output = run(&["demo"]);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("13 hours ago") && said.contains("dispatch demo --reset"), "{said}");
    let refused = run(&["demo", "--database-url", "postgresql:///somewhere"]);
    assert_eq!(refused.status.code(), Some(2));
    // A database in the environment is somebody's real work, and is not touched.
    let ignored =
        command(&["demo"]).env("DISPATCH_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x").output().unwrap();
    assert!(ignored.status.success());
}
