//! What proof the job needs, what is there, and the picture or the words under the cursor.

use std::cell::Cell;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Paragraph;
use serde_json::Value;

use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{ago, half_blocks, has_colours, left, safe, said, scrolled, span, wrap};
use crate::cockpit::msg::{CaseData, Content};
use crate::cockpit::part::World;
use crate::cockpit::theme::Role;
use crate::domain::time::Timestamp;

/// The items, as the case lists them.
pub fn items(case: &CaseData) -> Vec<&Value> {
    case.case["evidence"].as_array().map(|items| items.iter().collect()).unwrap_or_default()
}

/// Draws them, and tells where they stand.
pub fn draw(
    screen: &mut Frame<'_>,
    area: Rect,
    world: &World<'_>,
    case: &CaseData,
    (cursor, top): (usize, &Cell<usize>),
    content: Option<&Content>,
    has_focus: bool,
) -> Rect {
    let required = required(case, world, usize::from(area.width));
    let items = items(case);
    let most = area.height.saturating_sub(3).max(1);
    let head = u16::try_from(required.len()).unwrap_or(u16::MAX).min(most);
    let [keys, gap, rest] = Layout::vertical([
        Constraint::Length(head),
        Constraint::Length(u16::from(area.height > 8)),
        Constraint::Min(0),
    ])
    .areas(area);
    screen.render_widget(Paragraph::new(required), keys);
    let _ = gap;
    if items.is_empty() {
        let key = world.keymap.shown(Scope::Case, Action::Actions);
        let words = format!(" No evidence yet. {key} shows how to add some.");
        let words = Text::from(span(safe(&words, usize::from(rest.width)), world.theme, Role::Muted));
        screen.render_widget(Paragraph::new(words), rest);
        return Rect::default();
    }
    let wanted = u16::try_from(items.len()).unwrap_or(u16::MAX);
    let shows = content.filter(|content| match content {
        Content::Picture(_) => rest.height >= 9 && has_colours(world.theme),
        Content::Words(..) => rest.height >= 6,
    });
    let list_height = if shows.is_some() { wanted.min(rest.height / 2).max(3) } else { rest.height };
    let [list, beneath] = Layout::vertical([Constraint::Length(list_height), Constraint::Min(0)]).areas(rest);
    let first = scrolled(top.get(), cursor, usize::from(list.height), items.len());
    top.set(first);
    for ((n, item), y) in items.iter().enumerate().skip(first).zip(list.y..list.bottom()) {
        let at = Rect { y, height: 1, ..list };
        screen.render_widget(Paragraph::new(line(item, world, usize::from(list.width), n == cursor)), at);
        if n == cursor && has_focus {
            screen.buffer_mut().set_style(at, world.theme.style(Role::SelectionAway));
        }
    }
    let inset = Rect { x: beneath.x + 1, width: beneath.width.saturating_sub(2), ..beneath };
    match shows {
        Some(Content::Picture(picture)) => half_blocks(screen, inset, picture),
        Some(Content::Words(text, _)) => screen.render_widget(Paragraph::new(beginning(text, inset, world)), inset),
        None => {}
    }
    list
}

/// The first lines of a text, and that there is more.
fn beginning(text: &str, area: Rect, world: &World<'_>) -> Vec<Text<'static>> {
    let (columns, room) = (usize::from(area.width), usize::from(area.height).saturating_sub(1));
    let mut all = text.lines().flat_map(|line| wrap(line, columns));
    let line = |role, text: String| Text::from(span(text, world.theme, role));
    let mut lines = vec![Text::default()];
    lines.extend(all.by_ref().take(room).map(|text| line(Role::Text, text)));
    if all.next().is_some() {
        lines.pop();
        let key = world.keymap.shown(Scope::Case, Action::Enter);
        lines.push(line(Role::Muted, safe(&format!("… {key} reads on"), columns)));
    }
    lines
}

fn required(case: &CaseData, world: &World<'_>, width: usize) -> Vec<Text<'static>> {
    let keys = case.case["required_evidence"].as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() {
        let text = " No incident type with a closeout template yet: triage says what proof is needed.";
        return vec![Text::from(span(safe(text, width), world.theme, Role::Muted))];
    }
    let line = |key: &Value| {
        let (tick, role, told) = match key["standing"].as_str() {
            Some("present") => ("✓", Role::Success, ""),
            Some("waived") => ("○", Role::Warning, "  waived"),
            _ => ("✗", Role::Error, "  missing"),
        };
        let name = said(key["key"].as_str().unwrap_or_default());
        Text::from(vec![
            span(format!(" {tick} "), world.theme, role),
            span(safe(&name, width.saturating_sub(3 + crate::text::width(told))), world.theme, Role::Text),
            span(told, world.theme, role),
        ])
    };
    keys.iter().map(line).collect()
}

fn line(item: &Value, world: &World<'_>, width: usize, is_under_cursor: bool) -> Text<'static> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = item["metadata"]["evidence_key"].as_str().map_or_else(|| "—".to_owned(), said);
    let at = item["created_at"].as_str().and_then(Timestamp::parse).map(|at| ago(at, world.now));
    let checksum: String = item["checksum"].as_str().unwrap_or("—").chars().take(8).collect();
    let frozen = if item["is_immutable"] == true { "frozen" } else { "" };
    let tail = format!("{} {} {} {frozen}", text(&item["created_by"]), at.unwrap_or_default(), checksum);
    // In a narrow pane what it proves comes first; who and when is a key away.
    let tail_room = if width < 50 { 0 } else { width.saturating_sub(14) / 3 };
    let room = width.saturating_sub(tail_room + 14);
    Text::from(vec![
        span(if is_under_cursor { "▌" } else { " " }, world.theme, Role::Focus),
        span(left(&text(&item["kind"]), 10), world.theme, Role::Accent),
        Span::raw(" "),
        span(left(&format!("{key}  {}", text(&item["uri"])), room), world.theme, Role::Text),
        Span::raw(" "),
        span(left(&tail, tail_room), world.theme, Role::Muted),
    ])
}
