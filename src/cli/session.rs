//! What a command works with: who acts, on which database, and where output goes.

use std::sync::Arc;

use super::Global;
use super::error::CliError;
use super::out::{Out, say};
use crate::config::{self, ConfigError, File};
use crate::domain::actor::{Actor, Role};
use crate::engine::open::{DEMO_DATABASE, MAIN_DATABASE, Opening, Which, open};
use crate::engine::{Caller, Desk, Engine, Options};
use crate::store::local::Started;

/// One run of the program.
#[derive(Debug)]
pub struct Session {
    pub out: Out,
    pub global: Global,
    file: File,
    wrong_file: Option<ConfigError>,
}

impl Session {
    /// A run with these flags.
    pub fn new(global: Global, out: Out) -> Result<Self, CliError> {
        let (file, wrong_file) = match File::read(global.config.as_deref()) {
            Ok(file) => (file, None),
            Err(error) => (File::default(), Some(error)),
        };
        if let Some(url) = &global.database_url
            && has_password(url)
        {
            return Err(CliError::Usage(
                "--database-url holds a password, which every user of this machine could read in the process list. \
                 Put the URL into DISPATCH_DATABASE_URL or the config file, or the password into ~/.pgpass."
                    .to_owned(),
            ));
        }
        Ok(Self { out, global, file, wrong_file })
    }

    /// Fails where the config file could not be used: for all but those that work without it.
    pub fn heed_config(&mut self) -> Result<(), CliError> {
        self.wrong_file.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// What the config file says about the cockpit.
    pub fn cockpit_settings(&self) -> File {
        self.file.clone()
    }

    /// Which database, and how to open it.
    pub fn opening(&self) -> Opening {
        let url = self
            .global
            .database_url
            .clone()
            .or_else(|| config::variable(&["DISPATCH_DATABASE_URL", "DATABASE_URL"]))
            .or_else(|| self.file.database_url.clone());
        let which = match url {
            _ if self.global.demo => Which::Private(DEMO_DATABASE.to_owned()),
            Some(url) => Which::Url(url),
            None => Which::Private(MAIN_DATABASE.to_owned()),
        };
        let mut opening = Opening::private("");
        opening.which = which;
        opening.data_dir =
            config::variable(&["DISPATCH_DATA_DIR"]).map(Into::into).or_else(|| self.file.data_dir.clone());
        opening.postgres_bin =
            config::variable(&["DISPATCH_POSTGRES_BIN"]).map(Into::into).or_else(|| self.file.postgres_bin.clone());
        if let Some(max) = config::variable(&["DISPATCH_DB_POOL_MAX"]) {
            if let Ok(max) = max.trim().parse() {
                opening.pool_max = std::cmp::max(max, 2);
            } else {
                tracing::warn!(
                    "DISPATCH_DB_POOL_MAX is `{max}`, no whole number: its default is used. Set it to 2 or more"
                );
            }
        }
        opening.options = Options {
            require_head: config::flag("DISPATCH_EVIDENCE_REQUIRE_HEAD").unwrap_or(false),
            require_checksum: config::flag("REQUIRE_EVIDENCE_CHECKSUM")
                .or_else(|| config::flag("DISPATCH_EVIDENCE_REQUIRE_CHECKSUM"))
                .unwrap_or(false),
        };
        opening
    }

    /// The engine, with its database running.
    pub async fn engine(&self) -> Result<Engine, CliError> {
        let opened = open(&self.opening()).await?;
        match opened.started {
            Some(Started::First) => {
                say("Made a private database for you. It stays up, idle and small; `dispatch db stop` ends it.");
            }
            Some(Started::Started) => say("Started your private database. `dispatch db stop` ends it."),
            Some(Started::Warm) | None => {}
        }
        Ok(opened.engine)
    }

    /// The desk that every call goes through.
    pub async fn desk(&self) -> Result<Arc<dyn Desk>, CliError> {
        Ok(Arc::new(self.engine().await?))
    }

    /// Who acts.
    pub fn caller(&self) -> Result<Caller, CliError> {
        self.caller_as(None, None)
    }

    /// Who acts, where a script names somebody else or another role.
    pub fn caller_as(&self, actor: Option<&str>, role: Option<&str>) -> Result<Caller, CliError> {
        let actor = actor.or(self.global.actor.as_deref()).or(self.file.actor.as_deref());
        let role = role.or(self.global.role.as_deref()).or(self.file.role.as_deref());
        caller(actor, role)
    }
}

/// Whoever is named, else the system's user, in a role.
fn caller(actor: Option<&str>, role: Option<&str>) -> Result<Caller, CliError> {
    let role = match role {
        None => Role::Dispatcher,
        Some(word) => Role::from_input(word).ok_or_else(|| {
            let all: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
            CliError::Usage(format!("There is no role `{word}`. There are: {}.", all.join(", ")))
        })?,
    };
    let (user, host) = config::system_login();
    let named = actor.map(str::trim).filter(|id| !id.is_empty());
    if actor.is_some() && named.is_none() {
        return Err(CliError::Usage("--actor is blank. Say who you are, or leave it out.".to_owned()));
    }
    let mut actor = Actor::local(named.unwrap_or(&user), role);
    if named.is_some() {
        actor.system_login = Some(format!("{user}@{host}"));
    }
    Ok(Caller::local(actor))
}

/// Whether a URL carries a password, in its authority or as a parameter.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let in_authority = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    in_authority || url.to_lowercase().contains("password=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_wherever_it_stands() {
        assert!(has_password("postgres://me:secret@host/db"));
        assert!(has_password("postgres://me@host/db?password=x"));
        assert!(!has_password("postgres://me@host:5432/db"));
        assert!(!has_password("postgresql:///db?host=/run/me"));
    }
}
