//! The terminal and its language.

use super::{Check, Facts, Group, Verdict};

pub(super) const CHECKS: &[Check] = &[
    Check::new(Group::Terminal, "locale", "names from all over the world can be shown", locale),
    Check::new(Group::Terminal, "type", "what the terminal can do", kind),
    Check::new(Group::Terminal, "size", "there is room for a table", size),
];

/// The least that tables and screens are made for: columns and rows.
const SMALLEST: (u16, u16) = (80, 24);

fn locale(facts: &Facts) -> Verdict {
    let advice = "export LC_ALL=C.UTF-8 (or another UTF-8 locale; `locale -a` lists them)";
    match &facts.surroundings.locale {
        None => Verdict::warn("neither LC_ALL, LC_CTYPE nor LANG is set: a terminal may show only ASCII", advice),
        Some((name, value)) => {
            let is_utf8 = value.to_lowercase().replace('-', "").contains("utf8");
            if is_utf8 {
                Verdict::ok(format!("{name}={value}"))
            } else {
                Verdict::warn(format!("{name}={value} is not UTF-8: names and marks may not show right"), advice)
            }
        }
    }
}

fn kind(facts: &Facts) -> Verdict {
    let here = &facts.surroundings;
    match here.term.as_deref() {
        Some("dumb") => Verdict::warn(
            "TERM=dumb: no colours, and no screen can be drawn",
            "Run it in a terminal, or set TERM to yours (xterm-256color suits most).",
        ),
        None if here.terminal => Verdict::warn(
            "TERM is not set: what the terminal can do is not known",
            "Set TERM to yours (xterm-256color suits most).",
        ),
        _ if !here.terminal => Verdict::ok("output does not go to a terminal: JSON lines, no colours"),
        term => {
            let colours = match (here.no_color, here.colorterm.as_deref()) {
                (true, _) => "no colours (NO_COLOR)",
                (false, Some("truecolor" | "24bit")) => "16 million colours",
                (false, _) if term.is_some_and(|term| term.contains("256")) => "256 colours",
                (false, _) => "colours",
            };
            Verdict::ok(format!("{}, {colours}", term.unwrap_or_default()))
        }
    }
}

fn size(facts: &Facts) -> Verdict {
    let here = &facts.surroundings;
    match here.size.filter(|_| here.terminal) {
        None => Verdict::skipped("output does not go to a terminal"),
        Some((columns, rows)) => {
            let seen = format!("{columns} columns, {rows} rows");
            if columns < SMALLEST.0 || rows < SMALLEST.1 {
                let (columns, rows) = SMALLEST;
                Verdict::warn(seen, format!("Make the window larger: at least {columns} columns and {rows} rows."))
            } else {
                Verdict::ok(seen)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use crate::doctor::facts::Surroundings;

    fn with(change: impl FnOnce(&mut Surroundings)) -> Facts {
        let mut facts = Facts::sample();
        change(&mut facts.surroundings);
        facts
    }

    #[test]
    fn a_locale_without_utf8_is_a_warning() {
        assert_eq!(locale(&with(|here| here.locale = Some(("LANG", "C".to_owned())))).status, Status::Warn);
        assert_eq!(locale(&with(|here| here.locale = None)).status, Status::Warn);
        assert_eq!(locale(&with(|here| here.locale = Some(("LC_ALL", "C.utf8".to_owned())))).status, Status::Ok);
    }

    #[test]
    fn terminals_that_cannot_draw_or_are_too_small_are_warnings() {
        assert_eq!(kind(&with(|here| here.term = Some("dumb".to_owned()))).status, Status::Warn);
        assert_eq!(kind(&with(|here| here.term = None)).status, Status::Warn);
        assert_eq!(size(&with(|here| here.size = Some((79, 40)))).status, Status::Warn);
        let pipe = with(|here| {
            here.terminal = false;
            here.term = None;
        });
        assert_eq!((kind(&pipe).status, size(&pipe).status), (Status::Ok, Status::Skipped));
        assert!(kind(&with(|here| here.no_color = true)).seen.contains("NO_COLOR"));
    }
}
