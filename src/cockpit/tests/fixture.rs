//! A Saturday noon at Harbor Doors: tickets in every state, and hands on the keyboard.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cockpit::effect::Effect;
use crate::cockpit::keymap::Key;
use crate::cockpit::model::{Beginning, Model};
use crate::cockpit::msg::{CaseData, FeedNews, Msg};
use crate::cockpit::run::App;
use crate::cockpit::theme::{Depth, Themes};
use crate::cockpit::{snapshot, update};
use crate::domain::actor::{Actor, Role};
use crate::domain::policy::Bundle;
use crate::domain::queue::{RawRow, Row};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::time::Timestamp;
use crate::text::width;

/// Noon in the time of all fixtures.
pub fn noon() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00.000Z").unwrap()
}

pub fn at(seconds: i64) -> Timestamp {
    noon().plus_seconds(seconds)
}

/// A ticket that has so many seconds left at noon.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub number: u128,
    pub priority: &'static str,
    pub state: &'static str,
    pub left: i64,
    pub site: &'static str,
    pub tech: Option<&'static str>,
    pub summary: &'static str,
    pub seq: i64,
}

pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

impl Ticket {
    pub fn new(number: u128, priority: &'static str, state: &'static str, left: i64) -> Self {
        let summary = "Cannot secure storefront";
        Self { number, priority, state, left, site: "Main St Store", tech: None, summary, seq: 3 }
    }

    /// The row as it is read at a moment.
    pub fn row(&self, now: Timestamp) -> Row {
        let target = match self.priority {
            "EMERGENCY" => 60,
            "URGENT" => 240,
            _ => 1_440,
        };
        let start = noon().plus_seconds(self.left).plus_minutes(-target);
        let raw: RawRow = serde_json::from_value(json!({
            "ticket_id": id(self.number), "number": format!("T-{}", self.number), "account_id": id(1),
            "account_name": "Harbor Foods", "state": self.state, "priority": self.priority,
            "incident_type": "CANNOT_SECURE_ENTRY", "summary": self.summary,
            "site_id": Uuid::new_v5(&Uuid::NAMESPACE_OID, self.site.as_bytes()), "site_name": self.site,
            "site_city": "Oakland", "site_region": "CA", "region_weight": 190,
            "assigned_tech_id": self.tech.map(str::to_lowercase), "assigned_tech_name": self.tech,
            "assigned_provider_id": null, "scheduled_start": at(5_400), "created_at": start,
            "updated_at": at(-120), "last_event_at": at(-120), "last_transition_at": at(-600),
            "clock_stopped_at": at(-1_800), "sla_clock_start": start, "version": self.seq, "chain_seq": self.seq,
            "change": "1"
        }))
        .unwrap();
        raw.seen(now, &Bundle::embedded().policy, &Actor::local("maria", Role::Dispatcher))
    }
}

/// One of each kind that a morning has.
pub fn morning() -> Vec<Ticket> {
    let of = |number, priority, state, left, site, tech, summary| Ticket {
        site,
        tech,
        summary,
        ..Ticket::new(number, priority, state, left)
    };
    vec![
        of(10_423, "EMERGENCY", "DISPATCHED", -761, "Main St Store", Some("R. Ortiz"), "Cannot secure storefront"),
        of(10_440, "URGENT", "TRIAGED", -190, "Elm St Clinic", None, "Door won't latch"),
        of(10_431, "EMERGENCY", "IN_PROGRESS", 1_135, "Pier 9", Some("J. Wu"), "Auto operator stuck open"),
        of(10_450, "URGENT", "NEW", 2_400, "Oak Plaza", None, "Glass cracked by a cart"),
        of(10_398, "URGENT", "SCHEDULED", 13_262, "Oak Plaza", Some("A. Diaz"), "Closer leaks oil"),
        of(10_399, "ROUTINE", "APPROVAL_REQUIRED", 40_000, "Ferry Hall", Some("A. Diaz"), "Replace exit device"),
        of(10_401, "ROUTINE", "SCHEDULE_PROPOSED", 60_000, "東京タワー 支店", None, "Rekey the back office"),
        of(10_360, "URGENT", "COMPLETED_PENDING_VERIFICATION", 3_000, "Pier 9", Some("J. Wu"), "Hinge torn out"),
        of(10_355, "ROUTINE", "VERIFIED", 9_000, "Ferry Hall", Some("R. Ortiz"), "Threshold loose"),
    ]
}

