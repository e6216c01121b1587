//! Everything that can be done with the selected ticket, grouped as the contract groups it; what is
//! impossible is grey and says why, and the chosen one in the words of the refusal that the call itself would get.

use std::cell::Cell;

use crossterm::event::{KeyCode, MouseEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;
use uuid::Uuid;

use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{clicked, dialog, left, safe, scrolled, span, wrap};
use crate::cockpit::panes::case::summary::lacks_evidence;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::refused::{At, brief, told};
use crate::cockpit::rows::Line;
use crate::cockpit::theme::Role;
use crate::domain::actor;
use crate::domain::judge;
use crate::domain::next::{self, Next};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::registry;
use crate::domain::state::State;
use crate::domain::tool::{From, Group, Tool};

/// The dialog.
#[derive(Debug, Default)]
pub struct Actions {
    /// The ticket that it was opened on.
    ticket: Option<Uuid>,
    cursor: usize,
    top: Cell<usize>,
    /// Where the entries were drawn.
    area: Cell<Rect>,
    /// A key was pressed for what cannot be done: its reason is told loudly.
    is_refused: bool,
}

/// The tools of the menu: all about a ticket, and those that make one, in the order of their groups.
pub fn tools() -> Vec<&'static Tool> {
    let fits = |tool: &&Tool| tool.spec.takes_ticket() || tool.spec.from == From::NewTicket;
    let mut tools: Vec<&Tool> = registry::tools().iter().filter(fits).collect();
    tools.sort_by_key(|tool| tool.spec.group as usize);
    tools
}

/// Why a tool cannot be called on a row by a role; none where it can.
pub fn reason(tool: &Tool, row: Option<&Line>, role: actor::Role) -> Option<Refusal> {
    let verdict = match row {
        _ if !tool.spec.takes_ticket() => judge::may_call(tool, role),
        Some(row) => judge::may_call(tool, role).and_then(|()| judge::admit(tool, row.state)),
        None => Err(Refusal::new(Code::TicketNotFound, "No ticket is selected.")),
    };
    verdict.err()
}

/// What a tool is asked for by.
pub fn ask(tool: &'static Tool) -> Ask {
    match tool.spec.name {
        "ticket.get" | "case.get" => Ask::Do(Action::Summary),
        "ticket.timeline" => Ask::Do(Action::Timeline),
        "closeout.list_evidence" => Ask::Do(Action::Evidence),
        name => Ask::Tool(name),
    }
}

/// A tool's plain name: `schedule.propose` is "propose a schedule" to nobody but us, so its own summary.
fn words(tool: &Tool) -> &'static str {
    tool.spec.summary.trim_end_matches('.')
}

impl Actions {
    /// What can be done with the selected ticket, the next natural step under the cursor.
    pub fn new(world: &World<'_>) -> Self {
        // What work in progress lacks is not known before its case was read.
        let next = world.row.filter(|row| row.state != State::InProgress || world.case.is_some()).and_then(|row| {
            let lacks = lacks_evidence(world.case.map(|case| &case.case));
            match next::step(row.state, lacks, world.actor.role) {
                Next::Mine(step) => tools().iter().position(|tool| tool.spec.name == step.spec.name),
                Next::Theirs(_) | Next::Nothing(_) => None,
            }
        });
        Self { ticket: world.row.map(|row| row.id), cursor: next.unwrap_or_default(), ..Self::default() }
    }

    /// What one reads here is about another ticket than the one that would be changed.
    fn has_lost_its_ticket(&self, world: &World<'_>) -> bool {
        world.row.map(|row| row.id) != self.ticket
    }

    fn lost() -> Vec<Ask> {
        vec![Ask::Close, Ask::Say("The ticket left the list while its menu was open.".to_owned())]
    }

    fn take(&mut self, world: &World<'_>) -> Vec<Ask> {
        let Some(tool) = tools().get(self.cursor).copied() else { return Vec::new() };
        if reason(tool, world.row, world.actor.role).is_some() {
            self.is_refused = true;
            return Vec::new();
        }
        vec![Ask::Close, ask(tool)]
    }
}

