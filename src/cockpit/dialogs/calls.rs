//! The calls of this cockpit: what waits, what was answered, and what was refused and why.

use crossterm::event::MouseEvent;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line as Text;
use ratatui::widgets::Paragraph;

use crate::cockpit::calls::Standing;
use crate::cockpit::dialogs::ask_again::AskAgain;
use crate::cockpit::envelope::Target;
use crate::cockpit::keymap::{Action, Scope};
use crate::cockpit::list::List;
use crate::cockpit::look::{dialog, safe, span, wrap};
use crate::cockpit::panes::footer;
use crate::cockpit::part::{Ask, Part, Press, World};
use crate::cockpit::theme::Role;

/// The dialog.
#[derive(Debug, Default)]
pub struct CallList {
    list: List,
}

impl CallList {
    /// What can be done about the call under the cursor.
    fn take(&self, world: &World<'_>) -> Vec<Ask> {
        let Some(entry) = world.known.calls.newest_first().nth(self.list.cursor) else { return Vec::new() };
        let ask = match (&entry.standing, &entry.envelope.target) {
            (Standing::Asks(why), _) => {
                Ask::Open(Box::new(AskAgain::new(entry.envelope.clone(), *why, world.known.local)))
            }
            (Standing::Refused(_) | Standing::Withdrawn, _) => Ask::Reopen(entry.envelope.request_id),
            (_, Target::Ticket { id, number }) => Ask::Select { id: *id, number: number.clone() },
            _ => return Vec::new(),
        };
        vec![Ask::Close, ask]
    }
}

impl Part for CallList {
    fn scope(&self) -> Scope {
        Scope::Read
    }

    fn press(&mut self, press: Press, world: &World<'_>) -> Vec<Ask> {
        match press.action {
            Some(Action::Back) => return vec![Ask::Close],
            Some(Action::Enter) => return self.take(world),
            action => self.list.press(action, world.known.calls.newest_first().count()),
        }
        Vec::new()
    }

    fn mouse(&mut self, event: MouseEvent, world: &World<'_>) -> Vec<Ask> {
        let is_clicked = self.list.click(event, world.known.calls.newest_first().count());
        if is_clicked { self.take(world) } else { Vec::new() }
    }

    fn draw(&self, screen: &mut Frame<'_>, area: Rect, world: &World<'_>) {
        let known = world.known;
        let entries: Vec<_> = known.calls.newest_first().collect();
        let rows = u16::try_from(entries.len().clamp(1, 30) + 7).unwrap_or(u16::MAX);
        let inner = dialog(screen, area, (100, rows), "Calls", world.theme);
        if entries.is_empty() {
            let key = world.keymap.shown(Scope::Global, Action::Actions);
            let words = format!(" No call was made yet. {key} shows what can be done with a ticket.");
            let words = Text::from(span(safe(&words, usize::from(inner.width)), world.theme, Role::Muted));
            return screen.render_widget(Paragraph::new(words), inner);
        }
        let [list, told] = Layout::vertical([Constraint::Min(1), Constraint::Length(4)]).areas(inner);
        self.list.draw(screen, list, world.theme, entries.len(), |n, bar| {
            let Some(entry) = entries.get(n) else { return Vec::new() };
            let (text, role) = footer::result(entry, known);
            let about = match &entry.envelope.target {
                Target::Ticket { number, .. } => number.as_str(),
                Target::Kind(kind) => kind,
                Target::Nothing => "new",
            };
            let line = safe(&format!("{about:<9} {text}"), usize::from(inner.width).saturating_sub(2));
            vec![bar.span(line, role.unwrap_or(Role::Text))]
        });
        let text = match entries.get(self.list.cursor).map(|entry| &entry.standing) {
            Some(Standing::Refused(refusal)) => {
                format!(
                    "{} {} opens its form again.",
                    refusal.finding(),
                    world.keymap.shown(Scope::Read, Action::Enter)
                )
            }
            Some(Standing::Waits) => "Kept in the journal. It goes as soon as the database answers.".to_owned(),
            Some(Standing::Asks(_)) => {
                format!("{} asks whether it should still go.", world.keymap.shown(Scope::Read, Action::Enter))
            }
            _ => format!("{} goes to its ticket.", world.keymap.shown(Scope::Read, Action::Enter)),
        };
        let lines: Vec<Text<'_>> = std::iter::once(Text::default())
            .chain(
                wrap(&text, usize::from(told.width).saturating_sub(2))
                    .into_iter()
                    .map(|line| Text::from(span(format!(" {line}"), world.theme, Role::Text))),
            )
            .collect();
        screen.render_widget(Paragraph::new(lines), told);
    }
}
