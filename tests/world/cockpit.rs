//! The cockpit's calls while the server is away.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dispatch::cockpit::crew::{Crew, Start};
use dispatch::cockpit::effect::Effect;
use dispatch::cockpit::envelope::{Envelope, Target};
use dispatch::cockpit::keep::Keep;
use dispatch::cockpit::late::Opener;
use dispatch::cockpit::msg::{CallNews, FeedNews, Msg};
use dispatch::domain::actor::{Actor, Role};
use dispatch::domain::time::Timestamp;
use dispatch::engine::Engine;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use uuid::Uuid;

use super::own::{Own, SHORT, is_whole, signal, until};

struct Cockpit {
    crew: Crew,
    heard: UnboundedReceiver<Msg>,
    folder: PathBuf,
}

impl Cockpit {
    fn new(engine: Engine, folder: PathBuf) -> Self {
        let start = Start {
            actor: Actor::local("maria", Role::Dispatcher),
            keep: Keep::at(folder.clone()),
            open: Opener::ready(Arc::new(engine)),
        };
        let (tell, heard) = unbounded_channel();
        Self { crew: Crew::start(start, tell), heard, folder }
    }

    async fn hears<T>(&mut self, mut wanted: impl FnMut(Msg) -> Option<T>) -> T {
        let hearing = async {
            loop {
                if let Some(found) = wanted(self.heard.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        timeout(Duration::from_mins(1), hearing).await.unwrap()
    }

    async fn is_live(&mut self) {
        self.hears(|msg| matches!(msg, Msg::Feed(FeedNews::Changes { .. })).then_some(())).await;
    }

    /// Waits for the answer to each call: whether it was one that was given before.
    async fn answers(&mut self, calls: &[Envelope]) -> Vec<bool> {
        let mut open: Vec<_> = calls.iter().map(|call| call.request_id).collect();
        let mut replayed = Vec::new();
        self.hears(|msg| {
            if let Msg::Call(CallNews::Answered { envelope, outcome }) = msg {
                open.retain(|id| *id != envelope.request_id);
                replayed.push(outcome.unwrap().replayed);
            }
            open.is_empty().then_some(())
        })
        .await;
        replayed
    }
}

fn account(name: &str) -> Envelope {
    Envelope {
        request_id: Uuid::now_v7(),
        pressed_at: Timestamp::new(chrono::Utc::now()),
        tool: "directory.upsert".to_owned(),
        target: Target::Kind("accounts".to_owned()),
        payload: json!({"name": name}),
        if_version: None,
        actor: Actor::local("maria", Role::Dispatcher),
        upload: None,
        draft: None,
    }
}

async fn named(engine: &Engine, name: &str) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM accounts WHERE name = $1");
    count.bind(name.to_owned()).fetch_one(engine.store().pool()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pressed_while_the_server_is_away_is_said_to_wait_and_done_once_when_it_is_back() {
    let own = Own::new().await;
    // The engine gives up before the server is back; the cockpit does not.
    let engine = own.engine(10).await.with_patience(SHORT);
    let folder = std::env::temp_dir().join(format!("dispatch-cockpit-{}", Uuid::new_v4()));
    let mut cockpit = Cockpit::new(engine.clone(), folder);
    cockpit.is_live().await;
    for round in 0..2 {
        if round == 0 {
            own.cluster.stop().await.unwrap();
        } else {
            own.kill_server();
        }
        let calls: Vec<_> = (0..3).map(|n| account(&format!("Round {round} call {n}"))).collect();
        for call in &calls {
            cockpit.crew.carry_out(Effect::Send(call.clone()));
        }
        let (mut waits, mut is_away) = (0, false);
        cockpit
            .hears(|msg| {
                waits += usize::from(matches!(msg, Msg::Call(CallNews::Waits(_))));
                is_away |= matches!(msg, Msg::Feed(FeedNews::Away(_)));
                (waits == calls.len() && is_away).then_some(())
            })
            .await;
        own.cluster.ensure_running().await.unwrap();
        assert_eq!(cockpit.answers(&calls).await, [false; 3], "surely not done before");
        for call in &calls {
            assert_eq!(named(&engine, call.payload["name"].as_str().unwrap()).await, 1);
        }
        cockpit.is_live().await;
    }
    is_whole(&engine).await;
    std::fs::remove_dir_all(cockpit.folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cockpit_that_dies_before_its_answer_leaves_the_call_to_the_next_which_does_it_once() {
    let own = Own::new().await;
    let engine = own.engine(10).await;
    let folder = std::env::temp_dir().join(format!("dispatch-cockpit-{}", Uuid::new_v4()));
    let mut first = Cockpit::new(engine.clone(), folder.clone());
    first.is_live().await;
    let frozen = own.processes();
    signal(&frozen, "STOP");
    let call = account("Frozen");
    first.crew.carry_out(Effect::Send(call.clone()));
    first.hears(|msg| matches!(msg, Msg::Call(CallNews::Waits(_))).then_some(())).await;
    // What it has sent lies with the server, which does it when it thaws.
    drop(first);
    let journals = folder.join("journal");
    until("its files are closed", || {
        let files =
            std::fs::read_dir(&journals).unwrap().map(|file| std::fs::File::open(file.unwrap().path()).unwrap());
        files.into_iter().all(|file| file.try_lock().is_ok())
    });
    signal(&frozen, "CONT");
    let mut next = Cockpit::new(engine.clone(), folder);
    next.answers(std::slice::from_ref(&call)).await;
    assert_eq!(named(&engine, "Frozen").await, 1);
    is_whole(&engine).await;
    std::fs::remove_dir_all(next.folder).unwrap();
}
