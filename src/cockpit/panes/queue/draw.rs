//! The queue as it is drawn: only the rows there is room for are ever looked at.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Paragraph;

use super::QueuePane;
use super::columns::{Column, layout};
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::known::Link;
use crate::cockpit::look::{left, mark, pane, right, safe, scrolled, sla_role, span, wrap};
use crate::cockpit::part::World;
use crate::cockpit::rows::Line;
use crate::cockpit::theme::Role;
use crate::cockpit::views;
use crate::text::{self, grouped};

/// Cursor, flag, mark, and a space after it.
const FRONT: usize = 4;

impl QueuePane {
    /// Draws the pane.
    pub fn draw_pane(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>, has_focus: bool) {
        let inner = pane(Text::default(), screen.area(), world.theme, has_focus).inner(area);
        // What is wrong with the filter stands below it, as long as it is.
        let wrong = wrap(self.wrong.as_deref().unwrap_or_default(), usize::from(inner.width).saturating_sub(3));
        let said = u16::try_from(wrong.len()).unwrap_or(u16::MAX).min(inner.height / 2);
        let writes = u16::from(self.editing.is_some()) + said;
        let [line, head, body] =
            Layout::vertical([Constraint::Length(writes), Constraint::Length(1), Constraint::Min(0)]).areas(inner);
        if writes > 0 {
            self.draw_filter(screen, line, wrong, world);
        }
        self.area.set(body);
        self.room.set(usize::from(body.height));
        let columns = layout(usize::from(inner.width).saturating_sub(FRONT));
        self.width.set(usize::from(inner.width).saturating_sub(FRONT));
        let len = self.shown.len(world.known);
        let top = scrolled(self.top.get(), self.cursor, usize::from(body.height), len);
        self.top.set(top);
        screen.render_widget(pane(self.title(world, area.width), screen.area(), world.theme, has_focus), area);
        if len == 0 {
            return self.draw_nothing(screen, body, world);
        }
        screen.render_widget(Paragraph::new(self.heading(&columns, world)), head);
        for (n, y) in (top..len).zip(body.y..body.bottom()) {
            let Some(line) = self.shown.at(world.known, n) else { continue };
            let at = Rect { y, height: 1, ..body };
            let on = match n == self.cursor {
                true if has_focus => Some(Role::Selection),
                true => Some(Role::SelectionAway),
                false => world.known.flashes(line.id).then_some(Role::Flash),
            };
            if let Some(ground) = on {
                screen.buffer_mut().set_style(at, world.theme.style(ground));
            }
            screen.render_widget(Paragraph::new(row(line, &columns, world, on)), at);
        }
    }

