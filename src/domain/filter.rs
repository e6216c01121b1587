//! The filter language of the queue: `state:new,triaged -tech:ortiz age:>2h "pier 9"`.
//!
//! Plain words are looked for in every column, and found where letters are left out: `prk` finds Park.
//! `field:value` narrows one. All fields must fit; commas
//! inside one separate what may, a minus in front turns it round, quotes hold spaces together. `age:`
//! counts from creation.

use std::cell::RefCell;

use chrono::TimeDelta;
use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use uuid::Uuid;

use super::queue::Row;
use super::refusal::{Code, Refusal};
use super::sla::{SlaClock, SlaStatus};
use super::state::{Phase, State};
use super::time::Timestamp;
use super::words::{Priority, words};

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
    Word(Word),
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
    let Some((name, values)) = text.split_once(':') else { return Ok(Term::Word(Word::new(text))) };
    let Some(field) = Field::parse(&name.to_lowercase()) else {
        if name.chars().all(|c| c.is_ascii_alphabetic()) {
            let all: Vec<_> = Field::ALL.iter().map(|field| field.as_str()).collect();
            return Err(wrong(format!("The filter does not know the field `{name}:`. There are: {}.", all.join(", "))));
        }
        return Ok(Term::Word(Word::new(text)));
    };
    if field == Field::Age {
        return age(values);
    }
    let mut any_of: Vec<String> =
        values.split(',').map(|value| fold(value.trim())).filter(|value| !value.is_empty()).collect();
    if field == Field::Sla {
        any_of.iter_mut().for_each(as_the_contract_says);
    }
    if any_of.is_empty() {
        return Err(wrong(format!("The filter's `{field}:` says nothing. Write {field}:value.")));
    }
    // A misspelt word of a short list would look like a list without work.
    if let Some(known) = known(field)
        && let Some(other) = any_of.iter().find(|value| !is_known(field, value, &known))
    {
        return Err(wrong(format!("{field}: knows no `{other}`. There are: {}.", known.join(", "))));
    }
    Ok(Term::Field { field, any_of })
}

/// The words of the cockpit's header are understood too.
fn as_the_contract_says(sla: &mut String) {
    let word = match sla.as_str() {
        "warn" => SlaStatus::Warning.as_str(),
        "ok" => SlaStatus::Healthy.as_str(),
        "done" => SlaClock::Stopped.as_str(),
        _ => return,
    };
    word.clone_into(sla);
}

/// What a field can be, where that is a short list.
fn known(field: Field) -> Option<Vec<String>> {
    let all: Vec<&str> = match field {
        Field::State => ["any", "open"].into_iter().chain(State::ALL.iter().map(|state| state.as_str())).collect(),
        Field::Phase => Phase::ALL.iter().map(|phase| phase.as_str()).collect(),
        Field::Priority => Priority::ALL.iter().map(|priority| priority.as_str()).collect(),
        Field::Sla => {
            let status = SlaStatus::ALL.iter().map(|status| status.as_str());
            ["any"].into_iter().chain(status).chain(SlaClock::ALL.iter().map(|clock| clock.as_str())).collect()
        }
        _ => return None,
    };
    Some(all.into_iter().map(str::to_lowercase).collect())
}

/// Whether a value, as they are compared, is one of them: of priorities the beginning is enough.
fn is_known(field: Field, value: &str, known: &[String]) -> bool {
    match field {
        Field::Priority => value == "emr" || known.iter().any(|word| word.starts_with(value)),
        _ => known.iter().any(|word| fold(word) == *value),
    }
}

/// As values are compared: lower case, spaces and underscores alike.
fn fold(text: &str) -> String {
    text.to_lowercase().replace('_', " ")
}

/// What a filter can look at in a row.
pub trait Columns {
    fn number(&self) -> &str;
    fn state(&self) -> State;
    fn priority(&self) -> Priority;
    fn incident_type(&self) -> Option<&str>;
    fn summary(&self) -> &str;
    fn site_id(&self) -> Uuid;
    fn site_name(&self) -> &str;
    fn site_city(&self) -> &str;
    fn region(&self) -> Option<&str>;
    fn account_id(&self) -> Uuid;
    fn account_name(&self) -> &str;
    fn tech_id(&self) -> Option<&str>;
    fn tech_name(&self) -> Option<&str>;
    fn provider_id(&self) -> Option<Uuid>;
    fn created_at(&self) -> Timestamp;
    fn sla(&self, now: Timestamp) -> (SlaStatus, SlaClock);
}

