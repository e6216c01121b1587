//! How things are written on the screen: text from the world made harmless, cut and padded by the
//! columns it takes; times and states in an operator's words.

use std::borrow::Cow;
use std::time::Duration;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Borders, Clear};
use unicode_width::UnicodeWidthChar;

use super::effect::{Effect, Stamp};
use super::keymap::Action;
use super::msg::Picture;
use super::part::World;
use super::theme::{Role, Theme};
use crate::domain::sla::SlaStatus;
use crate::domain::state::{Phase, State};
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;
use crate::text::{age, cut, plain, width};

/// Text from the world, harmless and at most so wide.
pub fn safe(text: &str, columns: usize) -> String {
    // Far more than fits is not even looked at.
    let bounded: Cow<'_, str> = match text.char_indices().nth(columns.saturating_mul(4) + 64) {
        Some((end, _)) => Cow::Owned(text.chars().take(end.min(columns * 4 + 64)).collect()),
        None => Cow::Borrowed(text),
    };
    cut(&plain(&bounded), columns).into_owned()
}

/// The same, filled with spaces to the width.
pub fn left(text: &str, columns: usize) -> String {
    let text = safe(text, columns);
    let room = columns.saturating_sub(width(&text));
    text + &" ".repeat(room)
}

/// The same, filled in front.
pub fn right(text: &str, columns: usize) -> String {
    let text = safe(text, columns);
    " ".repeat(columns.saturating_sub(width(&text))) + &text
}

/// `-01:12:41`: the time left to the second, or `3d 04:10` where days are left. Never wider than ten
/// columns.
pub fn countdown(left_millis: i64) -> String {
    let sign = if left_millis < 0 { "-" } else { "" };
    // Rounded away from breach: the last second still counts down to 00:00:00.
    let seconds = left_millis.div_euclid(1_000);
    let seconds = if left_millis < 0 { -seconds } else { seconds };
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match days {
        0 => format!("{sign}{hours:02}:{minutes:02}:{rest:02}"),
        1..=99 => format!("{sign}{days}d {hours:02}:{minutes:02}"),
        _ => format!("{sign}{}d", days.min(9_999)),
    }
}

/// How long ago, in one unit.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    age((now.millis() - then.millis()) / 1_000)
}

/// The mark of a status, which says what its colour says.
pub const fn mark(status: SlaStatus, is_stopped: bool) -> &'static str {
    match (is_stopped, status) {
        (true, _) => "‖",
        (_, SlaStatus::Breach) => "▲",
        (_, SlaStatus::Warning) => "◆",
        (_, SlaStatus::Healthy) => "●",
    }
}

/// The role of a status.
pub const fn sla_role(status: SlaStatus, is_stopped: bool) -> Role {
    match (is_stopped, status) {
        (true, _) => Role::SlaStopped,
        (_, SlaStatus::Breach) => Role::SlaBreach,
        (_, SlaStatus::Warning) => Role::SlaWarn,
        (_, SlaStatus::Healthy) => Role::SlaOk,
    }
}

/// A priority in three letters.
pub const fn short(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency => "EMR",
        Priority::Urgent => "URG",
        Priority::Routine => "RTN",
    }
}

/// The role of a priority.
pub const fn priority_role(priority: Priority) -> Role {
    match priority {
        Priority::Emergency => Role::PriorityEmergency,
        Priority::Urgent => Role::PriorityUrgent,
        Priority::Routine => Role::PriorityRoutine,
    }
}

/// The role of a state, by what it waits for.
pub const fn state_role(state: State) -> Role {
    match state {
        State::ApprovalRequired | State::PendingCustomerConfirmation | State::OnHold | State::NeedsInfo => {
            Role::StateWaiting
        }
        _ => match state.phase() {
            Phase::New | Phase::Triaged => Role::StateNew,
            Phase::Schedulable | Phase::Scheduled => Role::StatePlanned,
            Phase::Dispatched | Phase::Onsite => Role::StateOut,
            Phase::CloseoutPending | Phase::Closed | Phase::Cancelled => Role::StateDone,
        },
    }
}

/// A state as it is said, in as few columns as one has.
pub fn state_word(state: State, columns: usize) -> String {
    let word = state.as_str().replace('_', " ");
    if word.len() <= columns {
        return word;
    }
    let short = match state {
        State::ApprovalRequired => "APPROVAL",
        State::ReadyToSchedule => "READY",
        State::ScheduleProposed => "PROPOSED",
        State::PendingCustomerConfirmation => "CUSTOMER",
        State::CompletedPendingVerification => "COMPLETED",
        _ => &word,
    };
    cut(short, columns).into_owned()
}

