//! A machine on which all is well, for the tests of the checks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::facts::*;
use crate::domain::policy::Bundle;
use crate::store::health::Health;
use crate::store::health::{Ours, Parts, RolePowers, Server, SiteZone};
use crate::store::local::Status;
use crate::store::local::look::{Found, Program, Programs, Purpose};
use crate::store::migrate::{Migrated, Schema};

impl Facts {
    /// A machine on which all is well.
    pub fn sample() -> Self {
        let program = |name, needed| Program { name, needed, version: Some("15.14".to_owned()) };
        let data_dir = PathBuf::from("/home/x/.local/share/dispatch");
        let found = |path: &str, purpose, mode| Found {
            path: data_dir.join(path),
            purpose,
            uid: 1000,
            owners: vec![1000],
            mode,
        };
        let place = Place {
            data_dir: data_dir.clone(),
            status: Ok(Status {
                initialised: true,
                running: true,
                pid: Some(4711),
                version: Some("15.14".to_owned()),
                data_dir: data_dir.clone(),
                socket_dir: data_dir.join("run"),
                log: data_dir.join("postgres.log"),
                bin_dir: Some(PathBuf::from("/usr/lib/postgresql/15/bin")),
            }),
            found: vec![
                found("", Purpose::Data, 0o700),
                found("postgres", Purpose::Cluster, 0o700),
                found("run", Purpose::Socket, 0o700),
                found("postgres.log", Purpose::Private, 0o600),
            ],
            socket_length: (57, 100),
        };
        Self {
            config: ConfigFile { path: None, read: Ok(()), mode: None, has_url: false },
            bad_variables: Vec::new(),
            cluster: Some(Ok(place)),
            programs: Ok(Programs {
                directory: PathBuf::from("/usr/lib/postgresql/15/bin"),
                version: "15.14".to_owned(),
                passed_over: None,
                tools: vec![program("initdb", true), program("psql", false)],
            }),
            spaces: vec![Space { path: data_dir.clone(), free: 50 << 30, total: 100 << 30 }],
            objects: ObjectFolder { path: data_dir.join("objects"), tried: Some(Ok(())) },
            database: Reach::Up(Box::new(health())),
            pool_max: 10,
            memory: Some(16 << 30),
            policy: Bundle::embedded(),
            surroundings: Surroundings {
                terminal: true,
                size: Some((120, 40)),
                term: Some("xterm-256color".to_owned()),
                colorterm: None,
                no_color: false,
                locale: Some(("LANG", "de_DE.UTF-8".to_owned())),
            },
        }
    }

    /// The sample, its database changed.
    pub fn with_health(change: impl FnOnce(&mut Health)) -> Self {
        let mut facts = Self::sample();
        if let Reach::Up(health) = &mut facts.database {
            change(health);
        }
        facts
    }
}

fn health() -> Health {
    let migrations = BTreeMap::from([(1, Migrated::Applied)]);
    Health {
        server: Ok(Server {
            major: 15,
            version: "15.14".to_owned(),
            fsync: true,
            full_page_writes: true,
            synchronous_commit: "on".to_owned(),
            session_replication_role: "origin".to_owned(),
            shared_buffers: 256 << 20,
            work_mem: 4 << 20,
            max_connections: 197,
            connections: 3,
            replica: false,
            encoding: "UTF8".to_owned(),
            here: true,
        }),
        schema: Ok(Schema::Current { version: 1 }),
        clock_ahead: Ok(3),
        zones: Ok(["america/los_angeles", "america/new_york"].map(str::to_owned).to_vec()),
        ours: Some(Ours {
            migrations: Ok(migrations),
            transitions: Ok(Vec::new()),
            parts: Ok(Parts { indexes: 20, triggers: 7, functions: 6, ..Parts::default() }),
            role: Ok(RolePowers {
                name: "dispatch_app".to_owned(),
                superuser: false,
                owned: Vec::new(),
                may_change: Vec::new(),
                unreadable: Vec::new(),
            }),
            newest_event: Ok(None),
            site_zones: Ok(vec![SiteZone { timezone: "America/New_York".to_owned(), sites: 4, id: "0198".to_owned() }]),
        }),
    }
}
