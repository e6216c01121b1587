//! The queue of promises: its rows, its filters, and what may be done from it (CONTRACT.md 9.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::actor::{Actor, Role};
use super::judge;
use super::policy::Policy;
use super::refusal::{Code, Refusal};
use super::registry;
use super::sla::{self, Delay, Rank, SlaClock, SlaStatus};
use super::state::State;
use super::time::Timestamp;
use super::tool::Tool;
use super::words::Priority;

/// Rows a page holds where nobody says, and the most it may.
pub const DEFAULT_LIMIT: u32 = 200;
/// The most rows a page may hold.
pub const MAX_LIMIT: u32 = 1_000;

/// A list as callers give it: an array, or words with commas between.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Words {
    Many(#[schemars(length(max = 200), inner(length(max = 500)))] Vec<String>),
    One(#[schemars(length(max = 10_000))] String),
}

impl Words {
    /// The words, trimmed; empty ones are nothing.
    fn each(&self) -> Vec<String> {
        let parts: Vec<&str> = match self {
            Self::Many(words) => words.iter().flat_map(|word| word.split(',')).collect(),
            Self::One(words) => words.split(',').collect(),
        };
        parts.into_iter().map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }
}

/// Which rows, as a caller asks.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
pub struct Filter {
    pub state: Option<Words>,
    pub priority: Option<Words>,
    pub incident_type: Option<Words>,
    pub sla_status: Option<Words>,
    pub account_id: Option<Words>,
    pub site_id: Option<Words>,
    pub assigned_tech_id: Option<Words>,
    /// Words, phone digits, a name or an address; over open and closed tickets.
    #[schemars(length(min = 1, max = 500))]
    pub q: Option<String>,
}

/// Which rows, as understood.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Filters {
    pub state: Vec<State>,
    pub priority: Vec<Priority>,
    pub sla_status: Vec<SlaStatus>,
    pub account_id: Vec<Uuid>,
    pub site_id: Vec<Uuid>,
    pub assigned_tech_id: Vec<String>,
    pub incident_type: Vec<String>,
    pub ticket_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
}

fn parsed<T>(
    parameter: &str,
    words: Option<&Words>,
    allowed: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    let words = words.map(Words::each).unwrap_or_default();
    words
        .iter()
        .map(|word| {
            parse(word).ok_or_else(|| {
                Refusal::new(
                    Code::InvalidQuery,
                    format!(
                        "{parameter} does not know `{}`. Allowed: {allowed}.",
                        word.chars().take(60).collect::<String>()
                    ),
                )
                .with("parameter", parameter)
                .with("allowed", allowed)
            })
        })
        .collect()
}

