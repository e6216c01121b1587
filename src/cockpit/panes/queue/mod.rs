//! The queue of promises: the worst on top, the cursor on its ticket whatever moves.

pub mod columns;
mod draw;
mod shown;
mod sort;

use std::cell::Cell;
use std::time::Duration;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::Rect;
use uuid::Uuid;

use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::known::Known;
use crate::cockpit::look::Clicks;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::typed::{Typed, Typing};
use crate::domain::filter::RowFilter;
use crate::domain::queue::{Filter, Words};
use columns::{Column, layout};
use shown::Shown;

/// How long the filter rests before closed work is searched too.
const REST: Duration = Duration::from_millis(150);
/// How many rows a search beyond open work brings.
pub const FOUND: u32 = 1_000;
/// The longest filter.
const LONGEST: usize = 500;

/// The pane.
#[derive(Debug, Default)]
pub struct QueuePane {
    selected: Option<Uuid>,
    /// Where the selected ticket stands.
    cursor: usize,
    pub shown: Shown,
    /// The filter as it was written.
    text: String,
    /// Why it cannot be understood.
    wrong: Option<String>,
    /// The line it is written on, and what it said before.
    editing: Option<(Typed, String)>,
    /// The rest that is waited for, then the search under way.
    rest: Option<Stamp>,
    search: Option<Stamp>,
    /// What was drawn last: the first row, and how many there was room for.
    top: Cell<usize>,
    room: Cell<usize>,
    /// Where the rows were drawn.
    area: Cell<Rect>,
    width: Cell<usize>,
    /// The ticket that was clicked.
    clicks: Clicks<Option<Uuid>>,
}

impl QueuePane {
    /// The ticket under the cursor.
    pub fn selected(&self) -> Option<Uuid> {
        self.selected
    }

    /// The filter as it was written.
    pub fn filter_text(&self) -> &str {
        &self.text
    }

    /// Begins to write the filter.
    pub fn write(&mut self) {
        let mut typed = Typed::new(LONGEST);
        typed.set(&self.text);
        self.editing = Some((typed, self.text.clone()));
    }

    /// Whether the filter is being written.
    pub fn is_editing(&self) -> bool {
        self.editing.is_some()
    }

    /// Puts the cursor on a ticket, if it is shown.
    pub fn select(&mut self, known: &Known, id: Uuid) -> bool {
        let place = self.shown.place(known, id);
        if let Some(place) = place {
            (self.selected, self.cursor) = (Some(id), place);
        }
        place.is_some()
    }

    /// Puts the cursor back on its ticket after rows moved; false if that ticket is no longer shown, and
    /// the cursor stands on what took its place.
    pub fn follow(&mut self, known: &Known) -> bool {
        let place = self.selected.and_then(|id| self.shown.place(known, id));
        if let Some(place) = place {
            self.cursor = place;
            return true;
        }
        // It may still come: the filter is on its way, or the page that it is on.
        if self.selected.is_some() && self.shown.is_working() {
            return true;
        }
        let stays = self.selected.is_none();
        self.move_to(known, self.cursor);
        stays
    }

    /// Puts the cursor on its ticket, or where that does not pass a filter on the worst that does.
    pub fn follow_or_begin(&mut self, known: &Known) {
        if !self.follow(known) {
            self.move_to(known, 0);
        }
    }

    fn move_to(&mut self, known: &Known, place: usize) {
        self.cursor = place.min(self.shown.len(known).saturating_sub(1));
        self.selected = self.shown.at(known, self.cursor).map(|line| line.id);
    }

    /// Shows the queue through a filter.
    pub fn set_filter(&mut self, known: &Known, text: &str) -> Vec<Ask> {
        self.text = text.trim().chars().take(LONGEST).collect();
        self.wrong = None;
        (self.rest, self.search) = (None, None);
        match RowFilter::parse(&self.text) {
            Err(refusal) => {
                self.wrong = Some(refusal.message().to_owned());
                Vec::new()
            }
            Ok(filter) => {
                self.shown.set_filter(filter);
                if self.shown.filter().is_empty() {
                    self.shown.rearrange(known);
                } else {
                    self.shown.go_on(known);
                }
                self.follow_or_begin(known);
                [Some(Effect::GoOn), self.search_again(known)].into_iter().flatten().map(Ask::Effect).collect()
            }
        }
    }

    /// Asks for closed work that fits, once the filter rested.
    pub fn due(&mut self, known: &Known, stamp: Stamp) -> Option<Effect> {
        self.clicks.due(stamp);
        (self.rest == Some(stamp)).then_some(())?;
        self.rest = None;
        let stamp = known.stamp();
        self.search = Some(stamp);
        let (words, closed) = (self.shown.filter().words().join(" "), self.shown.filter().closed_states());
        let states = closed.iter().map(|state| state.as_str().to_owned()).collect::<Vec<_>>();
        let filter = Filter {
            q: (!words.is_empty()).then_some(words),
            state: (!states.is_empty()).then_some(Words::Many(states)),
            ..Filter::default()
        };
        Some(Effect::List { stamp, filter, limit: FOUND })
    }

    /// Looks for closed work once more, after everything was read anew.
    pub fn search_again(&mut self, known: &Known) -> Option<Effect> {
        let filter = self.shown.filter();
        if filter.words().is_empty() && filter.closed_states().is_empty() {
            return None;
        }
        let stamp = known.stamp();
        self.rest = Some(stamp);
        Some(Effect::After { stamp, wait: REST })
    }