pub fn rows(tickets: &[Ticket]) -> Vec<Row> {
    tickets.iter().map(|ticket| ticket.row(noon())).collect()
}

/// A case as `case.get` tells it.
pub fn case(ticket: &Ticket) -> CaseData {
    let number = format!("T-{}", ticket.number);
    let key = |key: &str, standing: &str| json!({"key": key, "standing": standing});
    let event = |seq: i64, tool: &str, before: Value, after: &str| {
        json!({
            "id": id(900 + u128::try_from(seq).unwrap()), "ticket_id": id(ticket.number), "seq": seq,
            "actor_type": "HUMAN", "actor_id": "maria", "actor_role": "dispatcher", "tool_name": tool,
            "request_id": id(77), "correlation_id": "phone-7", "before_state": before, "after_state": after,
            "payload": {"request": {"priority": "EMERGENCY", "incident_type": "CANNOT_SECURE_ENTRY"}},
            "created_at": at(seq * 60 - 3_600), "hash": "00",
        })
    };
    let case = json!({
        "generated_at": noon(),
        "ticket": {
            "id": id(ticket.number), "number": number, "account_id": id(1), "site_id": id(2), "state": ticket.state,
            "priority": ticket.priority, "incident_type": "CANNOT_SECURE_ENTRY", "summary": ticket.summary,
            "description": "The lock cylinder spins freely; the store closes at nine.", "customer_name": "Dana Reyes",
            "customer_phone": "5105550142", "customer_email": null, "nte_cents": 95_000,
            "scheduled_start": at(5_400), "scheduled_end": at(12_600), "assigned_tech_id": "r. ortiz",
            "requires_return_visit": false, "version": ticket.seq,
        },
        "site": {"id": id(2), "account_id": id(1), "name": ticket.site, "city": "Oakland", "region": "CA",
                 "timezone": "America/Los_Angeles"},
        "place": {"account_name": "Harbor Foods", "technician_name": ticket.tech, "site_name": ticket.site,
                  "address1": "12 Main St", "address2": null, "city": "Oakland", "region": "CA",
                  "postal_code": "94607", "access_instructions": "Code 4711 at the dock"},
        "open_approvals": [],
        "exceptions": [],
        "required_evidence": [
            key("note_risk_mitigation_and_customer_handoff", "missing"),
            key("photo_after_temporary_or_permanent_securement", "missing"),
            key("photo_before_security_risk", "present"),
            key("signature_or_no_signature_reason", "missing"),
        ],
        "evidence": [{
            "id": id(501), "kind": "PHOTO", "uri": "s3://jobs/before.jpg", "checksum": "3f786850e387550f",
            "metadata": {"evidence_key": "photo_before_security_risk"}, "is_immutable": false, "created_by": "r.ortiz",
            "created_at": at(-900),
        }],
        "completion": null,
        "closeout_gate": {"code": "MISSING_COMPLETION_CONTEXT", "missing_evidence_keys": [], "missing_checklist_keys": []},
        "checkpoints": {}, "actions": [],
    });
    let events = vec![
        event(1, "ticket.create", Value::Null, "NEW"),
        event(2, "ticket.triage", json!("NEW"), "TRIAGED"),
        event(3, "closeout.add_evidence", json!("TRIAGED"), "TRIAGED"),
    ];
    CaseData { case, events, chain: None }
}

/// A case, as it is read for a dispatcher.
pub fn read(ticket: u128, case: CaseData) -> Msg {
    Msg::Case { ticket: id(ticket), role: Role::Dispatcher, outcome: Ok(Arc::new(case)) }
}

/// That a case cannot be read.
pub fn unread(ticket: u128, why: &str) -> Msg {
    let outcome = Err(Refusal::new(Code::InternalError, why));
    Msg::Case { ticket: id(ticket), role: Role::Dispatcher, outcome }
}

