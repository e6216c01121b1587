//! What a form takes from the world: the case, the queue, the engine; and its fields from one another.

use serde_json::{Value, json};

use super::Form;
use super::check::{self, Checked};
use super::difference::ticket_in;
use super::field::Scene;
use super::field::file::checksum_of;
use super::preview::Judged;
use crate::cockpit::effect::Effect;
use crate::cockpit::msg::CaseData;
use crate::cockpit::part::{Ask, World};
use crate::cockpit::refused::{At, told};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::state::State;

impl Form {
    /// What other fields take from one that changed.
    pub(super) fn follow(&mut self, n: usize, world: &World<'_>) -> Vec<Ask> {
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
                    // What was taken from the site is kept with it.
                    asks.extend(account.control.restore(&json!({"value": owner}), &scene));
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
    pub(super) fn learn_case(&mut self, case: Option<&CaseData>, world: &World<'_>) -> Vec<Ask> {
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
    pub(super) fn learn_fields(&mut self, scene: &Scene<'_>) -> Vec<Ask> {
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

    /// The ticket moved on, as a refusal or the queue says: reads it again, to show how.
    pub(super) fn moved_on(&mut self, world: &World<'_>) -> Vec<Ask> {
        let names = self.names_known(world);
        let Some(seen) = &mut self.seen else { return Vec::new() };
        seen.learn_names(names);
        let load = Effect::LoadCase { ticket: seen.ticket, actor: world.actor.clone() };
        vec![Ask::Effect(load), self.outlook.later(world)]
    }

    pub(super) fn hear_outlook(&mut self, world: &World<'_>) -> Vec<Ask> {
        let judged = std::mem::replace(&mut self.outlook.judged, Judged::Nothing);
        self.place_refusal(&judged, world);
        self.outlook.judged = judged;
        let Judged::Refused(refusal) = &self.outlook.judged else { return Vec::new() };
        let refusal = refusal.clone();
        if self.learn_newer(&refusal) { self.moved_on(world) } else { Vec::new() }
    }

    /// Takes the newer ticket that a conflict tells of; whether it is news.
    pub(super) fn learn_newer(&mut self, refusal: &Refusal) -> bool {
        let newer = refusal.field("ticket").filter(|_| refusal.code() == Code::VersionConflict);
        newer.zip(self.seen.as_mut()).is_some_and(|(ticket, seen)| seen.learn(ticket))
    }

    pub(super) fn restore(&mut self, draft: &Value, world: &World<'_>) -> Vec<Ask> {
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

    pub(super) fn place_refusal(&mut self, judged: &Judged, world: &World<'_>) {
        self.fields.iter_mut().for_each(|field| field.refused = None);
        let Judged::Refused(refusal) = judged else { return };
        for (path, message) in check::places(refusal) {
            // The whole of it tells the key that mends it, too.
            let message = if message == refusal.finding() { told(refusal, At::Form, world) } else { message };
            if let Some(field) = self.fields.iter_mut().find(|field| field.holds(&path)) {
                field.refused.get_or_insert(message);
            }
        }
    }
}