impl Part for Actions {
    fn scope(&self) -> Scope {
        Scope::List
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        if self.has_lost_its_ticket(world) {
            return Self::lost();
        }
        let tools = tools();
        let last = tools.len().saturating_sub(1);
        let page = usize::from(self.area.get().height).max(2) - 1;
        self.is_refused = false;
        self.cursor = match (press.action, press.key.code) {
            (Some(Action::Back), _) => return vec![Ask::Close],
            (Some(Action::Enter), _) => return self.take(world),
            (Some(Action::Up), _) => self.cursor.saturating_sub(1),
            (Some(Action::Down), _) => self.cursor + 1,
            (Some(Action::PageUp), _) => self.cursor.saturating_sub(page),
            (Some(Action::PageDown), _) => self.cursor + page,
            (Some(Action::Top), _) => 0,
            (Some(Action::Bottom), _) => last,
            (None, KeyCode::Char(c)) => match tools.iter().position(|tool| tool.spec.key == c.to_string()) {
                Some(at) => {
                    self.cursor = at;
                    return self.take(world);
                }
                None => self.cursor,
            },
            _ => self.cursor,
        }
        .min(last);
        Vec::new()
    }

    fn mouse(&mut self, event: MouseEvent, world: &World<'_>) -> Vec<Ask> {
        if self.has_lost_its_ticket(world) {
            return Self::lost();
        }
        match clicked(event, self.area.get(), self.top.get()).filter(|at| *at < tools().len()) {
            Some(at) => {
                self.cursor = at;
                self.take(world)
            }
            None => Vec::new(),
        }
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let tools = tools();
        let title = world.row.map_or_else(
            || "Actions".to_owned(),
            |row| format!("Actions on {} · {}", row.number, row.state.as_str().replace('_', " ")),
        );
        let rows = u16::try_from(tools.len() + 5).unwrap_or(u16::MAX);
        let inner = dialog(screen, area, (96, rows), &title, world.theme);
        let [list, beneath] = Layout::vertical([Constraint::Min(1), Constraint::Length(3)]).areas(inner);
        self.area.set(list);
        let first = scrolled(self.top.get(), self.cursor, usize::from(list.height), tools.len());
        self.top.set(first);
        let mut group: Option<Group> = None;
        for ((n, tool), y) in tools.iter().enumerate().skip(first).zip(list.y..list.bottom()) {
            let at = Rect { y, height: 1, ..list };
            let why = reason(tool, world.row, world.actor.role);
            let on = n == self.cursor;
            let heading = if group == Some(tool.spec.group) { "" } else { tool.spec.group.as_str() };
            group = Some(tool.spec.group);
            let role = |role| if why.is_some() { Role::Disabled } else { role };
            let style = |role| if on { world.theme.style_on_selection(role) } else { world.theme.style(role) };
            if on {
                screen.buffer_mut().set_style(at, world.theme.style(Role::Selection));
            }
            let name = if inner.width >= 70 { 26 } else { 0 };
            let room = usize::from(inner.width).saturating_sub(15 + name);
            let text = match &why {
                None => words(tool).to_owned(),
                // What cannot be done is told apart by a mark, not by its colour alone.
                Some(why) => format!("✗ {}", brief(why)),
            };
            let line = Text::from(vec![
                span(if on { "▌" } else { " " }, world.theme, Role::Focus).style(style(Role::Focus)),
                span(left(heading, 9), world.theme, Role::Muted).style(style(Role::Muted)),
                span(format!(" {:<2} ", tool.spec.key), world.theme, Role::Key).style(style(role(Role::Key))),
                span(left(tool.spec.name, name), world.theme, Role::Text).style(style(role(Role::Text))),
                span(safe(&text, room), world.theme, Role::Text).style(style(role(Role::Muted))),
            ]);
            screen.render_widget(Paragraph::new(line), at);
        }
        let chosen = tools.get(self.cursor).copied();
        let (text, role) = match chosen.map(|tool| (tool, reason(tool, world.row, world.actor.role))) {
            Some((_, Some(why))) => {
                (told(&why, At::Menu, world), if self.is_refused { Role::Error } else { Role::Muted })
            }
            Some((tool, None)) => (format!("{}: {}", tool.spec.name, tool.spec.summary), Role::Muted),
            None => (String::new(), Role::Muted),
        };
        let lines: Vec<Text<'_>> = std::iter::once(Text::default())
            .chain(
                wrap(&text, usize::from(beneath.width).saturating_sub(2))
                    .into_iter()
                    .map(|line| Text::from(span(format!(" {line}"), world.theme, role))),
            )
            .collect();
        screen.render_widget(Paragraph::new(lines), beneath);
    }
}
