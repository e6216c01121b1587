//! One ticket from its creation to its invoice, every step looked at: the demo without a screen.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::image::{self, Motif};
use super::people::{self, caller};
use super::random::Random;
use super::{DemoError, jobs};
use crate::domain::actor::Role;
use crate::domain::ticket::normalise_service_type;
use crate::domain::time::Timestamp;
use crate::engine::{Call, Caller, Desk, Engine};

const INCIDENT: &str = "DOOR_WONT_LATCH";
const BEFORE: &str = "photo_before_door_edge_and_strike";
/// What the first attempt to complete must be told is missing.
const MISSING: [&str; 2] = ["note_adjustments_and_test_cycles", "photo_after_latched_alignment"];

/// One step: what was called, what should come of it, and what did.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    pub step: usize,
    pub tool: String,
    pub role: Role,
    pub actor: String,
    pub ticket: Option<String>,
    pub expected: String,
    pub got: String,
    /// The ticket's state afterwards, read back.
    pub state: Option<String>,
    pub ok: bool,
}

/// A site and a technician who can go there.
struct Pair {
    account_id: Value,
    site_id: Value,
    site_name: String,
    tech_id: String,
}

/// Drives the ticket, telling each step as it is done. Ends at the first that is not as expected.
pub async fn drive(engine: &Engine, tell: &mut dyn FnMut(&Step)) -> Result<bool, DemoError> {
    let Some(pair) = pair(engine).await? else {
        let step = Step {
            step: 0,
            tool: "directory.search".to_owned(),
            role: Role::Dispatcher,
            actor: "maria".to_owned(),
            ticket: None,
            expected: format!("an active technician who can do {INCIDENT} at one of the sites"),
            got: "none; `dispatch demo --reset` makes a new day".to_owned(),
            state: None,
            ok: false,
        };
        tell(&step);
        return Ok(false);
    };
    let technician = caller(&pair.tech_id, Role::Technician);
    let drive = Drive { engine, tell, ticket: None, number: None, steps: 0, accepted: 0 };
    let went_well = drive.all(&pair, &technician).await;
    Ok(went_well.is_some())
}

