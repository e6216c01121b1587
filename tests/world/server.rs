//! The server dies, stops, or freezes.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use dispatch::domain::actor::Role;
use dispatch::domain::refusal::Code;
use dispatch::engine::{Desk, Patience};
use futures::future::join_all;
use serde_json::{Value, json};

use super::own::{Own, SHORT, account, call, is_whole, settles, signal};

#[tokio::test(flavor = "multi_thread")]
async fn one_call_gets_through_although_every_connection_of_the_pool_has_died() {
    let own = Own::new().await;
    let engine = own.engine(40).await;
    let busy = join_all((0..32).map(|n| engine.call(account(&format!("Account {n}"))))).await;
    assert!(busy.iter().all(Result::is_ok));
    // Fewer tries than there are dead connections.
    let engine = engine.with_patience(SHORT);
    for _ in 0..2 {
        own.kill_server();
        own.cluster.ensure_running().await.unwrap();
        settles(&engine, &account("After")).await;
        engine.call(call(Role::Dispatcher, "directory.search", Some("accounts"), json!({}))).await.unwrap();
    }
    is_whole(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_calls_say_so_and_afterwards_the_same_ids_settle() {
    let own = Own::new().await;
    let engine = own.engine(4).await.with_patience(SHORT);
    settles(&engine, &account("Before")).await;
    let id = uuid::Uuid::new_v4().to_string();
    let by_program = || {
        let payload = r#"{"name": "By the program"}"#;
        let arguments = ["call", "directory.upsert", "accounts", "--request-id", &id, "--payload", payload];
        own.program().args(arguments).output().unwrap()
    };
    // Stopped in order, its socket is gone; killed, its socket is there and nobody behind it.
    for is_killed in [false, true] {
        if is_killed {
            own.kill_server();
        } else {
            own.cluster.stop().await.unwrap();
        }
        let waiting: Vec<_> = (0..3).map(|n| account(&format!("Away {is_killed} {n}"))).collect();
        for call in &waiting {
            let refusal = engine.call(call.clone()).await.unwrap_err().refusal;
            assert_eq!(refusal.code(), Code::Unavailable);
            assert!(refusal.message().contains("same request id"), "{}", refusal.message());
        }
        let read = call(Role::Dispatcher, "directory.search", Some("sites"), json!({}));
        assert_eq!(engine.call(read).await.unwrap_err().refusal.code(), Code::Unavailable);
        if !is_killed {
            assert_eq!(by_program().status.code(), Some(6));
        }
        own.cluster.ensure_running().await.unwrap();
        for call in &waiting {
            settles(&engine, call).await;
        }
        let back = by_program();
        assert_eq!(back.status.code(), Some(0), "{}", String::from_utf8_lossy(&back.stderr));
        assert_eq!(by_program().stdout, back.stdout);
    }
    is_whole(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_frozen_does_not_freeze_its_callers() {
    let own = Own::new().await;
    let engine = own.engine(4).await.with_patience(SHORT);
    settles(&engine, &account("Before")).await;
    let pending = account("Frozen");
    let read = call(Role::Dispatcher, "directory.search", Some("sites"), json!({}));
    let frozen = own.processes();
    signal(&frozen, "STOP");
    let told = engine.call(pending.clone()).await.unwrap_err();
    let told_reader = engine.call(read.clone()).await.unwrap_err();
    let forbidden = engine.call(call(Role::Customer, "ticket.create", None, json!({}))).await.unwrap_err();
    signal(&frozen, "CONT");
    assert_eq!(told.refusal.code(), Code::Unavailable);
    assert_eq!(told_reader.refusal.code(), Code::Unavailable);
    assert_eq!(forbidden.refusal.code(), Code::Forbidden);
    settles(&engine, &pending).await;
    engine.call(read).await.unwrap();
    is_whole(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_goes_on_by_itself_when_the_server_is_back() {
    let own = Own::new().await;
    let engine = own.engine(4).await;
    let ticket = own.ticket(&engine).await;
    let mut watcher = own
        .program()
        .args(["queue", "--watch", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (rows, mut shown) = tokio::sync::mpsc::unbounded_channel();
    let stdout = watcher.stdout.take().unwrap();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = rows.send(serde_json::from_str::<Value>(&line).unwrap());
        }
    });
    assert_eq!(shown.recv().await.unwrap()["ticket_id"], ticket.as_str());
    own.cluster.stop().await.unwrap();
    // It says so once its patience has run out.
    let stderr = watcher.stderr.take().unwrap();
    let said = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        lines.find(|line| line.contains("cannot be reached"))
    });
    assert!(said.await.unwrap().is_some(), "the watcher ended without a word");
    own.cluster.ensure_running().await.unwrap();
    let triage = json!({"priority": "EMERGENCY", "incident_type": "X"});
    settles(&engine, &call(Role::Dispatcher, "ticket.triage", Some(&ticket), triage)).await;
    let change = tokio::time::timeout(Patience::default().answer, async {
        while let Some(row) = shown.recv().await {
            if row["priority"] == "EMERGENCY" {
                return true;
            }
        }
        false
    });
    let change = change.await;
    let _ = watcher.kill();
    watcher.wait().unwrap();
    assert_eq!(change, Ok(true), "the watcher did not show the change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sleeps_with_a_lock_in_its_hand_is_thrown_out() {
    let own = Own::new().await;
    let (engine, sleeper) = (own.engine(4).await, own.engine(1).await);
    let ticket = own.ticket(&engine).await;
    let mut connection = sleeper.store().pool().acquire().await.unwrap();
    let limit: String =
        sqlx::query_scalar("SHOW idle_in_transaction_session_timeout").fetch_one(&mut *connection).await.unwrap();
    assert_eq!(limit, "15s", "shorter than others wait for their answer");
    // The same, in less time than a test has.
    sqlx::raw_sql("SET idle_in_transaction_session_timeout = 300").execute(&mut *connection).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT FROM tickets FOR UPDATE").execute(&mut *connection).await.unwrap();
    let triage = json!({"priority": "URGENT", "incident_type": "X"});
    settles(&engine, &call(Role::Dispatcher, "ticket.triage", Some(&ticket), triage)).await;
    assert!(sqlx::query("SELECT 1").execute(&mut *connection).await.is_err());
}
