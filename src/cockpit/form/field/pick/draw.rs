//! How a field of one of many looks, with its list.

use ratatui::text::{Line, Span};

use super::{Item, Mark, Pick, ROWS};
use crate::cockpit::form::field::Look;
use crate::cockpit::theme::Role;
use crate::text;

impl Pick {
    /// What is typed, and the list.
    pub(super) fn open(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        let mut lines = vec![Line::from(self.typed.spans(look, look.width))];
        if let Some(chosen) = &self.chosen {
            if let Some(line) = lines.first_mut() {
                line.push_span(Span::styled(format!("  {}", text::plain(&chosen.note)), look.style(Role::Muted)));
            }
            lines.extend(marked(chosen, look));
            return lines;
        }
        let shown = self.shown();
        let first = self.first();
        lines.extend(shown.iter().enumerate().skip(first).take(ROWS).map(|(n, item)| self.row(n, item, look)));
        let below = match (&self.failure, shown.len()) {
            (Some(failure), _) => Some((Role::Warning, text::plain(failure).into_owned())),
            (None, 0) if self.is_away => {
                Some((Role::Warning, "the database does not answer; an id is taken".to_owned()))
            }
            (None, 0) if self.asked.is_some() || self.due.is_some() => Some((Role::Muted, "looking …".to_owned())),
            (None, 0) if !self.is_free && !look.has_error => {
                self.nothing_found().map(|said| (Role::Muted, text::plain(&said).into_owned()))
            }
            (None, count) if count > first + ROWS => Some((Role::Muted, format!("{} more", count - first - ROWS))),
            _ => None,
        };
        lines.extend(below.map(|(role, said)| {
            Line::styled(format!("  {}", text::cut(&said, look.width.saturating_sub(2))), look.style(role))
        }));
        lines
    }

    /// The first entry that is shown, so that the one under the cursor is.
    pub(super) fn first(&self) -> usize {
        self.at.unwrap_or(0).saturating_sub(ROWS - 1)
    }

    /// What was chosen, without the focus.
    pub(super) fn settled(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        let Some(said) = self.typed.said() else { return Vec::new() };
        let mut spans =
            vec![Span::styled(text::cut(&text::plain(said), look.width).into_owned(), look.style(Role::Text))];
        let note = self.chosen.as_ref().map(|chosen| text::plain(&chosen.note)).unwrap_or_default();
        let room = look.width.saturating_sub(text::width(said) + 2);
        if !note.is_empty() && room > 3 {
            spans.push(Span::styled(format!("  {}", text::cut(&note, room)), look.style(Role::Muted)));
        }
        let mut lines = vec![Line::from(spans)];
        lines.extend(self.chosen.iter().filter_map(|chosen| marked(chosen, look)));
        lines
    }

    fn row(&self, n: usize, item: &Item, look: &Look<'_>) -> Line<'static> {
        let is_here = self.at == Some(n);
        let (sign, role) = if is_here { ("› ", Role::Selection) } else { ("  ", Role::Text) };
        let label = text::plain(&item.label);
        let mut spans =
            vec![Span::styled(format!("{sign}{}", text::cut(&label, look.width.saturating_sub(2))), look.style(role))];
        let mut room = look.width.saturating_sub(text::width(&label) + 4);
        let beside = match &item.mark {
            Some(Mark::Unfit(why)) => Some((Role::Warning, format!("✗ {why}"))),
            Some(Mark::Wanted(why)) => Some((Role::Accent, why.clone())),
            None => None,
        };
        for (role, said) in beside.into_iter().chain([(Role::Muted, item.note.clone())]) {
            if room > 3 && !said.is_empty() {
                let said = text::plain(&said);
                let said = text::cut(&said, room);
                room = room.saturating_sub(text::width(&said) + 2);
                spans.push(Span::styled(format!("  {said}"), look.style(role)));
            }
        }
        Line::from(spans)
    }
}

/// Why the chosen one would be refused.
fn marked(chosen: &Item, look: &Look<'_>) -> Option<Line<'static>> {
    let Some(Mark::Unfit(why)) = chosen.mark.as_ref().filter(|_| !look.has_error) else { return None };
    let why = format!("✗ {}", text::plain(why));
    Some(Line::styled(text::cut(&why, look.width).into_owned(), look.style(Role::Warning)))
}
