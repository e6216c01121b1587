//! Any size, any terminal, any text.

use std::process::{Command, Stdio};

use dispatch::domain::actor::Role;
use serde_json::json;

use crate::post::{As, PROGRAM, Post};
use crate::support::ok;
use crate::terminal::Terminal;

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_sizes_breaks_nothing_and_the_last_one_counts() {
    let post = Post::new().await;
    for _ in 0..3 {
        post.world.ticket(&post.database.engine).await;
    }
    let terminal = post.cockpit();
    for keys in ["", "a", "<esc> n", "<esc> ?", "<esc> :"] {
        terminal.keys(keys);
        for n in 0..40_u16 {
            terminal.resize(20 + n * 37 % 381, 5 + n * 13 % 116);
        }
        for (width, height) in [(20, 5), (400, 120), (1, 1), (80, 24)] {
            terminal.resize(width, height).wait_idle();
        }
    }
    terminal.keys("<esc>").resize(120, 40).wait_for("T-10001").wait_for("T-10003");
    terminal.keys("q");
    assert!(terminal.wait_exit().success());
    assert_eq!(terminal.left_behind(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_selects_a_row() {
    let post = Post::new().await;
    for _ in 0..2 {
        post.world.ticket(&post.database.engine).await;
    }
    let terminal = post.cockpit();
    for number in ["T-10002", "T-10001"] {
        let row = terminal.wait_for(number).wait_idle().row_of(&format!(" {number} ")).unwrap();
        terminal.click(row, 12);
        let is_selected = |line: &str| line.contains('▌') && line.contains(&format!(" {number} "));
        terminal.wait_until("the clicked row selected", |screen| screen.contents().lines().any(is_selected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_selected_row_is_told_apart_also_without_colours() {
    let post = Post::new().await;
    for _ in 0..2 {
        post.world.ticket(&post.database.engine).await;
    }
    let terminal = post.cockpit_as(&As { environment: &[("NO_COLOR", "1")], ..As::default() });
    let flags = |number: &str| {
        terminal.wait_for(number).wait_idle();
        let row = terminal.row_of(&format!("{number}  ")).unwrap();
        let drawn = terminal.style(row, 30);
        assert_eq!((drawn.fg, drawn.bg), (vt100::Color::Default, vt100::Color::Default));
        drawn.flags
    };
    let is_reversed = |number| flags(number).contains(&"reversed");
    let before = [is_reversed("T-10001"), is_reversed("T-10002")];
    assert!(before[0] != before[1], "one of them is selected: {before:?}");
    // Down from the one on top; of two of the same age either may be.
    terminal.keys("G").wait_idle();
    let last = is_reversed("T-10001");
    terminal.keys("g").wait_idle();
    assert!(is_reversed("T-10001") != last && is_reversed("T-10002") == last);
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    let is_colour = |part: &&str| {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).and_then(|end| part.get(..=end)).unwrap_or_default();
        end.ends_with('m') && (end.contains("38;") || end.contains("48;"))
    };
    let coloured = raw.split('\x1b').find(is_colour);
    assert_eq!(coloured, None, "no colour is ever sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_terminal_is_told_what_to_use_instead() {
    let post = Post::new().await;
    let output = Command::new(PROGRAM).env("HOME", &post.home).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("needs a terminal") && said.contains("dispatch queue"), "{said}");
    let terminal = post.start(PROGRAM, &As { environment: &[("TERM", "dumb")], ..As::default() });
    assert_eq!(terminal.wait_exit().exit_code(), 2);
    assert!(terminal.screen().contains("cannot draw on a terminal of type `dumb`"), "{}", terminal.screen());
    assert!(!terminal.raw().contains(&0x1b));
}

/// Text that would like to be more than text, and text that takes another room than it has characters.
const HOSTILE: [&str; 5] = [
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred\u{202e}abc\u{9b}5mx 👩‍👩‍👧‍👦 한글 ✈️ ❤️",
    "\x1b[5;5Hmoved\x1b[1A\x1b7\x1b8\r\n\t\x08\x08\x0c tabs and feeds",
    "東京タワー支店 東京タワー支店 東京タワー支店 東京タワー支店",
    "e\u{301}e\u{301}\u{301}\u{301} a\u{200b}b\u{200d}c \u{1112}\u{1161}\u{11ab} 👍🏽🇨🇦",
    "\u{2067}עברית\u{2069} \u{feff}العربية \u{ad}┃│┐",
];

/// The columns in which the frames of queue and case stand, as their lowest lines tell, which carry no text. Every row
/// between those and the highest has upright lines in exactly these.
fn edges(terminal: &Terminal, what: &str) -> Vec<u16> {
    let screen = terminal.wait_idle().cells();
    let (rows, width) = screen.size();
    let is = |row, column, signs: &str| {
        let cell = screen.cell(row, column).map(|cell| cell.contents().to_owned()).unwrap_or_default();
        !cell.is_empty() && signs.contains(&cell)
    };
    let corners = |row, signs| (0..width.get()).filter(|column| is(row, *column, signs)).collect::<Vec<_>>();
    let lowest = (0..rows.get()).find(|row| corners(*row, "└┘┗┛").len() == 4).expect("two frames beside each other");
    let edges = corners(lowest, "└┘┗┛");
    let shown = screen.contents();
    let highest = (0..lowest).find(|row| edges.iter().all(|column| is(*row, *column, "┌┐┏┓")));
    let highest = highest.unwrap_or_else(|| panic!("{what}, the highest lines stand elsewhere:\n{shown}"));
    assert!(lowest - highest > 40, "{what}:\n{shown}");
    for row in highest + 1..lowest {
        assert!(edges.iter().all(|column| is(row, *column, "│┃")), "{what}, row {row} of\n{shown}");
    }
    edges
}

#[tokio::test(flavor = "multi_thread")]
async fn text_from_the_world_commands_no_terminal_and_moves_no_frame() {
    let post = Post::new().await;
    let engine = &post.database.engine;
    for hostile in HOSTILE {
        let site = json!({
            "account_id": post.world.account, "name": hostile, "address1": hostile, "city": hostile, "region": "CA"
        });
        let site = ok(engine, Role::Dispatcher, "directory.upsert", Some("sites"), site).await;
        let payload = json!({
            "account_id": post.world.account, "site_id": site["id"], "summary": hostile,
            "description": hostile.repeat(40), "contact_name": hostile,
        });
        ok(engine, Role::Dispatcher, "ticket.create", None, payload).await;
    }
    let terminal = post.cockpit_as(&As { size: (200, 50), ..As::default() });
    terminal.wait_for("T-10001").wait_for("T-10005").wait_for("␛").wait_idle();
    let first = edges(&terminal, "as it opens");
    assert!(first[0] == 0 && first[1] + 1 == first[2] && first[3] == 199, "from edge to edge: {first:?}");
    // The site is in the queue, the rest in the case of each.
    for number in 10_001..=10_005 {
        terminal.keys(":").text(&number.to_string()).wait_for(&format!("T-{number}")).keys("<enter> <f2> x");
        for keys in ["", "<f4>", "t"] {
            terminal.keys(keys);
            assert_eq!(edges(&terminal, &format!("T-{number} after {keys:?}")), first);
        }
        terminal.keys("<enter>").wait_idle().keys("<esc> a t").wait_for("Triage").wait_idle().keys("<esc>");
    }
    terminal.keys("/").text(HOSTILE[3]);
    assert_eq!(edges(&terminal, "in the filter"), first);
    let raw = String::from_utf8(terminal.raw()).expect("only UTF-8 is written");
    for command in
        ["\x1b]0;", "\x1b[2J\x1b[31mred", "\x1b[31mred", "\x1b[1A", "\x1b7", "\u{202e}", "\u{9b}", "\u{2067}"]
    {
        assert!(!raw.contains(command), "{command:?} reached the terminal");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pasted_where_nothing_takes_text_is_dropped() {
    let post = Post::new().await;
    post.world.ticket(&post.database.engine).await;
    let terminal = post.cockpit();
    let before = terminal.keys("j").wait_idle().screen();
    terminal.paste("anXq\rtt\x03:").wait_idle();
    let rows = |screen: &str| screen.lines().skip(2).take(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&terminal.screen()), rows(&before));
    assert!(!terminal.screen().contains("Actions on") && !terminal.screen().contains("New ticket"));
    terminal.keys("/").paste("pier\r\nq\x1b[31m").wait_for("pier").wait_idle();
    assert_eq!(post.of("state", "T-10001").await, "NEW");
    terminal.keys("<esc> q");
    assert!(terminal.wait_exit().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_pressed_while_the_window_changes_is_not_left_lying() {
    let post = Post::new().await;
    let terminal = post.cockpit();
    for round in 0..100 {
        terminal.resize(80 + round % 2, 24).text("?").wait_for("Keys:");
        terminal.resize(90 + round % 2, 30).text("\r").wait_gone("Keys:");
    }
}
