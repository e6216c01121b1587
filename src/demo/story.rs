//! What happened to one ticket: who called which tool when, and the files that came of it.

use std::sync::Arc;

use chrono::{SubsecRound, TimeDelta};
use serde_json::{Value, json};
use uuid::Uuid;

use super::album::Album;
use super::image::{self, Motif};
use super::jobs::{self, Job};
use super::people;
use super::random::Random;
use crate::domain::actor::Role;
use crate::domain::canonical::sha256_hex;
use crate::domain::closeout::SIGNATURE_KEY;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;

/// A site as the day's database knows it.
#[derive(Debug, Clone)]
pub struct Place {
    pub id: Uuid,
    pub account_id: Uuid,
    /// The account's doors; the first opens by itself.
    pub doors: [&'static str; 5],
    pub name: String,
    pub city: &'static str,
    pub region: &'static str,
    pub timezone: &'static str,
    pub contact: Contact,
    /// The doors that are on record, as places in the account's list.
    pub assets: Vec<(usize, Uuid)>,
}

/// Who calls from there.
#[derive(Debug, Clone)]
pub struct Contact {
    pub name: String,
    pub phone: String,
    pub mail: String,
}

/// One thing that somebody did.
#[derive(Debug)]
pub struct Act {
    pub at: Timestamp,
    pub who: (String, Role),
    pub deed: Deed,
}

/// What was done.
#[derive(Debug)]
pub enum Deed {
    Call {
        tool: &'static str,
        payload: Value,
    },
    /// The approval that is open was decided.
    Decide {
        verdict: &'static str,
        notes: &'static str,
    },
    /// A file was kept and added as evidence.
    Proof {
        kind: &'static str,
        key: String,
        file: String,
        content: Content,
    },
}

/// What is in a file, and its SHA-256 in lower-case hex.
#[derive(Debug, Clone)]
pub struct Content {
    pub checksum: Arc<str>,
    pub bytes: Arc<[u8]>,
}

impl Content {
    /// These bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { checksum: sha256_hex(bytes).into(), bytes: bytes.into() }
    }
}

/// A ticket, from its creation to where it stands.
#[derive(Debug)]
pub struct Story {
    pub acts: Vec<Act>,
}

impl Story {
    /// The files that came of it.
    pub fn files(&self) -> impl Iterator<Item = &Content> {
        self.acts.iter().filter_map(|act| match &act.deed {
            Deed::Proof { content, .. } => Some(content),
            _ => None,
        })
    }
}

/// A photo or a signature, drawn for a job.
pub fn picture(job: &Job, key: &str, random: &mut Random) -> Content {
    if key == SIGNATURE_KEY {
        return Content::of(&image::signature(random));
    }
    Content::of(&image::photo(Motif::of(job.incident), key.starts_with("photo_after"), random))
}

/// Writes a story. Times are in seconds from now: what has happened is negative.
#[derive(Debug)]
pub struct Writer<'a> {
    pub now: Timestamp,
    pub random: &'a mut Random,
    pub policy: &'a Policy,
    pub place: &'a Place,
    pub job: &'static Job,
    pub door: usize,
    pub dispatcher: &'static str,
    pub technician: &'a str,
    /// Files that are kept already, where not every photo is one of its own.
    pub album: Option<&'a Album>,
    pub acts: Vec<Act>,
}

/// A moment some seconds from now, on the full second: windows are spoken of so.
pub fn moment(now: Timestamp, seconds: i64) -> Timestamp {
    let delta = TimeDelta::try_seconds(seconds).unwrap_or_default();
    Timestamp::new(now.utc().trunc_subsecs(0) + delta)
}

