//! What is wrong with an installation, and what to do about it.
//!
//! [`facts`] looks at everything and changes nothing; each look may fail alone and is bounded in
//! time. A [`Check`] is a name and a pure function that judges those facts; each group of them is
//! one file. It needs no database to say something.

mod database;
pub mod facts;
mod files;
mod installation;
mod rules;
#[cfg(test)]
mod samples;
mod server;
mod surroundings;

use serde::Serialize;

pub use facts::Facts;

/// How bad it is; the order is from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Nothing could be looked at.
    Skipped,
    /// It works, and something should be done.
    Warn,
    /// Something does not work, or is not safe.
    Fail,
}

impl Status {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What belongs together on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    Installation,
    Files,
    Server,
    Database,
    Rules,
    Terminal,
}

impl Group {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installation => "installation",
            Self::Files => "files",
            Self::Server => "server",
            Self::Database => "database",
            Self::Rules => "rules",
            Self::Terminal => "terminal",
        }
    }

    /// Whether a failure here means that there is no database to work on.
    const fn is_the_database(self) -> bool {
        matches!(self, Self::Installation | Self::Server | Self::Database)
    }
}

/// One thing to look at.
pub struct Check {
    pub group: Group,
    pub name: &'static str,
    /// What should be so.
    pub wants: &'static str,
    pub judge: fn(&Facts) -> Verdict,
}

impl Check {
    const fn new(group: Group, name: &'static str, wants: &'static str, judge: fn(&Facts) -> Verdict) -> Self {
        Self { group, name, wants, judge }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub status: Status,
    /// What was seen, with its figures.
    pub seen: String,
    /// What to do; always there on a warning and a failure.
    pub advice: Option<String>,
}

impl Verdict {
    fn ok(seen: impl Into<String>) -> Self {
        Self { status: Status::Ok, seen: seen.into(), advice: None }
    }

    fn skipped(why: impl Into<String>) -> Self {
        Self { status: Status::Skipped, seen: why.into(), advice: None }
    }

    fn warn(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { status: Status::Warn, seen: seen.into(), advice: Some(advice.into()) }
    }

    fn fail(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { status: Status::Fail, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// The worst of several, their words in a row; as good as `otherwise` where there is none.
    fn worst(verdicts: &[Self], otherwise: impl FnOnce() -> Self) -> Self {
        let Some(status) = verdicts.iter().map(|verdict| verdict.status).max() else { return otherwise() };
        let seen: Vec<_> = verdicts.iter().map(|verdict| verdict.seen.as_str()).collect();
        let mut advice: Vec<_> = verdicts.iter().filter_map(|verdict| verdict.advice.as_deref()).collect();
        advice.dedup();
        let advice = (!advice.is_empty()).then(|| advice.join(" "));
        Self { status, seen: seen.join("; "), advice }
    }
}

/// What a check found, under its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub group: Group,
    /// `group.name`
    pub check: String,
    /// What should be so.
    pub wants: &'static str,
    pub status: Status,
    pub seen: String,
    pub advice: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst of them; a check that was skipped makes nothing worse.
    pub status: Status,
    pub findings: Vec<Finding>,
}

/// Every check, in the order in which they are shown.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    [installation::CHECKS, files::CHECKS, server::CHECKS, database::CHECKS, rules::CHECKS, surroundings::CHECKS]
        .into_iter()
        .flatten()
}

/// Judges what was seen.
pub fn examine(facts: &Facts) -> Report {
    let findings: Vec<Finding> = checks()
        .map(|check| {
            let Verdict { status, seen, advice } = (check.judge)(facts);
            Finding {
                group: check.group,
                check: format!("{}.{}", check.group.as_str(), check.name),
                wants: check.wants,
                status,
                seen,
                advice,
            }
        })
        .collect();
    let status = findings.iter().map(|finding| finding.status).filter(|status| *status != Status::Skipped).max();
    Report { status: status.unwrap_or(Status::Ok), findings }
}

impl Report {
    /// How many findings are of a status.
    pub fn count(&self, status: Status) -> usize {
        self.findings.iter().filter(|finding| finding.status == status).count()
    }

    /// The exit code (CONTRACT.md 14): 6 where there is no database to work on, else 1 where
    /// anything failed. A warning is no failure.
    pub fn exit_code(&self) -> u8 {
        let failed = self.findings.iter().filter(|finding| finding.status == Status::Fail);
        failed.map(|finding| if finding.group.is_the_database() { 6 } else { 1 }).max().unwrap_or(0)
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.group.as_str(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: &[(Group, Status)]) -> Report {
        let finding = |(group, status): &(Group, Status)| Finding {
            group: *group,
            check: String::new(),
            wants: "",
            status: *status,
            seen: String::new(),
            advice: None,
        };
        Report { status: Status::Ok, findings: findings.iter().map(finding).collect() }
    }

    #[test]
    fn names_are_unique_and_nothing_is_wrong_with_a_healthy_machine() {
        let facts = Facts::sample();
        let names: Vec<String> = checks().map(|check| format!("{check:?}")).collect();
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
        let report = examine(&facts);
        for finding in &report.findings {
            assert_eq!(finding.status, Status::Ok, "{finding:?}");
        }
        assert_eq!((report.status, report.exit_code()), (Status::Ok, 0));
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst() {
        assert_eq!(report(&[(Group::Server, Status::Warn), (Group::Files, Status::Skipped)]).exit_code(), 0);
        assert_eq!(report(&[(Group::Files, Status::Fail), (Group::Server, Status::Warn)]).exit_code(), 1);
        assert_eq!(report(&[(Group::Files, Status::Fail), (Group::Database, Status::Fail)]).exit_code(), 6);
    }
}
