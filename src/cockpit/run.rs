//! The loop: hears what happens, lets the model change, has the crew carry out what it wants done,
//! and draws. It never awaits the database, and does nothing at all while nothing happens.

use std::io;
use std::time::{Duration, Instant};

use chrono::Utc;
use crossterm::event::{Event, EventStream, KeyEventKind};
use futures::StreamExt;
use ratatui::Frame;
use rustix::process::{Signal, kill_current_process_group};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::crew::{Crew, Start};
use super::effect::Effect;
use super::msg::Msg;
use super::terminal::{self, Guard, Screen};
use super::zone::Zone;
use crate::domain::time::Timestamp;
use crate::text::failure;

/// Hearing goes on no longer than this before what was heard is drawn.
const LISTENING: Duration = Duration::from_millis(30);
/// How long a stop may take to reach us; where no shell can bring us back, none comes.
const STOPPING: Duration = Duration::from_millis(250);
/// A terminal that takes nothing more does not keep us from ending for longer than this.
const ENDING: Duration = Duration::from_secs(2);

/// What the loop needs of the model.
pub trait App {
    /// Changes with what happened.
    fn update(&mut self, msg: Msg) -> Vec<Effect>;
    /// Draws everything.
    fn draw(&self, frame: &mut Frame<'_>);
    /// Whether anything changed since it was last asked.
    fn wants_drawing(&mut self) -> bool;
    /// Whether something on the screen counts seconds.
    fn wants_ticks(&self) -> bool;
}

/// A cockpit that could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(
        "the cockpit needs a terminal for its keys and its screen, and this is none. Run it in one, or use the other \
         commands: `dispatch queue`, `dispatch call`"
    )]
    NoTerminal,
    #[error("the terminal cannot be used: {}. Open another and start again; nothing is lost", failure(.0))]
    Terminal(#[from] io::Error),
    /// The report is on the terminal already.
    #[error(
        "something failed that should not have; the report is above. Calls that were asked for go on when you start again"
    )]
    Panicked,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The signal that ended it; none where the user left.
    pub signal: Option<i32>,
    /// Calls that go on with the next start.
    pub unanswered: usize,
}

impl Ended {
    /// What the user should know, now that the screen is gone.
    pub fn farewell(self) -> Option<String> {
        let they = match self.unanswered {
            0 => return None,
            1 => "1 call is not answered yet; it is".to_owned(),
            many => format!("{many} calls are not answered yet; they are"),
        };
        Some(format!("{they} kept, and will go on when you start the cockpit again."))
    }
}

/// Runs the cockpit until the user leaves or a signal ends it.
pub async fn run(app: &mut impl App, start: Start) -> Result<Ended, RunError> {
    use std::io::IsTerminal;
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(RunError::NoTerminal);
    }
    let mut signals = Caught { ends: Ends::new()?, go_on: signal(SignalKind::from_raw(Signal::CONT.as_raw()))? };
    let guard = Guard::enter()?;
    let mut screen = Screen::new()?;
    // The first frame waits for nothing but this machine.
    screen.draw(|frame| app.draw(frame))?;

    let (tell, heard) = unbounded_channel();
    let (input, events) = unbounded_channel();
    let (reader, watchdog) = (tokio::spawn(read(input)), tokio::spawn(end_at_last(Ends::new()?)));
    let crew = Crew::start(start, tell);
    let mut house = House { crew, guard, screen, goes_on: false, has_ended: false };
    let ended = tokio::select! {
        ended = house.run(app, events, heard, &mut signals) => ended,
        () = terminal::panicked() => Err(RunError::Panicked),
    };
    reader.abort();
    terminal::restore();
    watchdog.abort();
    // Whatever ended it: what was pressed is written down before this program is gone.
    let unanswered = house.crew.leave().await;
    Ok(Ended { signal: ended?, unanswered })
}

/// Reads events, in a task of its own: the stream wakes only whoever asked it first.
async fn read(tell: UnboundedSender<io::Result<Event>>) {
    let mut events = EventStream::new();
    while let Some(event) = events.next().await {
        let is_over = event.is_err();
        if tell.send(event).is_err() || is_over {
            break;
        }
    }
}

/// This machine's clock.
fn now() -> Timestamp {
    Timestamp::new(Utc::now())
}

/// What is left of the machine's second.
fn rest_of_second() -> Duration {
    Duration::from_millis(1000 - u64::from(Utc::now().timestamp_subsec_millis().min(999)))
}

/// The signals that end us.
struct Ends {
    terminate: Signals,
    hang_up: Signals,
    interrupt: Signals,
}

impl Ends {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    async fn next(&mut self) -> i32 {
        let signal = tokio::select! {
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
            _ = self.interrupt.recv() => Signal::INT,
        };
        signal.as_raw()
    }
}

