//! Settings, folders, room on the disks.

use super::{Check, Facts, Group, Verdict};
use crate::store::local::look::{Found, Purpose};

pub(super) const CHECKS: &[Check] = &[
    Check::new(Group::Files, "config", "the config file can be read and says only what we know", config),
    Check::new(Group::Files, "environment", "the variables that we read can be what they are set to", environment),
    Check::new(Group::Files, "folders", "what must be ours alone is", folders),
    Check::new(Group::Files, "socket", "the path of the socket fits into the kernel's limit, and is ours", socket),
    Check::new(Group::Files, "space", "there is room where we write", space),
    Check::new(Group::Files, "objects", "evidence can be written and read back", objects),
];

const MIB: u64 = 1 << 20;
/// Below this, the server soon stops.
const TOO_LITTLE: u64 = 100 * MIB;
/// Below this, or this part of the disk, it is time to look.
const LITTLE: u64 = 1024 * MIB;
const LITTLE_PERCENT: u64 = 5;

fn config(facts: &Facts) -> Verdict {
    let file = &facts.config;
    let Some(path) = file.path.as_deref() else { return Verdict::ok("none; everything has a default") };
    let name = path.display();
    match (&file.read, file.mode) {
        (Err(message), _) => Verdict::fail(
            format!("{name}: {}", message.trim_end_matches('.')),
            "Correct that line, or move the file away. It may hold database_url, data_dir, postgres_bin, actor and role.",
        ),
        (Ok(()), Some(mode)) if file.has_url && mode & 0o077 != 0 => Verdict::warn(
            format!("{name} holds a database URL, and others may read it (mode {mode:03o})"),
            format!("chmod 600 {name}"),
        ),
        (Ok(()), Some(_)) => Verdict::ok(name.to_string()),
        (Ok(()), None) => Verdict::ok(format!("{name} is not there; everything has a default")),
    }
}

fn environment(facts: &Facts) -> Verdict {
    let bad = facts.bad_variables.iter().map(|bad| {
        Verdict::warn(
            format!("{} is `{}` and is not heeded", bad.name, bad.value),
            format!("Set {} to {}, or unset it.", bad.name, bad.wanted),
        )
    });
    Verdict::worst(&bad.collect::<Vec<_>>(), || Verdict::ok("every variable that is set can be read"))
}

fn folders(facts: &Facts) -> Verdict {
    let place = match &facts.cluster {
        None => return Verdict::skipped("a database URL is set; no private cluster is used"),
        Some(Err(trouble)) => return Verdict::fail(&trouble.seen, &trouble.advice),
        Some(Ok(place)) => place,
    };
    // What lies in a folder of somebody else's is theirs too: that is told once.
    let foreign = place.found.iter().find(|found| !found.owners.contains(&found.uid));
    let wrong: Vec<_> = match foreign {
        Some(found) => open_or_foreign(found).into_iter().collect(),
        None => place.found.iter().filter_map(open_or_foreign).collect(),
    };
    Verdict::worst(&wrong, || {
        let name = place.data_dir.display();
        if place.found.is_empty() {
            Verdict::ok(format!("{name} is not made yet; the first use makes it"))
        } else {
            Verdict::ok(format!("{name}, closed to others"))
        }
    })
}

fn open_or_foreign(found: &Found) -> Option<Verdict> {
    let (name, mode) = (found.path.display(), found.mode);
    if !found.owners.contains(&found.uid) {
        let expected = found.owners.last().copied().unwrap_or_default();
        return Some(Verdict::fail(
            format!("{name} belongs to user {}, not to {expected}", found.uid),
            format!("Run dispatch as its owner, or: chown -R {expected} {name}"),
        ));
    }
    // What is too much for safety, and what is merely more than is needed.
    let (safe, wanted, why) = match found.purpose {
        // Root keeps the data itself and lets the server's user pass through.
        Purpose::Data => (0o755, 0o711, "whoever may write there can put another database in our place"),
        Purpose::Cluster => (0o750, 0o750, "PostgreSQL refuses to start on it"),
        Purpose::Socket => (0o700, 0o700, "whoever comes in there is let into the database"),
        Purpose::Private => (0o777, 0o600, ""),
    };
    let exceeds = |allowed: u32| mode | allowed != allowed;
    let advice = format!("chmod {} {name}", if found.purpose == Purpose::Private { 600 } else { 700 });
    if exceeds(safe) {
        Some(Verdict::fail(format!("{name} has mode {mode:03o}: {why}"), advice))
    } else if exceeds(wanted) {
        Some(Verdict::warn(format!("{name} has mode {mode:03o}: it is its owner's alone"), advice))
    } else {
        None
    }
}

