//! Drafts of forms: each belongs to the cockpit that it is typed in.

use std::collections::HashSet;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{DRAFTS, Keep};
use crate::cockpit::envelope::{Envelope, waiting};

/// Older drafts are forgotten.
pub(super) const MOST_DRAFTS: usize = 200;

impl Keep {
    /// Keeps what was typed into a form.
    pub fn keep_draft(&self, key: &str, draft: Value) -> Result<(), String> {
        self.change_drafts(|drafts| {
            drafts.shift_remove(key);
            drafts.insert(key.to_owned(), draft);
            while drafts.len() > MOST_DRAFTS {
                let oldest = drafts.keys().next().cloned().unwrap_or_default();
                drafts.shift_remove(&oldest);
            }
        })
    }

    /// Forgets what was typed into a form.
    pub fn drop_draft(&self, key: &str) -> Result<(), String> {
        self.change_drafts(|drafts| drop(drafts.shift_remove(key)))
    }

    fn change_drafts(&self, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), String> {
        self.change(DRAFTS, |all| {
            // Who kept something last comes last.
            let ours = all.shift_remove(&self.run.id);
            let mut ours = ours.and_then(|ours| ours.as_object().cloned()).unwrap_or_default();
            change(&mut ours);
            if !ours.is_empty() {
                all.insert(self.run.id.clone(), Value::Object(ours));
            }
        })
    }

    /// Takes the drafts out of a file that belong to nobody who lives, and our own. Of two in one form the older one
    /// waits for the newer.
    pub(super) fn take_over(&self, all: &mut Map<String, Value>, living: &HashSet<String>) -> Map<String, Value> {
        let mut ours = Map::new();
        for (name, value) in std::mem::take(all) {
            match value {
                Value::Object(drafts) if Uuid::try_parse(&name).is_ok() => {
                    if name != self.run.id && living.contains(&name) {
                        all.insert(name, Value::Object(drafts));
                        continue;
                    }
                    drafts.into_iter().for_each(|(form, draft)| put(&mut ours, form, draft));
                }
                // As they were kept before there was a name to each cockpit.
                draft => put(&mut ours, name, draft),
            }
        }
        ours
    }
}

/// Adds a draft to those of cockpits that ended earlier.
fn put(drafts: &mut Map<String, Value>, form: String, draft: Value) {
    let before = drafts.shift_remove(&form);
    if let Some(before) = before.filter(|before| *before != draft) {
        drafts.insert(waiting(&form, Uuid::now_v7()), before);
    }
    drafts.insert(form, draft);
}

/// Forgets what is on its way: killed at the wrong moment, a cockpit leaves it both as a draft and in a call. What
/// waits for its form and is in it already waits no longer.
pub(super) fn settle(drafts: &mut Map<String, Value>, asked: &[Envelope]) {
    for envelope in asked {
        let Some(draft) = &envelope.draft else { continue };
        if drafts.get(&draft.form) == Some(&draft.said) {
            drafts.shift_remove(&draft.form);
        }
        drafts.shift_remove(&draft.waiting(envelope.request_id));
    }
    let is_double = |key: &String, draft: &Value| {
        let form = key.rsplit_once(&waiting("", "")).map(|(form, _)| form);
        form.is_some_and(|form| drafts.get(form) == Some(draft))
    };
    let doubles: Vec<String> =
        drafts.iter().filter(|(key, draft)| is_double(key, draft)).map(|(key, _)| key.clone()).collect();
    for key in doubles {
        drafts.shift_remove(&key);
    }
}
