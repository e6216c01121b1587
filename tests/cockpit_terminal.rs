//! The terminal is given back as it was found, however the cockpit ends. A small application runs
//! in the loop, in this very program started again inside a pseudo-terminal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crossterm::event::KeyCode;
use dispatch::cockpit::crew::Start;
use dispatch::cockpit::effect::Effect;
use dispatch::cockpit::keep::Keep;
use dispatch::cockpit::late::{NotFound, Opener};
use dispatch::cockpit::msg::{FeedNews, Msg};
use dispatch::cockpit::run::{App, run};
use dispatch::domain::actor::{Actor, Role};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use ratatui::Frame;
use rustix::process::{Pid, Signal, kill_process};

/// Shows what happened last, and does what a key says.
#[derive(Default)]
struct Toy {
    shown: String,
    is_dirty: bool,
}

impl App for Toy {
    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        let (shown, effects) = match msg {
            Msg::Key(key) => match key.code {
                KeyCode::Char('q') => ("quitting".to_owned(), vec![Effect::Quit]),
                KeyCode::Char('z') => ("stopping".to_owned(), vec![Effect::Suspend]),
                KeyCode::Char('l') => ("again".to_owned(), vec![Effect::Redraw]),
                KeyCode::Char('g') => ("going".to_owned(), vec![Effect::GoOn]),
                KeyCode::Char('p') => {
                    tokio::spawn(async { panic!("a task failed") });
                    ("panicking".to_owned(), vec![])
                }
                KeyCode::Char('P') => panic!("the model failed"),
                other => (format!("key {other}"), vec![]),
            },
            Msg::Paste(text) => (format!("pasted {text}"), vec![]),
            Msg::GoOn => ("went on".to_owned(), vec![]),
            Msg::Resumed => ("resumed".to_owned(), vec![]),
            Msg::Resize(columns, rows) => (format!("{columns} by {rows}"), vec![]),
            Msg::Feed(FeedNews::Away(why)) => (format!("away: {why}"), vec![]),
            _ => return vec![],
        };
        (self.shown, self.is_dirty) = (shown, true);
        effects
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        frame.render_widget(format!("<{}>", self.shown), frame.area());
    }

    fn wants_drawing(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }

    fn wants_ticks(&self) -> bool {
        false
    }
}

const INSIDE: &str = "DISPATCH_TEST_INSIDE";

/// What is started inside the pseudo-terminal; nothing where this program runs as a test.
#[test]
fn inside() {
    let Some(folder) = std::env::var_os(INSIDE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let start = Start {
        actor: Actor::local("maria", Role::Dispatcher),
        keep: Keep::at(folder.into()),
        open: Opener::new(|| {
            Box::pin(async { Err(NotFound { why: "there is no database".to_owned(), is_passing: true }) })
        }),
    };
    let ended = runtime.block_on(run(&mut Toy::default(), start));
    runtime.shutdown_background();
    let mut out = std::io::stdout();
    writeln!(out, "[ended: {ended:?}]").unwrap();
    out.flush().unwrap();
}

struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Vec<u8>>, Condvar)>,
    modes: String,
    folder: std::path::PathBuf,
}

