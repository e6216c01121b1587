//! A cockpit in a pseudo-terminal of the measurement's own, and the moments at which its frames were
//! out: each ends with the mark of a synchronized update.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::bench::BenchError;

/// The window, as QUALITY.md asks.
const WINDOW: Winsize = Winsize { ws_row: 60, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
/// What ends a frame.
const END: &[u8] = b"\x1b[?2026l";
/// Written in the moment before the cockpit takes the place of the process that made it a terminal.
const BEGUN: u8 = 0x05;
/// So near to the beginning of a second, in milliseconds, no key is pressed.
const AROUND_TICK: u32 = 50;
/// Nothing that is asked for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A frame that was flushed, or the moment of the start.
#[derive(Debug)]
pub struct Frame {
    pub at: Instant,
    /// Everything that was written since the frame before.
    pub bytes: Vec<u8>,
}

/// A cockpit at work; killed when dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keys: File,
    frames: UnboundedReceiver<Frame>,
    /// When the cockpit's process began.
    pub begun: Instant,
}

fn failed(what: &'static str) -> impl Fn(std::io::Error) -> BenchError {
    move |source| BenchError::Terminal { what, source }
}

impl Terminal {
    /// Starts a cockpit on a cluster, with nothing of the user's settings.
    pub async fn start(program: &Path, data_dir: &Path) -> Result<Self, BenchError> {
        let (ours, theirs) = pair().map_err(failed("open a pseudo-terminal"))?;
        // Beside the cluster's own directory, which nobody else may make.
        let home = data_dir.with_file_name("user");
        let end = || theirs.try_clone().map(Stdio::from);
        let child = (|| {
            let mut command = Command::new(program);
            command.args(["bench", "cockpit-worker"]).env_clear();
            for name in ["PATH", "DISPATCH_POSTGRES_BIN", "PG_CONFIG"] {
                command.envs(std::env::var_os(name).map(|value| (name, value)));
            }
            command
                .envs([("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8"), ("USER", "bench")])
                .env("HOME", &home)
                .env("DISPATCH_DATA_DIR", data_dir)
                .env("DISPATCH_STATE_DIR", home.join("state"))
                .env("XDG_CONFIG_HOME", home.join("config"))
                .stdin(end()?)
                .stdout(end()?)
                .stderr(end()?)
                .spawn()
        })()
        .map_err(failed("start the cockpit"))?;
        drop(theirs);
        let keys = File::from(ours);
        let output = keys.try_clone().map_err(failed("read from the terminal"))?;
        let (tell, mut frames) = unbounded_channel();
        std::thread::spawn(move || read(output, &tell));
        let first = timeout(PATIENCE, frames.recv()).await.ok().flatten();
        let begun = first.ok_or(BenchError::Silent { what: "its beginning" })?.at;
        Ok(Self { child, keys, frames, begun })
    }

    /// The cockpit's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next frame, or none within so long.
    pub async fn next(&mut self, within: Duration) -> Option<Frame> {
        timeout(within, self.frames.recv()).await.ok().flatten()
    }

    /// Waits for a frame that writes this text.
    pub async fn until(&mut self, text: &'static str) -> Result<Frame, BenchError> {
        let begun = Instant::now();
        while let Some(left) = PATIENCE.checked_sub(begun.elapsed()) {
            let Some(frame) = self.next(left).await else { break };
            if frame.bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
                return Ok(frame);
            }
        }
        Err(BenchError::Silent { what: text })
    }

    /// Waits until no frame came for so long, or for all our patience; the frames that came.
    pub async fn rest(&mut self, quiet: Duration) -> Vec<Frame> {
        let begun = Instant::now();
        let mut frames = Vec::new();
        while begun.elapsed() < PATIENCE
            && let Some(frame) = self.next(quiet).await
        {
            frames.push(frame);
        }
        frames
    }

    /// Presses a key: how long until the next frame was out. Not about the beginning of a second, at which a frame
    /// comes that answers no key.
    pub async fn press(&mut self, key: &'static str) -> Result<Duration, BenchError> {
        let to_tick = 1_000 - chrono::Utc::now().timestamp_subsec_millis().min(999);
        if !(AROUND_TICK..=1_000 - AROUND_TICK).contains(&to_tick) {
            tokio::time::sleep(Duration::from_millis(u64::from(2 * AROUND_TICK))).await;
        }
        while self.frames.try_recv().is_ok() {}
        let pressed = Instant::now();
        self.keys.write_all(key.as_bytes()).map_err(failed("press a key"))?;
        let frame = self.next(PATIENCE).await.ok_or(BenchError::Silent { what: "a frame after a key" })?;
        Ok(frame.at.duration_since(pressed))
    }

    /// Presses a key after which nothing need be drawn.
    pub fn send(&mut self, key: &str) -> Result<(), BenchError> {
        self.keys.write_all(key.as_bytes()).map_err(failed("press a key"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both ends of a pseudo-terminal: ours, and the program's.
fn pair() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    tcsetwinsize(&ours, WINDOW)?;
    let name = ptsname(&ours, Vec::new())?;
    let theirs = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    Ok((ours, theirs))
}

fn read(mut output: File, tell: &UnboundedSender<Frame>) {
    let mut part = vec![0; 65_536];
    let mut bytes = Vec::new();
    let mut has_begun = false;
    while let Ok(count @ 1..) = output.read(&mut part) {
        let at = Instant::now();
        let from = bytes.len().saturating_sub(END.len() - 1);
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        let ended = bytes.get(from..).and_then(|new| new.windows(END.len()).rposition(|mark| mark == END));
        let cut = match ended {
            _ if !has_begun => bytes.iter().position(|byte| *byte == BEGUN).map(|at| at + 1),
            ended => ended.map(|at| from + at + END.len()),
        };
        if let Some(cut) = cut {
            has_begun = true;
            let rest = bytes.split_off(cut);
            if tell.send(Frame { at, bytes: std::mem::replace(&mut bytes, rest) }).is_err() {
                return;
            }
        }
    }
}

/// The worker's side: makes the terminal on its standard input its own, and becomes the cockpit.
/// Returns only what went wrong.
pub fn become_cockpit() -> std::io::Error {
    let become_it = || -> std::io::Result<std::io::Error> {
        // A leader of a session may take a terminal for it.
        rustix::process::setsid()?;
        rustix::process::ioctl_tiocsctty(std::io::stdin())?;
        let mut out = std::io::stdout().lock();
        out.write_all(&[BEGUN])?;
        out.flush()?;
        Ok(Command::new(std::env::current_exe()?).exec())
    };
    become_it().unwrap_or_else(|error| error)
}
