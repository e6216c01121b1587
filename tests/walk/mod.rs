//! Random calls by random roles, valid, invalid and replayed: what the random walks share.
#![allow(dead_code, reason = "each test binary uses its own part")]

use dispatch::domain::actor::Role;
use dispatch::domain::state::State;
use serde_json::{Value, json};
use uuid::Uuid;

/// A small generator, so that a walk can be walked again from its seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `n` (splitmix64).
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }

    pub fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    pub fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.below(usize::MAX) as u64, self.below(usize::MAX) as u64)
    }

    /// Yes, `n` times in a hundred.
    pub fn chance(&mut self, n: usize) -> bool {
        self.below(100) < n
    }
}

/// What a walk may name.
pub struct Names {
    pub account: String,
    pub site: String,
    /// The newest pending approval of the ticket that is about to be called on.
    pub approval: Option<String>,
}

pub const TOOLS: [&str; 14] = [
    "ticket.create",
    "ticket.triage",
    "schedule.propose",
    "schedule.confirm",
    "assignment.dispatch",
    "tech.check_in",
    "tech.request_change",
    "approval.decide",
    "closeout.add_evidence",
    "tech.complete",
    "qa.verify",
    "billing.generate_invoice",
    "ticket.close",
    "ticket.cancel",
];

/// A tool: mostly one that the state admits, sometimes any.
pub fn tool(dice: &mut Dice, state: Option<State>) -> &'static str {
    let Some(state) = state else { return "ticket.create" };
    if dice.chance(2) {
        return "ticket.create";
    }
    let admitted: Vec<&'static str> =
        TOOLS.into_iter().filter(|name| dispatch::domain::registry::find(name).unwrap().spec.admits(state)).collect();
    let list = if dice.chance(65) { admitted.as_slice() } else { TOOLS.as_slice() };
    match list[dice.below(list.len())] {
        // Possible nearly everywhere, and the end of every walk.
        "ticket.cancel" if dice.chance(85) => tool(dice, Some(state)),
        chosen => chosen,
    }
}

/// A role: mostly one that may, sometimes any.
pub fn role(dice: &mut Dice, tool: &str) -> Role {
    let roles = dispatch::domain::registry::find(tool).unwrap().spec.roles;
    if dice.chance(90) { *dice.one_of(roles) } else { *dice.one_of(Role::ALL) }
}

/// A payload for a tool: mostly a good one, sometimes spoilt.
pub fn payload(dice: &mut Dice, tool: &str, names: &Names) -> Value {
    let window = |dice: &mut Dice| {
        let day = 1 + dice.below(28);
        json!({"start": format!("2026-12-{day:02}T10:00:00Z"), "end": format!("2026-12-{day:02}T12:00:00Z")})
    };
    let mut body = match tool {
        "ticket.create" => {
            json!({"account_id": names.account, "site_id": names.site, "summary": "Random \u{202e}walk"})
        }
        "ticket.triage" => {
            let outcome = *dice.one_of(&["TRIAGED", "READY_TO_SCHEDULE", "APPROVAL_REQUIRED", "NEEDS_INFO"]);
            let kind = *dice.one_of(&["DOOR_WONT_LATCH", "DOOR_WONT_LATCH", "DOOR_WONT_LATCH", "GLAZIER"]);
            json!({"priority": "URGENT", "incident_type": kind, "workflow_outcome": outcome, "nte_cents": dice.below(90_000)})
        }
        "schedule.propose" => json!({"options": [window(dice)]}),
        "schedule.confirm" => window(dice),
        "assignment.dispatch" => {
            let technician = *dice.one_of(&["t-1", "t-1", "t-1", "nobody"]);
            match dice.below(3) {
                0 => json!({"tech_id": technician}),
                1 => json!({"tech_id": technician, "dispatch_mode": "STANDARD"}),
                _ => {
                    json!({"tech_id": technician, "dispatch_mode": "EMERGENCY_BYPASS", "dispatch_rationale": "open door",
                            "dispatch_confirmation": dice.chance(80)})
                }
            }
        }
        "tech.check_in" => json!({"timestamp": "2026-12-01T10:00:00Z", "location": {"lat": 1.5, "phone": "555"}}),
        "tech.request_change" => {
            json!({"approval_type": "NTE_INCREASE", "reason": "more", "amount_delta_cents": dice.below(90_000)})
        }
        "approval.decide" => {
            let known = names.approval.clone().filter(|_| dice.chance(80));
            let id = known.unwrap_or_else(|| dice.uuid().to_string());
            json!({"approval_id": id, "decision": *dice.one_of(&["APPROVED", "DENIED"])})
        }
        "closeout.add_evidence" => {
            let keys = [
                "photo_before_door_edge_and_strike",
                "photo_after_latched_alignment",
                "note_adjustments_and_test_cycles",
                "signature_or_no_signature_reason",
            ];
            let uri = *dice.one_of(&["s3://jobs/1.jpg", "s3://jobs/2.jpg", "s3://jobs/3.jpg", "s3://jobs/4.jpg"]);
            json!({"kind": "PHOTO", "uri": uri, "evidence_key": *dice.one_of(&keys)})
        }
        "tech.complete" => json!({"no_signature_reason": "closed", "checklist_status": {
            "work_performed": true, "parts_used_or_needed": true, "resolution_status": true,
            "onsite_photos_after": dice.chance(90), "billing_authorization": true}}),
        "qa.verify" => {
            json!({"timestamp": "2026-12-01T20:00:00Z", "result": *dice.one_of(&["PASS", "PASS", "FAIL"]), "notes": "n"})
        }
        "ticket.close" => json!({"reason": "done"}),
        "ticket.cancel" => json!({"reason": "Customer fixed it", "cancellation_code": "SELF"}),
        _ => json!({}),
    };
    if dice.chance(10) {
        spoil(dice, &mut body);
    }
    body
}

fn spoil(dice: &mut Dice, body: &mut Value) {
    let Some(fields) = body.as_object_mut() else { return };
    let names: Vec<String> = fields.keys().cloned().collect();
    let values =
        [json!(null), json!(" "), json!(-1), json!(1e300), json!({"a": ["\0"]}), json!([[]]), json!("\u{202e}x")];
    if names.is_empty() {
        fields.insert("surprise".into(), dice.one_of(&values).clone());
    } else {
        fields.insert(dice.one_of(&names).clone(), dice.one_of(&values).clone());
    }
}
