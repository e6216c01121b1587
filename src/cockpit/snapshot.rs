//! Screens as text, for snapshots: what is drawn, and below it how, for text alone loses the selection.
//!
//! After the lines of the screen comes, for every line, which columns are drawn in which style; styles
//! have letters, explained at the end. What has the style of most of the screen is not mentioned.

use std::collections::HashMap;
use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::{Frame, Terminal, backend::TestBackend};
use unicode_width::UnicodeWidthStr;

/// What a drawing of a size comes to. `insta::assert_snapshot!(screen(80, 24, |frame| ...))`
pub fn screen(width: u16, height: u16, draw: impl FnOnce(&mut Frame<'_>)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(draw).unwrap();
    text_and_styles(terminal.backend().buffer())
}

/// The text of a buffer alone, for asking whether something is on the screen.
pub fn text(buffer: &Buffer) -> String {
    buffer.area.rows().map(|row| line(buffer, row) + "\n").collect()
}

/// A buffer as text with its styles.
pub fn text_and_styles(buffer: &Buffer) -> String {
    let mut out = text(buffer);
    let mut counts: HashMap<String, usize> = HashMap::new();
    for cell in buffer.content() {
        *counts.entry(described(cell)).or_default() += 1;
    }
    let most = counts.iter().max_by_key(|(style, count)| (**count, (*style).clone())).map(|(style, _)| style.clone());
    let most = most.unwrap_or_default();
    let mut legend: Vec<String> = Vec::new();
    out.push_str("---\n");
    for (y, row) in buffer.area.rows().enumerate() {
        let mut runs = String::new();
        let mut styles = row.columns().filter_map(|at| buffer.cell((at.x, at.y))).map(described).enumerate().peekable();
        while let Some((from, style)) = styles.next() {
            let mut to = from;
            while let Some((next, _)) = styles.next_if(|(_, next)| *next == style) {
                to = next;
            }
            if style != most {
                let letter = legend.iter().position(|known| *known == style).unwrap_or_else(|| {
                    legend.push(style);
                    legend.len() - 1
                });
                let _ = write!(runs, " {from}-{to}{}", letters(letter));
            }
        }
        if !runs.is_empty() {
            let _ = writeln!(out, "{y}:{runs}");
        }
    }
    let _ = writeln!(out, "rest: {most}");
    for (n, style) in legend.iter().enumerate() {
        let _ = writeln!(out, "{}: {style}", letters(n));
    }
    out
}

fn line(buffer: &Buffer, row: Rect) -> String {
    let mut line = String::new();
    let mut covered = 0;
    for cell in row.columns().filter_map(|at| buffer.cell((at.x, at.y))) {
        if covered == 0 {
            line.push_str(cell.symbol());
            covered = cell.symbol().width().max(1);
        }
        covered -= 1;
    }
    line.trim_end().to_owned()
}

/// `a` to `z`, then `aa`, `ab` and so on.
fn letters(n: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(n % 26).unwrap());
    if n < 26 { letter.to_string() } else { format!("{}{letter}", letters(n / 26 - 1)) }
}

fn described(cell: &Cell) -> String {
    let style = cell.style();
    let color = |color: Option<Color>| match color {
        Some(Color::Rgb(r, g, b)) => format!("#{r:02x}{g:02x}{b:02x}"),
        Some(Color::Reset) | None => "default".to_owned(),
        Some(other) => other.to_string().to_lowercase(),
    };
    let flags = style.add_modifier.iter_names().map(|(name, _)| format!(" {}", name.to_lowercase()));
    format!("{} on {}{}", color(style.fg), color(style.bg), flags.collect::<String>())
}

/// Whether something on the line of a buffer that has this text is drawn with a flag.
pub fn is_drawn(buffer: &Buffer, on_line_with: &str, flag: Modifier) -> bool {
    buffer.area.rows().any(|row| {
        line(buffer, row).contains(on_line_with)
            && row.columns().filter_map(|at| buffer.cell((at.x, at.y))).any(|cell| cell.modifier.contains(flag))
    })
}

#[test]
fn a_snapshot_shows_text_styles_and_wide_characters() {
    let shown = screen(12, 3, |frame| {
        let buffer = frame.buffer_mut();
        buffer.set_string(0, 0, "東京 one", Style::new());
        buffer.set_string(0, 1, "chosen", Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD));
        buffer.set_string(7, 1, "late", Style::new().fg(Color::Rgb(255, 0, 16)).bg(Color::Indexed(235)));
        assert!(is_drawn(buffer, "chosen", Modifier::REVERSED) && !is_drawn(buffer, "one", Modifier::REVERSED));
    });
    assert_eq!(
        shown,
        "東京 one\nchosen late\n\n---\n1: 0-5a 7-10b\nrest: default on default\n\
         a: default on default bold reversed\nb: #ff0010 on 235\n"
    );
}
