//! The forms: one for every tool that changes something, made from its payload's schema.
//!
//! [`build`] turns a schema into fields, each a [`field::Control`] of its kind, with what [`labels`] knows by name.
//! [`check`] says what is wrong before anybody is asked, [`preview`] what the engine would decide, [`difference`]
//! what happened to the ticket meanwhile, [`newticket`] what was done at the site before. [`submit`] makes the call.

mod beneath;
mod build;
mod check;
mod difference;
mod draft;
mod draw;
mod field;
mod follow;
mod labels;
mod newticket;
mod preview;
mod spoken;
mod submit;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod time;

use std::cell::{Cell, RefCell};

use chrono_tz::Tz;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use serde_json::Value;

use self::build::Field;
use self::check::Checked;
use self::difference::{Seen, ticket_in};
use self::draft::Kept;
use self::draw::Hit;
use self::field::{Scene, Took};
use self::newticket::Jobs;
use self::preview::{Judged, Outlook};
pub use self::spoken::spoken;
use super::effect::Effect;
use super::envelope::Envelope;
use super::keymap::{Action, Scope};
use super::msg::{CaseData, Msg};
use super::part::{Ask, Part, Press, World};
use crate::domain::directory::Kind;
use crate::domain::refusal::Refusal;
use crate::domain::tool::{From, Risk, Tool};

/// Where the focus may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Field(usize),
    /// The jobs beside a new ticket.
    Jobs,
    Send,
}

/// A form, open.
#[derive(Debug)]
pub struct Form {
    tool: &'static Tool,
    kind: Option<Kind>,
    /// The ticket it is about, as it was seen.
    seen: Option<Seen>,
    /// The name of its site.
    place: String,
    zone: Tz,
    fields: Vec<Field>,
    checked: Checked,
    focus: Stop,
    outlook: Outlook,
    kept: Kept,
    jobs: Option<Jobs>,
    /// Whether sending was tried: then every error is shown.
    has_tried: bool,
    /// Whether the difference to the newer ticket is shown, before it is sent.
    is_comparing: bool,
    /// Why the last try was not sent.
    said: Option<String>,
    was_live: bool,
    /// When the case was made that the fields know.
    known_case: Option<Value>,
    /// The record that the fields were filled from.
    filled_from: Option<Value>,
    /// The first line of the fields that is shown.
    top: Cell<usize>,
    hits: RefCell<Vec<Hit>>,
}

impl Form {
    /// The form of a tool on the selected ticket, or on a kind of master data, and what it asks at once: its first
    /// lookups, its first preview.
    pub fn open(tool: &'static Tool, kind: Option<Kind>, world: &World<'_>) -> (Self, Vec<Ask>) {
        let seen = if tool.spec.takes_ticket() { Seen::new(world) } else { None };
        let row = world.row.filter(|_| seen.is_some());
        let key = Self::draft_key(tool, kind, world);
        let fields = build::fields(&tool.schema(kind), kind);
        let mut form = Self {
            tool,
            kind,
            place: row.map(|row| row.site.name.clone()).unwrap_or_default(),
            zone: Tz::UTC,
            checked: Checked::new(tool, kind, &fields),
            focus: if fields.is_empty() { Stop::Send } else { Stop::Field(0) },
            fields,
            outlook: Outlook::new(),
            kept: Kept::new(key),
            jobs: (tool.spec.from == From::NewTicket).then(Jobs::default),
            has_tried: false,
            is_comparing: false,
            said: None,
            was_live: world.is_live,
            known_case: None,
            filled_from: None,
            top: Cell::new(0),
            hits: RefCell::default(),
            seen,
        };
        let mut asks = form.learn_case(world.case, world);
        if form.known_case.is_none() {
            asks.extend(form.learn_fields(&form.scene(world, None)));
        }
        if let Some(draft) = world.drafts.get(&form.kept.key) {
            asks.extend(form.restore(draft, world));
            let was_seen = draft.get("seen").cloned();
            asks.extend(form.recall(world, |seen| seen.recall(&was_seen.unwrap_or_default())));
        }
        asks.extend(form.recheck(world));
        asks.extend(form.ask_outlook(world));
        (form, asks)
    }

