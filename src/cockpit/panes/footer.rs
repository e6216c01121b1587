//! The last lines: what was said and what the last call answered, and the keys that count here.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Paragraph;

use crate::cockpit::calls::{Entry, Standing};
use crate::cockpit::keymap::Scope;
use crate::cockpit::known::Known;
use crate::cockpit::look::{safe, span};
use crate::cockpit::part::World;
use crate::cockpit::theme::Role;
use crate::text::width;

/// The keys that count, as far as there is room.
pub fn hints(screen: &mut Frame<'_>, area: Rect, world: &World<'_>, scope: Scope, next: Option<&str>) {
    let mut spans = Vec::new();
    let mut used = 0;
    for (binding, keys) in world.keymap.in_scope(scope) {
        let (Some(hint), Some(key)) = (binding.hint, keys.first()) else { continue };
        let hint = match next {
            Some(next) if binding.action == crate::cockpit::keymap::Action::NextStep => next,
            _ => hint,
        };
        let (key, hint) = (format!(" {key} "), format!("{hint} "));
        used += width(&key) + width(&hint);
        if used > usize::from(area.width) {
            break;
        }
        spans.push(span(key, world.theme, Role::Key));
        spans.push(span(hint, world.theme, Role::Muted));
    }
    screen.render_widget(Paragraph::new(Text::from(spans)), area);
}

/// What was said last, at the left; the last call's answer, at the right.
pub fn status(screen: &mut Frame<'_>, area: Rect, known: &Known, said: Option<&(String, Role)>) {
    let room = usize::from(area.width);
    let call = known.calls.newest_first().next().map(|entry| result(entry, known));
    let (right, role) = call.unwrap_or_default();
    // What is said counts more than what can be looked up in the list of calls.
    let wanted = said.map_or(0, |(text, _)| width(text) + 3);
    let spare = room.saturating_sub(wanted + 1);
    let right = if width(&right) > spare && spare < room / 3 { String::new() } else { safe(&right, spare) };
    let left = said.map(|(text, _)| safe(text, room.saturating_sub(width(&right) + 3))).unwrap_or_default();
    let gap = room.saturating_sub(width(&left) + width(&right) + 2);
    let line = Text::from(vec![
        Span::raw(" "),
        span(left, &known.theme, said.map_or(Role::Text, |(_, role)| *role)),
        Span::raw(" ".repeat(gap)),
        span(right, &known.theme, role.unwrap_or(Role::Muted)),
    ]);
    screen.render_widget(Paragraph::new(line), area);
}

/// A call in a few words: how it stands, when, which, and the tail of its request id.
pub fn result(entry: &Entry, known: &Known) -> (String, Option<Role>) {
    let (mark, role, more) = match &entry.standing {
        Standing::Sent => ("↻", Role::Accent, "on its way".to_owned()),
        Standing::Waits => ("↻", Role::Warning, "waits for the database".to_owned()),
        Standing::Asks(_) => ("?", Role::Warning, "asks before it goes".to_owned()),
        Standing::Done(said) => ("✓", Role::Success, said.clone()),
        Standing::Refused(refusal) => ("✗", Role::Error, refusal.code().as_str().to_owned()),
        Standing::Withdrawn => ("–", Role::Muted, "taken back".to_owned()),
    };
    let at = known.zone.at(entry.since).format("%H:%M:%S");
    let id = entry.envelope.request_id.simple().to_string();
    let tail = id.get(28..).unwrap_or_default();
    (format!("{mark} {at} {} · {more} · {tail}", entry.envelope.tool), Some(role))
}
