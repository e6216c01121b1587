//! What a command prints: tables for people on a terminal, JSON lines in a pipe or with `--json`;
//! progress and messages on stderr.

use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;
use serde_json::Value;

use super::error::CliError;
use crate::text::{cut, plain, plain_json, width};

/// Where results go.
#[derive(Debug)]
pub struct Out {
    stdout: BufWriter<io::Stdout>,
    /// Machine-readable?
    pub json: bool,
    /// Whether stdout is a terminal.
    pub terminal: bool,
    /// Whether colours may be used.
    pub color: bool,
}

/// How a piece of text stands out. Meaning is never colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Muted,
    Good,
    Warn,
    Bad,
    Strong,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Muted => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[31m",
            Self::Strong => "\x1b[1m",
        }
    }
}

impl Out {
    /// Output as the flags and the environment want it.
    pub fn new(json: bool, no_color: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let asked_not_to = no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            stdout: BufWriter::new(io::stdout()),
            json: json || !terminal,
            terminal,
            color: terminal && !asked_not_to && !dumb,
        }
    }

    /// Writes a line as it is.
    pub fn line(&mut self, text: &str) -> Result<(), CliError> {
        writeln!(self.stdout, "{text}").map_err(CliError::io("stdout"))
    }

    /// Writes a text from the world on a line, made safe.
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.line(&plain(text))
    }

    /// Writes a value as one line of JSON; on a terminal spread out and made safe.
    pub fn value(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let value = crate::domain::canonical::to_value(value);
        if self.terminal {
            let spread = serde_json::to_string_pretty(&value).unwrap_or_default();
            self.line(&plain_json(&spread))
        } else {
            self.line(&value.to_string())
        }
    }

    /// Writes a value as one line of JSON, also on a terminal, where it is made safe.
    pub fn json_line(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let line = crate::domain::canonical::to_value(value).to_string();
        if self.terminal { self.line(&plain_json(&line)) } else { self.line(&line) }
    }

    /// Writes bytes that were stored: in a pipe exactly those.
    pub fn body(&mut self, body: &str) -> Result<(), CliError> {
        if self.terminal {
            let value: Value = serde_json::from_str(body).unwrap_or_default();
            self.value(&value)
        } else {
            self.line(body)
        }
    }

    /// Writes bytes of our own as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.stdout.write_all(bytes).map_err(CliError::io("stdout"))
    }

    /// A text in a tone, where colours may be used.
    pub fn tone(&self, tone: Tone, text: &str) -> String {
        if self.color && tone != Tone::Plain { format!("{}{text}\x1b[0m", tone.code()) } else { text.to_owned() }
    }

    /// Sends everything on its way.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.stdout.flush().map_err(CliError::io("stdout"))
    }

    /// Writes a table, its last column cut to fit the terminal.
    pub fn table(&mut self, table: &Table) -> Result<(), CliError> {
        let columns = if self.terminal { terminal_columns() } else { usize::MAX };
        for line in table.lines(columns, |tone, text| self.tone(tone, text)) {
            self.line(&line)?;
        }
        Ok(())
    }
}

/// The columns there are to write in.
pub fn terminal_columns() -> usize {
    terminal_size::terminal_size().map_or(100, |(terminal_size::Width(columns), _)| usize::from(columns)).max(20)
}

/// A message for people, on stderr; on a terminal its lines end between words.
pub fn say(message: &str) {
    let columns = if io::stderr().is_terminal() { terminal_columns() } else { usize::MAX };
    for line in message.lines() {
        let _ = writeln!(io::stderr(), "{}", wrap(&plain(line), columns));
    }
}

/// A line broken between words so that it fits; a word that is too long stays whole.
pub(super) fn wrap(line: &str, columns: usize) -> String {
    let mut wrapped = String::with_capacity(line.len());
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let wide = width(word.trim_end());
        if used > 0 && used + wide > columns {
            wrapped.truncate(wrapped.trim_end().len());
            wrapped.push('\n');
            used = 0;
        }
        wrapped.push_str(word);
        used += width(word);
    }
    wrapped
}

/// Rows of cells under headings.
#[derive(Debug, Default)]
pub struct Table {
    headings: Vec<(String, bool)>,
    rows: Vec<Vec<(Tone, String)>>,
}

impl Table {
    /// A table with these headings; one that begins with `>` is of numbers, flush right.
    pub fn new(headings: &[&str]) -> Self {
        let headings = headings.iter().map(|h| (h.trim_start_matches('>').to_owned(), h.starts_with('>'))).collect();
        Self { headings, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [(Tone, &str); N]) {
        self.rows.push(cells.into_iter().map(|(tone, text)| (tone, plain(text).into_owned())).collect());
    }

    fn lines(&self, columns: usize, paint: impl Fn(Tone, &str) -> String) -> Vec<String> {
        let count = self.headings.len();
        let mut widths: Vec<usize> = self.headings.iter().map(|(heading, _)| width(heading)).collect();
        for row in &self.rows {
            for (column, (_, text)) in row.iter().enumerate().take(count) {
                widths[column] = widths[column].max(width(text));
            }
        }
        let before_last: usize = widths.iter().take(count.saturating_sub(1)).map(|width| width + 2).sum();
        if let Some(last) = widths.last_mut() {
            *last = (*last).min(columns.saturating_sub(before_last).max(8));
        }
        let render = |cells: Vec<(Tone, &str)>| {
            let mut line = String::new();
            for (column, (tone, text)) in cells.into_iter().enumerate() {
                let text = cut(text, widths[column]);
                let pad = " ".repeat(widths[column] - width(&text).min(widths[column]));
                let right = self.headings[column].1;
                if right {
                    line.push_str(&pad);
                }
                line.push_str(&paint(tone, &text));
                if column + 1 < count {
                    if !right {
                        line.push_str(&pad);
                    }
                    line.push_str("  ");
                }
            }
            line.trim_end().to_owned()
        };
        let head = self.headings.iter().map(|(heading, _)| (Tone::Muted, heading.as_str())).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(|(tone, text)| (*tone, text.as_str())).collect());
        std::iter::once(head).chain(rows).map(render).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrap("one two three", 7), "one two\nthree");
        assert_eq!(wrap("a-word-too-long for it", 6), "a-word-too-long\nfor it");
        assert_eq!(wrap("  indented  words", usize::MAX), "  indented  words");
        assert_eq!(wrap("", 5), "");
    }

    #[test]
    fn columns_align_by_width_numbers_flush_right_and_the_last_is_cut() {
        let mut table = Table::new(&["name", ">n", "text"]);
        table.row(["東京", "7", "a long text that does not fit"].map(|text| (Tone::Plain, text)));
        table.row(["x", "1234", "short"].map(|text| (Tone::Plain, text)));
        let lines = table.lines(26, |_, text| text.to_owned());
        assert_eq!(lines, ["name     n  text", "東京     7  a long text t…", "x     1234  short"]);
    }
}
