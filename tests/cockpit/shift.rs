//! What a shift at the desk needs beside the work itself: finding, copying, writing, and what is kept.

use std::os::unix::fs::PermissionsExt;

use dispatch::domain::actor::Role;
use serde_json::{Value, json};

use crate::lasting::cockpit_on;
use crate::own::Own;
use crate::post::Post;
use crate::support::ok;
use crate::terminal::Terminal;

/// The line that has both.
fn line_of(terminal: &Terminal, one: &str, other: &str) -> Option<String> {
    terminal.screen().lines().find(|line| line.contains(one) && line.contains(other)).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_phone_number_and_a_tickets_number_find_closed_work() {
    let post = Post::new().await;
    let (engine, world) = (&post.database.engine, &post.world);
    let closed = world.ticket(engine).await;
    ok(engine, Role::Dispatcher, "ticket.cancel", Some(&closed), json!({"reason": "Called twice"})).await;
    let other = json!({
        "account_id": world.account, "site_id": world.site, "summary": "Hinge", "contact_phone": "415 555 0777"
    });
    ok(engine, Role::Dispatcher, "ticket.create", None, other).await;
    let terminal = post.cockpit();
    assert!(!terminal.wait_for("T-10002").wait_idle().screen().contains("T-10001"));
    terminal.keys("/ 5550199").wait_for("T-10001").wait_for("CANCELLED").wait_gone(" T-10002 ");
    terminal.keys("<esc>").wait_for(" T-10002 ").wait_gone(" T-10001 ");
    terminal.keys(": 10001 <enter>").wait_for("CANCELLED").wait_for(" T-10001 ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_and_a_theme_and_the_room_of_the_panes_outlast_a_restart() {
    let post = Post::new().await;
    post.world.ticket(&post.database.engine).await;
    let terminal = post.cockpit();
    let edge = |terminal: &Terminal| {
        let screen = terminal.wait_idle().screen();
        screen.lines().find_map(|line| line.chars().position(|c| matches!(c, '┐' | '┓'))).unwrap()
    };
    let at_first = (edge(&terminal), terminal.style(0, 0).bg);
    terminal.keys("/ pier <enter> v").wait_for("Keep this filter").keys("<end> <enter>").wait_idle();
    terminal.text("My pier\r").wait_idle().keys("T").wait_for("Theme").keys("l <enter> > >").wait_idle();
    let chosen = (edge(&terminal), terminal.style(0, 0).bg);
    assert!(chosen.0 > at_first.0 && chosen.1 != at_first.1, "{chosen:?} after {at_first:?}");
    terminal.keys("q");
    assert!(terminal.wait_exit().success());
    let terminal = post.cockpit();
    assert_eq!((edge(&terminal), terminal.style(0, 0).bg), chosen);
    terminal.keys("v").wait_for("My pier").wait_idle().keys("m <enter>").wait_for("─ My pier");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_makes_other_actions_grey_at_once_with_the_reason() {
    let post = Post::new().await;
    post.world.ticket(&post.database.engine).await;
    let terminal = post.cockpit();
    terminal.wait_for("T-10001").keys("a").wait_for("Actions on").wait_idle();
    assert!(line_of(&terminal, "ticket.triage", "✗").is_none(), "{}", terminal.screen());
    terminal
        .keys("<esc> R")
        .wait_for("Act as")
        .keys("f <enter>")
        .wait_for("· finance")
        .keys("a")
        .wait_for("Actions on");
    terminal.wait_idle();
    assert!(line_of(&terminal, "ticket.triage", "✗ only for dispatcher").is_some(), "{}", terminal.screen());
    terminal.keys("t").wait_for("Role finance may not call ticket.triage. Allowed:").wait_idle();
    assert!(!terminal.screen().contains("ctrl-s send"), "no form opens");
    terminal.keys("<esc> <space>").wait_for("you act as finance. R switches.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_and_an_id_are_copied_through_the_terminal() {
    let post = Post::new().await;
    let id = post.world.ticket(&post.database.engine).await;
    let terminal = post.cockpit();
    terminal.wait_for("T-10001").keys("y").wait_for("Copied T-10001.").keys("Y").wait_for(&format!("Copied {id}."));
    let raw = String::from_utf8(terminal.wait_idle().raw()).unwrap();
    let copied: Vec<&str> = raw.split("\x1b]52;c;").skip(1).filter_map(|rest| rest.split('\x07').next()).collect();
    // T-10001 in base64; of the id's 36 signs there are 48.
    assert!(copied.len() == 2 && copied[0] == "VC0xMDAwMQ==" && copied[1].len() == 48, "{copied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_written_to_files_of_ones_own() {
    let post = Post::new().await;
    for _ in 0..2 {
        post.world.ticket(&post.database.engine).await;
    }
    let terminal = post.cockpit();
    for key in ["c", "j"] {
        terminal.wait_for("T-10002").keys("e").wait_for("as it stands, 2 rows").keys(key);
        terminal.wait_for("Written: dispatch-queue-").keys("<enter>").wait_gone("Written");
    }
    let written = |extension: &str| {
        let mut files = std::fs::read_dir(&post.home).unwrap().map(|entry| entry.unwrap().path());
        let path = files.find(|path| path.extension().is_some_and(|found| found == extension)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        std::fs::read_to_string(path).unwrap()
    };
    let csv = written("csv");
    assert!(csv.lines().count() == 3 && csv.contains("T-10001") && csv.contains("T-10002"), "{csv}");
    let rows: Value = serde_json::from_str(&written("json")).unwrap();
    assert_eq!(rows.as_array().map(Vec::len), Some(2), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_is_about_what_is_on_the_screen_and_the_config_files_keys() {
    let post = Post::new().await;
    post.world.ticket(&post.database.engine).await;
    std::fs::create_dir_all(post.home.join("config/dispatch")).unwrap();
    std::fs::write(post.home.join("config/dispatch/config.toml"), "[keys]\nnew = \"N\"\n").unwrap();
    let terminal = post.cockpit();
    terminal.keys("?").wait_for("Take down a new ticket").wait_idle();
    assert!(line_of(&terminal, " N ", "Take down a new ticket").is_some(), "{}", terminal.screen());
    terminal.keys("<esc>").wait_gone("Take down").keys("n").wait_idle();
    assert!(!terminal.screen().contains("New ticket"), "the key was given away");
    terminal.keys("N").wait_for("New ticket").keys("<f1>").wait_for("Throw away what was typed");
    terminal.keys("<esc>").wait_gone("Throw away").wait_for("New ticket");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_contact_is_seen_only_where_it_is_wanted() {
    let post = Post::new().await;
    for _ in 0..2 {
        post.world.ticket(&post.database.engine).await;
    }
    let terminal = post.cockpit();
    terminal.wait_for("hidden, x shows it").keys("x").wait_for("0199").keys("j").wait_for("hidden, x shows it");
    assert!(!terminal.wait_idle().screen().contains("0199"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_a_ticket_is_not_done_by_the_key_that_asks_for_it_nor_without_a_reason() {
    let post = Post::new().await;
    post.world.ticket(&post.database.engine).await;
    let terminal = post.cockpit();
    terminal.wait_for("T-10001").keys("a X").wait_for("This is recorded in the audit trail under your name.");
    terminal.keys("X <backspace> <ctrl-s>").wait_for("Still needed: Reason").wait_idle();
    assert_eq!(post.of("state", "T-10001").await, "NEW");
    terminal
        .text("Called twice")
        .wait_for("→ CANCELLED")
        .keys("<ctrl-s>")
        .wait_gone("ctrl-s send")
        .wait_for("CANCELLED");
    assert_eq!(post.of("state", "T-10001").await, "CANCELLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_of_somebody_else_announces_itself_until_it_is_acknowledged() {
    let post = Post::new().await;
    std::fs::create_dir_all(post.home.join("config/dispatch")).unwrap();
    std::fs::write(post.home.join("config/dispatch/config.toml"), "bell = true\nnotify = true\n").unwrap();
    let terminal = post.cockpit();
    let id = post.world.ticket(&post.database.engine).await;
    terminal.wait_for("T-10001").wait_idle();
    assert!(!terminal.raw().contains(&7), "an ordinary one makes no noise");
    let triage = json!({"priority": "EMERGENCY", "incident_type": "CLOSER_LEAKING_OR_SLAMMING"});
    ok(&post.database.engine, Role::Dispatcher, "ticket.triage", Some(&id), triage).await;
    terminal.wait_for("New breach or emergency: T-10001. A acknowledges.").wait_idle();
    let raw = String::from_utf8(terminal.raw()).unwrap();
    assert!(raw.contains("\x1b]9;T-10001") && raw.matches('\x07').count() == 2, "the bell, and the desktop's end");
    terminal.keys("A").wait_gone("New breach or emergency");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_while_a_call_waits_asks_and_says_that_it_is_kept() {
    let own = Own::new().await;
    let engine = own.engine(4).await;
    own.ticket(&engine).await;
    engine.store().close().await;
    let terminal = cockpit_on(&own);
    terminal.wait_for("● live").wait_for("T-10001").wait_idle();
    terminal.keys("a X").wait_for("ctrl-s send").text("Called twice").wait_idle();
    own.cluster.stop().await.unwrap();
    terminal.wait_for("No answer from the database").keys("<ctrl-s>").wait_for("ticket.cancel").wait_idle();
    terminal.keys("q").wait_for("Leave now?").wait_for("each exactly once").keys("<esc>").wait_gone("Leave now?");
    // The key that asks is not the one that answers.
    terminal.keys("q").wait_for("Leave now?").keys("q").wait_gone("Leave now?").wait_for("No answer from the database");
    terminal.keys("q").wait_for("Leave now?").keys("<enter>");
    assert!(terminal.wait_exit().success());
    assert!(terminal.screen().contains("1 call is not answered yet; it is kept"), "{}", terminal.screen());
    assert_eq!(terminal.left_behind(), [""; 0]);
}