impl Columns for Row {
    fn number(&self) -> &str {
        &self.number
    }
    fn state(&self) -> State {
        self.state
    }
    fn priority(&self) -> Priority {
        self.priority
    }
    fn incident_type(&self) -> Option<&str> {
        self.incident_type.as_deref()
    }
    fn summary(&self) -> &str {
        &self.summary
    }
    fn site_id(&self) -> Uuid {
        self.site.id
    }
    fn site_name(&self) -> &str {
        &self.site.name
    }
    fn site_city(&self) -> &str {
        &self.site.city
    }
    fn region(&self) -> Option<&str> {
        self.site_region.as_deref()
    }
    fn account_id(&self) -> Uuid {
        self.account_id
    }
    fn account_name(&self) -> &str {
        &self.account_name
    }
    fn tech_id(&self) -> Option<&str> {
        self.assigned_tech.as_deref()
    }
    fn tech_name(&self) -> Option<&str> {
        self.assigned_tech_name.as_deref()
    }
    fn provider_id(&self) -> Option<Uuid> {
        self.assigned_provider_id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn sla(&self, _now: Timestamp) -> (SlaStatus, SlaClock) {
        (self.sla_status, self.sla_clock)
    }
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

    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a row is shown.
    pub fn shows(&self, row: &impl Columns, now: Timestamp) -> bool {
        self.0.iter().all(|(wanted, term)| term.fits(row, now) == *wanted)
    }

    /// The same with the words left out: for rows that the database found by them, in columns that a row
    /// does not have.
    pub fn shows_but_for_words(&self, row: &impl Columns, now: Timestamp) -> bool {
        let terms = self.0.iter().filter(|(wanted, term)| !*wanted || !matches!(term, Term::Word(_)));
        terms.into_iter().all(|(wanted, term)| term.fits(row, now) == *wanted)
    }

    /// Whether what it shows changes with time alone.
    pub fn depends_on_time(&self) -> bool {
        self.0.iter().any(|(_, term)| matches!(term, Term::Age { .. } | Term::Field { field: Field::Sla, .. }))
    }

    /// The words it looks for, as the database is asked for them.
    pub fn words(&self) -> Vec<&str> {
        let words = self.0.iter().filter(|(wanted, _)| *wanted);
        words
            .filter_map(|(_, term)| if let Term::Word(word) = term { Some(word.text.as_str()) } else { None })
            .collect()
    }

    /// The terminal states that it names, which no list of open work holds.
    pub fn closed_states(&self) -> Vec<State> {
        let named = |state: &State| {
            self.0.iter().any(|(wanted, term)| match term {
                Term::Field { field: Field::State, any_of } if *wanted => {
                    any_of.iter().any(|value| value == "any" || *value == fold(state.as_str()))
                }
                Term::Field { field: Field::Phase, any_of } if *wanted => {
                    any_of.iter().any(|value| *value == fold(state.phase().as_str()))
                }
                _ => false,
            })
        };
        State::ALL.iter().copied().filter(|state| state.is_terminal()).filter(named).collect()
    }
}

/// A word, ready to be looked for.
#[derive(Debug, Clone, PartialEq)]
struct Word {
    text: String,
    /// Only one.
    is_letter: bool,
    sought: Atom,
    /// As words of the contract are written, with underscores.
    as_constant: Option<Atom>,
}

thread_local! {
    /// Its scratch memory is large, so it is made once.
    static MATCHER: RefCell<Matcher> = RefCell::new(Matcher::new(Config::DEFAULT));
}

impl Word {
    fn new(text: &str) -> Self {
        let atom = |text: &str| Atom::new(text, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy, false);
        let as_constant = text.contains(' ').then(|| atom(&text.replace(' ', "_")));
        Self { text: text.to_lowercase(), is_letter: text.chars().count() == 1, sought: atom(text), as_constant }
    }

    /// What a match must be worth: its letters all there, in one piece or nearly so. Every letter counts
    /// 16, one that follows its predecessor 4 more, a gap costs 3 and more.
    fn worth(&self) -> u16 {
        let letters = u16::try_from(self.text.chars().count()).unwrap_or(u16::MAX / 17);
        letters.saturating_mul(17).saturating_sub(1)
    }

