//! The case under the cursor: summary, timeline, evidence. It follows the cursor without delaying it and
//! shows what is known meanwhile.

mod evidence;
pub mod summary;
mod timeline;

use std::cell::Cell;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Paragraph;
use serde_json::Value;
use uuid::Uuid;

use crate::cockpit::dialogs::raw::Raw;
use crate::cockpit::effect::{Effect, Stamp};
use crate::cockpit::extract::Extract;
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{Clicks, clicked, pane, safe, span, wrap};
use crate::cockpit::msg::{CaseData, Content, Msg};
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;
use crate::domain::words::words;
pub use timeline::Kept;

words! {
    /// What the panel shows.
    pub enum Tab {
        Summary = "Summary",
        Timeline = "Timeline",
        Evidence = "Evidence",
    }
}

/// The pane.
#[derive(Debug)]
pub struct CasePane {
    tab: Tab,
    /// The ticket that it shows, so that another one begins at its beginning.
    ticket: Option<Uuid>,
    /// The line or entry under the cursor of each tab.
    cursor: [usize; 3],
    /// How many entries the timeline had when the cursor was put there: new ones come on top of it.
    events: usize,
    top: Cell<usize>,
    room: Cell<usize>,
    area: Cell<Rect>,
    /// Where the entries of the tab were drawn.
    list: Cell<Rect>,
    tabs: Cell<Rect>,
    clicks: Clicks<(Tab, usize)>,
    kept: Kept,
    shows_contact: bool,
    /// What is in the file under the cursor, or was asked for: of which uri.
    content: Option<(String, Stamp, Option<Content>)>,
}

impl Default for CasePane {
    fn default() -> Self {
        Self {
            tab: Tab::Summary,
            ticket: None,
            cursor: [0; 3],
            events: 0,
            top: Cell::default(),
            room: Cell::default(),
            area: Cell::default(),
            list: Cell::default(),
            tabs: Cell::default(),
            clicks: Clicks::default(),
            kept: Kept::All,
            shows_contact: false,
            content: None,
        }
    }
}

impl CasePane {
    /// Shows another ticket.
    pub fn follow(&mut self, ticket: Option<Uuid>) {
        if self.ticket != ticket {
            self.ticket = ticket;
            self.cursor = [0; 3];
            self.top.set(0);
            // What somebody wanted to see of one customer is not shown of the next.
            self.shows_contact = false;
            self.content = None;
        }
    }

    /// The tab that is shown.
    pub fn tab(&self) -> Tab {
        self.tab
    }

    /// Shows a tab.
    pub fn show(&mut self, tab: Tab, world: &World<'_>) -> Vec<Ask> {
        self.tab = tab;
        self.top.set(0);
        self.clamp(world);
        self.wanted_content(world)
    }

    fn cursor(&self) -> usize {
        self.cursor.get(self.tab as usize).copied().unwrap_or_default()
    }

    fn len(&self, world: &World<'_>) -> usize {
        match (self.tab, world.case) {
            (_, None) => 0,
            (Tab::Summary, Some(_)) => summary::lines(world, self.width(), self.shows_contact).len(),
            (Tab::Timeline, Some(case)) => timeline::entries(case, self.kept).len(),
            (Tab::Evidence, Some(case)) => evidence::items(case).len(),
        }
    }

    /// What is listed, as a file may hold it; none on the summary.
    pub fn list(&self, case: &CaseData) -> Option<Extract> {
        let all = |rows: Vec<&Value>| rows.into_iter().cloned().collect();
        match self.tab {
            Tab::Summary => None,
            Tab::Timeline => Some(Extract::Timeline(all(timeline::entries(case, self.kept)))),
            Tab::Evidence => Some(Extract::Evidence(all(evidence::items(case)))),
        }
    }

    fn width(&self) -> usize {
        usize::from(self.area.get().width.max(20))
    }