/// A constant of the contract as one says it: `CANNOT_SECURE_ENTRY` is "cannot secure entry".
pub fn said(constant: &str) -> String {
    constant.replace('_', " ").to_lowercase()
}

/// The longest text that is wrapped, in bytes.
const MOST_WRAPPED: usize = 16 * 1_024;

/// Words on as many lines as they need; of a text that nobody reads to its end, the beginning.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let text = crate::text::plain(text.get(..text.floor_char_boundary(MOST_WRAPPED)).unwrap_or_default());
    let mut lines: Vec<String> = Vec::new();
    let mut room = 0;
    for word in text.split_whitespace() {
        let wide = width(word);
        if wide < room {
            room -= wide + 1;
            if let Some(line) = lines.last_mut() {
                line.push(' ');
                line.push_str(word);
            }
            continue;
        }
        lines.extend(folded(word, columns));
        room = columns.saturating_sub(lines.last().map(|line| width(line)).unwrap_or_default());
    }
    lines
}

/// A text broken wherever a line ends: at least one line.
pub fn folded(text: &str, columns: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for c in crate::text::plain(text).chars() {
        let wide = c.width().unwrap_or_default();
        if used + wide > columns.max(2) {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        line.push(c);
        used += wide;
    }
    lines.push(line);
    lines
}

/// A span in a role.
pub fn span(text: impl Into<String>, theme: &Theme, role: Role) -> Span<'static> {
    Span::styled(text.into(), theme.style(role))
}

/// Two clicks within this are a double one.
const DOUBLE: Duration = Duration::from_millis(400);

/// Tells a second click on the same thing from the first one.
#[derive(Debug)]
pub struct Clicks<T>(Option<(T, Stamp)>);

impl<T> Default for Clicks<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialEq> Clicks<T> {
    /// Something was clicked: none where it is for the second time, else what tells when it is too late for one.
    pub fn click(&mut self, on: T, world: &World<'_>) -> Option<Effect> {
        if self.0.take().is_some_and(|(before, _)| before == on) {
            return None;
        }
        let stamp = world.stamp();
        self.0 = Some((on, stamp));
        Some(Effect::After { stamp, wait: DOUBLE })
    }

    /// A wait is over: if it was the one for a second click, the next is a first one.
    pub fn due(&mut self, stamp: Stamp) {
        self.0.take_if(|(_, of)| *of == stamp);
    }

    /// Something else was done between.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

/// The entry of a list that was clicked; `top` is the first that is shown.
pub fn clicked(event: MouseEvent, area: Rect, top: usize) -> Option<usize> {
    let is_click = matches!(event.kind, MouseEventKind::Down(MouseButton::Left));
    (is_click && area.contains((event.column, event.row).into())).then(|| top + usize::from(event.row - area.y))
}

/// A frame around a pane or a dialog; the focused one is told by a heavier line, not by colour alone.
pub fn frame<'a>(title: Line<'a>, theme: &Theme, has_focus: bool) -> Block<'a> {
    let role = if has_focus { Role::Focus } else { Role::Border };
    let kind = if has_focus { BorderType::Thick } else { BorderType::Plain };
    Block::bordered().border_type(kind).border_style(theme.style(role)).style(theme.style(Role::Text)).title(title)
}

/// From how many columns the case stands beside the queue.
pub const BESIDE: u16 = 110;

/// A pane in this much room: a frame where panes stand side by side, a line on top where they stand one
/// above the other.
pub fn pane<'a>(title: Line<'a>, screen: Rect, theme: &Theme, has_focus: bool) -> Block<'a> {
    let block = frame(title, theme, has_focus);
    if screen.width < BESIDE { block.borders(Borders::TOP) } else { block }
}

/// Draws an empty dialog of at most this size in the middle, and gives the room inside. On a small
/// screen it takes all there is.
pub fn dialog(screen: &mut Frame<'_>, area: Rect, (columns, rows): (u16, u16), title: &str, theme: &Theme) -> Rect {
    let (width, height) = (columns.min(area.width), rows.min(area.height));
    let at = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    screen.render_widget(Clear, at);
    let title =
        Line::from(span(format!(" {} ", safe(title, usize::from(width.saturating_sub(6)))), theme, Role::Title));
    let block = frame(title, theme, true);
    let inner = block.inner(at);
    screen.render_widget(block, at);
    inner
}

