//! Records of the directory, as a list shows them.

use serde_json::{Map, Value, json};

use super::Scene;
use super::pick::{Item, Mark};
use crate::domain::directory::Kind;
use crate::domain::ticket::{Technician, normalise_service_type};

/// A kind of records, narrowed by what other fields say.
#[derive(Debug)]
pub struct Records {
    pub kind: Kind,
    /// Whether a technician is wanted for the ticket's job.
    is_for_job: bool,
    narrowed: Map<String, Value>,
}

/// The last digits of a number that reaches somebody; the rest is nobody's business.
pub fn masked(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    let last: String = digits.iter().skip(digits.len().saturating_sub(4)).collect();
    if digits.len() > 4 { format!("•••{last}") } else { "•••".to_owned() }
}

fn text<'a>(record: &'a Value, name: &str) -> &'a str {
    record.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn joined<'a>(parts: impl IntoIterator<Item = &'a str>, between: &str) -> String {
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(between)
}

impl Records {
    pub fn new(kind: Kind) -> Self {
        Self { kind, is_for_job: false, narrowed: Map::new() }
    }

    /// Technicians for the ticket's job.
    pub fn for_job() -> Self {
        Self { is_for_job: true, ..Self::new(Kind::Technicians) }
    }

    /// Takes what another field says; whether it matters here.
    pub fn narrow(&mut self, name: &str, value: Option<&Value>) -> bool {
        let matters =
            matches!((self.kind, name), (Kind::Sites, "account_id") | (Kind::Assets | Kind::Contacts, "site_id"));
        if !matters || self.narrowed.get(name) == value {
            return false;
        }
        match value {
            Some(value) => self.narrowed.insert(name.to_owned(), value.clone()),
            None => self.narrowed.shift_remove(name),
        };
        true
    }

    /// What `directory.search` is asked.
    pub fn query(&self, words: Option<&str>) -> Value {
        let mut query = self.narrowed.clone();
        if let Some(words) = words {
            query.insert("q".to_owned(), words.chars().take(500).collect::<String>().into());
        }
        query.insert("limit".to_owned(), json!(50));
        Value::Object(query)
    }

    /// One of them, in words.
    pub fn one(&self) -> &'static str {
        match (self.kind, self.narrowed.is_empty()) {
            (Kind::Accounts, _) => "account",
            (Kind::Sites, true) => "site",
            (Kind::Sites, false) => "site of this account",
            (Kind::Contacts, true) => "contact",
            (Kind::Contacts, false) => "contact of this site",
            (Kind::Assets, true) => "asset",
            (Kind::Assets, false) => "asset of this site",
            (Kind::Technicians, _) => "technician",
        }
    }

    /// A record as an entry of the list.
    pub fn item(&self, record: &Value, scene: &Scene<'_>) -> Option<Item> {
        let value = record.get("id").filter(|id| id.is_string())?.clone();
        let named =
            |label: &str| if label.trim().is_empty() { text(record, "id").to_owned() } else { label.to_owned() };
        let (label, note) = match self.kind {
            Kind::Accounts => (named(text(record, "name")), text(record, "id").chars().take(8).collect()),
            Kind::Sites => {
                let place = ["address1", "city", "region"].map(|name| text(record, name));
                (named(text(record, "name")), joined(place, ", "))
            }
            Kind::Contacts => {
                let phone = Some(text(record, "phone")).filter(|phone| !phone.is_empty()).map(masked);
                let parts = [text(record, "role"), phone.as_deref().unwrap_or_default()];
                (named(text(record, "name")), joined(parts, " · "))
            }
            Kind::Assets => {
                let name = joined(["type", "tag"].map(|name| text(record, name)), " ");
                (named(&name), joined(["make", "model", "serial"].map(|name| text(record, name)), " "))
            }
            Kind::Technicians => (named(text(record, "name")), about_technician(record)),
        };
        let mark = self.is_for_job.then(|| unfit(record, scene)).flatten().map(Mark::Unfit);
        Some(Item { value, label, note, mark, record: record.clone() })
    }
}