    fn moved(&mut self, action: Action, world: &World<'_>) -> Vec<Ask> {
        let page = self.room.get().max(2) - 1;
        // A summary has no cursor: it scrolls, and ends when its last line is on the screen.
        let last = match self.tab {
            Tab::Summary => self.len(world).saturating_sub(self.room.get().max(1)),
            Tab::Timeline | Tab::Evidence => self.len(world).saturating_sub(1),
        };
        let at = self.cursor();
        let to = match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => at + 1,
            Action::PageUp => at.saturating_sub(page),
            Action::PageDown => at + page,
            Action::Top => 0,
            _ => last,
        };
        self.put(to.min(last), world);
        self.wanted_content(world)
    }

    /// Puts the cursor of this tab somewhere.
    fn put(&mut self, to: usize, world: &World<'_>) {
        if let Some(cursor) = self.cursor.get_mut(self.tab as usize) {
            *cursor = to;
        }
        self.events = self.events_now(world);
    }

    fn events_now(&self, world: &World<'_>) -> usize {
        world.case.map(|case| timeline::entries(case, self.kept).len()).unwrap_or_default()
    }

    /// Leaves the cursor of this tab no further down than there are entries.
    fn clamp(&mut self, world: &World<'_>) {
        let last = self.len(world).saturating_sub(1);
        if let Some(cursor) = self.cursor.get_mut(self.tab as usize).filter(|_| self.tab != Tab::Summary) {
            *cursor = (*cursor).min(last);
        }
    }

    /// Asks for what is in the file under the cursor, if it is another one.
    fn wanted_content(&mut self, world: &World<'_>) -> Vec<Ask> {
        let uri = world.case.filter(|_| self.tab == Tab::Evidence).and_then(|case| {
            let item = evidence::items(case).get(self.cursor()).copied()?;
            let uri = item["uri"].as_str()?;
            uri.starts_with("dispatch:").then(|| uri.to_owned())
        });
        match uri {
            None => {
                self.content = None;
                Vec::new()
            }
            Some(uri) if self.content.as_ref().is_some_and(|(known, ..)| *known == uri) => Vec::new(),
            Some(uri) => {
                let stamp = world.stamp();
                self.content = Some((uri.clone(), stamp, None));
                vec![Ask::Effect(Effect::Content { stamp, uri })]
            }
        }
    }

    fn look_closer(&self, world: &World<'_>) -> Vec<Ask> {
        let Some(case) = world.case else { return Vec::new() };
        let raw = match self.tab {
            Tab::Summary => return Vec::new(),
            Tab::Timeline => timeline::entries(case, self.kept).get(self.cursor()).map(|event| {
                let title = format!("Event {} · {}", event["seq"], event["tool_name"].as_str().unwrap_or_default());
                Raw::new(title, event, None)
            }),
            Tab::Evidence => evidence::items(case).get(self.cursor()).map(|item| {
                let content = self.content.as_ref().and_then(|(_, _, content)| content.clone());
                Raw::new(format!("Evidence · {}", item["kind"].as_str().unwrap_or_default()), item, content)
            }),
        };
        raw.map(|raw| Ask::Open(Box::new(raw))).into_iter().collect()
    }

    /// The entry that was clicked, where one stands.
    fn entry_at(&self, event: MouseEvent, world: &World<'_>) -> Option<usize> {
        let height = match self.tab {
            Tab::Summary => return None,
            Tab::Timeline => timeline::HEIGHT,
            Tab::Evidence => 1,
        };
        let list = self.list.get();
        let row = clicked(event, list, 0)?;
        let entry = self.top.get() + row / height;
        let is_drawn = row < (usize::from(list.height) / height).max(1) * height;
        (is_drawn && entry < self.len(world)).then_some(entry)
    }

    /// A click selects, a second one opens.
    fn clicked(&mut self, entry: usize, world: &World<'_>) -> Vec<Ask> {
        self.put(entry, world);
        let mut asks = self.wanted_content(world);
        match self.clicks.click((self.tab, entry), world) {
            Some(wait) => asks.push(Ask::Effect(wait)),
            None => asks.extend(self.look_closer(world)),
        }
        asks
    }

    fn turned(&mut self, by: isize, world: &World<'_>) -> Vec<Ask> {
        let many = Tab::ALL.len();
        let at = self.tab as usize;
        let to = if by < 0 { (at + many - 1) % many } else { (at + 1) % many };
        let tab = Tab::ALL.get(to).copied().unwrap_or(Tab::Summary);
        self.show(tab, world)
    }

    /// Draws the pane.
    pub fn draw_pane(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>, has_focus: bool) {
        let title = match world.row {
            None => Text::from(span(" Case ", world.theme, Role::Title)),
            Some(line) => Text::from(vec![
                span(format!(" {} ", safe(&line.number, 20)), world.theme, Role::Title),
                span(
                    format!("{} ", safe(&line.summary, usize::from(area.width).saturating_sub(line.number.len() + 6))),
                    world.theme,
                    Role::Text,
                ),
            ]),
        };
        let block = pane(title, screen.area(), world.theme, has_focus);
        let inner = block.inner(area);
        screen.render_widget(block, area);
        if world.row.is_none() {
            let words = "The ticket under the queue's cursor is shown here.";
            return Self::draw_words(screen, inner, words, world);
        }
        let stale = summary::not_read_again(world);
        let stale = wrap(stale.as_deref().unwrap_or_default(), usize::from(inner.width).saturating_sub(2));
        let told = u16::try_from(stale.len()).unwrap_or(u16::MAX).min(inner.height / 3);
        let [tabs, old, body] =
            Layout::vertical([Constraint::Length(1), Constraint::Length(told), Constraint::Min(0)]).areas(inner);
        let stale = stale.into_iter().map(|line| Text::from(span(format!(" {line}"), world.theme, Role::Error)));
        screen.render_widget(Paragraph::new(stale.collect::<Vec<_>>()), old);
        self.tabs.set(tabs);
        screen.render_widget(Paragraph::new(self.tab_line(world)), tabs);
        self.area.set(body);
        self.room.set(usize::from(body.height));
        match (self.tab, world.case) {
            (Tab::Summary, _) => {
                let lines = summary::lines(world, usize::from(body.width), self.shows_contact);
                let top = self.cursor().min(lines.len().saturating_sub(usize::from(body.height)));
                let shown: Vec<Text<'_>> = lines.into_iter().skip(top).take(usize::from(body.height)).collect();
                screen.render_widget(Paragraph::new(shown), body);
            }
            (_, None) if !world.is_live => {
                Self::draw_words(screen, body, "Not read yet, and the database does not answer.", world);
            }
            (_, None) => Self::draw_words(screen, body, &summary::not_read(world), world),
            (Tab::Timeline, Some(case)) => {
                let at = (self.cursor(), &self.top);
                self.list.set(timeline::draw(screen, body, world, case, self.kept, at, has_focus));
            }
            (Tab::Evidence, Some(case)) => {
                let content = self.content.as_ref().and_then(|(_, _, content)| content.as_ref());
                let at = (self.cursor(), &self.top);
                self.list.set(evidence::draw(screen, body, world, case, at, content, has_focus));
            }
        }
    }

    fn draw_words(screen: &mut Frame<'_>, area: Rect, words: &str, world: &World<'_>) {
        let lines = wrap(words, usize::from(area.width).saturating_sub(2));
        let lines: Vec<Text<'_>> =
            lines.into_iter().map(|line| Text::from(span(format!(" {line}"), world.theme, Role::Muted))).collect();
        screen.render_widget(Paragraph::new(lines), area);
    }

    fn tab_line(&self, world: &World<'_>) -> Text<'static> {
        let mut words = Vec::new();
        for &tab in Tab::ALL {
            // Brackets say which one it is where no colour does.
            let (text, role) =
                if tab == self.tab { (format!("[{tab}]"), Role::Accent) } else { (format!(" {tab} "), Role::Muted) };
            words.push(span(text, world.theme, role));
            words.push(Span::raw(" "));
        }
        if self.tab == Tab::Timeline && self.kept != Kept::All {
            words.push(span(format!("only {}", self.kept), world.theme, Role::Warning));
        }
        Text::from(words)
    }
}

