//! What the columns of a file mean: a mapping is data, in TOML, and makes requests of rows.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::address::Address;
use super::template::Template;
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;

/// The mappings that come with the program.
pub const BUILT_IN: &[(&str, &str)] = &[("sf311", include_str!("sf311.toml"))];

/// The most characters of a line and of a text (CONTRACT.md 6).
const MAX_LINE: usize = 500;
const MAX_TEXT: usize = 10_000;
/// The type of a request that does not say what is broken.
const NO_TYPE: &str = "UNCLASSIFIED";

/// What a file's columns mean. Each field is a template; a plain text is that text.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Where the requests come from; each of its ids is imported once.
    pub source: Option<String>,
    source_id: Option<Template>,
    created_at: Option<Template>,
    closed_at: Option<Template>,
    summary: Option<Template>,
    description: Option<Template>,
    account: Option<Template>,
    address: Option<Template>,
    city: Option<Template>,
    region: Option<Template>,
    incident_type: Option<Template>,
    priority: PriorityMapping,
    timezone: Option<Zone>,
    /// What stands for nothing, in any column.
    blank: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PriorityMapping {
    value: Option<Template>,
    word: Word,
    default: Option<Priority>,
    /// Where empty, the contract's own words.
    table: BTreeMap<String, Priority>,
}

/// The name of a time zone.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
struct Zone(String);

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.parse::<chrono_tz::Tz>() {
            Ok(_) => Ok(Self(name)),
            Err(_) => Err(format!("`{name}` is no time zone, such as America/Los_Angeles")),
        }
    }
}

/// Which word of a value counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    First,
    Last,
    #[default]
    All,
}

/// A row, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub line: u64,
    pub source_id: String,
    pub created_at: Timestamp,
    /// Set where the source has done with it.
    pub closed_at: Option<Timestamp>,
    pub summary: String,
    pub description: Option<String>,
    /// Blank where the row does not say.
    pub account: String,
    pub address: Address,
    pub timezone: String,
    pub incident_type: String,
    pub priority: Priority,
}

/// A row that makes no request.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    pub line: u64,
    /// As far as it could be read.
    pub source_id: String,
    pub reason: String,
}

/// The columns of a file, by name.
#[derive(Debug)]
pub struct Columns<'a>(BTreeMap<&'a str, usize>);

impl<'a> Columns<'a> {
    /// The columns in their order.
    pub fn new(names: &'a [String]) -> Self {
        Self(names.iter().enumerate().map(|(n, name)| (name.as_str(), n)).collect())
    }
}