fn socket(facts: &Facts) -> Verdict {
    let Some(Ok(place)) = &facts.cluster else { return Verdict::skipped("no private cluster to look at") };
    let (length, limit) = place.socket_length;
    match &place.status {
        Err(trouble) => Verdict::fail(&trouble.seen, &trouble.advice),
        Ok(_) if length >= limit => Verdict::fail(
            format!("the socket's path has {length} bytes; the system allows fewer than {limit}"),
            "Set DISPATCH_DATA_DIR to a directory with a shorter name.",
        ),
        Ok(status) => Verdict::ok(format!("{}, {length} of {limit} bytes", status.socket_dir.display())),
    }
}

fn space(facts: &Facts) -> Verdict {
    let mut low = Vec::new();
    for space in &facts.spaces {
        let percent = space.free * 100 / space.total.max(1);
        let seen = format!("{} free ({percent} %) for {}", size(space.free), space.path.display());
        let advice = "Free some space, or move the data: stop with `dispatch db stop`, move it, set DISPATCH_DATA_DIR.";
        if space.free < TOO_LITTLE {
            low.push(Verdict::fail(seen, advice));
        } else if space.free < LITTLE || percent < LITTLE_PERCENT {
            low.push(Verdict::warn(seen, advice));
        }
    }
    Verdict::worst(&low, || match facts.spaces.iter().min_by_key(|space| space.free) {
        Some(space) => Verdict::ok(format!("{} free for {}", size(space.free), space.path.display())),
        None => Verdict::skipped("the system does not say"),
    })
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    let (unit, name) = if bytes >= 1024 * MIB { (1024 * MIB, "GiB") } else { (MIB, "MiB") };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

fn objects(facts: &Facts) -> Verdict {
    let name = facts.objects.path.display();
    match &facts.objects.tried {
        None => Verdict::ok(format!("{name} is not made yet; the first evidence makes it")),
        Some(Ok(())) => Verdict::ok(format!("{name}: written, read back, removed")),
        Some(Err(reason)) => Verdict::fail(
            format!("evidence cannot be kept in {name}: {reason}"),
            "Make that folder writable for the user who runs dispatch, and see that its disk is not full.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use crate::doctor::facts::{BadVariable, Space};

    #[test]
    fn a_folder_that_is_open_or_not_ours_is_named_with_the_command_that_mends_it() {
        for (index, mode, status, command) in [
            (0, 0o711, Status::Ok, ""),
            (0, 0o755, Status::Warn, "chmod 700"),
            (0, 0o777, Status::Fail, "chmod 700"),
            (1, 0o750, Status::Ok, ""),
            (1, 0o755, Status::Fail, "chmod 700"),
            (2, 0o750, Status::Fail, "chmod 700"),
            (3, 0o644, Status::Warn, "chmod 600"),
        ] {
            let mut facts = Facts::sample();
            let Some(Ok(place)) = &mut facts.cluster else { panic!() };
            place.found[index].mode = mode;
            let verdict = folders(&facts);
            assert_eq!(verdict.status, status, "{verdict:?}");
            assert!(verdict.advice.unwrap_or_default().contains(command));
        }
        let mut facts = Facts::sample();
        let Some(Ok(place)) = &mut facts.cluster else { panic!() };
        place.found[1].uid = 7;
        assert!(folders(&facts).advice.unwrap().contains("chown -R 1000 "));
    }

    #[test]
    fn room_is_judged_by_what_is_left_and_by_its_part_of_the_disk() {
        for (free, total, status) in [
            (99 * MIB, 200 * MIB, Status::Fail),
            (900 * MIB, 2000 * MIB, Status::Warn),
            (40 << 30, 1000 << 30, Status::Warn),
            (60 << 30, 1000 << 30, Status::Ok),
        ] {
            let mut facts = Facts::sample();
            facts.spaces = vec![Space { path: "/data".into(), free, total }];
            assert_eq!(space(&facts).status, status, "{free} of {total}");
        }
        assert_eq!((size(1536 * MIB), size(MIB / 2)), ("1.5 GiB".to_owned(), "0.5 MiB".to_owned()));
    }

    #[test]
    fn settings_that_cannot_be_read_are_named() {
        let mut facts = Facts::sample();
        facts.config.path = Some("/c.toml".into());
        facts.config.mode = Some(0o644);
        assert_eq!(config(&facts).status, Status::Ok);
        facts.config.has_url = true;
        assert_eq!(config(&facts).advice.as_deref(), Some("chmod 600 /c.toml"));
        facts.config.read = Err("unknown field `rolle`".to_owned());
        assert_eq!(config(&facts).status, Status::Fail);
        facts.bad_variables =
            vec![BadVariable { name: "DISPATCH_DB_POOL_MAX", value: "many".to_owned(), wanted: "a whole number" }];
        assert!(environment(&facts).advice.unwrap().contains("a whole number"));
    }

    #[test]
    fn a_socket_path_at_the_limit_is_too_long() {
        let mut facts = Facts::sample();
        let Some(Ok(place)) = &mut facts.cluster else { panic!() };
        place.socket_length = (100, 100);
        assert_eq!(socket(&facts).status, Status::Fail);
    }
}
