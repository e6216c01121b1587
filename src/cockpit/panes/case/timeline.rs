//! What happened to the ticket, the newest on top: who, with which tool, from where to where.

use std::cell::Cell;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Paragraph;
use serde_json::Value;

use super::summary::zone;
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{left, safe, scrolled, span};
use crate::cockpit::msg::CaseData;
use crate::cockpit::part::World;
use crate::cockpit::theme::Role;
use crate::domain::time::Timestamp;
use crate::domain::words::words;

/// Lines that one event takes.
pub const HEIGHT: usize = 2;

words! {
    /// Which events are shown.
    pub enum Kept {
        All = "all",
        States = "state changes",
        Evidence = "evidence",
    }
}

impl Kept {
    /// The next choice, and round.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::All => Self::States,
            Self::States => Self::Evidence,
            Self::Evidence => Self::All,
        }
    }
}

/// The events that are shown, the newest first.
pub fn entries(case: &CaseData, kept: Kept) -> Vec<&Value> {
    let fits = |event: &&Value| match kept {
        Kept::All => true,
        Kept::States => event["before_state"] != event["after_state"],
        Kept::Evidence => event["tool_name"].as_str().is_some_and(|tool| tool.contains("evidence")),
    };
    case.events.iter().rev().filter(fits).collect()
}

/// Draws them, and tells where they stand.
pub fn draw(
    screen: &mut Frame<'_>,
    area: Rect,
    world: &World<'_>,
    case: &CaseData,
    kept: Kept,
    (cursor, top): (usize, &Cell<usize>),
    has_focus: bool,
) -> Rect {
    let [chain, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let (text, role) = match &case.chain {
        None => {
            let zone = zone(world)
                .map_or("UTC".to_owned(), |zone| world.now.utc().with_timezone(&zone).format("%Z").to_string());
            let events = if case.events.len() == 1 { "event" } else { "events" };
            (format!("✓ chain whole, {} {events}, times in {zone}", case.events.len()), Role::Success)
        }
        Some(finding) => (format!("✗ chain broken: {finding}"), Role::Error),
    };
    let text = safe(&text, usize::from(area.width).saturating_sub(1));
    screen.render_widget(Paragraph::new(Text::from(span(format!(" {text}"), world.theme, role))), chain);
    let entries = entries(case, kept);
    if entries.is_empty() {
        let key = world.keymap.shown(Scope::Case, Action::TimelineFilter);
        let words = match kept {
            Kept::All => " Nothing happened yet.".to_owned(),
            Kept::States | Kept::Evidence => format!(" No {kept} yet. {key} shows other events."),
        };
        let words = Text::from(span(safe(&words, usize::from(body.width)), world.theme, Role::Muted));
        screen.render_widget(Paragraph::new(words), body);
        return Rect::default();
    }
    let height = (usize::from(body.height) / HEIGHT).max(1);
    let first = scrolled(top.get(), cursor, height, entries.len());
    top.set(first);
    for (n, event) in entries.iter().enumerate().skip(first).take(height) {
        let y = body.y + u16::try_from((n - first) * HEIGHT).unwrap_or(u16::MAX);
        let at = Rect { y, height: 2.min(body.bottom().saturating_sub(y)), ..body };
        let lines = entry(event, world, usize::from(body.width), n == cursor);
        screen.render_widget(Paragraph::new(lines), at);
        if n == cursor && has_focus {
            screen.buffer_mut().set_style(at, world.theme.style(Role::SelectionAway));
        }
    }
    body
}

fn entry(event: &Value, world: &World<'_>, width: usize, is_under_cursor: bool) -> Vec<Text<'static>> {
    let text = |name: &str| event[name].as_str().unwrap_or("—").to_owned();
    let state = |name: &str| event[name].as_str().map(|state| state.replace('_', " "));
    let at = event["created_at"].as_str().and_then(Timestamp::parse);
    let time = at.map(|at| match zone(world) {
        Some(zone) => at.utc().with_timezone(&zone).format("%d %b %H:%M:%S").to_string(),
        None => at.utc().format("%d %b %H:%M:%SZ").to_string(),
    });
    let way = match (state("before_state"), state("after_state")) {
        (before, after) if before == after => after.map(|state| format!("still {state}")).unwrap_or_default(),
        (before, after) => {
            format!("{} → {}", before.as_deref().unwrap_or("·"), after.as_deref().unwrap_or("·"))
        }
    };
    let cursor = if is_under_cursor { "▌" } else { " " };
    let time = left(&time.unwrap_or_default(), 15);
    let tool = text("tool_name");
    let room = width.saturating_sub(18 + tool.len().min(26));
    let first = vec![
        span(cursor, world.theme, Role::Focus),
        span(format!("{time} "), world.theme, Role::Muted),
        span(safe(&tool, 26), world.theme, Role::Text),
        Span::raw("  "),
        span(safe(&way, room), world.theme, if way.contains('→') { Role::Accent } else { Role::Muted }),
    ];
    let short = |name: &str| {
        event[name].as_str().map(|id| id.rsplit('-').next().unwrap_or(id).chars().take(8).collect::<String>())
    };
    let correlation = event["correlation_id"].as_str().map(|id| format!(" corr {}", safe(id, 12)));
    let ids =
        format!("req {}{}", short("request_id").unwrap_or_else(|| "—".to_owned()), correlation.unwrap_or_default());
    let who = format!("{}/{}/{}", text("actor_type").to_lowercase(), text("actor_id"), text("actor_role"));
    let second = format!("{who}  {ids}  {}", preview(&event["payload"]["request"]));
    vec![
        Text::from(first),
        Text::from(vec![
            span(cursor, world.theme, Role::Focus),
            span(safe(&format!("                {second}"), width.saturating_sub(1)), world.theme, Role::Muted),
        ]),
    ]
}

/// A payload on one line: `priority URGENT, incident type DOOR_WONT_LATCH`.
fn preview(request: &Value) -> String {
    let Some(fields) = request.as_object() else { return String::new() };
    let value = |value: &Value| match value {
        Value::String(text) => safe(text, 40),
        other => safe(&other.to_string(), 40),
    };
    let parts = fields.iter().take(12).map(|(name, of)| format!("{} {}", safe(name, 30).replace('_', " "), value(of)));
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_is_one_line() {
        let line = preview(&json!({"priority": "URGENT", "nte_cents": 5, "note": "a\nb\u{1b}"}));
        assert_eq!(line, "priority URGENT, nte cents 5, note a b␛");
        assert_eq!(preview(&json!(null)), "");
    }

    #[test]
    fn events_are_kept_by_what_they_tell() {
        let event = |tool: &str, before: &str, after: &str| json!({"tool_name": tool, "before_state": before, "after_state": after});
        let events = vec![event("ticket.triage", "NEW", "TRIAGED"), event("closeout.add_evidence", "NEW", "NEW")];
        let case = CaseData { case: json!({}), events, chain: None };
        let tools = |kept| entries(&case, kept).iter().map(|event| event["tool_name"].clone()).collect::<Vec<_>>();
        assert_eq!(tools(Kept::All), ["closeout.add_evidence", "ticket.triage"]);
        assert_eq!(tools(Kept::States), ["ticket.triage"]);
        assert_eq!(tools(Kept::Evidence), ["closeout.add_evidence"]);
    }
}