async fn records(engine: &Engine, kind: &str) -> Result<Vec<Value>, DemoError> {
    let call = Call::new(&caller("maria", Role::Dispatcher), "directory.search", Some(kind), json!({"limit": 1000}));
    let mut found = engine.call(call).await.map_err(DemoError::refused("directory.search"))?.json();
    Ok(found["records"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

/// The first pair that fits: whoever plays with the demo may have changed the people in it.
async fn pair(engine: &Engine) -> Result<Option<Pair>, DemoError> {
    let sites = records(engine, "sites").await?;
    let mut technicians = records(engine, "technicians").await?;
    technicians.sort_by_key(|tech| tech["id"] != "t-ortiz");
    let words = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(normalise_service_type).collect()
    };
    let upper = |value: &Value| value.as_str().map(|text| text.trim().to_uppercase());
    for tech in technicians.iter().filter(|tech| tech["active"] == true) {
        if !words(&tech["skills"]).iter().any(|skill| [INCIDENT, "DEFAULT"].contains(&skill.as_str())) {
            continue;
        }
        let mut regions = words(&tech["regions"]);
        regions.extend(upper(&tech["home_region"]));
        let site = sites.iter().find(|site| upper(&site["region"]).is_some_and(|region| regions.contains(&region)));
        if let (Some(site), Some(id)) = (site, tech["id"].as_str()) {
            return Ok(Some(Pair {
                account_id: site["account_id"].clone(),
                site_id: site["id"].clone(),
                site_name: site["name"].as_str().unwrap_or_default().to_owned(),
                tech_id: id.to_owned(),
            }));
        }
    }
    Ok(None)
}

struct Drive<'a> {
    engine: &'a Engine,
    tell: &'a mut dyn FnMut(&Step),
    ticket: Option<String>,
    number: Option<String>,
    steps: usize,
    accepted: u64,
}

impl Drive<'_> {
    /// Every step; none as soon as one is not as expected.
    async fn all(mut self, pair: &Pair, technician: &Caller) -> Option<()> {
        let maria = caller("maria", Role::Dispatcher);
        let now = Timestamp::new(chrono::Utc::now());
        let window = json!({"start": now.plus_minutes(60), "end": now.plus_minutes(180)});
        let create = json!({
            "account_id": pair.account_id, "site_id": pair.site_id, "summary": "Back door won't latch",
            "description": "It swings open again as soon as nobody holds it.",
            "customer_name": "Abena Webb", "contact_phone": "+1 415 555 0123",
        });
        let triage = json!({
            "priority": "URGENT", "incident_type": INCIDENT, "nte_cents": 45_000, "ready_to_schedule": true
        });
        self.accept(&maria, "ticket.create", create, "NEW").await?;
        self.accept(&maria, "ticket.triage", triage, "READY_TO_SCHEDULE").await?;
        self.accept(&maria, "schedule.propose", json!({"options": [window]}), "SCHEDULE_PROPOSED").await?;
        self.accept(&maria, "schedule.confirm", window, "SCHEDULED").await?;
        self.accept(&maria, "assignment.dispatch", json!({"tech_id": pair.tech_id}), "DISPATCHED").await?;
        let arrived = json!({"timestamp": Timestamp::new(chrono::Utc::now())});
        self.accept(technician, "tech.check_in", arrived, "IN_PROGRESS").await?;
        self.prove(technician, BEFORE, &pair.site_name).await?;
        let checklist: Map<String, Value> =
            self.engine.policy().policy.closeout.checklist_keys.iter().map(|key| (key.clone(), json!(true))).collect();
        let complete = json!({"checklist_status": checklist, "no_signature_reason": jobs::NO_SIGNATURE[0]});
        self.refuse(technician, "tech.complete", complete.clone()).await?;
        for key in MISSING {
            self.prove(technician, key, &pair.site_name).await?;
        }
        self.accept(technician, "tech.complete", complete, "COMPLETED_PENDING_VERIFICATION").await?;
        let verify = json!({"timestamp": Timestamp::new(chrono::Utc::now()), "result": "PASS"});
        self.accept(&caller(people::QA[0], Role::Qa), "qa.verify", verify, "VERIFIED").await?;
        let finance = caller(people::FINANCE, Role::Finance);
        self.accept(&finance, "billing.generate_invoice", json!({}), "INVOICED").await?;
        self.check_chain().await
    }

    async fn call(&self, who: &Caller, tool: &str, payload: Value) -> Result<Value, crate::engine::Refused> {
        let call = Call::new(who, tool, self.ticket.as_deref(), payload);
        self.engine.call(call).await.map(|reply| reply.json())
    }

    /// Where the ticket stands, as the database has it.
    async fn state(&self) -> Option<String> {
        self.ticket.as_ref()?;
        let ticket = self.call(&caller("maria", Role::Dispatcher), "ticket.get", json!({})).await.ok()?;
        ticket["state"].as_str().map(str::to_owned)
    }

    /// Tells a step; none if it is not as expected.
    fn say(&mut self, who: &Caller, tool: &str, expected: String, got: String, state: Option<String>) -> Option<()> {
        self.steps += 1;
        let ok = expected == got;
        let step = Step {
            step: self.steps,
            tool: tool.to_owned(),
            role: who.actor.role,
            actor: who.actor.id.clone(),
            ticket: self.number.clone(),
            expected,
            got,
            state,
            ok,
        };
        (self.tell)(&step);
        ok.then_some(())
    }

    /// A call that is to be accepted and to lead to a state.
    async fn accept(&mut self, who: &Caller, tool: &str, payload: Value, state: &str) -> Option<()> {
        let refused = match self.call(who, tool, payload).await {
            Ok(body) => {
                self.accepted += 1;
                if self.ticket.is_none() {
                    self.ticket = body["id"].as_str().map(str::to_owned);
                    self.number = body["number"].as_str().map(str::to_owned);
                }
                None
            }
            Err(refused) => Some(format!("refused: {refused}")),
        };
        let found = self.state().await;
        let got = refused.or_else(|| found.clone()).unwrap_or_else(|| "no ticket".to_owned());
        self.say(who, tool, state.to_owned(), got, found)
    }

    /// A completion that is to be refused because exactly the known keys are missing.
    async fn refuse(&mut self, who: &Caller, tool: &str, payload: Value) -> Option<()> {
        let told = |code: &str, requirement: &str, keys: &str| format!("refused: {code} / {requirement}: {keys}");
        let expected = told("CLOSEOUT_REQUIREMENTS_INCOMPLETE", "MISSING_EVIDENCE", &MISSING.join(", "));
        let got = match self.call(who, tool, payload).await {
            Ok(_) => "accepted".to_owned(),
            Err(refused) => {
                let text = |name: &str| refused.refusal.field(name).and_then(Value::as_str).unwrap_or("-").to_owned();
                let keys = refused.refusal.field("missing_evidence_keys").and_then(Value::as_array);
                let keys: Vec<&str> = keys.into_iter().flatten().filter_map(Value::as_str).collect();
                told(&refused.refusal.code().to_string(), &text("requirement_code"), &keys.join(", "))
            }
        };
        let found = self.state().await;
        let (expected, got) = if found.as_deref() == Some("IN_PROGRESS") {
            (expected, got)
        } else {
            (format!("{expected}, still IN_PROGRESS"), format!("{got}, now {found:?}"))
        };
        self.say(who, tool, expected, got, found)
    }

    /// A real file is kept and added under a key.
    async fn prove(&mut self, who: &Caller, key: &str, site: &str) -> Option<()> {
        let mut random = Random::new(self.accepted ^ u64::from(chrono::Utc::now().timestamp_subsec_nanos()));
        let (kind, name, bytes) = if key.starts_with("photo") {
            let photo = image::photo(Motif::of(INCIDENT), key.starts_with("photo_after"), &mut random);
            ("PHOTO", format!("{key}.png"), photo)
        } else {
            ("NOTE", format!("{key}.txt"), format!("{site}, back door\n{}\n", jobs::JOBS[0].notes[0]).into_bytes())
        };
        let tool = "closeout.add_evidence";
        let stored = match self.engine.upload(who, &bytes).await {
            Ok(stored) => stored,
            Err(refusal) => {
                return self.say(who, tool, key.to_owned(), format!("the file was refused: {refusal}"), None);
            }
        };
        let payload = json!({
            "kind": kind, "uri": stored.uri, "checksum": stored.checksum, "evidence_key": key,
            "metadata": {"file_name": name, "bytes": stored.size},
        });
        let got = match self.call(who, tool, payload).await {
            Ok(item) => {
                self.accepted += 1;
                item["metadata"]["evidence_key"].as_str().unwrap_or("no key").to_owned()
            }
            Err(refused) => format!("refused: {refused}"),
        };
        let found = self.state().await;
        self.say(who, tool, key.to_owned(), got, found)
    }

    /// The trail holds every accepted step, and its chain is whole.
    async fn check_chain(mut self) -> Option<()> {
        let auditor = caller("maria", Role::Dispatcher);
        let expected = format!("{} events, chain whole", self.accepted);
        let got = match self.engine.verify_audit(self.ticket.as_deref(), |_| ()).await {
            Ok(verdict) if verdict.broken.is_empty() => format!("{} events, chain whole", verdict.events),
            Ok(verdict) => format!("{} events, chain broken", verdict.events),
            Err(error) => error.to_string(),
        };
        let found = self.state().await;
        self.say(&auditor, "audit verify", expected, got, found)
    }
}
