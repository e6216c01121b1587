//! The first line: where one is, how fresh the data is, how many promises stand how, who acts, the time.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Paragraph;

use crate::cockpit::known::{Known, Link};
use crate::cockpit::look::{safe, span};
use crate::cockpit::theme::Role;
use crate::text::{age, grouped, width};

/// A piece of the line; the higher its rank, the sooner it gives way.
type Piece = (u8, String, Role);

/// Draws it.
pub fn draw(screen: &mut Frame<'_>, area: Rect, known: &Known) {
    let room = usize::from(area.width);
    let mut left = vec![(0, " DISPATCH".to_owned(), Role::Title)];
    if !known.place.is_empty() {
        left.push((4, format!("  {}", safe(&known.place, 40)), Role::Text));
    }
    left.push(live(known));
    left.extend(counts(known));
    let clock = known.zone.at(known.now()).format("%H:%M:%S").to_string();
    let mut right = Vec::new();
    let waiting = known.calls.open().count();
    if waiting > 0 {
        right.push((0, format!("  ↻ {waiting}"), Role::Accent));
    }
    right.push((0, format!("  {} · {}", safe(&known.actor.id, 20), known.actor.role), Role::Accent));
    right.push((1, format!("  {clock}"), Role::Muted));
    right.push((9, " ".to_owned(), Role::Muted));
    let used = |pieces: &[Piece]| pieces.iter().map(|(_, text, _)| width(text)).sum::<usize>();
    while used(&left) + used(&right) > room {
        let rank = left.iter().chain(&right).map(|(rank, ..)| *rank).max().unwrap_or_default();
        if rank == 0 {
            break;
        }
        for pieces in [&mut left, &mut right] {
            if let Some(at) = pieces.iter().rposition(|(of, ..)| *of == rank) {
                pieces.remove(at);
                break;
            }
        }
    }
    let gap = room.saturating_sub(used(&left) + used(&right));
    let piece = |(_, text, role): Piece| span(text, &known.theme, role);
    let mut spans: Vec<Span<'_>> = left.into_iter().map(piece).collect();
    spans.push(Span::raw(" ".repeat(gap)));
    spans.extend(right.into_iter().map(piece));
    screen.render_widget(Paragraph::new(Text::from(spans)), area);
}

fn live(known: &Known) -> Piece {
    match &known.link {
        Link::Opening(_) => (0, "  … opening".to_owned(), Role::Muted),
        Link::Live => (0, "  ● live".to_owned(), Role::Success),
        Link::Away { .. } => {
            let age = known.age_seconds().map(|seconds| format!(" {}", age(seconds)));
            (0, format!("  ✗ away{}", age.unwrap_or_default()), Role::Error)
        }
        Link::Refused(_) => (0, "  ✗ refused".to_owned(), Role::Error),
    }
}

fn counts(known: &Known) -> Vec<Piece> {
    let counts = known.rows.counts(&known.bundle.policy);
    let mut pieces = vec![
        (0, format!("   ▲ breach {}", grouped(counts.breach)), Role::SlaBreach),
        (2, format!("  ◆ warn {}", grouped(counts.warning)), Role::SlaWarn),
        (3, format!("  ● ok {}", grouped(counts.healthy)), Role::SlaOk),
        (5, format!("  ‖ done {}", grouped(counts.stopped)), Role::SlaStopped),
    ];
    if !known.alarms.is_empty() {
        pieces.push((1, format!("  ! {} new", grouped(known.alarms.len())), Role::Warning));
    }
    pieces
}
