//! How a form looks: labels and values in two columns, the outlook beneath, the keys at the bottom.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};
use serde_json::Value;

use super::difference::{consequence, table};
use super::field::Look;
use super::{Form, Stop, labels};
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::wrap;
use crate::cockpit::part::World;
use crate::cockpit::theme::Role;
use crate::text;

/// What a dialog is wide at most, alone and with something beside it.
const WIDTH: u16 = 84;
const WIDE: u16 = 132;
/// Rows that a dialog has at least, where there are as many.
const STEADY: u16 = 20;
/// From this width on the jobs of a new ticket stand beside it.
const BESIDE: u16 = 110;

/// A place that can be clicked.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub area: Rect,
    pub stop: Stop,
    /// The row of the field's own lines.
    pub row: Option<usize>,
    /// Columns before the field's own.
    pub indent: usize,
    pub width: usize,
}

/// A line of the scrolling part.
struct Row {
    line: Line<'static>,
    stop: Option<Stop>,
    /// Which of the field's own lines it is.
    nth: Option<usize>,
    indent: usize,
}

impl Row {
    fn plain(line: Line<'static>) -> Self {
        Self { line, stop: None, nth: None, indent: 0 }
    }
}

impl Form {
    fn look<'a>(&self, world: &'a World<'_>, width: usize, stop: Stop) -> Look<'a> {
        let has_error = matches!(stop, Stop::Field(n) if self.error_at(n).is_some());
        Look { theme: world.theme, now: world.now, width, is_focused: self.focus == stop, has_error }
    }

    pub(super) fn paint(&self, frame: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        self.hits.borrow_mut().clear();
        let has_side = self.jobs.is_some() && area.width >= BESIDE;
        let width = area.width.min(if has_side { WIDE } else { WIDTH });
        let is_framed = area.width >= 44 && area.height >= 12;
        let chrome = if is_framed { 4 } else { 0 };
        let inner_width = usize::from(width.saturating_sub(chrome));
        let main_width = if has_side { inner_width * 56 / 100 } else { inner_width };

        let mut rows =
            if self.is_comparing { self.compared(world, main_width) } else { self.rows(world, main_width, has_side) };
        let beneath = self.beneath(world, inner_width);
        let wanted = |rows: &[Row]| rows.len() + beneath.len() + if is_framed { 5 } else { 3 };
        // Only where it pushes nothing off the screen.
        if let Some(about) = self.about(world, main_width).filter(|_| wanted(&rows) + 2 <= usize::from(area.height)) {
            rows.splice(0..0, [about, Line::default()].map(Row::plain));
        }
        let wanted = wanted(&rows);
        // Lists open and close while one types: the dialog stays where it is.
        let height = u16::try_from(wanted).unwrap_or(u16::MAX).clamp(area.height.min(STEADY), area.height);
        let outer =
            Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
        frame.render_widget(Clear, outer);
        let Some(inner) = self.frame(frame, outer, is_framed, world) else { return };
        self.fill(frame, inner, rows, &beneath, main_width, world);
        if has_side && !self.is_comparing {
            self.paint_side(frame, inner, main_width, world);
        }
    }

