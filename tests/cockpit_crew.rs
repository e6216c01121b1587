//! The crew of the cockpit on a real database: what it is asked for comes back as messages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dispatch::cockpit::crew::{Crew, Start};
use dispatch::cockpit::effect::Effect;
use dispatch::cockpit::envelope::{Envelope, Target};
use dispatch::cockpit::keep::Keep;
use dispatch::cockpit::late::Opener;
use dispatch::cockpit::msg::{CallNews, FeedNews, Msg};
use dispatch::domain::actor::{Actor, Role};
use dispatch::domain::directory::Kind;
use dispatch::domain::queue::Filter;
use dispatch::domain::refusal::Code;
use dispatch::domain::time::Timestamp;
use dispatch::engine::{Caller, Desk, Options};
use serde_json::{Value, json};
use support::{Database, World};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use uuid::Uuid;

struct Scene {
    database: Database,
    world: World,
    crew: Option<Crew>,
    heard: UnboundedReceiver<Msg>,
    folder: PathBuf,
}

impl Scene {
    async fn new(role: Role) -> Self {
        let database = Database::new().await;
        let world = World::new(&database.engine).await;
        let folder = std::env::temp_dir().join(format!("dispatch-crew-{}", Uuid::new_v4()));
        let engine = database.another_engine(Options::default()).await;
        let start = Start {
            actor: Actor::local("maria", role),
            keep: Keep::at(folder.clone()),
            open: Opener::ready(Arc::new(engine)),
        };
        let (tell, heard) = unbounded_channel();
        Self { database, world, crew: Some(Crew::start(start, tell)), heard, folder }
    }

    fn does(&mut self, effect: Effect) {
        self.crew.as_mut().unwrap().carry_out(effect);
    }

    async fn leaves(&mut self) -> usize {
        self.crew.take().unwrap().leave().await
    }

    async fn ticket(&self) -> Uuid {
        self.world.ticket(&self.database.engine).await.parse().unwrap()
    }

