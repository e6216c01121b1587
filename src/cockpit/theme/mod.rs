//! How things look, by what they mean. A theme is a file; nothing else names a colour.

mod colour;
mod depth;
mod file;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};

use self::colour::{Ansi, Rgb};
pub use self::depth::{Depth, Surroundings};
pub use self::file::ThemeError;
use self::file::{Look, Looks};
use crate::domain::words::words;

words! {
    /// What a piece of the screen means.
    pub enum Role {
        Text = "text",
        Muted = "muted",
        Accent = "accent",
        Title = "title",
        Border = "border",
        Focus = "focus",
        /// The row under the cursor.
        Selection = "selection",
        /// The same where another pane has the focus.
        SelectionAway = "selection.away",
        Key = "key",
        Input = "input",
        Disabled = "disabled",
        SlaOk = "sla.ok",
        SlaWarn = "sla.warn",
        SlaBreach = "sla.breach",
        SlaStopped = "sla.stopped",
        StateNew = "state.new",
        StatePlanned = "state.planned",
        StateWaiting = "state.waiting",
        StateOut = "state.out",
        StateDone = "state.done",
        PriorityEmergency = "priority.emergency",
        PriorityUrgent = "priority.urgent",
        PriorityRoutine = "priority.routine",
        /// What changed since it was last looked at.
        Unread = "unread",
        Success = "success",
        Warning = "warning",
        Error = "error",
        /// The line that says that something is wrong with the data.
        Banner = "banner",
        /// A row that just went into breach.
        Flash = "flash",
    }
}

/// A theme, ready to draw with on one terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    pub name: String,
    styles: Vec<Style>,
    /// The styles of what stands on a role that has a ground of its own; empty for the other roles.
    over: Vec<Vec<Style>>,
}

/// The least contrast that text needs to be read with ease (WCAG AA).
const LEGIBLE: f64 = 4.5;

impl Theme {
    /// A theme by its name, fitted to a terminal. Files of the folder come before what is shipped.
    pub fn load(name: &str, depth: Depth, folder: Option<&Path>) -> Result<Self, ThemeError> {
        let looks = file::looks(name, folder)?;
        let looks = if depth == Depth::None { file::looks("mono", None)? } else { looks };
        Ok(Self::fitted(name, &looks, depth))
    }

    /// The names there are: those that are shipped, the default first, then the user's own.
    pub fn names(folder: Option<&Path>) -> Vec<String> {
        file::names(folder)
    }

    /// No colours at all: weight and reversal alone carry it, beside marks and words.
    pub fn mono() -> Self {
        let looks = file::looks("mono", None).unwrap_or_default();
        Self::fitted("mono", &looks, Depth::None)
    }

    /// The style of what means this. `Role::Text` paints the ground of the whole screen; the others
    /// leave the ground as it is, unless they have one of their own.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// The style of what means this in a row that is selected.
    pub fn style_on_selection(&self, role: Role) -> Style {
        self.style_on(Role::Selection, role)
    }

    /// The style of what means this on the ground of something else: a selected row, a field that is
    /// typed into, a banner. A colour that could not be read there is moved towards one that can.
    pub fn style_on(&self, ground: Role, role: Role) -> Style {
        let over = self.over.get(ground as usize).and_then(|styles| styles.get(role as usize));
        over.copied().unwrap_or_else(|| self.style(role))
    }

    fn fitted(name: &str, looks: &Looks, depth: Depth) -> Self {
        let look = |role: &Role| looks.get(role).copied().unwrap_or_default();
        let text = look(&Role::Text);
        let styles: Vec<_> = Role::ALL
            .iter()
            .map(|role| {
                let mut look = look(role);
                look.fg = look.fg.or(text.fg);
                style(&look, depth, *role == Role::Text)
            })
            .collect();
        let over = Role::ALL.iter().zip(&styles).map(|(role, ground)| {
            let has_ground = ground.bg.is_some() || ground.add_modifier.intersects(GROUND);
            if *role == Role::Text || !has_ground {
                return Vec::new();
            }
            styles.iter().map(|style| on(*ground, *style, depth)).collect()
        });
        Self { name: name.to_owned(), over: over.collect(), styles }
    }
}