    fn title(&self, world: &World<'_>, width: u16) -> Text<'static> {
        let known = world.known;
        let (open, all) = (self.shown.open(known), self.shown.len(known));
        let mut words = vec![span(" Queue ", world.theme, Role::Title)];
        let many = if self.text.is_empty() || open == known.rows.len() {
            grouped(open)
        } else {
            format!("{} of {}", grouped(open), grouped(known.rows.len()))
        };
        words.push(span(format!("{many} "), world.theme, Role::Text));
        if all > open || self.shown.is_cut() {
            let among = if self.shown.is_cut() {
                format!("among the first {} ", grouped(super::FOUND as usize))
            } else {
                String::new()
            };
            words.push(span(format!("+ {} found {among}", grouped(all - open)), world.theme, Role::Text));
        }
        if self.shown.is_working() || self.search.is_some() || !known.is_complete && known.link == Link::Live {
            words.push(span("… ", world.theme, Role::Accent));
        }
        let sort = self.shown.sort.map(|(column, turned)| {
            format!("by {}{} ", column.as_str().to_lowercase(), if turned { ", turned round" } else { "" })
        });
        words.push(span(sort.unwrap_or_default(), world.theme, Role::Muted));
        if self.editing.is_none() {
            let filter = views::shown_through(&known.views, &self.text);
            words.push(span(format!("─ {} ", safe(&filter, usize::from(width) / 2)), world.theme, Role::Muted));
        }
        let above = self.shown.breached_above(known, self.top.get());
        if above > 0 {
            words.push(span(format!("─ ▲ {} above ", grouped(above)), world.theme, Role::SlaBreach));
        }
        Text::from(words)
    }

    fn draw_filter(&self, screen: &mut Frame<'_>, area: Rect, wrong: Vec<String>, world: &World<'_>) {
        let [line, beneath] =
            Layout::vertical([Constraint::Length(u16::from(self.editing.is_some())), Constraint::Min(0)]).areas(area);
        if let Some((typed, _)) = &self.editing {
            let [before, field] = Layout::horizontal([Constraint::Length(3), Constraint::Min(0)]).areas(line);
            screen.render_widget(Paragraph::new(Text::from(span(" / ", world.theme, Role::Key))), before);
            typed.draw(screen, field, world.theme);
        }
        let wrong = wrong.into_iter().map(|line| Text::from(span(format!("   {line}"), world.theme, Role::Error)));
        screen.render_widget(Paragraph::new(wrong.collect::<Vec<_>>()), beneath);
    }

    fn heading(&self, columns: &[(Column, usize)], world: &World<'_>) -> Text<'static> {
        let mut cells = vec![Span::raw(" ".repeat(FRONT))];
        for (n, (column, width)) in columns.iter().enumerate() {
            let sorted = self.shown.sort.filter(|(by, _)| by == column);
            let arrow = sorted.map_or("", |(_, turned)| if turned { "▴" } else { "▾" });
            // The mark has its place also where the name fills the column.
            let room = width.saturating_sub(text::width(arrow));
            let name = format!("{}{arrow}", column.as_str().get(..room).unwrap_or(column.as_str()));
            let name = if column.is_right() { right(&name, *width) } else { left(&name, *width) };
            if n > 0 {
                cells.push(Span::raw(" "));
            }
            let role = if sorted.is_some() { Role::Accent } else { Role::Muted };
            cells.push(span(name, world.theme, role));
        }
        Text::from(cells)
    }

    /// Says why nothing is shown, and what to do.
    fn draw_nothing(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let key = |action| world.keymap.shown(Scope::Queue, action);
        let (what, then) = match &world.known.link {
            Link::Opening(why) => ("Opening the database …".to_owned(), why.clone()),
            Link::Refused(refusal) => {
                (refusal.finding().to_owned(), format!("Press {} to act in another role.", key(Action::Role)))
            }
            Link::Away { why, .. } => (why.clone(), "What you do is kept, and done when it is back.".to_owned()),
            Link::Live if !world.known.is_complete || self.shown.is_working() => {
                ("Reading the queue …".to_owned(), String::new())
            }
            Link::Live if !self.text.is_empty() && self.search.is_some() => {
                ("Nothing open fits; looking among closed work …".to_owned(), String::new())
            }
            Link::Live if !self.text.is_empty() => (
                format!("Nothing fits `{}`.", self.text),
                format!(
                    "Press {} to change the filter, {} for all open work.",
                    key(Action::Filter),
                    key(Action::ClearFilter)
                ),
            ),
            Link::Live => {
                ("No open work.".to_owned(), format!("Press {} to take down a new ticket.", key(Action::New)))
            }
        };
        let room = usize::from(area.width).saturating_sub(4);
        let lines = wrap(&what, room).into_iter().map(|line| span(format!("  {line}"), world.theme, Role::Text));
        let then = wrap(&then, room).into_iter().map(|line| span(format!("  {line}"), world.theme, Role::Muted));
        let lines: Vec<Text<'_>> = std::iter::once(Text::default()).chain(lines.chain(then).map(Text::from)).collect();
        screen.render_widget(Paragraph::new(lines), area);
    }
}

fn row(line: &Line, columns: &[(Column, usize)], world: &World<'_>, on: Option<Role>) -> Text<'static> {
    let styled = |text: String, role: Role| {
        let style = on.map_or_else(|| world.theme.style(role), |ground| world.theme.style_on(ground, role));
        Span::styled(text, style)
    };
    let status = line.reading(world.policy, world.now).status;
    let flag = if world.known.calls.is_running(line.id) {
        styled("↻".to_owned(), Role::Accent)
    } else if world.known.unread.contains(&line.id) {
        styled("•".to_owned(), Role::Unread)
    } else {
        Span::raw(" ")
    };
    let is_selected = matches!(on, Some(Role::Selection | Role::SelectionAway));
    let mut cells = vec![
        styled(if is_selected { "▌" } else { " " }.to_owned(), Role::Focus),
        flag,
        styled(mark(status, line.is_stopped()).to_owned(), sla_role(status, line.is_stopped())),
        Span::raw(" "),
    ];
    for (n, (column, width)) in columns.iter().enumerate() {
        if n > 0 {
            cells.push(Span::raw(" "));
        }
        let (text, role) = column.cell(line, *width, world);
        cells.push(styled(text, role));
    }
    Text::from(cells)
}
