//! How many colours the terminal shows, judged by what it says of itself.

/// What the environment says of the terminal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    pub no_color: Option<&'a str>,
    pub colorterm: Option<&'a str>,
    pub term: Option<&'a str>,
}

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    True,
    Palette256,
    Ansi16,
    /// None, or none wanted.
    None,
}

impl Depth {
    /// Judges it.
    pub fn detect(says: Surroundings<'_>) -> Self {
        let term = says.term.unwrap_or_default();
        let colorterm = says.colorterm.unwrap_or_default();
        let is_rich = |name: &&str| term.contains(*name);
        if says.no_color.is_some_and(|value| !value.is_empty()) || term == "dumb" || term.starts_with("vt") {
            Self::None
        } else if matches!(colorterm, "truecolor" | "24bit")
            || ["-direct", "kitty", "alacritty", "ghostty", "wezterm", "foot"].iter().any(is_rich)
        {
            Self::True
        } else if term.contains("256color") {
            Self::Palette256
        } else {
            Self::Ansi16
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_follows_what_the_terminal_says_and_no_color_wins() {
        let detect = |no_color: &str, colorterm: &str, term: &str| {
            let some = |text| Some(text).filter(|text: &&str| *text != "-");
            Depth::detect(Surroundings { no_color: some(no_color), colorterm: some(colorterm), term: some(term) })
        };
        for (no_color, colorterm, term, depth) in [
            ("-", "truecolor", "xterm-256color", Depth::True),
            ("-", "24bit", "screen-256color", Depth::True),
            ("-", "-", "xterm-kitty", Depth::True),
            ("-", "-", "xterm-direct", Depth::True),
            ("-", "-", "xterm-256color", Depth::Palette256),
            ("-", "", "tmux-256color", Depth::Palette256),
            ("-", "-", "xterm", Depth::Ansi16),
            ("-", "-", "linux", Depth::Ansi16),
            ("-", "-", "-", Depth::Ansi16),
            ("-", "-", "vt100", Depth::None),
            ("-", "truecolor", "dumb", Depth::None),
            ("1", "truecolor", "xterm-256color", Depth::None),
            // An empty NO_COLOR asks for nothing, says its convention.
            ("", "truecolor", "xterm-256color", Depth::True),
        ] {
            assert_eq!(detect(no_color, colorterm, term), depth, "{no_color} {colorterm} {term}");
        }
    }
}
