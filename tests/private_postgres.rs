//! The private cluster, made, started, killed and found again for real. Needs a local `PostgreSQL`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dispatch::store::local::{APP, Cluster, LocalError, OWNER, Started, install};
use sqlx::{ConnectOptions, Connection, PgConnection};

/// A cluster in a directory of its own, gone at the end of the test however it ends.
struct Temporary {
    root: PathBuf,
    cluster: Cluster,
}

impl Temporary {
    fn new() -> Self {
        Self::below(Path::new("data"))
    }

    /// With the data in `path` below the test's own directory.
    fn below(path: &Path) -> Self {
        let name = uuid::Uuid::new_v4().simple().to_string();
        let root = std::env::temp_dir().join(format!("dp-{}", &name[..10]));
        fs::DirBuilder::new().mode(0o755).create(&root).unwrap();
        let cluster = Cluster::new(Some(root.join(path)), None).unwrap();
        Self { root, cluster }
    }

    fn pgdata(&self) -> PathBuf {
        self.cluster.data_dir().join("postgres")
    }

    fn pid(&self) -> i32 {
        let content = fs::read_to_string(self.pgdata().join("postmaster.pid")).unwrap();
        content.lines().next().unwrap().parse().unwrap()
    }

    async fn connect(&self, role: &str) -> PgConnection {
        self.cluster.connect_options("postgres", role).connect().await.unwrap()
    }

    async fn answers(&self) -> bool {
        let mut connection = self.connect(APP).await;
        sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(&mut connection).await.unwrap() == 1
    }

    /// Kills the server the hard way, and waits until it is dead.
    async fn kill(&self) {
        let pid = self.pid();
        signal(pid, "KILL");
        until("the server is dead", || !lives(pid)).await;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The test's runtime may be gone or unwinding: a thread with its own.
        let cluster = self.cluster.clone();
        let stopped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let socket_dir = cluster.status().await.unwrap().socket_dir;
                cluster.stop().await.unwrap();
                socket_dir
            })
        });
        if let Ok(socket_dir) = stopped.join() {
            drop(fs::remove_dir_all(socket_dir));
        }
        drop(fs::remove_dir_all(&self.root));
    }
}

fn signal(pid: i32, signal: &str) {
    assert!(Command::new("sh").arg("-c").arg(format!("kill -{signal} {pid}")).status().unwrap().success());
}

/// Whether the process is there and not a zombie.
fn lives(pid: i32) -> bool {
    let answer = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8(answer.stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_first_use_makes_a_private_and_durable_cluster() {
    let test = Temporary::new();
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::First);

    let mut app = test.connect(APP).await;
    for (setting, expected) in [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("max_connections", "200"),
        ("TimeZone", "UTC"),
        ("jit", "off"),
        ("server_encoding", "UTF8"),
    ] {
        let found: String =
            sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(&mut app).await.unwrap();
        assert_eq!(found, expected, "{setting}");
    }

    let root = test.cluster.data_dir();
    for directory in ["run", "postgres"] {
        assert_eq!(mode(&root.join(directory)), 0o700, "{directory}");
    }
    // Root lets the server's user pass through, and nobody look.
    assert!([0o700, 0o711].contains(&mode(root)));
    for file in ["postgres.log", "postgres.lock", "postgres/dispatch.conf"] {
        assert_eq!(mode(&root.join(file)), 0o600, "{file}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_server_has_a_session_of_its_own_and_no_tcp_port() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let pid = test.pid();

    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    assert_eq!(fields[3], pid.to_string(), "its session");
    assert_ne!(fields[1], std::process::id().to_string(), "its parent");

    // Its sockets, to be found in none of the tables of TCP.
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default());
    for descriptor in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let Ok(target) = fs::read_link(descriptor.unwrap().path()) else { continue };
        let target = target.to_string_lossy().into_owned();
        if let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
            let listens = |table: &String| table.lines().any(|line| line.split_whitespace().nth(9) == Some(inode));
            assert!(!tables.iter().any(listens), "a TCP socket");
        }
    }
}

#[tokio::test]
async fn a_running_server_is_found_warm_without_lock_or_programs() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let pid = test.pid();
    let lock = fs::File::open(test.cluster.data_dir().join("postgres.lock")).unwrap();
    lock.lock().unwrap();
    let nothing = test.root.join("nothing");
    let other = Cluster::new(Some(test.cluster.data_dir().into()), Some(nothing)).unwrap().only_configured_programs();
    assert_eq!(other.ensure_running().await.unwrap(), Started::Warm);
    assert_eq!(test.pid(), pid);
}