    /// What the ticket is about, and the money where that is decided on.
    fn about(&self, world: &World<'_>, width: usize) -> Option<Line<'static>> {
        let ticket = self.seen.as_ref().filter(|_| !self.is_comparing)?.current();
        let summary = text::plain(ticket.get("summary")?.as_str()?).into_owned();
        let is_decided = ["ticket.triage", "approval.decide", "qa.verify"].contains(&self.tool.spec.name);
        let nte = ticket.get("nte_cents").and_then(Value::as_i64).filter(|cents| is_decided && *cents > 0);
        let nte = nte.map(|cents| format!("  NTE {}", text::money(cents))).unwrap_or_default();
        let said = format!("{}{nte}", text::cut(&summary, width.saturating_sub(text::width(&nte))));
        Some(Line::styled(said, world.theme.style(Role::Muted)))
    }

    /// Border and title; what is left inside.
    fn frame(&self, frame: &mut Frame<'_>, outer: Rect, is_framed: bool, world: &World<'_>) -> Option<Rect> {
        let parts = [
            Some(labels::title(self.tool.spec.name, self.kind)),
            self.seen.as_ref().map(|seen| seen.number.clone()),
            Some(self.place.clone()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        let title = text::plain(&parts.join(" · ")).into_owned();
        if is_framed {
            let title = text::cut(&title, usize::from(outer.width).saturating_sub(6)).into_owned();
            let block = Block::bordered()
                .border_type(BorderType::Rounded)
                .border_style(world.theme.style(Role::Focus))
                .style(world.theme.style(Role::Text))
                .title(Line::styled(format!(" {title} "), world.theme.style(Role::Title)));
            frame.render_widget(block, outer);
            return Some(Rect {
                x: outer.x + 2,
                y: outer.y + 1,
                width: outer.width.checked_sub(4)?,
                height: outer.height.checked_sub(2)?,
            });
        }
        let line = Rect { height: 1.min(outer.height), ..outer };
        let title = text::cut(&title, usize::from(outer.width)).into_owned();
        frame.render_widget(Paragraph::new(Line::styled(title, world.theme.style(Role::Title))), line);
        Some(Rect { y: outer.y + line.height, height: outer.height - line.height, ..outer })
    }

    /// The scrolling part, the outlook, the button and the keys, as far as there is room for each.
    fn fill(
        &self,
        frame: &mut Frame<'_>,
        inner: Rect,
        rows: Vec<Row>,
        beneath: &[Line<'static>],
        width: usize,
        world: &World<'_>,
    ) {
        let mut left = inner.height;
        let mut take = |wanted: u16, spare: u16| {
            let taken = wanted.min(left.saturating_sub(spare));
            left -= taken;
            taken
        };
        let keys = take(u16::from(inner.height >= 7), 3);
        let send = take(1, 2);
        let most = (inner.height / 3).max(u16::from(inner.height >= 5));
        let outlook = take(u16::try_from(beneath.len()).unwrap_or(most).min(most), 3);
        let gap = take(u16::from(outlook > 0 && inner.height >= 12), 3);
        let body = Rect { height: left, ..inner };
        self.paint_rows(frame, body, rows, width);
        let mut y = inner.y + left + gap;
        for line in beneath.iter().take(usize::from(outlook)) {
            frame.render_widget(Paragraph::new(line.clone()), Rect { y, height: 1, ..inner });
            y += 1;
        }
        if send > 0 {
            self.paint_send(frame, Rect { y, height: 1, ..inner }, world);
            y += 1;
        }
        if keys > 0 {
            let line = self.keys(world, usize::from(inner.width));
            frame.render_widget(Paragraph::new(line), Rect { y, height: 1, ..inner });
        }
    }

    fn paint_rows(&self, frame: &mut Frame<'_>, body: Rect, rows: Vec<Row>, width: usize) {
        let height = usize::from(body.height);
        let is_here = |row: &Row| row.stop == Some(self.focus);
        let first = rows.iter().position(is_here);
        let last = rows.iter().rposition(is_here);
        let mut top = self.top.get().min(rows.len().saturating_sub(height));
        if let (Some(first), Some(last)) = (first, last) {
            if last >= top + height {
                top = last + 1 - height;
            }
            if first < top {
                top = first;
            }
            if self.focus == Stop::Field(0) && last < height {
                top = 0;
            }
        } else if self.focus == Stop::Send {
            top = rows.len().saturating_sub(height);
        }
        self.top.set(top);
        let columns = u16::try_from(width).unwrap_or(body.width).min(body.width);
        for (y, row) in (body.y..body.bottom()).zip(rows.into_iter().skip(top)) {
            let area = Rect { x: body.x, y, width: columns, height: 1 };
            if let Some(stop) = row.stop {
                let hit = Hit { area, stop, row: row.nth, indent: row.indent, width: width.saturating_sub(row.indent) };
                self.hits.borrow_mut().push(hit);
            }
            frame.render_widget(Paragraph::new(row.line), area);
        }
    }

    fn paint_send(&self, frame: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let is_ready = self.counted().is_none();
        let style = match (self.focus == Stop::Send, is_ready) {
            (true, _) => world.theme.style(Role::Selection),
            (false, true) => world.theme.style(Role::Accent),
            (false, false) => world.theme.style(Role::Disabled),
        };
        if self.is_comparing {
            return;
        }
        let verb = if self.is_risky() { labels::title(self.tool.spec.name, self.kind) } else { "Send".to_owned() };
        let mut spans = vec![Span::styled(format!("[ {verb} ]"), style)];
        if let Some(why) = self.counted() {
            let room = usize::from(area.width).saturating_sub(text::width(&verb) + 6);
            let why = text::plain(&why).into_owned();
            spans.push(Span::styled(format!("  {}", text::cut(&why, room)), world.theme.style(Role::Muted)));
        }
        let wide = u16::try_from(text::width(&verb) + 4).unwrap_or(area.width).min(area.width);
        let hit = Hit { area: Rect { width: wide, ..area }, stop: Stop::Send, row: None, indent: 0, width: 0 };
        self.hits.borrow_mut().push(hit);
        frame.render_widget(Paragraph::new(Line::from(spans)), area);
    }

    /// The keys of the field and of what is going on, as far as there is room: the footer has those of every form.
    pub(super) fn keys(&self, world: &World<'_>, width: usize) -> Line<'static> {
        let own = match self.focus {
            Stop::Field(n) => self.fields.get(n).map(|field| field.control.keys()).unwrap_or_default(),
            Stop::Jobs => &[(Action::Enter, "go there instead")],
            Stop::Send => &[],
        };
        let all: Vec<(Action, &str)> = if self.is_comparing {
            let goes_on = self.barred(world).is_none().then_some((Action::GoOn, "send all the same"));
            goes_on.into_iter().chain([(Action::Back, "back to the form")]).collect()
        } else {
            let discard = self.kept.is_there().then_some((Action::Discard, "start afresh"));
            own.iter().copied().chain(discard).collect()
        };
        let (mut spans, mut used) = (Vec::new(), 0);
        for (action, word) in all {
            let key = world.keymap.shown(Scope::Form, action);
            let wide = text::width(&key) + text::width(word) + 3;
            if key.is_empty() || used + wide > width + 2 {
                continue;
            }
            used += wide;
            spans.push(Span::styled(key, world.theme.style(Role::Key)));
            spans.push(Span::styled(format!(" {word}  "), world.theme.style(Role::Muted)));
        }
        Line::from(spans)
    }

    /// What happened before and meanwhile, the fields, and what comes of it.
    fn rows(&self, world: &World<'_>, width: usize, has_side: bool) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut say = |role: Role, said: &str| {
            let lines = wrap(said, width).into_iter();
            rows.extend(lines.map(|line| Row::plain(Line::styled(line, world.theme.style(role)))));
        };
        if self.kept.is_restored {
            let key = world.keymap.shown(Scope::Form, Action::Discard);
            say(Role::Muted, &format!("kept from before; {key} starts afresh"));
        }
        if let Some(seen) = self.seen.as_ref().filter(|seen| seen.has_moved_on()) {
            let key = world.keymap.shown(Scope::Form, Action::Submit);
            say(Role::Warning, &format!("{} {key} looks again.", seen.told(world.now, self.zone)));
        }
        if !rows.is_empty() {
            rows.push(Row::plain(Line::default()));
        }
        let label = self.fields.iter().map(|field| text::width(&field.label) + 2).max().unwrap_or(0).min(20);
        for n in 0..self.fields.len() {
            rows.extend(self.field_rows(n, world, width, label));
        }
        if self.fields.is_empty() {
            let said = "Nothing needs saying: send it, or close.";
            rows.push(Row::plain(Line::styled(text::cut(said, width).into_owned(), world.theme.style(Role::Muted))));
        }
        if let Some((before, after)) = self.before_and_after().filter(|_| self.is_risky()) {
            let case = self.scene(world, None).case;
            let changes = consequence(before, after, case, &self.names_known(world), self.zone);
            let lines = table(&changes, ("now", "after"), world.theme, width);
            rows.push(Row::plain(Line::default()));
            rows.extend(lines.into_iter().map(Row::plain));
        }
        if let Some(jobs) = self.jobs.as_ref().filter(|_| !has_side) {
            let lines = jobs.lines(&self.look(world, width, Stop::Jobs), world.now);
            if !lines.is_empty() {
                rows.push(Row::plain(Line::default()));
            }
            rows.extend(lines.into_iter().enumerate().map(|(n, line)| Row {
                line,
                stop: Some(Stop::Jobs),
                nth: Some(n),
                indent: 0,
            }));
        }
        rows
    }

    fn field_rows(&self, n: usize, world: &World<'_>, width: usize, label: usize) -> Vec<Row> {
        let Some(field) = self.fields.get(n) else { return Vec::new() };
        let stop = Stop::Field(n);
        let is_focused = self.focus == stop;
        let is_stacked = width < 44;
        let indent = if is_stacked { 2.min(width) } else { label + 3 };
        let look = self.look(world, width.saturating_sub(indent), stop);
        let mut lines = field.control.lines(&look);
        let hint = Span::styled(text::cut(&field.hint, look.width).into_owned(), look.style(Role::Muted));
        if lines.is_empty() {
            let none = Span::styled("—", look.style(Role::Muted));
            lines.push(Line::from(if field.hint.is_empty() { none } else { hint }));
        } else if is_focused
            && matches!(field.control.value(), Ok(None))
            && let Some(first) = lines.first_mut().filter(|first| first.width() + hint.width() + 3 < look.width)
        {
            first.push_span(Span::raw("   "));
            first.push_span(hint);
        }
        let role = if is_focused { Role::Focus } else { Role::Muted };
        let star = if field.is_required { " *" } else { "" };
        let sign = if is_focused { "› " } else { "  " };
        let name = text::cut(&field.label, if is_stacked { width.saturating_sub(4) } else { label.saturating_sub(2) });
        let mut rows = Vec::new();
        let row = |line: Line<'static>, nth: Option<usize>| Row { line, stop: Some(stop), nth, indent };
        if is_stacked {
            let head = format!("{sign}{name}{star}");
            rows.push(row(Line::styled(head, look.style(role)), None));
        }
        for (at, line) in lines.into_iter().enumerate() {
            let head = if is_stacked {
                " ".repeat(indent)
            } else if at == 0 {
                let said = format!("{name}{star}");
                format!("{}{said} {sign}", " ".repeat(label.saturating_sub(text::width(&said))))
            } else {
                " ".repeat(indent)
            };
            let mut spans = vec![Span::styled(head, look.style(role))];
            spans.extend(line.spans.into_iter().map(|span| span.patch_style(line.style)));
            rows.push(row(Line::from(spans), Some(at)));
        }
        let is_told =
            |why: &String| rows.iter().any(|row| row.line.spans.iter().any(|span| span.content == why.as_str()));
        let error = self.error_at(n).map(|why| (why, "✗ ", Role::Error));
        // Under the hands of who still writes it is no error yet.
        let advice = || Some((self.advice_at(n).filter(|_| is_focused)?, "  ", Role::Muted));
        if let Some((why, mark, role)) = error.or_else(advice).filter(|(why, ..)| !is_told(why)) {
            for (at, said) in wrap(&why, look.width.saturating_sub(2)).into_iter().enumerate() {
                let sign = if at == 0 { mark } else { "  " };
                let said = format!("{}{sign}{said}", " ".repeat(indent));
                rows.push(row(Line::styled(said, look.style(role)), None));
            }
        }
        rows
    }

    /// What the ticket was when the form opened, and what it is.
    fn compared(&self, world: &World<'_>, width: usize) -> Vec<Row> {
        let Some(seen) = &self.seen else { return Vec::new() };
        let told = wrap(&seen.told(world.now, self.zone), width);
        let style = world.theme.style(Role::Warning);
        let mut lines: Vec<Line<'static>> = told.into_iter().map(|line| Line::styled(line, style)).collect();
        lines.push(Line::default());
        lines.extend(table(&seen.differences(self.zone), ("as you saw it", "as it is now"), world.theme, width));
        lines.into_iter().map(Row::plain).collect()
    }

    /// The jobs beside the fields.
    fn paint_side(&self, frame: &mut Frame<'_>, inner: Rect, main: usize, world: &World<'_>) {
        let Some(jobs) = &self.jobs else { return };
        let x = inner.x + u16::try_from(main + 2).unwrap_or(inner.width).min(inner.width);
        let side = Rect { x, width: inner.right().saturating_sub(x), height: inner.height.saturating_sub(2), ..inner };
        let lines = jobs.lines(&self.look(world, usize::from(side.width), Stop::Jobs), world.now);
        if lines.is_empty() {
            let said = Line::styled("Jobs of the site appear here.", world.theme.style(Role::Muted));
            frame.render_widget(Paragraph::new(said).alignment(Alignment::Left), side);
            return;
        }
        for (n, (y, line)) in (side.y..side.bottom()).zip(lines).enumerate() {
            let area = Rect { y, height: 1, ..side };
            self.hits.borrow_mut().push(Hit { area, stop: Stop::Jobs, row: Some(n), indent: 0, width: 0 });
            frame.render_widget(Paragraph::new(line), area);
        }
    }
}
