//! What a program changed about its terminal and did not undo, judged by every byte that it wrote.

use std::collections::BTreeMap;

/// The changes that were left, as words; none where the terminal is as it was.
pub fn left_on(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let mut private: BTreeMap<&str, bool> = BTreeMap::new();
    let (mut keyboard, mut keypad, mut cursor, mut colours, mut margins) = (0_i32, false, false, false, false);
    for sequence in text.split('\x1b').skip(1) {
        keypad = match sequence.as_bytes().first() {
            Some(b'=') => true,
            Some(b'>') => false,
            _ => keypad,
        };
        let Some(control) = sequence.strip_prefix('[') else { continue };
        let Some(end) = control.find(|c: char| ('@'..='~').contains(&c)) else { continue };
        let (parameters, last) = (control.get(..end).unwrap_or_default(), control.as_bytes().get(end).copied());
        match (parameters.strip_prefix('?'), last) {
            (Some(modes), Some(set @ (b'h' | b'l'))) => {
                for mode in modes.split(';') {
                    private.insert(mode, set == b'h');
                }
            }
            (None, Some(b'u')) if parameters.starts_with('>') => keyboard += 1,
            (None, Some(b'u')) if parameters.starts_with('<') => keyboard -= 1,
            (None, Some(b'q')) if parameters.ends_with(' ') => cursor = !matches!(parameters.trim(), "" | "0"),
            (None, Some(b'm')) => colours = !matches!(parameters, "" | "0"),
            (None, Some(b'r')) => margins = !parameters.is_empty(),
            _ => {}
        }
    }
    let mut left: Vec<String> = private
        .into_iter()
        // The cursor (25) and wrapping (7) are on at first, all else is off.
        .filter(|(mode, is_set)| *is_set != matches!(*mode, "25" | "7"))
        .map(|(mode, is_set)| format!("mode {mode} left {}", if is_set { "on" } else { "off" }))
        .collect();
    let others = [
        (keyboard != 0, "keyboard flags"),
        (keypad, "the keypad's mode"),
        (cursor, "the cursor's shape"),
        (colours, "colours"),
        (margins, "margins"),
    ];
    left.extend(others.into_iter().filter(|(is_left, _)| *is_left).map(|(_, what)| format!("{what} left changed")));
    left
}
