//! Who else has a ticket open, on a real database.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use dispatch::domain::actor::{Actor, Role};
use dispatch::domain::refusal::Code;
use dispatch::engine::{Caller, Desk, Engine, Options};
use dispatch::store::Store;
use dispatch::store::local::APP;
use dispatch::store::objects::Objects;
use support::{Database, World, cluster, data_dir};
use uuid::Uuid;

struct Screen {
    engine: Engine,
    caller: Caller,
    session: Uuid,
}

impl Screen {
    async fn of(database: &Database, name: &str) -> Self {
        let engine = database.another_engine(Options::default()).await;
        Self { engine, caller: Caller::local(Actor::local(name, Role::Dispatcher)), session: Uuid::new_v4() }
    }

    /// Says what is open here; who else has it open, and whether they edit.
    async fn opens(&self, ticket: Option<&str>, is_editing: bool) -> Vec<(String, bool)> {
        let ticket = ticket.map(|id| id.parse().unwrap());
        let others = self.engine.attend(&self.caller, self.session, ticket, is_editing).await.unwrap();
        others.into_iter().map(|other| (other.actor_id, other.is_editing)).collect()
    }
}

fn named(name: &str, is_editing: bool) -> (String, bool) {
    (name.to_owned(), is_editing)
}

#[tokio::test]
async fn two_screens_on_one_ticket_see_each_other_and_nobody_sees_themselves() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    let (one, two) = (world.ticket(&database.engine).await, world.ticket(&database.engine).await);
    let (maria, jo) = (Screen::of(&database, "maria").await, Screen::of(&database, "jo").await);
    assert_eq!(maria.opens(Some(&one), false).await, []);
    assert_eq!(jo.opens(Some(&two), false).await, [], "another ticket");
    assert_eq!(jo.opens(Some(&one), true).await, [named("maria", false)]);
    assert_eq!(maria.opens(Some(&one), false).await, [named("jo", true)]);
    assert_eq!(jo.opens(Some(&one), false).await, [named("maria", false)]);
    assert_eq!(maria.opens(Some(&one), false).await, [named("jo", false)]);
    jo.opens(None, false).await;
    assert_eq!(maria.opens(Some(&one), false).await, []);
    // One person with two screens is two screens.
    let again = Screen::of(&database, "maria").await;
    assert_eq!(again.opens(Some(&one), false).await, [named("maria", false)]);
}

#[tokio::test]
async fn since_is_kept_while_the_ticket_is_and_begins_anew_with_another() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    let (one, two) = (world.ticket(&database.engine).await, world.ticket(&database.engine).await);
    let (maria, jo) = (Screen::of(&database, "maria").await, Screen::of(&database, "jo").await);
    let since = async |ticket: &str| {
        let ticket = Some(ticket.parse().unwrap());
        let others = jo.engine.attend(&jo.caller, jo.session, ticket, false).await.unwrap();
        others[0].since
    };
    maria.opens(Some(&one), false).await;
    let first = since(&one).await;
    maria.opens(Some(&one), true).await;
    assert_eq!(since(&one).await, first);
    maria.opens(Some(&two), false).await;
    assert!(since(&two).await >= first);
    maria.opens(Some(&one), false).await;
    assert!(since(&one).await > first);
}

#[tokio::test]
async fn a_screen_that_fell_silent_is_not_shown_and_then_forgotten() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    let ticket = world.ticket(&database.engine).await;
    let (maria, jo) = (Screen::of(&database, "maria").await, Screen::of(&database, "jo").await);
    maria.opens(Some(&ticket), true).await;
    let owner = database.owner().await;
    let age = async |age: &str| {
        sqlx::query("UPDATE cockpit_presence SET seen_at = seen_at - $1::interval WHERE actor_id = 'maria'")
            .bind(age.to_owned())
            .execute(&owner)
            .await
            .unwrap();
    };
    age("16 seconds").await;
    assert_eq!(jo.opens(Some(&ticket), false).await, []);
    assert_eq!(database.count("SELECT count(*) FROM cockpit_presence").await, 2);
    age("1 minute").await;
    jo.opens(Some(&ticket), false).await;
    assert_eq!(database.count("SELECT count(*) FROM cockpit_presence").await, 1);
    maria.opens(Some(&ticket), true).await;
    assert_eq!(jo.opens(Some(&ticket), false).await, [named("maria", true)]);
}

#[tokio::test]
async fn names_are_bounded_and_tickets_that_are_no_more_have_nobody() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    let ticket = world.ticket(&database.engine).await;
    let (long, jo) = (Screen::of(&database, &"ä".repeat(5_000)).await, Screen::of(&database, "jo").await);
    long.opens(Some(&ticket), false).await;
    assert_eq!(jo.opens(Some(&ticket), false).await, [named(&"ä".repeat(200), false)]);
    let nowhere = Uuid::new_v4().to_string();
    assert_eq!(jo.opens(Some(&nowhere), false).await, []);
    assert_eq!(long.opens(Some(&ticket), false).await, [], "jo has left it");
    let nobody = Caller::local(Actor::local("x", Role::Customer));
    let refused = database.engine.attend(&nobody, Uuid::new_v4(), Some(ticket.parse().unwrap()), false).await;
    assert_eq!(refused.unwrap_err().code(), Code::Forbidden);
}

#[tokio::test]
async fn where_nothing_can_be_written_nobody_is_there() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    let ticket = world.ticket(&database.engine).await;
    let maria = Screen::of(&database, "maria").await;
    maria.opens(Some(&ticket), false).await;
    let store = Store::open(cluster().connect_options(&database.name, APP), 4, true).await.unwrap();
    let engine = Engine::new(store, Objects::new(data_dir().join("objects")), Options::default());
    let reader = Screen { engine, ..Screen::of(&database, "reader").await };
    assert_eq!(reader.opens(Some(&ticket), false).await, []);
    sqlx::raw_sql("DROP TABLE cockpit_presence").execute(&database.owner().await).await.unwrap();
    assert_eq!(maria.opens(Some(&ticket), false).await, []);
}
