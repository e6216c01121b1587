//! The whole screen: header, what is wrong with the data, queue and case, footer, and what lies on top.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line as Text;
use ratatui::widgets::{Block, Clear, Paragraph};

use super::keymap::{Action, Scope};
use super::known::Link;
use super::look::{BESIDE, left, safe};
use super::model::{Areas, Focus, Model, SPLIT};
use super::panes::case::summary::next;
use super::panes::{footer, header};
use super::theme::Role;
use crate::domain::next::Next;
use crate::text::{age, grouped};

/// Below so many rows only the pane that has the focus is shown.
const BOTH: u16 = 14;

/// Draws the model.
pub fn view(model: &Model, screen: &mut Frame<'_>) {
    let area = screen.area();
    screen.render_widget(Block::new().style(model.known.theme.style(Role::Text)), area);
    if area.is_empty() {
        return;
    }
    let is_low = area.height < 10;
    let banner = banner(model).filter(|_| area.height > 5);
    let [head, told, main, status, hints] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::from(banner.is_some())),
        Constraint::Min(1),
        Constraint::Length(u16::from(!is_low)),
        Constraint::Length(1),
    ])
    .areas(area);
    header::draw(screen, head, &model.known);
    if let Some((text, role)) = banner {
        let style = model.known.theme.style(role);
        screen.render_widget(
            Paragraph::new(Text::styled(left(&format!(" {text}"), usize::from(told.width)), style)),
            told,
        );
    }
    draw_panes(model, screen, main);
    let world = model.world();
    let waits_low = is_low && model.said.is_some() && model.dialogs.is_empty();
    if !is_low {
        footer::status(screen, status, main, &model.known, model.said.as_ref());
    }
    if waits_low {
        footer::status(screen, hints, main, &model.known, model.said.as_ref());
    } else {
        footer::hints(screen, hints, &world, model.scope(), next_step(model).as_deref());
    }
    // Dialogs leave the footer alone: its keys are theirs.
    let over = Rect { height: area.height.saturating_sub(1).max(1), ..area };
    for dialog in &model.dialogs {
        dialog.draw(screen, over, &world);
    }
    if let Some(keys) = model.dialogs.last().and_then(|dialog| dialog.footer(&world, usize::from(hints.width))) {
        screen.render_widget(Clear, hints);
        screen.render_widget(Paragraph::new(keys).style(model.known.theme.style(Role::Text)), hints);
    }
}

fn draw_panes(model: &Model, screen: &mut Frame<'_>, main: Rect) {
    let world = model.world();
    let is_free = model.dialogs.is_empty();
    let (queue, case) = areas(model, main);
    model.areas.set(Areas { queue, case, main });
    if !queue.is_empty() {
        model.queue.draw_pane(screen, queue, &world, model.focus == Focus::Queue && is_free);
    }
    if !case.is_empty() {
        model.case.draw_pane(screen, case, &world, model.focus == Focus::Case && is_free);
    }
}

/// Where the two panes stand.
fn areas(model: &Model, main: Rect) -> (Rect, Rect) {
    if main.width >= BESIDE {
        let queue = model.split.map_or(Constraint::Fill(1), Constraint::Percentage);
        // A case can be read in a third of the screen, and gains nothing by more than this.
        let case = model.split.map_or(Constraint::Length((main.width / 3).clamp(38, 64)), |_| Constraint::Min(30));
        let [queue, case] = Layout::horizontal([queue, case]).areas(main);
        (queue, case)
    } else if main.height >= BOTH {
        let split = model.split.unwrap_or(SPLIT).min(80) * 4 / 5;
        let [queue, case] = Layout::vertical([Constraint::Percentage(split), Constraint::Min(6)]).areas(main);
        (queue, case)
    } else if model.focus == Focus::Queue {
        (main, Rect::default())
    } else {
        (Rect::default(), main)
    }
}

/// What `space` would do, in the footer's words.
fn next_step(model: &Model) -> Option<String> {
    let world = model.world();
    match next(&world, world.row?)? {
        Next::Mine(tool) => Some(format!("next: {}", tool.spec.name)),
        Next::Theirs(tool) => Some(format!("next: {} (not your turn)", tool.spec.name)),
        Next::Nothing(_) => Some("nothing to do".to_owned()),
    }
}

/// What has to be said above everything else, and how loudly.
fn banner(model: &Model) -> Option<(String, Role)> {
    let known = &model.known;
    match &known.link {
        Link::Away { why, .. } => {
            let old = known
                .age_seconds()
                .map_or_else(|| "Nothing was read yet.".to_owned(), |seconds| format!("Data {} old.", age(seconds)));
            let remedy = if known.is_private { " `dispatch db start`" } else { "" };
            // What helps stands in front of what a small screen has no room for.
            let text = format!("No answer from the database. {old} Calls wait.{remedy} ({})", safe(why, 120));
            Some((text, Role::Banner))
        }
        Link::Refused(refusal) => Some((refusal.finding().to_owned(), Role::Banner)),
        _ if !known.alarms.is_empty() => {
            let numbers: Vec<String> = known
                .alarms
                .iter()
                .filter_map(|id| known.row(*id))
                .take(4)
                .map(|line| line.number.to_string())
                .collect();
            let more = known.alarms.len().saturating_sub(numbers.len());
            let which = match (numbers.is_empty(), more) {
                // While everything is read again nobody knows which.
                (true, many) => format!("{} of them", grouped(many)),
                (false, 0) => numbers.join(", "),
                (false, more) => format!("{} and {} more", numbers.join(", "), grouped(more)),
            };
            let key = known.keymap.shown(Scope::Global, Action::Acknowledge);
            Some((format!("▲ New breach or emergency: {which}. {key} acknowledges."), Role::Warning))
        }
        _ if model.hint => {
            let key = |action| known.keymap.shown(Scope::Queue, action);
            Some((
                format!(
                    "Arrows move. {} does the next step, {} shows every action, {} finds, {} helps.",
                    key(Action::NextStep),
                    key(Action::Actions),
                    key(Action::Filter),
                    key(Action::Help)
                ),
                Role::Accent,
            ))
        }
        _ => None,
    }
}