    /// Under which key what is typed into a tool's form is kept.
    pub fn draft_key(tool: &Tool, kind: Option<Kind>, world: &World<'_>) -> String {
        let ticket = world.row.filter(|_| tool.spec.takes_ticket()).map(|row| row.id);
        draft::key(tool, kind, ticket, world.actor)
    }

    /// Is what a call was made of: whoever made it saw the ticket as it was then.
    pub fn of_call(&mut self, envelope: &Envelope, world: &World<'_>) -> Vec<Ask> {
        let was_seen = envelope.draft.as_ref().and_then(|draft| draft.said.get("seen"));
        self.recall(world, |seen| match (was_seen, envelope.if_version) {
            (Some(was), _) => seen.recall(was),
            (None, Some(version)) => seen.recall_version(version),
            (None, None) => {}
        })
    }

    /// Says where a call was refused that had been sent.
    pub fn place(&mut self, refusal: &Refusal, world: &World<'_>) -> Vec<Ask> {
        self.has_tried = true;
        self.place_refusal(&Judged::of(refusal.clone()), world);
        let said = format!("This was refused: {}", self.told(refusal, world));
        self.said = (!self.is_refused_at_a_field()).then_some(said);
        if self.learn_newer(refusal) { self.moved_on(world) } else { Vec::new() }
    }

    /// Goes back to what was seen before; where the ticket moved on since, it is read again to show how.
    fn recall(&mut self, world: &World<'_>, recall: impl FnOnce(&mut Seen)) -> Vec<Ask> {
        let Some(seen) = &mut self.seen else { return Vec::new() };
        recall(seen);
        if seen.has_moved_on() { self.moved_on(world) } else { Vec::new() }
    }