/// Ends the program after a signal where the loop cannot, because the terminal takes nothing more.
async fn end_at_last(mut ends: Ends) {
    let signal = ends.next().await;
    sleep(ENDING).await;
    std::process::exit(128 + signal);
}

/// What the loop is told by the system.
struct Caught {
    ends: Ends,
    /// We run again after a stop.
    go_on: Signals,
}

/// What the loop works with.
struct House {
    crew: Crew,
    guard: Guard,
    screen: Screen,
    /// The model has more to do once everything that waits was heard.
    goes_on: bool,
    has_ended: bool,
}

impl House {
    async fn run(
        &mut self,
        app: &mut impl App,
        mut events: UnboundedReceiver<io::Result<Event>>,
        mut heard: UnboundedReceiver<Msg>,
        signals: &mut Caught,
    ) -> Result<Option<i32>, RunError> {
        let size = crossterm::terminal::size()?;
        self.hear(app, Msg::Resize(size.0, size.1), signals).await?;
        self.hear(app, Msg::Tick(now()), signals).await?;
        let (mut told, mut zone) = (0, Zone::here());
        loop {
            // Everything that waits is heard before anything is drawn, keys first.
            let since = Instant::now();
            while since.elapsed() < LISTENING && !self.has_ended {
                if let Ok(event) = events.try_recv() {
                    self.hear_event(app, event?, signals).await?;
                } else if let Ok(msg) = heard.try_recv() {
                    self.hear(app, msg, signals).await?;
                } else {
                    break;
                }
            }
            if self.has_ended {
                return Ok(None);
            }
            // Not by the sleep below, which begins anew with everything that happens.
            let second = now().millis().div_euclid(1_000);
            if app.wants_ticks() && second != told {
                told = second;
                let here = Zone::here();
                if std::mem::replace(&mut zone, here) != here {
                    self.hear(app, Msg::Zone(here), signals).await?;
                }
                self.hear(app, Msg::Tick(now()), signals).await?;
            }
            if app.wants_drawing() || self.screen.is_unknown() {
                self.screen.draw(|frame| app.draw(frame))?;
            }
            if std::mem::take(&mut self.goes_on) {
                tokio::task::yield_now().await;
                self.hear(app, Msg::GoOn, signals).await?;
                continue;
            }
            let ticks = app.wants_ticks();
            tokio::select! {
                biased;
                signal = signals.ends.next() => return Ok(Some(signal)),
                _ = signals.go_on.recv() => self.resume(app, signals).await?,
                Some(event) = events.recv() => self.hear_event(app, event?, signals).await?,
                Some(msg) = heard.recv() => self.hear(app, msg, signals).await?,
                () = sleep(rest_of_second()), if ticks => {}
            }
        }
    }

    async fn hear_event(&mut self, app: &mut impl App, event: Event, signals: &mut Caught) -> Result<(), RunError> {
        let msg = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Msg::Key(key),
            Event::Paste(text) => Msg::Paste(text),
            Event::Mouse(mouse) => Msg::Mouse(mouse),
            Event::Resize(columns, rows) => Msg::Resize(columns, rows),
            Event::Key(_) | Event::FocusGained | Event::FocusLost => return Ok(()),
        };
        self.hear(app, msg, signals).await
    }

    /// Lets the model change, and does what it wants done.
    async fn hear(&mut self, app: &mut impl App, msg: Msg, signals: &mut Caught) -> Result<(), RunError> {
        for effect in app.update(msg) {
            match effect {
                Effect::Quit => self.has_ended = true,
                Effect::Suspend => {
                    self.suspend(signals).await?;
                    Box::pin(self.resume(app, signals)).await?;
                }
                Effect::Redraw => self.screen.forget(),
                Effect::GoOn => self.goes_on = true,
                Effect::Copy(text) => terminal::copy(&text)?,
                Effect::Bell => terminal::bell()?,
                Effect::Notify(text) => terminal::notify(&text)?,
                other => self.crew.carry_out(other),
            }
        }
        Ok(())
    }

    /// Gives the terminal back and stops. The signal may stop us a moment after it was sent; where
    /// nobody could ever continue us, the system does not stop us at all.
    async fn suspend(&mut self, signals: &mut Caught) -> Result<(), RunError> {
        self.guard.leave();
        kill_current_process_group(Signal::TSTP).map_err(io::Error::from)?;
        let _ = timeout(STOPPING, signals.go_on.recv()).await;
        Ok(())
    }

    /// Takes the terminal again, which others had meanwhile.
    async fn resume(&mut self, app: &mut impl App, signals: &mut Caught) -> Result<(), RunError> {
        self.guard.again()?;
        self.screen.forget();
        self.hear(app, Msg::Resumed, signals).await
    }
}
