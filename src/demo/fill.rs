//! Plays a day through the engine: master data by single calls, tickets as one batch.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::DemoError;
use super::people::{self, TECHNICIANS};
use super::places::{ACCOUNTS, Account, Site};
use super::random::Random;
use super::script;
use super::story::{Contact, Deed, Place, Story};
use crate::domain::actor::Role;
use crate::domain::canonical::sha256_hex;
use crate::domain::closeout::OWN_SCHEME;
use crate::domain::ticket;
use crate::domain::time::Timestamp;
use crate::domain::words::ApprovalStatus;
use crate::engine::{Bulk, BulkCall, Call, Caller, Desk, Engine, QueueQuery};

/// How old the master data is, in minutes: the company has been at work for a while.
const MASTER_AGE: i64 = 90 * 24 * 60;

/// What a day consists of.
#[derive(Debug, Clone, Copy)]
pub struct Filled {
    pub accounts: usize,
    pub sites: usize,
    pub technicians: usize,
    pub tickets: usize,
    /// Tool calls that were made.
    pub calls: usize,
    /// Evidence files that were kept.
    pub files: usize,
}

/// Fills an empty database with the day of a seed.
pub async fn fill(engine: &Engine, seed: u64) -> Result<Filled, DemoError> {
    let manager = people::caller("maria", Role::Dispatcher);
    let one = QueueQuery { limit: Some(1), ..QueueQuery::default() };
    // The database's own time: nothing may lie in its future.
    let now = engine.queue(&manager, &one).await.map_err(DemoError::of("queue"))?.generated_at;
    let mut master = Master { engine, seed, at: now.plus_minutes(-MASTER_AGE), manager, calls: 0 };
    let mut bulk = Bulk::new(engine);
    let mut places = Vec::new();
    let mut random = Random::new(seed ^ 0x5eed_0f9e_0b1e);
    for account in &ACCOUNTS {
        let id = master.add("accounts", json!({"name": account.name})).await?;
        for site in account.sites {
            places.push(master.place(account, id, site, &mut random).await?);
        }
    }
    for tech in &TECHNICIANS {
        master.technician(tech, &mut random).await?;
        bulk.technicians.insert(tech.id.to_owned(), known(tech));
    }
    for place in &places {
        bulk.sites.insert(place.id, site_of(place));
        bulk.assets.extend(place.assets.iter().map(|(_, asset)| (*asset, place.id)));
    }
    let stories = script::write(seed, now, &engine.policy().policy, &places);
    let files = keep_files(engine, &stories).await?;
    bulk.reserve(stories.len()).await?;
    let mut calls = master.calls;
    for (n, story) in stories.iter().enumerate() {
        calls += play(&mut bulk, seed, n, story)?;
    }
    let tickets = bulk.flush().await?;
    Ok(Filled { accounts: ACCOUNTS.len(), sites: places.len(), technicians: TECHNICIANS.len(), tickets, calls, files })
}

/// The request id of a step of a seed's day.
fn request_id(seed: u64, step: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("dispatch demo {seed} {step}").as_bytes())
}

/// Keeps every evidence file, several at a time: each is written through to the disk.
async fn keep_files(engine: &Engine, stories: &[Story]) -> Result<usize, DemoError> {
    let acts = stories.iter().flat_map(|story| &story.acts);
    let files: Vec<(Caller, &[u8])> = acts
        .filter_map(|act| match &act.deed {
            Deed::Proof { bytes, .. } => Some((people::caller(act.who.0, act.who.1), bytes.as_slice())),
            _ => None,
        })
        .collect();
    let kept: BTreeSet<String> = stream::iter(files)
        .map(|(caller, bytes)| async move { engine.upload(&caller, bytes).await })
        .buffer_unordered(16)
        .map_ok(|stored| stored.checksum)
        .map_err(DemoError::of("upload"))
        .try_collect()
        .await?;
    Ok(kept.len())
}

/// Plays one story; says how many calls it took.
fn play(bulk: &mut Bulk<'_>, seed: u64, n: usize, story: &Story) -> Result<usize, DemoError> {
    let mut ticket_id = None;
    for (step, act) in story.acts.iter().enumerate() {
        let (tool, payload) = match &act.deed {
            Deed::Call { tool, payload } => (*tool, payload.clone()),
            Deed::Decide { verdict, notes } => {
                let case = ticket_id.and_then(|id| bulk.case(id));
                let open = case
                    .and_then(|case| case.approvals.iter().find(|approval| approval.status == ApprovalStatus::Pending));
                let id = open.map(|approval| approval.id);
                ("approval.decide", json!({"approval_id": id, "decision": verdict, "notes": notes}))
            }
            Deed::Proof { kind, key, file, bytes } => {
                let checksum = sha256_hex(bytes);
                let payload = json!({
                    "kind": kind,
                    "uri": format!("{OWN_SCHEME}:sha256/{checksum}"),
                    "checksum": checksum,
                    "evidence_key": key,
                    "metadata": {"file_name": file, "bytes": bytes.len()},
                });
                ("closeout.add_evidence", payload)
            }
        };
        let caller = people::caller(act.who.0, act.who.1);
        let call = BulkCall {
            tool,
            ticket_id,
            payload,
            caller: &caller,
            request_id: request_id(seed, &format!("{n}/{step}")),
            at: act.at,
            source: None,
            correlation_id: None,
        };
        let body = bulk.call(&call).map_err(DemoError::of(tool))?;
        if ticket_id.is_none() {
            ticket_id = body["id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
        }
    }
    Ok(story.acts.len())
}

/// Adds master data, one record after the other.
struct Master<'e> {
    engine: &'e Engine,
    seed: u64,
    /// The time of the next record.
    at: Timestamp,
    manager: Caller,
    calls: usize,
}