/// A cockpit on a terminal of this size.
#[derive(Debug)]
pub struct Stage {
    pub model: Model,
    terminal: Terminal<TestBackend>,
}

impl Stage {
    /// Just started.
    pub fn opening(width: u16, height: u16) -> Self {
        let actor = Actor::local("maria", Role::Dispatcher);
        let mut beginning = Beginning::plain(actor, Bundle::embedded(), noon());
        beginning.place = "Harbor Doors & Glass".to_owned();
        beginning.themes = Themes::read(Depth::True, None);
        beginning.choices = [("hint_seen".to_owned(), json!(true))].into();
        beginning.bell = true;
        beginning.notify = true;
        let model = Model::new(beginning);
        Self { model, terminal: Terminal::new(TestBackend::new(width, height)).unwrap() }
    }

    /// With the morning's tickets on the screen.
    pub fn full(width: u16, height: u16) -> Self {
        let mut stage = Self::opening(width, height);
        stage.page(rows(&morning()));
        stage
    }

    /// With the case of the first ticket read.
    pub fn with_case(width: u16, height: u16) -> Self {
        let mut stage = Self::full(width, height);
        stage.hear(read(10_423, case(&morning()[0])));
        stage
    }

    pub fn hear(&mut self, msg: Msg) -> Vec<Effect> {
        update::update(&mut self.model, msg)
    }

    pub fn page(&mut self, rows: Vec<Row>) {
        self.hear(Msg::Feed(FeedNews::Page { rows, at: noon(), is_first: true, is_last: true }));
    }

    pub fn changes(&mut self, rows: Vec<Row>, at: Timestamp) -> Vec<Effect> {
        self.hear(Msg::Feed(FeedNews::Changes { rows, deleted: Vec::new(), at }))
    }

    /// Presses keys, with spaces between; what is no key is typed letter by letter.
    pub fn keys(&mut self, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for word in keys.split_whitespace() {
            let events: Vec<KeyEvent> = match Key::parse(word) {
                Some(key) => vec![key.event()],
                None => word.chars().filter_map(|c| Key::parse(&c.to_string())).map(Key::event).collect(),
            };
            for event in events {
                effects.extend(self.hear(Msg::Key(event)));
                self.draw();
            }
        }
        effects
    }

    pub fn click(&mut self, column: u16, row: u16) -> Vec<Effect> {
        self.draw();
        self.mouse(MouseEventKind::Down(MouseButton::Left), column, row)
    }

    pub fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) -> Vec<Effect> {
        let modifiers = crossterm::event::KeyModifiers::NONE;
        self.hear(Msg::Mouse(MouseEvent { kind, column, row, modifiers }))
    }

    pub fn draw(&mut self) {
        let Self { model, terminal } = self;
        terminal.draw(|frame| model.draw(frame)).unwrap();
    }

    /// The screen as text.
    pub fn text(&mut self) -> String {
        self.draw();
        snapshot::text(self.terminal.backend().buffer())
    }

    /// What each cell of a row of the screen shows, by the column it starts in: a wide one has the next too.
    pub fn cells(&mut self, row: u16) -> BTreeMap<u16, String> {
        self.draw();
        let buffer = self.terminal.backend().buffer();
        let (mut cells, mut column) = (BTreeMap::new(), 0);
        while column < buffer.area.width {
            let symbol = buffer.cell((column, row)).unwrap().symbol().to_owned();
            let wide = u16::try_from(width(&symbol)).unwrap().max(1);
            cells.insert(column, symbol);
            column += wide;
        }
        cells
    }

    /// The screen as text and styles.
    pub fn picture(&mut self) -> String {
        self.draw();
        snapshot::text_and_styles(self.terminal.backend().buffer())
    }

    /// The number of the ticket under the cursor.
    pub fn selected(&self) -> String {
        let row = self.model.queue.selected().and_then(|id| self.model.known.row(id));
        row.map(|line| line.number.to_string()).unwrap_or_default()
    }

    /// What was said last.
    pub fn said(&self) -> String {
        self.model.said.as_ref().map(|(text, _)| text.clone()).unwrap_or_default()
    }
}
