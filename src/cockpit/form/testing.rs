//! What the tests of forms stand on: a world, and hands that press keys through the keymap.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::field::{Control, Look, Scene, Took};
use crate::cockpit::effect::Effect;
use crate::cockpit::keymap::{Key, Keymap, Scope};
use crate::cockpit::known::Known;
use crate::cockpit::msg::{CaseData, Msg};
use crate::cockpit::part::{Ask, Press, World};
use crate::cockpit::rows;
use crate::cockpit::theme::Theme;
use crate::domain::actor::{Actor, Role};
use crate::domain::policy::Bundle;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;

pub const TICKET: Uuid = Uuid::from_u128(0x10423);

/// A world to act in: a Saturday afternoon in Oakland, one ticket, its case loaded or not.
#[derive(Debug)]
pub struct Stage {
    pub theme: Theme,
    pub keymap: Keymap,
    pub actor: Actor,
    pub now: Timestamp,
    pub policy: Arc<Bundle>,
    pub row: Option<rows::Line>,
    pub case: Option<CaseData>,
    pub drafts: HashMap<String, Value>,
    pub is_live: bool,
    pub stamps: Cell<u64>,
    pub known: Known,
}

pub fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T22:32:00.000Z").unwrap()
}

pub fn row() -> rows::Line {
    let site = rows::Site {
        id: Uuid::from_u128(2),
        name: "Main St Store".into(),
        city: "Oakland".into(),
        region: Some("WEST".into()),
        region_weight: 0,
    };
    rows::Line {
        id: TICKET,
        number: "T-10423".into(),
        state: State::Scheduled,
        priority: Priority::Urgent,
        incident_type: Some("DOOR_WONT_LATCH".into()),
        summary: "Cannot secure storefront".into(),
        site: Arc::new(site),
        account: Arc::new(rows::Account { id: Uuid::from_u128(1), name: "Harbor Doors".into() }),
        tech: None,
        provider: None,
        scheduled_start: Timestamp::parse("2026-11-22T16:00:00Z"),
        created_at: now().plus_minutes(-600),
        last_update_at: now().plus_minutes(-10),
        deadline: now().plus_minutes(100),
        stopped_at: None,
        version: 4,
        seq: 5,
    }
}

pub fn ticket() -> Value {
    json!({
        "id": TICKET, "number": "T-10423", "account_id": Uuid::from_u128(1), "site_id": Uuid::from_u128(2),
        "asset_id": null, "state": "SCHEDULED", "priority": "URGENT", "incident_type": "DOOR_WONT_LATCH",
        "summary": "Cannot secure storefront", "description": null, "customer_name": "Ada", "customer_phone": null,
        "customer_email": null, "nte_cents": 95_000, "scheduled_start": "2026-11-22T16:00:00.000Z",
        "scheduled_end": "2026-11-22T19:00:00.000Z", "assigned_provider_id": null, "assigned_tech_id": null,
        "requires_return_visit": false, "version": 4, "created_at": "2026-11-21T12:32:00.000Z",
        "updated_at": "2026-11-21T22:22:00.000Z",
    })
}

pub fn case() -> CaseData {
    let case = json!({
        "generated_at": now(),
        "ticket": ticket(),
        "site": {"id": Uuid::from_u128(2), "account_id": Uuid::from_u128(1), "name": "Main St Store",
                 "city": "Oakland", "region": "WEST", "timezone": "America/Los_Angeles"},
        "open_approvals": [{"id": Uuid::from_u128(0xaa), "status": "PENDING", "approval_type": "NTE_INCREASE",
                            "amount_delta_cents": 35_000, "reason": "new closer",
                            "requested_at": "2026-11-21T22:00:00.000Z"}],
        "exceptions": [],
        "evidence": [{"id": Uuid::from_u128(0xe1), "kind": "PHOTO", "uri": "s3://jobs/before.jpg",
                      "metadata": {"evidence_key": "photo_before_door_edge_and_strike"}}],
        "completion": null,
        "required_evidence": [
            {"key": "note_adjustments_and_test_cycles", "standing": "present"},
            {"key": "photo_after_latched_alignment", "standing": "missing"},
        ],
        "closeout_gate": {"code": "MISSING_EVIDENCE", "missing_evidence_keys": ["photo_after_latched_alignment"],
                          "missing_checklist_keys": []},
    });
    let events =
        vec![json!({"actor_id": "maria", "tool_name": "schedule.confirm", "created_at": "2026-11-21T22:22:00.000Z"})];
    CaseData { case, events, chain: None }
}