impl Master<'_> {
    async fn upsert(&mut self, kind: &str, payload: Value) -> Result<Value, DemoError> {
        let id = request_id(self.seed, &format!("master/{}", self.calls));
        let call = Call::new(&self.manager, "directory.upsert", Some(kind), payload).request_id(id).at(self.at);
        let reply = self.engine.call(call).await.map_err(DemoError::refused("directory.upsert"))?;
        self.at = self.at.plus_minutes(7);
        self.calls += 1;
        Ok(reply.json())
    }

    /// Adds a record; its id.
    async fn add(&mut self, kind: &str, payload: Value) -> Result<Uuid, DemoError> {
        let record = self.upsert(kind, payload).await?;
        Ok(record["id"].as_str().and_then(|id| Uuid::try_parse(id).ok()).unwrap_or_default())
    }

    /// Adds a site, somebody to talk to there, and doors that are on record.
    async fn place(
        &mut self,
        account: &'static Account,
        account_id: Uuid,
        site: &'static Site,
        random: &mut Random,
    ) -> Result<Place, DemoError> {
        let payload = json!({
            "account_id": account_id,
            "name": site.name,
            "address1": site.address,
            "city": site.city,
            "region": site.region,
            "postal_code": site.postal_code,
            "country": "US",
            "timezone": site.timezone(),
            "access_instructions": site.access,
        });
        let id = self.add("sites", payload).await?;
        let contact = contact(account, site, random);
        let payload = json!({
            "site_id": id, "name": contact.name, "phone": contact.phone, "email": contact.mail,
            "role": random.pick(&account.roles), "escalation_level": 1,
            "is_authorized_requester": true, "is_authorized_approver": random.chance(40),
        });
        self.add("contacts", payload).await?;
        let mut assets = Vec::new();
        for door in [random.index(5)] {
            let asset = asset(account.doors[door], id, door, random);
            assets.push((door, self.add("assets", asset).await?));
        }
        Ok(Place { id, account_id, account, site, contact, assets })
    }

    async fn technician(&mut self, tech: &people::Technician, random: &mut Random) -> Result<(), DemoError> {
        let (from, to) = tech.hours;
        let week: Vec<Value> = (0..7).map(|day| json!({"weekday": day, "start_time": from, "end_time": to})).collect();
        let payload = json!({
            "id": tech.id,
            "name": tech.name,
            "active": tech.active,
            "home_region": tech.home,
            "phone": phone(area_code(tech.home), random),
            "email": format!("{}@harbordoors.example", tech.id.trim_start_matches("t-")),
            "skills": tech.skills,
            "regions": tech.regions,
            "availability": week,
        });
        self.upsert("technicians", payload).await.map(|_| ())
    }
}

fn area_code(region: &str) -> &'static str {
    match region {
        "NY" => "212",
        "TX" => "512",
        "WA" => "206",
        _ => "415",
    }
}

/// A number of the range that is kept free for stories.
fn phone(area: &str, random: &mut Random) -> String {
    format!("+1 {area} 555 01{:02}", random.between(0, 99))
}

fn contact(account: &Account, site: &Site, random: &mut Random) -> Contact {
    let (given, family) = (random.pick(&people::GIVEN), random.pick(&people::FAMILY));
    let mail = format!("{}.{}@{}", given.to_lowercase(), family.to_lowercase(), account.mail);
    Contact { name: format!("{given} {family}"), phone: phone(site.area_code(), random), mail }
}

fn asset(door: &str, site_id: Uuid, n: usize, random: &mut Random) -> Value {
    let (kind, model) = match random.between(0, 3) {
        0 => ("Automatic door", "SL-200"),
        1 => ("Hollow metal door", "HM-16"),
        2 => ("Storefront door", "AL-450"),
        _ => ("Fire door", "FD-90"),
    };
    let year = random.between(2014, 2024);
    json!({
        "site_id": site_id,
        "type": kind,
        "tag": format!("D-{:02} {door}", n + 1),
        "make": "Corvane",
        "model": model,
        "serial": format!("{model}-{}", random.between(10_000, 99_999)),
        "installed_at": format!("{year}-{:02}-15", random.between(1, 12)),
        "warranty_until": format!("{}-12-31", year + 5),
        "metadata": Map::new(),
    })
}

/// A technician as rules see one.
fn known(tech: &people::Technician) -> ticket::Technician {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    ticket::Technician {
        id: tech.id.to_owned(),
        name: tech.name.to_owned(),
        active: tech.active,
        home_region: Some(tech.home.to_owned()),
        phone: None,
        skills: words(tech.skills),
        regions: words(tech.regions),
    }
}

/// A site as rules see one.
fn site_of(place: &Place) -> ticket::Site {
    ticket::Site {
        id: place.id,
        account_id: place.account_id,
        name: place.site.name.to_owned(),
        city: place.site.city.to_owned(),
        region: Some(place.site.region.to_owned()),
        timezone: place.site.timezone().to_owned(),
    }
}
