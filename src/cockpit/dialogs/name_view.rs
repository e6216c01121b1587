//! A name for the filter that is to be kept as a view.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;

use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::look::{dialog, safe, span, wrap};
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;
use crate::cockpit::typed::{Typed, Typing};
use crate::cockpit::views;

/// The longest name.
const LONGEST: usize = 40;
/// The dialog, with its frame.
const WIDTH: u16 = 60;

/// The dialog.
#[derive(Debug)]
pub struct NameView {
    filter: String,
    name: Typed,
    wrong: Option<&'static str>,
}

impl NameView {
    /// Asks what a filter is to be called.
    pub fn new(filter: String) -> Self {
        Self { filter, name: Typed::new(LONGEST), wrong: None }
    }

    fn keep(&mut self, world: &World<'_>) -> Vec<Ask> {
        let Some(name) = self.name.said().map(str::to_owned) else {
            self.wrong = Some("A view needs a name. Type one.");
            return Vec::new();
        };
        if views::is_given(&world.known.views, &name) {
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
        if self.name.press(press.key) == Typing::Changed {
            self.wrong = None;
        }
        Vec::new()
    }

    fn paste(&mut self, text: &str, _world: &World<'_>) -> Vec<Ask> {
        self.wrong = None;
        self.name.paste(text).1
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let wrong = wrap(self.wrong.unwrap_or_default(), usize::from(WIDTH) - 4);
        let size = (WIDTH, u16::try_from(wrong.len() + 4).unwrap_or(u16::MAX));
        let inner = dialog(screen, area, size, "Keep this filter as a view", world.theme);
        let [labels, texts] = Layout::horizontal([Constraint::Length(8), Constraint::Min(0)]).areas(inner);
        let lines = ["Filter", "Name"].into_iter().zip([Role::Muted, Role::Key]);
        let lines: Vec<Text<'_>> =
            lines.map(|(label, role)| Text::from(span(format!(" {label}"), world.theme, role))).collect();
        screen.render_widget(Paragraph::new(lines), labels);
        let [filter, name, _] =
            Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(0)]).areas(texts);
        let shown = safe(&self.filter, usize::from(filter.width).saturating_sub(1));
        screen.render_widget(Paragraph::new(Text::from(span(shown, world.theme, Role::Text))), filter);
        self.name.draw(screen, name, world.theme);
        let beneath = Rect { y: inner.y + inner.height.min(2), height: inner.height.saturating_sub(2), ..inner };
        let wrong = wrong.into_iter().map(|line| Text::from(span(format!(" {line}"), world.theme, Role::Error)));
        screen.render_widget(Paragraph::new(wrong.collect::<Vec<_>>()), beneath);
    }
}
