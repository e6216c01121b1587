//! What was typed and what was asked for outlasts the cockpit and the database.

use std::time::{Duration, Instant};

use dispatch::domain::actor::Role;
use dispatch::engine::Desk;
use rustix::process::Signal;
use serde_json::json;

use crate::own::{Own, call};
use crate::post::{PROGRAM, Post};
use crate::terminal::{Start, Terminal};

/// Waits until what was typed is on the disk.
fn is_kept(post: &Post, words: &str) {
    let kept = || {
        let mut found = String::new();
        for folder in std::fs::read_dir(post.home.join("state/dispatch")).into_iter().flatten().flatten() {
            found += &std::fs::read_to_string(folder.path().join("drafts.json")).unwrap_or_default();
        }
        found
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while !kept().contains(words) {
        assert!(Instant::now() < deadline, "the draft is not kept: {}", kept());
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_outlasts_esc_a_kill_and_a_restart() {
    let post = Post::new().await;
    let terminal = post.cockpit();
    terminal.keys("n").wait_for("New ticket").keys("<tab> <tab>").text("Glass is cracked").wait_for("Glass is cracked");
    terminal.keys("<esc>").wait_gone("New ticket").keys("n").wait_for("Glass is cracked");
    terminal.text(" and falls").wait_for("Glass is cracked").wait_idle();
    is_kept(&post, "Glass is cracked");
    // It is being typed here, and nobody else's to send.
    let second = post.cockpit();
    second.keys("n").wait_for("New ticket").wait_idle();
    assert!(!second.screen().contains("Glass is cracked"), "{}", second.screen());
    second.keys("<esc>").wait_gone("New ticket").keys("q");
    assert!(second.wait_exit().success());
    terminal.signal(Signal::KILL).wait_exit();
    let terminal = post.cockpit();
    terminal.keys("n").wait_for("Glass is cracked").wait_idle().keys("<ctrl-x>").wait_gone("Glass is cracked");
}

/// A cockpit on a server of its own, which may go away.
pub fn cockpit_on(own: &Own) -> Terminal {
    Terminal::start(&Start {
        program: PROGRAM,
        arguments: &[],
        environment: &[("DISPATCH_DATA_DIR", own.cluster.data_dir().to_str().unwrap())],
        home: &own.root,
        width: 120,
        height: 40,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_the_database_outlasts_a_kill_and_is_done_exactly_once() {
    let own = Own::new().await;
    let engine = own.engine(4).await;
    let id = own.ticket(&engine).await;
    engine.store().close().await;
    let terminal = cockpit_on(&own);
    terminal.wait_for("● live").wait_for("T-10001").wait_idle();
    terminal.keys("a t").wait_for("Triage · T-10001").keys("<space> <tab>").text("closer").wait_idle();
    terminal.keys("<enter>").wait_idle();
    own.cluster.stop().await.unwrap();
    terminal.wait_for("No answer from the database").keys("<ctrl-s>").wait_for("ticket.triage").wait_idle();
    terminal.signal(Signal::KILL).wait_exit();
    own.cluster.ensure_running().await.unwrap();
    let terminal = cockpit_on(&own);
    terminal.wait_for("T-10001 is TRIAGED").keys("q");
    assert!(terminal.wait_exit().success());
    let engine = own.engine(4).await;
    let timeline = call(Role::Dispatcher, "ticket.timeline", Some(&id), json!({}));
    let told = engine.call(timeline).await.unwrap().json().to_string();
    assert_eq!(told.matches("\"ticket.triage\"").count(), 1, "{told}");
}
