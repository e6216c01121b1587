//! `dispatch` alone: the cockpit.

use std::io::IsTerminal;

use super::db::with_server;
use super::error::CliError;
use super::out::say;
use super::session::Session;
use crate::cockpit::crew::Start;
use crate::cockpit::keep::Keep;
use crate::cockpit::keymap::Keymap;
use crate::cockpit::late::Opener;
use crate::cockpit::log::ToFile;
use crate::cockpit::model::{Beginning, Model};
use crate::cockpit::run;
use crate::cockpit::theme::{self, Depth, Surroundings, Themes};
use crate::cockpit::views::SavedView;
use crate::cockpit::zone::Zone;
use crate::domain::policy::Bundle;
use crate::domain::time::Timestamp;
use crate::engine::open::{DEMO_DATABASE, Opening, Which};

/// Opens the cockpit on the database that the flags, the environment or the config file name.
pub async fn run(session: &mut Session) -> Result<u8, CliError> {
    needs_terminal()?;
    let opening = session.opening();
    let caller = session.caller()?;
    if let Which::Private(_) = &opening.which {
        let cluster = opening.cluster()?;
        // Before the screen is taken, so that one can be asked whether the server should be installed.
        if !cluster.data_dir().exists() {
            with_server(false, || async { Ok(cluster.programs().await.map(drop)?) }).await?;
        }
    }
    let keep = Keep::of(&opening);
    let kept = keep.read();
    let file = session.cockpit_settings();
    let keymap = Keymap::with(&file.keys).map_err(CliError::Usage)?;
    let env = |name: &str| std::env::var(name).ok();
    let (no_color, colorterm, term) = (env("NO_COLOR"), env("COLORTERM"), env("TERM"));
    let no_color = if session.global.no_color { Some("1".to_owned()) } else { no_color };
    let depth = Depth::detect(Surroundings {
        no_color: no_color.as_deref(),
        colorterm: colorterm.as_deref(),
        term: term.as_deref(),
    });
    let themes = Themes::read(depth, theme::usual_folder().as_deref());
    if let (Some(wanted), Some(wrong)) = (&file.theme, themes.wrong.first())
        && themes.get(wanted).is_none()
    {
        return Err(CliError::Usage(wrong.to_string()));
    }
    if let Some(wanted) = file.theme.as_ref().filter(|name| themes.get(name).is_none()) {
        let names: Vec<&str> = themes.themes.iter().map(|theme| theme.name.as_str()).collect();
        return Err(CliError::Usage(format!("There is no theme `{wanted}`. There are: {}.", names.join(", "))));
    }
    let mut beginning = Beginning::plain(caller.actor.clone(), Bundle::embedded(), Timestamp::new(chrono::Utc::now()));
    beginning.place = place(&opening);
    beginning.is_private = matches!(opening.which, Which::Private(_));
    beginning.keymap = keymap;
    beginning.themes = themes;
    beginning.theme = file.theme;
    beginning.views = file.views.into_iter().map(|(name, filter)| SavedView { name, filter, is_kept: false }).collect();
    (beginning.bell, beginning.notify) = (file.bell, file.notify);
    (beginning.drafts, beginning.choices) = (kept.drafts, kept.choices);
    beginning.zone = Zone::here();
    let mut model = Model::new(beginning);
    if let Some(trouble) = kept.trouble {
        model.say(trouble, theme::Role::Warning);
    }
    let log = ToFile::begin(keep.folder());
    let ended = run::run(&mut model, Start { actor: caller.actor, keep, open: Opener::engine(opening) }).await;
    drop(log);
    let ended = ended.map_err(|error| CliError::Failed(error.to_string()))?;
    ended.farewell().iter().for_each(|words| say(words));
    Ok(ended.signal.map_or(0, |signal| u8::try_from(128 + signal).unwrap_or(1)))
}

/// A cockpit needs a screen that it can draw on.
pub fn needs_terminal() -> Result<(), CliError> {
    let told = "Use the other commands instead: `dispatch queue`, `dispatch call`, `dispatch help`.";
    if std::env::var("TERM").is_ok_and(|term| term == "dumb") {
        return Err(CliError::Usage(format!("The cockpit cannot draw on a terminal of type `dumb`. {told}")));
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(CliError::Usage(format!("The cockpit needs a terminal, and this is none. {told}")));
    }
    Ok(())
}

/// What the header calls the place: the demo's company, or the database by its name.
fn place(opening: &Opening) -> String {
    match &opening.which {
        Which::Private(name) if name == DEMO_DATABASE => crate::demo::COMPANY.to_owned(),
        Which::Private(_) => String::new(),
        Which::Url(url) => {
            let path = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let name = path.split('/').nth(1).and_then(|name| name.split('?').next());
            name.unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_named_without_what_may_be_secret() {
        let mut opening = Opening::private("x");
        opening.which = Which::Url("postgres://me:secret@host/harbor?password=y".to_owned());
        assert_eq!(place(&opening), "harbor");
        opening.which = Which::Private(DEMO_DATABASE.to_owned());
        assert_eq!(place(&opening), crate::demo::COMPANY);
    }
}
