//! The terminal: every mode that the cockpit switches, in one place, and what is written to it.
//!
//! Whoever ends the cockpit, however it ends (quit, panic in any task, signal, stop), comes through
//! [`restore`]. What is drawn goes out in one piece a frame, and only while the modes are ours: a
//! frame that is finished after a panic has given the terminal back is dropped, not painted over
//! the report.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal};
use tokio::sync::Notify;

use crate::text::plain;

/// Every mode beside the raw one: how it is switched on, and off again.
const MODES: [(&str, &str); 6] = [
    // The alternate screen.
    ("\x1b[?1049h", "\x1b[?1049l"),
    // The cursor, which a frame shows where it wants it.
    ("\x1b[?25l", "\x1b[?25h"),
    // Bracketed paste.
    ("\x1b[?2004h", "\x1b[?2004l"),
    // The mouse: buttons and wheel, drags, and their places in a form without a bound. Not its
    // mere motion, which would wake an idle cockpit.
    ("\x1b[?1000h", "\x1b[?1000l"),
    ("\x1b[?1002h", "\x1b[?1002l"),
    ("\x1b[?1006h", "\x1b[?1006l"),
];
/// Around a frame, so that no half of one is ever shown.
const FRAME: (&str, &str) = ("\x1b[?2026h", "\x1b[?2026l");
/// No colours.
const PLAIN: &str = "\x1b[0m";
/// A frame of a large terminal fits.
const ROOM: usize = 64 * 1024;
/// What terminals take as a clipboard's content, before it is encoded.
pub const MOST_COPIED: usize = 74_000;

/// Whether the modes are ours. Nothing but what is written stands under this lock.
static OURS: Mutex<bool> = Mutex::new(false);
/// Whether they ever were.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Told when something has panicked.
static PANICS: Notify = Notify::const_new();

fn ours() -> MutexGuard<'static, bool> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}

fn entering() -> String {
    MODES.iter().map(|(on, _)| *on).collect()
}

/// The reverse of [`entering`], from within a frame at worst.
fn leaving() -> String {
    let modes: String = MODES.iter().rev().map(|(_, off)| *off).collect();
    format!("{}{PLAIN}{modes}", FRAME.1)
}

/// Gives the terminal back as it was found; nothing where that was done.
pub fn restore() {
    let mut ours = ours();
    if std::mem::take(&mut *ours) {
        // Where the terminal is gone, there is nobody to tell.
        let _ = write(leaving().as_bytes());
        let _ = disable_raw_mode();
    }
}

/// Holds the modes as long as it lives.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Switches the modes on.
    pub fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                report(panic);
                PANICS.notify_one();
            }));
        });
        // NO_COLOR is the theme's business: crossterm would drop reverse and bold with the colours.
        crossterm::style::force_color_output(true);
        let guard = Self(());
        guard.again()?;
        Ok(guard)
    }

    /// Switches the modes on again, whatever the program that had the terminal meanwhile did.
    pub fn again(&self) -> io::Result<()> {
        let mut ours = ours();
        if *ours {
            disable_raw_mode()?;
        }
        enable_raw_mode()?;
        *ours = true;
        TAKEN.store(true, Ordering::Relaxed);
        write(entering().as_bytes())
    }

    /// Gives the terminal back for a while.
    pub fn leave(&self) {
        restore();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether a cockpit has had the terminal in this run: signals are its business then.
pub fn was_taken() -> bool {
    TAKEN.load(Ordering::Relaxed)
}

/// Waits until something panics, in whatever task or thread.
pub async fn panicked() {
    PANICS.notified().await;
}

/// Where a frame is put together.
#[derive(Debug, Clone)]
struct Sheet(Arc<Mutex<Vec<u8>>>);

impl Sheet {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// A frame goes out whole, when it is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is drawn on.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Sheet>>,
    sheet: Sheet,
    /// Nothing is known about what the terminal shows.
    is_unknown: bool,
}

impl Screen {
    /// A screen about whose content nothing is known.
    pub fn new() -> io::Result<Self> {
        let sheet = Sheet(Arc::new(Mutex::new(Vec::with_capacity(ROOM))));
        let terminal = Terminal::new(CrosstermBackend::new(sheet.clone()))?;
        Ok(Self { terminal, sheet, is_unknown: true })
    }

    /// Draws a frame: what changed is written, in one piece.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.sheet.bytes().extend_from_slice(FRAME.0.as_bytes());
        let drawn = self.begin().and_then(|()| self.terminal.draw(draw).map(|_| ()));
        let mut bytes = self.sheet.bytes();
        bytes.extend_from_slice(FRAME.1.as_bytes());
        let sent = tell(&bytes);
        bytes.clear();
        drawn.and(sent)
    }

    /// Begins with an empty screen where what it shows is not known. Clearing it any other way would
    /// ask the terminal for its cursor, and wait for an answer.
    fn begin(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.is_unknown) {
            return Ok(());
        }
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    /// Forgets what the terminal shows: the next frame draws all of it.
    pub fn forget(&mut self) {
        self.is_unknown = true;
    }

    /// Whether the next frame is to come, whether or not anything changed.
    pub fn is_unknown(&self) -> bool {
        self.is_unknown
    }
}

