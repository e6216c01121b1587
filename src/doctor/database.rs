//! The database: whether its tables are ours, and whether its rules are still the contract's.

use super::facts::Reach;
use super::server::{on, seconds};
use super::{Check, Facts, Group, Verdict};
use crate::store::health::{Ours, Parts, Seen};
use crate::store::migrate::{Migrated, Schema};

pub(super) const CHECKS: &[Check] = &[
    Check::new(Group::Database, "tables", "the tables are ours and of this program's version", tables),
    Check::new(Group::Database, "migrations", "the database's list of migrations is this program's", migrations),
    Check::new(Group::Database, "transitions", "the database allows exactly the contract's steps", transitions),
    Check::new(Group::Database, "audit", "the audit trail can only be added to", audit),
    Check::new(Group::Database, "role", "the role we work as may do what it must and no more", role),
    Check::new(Group::Database, "indexes", "the indexes are there and are used", indexes),
    Check::new(Group::Database, "functions", "functions and triggers are the migrations'", functions),
    Check::new(Group::Database, "extensions", "the server offers the extensions that the tables need", extensions),
    Check::new(Group::Database, "encoding", "every letter of every name can be kept", encoding),
    Check::new(Group::Database, "history", "no event lies in the future", history),
    Check::new(Group::Database, "sites", "every site's time zone is one", sites),
];

/// From this on, an event is in the future, in milliseconds.
const FUTURE: i64 = 2_000;
const REPAIR: &str =
    "It was changed by hand. Put it back as the migrations have it (migrations/), or restore a backup.";