impl Part for CasePane {
    fn scope(&self) -> Scope {
        Scope::Case
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        self.clicks.forget();
        match press.action {
            Some(Action::TabNext) => self.turned(1, world),
            Some(Action::TabPrevious) => self.turned(-1, world),
            Some(Action::Summary) => self.show(Tab::Summary, world),
            Some(Action::Timeline) => self.show(Tab::Timeline, world),
            Some(Action::Evidence) => self.show(Tab::Evidence, world),
            Some(Action::TimelineFilter) => {
                self.kept = self.kept.next();
                self.cursor = [0; 3];
                self.show(Tab::Timeline, world)
            }
            Some(Action::ShowContact) => {
                self.shows_contact = !self.shows_contact;
                self.show(Tab::Summary, world)
            }
            Some(Action::Enter) => self.look_closer(world),
            Some(Action::Back) => vec![Ask::Do(Action::PreviousPane)],
            Some(
                action @ (Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom),
            ) => self.moved(action, world),
            _ => Vec::new(),
        }
    }

    fn mouse(&mut self, event: MouseEvent, world: &World<'_>) -> Vec<Ask> {
        let tabs = self.tabs.get();
        match event.kind {
            MouseEventKind::ScrollUp => self.moved(Action::Up, world),
            MouseEventKind::ScrollDown => self.moved(Action::Down, world),
            MouseEventKind::Down(MouseButton::Left) if event.row == tabs.y => {
                let mut x = tabs.x;
                for &tab in Tab::ALL {
                    let end = x + u16::try_from(tab.as_str().len()).unwrap_or(0) + 3;
                    if (x..end).contains(&event.column) {
                        return self.show(tab, world);
                    }
                    x = end;
                }
                Vec::new()
            }
            _ => match self.entry_at(event, world) {
                Some(entry) => self.clicked(entry, world),
                None => Vec::new(),
            },
        }
    }

    fn hear(&mut self, msg: &Msg, world: &World<'_>) -> Vec<Ask> {
        match msg {
            Msg::Content { stamp, outcome } => {
                if let Some((_, asked, content)) = &mut self.content
                    && asked == stamp
                {
                    content.clone_from(outcome);
                }
                Vec::new()
            }
            Msg::Due { stamp } => {
                self.clicks.due(*stamp);
                Vec::new()
            }
            Msg::Case { .. } => {
                let events = self.events_now(world);
                let new = events.saturating_sub(std::mem::replace(&mut self.events, events));
                // On the newest it stays on the newest.
                if let Some(at @ 1..) = self.cursor.get_mut(Tab::Timeline as usize) {
                    *at += new;
                }
                self.clamp(world);
                self.wanted_content(world)
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, frame: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        self.draw_pane(frame, area, world, true);
    }
}
