//! A dispatcher's post: a database of its own, and cockpits on it.

use std::path::PathBuf;

use crate::support::{Database, World, data_dir};
use crate::terminal::{Start, Terminal};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_dispatch");

/// A post.
pub struct Post {
    pub database: Database,
    pub world: World,
    pub home: PathBuf,
}

/// How a cockpit is started, where it is not as usual.
pub struct As<'a> {
    pub arguments: &'a [&'a str],
    pub environment: &'a [(&'a str, &'a str)],
    pub size: (u16, u16),
}

impl Default for As<'_> {
    fn default() -> Self {
        Self { arguments: &[], environment: &[], size: (120, 40) }
    }
}

impl Post {
    /// One with an account, a site and a technician.
    pub async fn new() -> Self {
        let database = Database::new().await;
        let world = World::new(&database.engine).await;
        let home = data_dir().join(format!("cockpit-{}", database.name));
        std::fs::create_dir_all(&home).unwrap();
        Self { database, world, home }
    }

    /// Starts a cockpit, and waits until it shows the queue.
    pub fn cockpit(&self) -> Terminal {
        self.cockpit_as(&As::default())
    }

    /// The same, another way.
    pub fn cockpit_as(&self, how: &As<'_>) -> Terminal {
        let terminal = self.start(PROGRAM, how);
        terminal.wait_for("● live").wait_idle();
        terminal
    }

    /// Starts a program with what a cockpit here needs in its environment.
    pub fn start(&self, program: &str, how: &As<'_>) -> Terminal {
        let (url, data) = (self.database.url(), data_dir());
        let mut environment =
            vec![("DISPATCH_DATABASE_URL", url.as_str()), ("DISPATCH_DATA_DIR", data.to_str().unwrap())];
        environment.extend(how.environment);
        Terminal::start(&Start {
            program,
            arguments: how.arguments,
            environment: &environment,
            home: &self.home,
            width: how.size.0,
            height: how.size.1,
        })
    }

    /// One value of a ticket, as the database has it.
    pub async fn of(&self, column: &str, number: &str) -> String {
        let sql = format!("SELECT {column}::text FROM tickets WHERE number = $1");
        let pool = self.database.engine.store().pool();
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(number).fetch_one(pool).await.unwrap()
    }
}