/// A judgement of what is ours, or why there is nothing to judge.
fn on_ours<'a, T: 'a>(
    facts: &'a Facts,
    find: impl FnOnce(&'a Ours) -> &'a Seen<T>,
    judge: impl FnOnce(&'a T) -> Verdict,
) -> Verdict {
    on(facts, |facts| facts.health()?.ours.as_ref().map(find).ok_or("there are no tables of ours"), judge)
}

/// The same for what the migrations make, which only a schema that we know can be held against.
fn on_parts(facts: &Facts, judge: impl FnOnce(&Parts) -> Verdict) -> Verdict {
    match facts.health().map(|health| &health.schema) {
        Ok(Ok(Schema::Newer { .. })) => Verdict::skipped("the schema is newer than this program"),
        _ => on_ours(facts, |ours| &ours.parts, judge),
    }
}

fn tables(facts: &Facts) -> Verdict {
    if let Reach::NotMade = facts.database {
        return Verdict::ok("not made yet; the first use makes them");
    }
    let private = facts.cluster.is_some();
    on(
        facts,
        |facts| facts.health().map(|health| &health.schema),
        |schema| match schema {
            Schema::Current { version } => Verdict::ok(format!("version {version}, as this program wants them")),
            Schema::Empty | Schema::Behind { .. } if private => {
                Verdict::ok("of an older version or none; the next command brings them up")
            }
            Schema::Empty => Verdict::fail("the database is empty", "Make the tables: `dispatch db migrate`."),
            Schema::Behind { version } => Verdict::fail(
                format!("version {version}, older than this program's"),
                "`dispatch db migrate`, when nobody uses an older dispatch on it.",
            ),
            Schema::Newer { version } => Verdict::warn(
                format!("version {version}, newer than this program's: the database is only read"),
                "Update dispatch.",
            ),
            Schema::Foreign => Verdict::fail(
                "the tables in this database are not ours; it is left alone",
                "Name another database, or make one (createdb) and run `dispatch db migrate`.",
            ),
        },
    )
}

fn migrations(facts: &Facts) -> Verdict {
    on_ours(
        facts,
        |ours| &ours.migrations,
        |found| {
            let newest_applied = found.iter().filter(|(_, state)| **state != Migrated::Missing).map(|(v, _)| *v).max();
            let mut wrong = Vec::new();
            for (version, state) in found {
                wrong.push(match state {
                    Migrated::Applied => continue,
                    Migrated::Missing if newest_applied.is_some_and(|newest| newest < *version) => {
                        Verdict::warn(format!("{version} is not applied yet"), "`dispatch db migrate` applies it.")
                    }
                    Migrated::Missing => Verdict::fail(
                        format!("{version} is not in the list, although the tables are there"),
                        "Its row in _sqlx_migrations was removed by hand: put it back, or restore a backup.",
                    ),
                    Migrated::Failed => Verdict::fail(
                        format!("{version} was begun and not ended"),
                        "Restore a backup, then `dispatch db migrate`.",
                    ),
                    Migrated::Changed => Verdict::fail(
                        format!("{version} was made from another text than this program's (its checksum differs)"),
                        "Use a released dispatch on it, or restore a backup made by one.",
                    ),
                    Migrated::Unknown => Verdict::warn(format!("{version} is of a newer program"), "Update dispatch."),
                });
            }
            Verdict::worst(&wrong, || Verdict::ok(format!("{} applied, with matching checksums", found.len())))
        },
    )
}

fn transitions(facts: &Facts) -> Verdict {
    on_ours(
        facts,
        |ours| &ours.transitions,
        |pairs| match pairs.len() {
            0 => Verdict::ok("exactly the contract's"),
            many => {
                let more = if many > 8 { format!(" and {} more", many - 8) } else { String::new() };
                let first: Vec<_> = pairs.iter().take(8).map(String::as_str).collect();
                Verdict::fail(
                    format!("the constraint and the contract differ on {many}: {}{more}", first.join(", ")),
                    format!("chk_ticket_state_transition_valid: {}", REPAIR.replace("It was", "it was")),
                )
            }
        },
    )
}

fn audit(facts: &Facts) -> Verdict {
    on_parts(facts, |parts| match parts.broken_keepers() {
        broken if broken.is_empty() => Verdict::ok("append-only: its triggers are there and on"),
        broken => Verdict::fail(
            format!("the audit trail can be changed: {} missing, off or changed", broken.join(", ")),
            format!(
                "Switch it on (ALTER TABLE … ENABLE TRIGGER …) or put it back as the migrations have it; then \
                 `dispatch audit verify`. {}",
                "Find out who did it."
            ),
        ),
    })
}

fn role(facts: &Facts) -> Verdict {
    on_ours(
        facts,
        |ours| &ours.role,
        |role| {
            let name = &role.name;
            let mut wrong = Vec::new();
            if !role.unreadable.is_empty() {
                wrong.push(Verdict::fail(
                    format!("{name} may not read {}", role.unreadable.join(", ")),
                    format!(
                        "As the owner: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}."
                    ),
                ));
            }
            let powers = if role.superuser {
                format!("{name} is a superuser and could change the audit trail")
            } else if !role.owned.is_empty() {
                format!("{name} owns {} tables and could change the audit trail", role.owned.len())
            } else if !role.may_change.is_empty() {
                format!("{name} may change {}", role.may_change.join(" and "))
            } else {
                String::new()
            };
            if !powers.is_empty() {
                wrong.push(match facts.cluster {
                    Some(_) => Verdict::fail(
                        powers,
                        "The private cluster's role owns nothing: ALTER TABLE … OWNER TO dispatch_owner, REVOKE what is \
                         too much (`dispatch db url --owner` leads in).",
                    ),
                    None => Verdict::warn(
                        powers,
                        "Work as a role of its own that owns no table: GRANT it SELECT and INSERT on all of them, \
                         UPDATE and DELETE on all but audit_events and ticket_state_transitions.",
                    ),
                });
            }
            Verdict::worst(&wrong, || Verdict::ok(format!("{name} owns no table and cannot change the audit trail")))
        },
    )
}

fn indexes(facts: &Facts) -> Verdict {
    on_parts(facts, |parts| {
        let mut wrong = Vec::new();
        if !parts.missing_indexes.is_empty() {
            wrong.push(Verdict::warn(
                format!("missing: {}; reads get slow", parts.missing_indexes.join(", ")),
                "Make them again as the migrations have them (CREATE INDEX CONCURRENTLY).",
            ));
        }
        for name in &parts.invalid_indexes {
            wrong.push(Verdict::warn(
                format!("{name} is invalid: kept up to date and never read"),
                format!("REINDEX INDEX CONCURRENTLY {name};"),
            ));
        }
        Verdict::worst(&wrong, || Verdict::ok(format!("all {} of the migrations, and all valid", parts.indexes)))
    })
}

fn functions(facts: &Facts) -> Verdict {
    on_parts(facts, |parts| {
        // What guards the audit trail has a check of its own.
        let list = |names: &[String]| {
            names.iter().filter(|name| !Parts::is_keeper(name)).map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let mut wrong = Vec::new();
        for (what, names, broken) in [
            ("function missing", &parts.missing_functions, true),
            ("trigger missing", &parts.missing_triggers, true),
            ("trigger off", &parts.disabled_triggers, true),
            ("function changed", &parts.changed_functions, false),
        ] {
            let names = list(names);
            if !names.is_empty() {
                let verdict = if broken { Verdict::fail } else { Verdict::warn };
                wrong.push(verdict(format!("{what}: {names}"), REPAIR.to_owned()));
            }
        }
        Verdict::worst(&wrong, || {
            Verdict::ok(format!("{} functions and {} triggers as migrated", parts.functions, parts.triggers))
        })
    })
}

fn extensions(facts: &Facts) -> Verdict {
    on_parts(facts, |parts| match (parts.extensions, parts.missing_extensions.is_empty()) {
        (0, _) => Verdict::ok("none needed"),
        (many, true) => Verdict::ok(format!("{many} needed, all available")),
        (_, false) => Verdict::fail(
            format!("not available on the server: {}", parts.missing_extensions.join(", ")),
            "Install PostgreSQL's contrib package where the server runs.",
        ),
    })
}

fn encoding(facts: &Facts) -> Verdict {
    on(
        facts,
        |facts| facts.health().map(|health| &health.server),
        |server| match server.encoding.as_str() {
            "UTF8" => Verdict::ok("UTF8"),
            other => Verdict::fail(
                format!("the database's encoding is {other}; names it cannot write are refused"),
                "Make a database with ENCODING 'UTF8' (TEMPLATE template0) and move the data into it.",
            ),
        },
    )
}

fn history(facts: &Facts) -> Verdict {
    on_ours(
        facts,
        |ours| &ours.newest_event,
        |newest| match newest {
            None => Verdict::ok("no event yet"),
            Some((at, ahead)) if *ahead >= FUTURE => Verdict::warn(
                format!(
                    "the newest audit event is of {}, {} s in the future: a clock stepped back",
                    at.format("%Y-%m-%d %H:%M:%SZ"),
                    seconds(ahead.unsigned_abs())
                ),
                "Set the clock of the database's machine right (timedatectl). Until it has caught up, new events carry \
                 the time of the newest one.",
            ),
            Some((at, _)) => Verdict::ok(format!("the newest event is of {}", at.format("%Y-%m-%d %H:%M:%SZ"))),
        },
    )
}

fn sites(facts: &Facts) -> Verdict {
    on_ours(
        facts,
        |ours| &ours.site_zones,
        |found| {
            let unknown = found.iter().filter(|zone| zone.timezone.parse::<chrono_tz::Tz>().is_err()).map(|zone| {
                Verdict::warn(
                    format!("`{}` of {} sites is no time zone", zone.timezone, zone.sites),
                    format!("dispatch directory edit sites {} --set timezone=America/Los_Angeles", zone.id),
                )
            });
            Verdict::worst(&unknown.collect::<Vec<_>>(), || {
                Verdict::ok(format!("{} time zones, all known", found.len()))
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    fn with(change: impl FnOnce(&mut Ours)) -> Facts {
        Facts::with_health(|health| change(health.ours.as_mut().unwrap()))
    }

    fn with_parts(change: impl FnOnce(&mut Parts)) -> Facts {
        with(|ours| change(ours.parts.as_mut().unwrap()))
    }

    #[test]
    fn what_is_behind_mends_itself_only_where_the_database_is_ours_to_change() {
        let mut facts = Facts::with_health(|health| health.schema = Ok(Schema::Behind { version: 0 }));
        assert_eq!(tables(&facts).status, Status::Ok);
        facts.cluster = None;
        assert!(tables(&facts).advice.unwrap().contains("dispatch db migrate"));
        let newer = Facts::with_health(|health| health.schema = Ok(Schema::Newer { version: 9 }));
        assert_eq!((tables(&newer).status, indexes(&newer).status), (Status::Warn, Status::Skipped));
    }

    #[test]
    fn a_migration_that_is_missing_in_the_middle_is_worse_than_one_at_the_end() {
        let state = |pairs: &[(i64, Migrated)]| {
            migrations(&with(|ours| ours.migrations = Ok(pairs.iter().copied().collect()))).status
        };
        assert_eq!(state(&[(1, Migrated::Applied), (2, Migrated::Missing)]), Status::Warn);
        assert_eq!(state(&[(1, Migrated::Missing), (2, Migrated::Applied)]), Status::Fail);
        assert_eq!(state(&[(1, Migrated::Missing)]), Status::Fail);
        assert_eq!(state(&[(1, Migrated::Changed)]), Status::Fail);
        assert_eq!(state(&[(1, Migrated::Failed)]), Status::Fail);
        assert_eq!(state(&[(1, Migrated::Applied), (9, Migrated::Unknown)]), Status::Warn);
    }

    #[test]
    fn whatever_guards_the_audit_trail_is_judged_as_that_and_not_twice() {
        let facts = with_parts(|parts| {
            parts.disabled_triggers = vec!["audit_events_append_only".to_owned()];
            parts.changed_functions = vec!["dispatch_refuse_change".to_owned()];
        });
        let verdict = audit(&facts);
        assert_eq!(verdict.status, Status::Fail);
        assert!(verdict.seen.contains("audit_events_append_only, dispatch_refuse_change"), "{verdict:?}");
        assert_eq!(functions(&facts).status, Status::Ok);
        let other = with_parts(|parts| parts.changed_functions = vec!["dispatch_now".to_owned()]);
        assert_eq!((audit(&other).status, functions(&other).status), (Status::Ok, Status::Warn));
    }

    #[test]
    fn a_role_with_too_much_power_fails_where_the_cluster_is_ours_and_else_warns() {
        let mut facts = with(|ours| ours.role.as_mut().unwrap().owned = vec!["tickets".to_owned()]);
        assert_eq!(role(&facts).status, Status::Fail);
        facts.cluster = None;
        assert_eq!(role(&facts).status, Status::Warn);
        let blind = with(|ours| ours.role.as_mut().unwrap().unreadable = vec!["tickets".to_owned()]);
        assert!(role(&blind).advice.unwrap().contains("GRANT SELECT"));
    }

    #[test]
    fn long_lists_of_pairs_are_cut_and_counted() {
        let pairs = (0..10).map(|n| format!("A->{n}")).collect();
        let verdict = transitions(&with(|ours| ours.transitions = Ok(pairs)));
        assert!(verdict.seen.contains("differ on 10: A->0") && verdict.seen.ends_with("and 2 more"), "{verdict:?}");
    }

    #[test]
    fn missing_extensions_other_encodings_and_events_of_tomorrow_are_found() {
        let facts = with_parts(|parts| {
            parts.extensions = 1;
            parts.missing_extensions = vec!["pg_trgm".to_owned()];
        });
        assert_eq!(extensions(&facts).status, Status::Fail);
        let latin = Facts::with_health(|health| health.server.as_mut().unwrap().encoding = "LATIN1".to_owned());
        assert_eq!(encoding(&latin).status, Status::Fail);
        let tomorrow = with(|ours| ours.newest_event = Ok(Some((chrono::DateTime::UNIX_EPOCH, 86_400_000))));
        assert!(history(&tomorrow).seen.contains("86400.000 s in the future"));
    }
}