impl Stage {
    pub fn new() -> Self {
        let actor = Actor::local("maria", Role::Dispatcher);
        let known = Known::new(Theme::mono(), Keymap::default(), actor.clone(), Bundle::embedded(), now());
        Self {
            theme: Theme::mono(),
            keymap: Keymap::default(),
            actor,
            known,
            now: now(),
            policy: Bundle::embedded(),
            row: Some(row()),
            case: Some(case()),
            drafts: HashMap::new(),
            is_live: true,
            stamps: Cell::new(0),
        }
    }

    pub fn without_case() -> Self {
        Self { case: None, ..Self::new() }
    }

    pub fn world(&self) -> World<'_> {
        World {
            theme: &self.theme,
            keymap: &self.keymap,
            actor: &self.actor,
            now: self.now,
            policy: &self.policy.policy,
            row: self.row.as_ref(),
            case: self.case.as_ref(),
            drafts: &self.drafts,
            is_live: self.is_live,
            stamps: &self.stamps,
            known: &self.known,
        }
    }

    pub fn scene<T>(&self, act: impl FnOnce(&Scene<'_>) -> T) -> T {
        let world = self.world();
        let case = self.case.as_ref().map(|case| &case.case);
        let zone = if case.is_some() { chrono_tz::America::Los_Angeles } else { chrono_tz::UTC };
        act(&Scene { world: &world, zone, case })
    }

    /// The lines of a focused field.
    pub fn lines(&self, control: &dyn Control, width: usize) -> Vec<String> {
        let look = Look { theme: &self.theme, now: self.now, width, is_focused: true, has_error: false };
        control.lines(&look).iter().map(ToString::to_string).collect()
    }

    /// The first of them.
    pub fn shown(&self, control: &dyn Control, width: usize) -> String {
        self.lines(control, width).first().cloned().unwrap_or_default()
    }
}

/// The presses of a line of keys with spaces between; what is no key is typed letter by letter.
pub fn presses(keys: &str, keymap: &Keymap) -> Vec<Press> {
    let press = |key: Key| Press { key: key.event(), action: keymap.action(Scope::Form, &key.event()) };
    keys.split_whitespace()
        .flat_map(|word| match Key::parse(word) {
            Some(key) => vec![press(key)],
            None => word.chars().filter_map(|c| Key::parse(&c.to_string())).map(press).collect(),
        })
        .collect()
}

/// Presses keys in a field; answers what became of the last one, with what all of them asked.
pub fn type_into(control: &mut dyn Control, keys: &str, stage: &Stage) -> Took {
    let mut last = Took::nothing();
    let mut asks = Vec::new();
    for press in presses(keys, &stage.keymap) {
        last = stage.scene(|scene| control.press(press, scene));
        asks.append(&mut last.asks);
    }
    last.asks = asks;
    last
}

/// Lets the last wait that was asked for pass.
pub fn due(control: &mut dyn Control, asks: &[Ask], stage: &Stage) -> Vec<Ask> {
    let stamp = asks.iter().rev().find_map(|ask| match ask {
        Ask::Effect(Effect::After { stamp, .. }) => Some(*stamp),
        _ => None,
    });
    let due = Msg::Due { stamp: stamp.unwrap() };
    stage.scene(|scene| control.hear(&due, scene)).asks
}

/// Answers the last lookup that was asked for.
pub fn answer_lookup(control: &mut dyn Control, asks: &[Ask], found: Vec<Value>, stage: &Stage) {
    let stamp = asks.iter().rev().find_map(|ask| match ask {
        Ask::Effect(Effect::Lookup { stamp, .. }) => Some(*stamp),
        _ => None,
    });
    let looked = Msg::Looked { stamp: stamp.unwrap(), outcome: Ok(found) };
    stage.scene(|scene| control.hear(&looked, scene));
}
