//! The server: whether it answers, and the settings that matter.

use super::facts::Reach;
use super::files::size;
use super::{Check, Facts, Group, Verdict};
use crate::store::health::{Seen, Server};
use crate::store::migrate::OLDEST_POSTGRES;

pub(super) const CHECKS: &[Check] = &[
    Check::new(Group::Server, "answers", "somebody is there, and new enough", answers),
    Check::new(Group::Server, "durability", "what is answered is kept, whatever happens to the machine", durability),
    Check::new(
        Group::Server,
        "memory",
        "what the server may take fits into the machine, where both are on one",
        memory,
    ),
    Check::new(Group::Server, "connections", "there is a connection for us", connections),
    Check::new(Group::Server, "clock", "this machine and the database agree on the time", clock),
    Check::new(Group::Server, "zones", "the server knows time zones", zones),
];

/// From this on, clocks differ, in milliseconds.
const APART: u64 = 2_000;
/// From this on, no deadline can be trusted.
const FAR_APART: u64 = 60_000;
/// What every database of ours has sites in, unless somebody says otherwise.
const COMMON_ZONE: &str = "america/los_angeles";

/// A look at the server, where there is one.
fn on_server(facts: &Facts, judge: impl FnOnce(&Server) -> Verdict) -> Verdict {
    on(facts, |facts| facts.health().map(|health| &health.server), judge)
}