fn all_of(words: impl Iterator<Item = &'static str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

impl Filter {
    /// The filter as understood, or a refusal that names what is allowed.
    pub fn understood(&self, ticket_id: Option<Uuid>) -> Result<Filters, Refusal> {
        let upper = |words: Option<&Words>| -> Vec<String> {
            words.map(Words::each).unwrap_or_default().iter().map(|word| word.to_uppercase()).collect()
        };
        Ok(Filters {
            state: parsed("state", self.state.as_ref(), &all_of(State::ALL.iter().map(|s| s.as_str())), |word| {
                State::parse(&word.to_uppercase())
            })?,
            priority: parsed(
                "priority",
                self.priority.as_ref(),
                &all_of(Priority::ALL.iter().map(|s| s.as_str())),
                |word| Priority::parse(&word.to_uppercase()),
            )?,
            sla_status: parsed(
                "sla_status",
                self.sla_status.as_ref(),
                &all_of(SlaStatus::ALL.iter().map(|s| s.as_str())),
                |word| SlaStatus::parse(&word.to_lowercase()),
            )?,
            account_id: parsed("account_id", self.account_id.as_ref(), "UUIDs", |word| Uuid::try_parse(word).ok())?,
            site_id: parsed("site_id", self.site_id.as_ref(), "UUIDs", |word| Uuid::try_parse(word).ok())?,
            assigned_tech_id: self.assigned_tech_id.as_ref().map(Words::each).unwrap_or_default(),
            incident_type: upper(self.incident_type.as_ref()),
            ticket_id,
            q: self.q.as_ref().map(|q| q.trim().to_owned()).filter(|q| !q.is_empty()),
        })
    }
}

impl Filters {
    /// The states that are shown: those asked for; else all where words were asked for; else the
    /// open ones.
    pub fn states(&self) -> &[State] {
        if !self.state.is_empty() {
            &self.state
        } else if self.q.is_some() {
            State::ALL
        } else {
            State::OPEN
        }
    }
}

impl Filters {
    /// Whether a row fits, for rows that come from the change feed. Words (`q`) are looked for by
    /// the database alone.
    pub fn fits(&self, row: &Row) -> bool {
        fn any<T>(list: &[T], fits: impl Fn(&T) -> bool) -> bool {
            list.is_empty() || list.iter().any(fits)
        }
        self.states().contains(&row.state)
            && any(&self.priority, |priority| *priority == row.priority)
            && any(&self.sla_status, |status| *status == row.sla_status)
            && any(&self.account_id, |id| *id == row.account_id)
            && any(&self.site_id, |id| *id == row.site.id)
            && any(&self.assigned_tech_id, |id| Some(id) == row.assigned_tech.as_ref())
            && any(&self.incident_type, |kind| {
                row.incident_type.as_ref().is_some_and(|of_row| of_row.trim().to_uppercase() == *kind)
            })
    }
}

/// What the database gives for one row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RawRow {
    pub ticket_id: Uuid,
    pub number: String,
    pub account_id: Uuid,
    pub account_name: String,
    pub state: State,
    pub priority: Priority,
    pub incident_type: Option<String>,
    pub summary: String,
    pub site_id: Uuid,
    pub site_name: String,
    pub site_city: String,
    pub site_region: Option<String>,
    pub region_weight: i32,
    pub assigned_tech_id: Option<String>,
    pub assigned_tech_name: Option<String>,
    pub assigned_provider_id: Option<Uuid>,
    pub scheduled_start: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_event_at: Option<Timestamp>,
    pub last_transition_at: Option<Timestamp>,
    pub clock_stopped_at: Option<Timestamp>,
    pub sla_clock_start: Timestamp,
    pub version: i64,
    pub chain_seq: i64,
    /// The newest change of the ticket, its site, account and technician: opaque, never twice the same.
    pub change: String,
}

/// One row of the queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub ticket_id: Uuid,
    pub number: String,
    pub state: State,
    pub priority: Priority,
    pub incident_type: Option<String>,
    pub summary: String,
    pub site_region: Option<String>,
    pub region_weight: i32,
    pub site: RowSite,
    pub assigned_tech: Option<String>,
    pub scheduled_start: Option<Timestamp>,
    pub last_update_at: Timestamp,
    pub last_transition_at: Timestamp,
    pub sla_target_minutes: i64,
    pub sla_deadline_at: Timestamp,
    pub sla_timer_remaining_minutes: i64,
    pub sla_timer_remaining: String,
    pub sla_status: SlaStatus,
    pub sla_clock: SlaClock,
    pub sla_delay_attribution: Delay,
    pub actions: Actions,
    // Ours, beside the contract's.
    pub account_id: Uuid,
    pub account_name: String,
    pub assigned_tech_name: Option<String>,
    pub assigned_provider_id: Option<Uuid>,
    pub created_at: Timestamp,
    pub version: i64,
    pub seq: i64,
    #[serde(skip)]
    pub change: String,
    #[serde(skip)]
    pub rank: Rank,
}

/// The site, as a row shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowSite {
    pub id: Uuid,
    pub name: String,
    pub city: String,
    pub region: Option<String>,
}