#[tokio::test]
async fn of_many_tasks_that_start_it_at_once_one_does_and_all_use_it() {
    let test = Temporary::new();
    let tasks = (0..8).map(|_| {
        let cluster = test.cluster.clone();
        tokio::spawn(async move {
            let started = cluster.ensure_running().await.unwrap();
            cluster.connect_options("postgres", APP).connect().await.unwrap();
            started
        })
    });
    let mut outcomes = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        outcomes.push(task.await.unwrap());
    }
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Started::First).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Started::Warm).count(), 7);
}

/// The other half of the next test: does nothing unless that test runs it as a program.
#[tokio::test]
async fn a_process_of_its_own_starts_the_cluster() {
    let Some(data_dir) = std::env::var_os("PRIVATE_POSTGRES_TEST_DIR") else { return };
    let cluster = Cluster::new(Some(data_dir.into()), None).unwrap();
    let started = cluster.ensure_running().await.unwrap();
    cluster.connect_options("postgres", APP).connect().await.unwrap();
    fs::write(std::env::var_os("PRIVATE_POSTGRES_TEST_RESULT").unwrap(), format!("{started:?}")).unwrap();
}

#[tokio::test]
async fn of_two_processes_that_start_it_at_once_one_does_and_both_use_it() {
    let test = Temporary::new();
    let result = |number: i32| test.root.join(format!("result-{number}"));
    let processes = [1, 2].map(|number| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "a_process_of_its_own_starts_the_cluster"]).stdout(Stdio::null());
        command.env("PRIVATE_POSTGRES_TEST_DIR", test.cluster.data_dir());
        command.env("PRIVATE_POSTGRES_TEST_RESULT", result(number)).spawn().unwrap()
    });
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let mut outcomes = [1, 2].map(|number| fs::read_to_string(result(number)).unwrap());
    outcomes.sort();
    assert_eq!(outcomes, ["First", "Warm"]);
    // Both are gone, and the server is not.
    assert!(test.answers().await);
}

#[tokio::test]
async fn what_was_committed_survives_a_killed_server() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let mut owner = test.connect(OWNER).await;
    sqlx::raw_sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").execute(&mut owner).await.unwrap();

    test.kill().await;
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::Started);
    let mut owner = test.connect(OWNER).await;
    assert_eq!(sqlx::query_scalar::<_, i32>("SELECT n FROM kept").fetch_one(&mut owner).await.unwrap(), 7);
}

#[tokio::test]
async fn backends_that_outlive_a_killed_server_do_not_keep_it_from_starting() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let mut busy = test.connect(OWNER).await;
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut busy).await.unwrap();
    // Work that never looks up to see whether its server is alive.
    let work = tokio::spawn(async move {
        drop(sqlx::raw_sql("SELECT count(*) FROM generate_series(1, 100000000000)").execute(&mut busy).await);
    });
    let mut watcher = test.connect(OWNER).await;
    loop {
        let active = sqlx::query_scalar("SELECT state = 'active' FROM pg_stat_activity WHERE pid = $1").bind(backend);
        if active.fetch_one(&mut watcher).await.unwrap() {
            break;
        }
    }
    test.kill().await;
    assert!(lives(backend), "the test needs a backend that works on");
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::Started);
    assert!(!lives(backend));
    work.await.unwrap();
}

#[tokio::test]
async fn a_stale_pid_file_that_names_a_stranger_is_survived() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let pid_file = test.pgdata().join("postmaster.pid");
    let content = fs::read_to_string(&pid_file).unwrap();
    let socket_lock = test.cluster.data_dir().join("run/.s.PGSQL.5432.lock");
    let socket_text = fs::read_to_string(&socket_lock).unwrap();
    assert!(test.cluster.stop().await.unwrap());

    let pid = std::process::id();
    let as_stranger = |content: &str| format!("{pid}\n{}", content.split_once('\n').unwrap().1);
    fs::write(&pid_file, as_stranger(&content)).unwrap();
    fs::write(&socket_lock, as_stranger(&socket_text)).unwrap();
    let status = test.cluster.status().await.unwrap();
    assert_eq!((status.running, status.pid), (false, None));
    assert!(!test.cluster.stop().await.unwrap());
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::Started);
    assert!(test.answers().await);
}

