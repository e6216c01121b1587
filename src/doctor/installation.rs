//! The server's programs.

use super::{Check, Facts, Group, Verdict};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        Group::Installation,
        "programs",
        "where the server was found; needed only for the private cluster",
        programs,
    ),
    Check::new(
        Group::Installation,
        "versions",
        "the programs beside the server are there and of its version",
        versions,
    ),
];

fn programs(facts: &Facts) -> Verdict {
    match &facts.programs {
        Err(_) if facts.cluster.is_none() => Verdict::skipped("none found, and none needed: a database URL is set"),
        Err(trouble) => Verdict::fail(&trouble.seen, &trouble.advice),
        Ok(found) => {
            let seen = format!("PostgreSQL {} in {}", found.version, found.directory.display());
            match &found.passed_over {
                Some(asked) => Verdict::warn(
                    format!("{seen}; {} was asked for and holds no fitting server", asked.display()),
                    "Set DISPATCH_POSTGRES_BIN (or postgres_bin in the config file) to the directory that holds \
                     initdb, postgres and pg_ctl, or remove it.",
                ),
                None => Verdict::ok(seen),
            }
        }
    }
}

fn versions(facts: &Facts) -> Verdict {
    let Ok(found) = &facts.programs else { return Verdict::skipped("no programs to compare") };
    let mut wrong = Vec::new();
    for tool in &found.tools {
        let (name, directory) = (tool.name, found.directory.display());
        match &tool.version {
            Some(version) if *version == found.version => {}
            Some(version) => wrong.push(Verdict::warn(
                format!("{name} is {version}, the server {}", found.version),
                "Install the server and its client programs in the same version.",
            )),
            None if tool.needed => wrong.push(Verdict::fail(
                format!("{name} in {directory} does not say its version"),
                "Repair the installation of the PostgreSQL server.",
            )),
            None => wrong.push(Verdict::warn(
                format!("{name} is not in {directory}"),
                "Install the PostgreSQL client programs: backups and psql need them.",
            )),
        }
    }
    Verdict::worst(&wrong, || {
        let names: Vec<_> = found.tools.iter().map(|tool| tool.name).collect();
        Verdict::ok(format!("{} are all {}", names.join(", "), found.version))
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::doctor::Status;
    use crate::doctor::facts::Trouble;

    #[test]
    fn no_server_is_a_failure_unless_a_url_makes_it_needless() {
        let mut facts = Facts::sample();
        facts.programs =
            Err(Trouble { seen: "no PostgreSQL server was found".to_owned(), advice: "Install it.".to_owned() });
        assert_eq!(programs(&facts).status, Status::Fail);
        facts.cluster = None;
        assert_eq!(programs(&facts).status, Status::Skipped);
    }

    #[test]
    fn a_directory_that_was_passed_over_and_programs_that_do_not_fit_are_named() {
        let mut facts = Facts::sample();
        let Ok(found) = &mut facts.programs else { panic!() };
        found.passed_over = Some(PathBuf::from("/opt/none"));
        found.tools[0].version = Some("14.2".to_owned());
        found.tools[1].version = None;
        assert!(programs(&facts).seen.contains("/opt/none"));
        let verdict = versions(&facts);
        assert_eq!(verdict.status, Status::Warn);
        assert!(verdict.seen.contains("initdb is 14.2") && verdict.seen.contains("psql is not in"), "{verdict:?}");
    }
}