/// Writes to the terminal as long as it is ours.
fn tell(bytes: &[u8]) -> io::Result<()> {
    // Held while it is written, so that nothing of ours comes after the terminal was given back.
    let ours = ours();
    if *ours { write(bytes) } else { Ok(()) }
}

/// Rings.
pub fn bell() -> io::Result<()> {
    tell(b"\x07")
}

/// Puts text on the clipboard (OSC 52).
pub fn copy(text: &str) -> io::Result<()> {
    let fits = text.get(..text.floor_char_boundary(MOST_COPIED)).unwrap_or_default();
    tell(format!("\x1b]52;c;{}\x07", base64(fits.as_bytes())).as_bytes())
}

/// Notifies the desktop (OSC 9), also through tmux where that lets it pass.
pub fn notify(text: &str) -> io::Result<()> {
    let asked = format!("\x1b]9;{}\x07", plain(text));
    let is_tmux = std::env::var_os("TMUX").is_some_and(|value| !value.is_empty());
    let asked = if is_tmux { format!("\x1bPtmux;{}\x1b\\", asked.replace('\x1b', "\x1b\x1b")) } else { asked };
    tell(asked.as_bytes())
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, n| bits << 8 | usize::from(*group.get(n).unwrap_or(&0)));
        for n in 0..4 {
            let sign = SIGNS.get(bits >> (18 - 6 * n) & 63).copied().unwrap_or(b'=');
            out.push(if n <= group.len() { char::from(sign) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_that_is_switched_on_is_switched_off_in_reverse() {
        let switched = |text: &str| -> Vec<(String, bool)> {
            let codes = text.split("\x1b[?").skip(1);
            codes.map(|code| (code[..code.len() - 1].to_owned(), code.ends_with('h'))).collect()
        };
        let on = switched(&entering());
        let off = switched(&leaving().replace(PLAIN, ""));
        assert_eq!(off[0], ("2026".to_owned(), false), "a frame may have been cut short");
        let back: Vec<_> = off[1..].iter().rev().map(|(mode, is_on)| (mode.clone(), !is_on)).collect();
        assert_eq!(on, back);
        assert_eq!(on.len(), MODES.len());
    }

    #[test]
    fn nothing_is_written_while_the_terminal_is_not_ours() {
        assert!(!*ours());
        let mut screen = Screen { sheet: Sheet(Arc::default()), terminal: fixed(), is_unknown: false };
        screen.draw(|frame| frame.render_widget("text", frame.area())).unwrap();
        assert!(screen.sheet.bytes().is_empty(), "dropped, not kept for later");
    }

    fn fixed() -> Terminal<CrosstermBackend<Sheet>> {
        let viewport = ratatui::Viewport::Fixed(Rect::new(0, 0, 10, 2));
        let options = ratatui::TerminalOptions { viewport };
        Terminal::with_options(CrosstermBackend::new(Sheet(Arc::default())), options).unwrap()
    }

    #[test]
    fn the_clipboard_is_told_in_base64() {
        for (plain, coded) in [("", ""), ("T", "VA=="), ("T-", "VC0="), ("T-1", "VC0x"), ("T-10423", "VC0xMDQyMw==")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