    fn is_in(&self, text: &str, atom: &Atom) -> bool {
        let (mut room, mut places) = (Vec::new(), Vec::new());
        let text = Utf32Str::new(text, &mut room);
        MATCHER.with_borrow_mut(|matcher| {
            let is_worth = atom.score(text, matcher).is_some_and(|score| score >= self.worth());
            // A letter alone is near itself: where it stands need not be found, which takes longer.
            is_worth && (self.is_letter || atom.indices(text, matcher, &mut places).is_some())
        }) && is_near(text, &places)
    }

    fn fits(&self, row: &impl Columns) -> bool {
        let constant = self.as_constant.as_ref().unwrap_or(&self.sought);
        let constants = [Some(row.state().as_str()), Some(row.priority().as_str()), row.incident_type()];
        let texts = [
            Some(row.number()),
            Some(row.site_name()),
            Some(row.summary()),
            Some(row.account_name()),
            row.tech_name(),
            Some(row.site_city()),
            row.region(),
            row.tech_id(),
        ];
        texts.into_iter().flatten().any(|text| self.is_in(text, &self.sought))
            || constants.into_iter().flatten().any(|text| self.is_in(text, constant))
    }
}

/// Whether letters were found as one who leaves some out would write them: close together (two of them side by side), or
/// each where a word begins. Scattered over a long text nearly every word can be found.
fn is_near(text: Utf32Str<'_>, places: &[u32]) -> bool {
    let (Some(first), Some(last), Ok(letters)) = (places.first(), places.last(), u32::try_from(places.len())) else {
        return true;
    };
    let left_out = last + 1 - first - letters;
    let begins = |at: &u32| at.checked_sub(1).is_none_or(|before| !text.get(before).is_alphanumeric());
    left_out <= if letters > 2 { letters } else { 0 } || places.iter().all(begins)
}

impl Term {
    fn fits(&self, row: &impl Columns, now: Timestamp) -> bool {
        match self {
            Self::Age { older, than } => (now.utc() - row.created_at().utc() > *than) == *older,
            Self::Field { field, any_of } => any_of.iter().any(|value| field_fits(*field, value, row, now)),
            Self::Word(word) => word.fits(row),
        }
    }
}

fn field_fits(field: Field, value: &str, row: &impl Columns, now: Timestamp) -> bool {
    let is = |text: &str| fold(text) == value;
    let has = |text: Option<&str>| text.is_some_and(|text| fold(text).contains(value));
    match field {
        Field::State => value == "any" || value == "open" && !row.state().is_terminal() || is(row.state().as_str()),
        Field::Phase => is(row.state().phase().as_str()),
        Field::Priority => {
            row.priority().as_str().to_lowercase().starts_with(value)
                || value == "emr" && row.priority() == Priority::Emergency
        }
        Field::Sla => {
            let (status, clock) = row.sla(now);
            value == "any" || is(status.as_str()) || is(clock.as_str())
        }
        Field::Technician => match (row.tech_id(), value) {
            (None, "none" | "-") => true,
            (id, _) => has(id) || has(row.tech_name()),
        },
        Field::Site => has(Some(row.site_name())) || has(Some(row.site_city())) || is(&row.site_id().to_string()),
        Field::Account => has(Some(row.account_name())) || is(&row.account_id().to_string()),
        Field::Incident => has(row.incident_type()),
        Field::Region => row.region().is_some_and(is),
        Field::Provider => row.provider_id().is_some_and(|id| is(&id.to_string())),
        // Understood as a term of its own.
        Field::Age => false,
    }
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
    fn a_misspelt_word_of_a_short_list_is_named_and_not_a_list_without_work() {
        for wrong in ["state:banana", "pri:emergancy", "sla:foo", "phase:here", "-state:new,nwe"] {
            let refusal = RowFilter::parse(wrong).unwrap_err();
            assert!(refusal.message().contains("There are: "), "{wrong}: {}", refusal.message());
        }
        assert!(RowFilter::parse("site:banana tech:nobody incident:what state:ANY phase:onsite pri:urg").is_ok());
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
            "storfront",
            "ortz",
            "\"on site\"",
            "PIER",
            "sla:warn,breach",
            "css",
            "hf",
        ] {
            assert!(shows(yes), "{yes}");
        }
        for no in [
            "state:new",
            "-pri:emr",
            "tech:none",
            "region:c",
            "age:<2h",
            "window",
            "-storefront",
            "provider:x",
            "storxfront",
            "zzz",
            "sla:ok",
            "sla:done",
            // Its letters are all in the summary, far from each other.
            "cost",
            "ct",
        ] {
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
