//! `dispatch demo --tickets`: many tickets at once, the real program in a data directory of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard};

use dispatch::domain::state::State;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::AssertSqlSafe;

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

/// Runs and expects success; what was said.
fn said(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// Texts out of a database.
fn texts(database: &str, sql: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = dispatch::store::databases::owner_pool(support::cluster(), database).await.unwrap();
        let found = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&pool).await.unwrap();
        pool.close().await;
        found
    })
}

fn number(sql: &str) -> i64 {
    texts("dispatch_demo", sql)[0].parse().unwrap()
}

/// What everybody can see of every ticket, but for times.
const SEEN: &str = "SELECT concat_ws('|', t.number, t.state, t.priority, t.incident_type, t.summary, t.nte_cents, \
                    t.assigned_tech_id, s.name, t.chain_seq) \
                    FROM tickets t JOIN sites s ON s.id = t.site_id ORDER BY t.number";

#[test]
fn six_hundred_tickets_of_which_half_are_closed_are_whole_and_the_same_for_the_same_seed() {
    let _turn = turn();
    let told = said(&["demo", "--reset", "--tickets", "600", "--closed", "50", "--seed", "3"]);
    assert!(told.contains("600 tickets by"), "{told}");
    let count = |of: &str| number(&format!("SELECT count(*)::text FROM {of}"));
    assert_eq!(count("tickets"), 600);
    let over = count("tickets WHERE state IN ('CLOSED', 'CANCELLED')");
    let day = 600 - 2 * over;
    assert!((100..=140).contains(&day), "half of those beyond the day: {over}");
    let (closed, cancelled) = (count("tickets WHERE state = 'CLOSED'"), count("tickets WHERE state = 'CANCELLED'"));
    assert!((25..=55).contains(&(cancelled * 100 / over)), "{closed} closed, {cancelled} cancelled");
    let states: BTreeSet<String> =
        texts("dispatch_demo", "SELECT DISTINCT state::text FROM tickets").into_iter().collect();
    let unreachable = [State::PendingCustomerConfirmation, State::OnSite, State::OnHold];
    for state in State::ALL.iter().filter(|state| !unreachable.contains(state)) {
        assert!(states.contains(state.as_str()), "{state}");
    }

    // Every closed ticket has its packet, and the bytes that its hash is of.
    assert_eq!(count("closeout_artifacts"), closed);
    let right = "closeout_artifacts a JOIN tickets t ON t.id = a.ticket_id WHERE t.state = 'CLOSED' \
                 AND encode(sha256(convert_to(artifact_payload::text, 'UTF8')), 'hex') = artifact_hash";
    assert_eq!(count(right), closed);
    let early = "(SELECT chain_seq FROM tickets WHERE state = 'CANCELLED' AND chain_seq > 3) t";
    assert_eq!(count(early), 0, "called off after two or three events");

    // The chains are whole, the steps lead to where the tickets are, and time goes on.
    assert!(run(&["--demo", "audit", "verify"]).status.success());
    let astray = "tickets t WHERE t.state <> (SELECT to_state FROM ticket_state_transitions s \
                  WHERE s.ticket_id = t.id ORDER BY created_at DESC, step DESC LIMIT 1)";
    assert_eq!(count(astray), 0);
    assert_eq!(count("audit_events WHERE created_at > dispatch_now()"), 0);
    let back = "(SELECT created_at < lag(created_at) OVER (PARTITION BY chain ORDER BY seq) AS back \
                FROM audit_events) e WHERE back";
    assert_eq!(count(back), 0);
    let lived = "tickets WHERE state = 'CLOSED' AND created_at < dispatch_now() - interval '1 year'";
    assert!(count(lived) * 10 > closed * 3, "over two years: {}", count(lived));

    // Deadlines from long overdue to far ahead; many people and places.
    assert!(count("tickets WHERE state = 'SCHEDULED' AND confirmed_start > dispatch_now() + interval '5 days'") > 0);
    let late = "tickets WHERE state IN ('NEW', 'TRIAGED', 'READY_TO_SCHEDULE') AND created_at < dispatch_now() - \
                interval '2 days'";
    assert!(count(late) > 0);
    assert!(count("sites") > 40 && count("accounts") > 12);

    // Every file is there, and is few.
    let unkept = "SELECT DISTINCT uri FROM evidence_items";
    let kept = texts("dispatch_demo", unkept);
    for uri in &kept {
        let hash = uri.strip_prefix("dispatch:sha256/").unwrap();
        assert!(support::data_dir().join("objects/sha256").join(&hash[..2]).join(hash).exists(), "{uri}");
    }
    let items = usize::try_from(count("evidence_items")).unwrap();
    assert!(kept.len() < items / 2, "{} of {items}", kept.len());

    let seen = texts("dispatch_demo", SEEN);
    said(&["demo", "--reset", "--tickets", "600", "--closed", "50", "--seed", "3"]);
    let again = texts("dispatch_demo", SEEN);
    for (one, other) in seen.iter().zip(&again) {
        assert_eq!(one, other);
    }
    said(&["demo", "--reset", "--tickets", "600", "--closed", "50", "--seed", "4"]);
    assert_ne!(seen, texts("dispatch_demo", SEEN));
}

#[test]
fn fewer_tickets_than_a_day_has_are_its_first_ones() {
    let _turn = turn();
    said(&["demo", "--reset", "--tickets", "1"]);
    assert_eq!(
        texts("dispatch_demo", "SELECT number || ' ' || summary FROM tickets"),
        ["T-10001 Stockroom door won't latch"]
    );
}

#[test]
fn a_demo_that_is_there_is_not_thrown_away_unasked_and_odd_numbers_are_refused() {
    let _turn = turn();
    said(&["demo", "--reset", "--tickets", "5"]);
    let epoch = || texts("dispatch_demo", "SELECT epoch::text FROM dispatch_meta");
    let before = epoch();
    for (arguments, told) in [
        (&["demo", "--tickets", "10"] as &[&str], "--reset beside --tickets"),
        (&["demo", "--reset", "--tickets", "0"], "from 1 to 2000000"),
        (&["demo", "--reset", "--tickets", "2000001"], "from 1 to 2000000"),
        (&["demo", "--reset", "--tickets", "many"], "invalid"),
        (&["demo", "--reset", "--tickets", "10", "--closed", "101"], "from 0 to 100"),
        (&["demo", "--reset", "--closed", "10"], "--tickets"),
    ] {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    assert_eq!(epoch(), before);
}

#[test]
fn interrupted_in_the_middle_the_old_day_is_as_it_was_and_nothing_is_left_over() {
    let _turn = turn();
    said(&["demo", "--reset", "--tickets", "20"]);
    let before = texts("dispatch_demo", "SELECT epoch::text FROM dispatch_meta");
    let filling = "SELECT datname::text FROM pg_database WHERE datname = 'dispatch_demo_filling'";
    let arguments = ["demo", "--reset", "--tickets", "20000", "--closed", "80"];
    for signal in [Signal::INT, Signal::KILL] {
        let mut child = command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("of 20,000 tickets")), "it ended before it was half done");
        kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), (signal == Signal::INT).then_some(130));
        assert_eq!(texts("postgres", filling).len(), 1, "it was in the middle");
        assert_eq!(texts("dispatch_demo", "SELECT epoch::text FROM dispatch_meta"), before);
        assert_eq!(number("SELECT count(*)::text FROM tickets"), 20);
    }
    assert!(run(&["--demo", "audit", "verify"]).status.success());
    said(&["demo", "--reset", "--tickets", "20"]);
    assert_eq!(texts("postgres", filling).len(), 0);
}
