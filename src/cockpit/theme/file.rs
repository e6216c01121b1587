//! Themes as files: what a role says, and how one file is laid over another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ratatui::style::Modifier;
use serde::Deserialize;

use super::Role;
use super::colour::{Ansi, Rgb};
use crate::config::toml_error;
use crate::text::failure;

/// The themes that are shipped, the default first.
pub const SHIPPED: &[(&str, &str)] = &[
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("colour-blind-safe", include_str!("../../../themes/colour-blind-safe.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

/// A theme that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    #[error("There is no theme `{name}`. There are: {there}.")]
    Unknown { name: String, there: String },
    #[error("The theme {} cannot be read: {message}. Make it a readable text file, or move it away", .path.display())]
    Unreadable { path: PathBuf, message: String },
    #[error("The theme {} is wrong at line {line}: {message}. Correct that line, or move the file away", .path.display())]
    Wrong { path: PathBuf, line: usize, message: String },
    #[error(
        "The theme {} says nothing of {missing}. Name them, or start from another theme with base = \"dark\" as the first line",
        .path.display()
    )]
    Incomplete { path: PathBuf, missing: String },
}

/// How one role looks. What is not said is as in the theme below.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Look {
    pub fg: Option<Rgb>,
    pub bg: Option<Rgb>,
    pub ansi: Option<Ansi>,
    pub ansi_bg: Option<Ansi>,
    bold: Option<bool>,
    dim: Option<bool>,
    italic: Option<bool>,
    underline: Option<bool>,
    reverse: Option<bool>,
}

impl Look {
    /// This look, with what it does not say taken from the one below.
    fn over(self, below: Self) -> Self {
        Self {
            fg: self.fg.or(below.fg),
            bg: self.bg.or(below.bg),
            ansi: self.ansi.or(below.ansi),
            ansi_bg: self.ansi_bg.or(below.ansi_bg),
            bold: self.bold.or(below.bold),
            dim: self.dim.or(below.dim),
            italic: self.italic.or(below.italic),
            underline: self.underline.or(below.underline),
            reverse: self.reverse.or(below.reverse),
        }
    }

    /// Its flags.
    pub fn modifiers(&self) -> Modifier {
        [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.italic, Modifier::ITALIC),
            (self.underline, Modifier::UNDERLINED),
            (self.reverse, Modifier::REVERSED),
        ]
        .into_iter()
        .filter(|(flag, _)| *flag == Some(true))
        .fold(Modifier::empty(), |all, (_, modifier)| all | modifier)
    }
}

/// A whole theme, before it is fitted to a terminal.
pub type Looks = BTreeMap<Role, Look>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// The shipped theme that it changes, where it is not the one of its own name.
    base: Option<String>,
    roles: Looks,
}

/// The looks of a theme: the user's file over what it starts from, or what is shipped.
pub fn looks(name: &str, folder: Option<&Path>) -> Result<Looks, ThemeError> {
    let path = folder.map(|folder| folder.join(format!("{name}.toml")));
    let is_name = !name.is_empty() && !name.contains(['/', '\\', '\0']) && !name.starts_with('.');
    let own = match path.filter(|_| is_name).map(|path| (std::fs::read_to_string(&path), path)) {
        Some((Ok(text), path)) => Some((text, path)),
        Some((Err(error), path)) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(ThemeError::Unreadable { path, message: failure(&error) });
        }
        _ => None,
    };
    match own {
        Some((text, path)) => laid_over(name, &text, &path),
        None => match shipped(name) {
            Some(text) => read(text, &PathBuf::from(format!("themes/{name}.toml"))).map(|file| file.roles),
            None => Err(ThemeError::Unknown { name: name.to_owned(), there: names(folder).join(", ") }),
        },
    }
}

fn laid_over(name: &str, text: &str, path: &Path) -> Result<Looks, ThemeError> {
    let file = read(text, path)?;
    let below = match &file.base {
        Some(base) if shipped(base).is_none() => {
            let there: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
            let line = text.lines().position(|line| line.trim_start().starts_with("base")).unwrap_or_default() + 1;
            let message = format!("`{base}` is no theme to start from; there are {}", there.join(", "));
            return Err(ThemeError::Wrong { path: path.to_owned(), line, message });
        }
        Some(base) => Some(base.as_str()),
        None => Some(name),
    };
    let mut looks = match below.and_then(shipped) {
        Some(text) => read(text, path)?.roles,
        None => Looks::new(),
    };
    for (role, look) in file.roles {
        let below = looks.get(&role).copied().unwrap_or_default();
        looks.insert(role, look.over(below));
    }
    let missing: Vec<_> = Role::ALL.iter().filter(|role| !looks.contains_key(role)).map(|role| role.as_str()).collect();
    if missing.is_empty() {
        Ok(looks)
    } else {
        Err(ThemeError::Incomplete { path: path.to_owned(), missing: missing.join(", ") })
    }
}

fn read(text: &str, path: &Path) -> Result<File, ThemeError> {
    toml::from_str(text).map_err(|error| {
        let (line, message) = toml_error(text, &error);
        ThemeError::Wrong { path: path.to_owned(), line, message }
    })
}

fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
}

/// The names there are: those that are shipped, then the user's own by the alphabet.
pub fn names(folder: Option<&Path>) -> Vec<String> {
    let mut own: Vec<String> = folder
        .and_then(|folder| std::fs::read_dir(folder).ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            (path.extension()? == "toml" && shipped(&name).is_none() && !name.starts_with('.')).then_some(name)
        })
        .collect();
    own.sort();
    SHIPPED.iter().map(|(name, _)| (*name).to_owned()).chain(own).collect()
}
