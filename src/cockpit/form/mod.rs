//! The forms: one for every tool that changes something, made from its payload's schema.
//!
//! [`build`] turns a schema into fields, each a [`field::Control`] of its kind, with what [`labels`] knows by name.
//! [`check`] says what is wrong before anybody is asked, [`preview`] what the engine would decide, [`difference`]
//! what happened to the ticket meanwhile, [`newticket`] what was done at the site before. [`submit`] makes the call.

mod build;
mod check;
mod difference;
mod draft;
mod draw;
mod field;
mod labels;
mod newticket;
mod preview;
mod submit;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod time;

use std::cell::{Cell, RefCell};

use chrono_tz::Tz;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::Rect;
use serde_json::Value;

use self::build::Field;
use self::check::Checked;
use self::difference::{Seen, ticket_in};
use self::draft::Kept;
use self::draw::Hit;
use self::field::file::checksum_of;
use self::field::{Scene, Took};
use self::newticket::Jobs;
use self::preview::{Judged, Outlook};
use super::effect::Effect;
use super::keymap::{Action, Scope};
use super::msg::{CaseData, Msg};
use super::part::{Ask, Part, Press, World};
use crate::domain::directory::Kind;
use crate::domain::refusal::Code;
use crate::domain::state::State;
use crate::domain::tool::{From, Risk, Tool};
use crate::engine::Refused;

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
        let key = draft::key(tool, kind, seen.as_ref().map(|seen| seen.ticket));
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
        }
        asks.extend(form.recheck(world));
        asks.extend(form.ask_outlook(world));
        (form, asks)
    }

    /// Says where a call was refused that had been sent.
    pub fn place(&mut self, refused: &Refused) {
        let refusal = &refused.refusal;
        self.has_tried = true;
        self.said = Some(format!("This was refused: {}", refusal.message()));
        self.place_refusal(&Judged::of(refusal.clone()));
    }

    fn place_refusal(&mut self, judged: &Judged) {
        self.fields.iter_mut().for_each(|field| field.refused = None);
        let Judged::Refused(refusal) = judged else { return };
        for (path, message) in check::places(refusal) {
            if let Some(field) = self.fields.iter_mut().find(|field| field.holds(&path)) {
                field.refused.get_or_insert(message);
            }
        }
    }

    fn scene<'a>(&self, world: &'a World<'a>, case: Option<&'a CaseData>) -> Scene<'a> {
        let id = self.seen.as_ref().map(|seen| seen.ticket);
        let case = case.or(world.case).map(|case| &case.case);
        let case = case.filter(|case| id.is_some_and(|id| ticket_in(case, id).is_some()));
        Scene { world, zone: self.zone, case }
    }

    fn is_risky(&self) -> bool {
        self.tool.spec.risk != Risk::Ordinary
    }

    fn stops(&self) -> Vec<Stop> {
        let jobs = self.jobs.as_ref().filter(|jobs| !jobs.shown().is_empty()).map(|_| Stop::Jobs);
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
        asks.push(self.kept.later(world));
        asks
    }

    fn recheck(&mut self, world: &World<'_>) -> Vec<Ask> {
        self.checked = Checked::new(self.tool, self.kind, &self.fields);
        self.jobs.as_mut().map(|jobs| jobs.follow(&self.checked.body, world)).unwrap_or_default()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name() == name)
    }

    /// What other fields take from one that changed.
    fn follow(&mut self, n: usize, world: &World<'_>) -> Vec<Ask> {
        let scene = self.scene(world, None);
        let Some(field) = self.fields.get(n) else { return Vec::new() };
        let name = field.name().to_owned();
        let value = field.control.value().ok().flatten();
        let record = field.control.record().cloned();
        let mut asks = Vec::new();
        match name.as_str() {
            // A record that is to be changed fills the form.
            "id" if record.is_some() && record != self.filled_from => {
                for field in self.fields.iter_mut().filter(|field| field.name() != "id") {
                    let value = record.as_ref().and_then(|record| record.get(field.name()));
                    asks.extend(field.control.fill(value.unwrap_or(&Value::Null), &scene));
                }
                self.filled_from = record;
                return asks;
            }
            // A site says whose it is.
            "site_id" => {
                let owner = record.as_ref().and_then(|record| record.get("account_id")).cloned();
                let account = self.position("account_id").and_then(|at| self.fields.get_mut(at));
                if let (Some(owner), Some(account)) = (owner, account)
                    && account.control.value().ok().flatten().as_ref() != Some(&owner)
                {
                    asks.extend(account.control.fill(&owner, &scene));
                }
            }
            "uri" => {
                let checksum = checksum_of(field.control.as_ref()).unwrap_or_default();
                let other = self.position("checksum").and_then(|at| self.fields.get_mut(at));
                if let Some(other) = other.filter(|other| other.control.draft().is_null()) {
                    asks.extend(other.control.fill(&checksum, &scene));
                }
            }
            _ => {}
        }
        let mut lost = Vec::new();
        for (at, other) in self.fields.iter_mut().enumerate().filter(|(at, _)| *at != n) {
            let took = other.control.narrow(&name, value.as_ref(), &scene);
            asks.extend(took.asks);
            lost.extend(took.is_changed.then_some(at));
        }
        for at in lost {
            asks.extend(self.follow(at, world));
        }
        asks
    }

    /// Takes the case of the ticket, where it is new: the fields learn what they can.
    fn learn_case(&mut self, case: Option<&CaseData>, world: &World<'_>) -> Vec<Ask> {
        let Some(seen) = &mut self.seen else { return Vec::new() };
        let Some(case) = case.filter(|case| ticket_in(&case.case, seen.ticket).is_some()) else { return Vec::new() };
        let made_at = case.case.get("generated_at").cloned();
        if self.known_case.is_some() && self.known_case == made_at {
            return Vec::new();
        }
        let is_news = ticket_in(&case.case, seen.ticket).is_some_and(|ticket| seen.learn(ticket));
        seen.learn_events(&case.events);
        let zone = case.case.pointer("/site/timezone").and_then(Value::as_str).and_then(|zone| zone.parse().ok());
        self.zone = zone.unwrap_or(self.zone);
        self.known_case = made_at;
        let scene = self.scene(world, Some(case));
        let mut asks = self.learn_fields(&scene);
        let checked = Checked::new(self.tool, self.kind, &self.fields);
        if is_news || checked.body != self.checked.body {
            asks.push(self.outlook.later(world));
        }
        self.checked = checked;
        asks
    }

    /// Every field learns what is known, and begins with the ticket's value where nobody said another.
    fn learn_fields(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
        // A new ticket's priority is nobody's judgement yet.
        let is_judged = scene.ticket("state").is_some_and(|state| *state != State::New.as_str());
        let mut asks = Vec::new();
        for field in &mut self.fields {
            asks.extend(field.control.learn(scene));
            let given = field.begins_with.filter(|_| is_judged).and_then(|name| scene.ticket(name));
            if let Some(given) = given.filter(|_| matches!(field.control.value(), Ok(None))) {
                asks.extend(field.control.fill(given, scene));
            }
        }
        asks
    }

    fn ask_outlook(&mut self, world: &World<'_>) -> Vec<Ask> {
        let envelope = self.envelope(world, self.seen.as_ref().map(Seen::newest_version));
        self.outlook.ask(envelope, world)
    }

    /// The ticket moved on, as a refusal or the queue says: reads it again, to show how.
    fn moved_on(&mut self, world: &World<'_>) -> Vec<Ask> {
        let Some(seen) = &self.seen else { return Vec::new() };
        let load = Effect::LoadCase { ticket: seen.ticket, actor: world.actor.clone() };
        vec![Ask::Effect(load), self.outlook.later(world)]
    }

    fn hear_outlook(&mut self, world: &World<'_>) -> Vec<Ask> {
        let judged = std::mem::replace(&mut self.outlook.judged, Judged::Nothing);
        self.place_refusal(&judged);
        self.outlook.judged = judged;
        let Judged::Refused(refusal) = &self.outlook.judged else { return Vec::new() };
        let newer = refusal.field("ticket").filter(|_| refusal.code() == Code::VersionConflict).cloned();
        let is_news = newer.zip(self.seen.as_mut()).is_some_and(|(ticket, seen)| seen.learn(&ticket));
        if is_news { self.moved_on(world) } else { Vec::new() }
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
        asks.extend(self.kept.keep(&self.fields));
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

    fn restore(&mut self, draft: &Value, world: &World<'_>) -> Vec<Ask> {
        let scene = self.scene(world, None);
        let mut asks = Vec::new();
        for (field, kept) in self.kept.restore(draft, &mut self.fields) {
            asks.extend(field.control.restore(&kept, &scene));
        }
        // Fields that depend on others are narrowed as they were.
        for n in 0..self.fields.len() {
            let Some(field) = self.fields.get(n).filter(|field| field.name() != "id") else { continue };
            let (name, value) = (field.name().to_owned(), field.control.value().ok().flatten());
            if value.is_some() {
                for (_, other) in self.fields.iter_mut().enumerate().filter(|(at, _)| *at != n) {
                    asks.extend(other.control.narrow(&name, value.as_ref(), &scene).asks);
                }
            }
        }
        asks
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
                    asks.extend(self.kept.keep(&self.fields));
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
            MouseEventKind::ScrollDown => return self.go(1, false, world),
            MouseEventKind::ScrollUp => return self.go(-1, false, world),
            MouseEventKind::Down(MouseButton::Left) if !self.is_comparing => {}
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
                asks.extend(self.kept.keep(&self.fields));
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
            asks.extend(self.kept.keep(&self.fields));
        }
        if self.outlook.hear(msg) {
            asks.extend(self.hear_outlook(world));
        }
        if let Some(jobs) = &mut self.jobs {
            asks.extend(jobs.hear(msg, world).asks);
            if self.focus == Stop::Jobs && jobs.shown().is_empty() {
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

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        self.paint(frame, area, world);
    }
}