impl Writer<'_> {
    /// Somebody does something; nobody does so on the full second.
    fn act(&mut self, at: i64, (id, role): (&str, Role), deed: Deed) {
        let at = moment(self.now, at).utc() - TimeDelta::milliseconds(self.random.between(1, 990));
        self.acts.push(Act { at: Timestamp::new(at), who: (id.to_owned(), role), deed });
    }

    /// Somebody calls a tool.
    pub fn call(&mut self, at: i64, who: (&str, Role), tool: &'static str, payload: Value) {
        self.act(at, who, Deed::Call { tool, payload });
    }

    /// The dispatcher of this ticket calls one.
    pub fn desk(&mut self, at: i64, tool: &'static str, payload: Value) {
        self.call(at, (self.dispatcher, Role::Dispatcher), tool, payload);
    }

    /// The technician of this ticket calls one.
    pub fn field(&mut self, at: i64, tool: &'static str, payload: Value) {
        self.call(at, (self.technician, Role::Technician), tool, payload);
    }

    /// The call that begins it.
    pub fn create(&mut self, at: i64, (summary, description): (&str, &str), by_agent: bool) {
        let door = self.place.doors[self.door];
        let contact = &self.place.contact;
        let mut payload = json!({
            "account_id": self.place.account_id,
            "site_id": self.place.id,
            "summary": jobs::about(summary, door),
            "description": description,
            "customer_name": contact.name,
            "contact_phone": contact.phone,
        });
        if by_agent {
            payload["contact_email"] = json!(contact.mail);
        }
        if let Some((_, asset)) = self.place.assets.iter().find(|(door, _)| *door == self.door) {
            payload["asset_id"] = json!(asset);
        }
        let who = if by_agent { (people::INTAKE_AGENT, Role::Agent) } else { (self.dispatcher, Role::Dispatcher) };
        self.call(at, who, "ticket.create", payload);
    }

    /// A triage, with what is special about it.
    pub fn triage(&mut self, at: i64, priority: impl serde::Serialize, extra: &Value) {
        let mut payload = json!({"priority": priority, "incident_type": self.job.incident});
        payload["nte_cents"] = json!(self.random.between(self.job.nte.0 / 25, self.job.nte.1 / 25) * 2_500);
        if let (Some(payload), Some(extra)) = (payload.as_object_mut(), extra.as_object()) {
            payload.extend(extra.clone());
        }
        self.desk(at, "ticket.triage", payload);
    }

    /// The open approval is decided.
    pub fn decide(&mut self, at: i64, is_granted: bool) {
        let (verdict, notes) = if is_granted {
            ("APPROVED", "Agreed with the customer by phone.")
        } else {
            ("DENIED", "Customer wants the agreed scope only.")
        };
        let who = (*self.random.pick(&people::APPROVERS), Role::Approver);
        self.act(at, who, Deed::Decide { verdict, notes });
    }

    /// A window that begins then.
    pub fn window(&self, start: i64, hours: i64) -> Value {
        let from = moment(self.now, start);
        json!({"start": from, "end": from.plus_minutes(hours * 60)})
    }

    /// The keys of the job's template, in the order in which they are met: before, after, note.
    pub fn keys(&self) -> Vec<String> {
        let template = self.policy.template(self.job.incident);
        let mut keys: Vec<String> = template.map(|t| t.evidence_keys.iter().cloned().collect()).unwrap_or_default();
        let rank = |key: &String| (!key.starts_with("photo_before"), !key.starts_with("photo_after"));
        keys.sort_by_key(rank);
        keys
    }

    /// The technician proves one key.
    pub fn prove(&mut self, at: i64, key: &str) {
        let serial = self.random.between(1_000, 9_999);
        let (kind, file) = if key == SIGNATURE_KEY {
            ("SIGNATURE", format!("signature_{serial}.png"))
        } else if key.starts_with("photo") {
            ("PHOTO", format!("IMG_{serial}.png"))
        } else {
            ("NOTE", format!("note_{serial}.txt"))
        };
        let content = match self.album {
            Some(album) => album.pick(self.job, key, self.random),
            None if kind == "NOTE" => {
                let door = self.place.doors[self.door];
                let note = format!("{}, {door}\n{}\n", self.place.name, self.random.pick(&self.job.notes));
                Content::of(note.as_bytes())
            }
            None => picture(self.job, key, self.random),
        };
        let deed = Deed::Proof { kind, key: key.to_owned(), file, content };
        self.act(at, (self.technician, Role::Technician), deed);
    }

    /// The work is declared done; the customer signed, or there is a reason why not.
    pub fn complete(&mut self, at: i64, no_signature_reason: Option<&str>) {
        let checklist: serde_json::Map<String, Value> =
            self.policy.closeout.checklist_keys.iter().map(|key| (key.clone(), json!(true))).collect();
        let mut payload = json!({"checklist_status": checklist});
        if let Some(reason) = no_signature_reason {
            payload["no_signature_reason"] = json!(reason);
        }
        self.field(at, "tech.complete", payload);
    }

    /// Quality assurance looks at it.
    pub fn verify(&mut self, at: i64, rework: Option<&str>) {
        let mut payload = json!({"timestamp": moment(self.now, at - 1), "result": "PASS"});
        if let Some(notes) = rework {
            payload["result"] = json!("FAIL");
            payload["notes"] = json!(notes);
        }
        let who = (*self.random.pick(&people::QA), Role::Qa);
        self.call(at, who, "qa.verify", payload);
    }

    /// Moments between two, in order, roughly even: the last of them is the second.
    pub fn spread(&mut self, from: i64, to: i64, count: i64) -> Vec<i64> {
        let width = to - from;
        (1..=count)
            .map(|n| {
                let even = from + width * n / count;
                if n == count { even } else { even - self.random.between(0, (width / count / 2).max(0)) }
            })
            .collect()
    }
}