#[tokio::test]
async fn a_stale_pid_file_that_names_a_zombie_is_survived() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let pid_file = test.pgdata().join("postmaster.pid");
    let content = fs::read_to_string(&pid_file).unwrap();
    test.cluster.stop().await.unwrap();

    let mut zombie = Command::new("true").spawn().unwrap();
    let pid = i32::try_from(zombie.id()).unwrap();
    until("there is a zombie", || !lives(pid)).await;
    fs::write(&pid_file, format!("{pid}\n{}", content.split_once('\n').unwrap().1)).unwrap();
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::Started);
    zombie.wait().unwrap();
}

#[tokio::test]
async fn a_pid_file_of_nonsense_is_survived() {
    let test = Temporary::new();
    test.cluster.init().await.unwrap();
    fs::write(test.pgdata().join("postmaster.pid"), "").unwrap();
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::Started);
}

#[tokio::test]
async fn a_server_whose_socket_was_removed_is_started_again() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let pid = test.pid();
    fs::remove_file(test.cluster.data_dir().join("run/.s.PGSQL.5432")).unwrap();
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::Started);
    assert_ne!(test.pid(), pid);
    assert!(test.answers().await);
}

#[tokio::test]
async fn a_half_made_cluster_counts_for_nothing_and_is_removed() {
    let test = Temporary::new();
    let half_made = test.cluster.data_dir().join("postgres.new-0123");
    fs::create_dir_all(half_made.join("base")).unwrap();
    fs::write(half_made.join("PG_VERSION"), "15\n").unwrap();
    assert!(!test.cluster.status().await.unwrap().initialised);
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::First);
    assert!(!half_made.exists());
}

#[tokio::test]
async fn what_is_not_a_cluster_is_never_overwritten() {
    let test = Temporary::new();
    fs::create_dir_all(test.pgdata()).unwrap();
    fs::write(test.pgdata().join("mine.txt"), "mine").unwrap();
    let error = test.cluster.ensure_running().await.unwrap_err();
    assert!(matches!(error, LocalError::Occupied { .. }), "{error}");
    assert_eq!(fs::read_to_string(test.pgdata().join("mine.txt")).unwrap(), "mine");
}

#[tokio::test]
async fn a_very_long_and_awkward_path_works() {
    let name = format!("{}/o'brien $(id) \"ü\"", "x".repeat(150));
    let test = Temporary::below(Path::new(&name));
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::First);
    assert!(test.answers().await);
    let socket_dir = test.cluster.status().await.unwrap().socket_dir;
    assert!(socket_dir.as_os_str().len() < 80);
    assert_eq!(mode(&socket_dir), 0o700);
}

#[tokio::test]
async fn a_cluster_is_initialised_started_and_stopped_by_command() {
    let test = Temporary::new();
    assert!(!test.cluster.stop().await.unwrap());
    assert!(test.cluster.init().await.unwrap());
    assert!(!test.cluster.init().await.unwrap());
    let status = test.cluster.status().await.unwrap();
    assert!(status.initialised && !status.running && status.pid.is_none() && status.bin_dir.is_some());

    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::Started);
    let status = test.cluster.status().await.unwrap();
    assert!(status.running);
    assert_eq!(status.pid, Some(test.pid()));
    assert!(status.version.unwrap().parse::<f32>().unwrap() >= 14.0);

    assert!(test.cluster.stop().await.unwrap());
    assert!(!test.cluster.stop().await.unwrap());
    let status = test.cluster.status().await.unwrap();
    assert!(status.initialised && !status.running && status.pid.is_none());
}

#[tokio::test]
async fn the_url_serves_our_own_driver_and_psql() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let url = test.cluster.url("postgres", APP);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let user: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&mut connection).await.unwrap();
    assert_eq!(user, APP);

    let bin_dir = test.cluster.status().await.unwrap().bin_dir.unwrap();
    let psql = Command::new(bin_dir.join("psql"))
        .args([&url, "--no-psqlrc", "-Atc", "SELECT current_user"])
        .env("PGPORT", "1")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(psql.stdout).unwrap().trim(), APP);
}