    /// No longer writes the filter: the focus went elsewhere.
    pub fn stop_writing(&mut self) {
        self.editing = None;
    }

    /// Whether an answer is the one waited for.
    pub fn awaits(&mut self, stamp: Stamp) -> bool {
        let awaits = self.search == Some(stamp);
        if awaits {
            self.search = None;
        }
        awaits
    }

    fn sort(&mut self, known: &Known) {
        // Those that are shown first, then those there is no room for.
        let mut shown: Vec<Column> = layout(self.width.get().max(40)).into_iter().map(|(column, _)| column).collect();
        let others: Vec<Column> = Column::ALL.iter().copied().filter(|column| !shown.contains(column)).collect();
        shown.extend(others);
        let next = match self.shown.sort {
            None => shown.first().map(|column| (*column, false)),
            Some((column, _)) => {
                let at = shown.iter().position(|of| *of == column);
                at.and_then(|at| shown.get(at + 1)).map(|column| (*column, false))
            }
        };
        self.set_sort(known, next);
    }

    /// Sorts by a column; by none: in the order of the queue.
    pub fn set_sort(&mut self, known: &Known, sort: Option<(Column, bool)>) {
        self.shown.sort = sort;
        self.shown.rearrange(known);
        self.follow(known);
    }

    fn write_filter(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        let Some((typed, before)) = &mut self.editing else { return Vec::new() };
        match press.action {
            Some(Action::Enter) => {
                self.editing = None;
                Vec::new()
            }
            Some(Action::Back) => {
                let before = before.clone();
                self.editing = None;
                self.set_filter(world.known, &before)
            }
            Some(Action::Up | Action::Down) => self.moved(press.action, world),
            _ => {
                if typed.press(press.key) != Typing::Changed {
                    return Vec::new();
                }
                let text = typed.text().to_owned();
                self.set_filter(world.known, &text)
            }
        }
    }

    fn moved(&mut self, action: Option<Action>, world: &World<'_>) -> Vec<Ask> {
        let (known, page) = (world.known, self.room.get().max(2) - 1);
        let last = self.shown.len(known).saturating_sub(1);
        let place = match action {
            Some(Action::Up) => self.cursor.saturating_sub(1),
            Some(Action::Down) => self.cursor + 1,
            Some(Action::PageUp) => self.cursor.saturating_sub(page),
            Some(Action::PageDown) => self.cursor + page,
            Some(Action::Top) => 0,
            Some(Action::Bottom) => last,
            _ => return Vec::new(),
        };
        self.move_to(known, place);
        Vec::new()
    }

    /// The next breached ticket after the cursor, and round.
    fn next_breach(&mut self, world: &World<'_>) -> Vec<Ask> {
        match self.shown.next_breach(world.known, self.cursor) {
            Some(place) => {
                self.move_to(world.known, place);
                Vec::new()
            }
            _ => vec![Ask::Say("No promise is broken here.".to_owned())],
        }
    }
}

impl Part for QueuePane {
    fn scope(&self) -> Scope {
        if self.editing.is_some() { Scope::Line } else { Scope::Queue }
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        self.clicks.forget();
        if self.editing.is_some() {
            return self.write_filter(press, world);
        }
        match press.action {
            Some(Action::ClearFilter) if self.text.is_empty() && self.shown.sort.is_none() => Vec::new(),
            Some(Action::ClearFilter) => {
                self.shown.sort = None;
                self.set_filter(world.known, "")
            }
            Some(Action::Sort) => {
                self.sort(world.known);
                Vec::new()
            }
            Some(Action::SortTurn) => {
                let sort = self.shown.sort.map_or((Column::Sla, true), |(column, turned)| (column, !turned));
                self.set_sort(world.known, Some(sort));
                Vec::new()
            }
            Some(Action::NextBreach) => self.next_breach(world),
            Some(Action::Enter) => vec![Ask::Do(Action::NextPane)],
            action => self.moved(action, world),
        }
    }

    fn paste(&mut self, text: &str, world: &World<'_>) -> Vec<Ask> {
        let Some((typed, _)) = &mut self.editing else { return Vec::new() };
        let (is_changed, mut asks) = typed.paste(text);
        let text = typed.text().to_owned();
        if is_changed {
            asks.extend(self.set_filter(world.known, &text));
        }
        asks
    }

    fn mouse(&mut self, event: MouseEvent, world: &World<'_>) -> Vec<Ask> {
        let area = self.area.get();
        match event.kind {
            MouseEventKind::ScrollUp => self.moved(Some(Action::Up), world),
            MouseEventKind::ScrollDown => self.moved(Some(Action::Down), world),
            MouseEventKind::Down(MouseButton::Left) if event.row >= area.y && event.row < area.bottom() => {
                let place = self.top.get() + usize::from(event.row - area.y);
                if place >= self.shown.len(world.known) {
                    return Vec::new();
                }
                self.move_to(world.known, place);
                match self.clicks.click(self.selected, world) {
                    None => vec![Ask::Do(Action::NextPane)],
                    Some(wait) => vec![Ask::Effect(wait)],
                }
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        self.draw_pane(frame, area, world, true);
    }
}
