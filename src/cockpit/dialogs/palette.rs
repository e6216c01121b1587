//! Anything by its name: tools, tickets, views, commands.

use crossterm::event::MouseEvent;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;
use uuid::Uuid;

use super::actions;
use super::lists::ROLES;
use crate::cockpit::effect::Effect;
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::list::List;
use crate::cockpit::look::{dialog, left, safe, span};
use crate::cockpit::msg::Msg;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::refused::{At, brief, told};
use crate::cockpit::rows::Line;
use crate::cockpit::theme::Role;
use crate::cockpit::typed::{Typed, Typing};
use crate::cockpit::views::VIEWS;
use crate::domain::directory::Kind;
use crate::domain::registry;
use crate::domain::tool::Tool;
use crate::text::width;

/// How many entries are offered.
const MOST: usize = 50;
/// How many rows are looked at for a number between two keys.
const SLICE: usize = 4_000;
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
    typed: Typed,
    /// The search for a number.
    search: Option<Search>,
    found: Vec<Found>,
    list: List,
}

/// The rows whose number begins with digits, as far as was looked.
#[derive(Debug)]
struct Search {
    digits: String,
    tickets: Vec<Found>,
    /// Where in the queue it goes on; none where it is through.
    next: Option<usize>,
}

fn of_line(line: &Line) -> Found {
    Found {
        kind: "ticket",
        name: line.number.to_string(),
        detail: format!("{} · {} · {}", line.state.as_str().replace('_', " "), line.site.name, line.summary),
        does: Does::Ticket(line.id, line.number.to_string()),
    }
}

impl Search {
    /// Looks for what was typed, if that is a number.
    fn of(text: &str) -> Option<Self> {
        let digits = text.trim_start_matches(['t', 'T']).trim_start_matches('-');
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
        is_number.then(|| Self { digits: digits.to_owned(), tickets: Vec::new(), next: Some(0) })
    }

    /// Looks at the next rows.
    fn go_on(&mut self, world: &World<'_>) {
        let Some(from) = self.next else { return };
        let (rows, to) = (&world.known.rows, from + SLICE);
        let slice = rows.order().get(from..to.min(rows.len())).unwrap_or_default();
        for line in slice.iter().filter_map(|slot| rows.line(*slot)) {
            let fits = line.number.trim_start_matches("T-").starts_with(&self.digits);
            // Rows move meanwhile.
            if fits && self.tickets.len() < MOST && !self.tickets.iter().any(|ticket| ticket.name == *line.number) {
                self.tickets.push(of_line(line));
            }
        }
        self.next = (to < rows.len() && self.tickets.len() < MOST).then_some(to);
    }

    /// What was found, and that it can be looked for.
    fn found(&self) -> Vec<Found> {
        let mut found = self.tickets.clone();
        let number = format!("T-{}", self.digits);
        if !found.iter().any(|ticket| ticket.name == number) {
            found.push(Found {
                kind: "ticket",
                name: number.clone(),
                detail: "look for it, closed work included".to_owned(),
                does: Does::Find(number),
            });
        }
        found
    }
}

impl Palette {
    /// Offers everything, until something is typed.
    pub fn new(world: &World<'_>) -> Self {
        let ticket = world.row.map(|row| row.id);
        let mut palette = Self { ticket, typed: Typed::new(LONGEST), ..Self::default() };
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
                    detail: match actions::reason(tool, None, world.actor.role) {
                        None => format!("Add or change {kind}"),
                        Some(why) => format!("✗ {}", brief(&why)),
                    },
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

    /// Looks for what was typed; asks to go on where that takes longer.
    fn look(&mut self, world: &World<'_>) -> Vec<Ask> {
        self.list = List::default();
        self.search = self.typed.said().and_then(Search::of);
        self.look_on(world)
    }

    fn look_on(&mut self, world: &World<'_>) -> Vec<Ask> {
        if let Some(search) = &mut self.search {
            search.go_on(world);
        }
        self.rank(world);
        let goes_on = self.search.as_ref().is_some_and(|search| search.next.is_some());
        goes_on.then_some(Ask::Effect(Effect::GoOn)).into_iter().collect()
    }

    /// Puts what fits best on top.
    fn rank(&mut self, world: &World<'_>) {
        let Some(text) = self.typed.said() else {
            self.found = Self::everything(world);
            // What can be done stands before what cannot.
            self.found.sort_by_key(|found| !found.is_told());
            return;
        };
        let is_number = self.search.is_some();
        let rows = &world.known.rows;
        let mut all = match &self.search {
            Some(search) => search.found(),
            None => rows.order().iter().take(TICKETS).filter_map(|slot| rows.line(*slot)).map(of_line).collect(),
        };
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
        let Some(found) = self.found.get(self.list.cursor) else { return Vec::new() };
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
        match press.action {
            Some(Action::Back) => vec![Ask::Close],
            Some(Action::Enter) => self.take(world),
            Some(action @ (Action::Up | Action::Down)) => {
                self.list.press(Some(action), self.found.len());
                Vec::new()
            }
            _ if self.typed.press(press.key) == Typing::Changed => self.look(world),
            _ => Vec::new(),
        }
    }

    fn paste(&mut self, text: &str, world: &World<'_>) -> Vec<Ask> {
        let (_, mut asks) = self.typed.paste(text);
        asks.extend(self.look(world));
        asks
    }

    fn mouse(&mut self, event: MouseEvent, world: &World<'_>) -> Vec<Ask> {
        if self.list.click(event, self.found.len()) { self.take(world) } else { Vec::new() }
    }

    fn hear(&mut self, msg: &Msg, world: &World<'_>) -> Vec<Ask> {
        let is_on = self.search.as_ref().is_some_and(|search| search.next.is_some());
        if !matches!(msg, Msg::GoOn) || !is_on {
            return Vec::new();
        }
        let under_cursor = self.found.get(self.list.cursor).filter(|_| self.list.cursor > 0);
        let under_cursor = under_cursor.map(|found| found.does.clone());
        let asks = self.look_on(world);
        // Whoever went to an entry stays on it.
        let at = under_cursor.and_then(|does| self.found.iter().position(|found| found.does == does));
        self.list.cursor = at.unwrap_or(self.list.cursor);
        asks
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let inner = dialog(screen, area, (90, 22), "Command", world.theme);
        let [line, list] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
        let [before, field] = Layout::horizontal([Constraint::Length(3), Constraint::Min(0)]).areas(line);
        screen.render_widget(Paragraph::new(Text::from(span(" : ", world.theme, Role::Key))), before);
        self.typed.draw(screen, field, world.theme);
        if self.found.is_empty() {
            let words = Text::from(span(" Nothing has this name.", world.theme, Role::Muted));
            return screen.render_widget(Paragraph::new(words), list);
        }
        let name = self.found.iter().map(|found| width(&found.name)).max().unwrap_or_default().clamp(8, 30);
        let room = usize::from(list.width).saturating_sub(name + 13);
        self.list.draw(screen, list, world.theme, self.found.len(), |n, bar| {
            let Some(found) = self.found.get(n) else { return Vec::new() };
            vec![
                bar.span(left(found.kind, 8), Role::Muted),
                bar.span(left(&found.name, name), Role::Accent),
                bar.span(format!("  {}", safe(&found.detail, room)), Role::Muted),
            ]
        });
    }
}
