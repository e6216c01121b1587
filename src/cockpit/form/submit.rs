//! Sending: what stands against it, and the call that is made of the form.

use serde_json::Value;
use uuid::{NoContext, Uuid};

use super::difference::Seen;
use super::preview::Judged;
use super::{Form, Stop};
use crate::cockpit::effect::Effect;
use crate::cockpit::envelope::{Envelope, Target};
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::part::{Ask, Press, World};
use crate::domain::time::Timestamp;

/// A fresh request id, made at a key press.
fn request_id(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, millis / 1000, nanos))
}

impl Form {
    /// The form as a call.
    pub(super) fn envelope(&self, world: &World<'_>, if_version: Option<i64>) -> Envelope {
        let upload = self.fields.iter().find_map(|field| field.control.upload());
        let target = match (&self.seen, self.kind) {
            (Some(seen), _) => Target::Ticket { id: seen.ticket, number: seen.number.clone() },
            (None, Some(kind)) => Target::Kind(kind.as_str().to_owned()),
            (None, None) => Target::Nothing,
        };
        Envelope {
            request_id: request_id(world.now),
            pressed_at: world.known.local,
            tool: self.tool.spec.name.to_owned(),
            target,
            payload: self.checked.body.clone(),
            if_version,
            actor: world.actor.clone(),
            upload: upload.map(|(content, _)| content.clone()),
            draft: None,
        }
    }

    /// Enter or a click on the last stop: of what cannot be undone that is not enough.
    pub(super) fn press_send(&mut self, world: &World<'_>) -> Vec<Ask> {
        if self.is_risky() {
            let key = world.keymap.shown(Scope::Form, Action::Submit);
            self.said = Some(format!("This cannot be undone, so it takes another key: {key} sends it."));
            return Vec::new();
        }
        self.submit(world)
    }

    /// Sends, or says why not.
    pub(super) fn submit(&mut self, world: &World<'_>) -> Vec<Ask> {
        self.has_tried = true;
        self.said = None;
        let mut asks = self.leave(world);
        if self.seen.as_ref().is_some_and(Seen::has_moved_on) {
            self.is_comparing = true;
            asks.extend(self.moved_on(world));
            return asks;
        }
        // A time of day is the site's; before the case was read nobody knows which one that is.
        let needs_zone = self.fields.iter().any(|field| field.control.needs_zone());
        if needs_zone && self.seen.is_some() && self.known_case.is_none() {
            self.said =
                Some("The case was not read yet, so the site's time zone is not known. Send it once it is.".to_owned());
            return asks;
        }
        // Why not stands at the field, or beneath them all.
        if self.counted().is_some() {
            if let Some(n) = self.first_wrong() {
                asks.extend(self.focus_on(Stop::Field(n), world));
            }
            return asks;
        }
        let is_judged = !self.outlook.is_stale && matches!(self.outlook.judged, Judged::Accepted(_) | Judged::Away);
        if self.is_risky() && !is_judged {
            self.said = Some("The outcome is still being looked at. Look at it, then send.".to_owned());
            return asks;
        }
        let kept = self.kept.keep(&self.fields, self.seen.as_ref());
        let mut envelope = self.envelope(world, self.seen.as_ref().map(Seen::version));
        envelope.draft = Some(Box::new(self.kept.draft(&self.fields, self.seen.as_ref())));
        asks.extend(kept);
        asks.extend([Ask::Effect(Effect::Send(envelope)), Ask::Close]);
        asks
    }

    /// Why it cannot be sent as it stands.
    pub(super) fn objection(&self, world: &World<'_>) -> Option<String> {
        if !self.checked.missing.is_empty() {
            return self.counted();
        }
        if let Some((at, why)) = self.checked.wrong.first() {
            let label = at.and_then(|n| self.fields.get(n)).map(|field| format!("{}: ", field.label));
            return Some(format!("{}{}", label.unwrap_or_default(), self.in_labels(why)));
        }
        self.outlook.objection().map(|refusal| self.told(refusal, world))
    }

    /// What stands against sending, in a few words: what exactly is told where it is to be mended.
    pub(super) fn counted(&self) -> Option<String> {
        if !self.checked.missing.is_empty() {
            return Some(format!("Still needed: {}.", self.names(&self.checked.missing)));
        }
        match self.checked.wrong.len() {
            0 => {}
            1 => return Some("1 thing to correct".to_owned()),
            many => return Some(format!("{many} things to correct")),
        }
        let is_at_field = self.is_refused_at_a_field();
        let said = if is_at_field { "1 thing to correct" } else { "it would be refused" };
        self.outlook.objection().map(|_| said.to_owned())
    }

    pub(super) fn names(&self, fields: &[usize]) -> String {
        let labels = fields.iter().filter_map(|n| self.fields.get(*n)).map(|field| field.label.as_str());
        labels.collect::<Vec<_>>().join(", ")
    }

    /// The first field that something is wrong with.
    fn first_wrong(&self) -> Option<usize> {
        let wrong = self.checked.wrong.iter().filter_map(|(at, _)| *at).chain(self.checked.missing.iter().copied());
        wrong.min().or_else(|| self.fields.iter().position(|field| field.refused.is_some()))
    }

    /// Keys while the difference to the newer ticket is shown.
    pub(super) fn press_comparing(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        match press.action {
            // The difference stays in sight with the reason.
            Some(Action::GoOn) if self.barred(world).is_some() => Vec::new(),
            Some(Action::GoOn) => {
                self.is_comparing = false;
                if let Some(seen) = &mut self.seen {
                    seen.accept();
                }
                self.submit(world)
            }
            Some(Action::Back) => {
                self.is_comparing = false;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// What an error is at a field, where it is to be shown.
    pub(super) fn error_at(&self, n: usize) -> Option<String> {
        let field = self.fields.get(n)?;
        if !(field.was_left || self.has_tried || field.control.is_too_long()) {
            return None;
        }
        let missing = || self.checked.missing.contains(&n).then(|| "This is needed.".to_owned());
        self.advice_at(n).or_else(missing).or_else(|| self.refused_at(n))
    }

    /// What a field does not understand of what it says.
    pub(super) fn advice_at(&self, n: usize) -> Option<String> {
        let own = self.checked.wrong.iter().find(|(at, _)| *at == Some(n));
        own.map(|(_, why)| self.in_labels(why))
    }

    /// What the engine said of a field.
    pub(super) fn refused_at(&self, n: usize) -> Option<String> {
        self.fields.get(n)?.refused.as_ref().map(|why| self.in_labels(why))
    }

    /// The ticket as the outlook says it would be, beside what it is.
    pub(super) fn before_and_after(&self) -> Option<(&Value, &Value)> {
        Some((self.seen.as_ref()?.current(), self.outlook.after()?))
    }
}
