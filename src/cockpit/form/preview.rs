//! The outlook: what the engine would decide of the form as it stands.

use std::time::Duration;

use ratatui::text::{Line, Span};
use serde_json::Value;

use super::field::records::masked;
use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::envelope::Envelope;
use crate::cockpit::look::wrap;
use crate::cockpit::msg::Msg;
use crate::cockpit::part::{Ask, World};
use crate::cockpit::theme::{Role, Theme};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::state::{Phase, State};
use crate::engine::Preview;
use crate::text;

/// How long nothing changes before the engine is asked.
const REST: Duration = Duration::from_millis(120);
/// Nobody reads more lines than that beneath a form.
const MOST_LINES: usize = 12;

/// Lines of what closing would still ask for.
const ASKED: usize = 2;

/// How a form has it told.
pub struct Telling<'a> {
    /// A refusal of the form's shape is not one where something is still missing.
    pub is_unfinished: bool,
    /// Whether the form is of the closeout: what closing would still ask for is nobody's question elsewhere.
    pub is_closeout: bool,
    /// A refusal in the words of the form.
    pub told: &'a dyn Fn(&Refusal) -> String,
}

/// What came of asking.
#[derive(Debug)]
pub enum Judged {
    /// Nobody answered yet.
    Nothing,
    Accepted(Box<Preview>),
    Refused(Refusal),
    /// The database does not answer.
    Away,
}

/// The outlook of a form.
#[derive(Debug)]
pub struct Outlook {
    due: Option<Stamp>,
    asked: Option<Stamp>,
    pub judged: Judged,
    /// Whether the form changed since it was judged.
    pub is_stale: bool,
}

impl Outlook {
    pub fn new() -> Self {
        Self { due: None, asked: None, judged: Judged::Nothing, is_stale: true }
    }

    /// Something changed: asks once nothing more does.
    pub fn later(&mut self, world: &World<'_>) -> Ask {
        let stamp = world.stamp();
        self.due = Some(stamp);
        self.is_stale = true;
        Ask::Effect(Effect::After { stamp, wait: REST })
    }

    /// Whether this is the rest that was waited for.
    pub fn is_due(&mut self, msg: &Msg) -> bool {
        let is_due = matches!(msg, Msg::Due { stamp } if self.due == Some(*stamp));
        if is_due {
            self.due = None;
        }
        is_due
    }

    /// Asks now, unless nobody would answer.
    pub fn ask(&mut self, envelope: Envelope, world: &World<'_>) -> Vec<Ask> {
        if !world.is_live {
            (self.judged, self.is_stale) = (Judged::Away, false);
            return Vec::new();
        }
        let stamp = world.stamp();
        self.asked = Some(stamp);
        vec![Ask::Effect(Effect::Preview { stamp, envelope })]
    }

    /// Takes the answer, if it is to the newest question.
    pub fn hear(&mut self, msg: &Msg) -> bool {
        let Msg::Previewed { stamp, outcome } = msg else { return false };
        if self.asked != Some(*stamp) {
            return false;
        }
        self.asked = None;
        self.is_stale = self.due.is_some();
        self.judged = match outcome {
            Ok(preview) => Judged::Accepted(Box::new(preview.clone())),
            Err(refused) => Judged::of(refused.refusal.clone()),
        };
        true
    }

    /// The refusal that stands against sending, if the form did not change since.
    pub fn objection(&self) -> Option<&Refusal> {
        match &self.judged {
            Judged::Refused(refusal) if !self.is_stale && refusal.code() != Code::VersionConflict => Some(refusal),
            _ => None,
        }
    }

    /// The ticket as it would be.
    pub fn after(&self) -> Option<&Value> {
        match &self.judged {
            Judged::Accepted(preview) => Some(&preview.ticket).filter(|ticket| ticket.is_object()),
            _ => None,
        }
    }
}

impl Judged {
    pub fn of(refusal: Refusal) -> Self {
        match refusal.code() {
            Code::Unavailable => Self::Away,
            _ => Self::Refused(refusal),
        }
    }

    /// What it says, in lines.
    pub fn lines(&self, telling: &Telling<'_>, world: &World<'_>, width: usize) -> Vec<Line<'static>> {
        let theme = world.theme;
        let line = |role: Role, said: &str| -> Vec<Line<'static>> {
            wrap(said, width).into_iter().take(MOST_LINES).map(|part| Line::styled(part, theme.style(role))).collect()
        };
        match self {
            Self::Nothing => Vec::new(),
            Self::Away => line(
                Role::Warning,
                "The database does not answer: this cannot be checked now; it will be when it is back. Sending keeps it.",
            ),
            Self::Refused(refusal) if telling.is_unfinished && refusal.code() == Code::InvalidRequest => Vec::new(),
            // The form tells what happened, and judges anew.
            Self::Refused(refusal) if refusal.code() == Code::VersionConflict => Vec::new(),
            Self::Refused(refusal) => {
                let mut lines = line(Role::Error, &format!("✗ {}", (telling.told)(refusal)));
                lines.push(Line::styled(format!("  {}", refusal.code()), theme.style(Role::Muted)));
                lines
            }
            Self::Accepted(preview) => accepted(preview, telling.is_closeout, theme, width),
        }
    }
}

