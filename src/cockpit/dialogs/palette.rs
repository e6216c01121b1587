//! Anything by its name: tools, tickets, views, commands.

use std::cell::Cell;

use crossterm::event::{Event, KeyCode, MouseEvent};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;
use uuid::Uuid;

use super::actions;
use super::lists::ROLES;
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{clicked, dialog, left, safe, scrolled, span};
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::refused::{At, brief, told};
use crate::cockpit::theme::Role;
use crate::cockpit::views::VIEWS;
use crate::domain::directory::Kind;
use crate::domain::registry;
use crate::domain::tool::Tool;
use crate::text::width;

/// How many entries are offered.
const MOST: usize = 50;
/// How many of the most pressing tickets are looked at by their words.
const TICKETS: usize = 1_000;
/// The longest name that is looked for.
const LONGEST: usize = 100;

/// What an entry does.
#[derive(Debug, Clone, PartialEq)]
enum Does {
    Tool(&'static str),
    Directory(Kind),
    Action(Action),
    View(String),
    Ticket(Uuid, String),
    Find(String),
    Role(crate::domain::actor::Role),
}

#[derive(Debug, Clone)]
struct Found {
    kind: &'static str,
    name: String,
    detail: String,
    does: Does,
}

impl Found {
    /// Whether what is said about it is looked at too: of a ticket its words, of a tool what it does, but
    /// not why it cannot be called.
    fn is_told(&self) -> bool {
        !self.detail.starts_with('✗')
    }
}

/// The dialog.
#[derive(Debug, Default)]
pub struct Palette {
    /// The ticket that it was opened on.
    ticket: Option<Uuid>,
    input: Input,
    found: Vec<Found>,
    cursor: usize,
    top: Cell<usize>,
    /// Where the entries were drawn.
    area: Cell<Rect>,
}

impl Palette {
    /// Offers everything, until something is typed.
    pub fn new(world: &World<'_>) -> Self {
        let mut palette = Self { ticket: world.row.map(|row| row.id), ..Self::default() };
        palette.look(world);
        palette
    }

    fn everything(world: &World<'_>) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        for tool in registry::tools() {
            match tool.spec.name {
                "directory.upsert" => all.extend(Kind::ALL.iter().map(|kind| Found {
                    kind: "tool",
                    name: format!("directory.upsert {kind}"),
                    detail: format!("Add or change {kind}"),
                    does: Does::Directory(*kind),
                })),
                "dispatcher.cockpit" | "directory.search" => {}
                name => all.push(Found {
                    kind: "tool",
                    name: name.to_owned(),
                    detail: detail(tool, world),
                    does: Does::Tool(name),
                }),
            }
        }
        let kept = world.known.views.iter().map(|view| (view.name.as_str(), view.filter.as_str()));
        for (name, filter) in VIEWS.iter().copied().chain(kept) {
            all.push(Found {
                kind: "view",
                name: name.to_owned(),
                detail: filter.to_owned(),
                does: Does::View(filter.to_owned()),
            });
        }
        for (binding, keys) in world.keymap.in_scope(Scope::Queue) {
            let is_step = matches!(
                binding.action,
                Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Palette | Action::Enter
            );
            if !is_step {
                all.push(Found {
                    kind: "command",
                    name: binding.action.as_str().replace('_', " "),
                    detail: format!("{} ({})", binding.help, keys.first().map(ToString::to_string).unwrap_or_default()),
                    does: Does::Action(binding.action),
                });
            }
        }
        for &role in ROLES {
            all.push(Found {
                kind: "role",
                name: format!("act as {role}"),
                detail: String::new(),
                does: Does::Role(role),
            });
        }
        all
    }

    fn tickets(world: &World<'_>, text: &str) -> Vec<Found> {
        let digits = text.trim_start_matches(['t', 'T']).trim_start_matches('-');
        let by_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
        let rows = &world.known.rows;
        let lines = rows.order().iter().filter_map(|slot| rows.line(*slot));
        let found = |line: &crate::cockpit::rows::Line| Found {
            kind: "ticket",
            name: line.number.to_string(),
            detail: format!("{} · {} · {}", line.state.as_str().replace('_', " "), line.site.name, line.summary),
            does: Does::Ticket(line.id, line.number.to_string()),
        };
        if !by_number {
            return lines.take(TICKETS).map(found).collect();
        }
        let mut tickets: Vec<Found> = lines
            .filter(|line| line.number.trim_start_matches("T-").starts_with(digits))
            .take(MOST)
            .map(found)
            .collect();
        let number = format!("T-{digits}");
        if !tickets.iter().any(|ticket| ticket.name == number) {
            tickets.push(Found {
                kind: "ticket",
                name: number.clone(),
                detail: "look for it, closed work included".to_owned(),
                does: Does::Find(number),
            });
        }
        tickets
    }

    fn look(&mut self, world: &World<'_>) {
        let text = self.input.value().trim();
        self.cursor = 0;
        if text.is_empty() {
            self.found = Self::everything(world);
            return;
        }
        let mut all = Self::tickets(world, text);
        let is_number = all.last().is_some_and(|found| matches!(found.does, Does::Find(_)));
        all.extend(Self::everything(world));
        let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut room = Vec::new();
        let mut scored: Vec<(u32, Found)> = all
            .into_iter()
            .filter_map(|found| {
                // A name counts for more than what is said about it.
                let by_name = pattern.score(Utf32Str::new(&found.name, &mut room), &mut matcher).map(|score| score * 2);
                let told = if found.is_told() { found.detail.as_str() } else { "" };
                let by_detail = pattern.score(Utf32Str::new(told, &mut room), &mut matcher);
                let number = (is_number && found.kind == "ticket").then_some(1);
                Some((by_name.max(by_detail).or(number)?, found))
            })
            .collect();
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.found = scored.into_iter().take(MOST).map(|(_, found)| found).collect();
    }