    fn scene<'a>(&self, world: &'a World<'a>, case: Option<&'a CaseData>) -> Scene<'a> {
        let id = self.seen.as_ref().map(|seen| seen.ticket);
        let case = case.or(world.case).map(|case| &case.case);
        let case = case.filter(|case| id.is_some_and(|id| ticket_in(case, id).is_some()));
        Scene { world, zone: self.zone, case }
    }

    /// Whether it asks more carefully: the tool does, or what is chosen goes past the policy.
    fn is_risky(&self) -> bool {
        let is_bypass = self.checked.body.get("dispatch_mode").is_some_and(|mode| mode == "EMERGENCY_BYPASS");
        self.tool.spec.risk != Risk::Ordinary || is_bypass
    }

    fn stops(&self) -> Vec<Stop> {
        let jobs = self.jobs.as_ref().filter(|jobs| !jobs.is_empty()).map(|_| Stop::Jobs);
        (0..self.fields.len()).map(Stop::Field).chain(jobs).chain([Stop::Send]).collect()
    }

    /// Moves the focus by so many stops, round the ends where `wraps`.
    fn go(&mut self, by: isize, wraps: bool, world: &World<'_>) -> Vec<Ask> {
        let stops = self.stops();
        let at = stops.iter().position(|stop| *stop == self.focus).unwrap_or(0);
        let next = match at.checked_add_signed(by).filter(|next| *next < stops.len()) {
            Some(next) => next,
            None if wraps && by > 0 => 0,
            None if wraps => stops.len() - 1,
            None => at,
        };
        stops.get(next).map_or_else(Vec::new, |stop| self.focus_on(*stop, world))
    }

    fn focus_on(&mut self, stop: Stop, world: &World<'_>) -> Vec<Ask> {
        if stop == self.focus {
            return Vec::new();
        }
        let asks = self.leave(world);
        self.focus = stop;
        asks
    }

    /// The focus leaves a field: what it holds is settled, and judged.
    fn leave(&mut self, world: &World<'_>) -> Vec<Ask> {
        let Stop::Field(n) = self.focus else { return Vec::new() };
        let scene = self.scene(world, None);
        let Some(field) = self.fields.get_mut(n) else { return Vec::new() };
        field.was_left = true;
        let took = field.control.leave(&scene);
        self.took(n, took, world)
    }

    /// Carries on what a field did with a key.
    fn took(&mut self, n: usize, took: Took, world: &World<'_>) -> Vec<Ask> {
        let mut asks = took.asks;
        if took.is_changed {
            asks.extend(self.changed(n, world));
        }
        asks
    }

    /// A field says something else: others follow, the whole is checked and judged anew.
    fn changed(&mut self, n: usize, world: &World<'_>) -> Vec<Ask> {
        if let Some(field) = self.fields.get_mut(n) {
            field.refused = None;
        }
        self.said = None;
        let mut asks = self.follow(n, world);
        asks.extend(self.recheck(world));
        asks.push(self.outlook.later(world));
        asks.extend(self.kept.later(world));
        asks
    }

    fn recheck(&mut self, world: &World<'_>) -> Vec<Ask> {
        self.checked = Checked::new(self.tool, self.kind, &self.fields);
        self.jobs.as_mut().map(|jobs| jobs.follow(&self.checked.body, world)).unwrap_or_default()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name() == name)
    }

    fn ask_outlook(&mut self, world: &World<'_>) -> Vec<Ask> {
        let envelope = self.envelope(world, self.seen.as_ref().map(Seen::newest_version));
        self.outlook.ask(envelope, world)
    }

    /// Keys of the form itself, whichever field has the focus.
    fn press_anywhere(&mut self, action: Action, world: &World<'_>) -> Option<Vec<Ask>> {
        Some(match action {
            Action::Submit => self.submit(world),
            Action::Back => self.close(world),
            Action::Discard => self.discard(world),
            Action::NextField => self.go(1, true, world),
            Action::PreviousField => self.go(-1, true, world),
            _ => return None,
        })
    }

    fn close(&mut self, world: &World<'_>) -> Vec<Ask> {
        let mut asks = self.leave(world);
        asks.extend(self.kept.keep(&self.fields, self.seen.as_ref()));
        asks.push(Ask::Close);
        asks
    }

    fn discard(&mut self, world: &World<'_>) -> Vec<Ask> {
        let drop = Effect::DropDraft { key: self.kept.key.clone() };
        let drafts = std::collections::HashMap::new();
        let (fresh, asks) = Self::open(self.tool, self.kind, &World { drafts: &drafts, ..*world });
        *self = fresh;
        [Ask::Effect(drop)].into_iter().chain(asks).collect()
    }
}

impl Part for Form {
    fn scope(&self) -> Scope {
        Scope::Form
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        if self.is_comparing {
            return self.press_comparing(press, world);
        }
        if let Some(asks) = press.action.and_then(|action| self.press_anywhere(action, world)) {
            return asks;
        }
        let mut is_used = false;
        let mut asks = Vec::new();
        match self.focus {
            Stop::Field(n) => {
                let scene = self.scene(world, None);
                let took = self.fields.get_mut(n).map(|field| field.control.press(press, &scene)).unwrap_or_default();
                let is_done = took.is_done;
                is_used = took.is_used;
                asks.extend(self.took(n, took, world));
                if is_done {
                    asks.extend(self.go(1, false, world));
                }
            }
            Stop::Jobs => {
                let took = self.jobs.as_mut().map(|jobs| jobs.press(press.action)).unwrap_or_default();
                is_used = took.is_used;
                // What was typed is kept for when one comes back.
                if took.asks.iter().any(|ask| matches!(ask, Ask::Close)) {
                    asks.extend(self.kept.keep(&self.fields, self.seen.as_ref()));
                }
                asks.extend(took.asks);
            }
            Stop::Send if press.action == Some(Action::Enter) => {
                is_used = true;
                asks.extend(self.press_send(world));
            }
            Stop::Send => {}
        }
        match press.action {
            Some(Action::Enter | Action::Down) if !is_used => asks.extend(self.go(1, false, world)),
            Some(Action::Up) if !is_used => asks.extend(self.go(-1, false, world)),
            _ => {}
        }
        asks
    }

