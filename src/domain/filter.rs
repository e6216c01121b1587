//! The filter language of the queue: `state:new,triaged -tech:ortiz age:>2h "pier 9"`.
//!
//! Plain words are looked for in every column. `field:value` narrows one. All fields must fit; commas
//! inside one separate what may, a minus in front turns it round, quotes hold spaces together. `age:`
//! counts from creation.

use chrono::TimeDelta;

use super::queue::Row;
use super::refusal::{Code, Refusal};
use super::time::Timestamp;
use super::words::words;

words! {
    /// What can be narrowed.
    pub enum Field {
        State = "state",
        Phase = "phase",
        Priority = "pri",
        Sla = "sla",
        Technician = "tech",
        Site = "site",
        Account = "account",
        Incident = "incident",
        Region = "region",
        Provider = "provider",
        Age = "age",
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    Word(String),
    Field { field: Field, any_of: Vec<String> },
    Age { older: bool, than: TimeDelta },
}

/// A filter, understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowFilter(Vec<(bool, Term)>);

fn wrong(message: String) -> Refusal {
    Refusal::new(Code::InvalidQuery, message)
        .with("parameter", "filter")
        .with("allowed", Field::ALL.iter().map(|field| format!("{field}:")).collect::<Vec<_>>().join(" "))
}

/// Splits at white space outside quotes; quotes themselves are dropped.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => parts.push(String::new()),
            c => {
                if let Some(part) = parts.last_mut() {
                    part.push(c);
                }
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// `>2h`, `<30m`, `>1d`; without a sign, older.
fn age(text: &str) -> Result<Term, Refusal> {
    let (older, rest) = match text.split_at_checked(1) {
        Some((">", rest)) => (true, rest),
        Some(("<", rest)) => (false, rest),
        _ => (true, text),
    };
    let unit = rest.chars().last().unwrap_or(' ');
    let number = rest.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok()).map(i64::from);
    let than = number.and_then(|number| match unit {
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        'w' => TimeDelta::try_weeks(number),
        _ => None,
    });
    than.map(|than| Term::Age { older, than })
        .ok_or_else(|| wrong("age: is written like age:>2h, with m, h, d or w.".to_owned()))
}

fn term(text: &str) -> Result<Term, Refusal> {
    let Some((name, values)) = text.split_once(':') else { return Ok(Term::Word(text.to_lowercase())) };
    let Some(field) = Field::parse(&name.to_lowercase()) else {
        if name.chars().all(|c| c.is_ascii_alphabetic()) {
            let all: Vec<_> = Field::ALL.iter().map(|field| field.as_str()).collect();
            return Err(wrong(format!("The filter does not know the field `{name}:`. There are: {}.", all.join(", "))));
        }
        return Ok(Term::Word(text.to_lowercase()));
    };
    if field == Field::Age {
        return age(values);
    }
    let any_of: Vec<String> =
        values.split(',').map(|value| fold(value.trim())).filter(|value| !value.is_empty()).collect();
    if any_of.is_empty() {
        return Err(wrong(format!("The filter's `{field}:` says nothing. Write {field}:value.")));
    }
    Ok(Term::Field { field, any_of })
}

/// As values are compared: lower case, spaces and underscores alike.
fn fold(text: &str) -> String {
    text.to_lowercase().replace('_', " ")
}

impl RowFilter {
    /// Reads a filter, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        split(text)
            .iter()
            .map(|part| match part.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => Ok((false, term(rest)?)),
                _ => Ok((true, term(part)?)),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a row is shown.
    pub fn shows(&self, row: &Row, now: Timestamp) -> bool {
        self.0.iter().all(|(wanted, term)| term.fits(row, now) == *wanted)
    }
}

impl Term {
    fn fits(&self, row: &Row, now: Timestamp) -> bool {
        match self {
            Self::Age { older, than } => (now.utc() - row.created_at.utc() > *than) == *older,
            Self::Field { field, any_of } => any_of.iter().any(|value| field_fits(*field, value, row)),
            Self::Word(word) => {
                let columns = [
                    Some(row.number.as_str()),
                    Some(row.state.as_str()),
                    Some(row.priority.as_str()),
                    row.incident_type.as_deref(),
                    Some(&row.summary),
                    Some(&row.site.name),
                    Some(&row.site.city),
                    row.site_region.as_deref(),
                    row.assigned_tech.as_deref(),
                    row.assigned_tech_name.as_deref(),
                    Some(&row.account_name),
                ];
                columns.into_iter().flatten().any(|column| {
                    let column = column.to_lowercase();
                    column.contains(word.as_str()) || column.replace('_', " ").contains(word.as_str())
                })
            }
        }
    }
}

fn field_fits(field: Field, value: &str, row: &Row) -> bool {
    let is = |text: &str| fold(text) == value;
    let has = |text: Option<&str>| text.is_some_and(|text| fold(text).contains(value));
    match field {
        Field::State => value == "any" || value == "open" && !row.state.is_terminal() || is(row.state.as_str()),
        Field::Phase => is(row.state.phase().as_str()),
        Field::Priority => {
            row.priority.as_str().to_lowercase().starts_with(value) || value == "emr" && is_emergency(row)
        }
        Field::Sla => value == "any" || is(row.sla_status.as_str()) || is(row.sla_clock.as_str()),
        Field::Technician => match (&row.assigned_tech, value) {
            (None, "none" | "-") => true,
            (id, _) => has(id.as_deref()) || has(row.assigned_tech_name.as_deref()),
        },
        Field::Site => has(Some(&row.site.name)) || has(Some(&row.site.city)) || is(&row.site.id.to_string()),
        Field::Account => has(Some(&row.account_name)) || is(&row.account_id.to_string()),
        Field::Incident => has(row.incident_type.as_deref()),
        Field::Region => row.site_region.as_deref().is_some_and(is),
        Field::Provider => row.assigned_provider_id.is_some_and(|id| is(&id.to_string())),
        // Understood as a term of its own.
        Field::Age => false,
    }
}

fn is_emergency(row: &Row) -> bool {
    row.priority == super::words::Priority::Emergency
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::{Actor, Role};
    use crate::domain::policy::Bundle;
    use crate::domain::queue::RawRow;
    use serde_json::json;

    fn row() -> Row {
        let raw: RawRow = serde_json::from_value(json!({
            "ticket_id": "018f0000-0000-7000-8000-000000000001", "number": "T-10423",
            "account_id": "018f0000-0000-7000-8000-000000000002", "account_name": "Harbor Foods",
            "state": "ON_SITE", "priority": "EMERGENCY", "incident_type": "CANNOT_SECURE_ENTRY",
            "summary": "Cannot secure storefront", "site_id": "018f0000-0000-7000-8000-000000000003",
            "site_name": "Pier 9", "site_city": "San Francisco", "site_region": "CA", "region_weight": 190,
            "assigned_tech_id": "t-ortiz", "assigned_tech_name": "R. Ortiz", "assigned_provider_id": null,
            "scheduled_start": null, "created_at": "2026-11-21T06:00:00.000Z",
            "updated_at": "2026-11-21T06:00:00.000Z", "last_event_at": null, "last_transition_at": null,
            "clock_stopped_at": null, "sla_clock_start": "2026-11-21T06:00:00.000Z", "version": 3,
            "chain_seq": 4, "change": "77"
        }))
        .unwrap();
        raw.seen(now(), &Bundle::embedded().policy, &Actor::local("maria", Role::Dispatcher))
    }

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-21T09:00:00.000Z").unwrap()
    }

    fn shows(filter: &str) -> bool {
        RowFilter::parse(filter).unwrap().shows(&row(), now())
    }

    #[test]
    fn fields_words_and_their_negations_combine() {
        for yes in [
            "",
            "state:on_site",
            "state:new,ON_SITE",
            "phase:onsite",
            "pri:emr",
            "pri:emergency sla:breach",
            "tech:ortiz",
            "-tech:none",
            "site:\"pier 9\"",
            "account:harbor",
            "incident:secure",
            "region:ca",
            "age:>2h",
            "age:<4h",
            "-age:>1d",
            "storefront",
            "t-10423 ortiz",
            "\"cannot secure\"",
            "state:open",
        ] {
            assert!(shows(yes), "{yes}");
        }
        for no in ["state:new", "-pri:emr", "tech:none", "region:c", "age:<2h", "window", "-storefront", "provider:x"] {
            assert!(!shows(no), "{no}");
        }
    }

    #[test]
    fn a_wrong_filter_says_what_is_allowed() {
        for wrong in ["stat:new", "age:soon", "age:>2y", "state:", "age:>h"] {
            assert_eq!(RowFilter::parse(wrong).unwrap_err().code(), Code::InvalidQuery, "{wrong}");
        }
        assert!(RowFilter::parse("14:30").is_ok(), "a time of day is a word");
    }
}