/// The flags that stand for a ground where there is no colour for one.
const GROUND: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED);

/// What a terminal of a depth shows of a look.
fn style(look: &Look, depth: Depth, is_screen: bool) -> Style {
    let color = |color: Rgb| match depth {
        Depth::True => Color::Rgb(color.0, color.1, color.2),
        Depth::Palette256 => Color::Indexed(color.nearest()),
        Depth::Ansi16 | Depth::None => Color::Reset,
    };
    let mut style = Style::new().fg(look.fg.map_or(Color::Reset, color)).add_modifier(look.modifiers());
    style.bg = look.bg.map(color);
    if depth == Depth::Ansi16 {
        style.fg = Some(look.ansi.map_or(Color::Reset, Ansi::color));
        style.bg = look.ansi_bg.map(Ansi::color);
        style = match look.ansi_bg {
            Some(Ansi::Reversed) => style.add_modifier(Modifier::REVERSED),
            Some(Ansi::Underlined) => style.add_modifier(Modifier::UNDERLINED),
            _ => style,
        };
    }
    if is_screen {
        style.bg = style.bg.or(Some(Color::Reset));
    }
    style
}

/// A style on the ground of another.
fn on(ground: Style, style: Style, depth: Depth) -> Style {
    let mut both = ground.add_modifier(style.add_modifier);
    let named = |color: Option<Color>| color.is_some_and(|color| shown(color).is_none() && color != Color::Reset);
    // Reversed, a colour would become the ground; and of two named colours nobody knows the contrast.
    if ground.add_modifier.contains(Modifier::REVERSED) || named(ground.bg) {
        return both;
    }
    both.fg = style.fg;
    if let (Some(fg), Some(to), Some(bg)) =
        (style.fg.and_then(shown), ground.fg.and_then(shown), ground.bg.and_then(shown))
    {
        let fitted = |rgb: Rgb| match depth {
            Depth::Palette256 => Color::Indexed(rgb.nearest()),
            _ => Color::Rgb(rgb.0, rgb.1, rgb.2),
        };
        let steps = (0..=10).map(|tenths| fitted(fg.towards(to, tenths)));
        let is_legible = |color: &Color| shown(*color).is_some_and(|fg| fg.contrast(bg) >= LEGIBLE);
        both.fg = steps.into_iter().find(is_legible).or(ground.fg);
    }
    both
}

/// The colour that is seen, where it is known: not for the user's own sixteen.
fn shown(color: Color) -> Option<Rgb> {
    match color {
        Color::Rgb(r, g, b) => Some(Rgb(r, g, b)),
        Color::Indexed(index) if index >= 16 => Some(colour::fixed(index)),
        _ => None,
    }
}

/// Every theme there is, ready, so that choosing one reads no file.
#[derive(Debug, Clone, Default)]
pub struct Themes {
    pub themes: Vec<Theme>,
    /// The themes that cannot be used, and why.
    pub wrong: Vec<ThemeError>,
}

impl Themes {
    /// Reads them all.
    pub fn read(depth: Depth, folder: Option<&Path>) -> Self {
        let mut all = Self::default();
        for name in Theme::names(folder) {
            match Theme::load(&name, depth, folder) {
                Ok(theme) => all.themes.push(theme),
                Err(error) => all.wrong.push(error),
            }
        }
        all
    }

    /// A theme by its name.
    pub fn get(&self, name: &str) -> Option<&Theme> {
        self.themes.iter().find(|theme| theme.name == name)
    }
}

/// `dispatch/themes` beside the config file.
pub fn usual_folder() -> Option<PathBuf> {
    Some(crate::config::usual_path()?.parent()?.join("themes"))
}
