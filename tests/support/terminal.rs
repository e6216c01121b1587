//! A terminal for the program under test: a real pseudo-terminal, an emulator that knows what a person
//! would see, and every byte that was written. It waits for what it expects, with a deadline, and shows
//! the screen where that does not come.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use crate::keys::bytes_of;
use crate::modes;

/// How long anything may take to be seen.
const DEADLINE: Duration = Duration::from_secs(20);
/// Nothing written for so long: the program rests.
const REST: Duration = Duration::from_millis(150);
/// More than any test has reason to see.
const MOST_BYTES: usize = 64 << 20;

/// A program in a terminal.
pub struct Terminal {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    writer: Mutex<Option<Box<dyn Write + Send>>>,
    master: Option<Box<dyn MasterPty + Send>>,
    /// Kept, so that the modes of the terminal outlive the program.
    slave: Option<Box<dyn SlavePty + Send>>,
    child: Mutex<Box<dyn Child + Send + Sync>>,
    reader: Option<JoinHandle<()>>,
    at_first: String,
}

/// What was seen so far.
struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// The beginning of what may be a replacement character, until the rest of it is read.
    pending: Vec<u8>,
    /// When a byte was last read or written.
    last: Instant,
    /// Whether the program is in the middle of drawing, as it says itself.
    is_drawing: bool,
    hung_up: bool,
}

impl Seen {
    fn take(&mut self, bytes: &[u8]) {
        // The emulator leaves the replacement character out, every terminal shows it, one column wide.
        self.pending.extend_from_slice(bytes);
        while let Some(at) = self.pending.windows(REPLACEMENT.len()).position(|part| part == REPLACEMENT) {
            self.pending.splice(at..at + REPLACEMENT.len(), SHOWN.bytes());
        }
        let begun = (1..REPLACEMENT.len()).rev().find(|many| self.pending.ends_with(&REPLACEMENT[..*many]));
        let rest = self.pending.split_off(self.pending.len() - begun.unwrap_or_default());
        self.parser.process(&std::mem::replace(&mut self.pending, rest));
        // A mark may have begun in what was read before.
        let from = self.raw.len().saturating_sub(BEGIN.len() - 1);
        self.raw.extend_from_slice(bytes);
        self.last = Instant::now();
        for mark in self.raw.get(from..).unwrap_or_default().windows(BEGIN.len()) {
            self.is_drawing = if mark == BEGIN { true } else { self.is_drawing && mark != END };
        }
    }
}

/// The replacement character as it is written, and what the screen shows for it.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
pub const SHOWN: &str = "\u{25a1}";

/// The marks around a synchronized drawing.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// What is started, and how.
pub struct Start<'a> {
    pub program: &'a str,
    pub arguments: &'a [&'a str],
    /// Over the usual environment; an empty value removes a name.
    pub environment: &'a [(&'a str, &'a str)],
    /// Where it runs, and what it takes for the home directory.
    pub home: &'a Path,
    pub width: u16,
    pub height: u16,
}

