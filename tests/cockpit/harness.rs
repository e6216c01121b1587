//! The harness itself, on programs that everybody knows: what it says of the cockpit must be true.

use std::path::PathBuf;

use rustix::process::Signal;

use crate::keys::bytes_of;
use crate::modes::left_on;
use crate::support::data_dir;
use crate::terminal::{Start, Terminal};

fn bash(name: &str, script: &str) -> Terminal {
    let home: PathBuf = data_dir().join(format!("harness-{name}"));
    std::fs::create_dir_all(&home).unwrap();
    let arguments = ["--norc", "--noprofile", "-c", script];
    Terminal::start(&Start {
        program: "bash",
        arguments: &arguments,
        environment: &[("COLORTERM", ""), ("GREETING", "hello")],
        home: &home,
        width: 40,
        height: 8,
    })
}

#[test]
fn keys_are_the_bytes_that_a_terminal_sends() {
    let bytes = |text: &str| bytes_of(text).concat();
    assert_eq!(bytes("a to <tab><ctrl-s> <alt-enter> <lt> <alt-m>é"), "ato\t\x13\x1b\r<\x1bmé".as_bytes());
    assert_eq!(bytes("<up> <f5> <backtab>"), b"\x1b[A\x1b[15~\x1b[Z");
}

#[test]
fn what_is_typed_and_what_is_answered_is_seen_with_its_style_and_size() {
    let terminal = bash(
        "echo",
        "echo $GREETING $TERM ${COLORTERM:-none}; read -r line; trap 'stty size' WINCH; \
         printf '\\033[1;7;38;5;9m<%s>\\033[0m\\n' \"$line\"; while true; do read -r -t 0.05 line && exit 7; done",
    );
    terminal.wait_for("hello xterm-256color none").keys("one two <enter>").wait_for("<onetwo>");
    let row = terminal.row_of("<onetwo>").unwrap();
    let drawn = terminal.style(row, 1);
    assert_eq!((drawn.fg, drawn.flags), (vt100::Color::Idx(9), vec!["bold", "reversed"]));
    terminal.resize(100, 30).wait_for("30 100");
    terminal.text("bye\r");
    assert_eq!(terminal.wait_exit().exit_code(), 7);
    assert_eq!(terminal.left_behind(), [""; 0]);
}

#[test]
fn what_a_program_leaves_changed_is_told() {
    let terminal = bash("stty", "stty raw -echo; printf '\\033[?1049h\\033[?25l\\033[>1u\\033[2 q\\033[31m'; exit 3");
    assert_eq!(terminal.wait_exit().exit_code(), 3);
    let left = terminal.left_behind().join("\n");
    for what in ["1049 left on", "25 left off", "keyboard", "cursor's shape", "colours", "line settings"] {
        assert!(left.contains(what), "{left}");
    }
    assert_eq!(left_on(b"\x1b[?1049;25h\x1b[>1u\x1b[5 q\x1b[1m...\x1b[m\x1b[0 q\x1b[<1u\x1b[?1049l"), [""; 0]);
}

#[test]
fn a_half_drawn_screen_is_waited_for() {
    let terminal = bash("sync", "printf '\\033[?2026hone '; read -r line; printf 'two\\033[?2026l'; read -r line");
    terminal.text("\r").wait_for("one");
    assert!(terminal.screen().contains("two"));
}

#[test]
fn signals_and_a_closed_window_reach_the_program() {
    let terminal = bash("term", "trap 'echo caught; exit 5' TERM; echo ready; while true; do read -r line; done");
    terminal.wait_for("ready").signal(Signal::TERM).wait_for("caught");
    assert_eq!(terminal.wait_exit().exit_code(), 5);
    let note = data_dir().join("harness-hup/note");
    let mut terminal = bash(
        "hup",
        "trap 'echo closed > note; exit' HUP; trap 'echo again' WINCH; echo ready; while true; do sleep 0.05; done",
    );
    terminal.wait_for("ready");
    terminal.hang_up();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::fs::read_to_string(&note).unwrap_or_default() != "closed\n" {
        assert!(std::time::Instant::now() < deadline, "the program did not hear that its window was closed");
        std::thread::yield_now();
    }
}