    fn take(&self, world: &World<'_>) -> Vec<Ask> {
        let Some(found) = self.found.get(self.cursor) else { return Vec::new() };
        let ask = match &found.does {
            Does::Tool(name) => {
                let Some(tool) = registry::find(name) else { return Vec::new() };
                if tool.spec.takes_ticket() && world.row.map(|row| row.id) != self.ticket {
                    return vec![Ask::Close, Ask::Say("The ticket left the list meanwhile.".to_owned())];
                }
                if let Some(why) = actions::reason(tool, world.row, world.actor.role) {
                    return vec![Ask::Close, Ask::Say(told(&why, At::Screen, world))];
                }
                actions::ask(tool)
            }
            Does::Directory(kind) => Ask::Directory(*kind),
            Does::Action(action) => Ask::Do(*action),
            Does::View(filter) => Ask::Filter(filter.clone()),
            Does::Ticket(id, number) => Ask::Select { id: *id, number: number.clone() },
            Does::Find(number) => Ask::Find(number.clone()),
            Does::Role(role) => Ask::Role(*role),
        };
        vec![Ask::Close, ask]
    }
}

fn detail(tool: &Tool, world: &World<'_>) -> String {
    match actions::reason(tool, world.row, world.actor.role) {
        None => tool.spec.summary.to_owned(),
        Some(why) => format!("✗ {}", brief(&why)),
    }
}

impl Part for Palette {
    fn scope(&self) -> Scope {
        Scope::Line
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        let last = self.found.len().saturating_sub(1);
        match press.action {
            Some(Action::Back) => return vec![Ask::Close],
            Some(Action::Enter) => return self.take(world),
            Some(Action::Up) => self.cursor = self.cursor.saturating_sub(1),
            Some(Action::Down) => self.cursor = (self.cursor + 1).min(last),
            _ => {
                let is_full = self.input.value().chars().count() >= LONGEST;
                if !is_full || !matches!(press.key.code, KeyCode::Char(_)) {
                    self.input.handle_event(&Event::Key(press.key));
                    self.look(world);
                }
            }
        }
        Vec::new()
    }

    fn paste(&mut self, text: &str, world: &World<'_>) -> Vec<Ask> {
        let typed: String =
            self.input.value().chars().chain(text.chars().filter(|c| !c.is_control())).take(LONGEST).collect();
        self.input = Input::new(typed);
        self.look(world);
        Vec::new()
    }

    fn mouse(&mut self, event: MouseEvent, world: &World<'_>) -> Vec<Ask> {
        match clicked(event, self.area.get(), self.top.get()).filter(|at| *at < self.found.len()) {
            Some(at) => {
                self.cursor = at;
                self.take(world)
            }
            None => Vec::new(),
        }
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let inner = dialog(screen, area, (90, 22), "Command", world.theme);
        let [line, list] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
        let room = usize::from(line.width).saturating_sub(4);
        let scroll = self.input.visual_scroll(room);
        let text: String = crate::text::plain(self.input.value()).chars().skip(scroll).collect();
        let typed = Text::from(vec![
            span(" : ", world.theme, Role::Key),
            span(left(&text, room.min(width(&text).max(1))), world.theme, Role::Input),
        ]);
        screen.render_widget(Paragraph::new(typed), line);
        let x = line.x + 3 + u16::try_from(self.input.visual_cursor().saturating_sub(scroll)).unwrap_or_default();
        screen.set_cursor_position((x.min(line.right().saturating_sub(1)), line.y));
        if self.found.is_empty() {
            let words = Text::from(span(" Nothing has this name.", world.theme, Role::Muted));
            return screen.render_widget(Paragraph::new(words), list);
        }
        self.area.set(list);
        let first = scrolled(self.top.get(), self.cursor, usize::from(list.height), self.found.len());
        self.top.set(first);
        let name = self.found.iter().map(|found| width(&found.name)).max().unwrap_or_default().clamp(8, 30);
        for ((n, found), y) in self.found.iter().enumerate().skip(first).zip(list.y..list.bottom()) {
            let at = Rect { y, height: 1, ..list };
            let on = n == self.cursor;
            let style = |role| if on { world.theme.style_on_selection(role) } else { world.theme.style(role) };
            if on {
                screen.buffer_mut().set_style(at, world.theme.style(Role::Selection));
            }
            let room = usize::from(list.width).saturating_sub(name + 13);
            let line = Text::from(vec![
                span(if on { "▌" } else { " " }, world.theme, Role::Focus).style(style(Role::Focus)),
                span(left(found.kind, 8), world.theme, Role::Muted).style(style(Role::Muted)),
                span(left(&found.name, name), world.theme, Role::Text).style(style(Role::Accent)),
                span(format!("  {}", safe(&found.detail, room)), world.theme, Role::Muted).style(style(Role::Muted)),
            ]);
            screen.render_widget(Paragraph::new(line), at);
        }
    }
}