impl Mapping {
    /// A mapping that comes with the program.
    pub fn built_in(name: &str) -> Option<Result<Self, String>> {
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| Self::parse(text))
    }

    /// Reads a mapping, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let (line, message) = crate::config::toml_error(text, &error);
            format!("line {line}: {message}")
        })
    }

    fn fields(&mut self) -> [(&'static str, &mut Option<Template>); 11] {
        [
            ("source_id", &mut self.source_id),
            ("created_at", &mut self.created_at),
            ("closed_at", &mut self.closed_at),
            ("summary", &mut self.summary),
            ("description", &mut self.description),
            ("account", &mut self.account),
            ("address", &mut self.address),
            ("city", &mut self.city),
            ("region", &mut self.region),
            ("incident_type", &mut self.incident_type),
            ("priority", &mut self.priority.value),
        ]
    }

    /// Maps a field to a column as it is.
    pub fn set(&mut self, field: &str, column: &str) -> Result<(), String> {
        let mut fields = self.fields();
        if let Some((_, place)) = fields.iter_mut().find(|(name, _)| *name == field) {
            **place = Some(Template::column(column));
            return Ok(());
        }
        let known: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        Err(format!("There is no field `{field}` to map a column to. There are: {}.", known.join(", ")))
    }

    /// Whether rows can say whose request they are.
    pub fn names_account(&self) -> bool {
        self.account.is_some()
    }

    /// Looks whether this mapping fits a file, before any row is read.
    pub fn check(&mut self, columns: &[String]) -> Result<(), String> {
        let there = columns.join(", ");
        for (field, template) in self.fields() {
            let Some(template) = template else {
                if ["source_id", "created_at", "summary"].contains(&field) {
                    return Err(format!(
                        "The mapping does not say what {field} is. Give --map {field}=COLUMN; the columns are: {there}."
                    ));
                }
                continue;
            };
            for column in template.columns() {
                match columns.iter().filter(|name| *name == column).count() {
                    1 => {}
                    0 => {
                        return Err(format!(
                            "The file has no column `{column}`, which the mapping needs for {field}. \
                             It has: {there}."
                        ));
                    }
                    many => return Err(format!("The file has {many} columns `{column}`; rename all but one.")),
                }
            }
        }
        Ok(())
    }

    /// Makes a request of a row. One from after `now` would hold up its ticket's clock, so it is
    /// rejected.
    pub fn apply(
        &self,
        line: u64,
        columns: &Columns<'_>,
        values: &[String],
        now: DateTime<Utc>,
    ) -> Result<Request, Rejected> {
        let value = |name: &str| -> &str {
            let text = columns.0.get(name).and_then(|at| values.get(*at)).map_or("", |text| text.trim());
            if self.blank.iter().any(|blank| blank.eq_ignore_ascii_case(text)) { "" } else { text }
        };
        let fill = |template: &Option<Template>| template.as_ref().map(|t| t.fill(&value)).unwrap_or_default();
        let source_id = fill(&self.source_id).trim().to_owned();
        let read = || -> Result<Request, String> {
            if source_id.is_empty() {
                return Err("It has no source_id.".to_owned());
            }
            if source_id.chars().count() > MAX_LINE || source_id.chars().any(char::is_control) {
                return Err(format!(
                    "Its source_id is longer than {MAX_LINE} characters, or holds control characters."
                ));
            }
            let created_at = moment("created_at", &fill(&self.created_at))?.ok_or("It has no created_at.")?;
            if created_at.utc() > now + TimeDelta::days(1) {
                return Err(format!("Its created_at, {created_at}, lies in the future."));
            }
            // Real data holds requests that were closed before they were created: only that one was
            // closed matters here.
            let closed_at = moment("closed_at", &fill(&self.closed_at))?;
            let summary = cut(&one_line(&fill(&self.summary)), MAX_LINE, "…");
            if summary.is_empty() {
                return Err("Its summary is empty.".to_owned());
            }
            let [account, address, city, region] =
                [&self.account, &self.address, &self.city, &self.region].map(|field| one_line(&fill(field)));
            for (name, text) in [("account", &account), ("address", &address), ("city", &city), ("region", &region)] {
                if text.chars().count() > MAX_LINE {
                    return Err(format!("Its {name} is longer than {MAX_LINE} characters."));
                }
            }
            let description = several_lines(&fill(&self.description));
            let city = if city.is_empty() { "not given" } else { city.as_str() };
            Ok(Request {
                line,
                source_id: source_id.clone(),
                created_at,
                closed_at,
                summary,
                description: Some(cut(&description, MAX_TEXT, "\n… (cut at import)")).filter(|text| !text.is_empty()),
                account,
                address: Address::parse(&address, city, Some(region.as_str()).filter(|region| !region.is_empty())),
                timezone: self.timezone.as_ref().map_or("America/Los_Angeles", |zone| &zone.0).to_owned(),
                incident_type: incident_type(&fill(&self.incident_type)),
                priority: self.priority.of(&fill(&self.priority.value)),
            })
        };
        read().map_err(|reason| Rejected { line, source_id: source_id.clone(), reason })
    }
}

impl PriorityMapping {
    fn of(&self, value: &str) -> Priority {
        let word = match self.word {
            Word::First => value.split_whitespace().next(),
            Word::Last => value.split_whitespace().next_back(),
            Word::All => Some(value.trim()),
        };
        let word = word.unwrap_or_default();
        let found = if self.table.is_empty() {
            Priority::parse(&word.to_uppercase())
        } else {
            self.table.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, priority)| *priority)
        };
        found.or(self.default).unwrap_or(Priority::Routine)
    }
}

/// A moment with its zone; absent where blank. Before 1970 nothing was exported.
fn moment(field: &str, text: &str) -> Result<Option<Timestamp>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match Timestamp::parse(text).filter(|at| at.millis() >= 0) {
        Some(at) => Ok(Some(at)),
        None => Err(format!(
            "Its {field}, `{}`, is no date and time with a zone, such as 2026-11-21 08:30:00+00:00.",
            cut(&one_line(text), 60, "…")
        )),
    }
}

/// Upper case with underscores.
fn incident_type(text: &str) -> String {
    let words: Vec<String> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_uppercase).collect();
    if words.is_empty() { NO_TYPE.to_owned() } else { words.join("_") }
}

/// White space and control characters folded to single spaces.
fn one_line(text: &str) -> String {
    let apart = |c: char| c.is_whitespace() || c.is_control();
    text.split(apart).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Line ends kept as newlines, other control characters but tabs made spaces.
fn several_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', " ").trim().to_owned()
}

/// At most so many characters, the note included where something was cut.
fn cut(text: &str, most: usize, note: &str) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - note.chars().count()).collect();
    format!("{}{note}", kept.trim_end())
}

#[cfg(test)]
mod tests;