    fn paste(&mut self, text: &str, world: &World<'_>) -> Vec<Ask> {
        let Stop::Field(n) = self.focus else { return Vec::new() };
        if self.is_comparing {
            return Vec::new();
        }
        let scene = self.scene(world, None);
        let took = self.fields.get_mut(n).map(|field| field.control.paste(text, &scene)).unwrap_or_default();
        self.took(n, took, world)
    }

    fn mouse(&mut self, event: MouseEvent, world: &World<'_>) -> Vec<Ask> {
        match event.kind {
            _ if self.is_comparing => return Vec::new(),
            MouseEventKind::ScrollDown => return self.go(1, false, world),
            MouseEventKind::ScrollUp => return self.go(-1, false, world),
            MouseEventKind::Down(MouseButton::Left) => {}
            _ => return Vec::new(),
        }
        let at = ratatui::layout::Position::new(event.column, event.row);
        let hit = self.hits.borrow().iter().find(|hit| hit.area.contains(at)).copied();
        let Some(hit) = hit else { return Vec::new() };
        let had_focus = self.focus == hit.stop;
        let mut asks = self.focus_on(hit.stop, world);
        let column = usize::from(event.column.saturating_sub(hit.area.x)).checked_sub(hit.indent);
        match (hit.stop, hit.row, column) {
            (Stop::Field(n), Some(row), Some(column)) => {
                let scene = self.scene(world, None);
                // A list opens with the focus: where its entries were not, none was clicked.
                let field = self.fields.get_mut(n).filter(|_| had_focus || row == 0);
                let took = field.map(|field| field.control.click(column, row, hit.width, &scene)).unwrap_or_default();
                asks.extend(self.took(n, took, world));
            }
            (Stop::Send, ..) => asks.extend(self.press_send(world)),
            (Stop::Jobs, Some(row), _) if row > 0 => {
                let chosen = self.jobs.as_ref().map(|jobs| jobs.go(row - 1)).unwrap_or_default();
                asks.extend(self.kept.keep(&self.fields, self.seen.as_ref()));
                asks.extend(chosen);
            }
            _ => {}
        }
        asks
    }

    fn hear(&mut self, msg: &Msg, world: &World<'_>) -> Vec<Ask> {
        let mut asks = match msg {
            Msg::Case { outcome: Ok(case), .. } => self.learn_case(Some(case), world),
            _ => self.learn_case(world.case, world),
        };
        let has_new_row = world.row.zip(self.seen.as_mut()).is_some_and(|(row, seen)| seen.learn_row(row));
        if has_new_row {
            asks.extend(self.moved_on(world));
        }
        if self.outlook.is_due(msg) || world.is_live && !self.was_live {
            asks.extend(self.ask_outlook(world));
        }
        self.was_live = world.is_live;
        if self.kept.is_due(msg) {
            asks.extend(self.kept.keep(&self.fields, self.seen.as_ref()));
        }
        if self.outlook.hear(msg) {
            asks.extend(self.hear_outlook(world));
        }
        if let Some(jobs) = &mut self.jobs {
            asks.extend(jobs.hear(msg, world).asks);
            if self.focus == Stop::Jobs && jobs.is_empty() {
                self.focus = Stop::Send;
            }
        }
        for n in 0..self.fields.len() {
            let scene = self.scene(world, None);
            let took = self.fields.get_mut(n).map(|field| field.control.hear(msg, &scene)).unwrap_or_default();
            asks.extend(self.took(n, took, world));
        }
        asks
    }

    /// While the difference to the newer ticket is shown, nothing is typed or sent.
    fn footer(&self, world: &World<'_>, width: usize) -> Option<Line<'static>> {
        self.is_comparing.then(|| self.keys(world, width))
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        self.paint(frame, area, world);
    }
}