/// A judgement of something that was seen, or why it was not.
pub(super) fn on<'a, T: 'a>(
    facts: &'a Facts,
    find: impl FnOnce(&'a Facts) -> Result<&'a Seen<T>, &'static str>,
    judge: impl FnOnce(&'a T) -> Verdict,
) -> Verdict {
    match find(facts) {
        Err(why) => Verdict::skipped(why),
        Ok(Ok(seen)) => judge(seen),
        Ok(Err(reason)) => Verdict::warn(
            format!("could not be looked at: {reason}"),
            "Ask again. If it stays, connect as a role that may read the tables and the catalogue.",
        ),
    }
}

fn answers(facts: &Facts) -> Verdict {
    match &facts.database {
        Reach::NotMade => Verdict::ok("the private database is not made yet; the first use makes it"),
        Reach::Stopped => Verdict::ok("stopped; the next command starts it (`dispatch db start`)"),
        Reach::Away(trouble) => Verdict::fail(&trouble.seen, &trouble.advice),
        Reach::Up(_) => on_server(facts, |server| {
            if server.major < OLDEST_POSTGRES {
                return Verdict::fail(
                    format!("PostgreSQL {}", server.version),
                    format!("dispatch needs PostgreSQL {OLDEST_POSTGRES} or newer: upgrade it, or use another."),
                );
            }
            let replica = if server.replica { ", a replica: it can only be read" } else { "" };
            Verdict::ok(format!("PostgreSQL {}{replica}", server.version))
        }),
    }
}

fn durability(facts: &Facts) -> Verdict {
    const WHERE: &str = "in postgresql.conf (after the line that includes dispatch.conf), then restart the server";
    on_server(facts, |server| {
        let mut wrong = Vec::new();
        if !server.fsync {
            wrong.push(Verdict::fail(
                "fsync is off: a power cut can destroy the database",
                format!("Set fsync = on {WHERE} (`dispatch db stop` for the private one)."),
            ));
        }
        if !server.full_page_writes {
            wrong.push(Verdict::fail(
                "full_page_writes is off: a torn page after a power cut stays torn",
                format!("Set full_page_writes = on {WHERE}."),
            ));
        }
        if server.synchronous_commit == "off" {
            wrong.push(Verdict::fail(
                "synchronous_commit is off: calls that were answered can be lost",
                "ALTER SYSTEM SET synchronous_commit = 'on', and look for ALTER ROLE or ALTER DATABASE that set it off.",
            ));
        }
        if server.session_replication_role != "origin" {
            wrong.push(Verdict::fail(
                format!(
                    "session_replication_role is {}: no trigger guards the audit trail",
                    server.session_replication_role
                ),
                "Set session_replication_role = origin for this role and database.",
            ));
        }
        Verdict::worst(&wrong, || {
            Verdict::ok(format!("fsync on, full_page_writes on, synchronous_commit {}", server.synchronous_commit))
        })
    })
}

fn memory(facts: &Facts) -> Verdict {
    on_server(facts, |server| {
        let bytes = |value: i64| u64::try_from(value).unwrap_or(0);
        let (shared, work) = (bytes(server.shared_buffers), bytes(server.work_mem));
        let sorts = work * u64::from(server.max_connections.unsigned_abs());
        let seen = format!("shared_buffers {}, work_mem {}", size(shared), size(work));
        match facts.memory.filter(|_| server.here) {
            Some(all) if shared > all / 2 => Verdict::warn(
                format!("{seen}: more than half of this machine's {}", size(all)),
                "Lower shared_buffers to about a quarter of the memory.",
            ),
            Some(all) if shared + sorts > all => Verdict::warn(
                format!(
                    "{seen}: {} connections could take {} of {}",
                    server.max_connections,
                    size(shared + sorts),
                    size(all)
                ),
                "Lower work_mem or max_connections.",
            ),
            Some(all) => Verdict::ok(format!("{seen}, of {}", size(all))),
            None => Verdict::ok(seen),
        }
    })
}

fn connections(facts: &Facts) -> Verdict {
    on_server(facts, |server| {
        // One of those that are open is ours, and ends with us.
        let open = (server.connections - 1).max(0);
        let free = i64::from(server.max_connections) - open;
        let seen = format!("{open} of {} in use", server.max_connections);
        let advice = format!(
            "Raise max_connections, end idle clients, or lower DISPATCH_DB_POOL_MAX (one dispatch opens up to {}).",
            facts.pool_max
        );
        if free < i64::from(facts.pool_max) { Verdict::warn(seen, advice) } else { Verdict::ok(seen) }
    })
}

fn clock(facts: &Facts) -> Verdict {
    on(
        facts,
        |facts| facts.health().map(|health| &health.clock_ahead),
        |ahead| {
            let apart = ahead.unsigned_abs();
            let which = if *ahead > 0 { "ahead of" } else { "behind" };
            let seen = format!("the database's clock is {} s {which} this machine's", seconds(apart));
            let advice = "Let both keep time by NTP (timedatectl set-ntp true). Deadlines go by the database's clock.";
            match apart {
                FAR_APART.. => Verdict::fail(seen, advice),
                APART.. => Verdict::warn(seen, advice),
                _ => Verdict::ok(format!("{} s apart", seconds(apart))),
            }
        },
    )
}

/// Milliseconds as seconds.
pub(super) fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

fn zones(facts: &Facts) -> Verdict {
    on(
        facts,
        |facts| facts.health().map(|health| &health.zones),
        |zones| {
            let ours = chrono_tz::IANA_TZDB_VERSION;
            if zones.iter().any(|zone| zone == COMMON_ZONE) {
                Verdict::ok(format!("{} on the server; ours are of {ours}", zones.len()))
            } else {
                Verdict::warn(
                    format!("the server knows {} time zones, and not America/Los_Angeles", zones.len()),
                    "Install the tzdata package where the server runs, and restart it.",
                )
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use crate::doctor::facts::Trouble;

    fn with(change: impl FnOnce(&mut Server)) -> Facts {
        Facts::with_health(|health| change(health.server.as_mut().unwrap()))
    }

    #[test]
    fn a_server_that_was_never_made_or_is_stopped_is_well_and_one_that_is_away_is_not() {
        let mut facts = Facts::sample();
        facts.database = Reach::NotMade;
        assert_eq!(answers(&facts).status, Status::Ok);
        assert_eq!(durability(&facts).status, Status::Skipped);
        facts.database = Reach::Stopped;
        assert!(clock(&facts).seen.contains("dispatch db start"));
        facts.database = Reach::Away(Trouble { seen: "refused".to_owned(), advice: "look".to_owned() });
        assert_eq!(answers(&facts).status, Status::Fail);
        assert_eq!(answers(&with(|server| server.major = 13)).status, Status::Fail);
        assert!(answers(&with(|server| server.replica = true)).seen.contains("only be read"));
    }

    #[test]
    fn every_setting_that_loses_data_is_a_failure() {
        assert!(durability(&with(|server| server.fsync = false)).seen.contains("fsync is off"));
        assert!(durability(&with(|server| server.full_page_writes = false)).seen.contains("full_page_writes is off"));
        let off = durability(&with(|server| server.synchronous_commit = "off".to_owned()));
        assert_eq!(off.status, Status::Fail);
        let replica = durability(&with(|server| server.session_replication_role = "replica".to_owned()));
        assert_eq!(replica.status, Status::Fail);
    }

    #[test]
    fn memory_and_connections_are_held_against_the_machine_and_the_pool() {
        assert_eq!(memory(&with(|server| server.shared_buffers = 9 << 30)).status, Status::Warn);
        assert_eq!(memory(&with(|server| server.work_mem = 1 << 30)).status, Status::Warn);
        let elsewhere = with(|server| {
            server.shared_buffers = 900 << 30;
            server.here = false;
        });
        assert_eq!(memory(&elsewhere).status, Status::Ok);
        assert_eq!(connections(&with(|server| server.connections = 190)).status, Status::Warn);
    }

    #[test]
    fn clocks_that_are_apart_are_told_with_the_direction() {
        let apart = |millis| clock(&Facts::with_health(|health| health.clock_ahead = Ok(millis)));
        assert_eq!(apart(1_999).status, Status::Ok);
        assert!(apart(-2_000).seen.contains("2.000 s behind"));
        assert_eq!(apart(-2_000).status, Status::Warn);
        assert_eq!(apart(60_000).status, Status::Fail);
        let unknown = Facts::with_health(|health| health.zones = Ok(Vec::new()));
        assert!(zones(&unknown).advice.unwrap().contains("tzdata"));
    }

    #[test]
    fn what_could_not_be_looked_at_is_said() {
        let facts = Facts::with_health(|health| health.server = Err("permission denied".to_owned()));
        let verdict = memory(&facts);
        assert_eq!(verdict.status, Status::Warn);
        assert!(verdict.seen.contains("permission denied"));
    }
}