impl Terminal {
    /// Starts a program in a terminal of its own, with nothing of the caller's environment.
    pub fn start(start: &Start<'_>) -> Self {
        let pair = native_pty_system().openpty(size(start.width, start.height)).unwrap();
        let at_first = settings(&*pair.master);
        let mut command = CommandBuilder::new(start.program);
        command.args(start.arguments);
        command.cwd(start.home);
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", start.home);
        for (name, value) in [
            ("USER", "tester"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            ("TERM", "xterm-256color"),
            ("COLORTERM", "truecolor"),
        ] {
            command.env(name, value);
        }
        for (name, folder) in [
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_DATA_HOME", "share"),
            ("DISPATCH_STATE_DIR", "state/dispatch"),
        ] {
            command.env(name, start.home.join(folder));
        }
        for (name, value) in start.environment {
            match *value {
                "" => command.env_remove(name),
                value => command.env(name, value),
            }
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let [rows, columns] = [start.height, start.width].map(|n| NonZeroU16::new(n).unwrap());
        let seen = Seen {
            parser: vt100::Parser::new(rows, columns, 0),
            raw: Vec::new(),
            pending: Vec::new(),
            last: Instant::now(),
            is_drawing: false,
            hung_up: false,
        };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let input = pair.master.try_clone_reader().unwrap();
        let reader = std::thread::spawn({
            let seen = Arc::clone(&seen);
            move || read(input, &seen)
        });
        let writer = Mutex::new(Some(pair.master.take_writer().unwrap()));
        let (master, slave) = (Some(pair.master), Some(pair.slave));
        Self { seen, writer, master, slave, child: Mutex::new(child), reader: Some(reader), at_first }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.0.lock().unwrap()
    }

    /// Presses keys: words are typed, what is in angle brackets is a named key, and spaces only keep them
    /// apart. `keys("/ pier <enter> a <down> <ctrl-s>")`; `<lt>` is a less-than sign.
    pub fn keys(&self, macro_text: &str) -> &Self {
        for bytes in bytes_of(macro_text) {
            self.send(&bytes);
            if bytes == b"\x1b" {
                // An escape with something close behind it would be another key.
                self.wait_idle();
            }
        }
        self
    }

    /// Types text as it is, spaces and all.
    pub fn text(&self, text: &str) -> &Self {
        self.send(text.as_bytes());
        self
    }

    /// Pastes as a terminal does: between marks, where the program asked for them.
    pub fn paste(&self, text: &str) -> &Self {
        let is_bracketed = self.seen().parser.screen().bracketed_paste();
        let pasted = if is_bracketed { format!("\x1b[200~{text}\x1b[201~") } else { text.to_owned() };
        self.send(pasted.as_bytes());
        self
    }

    /// Presses the left button of the mouse and lets it go, on a cell counted from 0.
    pub fn click(&self, row: u16, column: u16) -> &Self {
        let at = format!("{};{}", column + 1, row + 1);
        self.send(format!("\x1b[<0;{at}M\x1b[<0;{at}m").as_bytes());
        self
    }

    fn send(&self, bytes: &[u8]) {
        self.seen().last = Instant::now();
        let mut writer = self.writer.lock().unwrap();
        let writer = writer.as_mut().expect("the terminal was closed");
        writer.write_all(bytes).unwrap();
        writer.flush().unwrap();
    }

    /// Waits until the screen is as asked, and is no half-drawn one.
    pub fn wait_until(&self, what: &str, mut is_so: impl FnMut(&vt100::Screen) -> bool) -> &Self {
        self.wait(what, |seen| !seen.is_drawing && is_so(seen.parser.screen()))
    }

    /// Waits until a text is on the screen.
    pub fn wait_for(&self, text: &str) -> &Self {
        self.wait_until(&format!("{text:?} on the screen"), |screen| screen.contents().contains(text))
    }

    /// Waits until a text has left the screen.
    pub fn wait_gone(&self, text: &str) -> &Self {
        self.wait_until(&format!("{text:?} gone from the screen"), |screen| !screen.contents().contains(text))
    }

    /// Waits until the program has drawn all that it wants to draw for now.
    pub fn wait_idle(&self) -> &Self {
        self.wait("rest", |seen| !seen.is_drawing && seen.last.elapsed() >= REST)
    }

    fn wait(&self, what: &str, mut is_so: impl FnMut(&Seen) -> bool) -> &Self {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.seen();
        while !is_so(&seen) {
            let now = Instant::now();
            if now >= deadline {
                let screen = framed(seen.parser.screen());
                drop(seen);
                let ended = self.child.lock().unwrap().try_wait().unwrap();
                panic!("no {what} within {DEADLINE:?}; the program: {ended:?}; the screen:\n{screen}");
            }
            // Rest is not told by a byte, so a look now and then.
            let wait = (deadline - now).min(Duration::from_millis(20));
            seen = self.seen.1.wait_timeout(seen, wait).unwrap().0;
        }
        drop(seen);
        self
    }

    /// The lines of the screen, without the spaces at their ends.
    pub fn screen(&self) -> String {
        self.seen().parser.screen().contents()
    }

    /// The screen cell by cell, no half-drawn one.
    pub fn cells(&self) -> vt100::Screen {
        let mut whole = None;
        self.wait_until("whole screen", |screen| whole.replace(screen.clone()).is_none());
        whole.expect("it was waited for")
    }

    /// The cursor's row and column, or none where it is hidden.
    pub fn cursor(&self) -> Option<(u16, u16)> {
        let seen = self.seen();
        let screen = seen.parser.screen();
        (!screen.hide_cursor()).then(|| screen.cursor_position())
    }

    /// The row of the screen where a text first is.
    pub fn row_of(&self, text: &str) -> Option<u16> {
        let seen = self.seen();
        let width = seen.parser.screen().size().1.get();
        let row = seen.parser.screen().rows(0, width).position(|row| row.contains(text));
        row.and_then(|row| u16::try_from(row).ok())
    }

    /// How a cell is drawn: colours and flags.
    pub fn style(&self, row: u16, column: u16) -> Drawn {
        let seen = self.seen();
        let cell = seen.parser.screen().cell(row, column).expect("a cell of the screen");
        let flags = [
            (cell.bold(), "bold"),
            (cell.dim(), "dim"),
            (cell.italic(), "italic"),
            (cell.underline(), "underline"),
            (cell.inverse(), "reversed"),
        ];
        Drawn {
            fg: cell.fgcolor(),
            bg: cell.bgcolor(),
            flags: flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect(),
        }
    }

    /// Every byte that the program wrote.
    pub fn raw(&self) -> Vec<u8> {
        self.seen().raw.clone()
    }

    /// Makes the window another size.
    pub fn resize(&self, width: u16, height: u16) -> &Self {
        let mut seen = self.seen();
        let [rows, columns] = [height, width].map(|n| NonZeroU16::new(n).unwrap());
        seen.parser.screen_mut().set_size(rows, columns);
        seen.last = Instant::now();
        self.master.as_ref().expect("the terminal was closed").resize(size(width, height)).unwrap();
        drop(seen);
        self
    }

    /// The program's process.
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap().process_id().unwrap()
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) -> &Self {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        self
    }

    /// Waits until the program has ended, and everything that it wrote was read.
    pub fn wait_exit(&self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let ended = self.child.lock().unwrap().try_wait().unwrap();
            if let Some(status) = ended {
                if self.master.is_some() {
                    self.wait_idle();
                }
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end; its screen:\n{}", framed_of(&self.seen()));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Closes the window under the program, which hears of it by SIGHUP and by errors.
    pub fn hang_up(&mut self) {
        self.seen().hung_up = true;
        // The reader holds the terminal open until it reads once more; another size makes a program draw.
        let (rows, columns) = self.seen().parser.screen().size();
        self.resize(columns.get() + 1, rows.get());
        let deadline = Instant::now() + DEADLINE;
        while self.reader.as_ref().is_some_and(|reader| !reader.is_finished()) {
            assert!(Instant::now() < deadline, "the program did not draw for another size of its window");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.writer.lock().unwrap().take();
        self.slave.take();
        self.master.take();
    }

    /// What is not as the program found it: line settings, and modes that were set and not undone.
    pub fn left_behind(&self) -> Vec<String> {
        let mut left = modes::left_on(&self.seen().raw);
        let now = settings(&**self.master.as_ref().expect("the terminal was closed"));
        if now != self.at_first {
            left.push(format!("line settings {now}, at first {}", self.at_first));
        }
        left
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(mut child) = self.child.lock()
            && matches!(child.try_wait(), Ok(None))
        {
            let _ = child.kill();
            let _ = child.wait();
        }
        // With the last ends of it closed, the reader ends by itself.
        self.slave.take();
    }
}

/// How a cell is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    pub fg: vt100::Color,
    pub bg: vt100::Color,
    pub flags: Vec<&'static str>,
}

fn read(mut input: Box<dyn Read + Send>, seen: &(Mutex<Seen>, Condvar)) {
    let mut part = vec![0; 65536];
    while let Ok(count) = input.read(&mut part) {
        let mut now = seen.0.lock().unwrap();
        let bytes = part.get(..count).unwrap_or_default();
        assert!(now.raw.len() + count < MOST_BYTES, "the program writes without end");
        now.take(bytes);
        seen.1.notify_all();
        if count == 0 || now.hung_up {
            return;
        }
    }
}

fn size(width: u16, height: u16) -> PtySize {
    PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }
}

/// The line settings of a terminal (termios), as text to compare.
fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("a terminal has settings"))
}

fn framed(screen: &vt100::Screen) -> String {
    let width = screen.size().1.get();
    screen.rows(0, width).fold(String::new(), |shown, row| shown + "│" + &row + "\n")
}

fn framed_of(seen: &Seen) -> String {
    framed(seen.parser.screen())
}