impl Terminal {
    /// Starts the small application, and waits until it has drawn.
    fn start(shell: Option<&str>) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows: 6, cols: 60, ..PtySize::default() }).unwrap();
        let modes = format!("{:?}", pair.master.get_termios());
        let folder = std::env::temp_dir().join(format!("dispatch-terminal-{}", uuid::Uuid::new_v4()));
        let program = std::env::current_exe().unwrap();
        let mut command = if let Some(script) = shell {
            let mut command = CommandBuilder::new("sh");
            command.args(["-c", script]);
            command.arg(program);
            command
        } else {
            CommandBuilder::new(program)
        };
        command.args(["--exact", "inside", "--nocapture"]);
        command.env(INSIDE, &folder);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let (seen, mut reader) = (Arc::<(Mutex<Vec<u8>>, Condvar)>::default(), pair.master.try_clone_reader().unwrap());
        let heard = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(many @ 1..) = reader.read(&mut bytes) {
                heard.0.lock().unwrap().extend_from_slice(&bytes[..many]);
                heard.1.notify_all();
            }
        });
        let keys = pair.master.take_writer().unwrap();
        let terminal = Self { master: pair.master, keys, child, seen, modes, folder };
        terminal.shows("<away: there is no database>");
        terminal
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().unwrap()).into_owned()
    }

    fn waits(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        let mut seen = self.seen.0.lock().unwrap();
        while !is_so(&String::from_utf8_lossy(&seen)) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: {:?}", String::from_utf8_lossy(&seen));
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until the screen shows a text.
    fn shows(&self, text: &str) {
        self.waits(text, |output| {
            let mut screen = vt100::Parser::new(6.try_into().unwrap(), 60.try_into().unwrap(), 0);
            screen.process(output.as_bytes());
            screen.screen().contents().contains(text)
        });
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the program has ended; its status and all that it wrote.
    fn ends(&mut self) -> (ExitStatus, String) {
        self.waits("the last line", |output| output.contains("test result:"));
        (self.child.wait().unwrap(), self.output())
    }

    /// Everything that was switched on is off, and nothing was drawn afterwards.
    fn is_as_it_was(&self) {
        let output = self.output();
        let mut modes = std::collections::BTreeMap::new();
        for code in output.split("\x1b[?").skip(1) {
            let digits = code.find(|c: char| !c.is_ascii_digit()).unwrap();
            let (mode, switched) = code.split_at(digits);
            modes.insert(mode.to_owned(), switched.starts_with('h'));
        }
        let cursor = modes.remove("25");
        assert_eq!(cursor, Some(true), "the cursor is there");
        assert!(modes.len() >= 6 && modes.values().all(|is_on| !is_on), "{modes:?}");
        let (_, after) = output.rsplit_once("\x1b[?1049l").unwrap();
        assert!(!after.contains('\x1b'), "drawn afterwards: {after:?}");
        assert_eq!(format!("{:?}", self.master.get_termios()), self.modes);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn after_quitting_the_terminal_is_as_it_was() {
    let mut terminal = Terminal::start(None);
    terminal.press("x");
    terminal.shows("<key x>");
    terminal.press("q");
    let (status, output) = terminal.ends();
    assert!(status.success() && output.contains("[ended: Ok(Ended { signal: None, unanswered: 0 })]"), "{output:?}");
    terminal.is_as_it_was();
    let frames = output.matches("\x1b[?2026h").count();
    assert!(frames > 1 && output.matches("\x1b[?2026l").count() == frames + 1, "whole frames, and none half");
}

#[test]
fn after_a_signal_the_terminal_is_as_it_was() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut terminal = Terminal::start(None);
        let id = i32::try_from(terminal.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
        let (_, output) = terminal.ends();
        assert!(output.contains(&format!("signal: Some({})", signal.as_raw())), "{output:?}");
        terminal.is_as_it_was();
    }
}

#[test]
fn a_panic_anywhere_gives_the_terminal_back_says_what_happened_and_ends_the_loop() {
    for (key, message) in [("p", "a task failed"), ("P", "the model failed")] {
        let mut terminal = Terminal::start(None);
        terminal.press(key);
        let (status, output) = terminal.ends();
        let (_, after) = output.split_once("\x1b[?1049l").unwrap();
        assert!(after.contains(message), "the report is on the screen that stays: {after:?}");
        assert_eq!(status.success(), key == "p");
        terminal.is_as_it_was();
    }
}

#[test]
fn a_stopped_cockpit_gives_the_terminal_back_and_takes_it_again() {
    let mut terminal = Terminal::start(Some("set -m; \"$0\" \"$@\"; echo '[stopped]'; fg >/dev/null"));
    terminal.press("z");
    terminal.waits("stopped", |output| output.contains("[stopped]"));
    terminal.shows("<resumed>");
    let output = terminal.output();
    let (before, after) = output.split_once("[stopped]").unwrap();
    assert!(before.contains("\x1b[?1049l") && after.contains("\x1b[?1049h"), "{output:?}");
    terminal.press("x");
    terminal.shows("<key x>");
    terminal.press("q");
    terminal.ends();
    terminal.is_as_it_was();
}

#[test]
fn where_no_shell_could_continue_it_a_stop_is_no_stop() {
    let mut terminal = Terminal::start(None);
    terminal.press("z");
    terminal.shows("<resumed>");
    terminal.press("q");
    terminal.ends();
    terminal.is_as_it_was();
}

#[test]
fn it_hears_pastes_sizes_and_its_own_wishes_and_draws_all_again_when_asked() {
    let mut terminal = Terminal::start(None);
    terminal.press("\x1b[200~two words\x1b[201~");
    terminal.shows("<pasted two words>");
    terminal.press("g");
    terminal.shows("<went on>");
    let drawn = terminal.output().len();
    terminal.press("l");
    terminal.shows("<again>");
    assert!(terminal.output()[drawn..].contains("\x1b[2J"), "from an empty screen");
    terminal.master.resize(PtySize { rows: 5, cols: 40, ..PtySize::default() }).unwrap();
    terminal.shows("<40 by 5>");
    terminal.press("q");
    terminal.ends();
    terminal.is_as_it_was();
}