/// Where a place in a list goes by a key that moves: at most to the last. Other keys leave it.
pub fn moved(at: usize, action: Option<Action>, room: usize, last: usize) -> usize {
    let page = room.max(2) - 1;
    let to = match action {
        Some(Action::Up) => at.saturating_sub(1),
        Some(Action::Down) => at + 1,
        Some(Action::PageUp) => at.saturating_sub(page),
        Some(Action::PageDown) => at + page,
        Some(Action::Top) => 0,
        Some(Action::Bottom) => last,
        _ => at,
    };
    to.min(last)
}

/// The first row to show so that the cursor is on the screen, moving no further than needed.
pub fn scrolled(top: usize, cursor: usize, height: usize, len: usize) -> usize {
    let height = height.max(1);
    let top = if cursor < top {
        cursor
    } else if cursor >= top + height {
        cursor + 1 - height
    } else {
        top
    };
    top.min(len.saturating_sub(height))
}

/// Whether a theme has colours: without them there is nothing to see in a picture.
pub fn has_colours(theme: &Theme) -> bool {
    theme.style(Role::SlaBreach).fg.is_some_and(|color| color != Color::Reset)
}

/// Draws a picture with two pixels a character, as large as it fits.
pub fn half_blocks(screen: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let (width, height) = (usize::from(picture.width), usize::from(picture.height));
    if width == 0 || height == 0 || area.is_empty() {
        return;
    }
    let (columns, rows) = (usize::from(area.width), usize::from(area.height) * 2);
    // The same scale both ways, so that nothing is stretched; never larger than it is.
    let (across, down) = if columns * height <= rows * width {
        (columns, columns * height / width)
    } else {
        (rows * width / height, rows)
    };
    let (across, down) = (across.clamp(1, width.max(1)), down.clamp(1, height.max(1)));
    let pixel = |x: usize, y: usize| {
        let at = (y * height / down).min(height - 1) * width + (x * width / across).min(width - 1);
        picture.pixels.get(at).map_or(Color::Reset, |[r, g, b]| Color::Rgb(*r, *g, *b))
    };
    let buffer = screen.buffer_mut();
    for (row, y) in (area.y..area.bottom()).enumerate().take(down.div_ceil(2)) {
        for (column, x) in (area.x..area.right()).enumerate().take(across) {
            let lower = if row * 2 + 1 < down { pixel(column, row * 2 + 1) } else { Color::Reset };
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.set_char('▀').set_style(Style::new().fg(pixel(column, row * 2)).bg(lower));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_counts_down_to_nought_and_then_below() {
        assert_eq!(countdown(3_600_000), "01:00:00");
        assert_eq!(countdown(999), "00:00:00");
        assert_eq!(countdown(-1), "-00:00:01");
        assert_eq!(countdown(-761_000), "-00:12:41");
        assert_eq!(countdown(86_400_000 * 3 + 3_600_000 * 4), "3d 04:00");
        assert_eq!(countdown(-86_400_000 * 300), "-300d");
    }

    #[test]
    fn text_is_cut_and_filled_to_the_column() {
        for text in ["", "abc", "東京タワー", "e\u{301}e\u{301}e\u{301}", "\x1b[31mred", &"x".repeat(1_000_000)] {
            for columns in [0, 1, 5, 20] {
                assert_eq!(width(&left(text, columns)), columns, "{columns}");
                assert_eq!(width(&right(text, columns)), columns, "{columns}");
            }
        }
        assert!(!safe("a\x1b[2Jb\u{202e}c", 20).contains('\x1b'));
    }

    #[test]
    fn words_are_wrapped_and_long_ones_broken() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aaaaaaa b cc", 5), ["aaaaa", "aa b", "cc"]);
        assert_eq!(wrap("東京タワー", 4), ["東京", "タワ", "ー"]);
        assert_eq!(wrap(" \n ", 5), [""; 0]);
        for text in ["x".repeat(1_000_000), "x ".repeat(500_000)] {
            let lines = wrap(&text, 60);
            assert!(lines.len() < 1_000 && lines.iter().all(|line| width(line) <= 60));
        }
    }

    #[test]
    fn the_cursor_stays_on_the_screen() {
        assert_eq!(scrolled(0, 5, 10, 100), 0);
        assert_eq!(scrolled(0, 10, 10, 100), 1);
        assert_eq!(scrolled(50, 20, 10, 100), 20);
        assert_eq!(scrolled(95, 99, 10, 100), 90);
        assert_eq!(scrolled(3, 0, 0, 0), 0);
    }
}