fn about_technician(record: &Value) -> String {
    let words = |name: &str| -> Vec<&str> {
        record.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let load = record.get("active_load").and_then(Value::as_i64);
    let jobs = load.map(|jobs| format!("{jobs} {}", if jobs == 1 { "job" } else { "jobs" }));
    let mut regions = words("regions");
    if !regions.contains(&text(record, "home_region")) {
        regions.insert(0, text(record, "home_region"));
    }
    let parts = [jobs.unwrap_or_default(), joined(regions, " "), words("skills").join(" ")];
    joined(parts.iter().map(String::as_str), " · ")
}

/// Why the engine would not send this technician to the ticket's job.
fn unfit(record: &Value, scene: &Scene<'_>) -> Option<String> {
    let technician: Technician = serde_json::from_value(record.clone()).ok()?;
    if !technician.active {
        return Some("not active".to_owned());
    }
    let kind = scene.ticket("incident_type").and_then(Value::as_str).filter(|kind| !kind.trim().is_empty());
    let service = kind.or_else(|| scene.ticket("summary").and_then(Value::as_str)).map(normalise_service_type)?;
    if technician.matching_skill(&service).is_none() {
        return Some(format!("no skill for {service}"));
    }
    let region = scene.case?.get("site")?.get("region")?.as_str()?.trim().to_uppercase();
    (!region.is_empty() && !technician.covers(&region)).then(|| format!("not in region {region}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::field::Control;
    use crate::cockpit::form::field::pick::{Pick, Source};
    use crate::cockpit::form::testing::{Stage, answer_lookup, type_into};

    fn technicians() -> Vec<Value> {
        let technician = |id: &str, name: &str, skill: &str, region: &str, active: bool| {
            json!({"id": id, "name": name, "active": active, "home_region": region, "phone": null,
                   "skills": [skill], "regions": [], "availability": [], "active_load": 3})
        };
        vec![
            technician("t-far", "B. Far", "DOOR_WONT_LATCH", "EAST", true),
            technician("t-gone", "C. Gone", "DEFAULT", "WEST", false),
            technician("t-ortiz", "R. Ortiz", "DOOR_WONT_LATCH", "WEST", true),
            technician("t-wu", "J. Wu", "GLAZING", "WEST", true),
        ]
    }

    #[test]
    fn technicians_whom_the_engine_would_refuse_say_so_and_come_last() {
        let stage = Stage::new();
        let mut pick = Pick::new(Source::Records(Records::for_job()), false, 500);
        let asks = stage.scene(|scene| pick.learn(scene));
        answer_lookup(&mut pick, &asks, technicians(), &stage);
        let lines = stage.lines(&pick, 90);
        assert!(lines[1].contains("R. Ortiz") && lines[1].contains("3 jobs · WEST · DOOR_WONT_LATCH"), "{lines:#?}");
        for (name, why) in
            [("Far", "✗ not in region WEST"), ("Gone", "✗ not active"), ("Wu", "✗ no skill for DOOR_WONT_LATCH")]
        {
            assert!(lines.iter().any(|line| line.contains(name) && line.contains(why)), "{lines:#?}");
        }
        type_into(&mut pick, "down enter", &stage);
        assert_eq!(pick.value(), Ok(Some(json!("t-ortiz"))));
    }

    #[test]
    fn typing_looks_up_after_a_rest_and_only_the_newest_answer_counts() {
        let stage = Stage::new();
        let mut pick = Pick::new(Source::Records(Records::for_job()), false, 500);
        let first = stage.scene(|scene| pick.learn(scene));
        answer_lookup(&mut pick, &first, technicians()[..1].to_vec(), &stage);
        let took = type_into(&mut pick, "ort", &stage);
        assert!(pick.value().is_err());
        let early = type_into(&mut pick, "enter", &stage);
        assert!(!early.is_done && pick.value().is_err(), "what was listed before is not what was typed");
        let asks = crate::cockpit::form::testing::due(&mut pick, &took.asks, &stage);
        assert!(format!("{asks:?}").contains("\"q\": String(\"ort\")"), "{asks:?}");
        answer_lookup(&mut pick, &first, vec![], &stage);
        answer_lookup(&mut pick, &asks, technicians()[2..3].to_vec(), &stage);
        takes_the_only_one(&mut pick, &stage);
        // Typing on replaces the choice as a whole.
        type_into(&mut pick, "z", &stage);
        assert_eq!(pick.draft(), json!({"text": "z"}));
    }

    fn takes_the_only_one(pick: &mut Pick, stage: &Stage) {
        assert!(type_into(pick, "enter", stage).is_done);
        assert_eq!(pick.value(), Ok(Some(json!("t-ortiz"))));
        assert_eq!(pick.record().unwrap()["name"], "R. Ortiz");
        let draft = pick.draft();
        let mut again = Pick::new(Source::Records(Records::for_job()), false, 500);
        stage.scene(|scene| again.restore(&draft, scene));
        assert_eq!((again.value(), again.draft()), (pick.value(), draft));
    }

    #[test]
    fn the_site_whose_name_is_nearest_to_what_was_typed_comes_first() {
        let stage = Stage::new();
        let mut pick = Pick::new(Source::Records(Records::new(Kind::Sites)), false, 500);
        let site = |id: &str, name: &str| json!({"id": id, "name": name, "address1": "9 Annex Rd", "city": "San Pier Anselmo"});
        let sites = || {
            vec![
                site("s-1", "Depot"),
                site("s-2", "Pier 9"),
                site("s-3", "Annex of Pier 9"),
                site("s-4", "The Pier 9 Annex"),
                site("s-5", "Pier 9 Annex"),
            ]
        };
        let asks = stage.scene(|scene| pick.learn(scene));
        answer_lookup(&mut pick, &asks, sites(), &stage);
        let took = type_into(&mut pick, "pier space 9 space an", &stage);
        let asks = crate::cockpit::form::testing::due(&mut pick, &took.asks, &stage);
        answer_lookup(&mut pick, &asks, sites(), &stage);
        let lines = stage.lines(&pick, 60);
        let names = ["› Pier 9 Annex", "  The Pier 9 Annex", "  Annex of Pier 9", "  Depot", "  Pier 9 "];
        for (line, name) in lines[1..].iter().zip(names) {
            assert!(line.starts_with(name), "{lines:#?}");
        }
        type_into(&mut pick, "enter", &stage);
        assert_eq!(pick.value(), Ok(Some(json!("s-5"))));
    }

    #[test]
    fn where_nothing_is_found_it_says_so_and_how_to_add_one() {
        let stage = Stage::new();
        let mut pick = Pick::new(Source::Records(Records::new(Kind::Accounts)), false, 500);
        let took = type_into(&mut pick, "Acme", &stage);
        let asks = crate::cockpit::form::testing::due(&mut pick, &took.asks, &stage);
        answer_lookup(&mut pick, &asks, Vec::new(), &stage);
        let said = "No account is called Acme. esc, then d adds one.";
        assert_eq!(pick.value(), Err(said.to_owned()));
        assert_eq!(stage.lines(&pick, 60)[1].trim(), said);
    }

    #[test]
    fn sites_follow_their_account() {
        let stage = Stage::new();
        let mut pick = Pick::new(Source::Records(Records::new(Kind::Sites)), false, 500);
        let site = json!({"id": "s-1", "name": "Main St Store", "account_id": "a-1", "city": "Oakland"});
        let asks = stage.scene(|scene| pick.learn(scene));
        answer_lookup(&mut pick, &asks, vec![site], &stage);
        type_into(&mut pick, "down enter", &stage);
        let same = stage.scene(|scene| pick.narrow("account_id", Some(&json!("a-1")), scene));
        assert!(!same.is_changed && format!("{:?}", same.asks).contains("a-1"));
        let other = stage.scene(|scene| pick.narrow("account_id", Some(&json!("a-2")), scene));
        assert!(other.is_changed);
        assert_eq!(pick.value(), Ok(None));
    }

    #[test]
    fn numbers_are_masked() {
        assert_eq!([masked("+1 510 555 0142"), masked("12")], ["•••0142", "•••"]);
    }
}