fn accepted(preview: &Preview, is_closeout: bool, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let word = |step: &Value, name: &str| step.get(name).and_then(Value::as_str).map(|state| state.replace('_', " "));
    let first = preview.steps.first().and_then(|step| word(step, "from_state"));
    let way: Vec<String> =
        first.into_iter().chain(preview.steps.iter().filter_map(|step| word(step, "to_state"))).collect();
    let state = preview.ticket.get("state").and_then(Value::as_str).map(|state| state.replace('_', " "));
    let mut lines = vec![match (way.split_last(), state) {
        (Some((last, before)), _) => {
            let before: String = before.iter().flat_map(|state| [state.as_str(), " → "]).collect();
            let mut spans = vec![Span::styled(before, theme.style(Role::Muted))];
            if spans.iter().all(|span| span.content.is_empty()) {
                spans = vec![Span::styled("→ ", theme.style(Role::Muted))];
            }
            spans.push(Span::styled(last.clone(), theme.style(Role::Success)));
            Line::from(spans)
        }
        (None, Some(state)) => Line::styled(format!("✓ stays {state}"), theme.style(Role::Success)),
        (None, None) => Line::styled("✓ can be sent", theme.style(Role::Success)),
    }];
    for message in &preview.messages {
        let said = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let to = match said("to") {
            "UNKNOWN_RECIPIENT" => "nobody: no number is known".to_owned(),
            number => masked(number),
        };
        for part in wrap(&format!("{} to {to}: {}", said("channel"), said("body")), width).into_iter().take(MOST_LINES)
        {
            lines.push(Line::styled(part, theme.style(Role::Text)));
        }
    }
    // What the closeout asks for is nobody's question before the work began.
    let has_begun = preview
        .ticket
        .get("state")
        .and_then(Value::as_str)
        .and_then(State::parse)
        .is_some_and(|state| matches!(state.phase(), Phase::Onsite | Phase::CloseoutPending));
    if is_closeout && has_begun && !preview.missing.is_empty() {
        let asked = asked(&preview.missing, width);
        lines.extend(asked.into_iter().map(|line| Line::styled(line, theme.style(Role::Muted))));
    }
    lines
}

/// What closing would still ask for: as much of it as a few lines hold, and how much more there is.
fn asked(missing: &[String], width: usize) -> Vec<String> {
    let said = |count: usize| {
        let more = match missing.len() - count {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let said = format!("Closing would still ask for {}{more}", missing.get(..count).unwrap_or(missing).join(", "));
        wrap(&text::plain(&said), width)
    };
    let fits = (1..=missing.len()).rev().map(said).find(|lines| lines.len() <= ASKED);
    fits.unwrap_or_else(|| said(1).into_iter().take(ASKED).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cockpit::form::testing::Stage;
    use serde_json::json;

    fn said(judged: &Judged, is_unfinished: bool) -> String {
        of_form(judged, is_unfinished, true)
    }

    fn of_form(judged: &Judged, is_unfinished: bool, is_closeout: bool) -> String {
        let telling = Telling { is_unfinished, is_closeout, told: &|refusal| refusal.finding().to_owned() };
        let lines = judged.lines(&telling, &Stage::new().world(), 60);
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_accepted_call_tells_way_messages_and_what_is_missing() {
        let preview = Preview {
            dry_run: true,
            ticket: json!({"state": "SCHEDULE_PROPOSED"}),
            steps: vec![
                json!({"from_state": "TRIAGED", "to_state": "READY_TO_SCHEDULE"}),
                json!({"from_state": "READY_TO_SCHEDULE", "to_state": "SCHEDULE_PROPOSED"}),
            ],
            messages: vec![json!({"channel": "SMS", "to": "+15105550142", "body": "Your visit\u{1b}[31m"})],
            missing: vec!["photo_after".into()],
        };
        let told = said(&Judged::Accepted(Box::new(preview)), false);
        assert!(told.contains("TRIAGED → READY TO SCHEDULE → SCHEDULE PROPOSED"), "{told}");
        assert!(told.contains("SMS to •••0142: Your visit␛[31m"), "{told}");
        assert!(!told.contains("still ask"), "the work has not begun: {told}");
        let preview = Preview {
            dry_run: true,
            ticket: json!({"state": "IN_PROGRESS"}),
            steps: Vec::new(),
            messages: Vec::new(),
            missing: vec!["photo_after".into()],
        };
        let told = said(&Judged::Accepted(Box::new(preview)), false);
        assert!(told.contains("still ask for photo_after"), "{told}");
    }

    #[test]
    fn what_closing_would_still_ask_for_is_read_to_its_end_or_counted_and_on_closeout_forms_only() {
        let keys = ["photo_before_door_edge_and_strike", "photo_after_latched_alignment", "note", "signature"];
        let preview = Preview {
            dry_run: true,
            ticket: json!({"state": "IN_PROGRESS"}),
            steps: Vec::new(),
            messages: Vec::new(),
            missing: keys.map(str::to_owned).into(),
        };
        let judged = Judged::Accepted(Box::new(preview));
        let told = said(&judged, false);
        assert_eq!(told.lines().count(), 3, "{told}");
        assert!(told.ends_with("photo_before_door_edge_and_strike and 3 more"), "{told}");
        assert!(!of_form(&judged, false, false).contains("still ask"));
    }

    #[test]
    fn an_unfinished_form_is_not_called_wrong_but_a_closed_door_is() {
        let shape = Judged::of(Refusal::new(Code::InvalidRequest, "summary is required"));
        assert_eq!(said(&shape, true), "");
        assert!(said(&shape, false).contains("summary is required"));
        let state = Judged::of(Refusal::new(Code::InvalidStateTransition, "Not from NEW."));
        assert_eq!(said(&state, true), "✗ Not from NEW.\n  INVALID_STATE_TRANSITION");
        assert!(said(&Judged::of(Refusal::new(Code::Unavailable, "")), false).contains("Sending keeps it"));
    }
}
