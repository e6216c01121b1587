//! The company's master data, one record after the other, each by a call of its own.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::fill::request_id;
use super::people::{self, TECHNICIANS};
use super::places::{ACCOUNTS, Account, Site};
use super::random::Random;
use super::story::{Contact, Place};
use super::{DemoError, growth};
use crate::domain::actor::Role;
use crate::domain::ticket::{self, Technician};
use crate::domain::time::Timestamp;
use crate::engine::{Call, Caller, Desk, Engine, Known};

/// How old the master data is, in minutes: older than the oldest ticket.
const AGE: i64 = 800 * 24 * 60;

/// Adds master data, one record after the other.
#[derive(Debug)]
pub struct Master<'e> {
    engine: &'e Engine,
    seed: u64,
    /// The time of the next record.
    at: Timestamp,
    manager: Caller,
    pub calls: usize,
    /// What is there so far, as rules see it.
    pub known: Known,
    pub accounts: usize,
    pub places: Vec<Place>,
    pub crew: Vec<Technician>,
}

impl<'e> Master<'e> {
    /// Nothing yet; the first record is made long before `now`.
    pub fn new(engine: &'e Engine, seed: u64, now: Timestamp) -> Self {
        Self {
            engine,
            seed,
            at: now.plus_minutes(-AGE),
            manager: people::caller("maria", Role::Dispatcher),
            calls: 0,
            known: Known::default(),
            accounts: 0,
            places: Vec::new(),
            crew: Vec::new(),
        }
    }

    /// The customers and technicians of the day.
    pub async fn day(&mut self) -> Result<(), DemoError> {
        let mut random = Random::new(self.seed ^ 0x5eed_0f9e_0b1e);
        for account in &ACCOUNTS {
            self.account(account, account.sites, true, &mut random).await?;
        }
        for tech in &TECHNICIANS {
            self.technician(known_technician(tech), tech.hours, &mut random).await?;
        }
        Ok(())
    }

    /// More of both.
    pub async fn grow(&mut self, sites: usize, technicians: usize) -> Result<(), DemoError> {
        let mut random = Random::of(self.seed, 0x9e0);
        for (account, sites) in growth::accounts(sites) {
            self.account(&account, &sites, false, &mut random).await?;
        }
        for n in 0..technicians {
            let (technician, hours) = growth::technician(n);
            self.technician(technician, hours, &mut random).await?;
        }
        Ok(())
    }

    /// Adds a customer with its sites, and doors that are on record where that is wanted.
    async fn account(
        &mut self,
        account: &Account,
        sites: &[Site],
        has_assets: bool,
        random: &mut Random,
    ) -> Result<(), DemoError> {
        let id = self.add("accounts", json!({"name": account.name})).await?;
        self.accounts += 1;
        for site in sites {
            self.place(account, id, site, has_assets, random).await?;
        }
        Ok(())
    }

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
        account: &Account,
        account_id: Uuid,
        site: &Site,
        has_assets: bool,
        random: &mut Random,
    ) -> Result<(), DemoError> {
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
        if has_assets {
            let door = random.index(5);
            let asset = asset(account.doors[door], id, door, random);
            let asset = self.add("assets", asset).await?;
            self.known.asset(asset, id);
            assets.push((door, asset));
        }
        let place = Place {
            id,
            account_id,
            doors: account.doors,
            name: site.name.to_string(),
            city: site.city,
            region: site.region,
            timezone: site.timezone(),
            contact,
            assets,
        };
        self.known.site(site_of(&place));
        self.places.push(place);
        Ok(())
    }

    async fn technician(
        &mut self,
        tech: Technician,
        (from, to): (&str, &str),
        random: &mut Random,
    ) -> Result<(), DemoError> {
        let week: Vec<Value> = (0..7).map(|day| json!({"weekday": day, "start_time": from, "end_time": to})).collect();
        let payload = json!({
            "id": tech.id,
            "name": tech.name,
            "active": tech.active,
            "home_region": tech.home_region,
            "phone": phone(area_code(tech.home_region.as_deref().unwrap_or_default()), random),
            "email": format!("{}@harbordoors.example", tech.id.trim_start_matches("t-")),
            "skills": tech.skills,
            "regions": tech.regions,
            "availability": week,
        });
        self.upsert("technicians", payload).await?;
        self.known.technician(tech.clone());
        self.crew.push(tech);
        Ok(())
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
fn known_technician(tech: &people::Technician) -> Technician {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    Technician {
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
        name: place.name.clone(),
        city: place.city.to_owned(),
        region: Some(place.region.to_owned()),
        timezone: place.timezone.to_owned(),
    }
}