impl RawRow {
    /// The row as seen at a moment by somebody.
    pub fn seen(self, now: Timestamp, policy: &Policy, actor: &Actor) -> Row {
        let stopped_at = self.clock_stopped_at.unwrap_or(self.updated_at);
        let reading = sla::read(policy, self.priority, self.state, self.sla_clock_start, stopped_at, now);
        let last_update = self.last_event_at.unwrap_or(self.updated_at);
        Row {
            rank: Rank::new(&reading, self.priority, self.region_weight, last_update, self.ticket_id),
            actions: Actions { ticket_id: self.ticket_id, state: self.state, role: actor.role },
            ticket_id: self.ticket_id,
            number: self.number,
            state: self.state,
            priority: self.priority,
            incident_type: self.incident_type,
            summary: self.summary,
            site_region: self.site_region.clone(),
            region_weight: self.region_weight,
            site: RowSite { id: self.site_id, name: self.site_name, city: self.site_city, region: self.site_region },
            assigned_tech: self.assigned_tech_id,
            scheduled_start: self.scheduled_start,
            last_update_at: last_update,
            last_transition_at: self.last_transition_at.unwrap_or(self.updated_at),
            sla_target_minutes: reading.target_minutes,
            sla_deadline_at: reading.deadline,
            sla_timer_remaining_minutes: reading.remaining_minutes,
            sla_timer_remaining: sla::hours_and_minutes(reading.remaining_minutes),
            sla_status: reading.status,
            sla_clock: reading.clock,
            sla_delay_attribution: sla::delay(self.state),
            account_id: self.account_id,
            account_name: self.account_name,
            assigned_provider_id: self.assigned_provider_id,
            assigned_tech_name: self.assigned_tech_name,
            created_at: self.created_at,
            version: self.version,
            seq: self.chain_seq,
            change: self.change,
        }
    }
}

/// What may be done straight from the queue: action id and tool, in the contract's order.
const QUEUE_ACTIONS: [(&str, &str); 6] = [
    ("schedule_propose", "schedule.propose"),
    ("schedule_confirm", "schedule.confirm"),
    ("dispatch_assignment", "assignment.dispatch"),
    ("open_timeline", "ticket.timeline"),
    ("ticket_close", "ticket.close"),
    ("ticket_cancel", "ticket.cancel"),
];

/// What may be done with a row, put into words only where it is written out: a queue holds many rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Actions {
    ticket_id: Uuid,
    state: State,
    role: Role,
}

impl Serialize for Actions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tools = QUEUE_ACTIONS.iter().filter_map(|(id, name)| Some((id, registry::find(name)?)));
        serializer.collect_seq(tools.map(|(id, tool)| action(id, tool, self.ticket_id, self.state, self.role)))
    }
}

/// One action on a ticket: whether it is possible, or the refusal that the call itself would give.
pub fn action(action_id: &str, tool: &Tool, ticket_id: Uuid, state: State, role: Role) -> Value {
    let verdict = judge::may_call(tool, role).and_then(|()| judge::admit(tool, state));
    json!({
        "action_id": action_id,
        "tool_name": tool.spec.name,
        "endpoint": tool.spec.route.replace("{id}", &ticket_id.to_string()),
        "method": tool.spec.method,
        "mutating": tool.mutating,
        "enabled": verdict.is_ok(),
        "policy_error": verdict.err().map(|refusal| refusal.as_action_error()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_as_arrays_or_with_commas_and_in_any_case() {
        let filter: Filter = serde_json::from_value(
            json!({"state": "new, triaged", "priority": ["urgent,ROUTINE", "Emergency"], "incident_type": "door"}),
        )
        .unwrap();
        let understood = filter.understood(None).unwrap();
        assert_eq!(understood.state, [State::New, State::Triaged]);
        assert_eq!(understood.priority.len(), 3);
        assert_eq!(understood.incident_type, ["DOOR"]);
    }

    #[test]
    fn an_unknown_word_is_refused_and_told_what_is_allowed() {
        let filter = Filter { sla_status: Some(Words::One("late".into())), ..Filter::default() };
        let refusal = filter.understood(None).unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidQuery);
        assert!(refusal.message().contains("breach, warning, healthy"), "{refusal}");
    }

    #[test]
    fn without_a_state_the_open_ones_are_shown_and_with_words_all() {
        assert_eq!(Filters::default().states(), State::OPEN);
        assert_eq!(Filters { q: Some("x".into()), ..Filters::default() }.states(), State::ALL);
    }
}
