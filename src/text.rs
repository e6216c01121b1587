//! Text from the world, made safe for a terminal: control characters, escape sequences and
//! bidirectional overrides are made visible, never written through.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character chooses how the one before it looks. Terminals do not agree how wide that makes it.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a character could move, hide or reorder what a terminal shows.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || is_selector(c)
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text on one line, every dangerous character replaced by a visible one; what only chooses a look is left out.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .filter(|c| !is_selector(*c))
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            // The visible pictures of the control characters.
            '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            c if is_dangerous(c) => '\u{fffd}',
            c => c,
        })
        .collect::<String>()
        .into()
}

/// What the system says of a failure, without its number.
pub fn failure(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(said, _)| said.to_owned())
}

/// JSON as it may be written to a terminal: what is dangerous inside its strings is escaped, so
/// that it means the same.
pub fn plain_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_dangerous(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Columns a text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to a width, with an ellipsis where something was cut.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out.into()
}

/// A number with a comma between thousands.
pub fn grouped(number: impl std::fmt::Display) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Cents as people write money.
pub fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}${}.{:02}", grouped(cents.unsigned_abs() / 100), cents.unsigned_abs() % 100)
}

/// A time in one unit, the largest that it fills twice.
pub fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{}s", seconds.max(0)),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_grouped() {
        assert_eq!(money(123_456_789), "$1,234,567.89");
        assert_eq!(money(5), "$0.05");
        assert_eq!(money(-100_000), "-$1,000.00");
    }

    #[test]
    fn what_only_chooses_a_look_takes_no_room() {
        assert_eq!((plain("\u{2708}\u{fe0f}"), width(&plain("\u{2708}\u{fe0f}"))), ("\u{2708}".into(), 1));
        assert_eq!(plain_json("\"\u{2708}\u{fe0f}\""), "\"\u{2708}\\ufe0f\"");
    }

    #[test]
    fn nothing_reaches_the_terminal_that_could_command_it() {
        let hostile = "a\x1b[31mb\u{202e}c\0\u{9b}d\ne";
        assert_eq!(plain(hostile), "a␛[31mb\u{fffd}c␀\u{fffd}d e");
        assert_eq!(plain("Straße 東京"), "Straße 東京");
        let json = serde_json::to_string(hostile).unwrap();
        let shown = plain_json(&json);
        assert!(!shown.chars().any(is_dangerous), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), hostile);
    }

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        assert_eq!(cut("東京タワー", 5), "東京…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("abcd", 0), "");
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        assert_eq!([-5, 12, 119, 7_199, 86_400, 172_800].map(age), ["0s", "12s", "119s", "119m", "24h", "2d"]);
    }
}
