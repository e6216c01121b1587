//! A name for the filter that is to be kept as a view.

use crossterm::event::{Event, KeyCode};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{dialog, left, safe, span, wrap};
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;
use crate::cockpit::views;
use crate::text::{plain, width};

/// The longest name.
const LONGEST: usize = 40;
/// The dialog, with its frame.
const WIDTH: u16 = 60;

/// The dialog.
#[derive(Debug)]
pub struct NameView {
    filter: String,
    input: Input,
    wrong: Option<&'static str>,
}

impl NameView {
    /// Asks what a filter is to be called.
    pub fn new(filter: String) -> Self {
        Self { filter, input: Input::default(), wrong: None }
    }

    fn keep(&mut self, world: &World<'_>) -> Vec<Ask> {
        let name = self.input.value().trim().to_owned();
        if name.is_empty() {
            self.wrong = Some("A view needs a name. Type one.");
        } else if views::is_given(&world.known.views, &name) {
            self.wrong = Some("That name belongs to another view. Type another.");
        } else {
            return vec![Ask::Close, Ask::KeepView { name, filter: self.filter.clone() }];
        }
        Vec::new()
    }
}

impl Part for NameView {
    fn scope(&self) -> Scope {
        Scope::Line
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        match press.action {
            Some(Action::Back) => return vec![Ask::Close],
            Some(Action::Enter) => return self.keep(world),
            _ => {}
        }
        let is_text = matches!(press.key.code, KeyCode::Char(_));
        if !is_text || self.input.value().chars().count() < LONGEST {
            self.input.handle_event(&Event::Key(press.key));
            self.wrong = None;
        }
        Vec::new()
    }

    fn paste(&mut self, text: &str, _world: &World<'_>) -> Vec<Ask> {
        let pasted: String = self.input.value().chars().chain(plain(text).chars()).take(LONGEST).collect();
        self.input = Input::new(pasted);
        Vec::new()
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let wrong = wrap(self.wrong.unwrap_or_default(), usize::from(WIDTH) - 4);
        let size = (WIDTH, u16::try_from(wrong.len() + 4).unwrap_or(u16::MAX));
        let inner = dialog(screen, area, size, "Keep this filter as a view", world.theme);
        let room = usize::from(inner.width).saturating_sub(9);
        let scroll = self.input.visual_scroll(room);
        let typed: String = plain(self.input.value()).chars().skip(scroll).collect();
        let used = width(&typed).min(room);
        let mut lines = vec![
            Text::from(vec![
                span(" Filter ", world.theme, Role::Muted),
                span(safe(&self.filter, room), world.theme, Role::Text),
            ]),
            Text::from(vec![
                span(" Name   ", world.theme, Role::Key),
                span(left(&typed, used), world.theme, Role::Input),
            ]),
        ];
        lines.extend(wrong.into_iter().map(|line| Text::from(span(format!(" {line}"), world.theme, Role::Error))));
        screen.render_widget(Paragraph::new(lines), inner);
        if inner.height > 1 {
            let x = inner.x + 8 + u16::try_from(self.input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
            screen.set_cursor_position((x.min(inner.right().saturating_sub(1)), inner.y + 1));
        }
    }
}