    /// Waits for a message that says what is looked for.
    async fn hears<T>(&mut self, mut wanted: impl FnMut(Msg) -> Option<T>) -> T {
        let hearing = async {
            loop {
                if let Some(found) = wanted(self.heard.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(20), hearing).await.unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn maria() -> Actor {
    Actor::local("maria", Role::Dispatcher)
}

fn triage(ticket: Uuid) -> Envelope {
    Envelope {
        request_id: Uuid::now_v7(),
        pressed_at: Timestamp::new(chrono::Utc::now()),
        tool: "ticket.triage".to_owned(),
        target: Target::Ticket { id: ticket, number: "T".to_owned() },
        payload: json!({"priority": "URGENT", "incident_type": "CLOSER_LEAKING_OR_SLAMMING", "nte_cents": 50_000}),
        if_version: None,
        actor: maria(),
        upload: None,
        draft: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_operators_change_is_heard() {
    let mut scene = Scene::new(Role::Dispatcher).await;
    scene.hears(|msg| matches!(msg, Msg::Feed(FeedNews::Page { is_last: true, .. })).then_some(())).await;
    for _ in 0..3 {
        let ticket = scene.ticket().await;
        scene
            .hears(|msg| match msg {
                Msg::Feed(FeedNews::Changes { rows, .. }) => {
                    rows.iter().any(|row| row.ticket_id == ticket).then_some(())
                }
                _ => None,
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_comes_whole_with_its_timeline_and_what_is_wrong_with_its_chain() {
    let mut scene = Scene::new(Role::Dispatcher).await;
    let ticket = scene.ticket().await;
    let wanted = move |msg| match msg {
        Msg::Case { ticket: of, outcome, .. } if of == ticket => Some(outcome),
        _ => None,
    };
    scene.does(Effect::LoadCase { ticket: Uuid::new_v4(), actor: maria() });
    scene.does(Effect::LoadCase { ticket, actor: maria() });
    let case = scene.hears(wanted).await.unwrap();
    assert_eq!(case.case["ticket"]["id"], ticket.to_string());
    assert_eq!((case.events.len(), case.chain.as_ref()), (1, None));
    let owner = scene.database.owner().await;
    sqlx::raw_sql(
        "ALTER TABLE audit_events DISABLE TRIGGER USER; UPDATE audit_events SET actor_id = 'somebody' WHERE chain IS NOT NULL",
    )
    .execute(&owner)
    .await
    .unwrap();
    scene.does(Effect::LoadCase { ticket, actor: maria() });
    let found = scene.hears(wanted).await.unwrap().chain.clone().unwrap();
    assert!(found.starts_with("link 1 of the audit chain is broken: edited"), "{found}");
    scene.does(Effect::LoadCase { ticket, actor: Actor::local("c", Role::Customer) });
    assert_eq!(scene.hears(wanted).await.unwrap_err().code(), Code::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_made_and_its_change_comes_with_the_feed() {
    let mut scene = Scene::new(Role::Dispatcher).await;
    // What changes before the queue was read comes with it, not after it.
    scene.hears(|msg| matches!(msg, Msg::Feed(FeedNews::Page { is_last: true, .. })).then_some(())).await;
    let ticket = scene.ticket().await;
    let call = triage(ticket);
    scene.does(Effect::Preview { stamp: 7, envelope: call.clone() });
    let preview = scene.hears(|msg| match msg {
        Msg::Previewed { stamp: 7, outcome } => Some(outcome.unwrap()),
        _ => None,
    });
    assert_eq!(preview.await.ticket["state"], "TRIAGED");
    scene.does(Effect::Send(call.clone()));
    let (mut answered, mut changed) = (false, false);
    scene
        .hears(|msg| {
            match msg {
                Msg::Call(CallNews::Answered { envelope, outcome }) => {
                    assert_eq!(envelope, call);
                    assert!(!outcome.unwrap().replayed);
                    answered = true;
                }
                Msg::Feed(FeedNews::Changes { rows, .. }) => {
                    changed |= rows.iter().any(|row| row.ticket_id == ticket && row.state.as_str() == "TRIAGED");
                }
                _ => {}
            }
            (answered && changed).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_else_is_there_is_told_when_it_changes_and_leaving_is_said() {
    let mut scene = Scene::new(Role::Dispatcher).await;
    let ticket = scene.ticket().await;
    let jo = (Caller::local(Actor::local("jo", Role::Dispatcher)), Uuid::new_v4());
    let engine = scene.database.engine.clone();
    let others = async |scene: &mut Scene| {
        scene.does(Effect::Attend { ticket: Some(ticket), is_editing: true, actor: maria() });
        let others = scene.hears(|msg| match msg {
            Msg::Present { ticket: of, others } if of == ticket => Some(others),
            _ => None,
        });
        others.await.into_iter().map(|other| other.actor_id).collect::<Vec<_>>()
    };
    assert_eq!(others(&mut scene).await, Vec::<String>::new());
    let seen = engine.attend(&jo.0, jo.1, Some(ticket), false).await.unwrap();
    assert!(seen.len() == 1 && seen[0].is_editing);
    assert_eq!(others(&mut scene).await, ["jo"]);
    assert_eq!(scene.leaves().await, 0);
    assert_eq!(engine.attend(&jo.0, jo.1, Some(ticket), false).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_records_are_found_and_what_is_kept_is_kept() {
    let mut scene = Scene::new(Role::Dispatcher).await;
    let ticket = scene.ticket().await;
    scene.does(Effect::Lookup { stamp: 1, kind: Kind::Accounts, query: json!({"q": "harbor"}) });
    let records = scene.hears(|msg| match msg {
        Msg::Looked { stamp: 1, outcome } => Some(outcome.unwrap()),
        _ => None,
    });
    assert_eq!(records.await[0]["name"], "Harbor Foods");
    scene.does(Effect::List { stamp: 2, filter: Filter::default(), limit: 10 });
    let rows = scene.hears(|msg| match msg {
        Msg::Listed { stamp: 2, outcome } => Some(outcome.unwrap()),
        _ => None,
    });
    assert_eq!(rows.await[0].ticket_id, ticket);
    scene.does(Effect::KeepDraft { key: "form".to_owned(), draft: json!({"summary": "half"}) });
    scene.does(Effect::KeepDraft { key: "gone".to_owned(), draft: Value::Null });
    scene.does(Effect::DropDraft { key: "gone".to_owned() });
    scene.does(Effect::KeepChoice { key: "theme", value: json!("mono") });
    scene.does(Effect::After { stamp: 3, wait: Duration::from_millis(1) });
    scene.hears(|msg| matches!(msg, Msg::Due { stamp: 3 }).then_some(())).await;
    scene.leaves().await;
    // Its tasks end a moment after it left.
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut kept = Keep::at(scene.folder.clone()).read();
    while kept.drafts.is_empty() && Instant::now() < deadline {
        tokio::task::yield_now().await;
        kept = Keep::at(scene.folder.clone()).read();
    }
    assert_eq!(kept.drafts, [("form".to_owned(), json!({"summary": "half"}))].into());
    assert_eq!(kept.choices["theme"], "mono");
}
