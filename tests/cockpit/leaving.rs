//! Every way out gives the terminal back as it was found.

use portable_pty::ExitStatus;
use rustix::process::{Pid, Signal, test_kill_process};

use crate::post::{As, PROGRAM, Post};
use crate::terminal::Terminal;

/// A shell that runs the cockpit between two lines.
fn shell(post: &Post) -> Terminal {
    let script = format!("echo before; {PROGRAM}; echo after $?");
    post.start("bash", &As { arguments: &["--norc", "--noprofile", "-c", &script], ..As::default() })
}

/// What the user sees once the cockpit is gone: their own screen, and nothing of ours.
fn is_as_before(terminal: &Terminal, code: u32) {
    let status: ExitStatus = terminal.wait_exit();
    assert!(status.success(), "{status:?}");
    assert_eq!(terminal.screen().trim_end(), format!("before\nafter {code}"));
    assert_eq!(terminal.left_behind(), [""; 0]);
    assert!(terminal.cursor().is_some(), "the cursor is hidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_by_key_gives_the_terminal_back_also_from_within_a_form() {
    let post = Post::new().await;
    for keys in ["q", "<ctrl-c>", "n <esc> q"] {
        let terminal = shell(&post);
        terminal.wait_for("● live").wait_idle();
        assert!(terminal.left_behind().len() > 3, "the cockpit takes the terminal");
        terminal.keys(keys);
        is_as_before(&terminal, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_cockpit_and_gives_the_terminal_back() {
    let post = Post::new().await;
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let terminal = post.cockpit();
        terminal.keys("n").wait_for("New ticket");
        terminal.signal(signal);
        assert_eq!(terminal.wait_exit().exit_code(), code);
        assert_eq!(terminal.left_behind(), [""; 0]);
        assert_eq!(terminal.screen().trim(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_closed_ends_the_cockpit() {
    let post = Post::new().await;
    let mut terminal = post.cockpit();
    let pid = Pid::from_raw(i32::try_from(terminal.pid()).unwrap()).unwrap();
    terminal.hang_up();
    terminal.wait_exit();
    assert!(test_kill_process(pid).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_the_terminal_to_the_shell_and_fg_takes_it_again() {
    let post = Post::new().await;
    let terminal = post.start("bash", &As { arguments: &["--norc", "--noprofile", "-i"], ..As::default() });
    terminal.wait_idle().text("PS1='$ '\r").wait_for("\n$").wait_idle();
    // The shell reads its line with settings and a mode of its own: just these, before and after.
    let of_the_shell = terminal.left_behind();
    assert_eq!(of_the_shell.len(), 2, "{of_the_shell:?}");
    terminal.text(&format!("{PROGRAM}\r")).wait_for("● live").wait_idle();
    terminal.keys("<ctrl-z>").wait_for("Stopped").wait_idle();
    assert!(!terminal.screen().contains("● live"));
    assert_eq!(terminal.left_behind(), of_the_shell);
    terminal.text("echo from the $((40 + 2))\r").wait_for("from the 42");
    terminal.text("fg\r").wait_for("● live").wait_idle().keys("?").wait_for("Every key").keys("<esc> q");
    terminal.wait_for("from the 42").wait_idle();
    assert_eq!(terminal.left_behind(), of_the_shell);
    terminal.text("exit\r");
    assert!(terminal.wait_exit().success());
    assert_eq!(terminal.left_behind(), [""; 0]);
}

/// A shell that one talks to puts the line settings right by itself; this one leaves them as the cockpit does.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_the_terminal_as_it_was_byte_for_byte_whatever_the_shell_does() {
    let post = Post::new().await;
    let script = format!("set -m; {PROGRAM}; echo stopped; read -r line; fg >/dev/null; echo after $?");
    let terminal = post.start("bash", &As { arguments: &["--norc", "--noprofile", "-c", &script], ..As::default() });
    terminal.wait_for("● live").wait_idle().keys("<ctrl-z>").wait_for("stopped").wait_idle();
    assert_eq!(terminal.left_behind(), [""; 0]);
    assert!(terminal.cursor().is_some() && !terminal.screen().contains("● live"), "{}", terminal.screen());
    terminal.text("\r").wait_for("● live").wait_idle();
    assert!(terminal.left_behind().len() > 3, "taken again");
    terminal.keys("q").wait_for("after 0");
    assert!(terminal.wait_exit().success());
    assert_eq!(terminal.left_behind(), [""; 0]);
}
