//! Where the program's settings come from: defaults, then the config file, then the environment,
//! then flags. The config file holds preferences only; policy lives in the database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;

use crate::text::failure;

/// What the config file may say.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The database to work on, instead of the private one.
    pub database_url: Option<String>,
    /// Where the private database and the evidence objects live.
    pub data_dir: Option<PathBuf>,
    /// Where the Postgres server binaries are.
    pub postgres_bin: Option<PathBuf>,
    /// Who you are in the audit trail, instead of your system login.
    pub actor: Option<String>,
    /// Your role, where no flag says otherwise.
    pub role: Option<String>,
    /// The cockpit's theme: one that is shipped, or a file of yours in `themes/` beside this one.
    pub theme: Option<String>,
    /// Ring the terminal's bell for a new breach and a new emergency.
    pub bell: bool,
    /// Tell the desktop of them (OSC 9).
    pub notify: bool,
    /// Other keys for the cockpit's actions: `new = "N insert"`, `"queue.sort" = "o"`.
    pub keys: BTreeMap<String, String>,
    /// The cockpit's views: a name, and the filter behind it.
    pub views: BTreeMap<String, String>,
}

/// A config file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is there but cannot be read.
    #[error(
        "the config file {} cannot be read: {}. Make it a readable text file, or name another with --config",
        .path.display(), failure(.source)
    )]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// It is no TOML, or says something we do not know.
    #[error("the config file {} is wrong at line {line}: {message}. Correct that line, or move the file away", .path.display())]
    Wrong { path: PathBuf, line: usize, message: String },
}

impl File {
    /// Reads the file that was named, or the usual one, which may be missing.
    pub fn read(named: Option<&Path>) -> Result<Self, ConfigError> {
        let usual = usual_path();
        let Some(path) = named.map(Path::to_owned).or(usual) else { return Ok(Self::default()) };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                return Ok(Self::default());
            }
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        toml::from_str(&text).map_err(|error| {
            let (line, message) = toml_error(&text, &error);
            ConfigError::Wrong { path, line, message }
        })
    }
}

/// The line of a TOML text that is wrong, counted from 1, and why.
pub fn toml_error(text: &str, error: &toml::de::Error) -> (usize, String) {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    (before.matches('\n').count() + 1, error.message().trim().replace('\n', "; "))
}

/// `dispatch/config.toml` in the user's configuration directory.
pub fn usual_path() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("dispatch").join("config.toml"))
}

/// A yes or no in the environment; a value that is neither is none.
pub fn flag(name: &str) -> Option<bool> {
    let value = std::env::var(name).ok()?;
    let flag = yes_or_no(&value);
    if flag.is_none() {
        tracing::warn!(
            "{name} is `{value}`, which is neither yes nor no; its default is used. Set it to true or false"
        );
    }
    flag
}

/// A yes or no as people write it.
pub fn yes_or_no(word: &str) -> Option<bool> {
    match word.trim().to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "enabled" => Some(true),
        "false" | "0" | "no" | "off" | "disabled" => Some(false),
        _ => None,
    }
}

/// The first of these variables that is set and not blank.
pub fn variable(names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.trim().is_empty())
}

/// The operating-system user and the host, for the audit trail.
pub fn system_login() -> (String, String) {
    let user = variable(&["USER", "LOGNAME", "USERNAME"]);
    let host = std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned());
    let host = host.filter(|name| !name.is_empty()).or_else(|| variable(&["HOSTNAME"]));
    (user.unwrap_or_else(os_user), host.unwrap_or_else(|| "localhost".to_owned()))
}

/// The user's name by the system's own list, for an environment that does not say.
fn os_user() -> String {
    let output = std::process::Command::new("id").arg("-un").output().ok();
    let name = output.and_then(|output| String::from_utf8(output.stdout).ok()).map(|name| name.trim().to_owned());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_must_exist_and_be_right() {
        let missing = std::env::temp_dir().join("no-such-dispatch-config.toml");
        assert!(matches!(File::read(Some(&missing)), Err(ConfigError::Unreadable { .. })));
        let wrong = std::env::temp_dir().join(format!("dispatch-config-{}.toml", uuid::Uuid::new_v4()));
        std::fs::write(&wrong, "rolle = \"qa\"").unwrap();
        let error = File::read(Some(&wrong)).unwrap_err().to_string();
        assert!(error.contains("unknown field `rolle`"), "{error}");
        std::fs::write(&wrong, "role = \"qa\"").unwrap();
        assert_eq!(File::read(Some(&wrong)).unwrap().role.as_deref(), Some("qa"));
        std::fs::remove_file(wrong).unwrap();
    }
}
