//! What the mouse does: it selects, opens, scrolls, and drags the line between the panes.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::asks::{NO_KEY, heed, set_split, to_focus};
use super::effect::Effect;
use super::keymap::{Action, Scope};
use super::model::{Focus, Model};
use super::part::Press;

/// Changes the model with what the mouse did.
pub(super) fn mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    model.touch();
    let is_down = matches!(event.kind, MouseEventKind::Down(_));
    // Also where a dialog came up meanwhile; and whatever is pressed next, the last drag is over.
    if matches!(event.kind, MouseEventKind::Up(_)) && std::mem::take(&mut model.drags_splitter) {
        return model.split.map_or_else(Vec::new, |split| set_split(model, split));
    }
    model.drags_splitter &= !is_down;
    if !model.dialogs.is_empty() {
        let wheel = match event.kind {
            MouseEventKind::ScrollUp => Some(Action::Up),
            MouseEventKind::ScrollDown => Some(Action::Down),
            _ => None,
        };
        let asks = to_focus(model, |part, world| match wheel {
            Some(_) if part.scope() != Scope::Form => part.press(Press { key: NO_KEY, action: wheel }, world),
            _ => part.mouse(event, world),
        });
        return heed(model, asks);
    }
    let areas = model.areas.get();
    let at = Position::new(event.column, event.row);
    let is_beside = areas.queue.y == areas.case.y;
    let on_splitter = if is_beside {
        event.column.abs_diff(areas.case.x) <= 1 && areas.main.contains(at)
    } else {
        event.row == areas.case.y && areas.main.contains(at)
    };
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) if on_splitter && !areas.case.is_empty() => {
            model.drags_splitter = true;
            Vec::new()
        }
        MouseEventKind::Drag(MouseButton::Left) if model.drags_splitter => {
            let (part, whole) = if is_beside {
                (event.column.saturating_sub(areas.main.x), areas.main.width)
            } else {
                (event.row.saturating_sub(areas.main.y), areas.main.height)
            };
            // Where they stand one above the other, the queue has four fifths of its share.
            let hundred = if is_beside { 100 } else { 125 };
            let split = u32::from(part) * hundred / u32::from(whole.max(1));
            model.split = Some(u16::try_from(split).unwrap_or(50).clamp(20, 85));
            Vec::new()
        }
        _ => {
            let focus = match at {
                at if areas.queue.contains(at) => Focus::Queue,
                at if areas.case.contains(at) => Focus::Case,
                _ => return Vec::new(),
            };
            // The wheel moves what it is over; only a click takes the focus there.
            let before = model.focus;
            model.focus = focus;
            if focus == Focus::Case && is_down {
                model.queue.stop_writing();
            }
            let asks = to_focus(model, |part, world| part.mouse(event, world));
            if !is_down {
                model.focus = before;
            }
            heed(model, asks)
        }
    }
}