#[tokio::test]
async fn the_application_can_create_nothing_and_owns_nothing() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let mut owner = test.connect(OWNER).await;
    sqlx::raw_sql("CREATE DATABASE dispatch").execute(&mut owner).await.unwrap();
    for database in ["postgres", "dispatch"] {
        let mut app = test.cluster.connect_options(database, APP).connect().await.unwrap();
        for statement in [
            "CREATE TABLE t (n int)",
            "CREATE SCHEMA s",
            "CREATE DATABASE d",
            "CREATE ROLE r",
            "ALTER SYSTEM SET fsync = off",
        ] {
            let refused = sqlx::raw_sql(statement).execute(&mut app).await.unwrap_err();
            let code = refused.as_database_error().unwrap().code().unwrap().into_owned();
            assert_eq!(code, "42501", "{statement}: {refused}");
        }
    }
    let count = "SELECT count(*) FROM pg_shdepend WHERE refobjid = $1::regrole AND deptype = 'o'";
    assert_eq!(sqlx::query_scalar::<_, i64>(count).bind(APP).fetch_one(&mut owner).await.unwrap(), 0);
}

#[tokio::test]
async fn a_lost_application_role_is_made_again() {
    let test = Temporary::new();
    test.cluster.ensure_running().await.unwrap();
    let mut owner = test.connect(OWNER).await;
    sqlx::raw_sql("DROP ROLE dispatch_app").execute(&mut owner).await.unwrap();
    assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::Warm);
    assert!(test.answers().await);
}

#[tokio::test]
async fn data_deleted_under_a_running_server_is_made_anew() {
    for path in ["data".to_owned(), "x".repeat(150)] {
        let test = Temporary::below(Path::new(&path));
        test.cluster.ensure_running().await.unwrap();
        let pid = test.pid();
        fs::remove_dir_all(test.cluster.data_dir()).unwrap();
        assert_eq!(test.cluster.ensure_running().await.unwrap(), Started::First);
        assert!(!lives(pid), "the old server would take the socket of the new one with it");
        assert!(test.answers().await);
    }
}

#[tokio::test]
async fn an_existing_cluster_gets_the_settings_of_this_version() {
    let test = Temporary::new();
    test.cluster.init().await.unwrap();
    fs::write(test.pgdata().join("dispatch.conf"), "listen_addresses = '127.0.0.1'\nfsync = off\n").unwrap();
    test.cluster.ensure_running().await.unwrap();
    let mut app = test.connect(APP).await;
    let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(&mut app).await.unwrap();
    assert_eq!(fsync, "on");
}

#[tokio::test]
async fn a_server_that_ends_at_once_is_reported_with_its_own_words() {
    let test = Temporary::new();
    test.cluster.init().await.unwrap();
    let path = test.pgdata().join("postgresql.conf");
    let content = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{content}\nno_such_setting = 1\n")).unwrap();
    let error = test.cluster.ensure_running().await.unwrap_err().to_string();
    assert!(error.contains("no_such_setting") && error.contains("postgres.log"), "{error}");
}

#[tokio::test]
async fn without_a_server_the_message_names_the_package_and_the_url() {
    let test = Temporary::new();
    let empty = test.root.join("empty");
    fs::create_dir(&empty).unwrap();
    let cluster = Cluster::new(Some(test.root.join("data")), Some(empty)).unwrap().only_configured_programs();
    let error = cluster.ensure_running().await.unwrap_err();
    assert!(matches!(error, LocalError::NoBinaries { .. }));
    let error = error.to_string();
    for part in ["--database-url", "DISPATCH_DATABASE_URL", "DISPATCH_POSTGRES_BIN", "install", "14"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    if let Some(offer) = install::offer() {
        assert!(error.contains(&offer.package), "{error}");
    }
    assert!(!test.root.join("data").exists(), "nothing is made where nothing can run");
}

#[tokio::test]
async fn a_cluster_of_another_major_version_is_left_alone() {
    let test = Temporary::new();
    test.cluster.init().await.unwrap();
    fs::write(test.pgdata().join("PG_VERSION"), "13\n").unwrap();
    let error = test.cluster.ensure_running().await.unwrap_err();
    assert!(matches!(error, LocalError::OtherMajor { major: 13, .. }), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let test = Temporary::new();
    let file = test.root.join("file");
    fs::write(&file, "").unwrap();
    let error = Cluster::new(Some(file.join("data")), None).unwrap().ensure_running().await.unwrap_err().to_string();
    assert!(error.contains("file/data") && error.contains("DISPATCH_DATA_DIR"), "{error}");
}
