use std::path::PathBuf;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::cockpit::envelope::{Draft, Target, Upload};
use crate::cockpit::fake::{Fake, Mood};
use crate::domain::actor::{Actor, Role};
use crate::domain::canonical::sha256_hex;
use crate::domain::time::Timestamp;

/// A courier at work, at a quick pace.
struct Scene {
    desk: Arc<Fake>,
    folder: Arc<Folder>,
    orders: UnboundedSender<Order>,
    news: UnboundedReceiver<Msg>,
    work: JoinHandle<()>,
}

/// Gone when the last courier is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Arc<Self> {
        Arc::new(Self(std::env::temp_dir().join(format!("dispatch-courier-{}", Uuid::new_v4()))))
    }

    /// Whether a journal in it is still being written.
    fn is_in_use(&self) -> bool {
        let Ok(files) = std::fs::read_dir(self.0.join("journal")) else { return false };
        files
            .map(|file| std::fs::File::open(file.unwrap().path()))
            .any(|file| file.is_ok_and(|file| file.try_lock().is_err()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const QUICK: Pace =
    Pace { ask_again: Duration::from_mins(2), retry: Duration::from_millis(10), slow: Duration::from_millis(30) };

impl Scene {
    fn new() -> Self {
        Self::with(Arc::default(), Folder::new(), QUICK)
    }

    fn with(desk: Arc<Fake>, folder: Arc<Folder>, pace: Pace) -> Self {
        let (tell, news) = unbounded_channel();
        let (orders, work) = begin(Arc::clone(&desk) as Arc<dyn Desk>, Keep::at(folder.0.clone()), pace, tell);
        Self { desk, folder, orders, news, work: tokio::spawn(work) }
    }

    /// The process dies and another one begins.
    async fn killed(self, pace: Pace) -> Self {
        self.work.abort();
        let _ = self.work.await;
        let written = async {
            while self.folder.is_in_use() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), written).await.expect("its files are closed");
        Self::with(self.desk, self.folder, pace)
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    fn send(&self, envelope: &Envelope) {
        self.order(Order::Send(Box::new(envelope.clone())));
    }

    /// What is heard next, in a word, and of which call.
    async fn hears(&mut self) -> (&'static str, Uuid) {
        match timeout(Duration::from_secs(10), self.news.recv()).await.expect("news in time").expect("a courier") {
            Msg::Call(CallNews::Adopted(envelope)) => ("adopted", envelope.request_id),
            Msg::Call(CallNews::Sent(id)) => ("sent", id),
            Msg::Call(CallNews::Waits(id)) => ("waits", id),
            Msg::Call(CallNews::Asks { envelope, why: Why::WaitedLong }) => ("asks: long", envelope.request_id),
            Msg::Call(CallNews::Asks { envelope, why: Why::TicketMovedOn }) => ("asks: moved", envelope.request_id),
            Msg::Call(CallNews::Answered { envelope, outcome: Ok(reply) }) => {
                (if reply.replayed { "replayed" } else { "done" }, envelope.request_id)
            }
            Msg::Call(CallNews::Answered { envelope, outcome: Err(_) }) => ("refused", envelope.request_id),
            Msg::Call(CallNews::Withdrawn(id)) => ("withdrawn", id),
            Msg::Said(_) => ("said", Uuid::nil()),
            other => panic!("{other:?}"),
        }
    }

    /// The words that are heard of one call until one of them.
    async fn story(&mut self, of: &Envelope, until: &str) -> Vec<&'static str> {
        let mut words = Vec::new();
        while words.last() != Some(&until) {
            let (word, id) = self.hears().await;
            if id == of.request_id {
                words.push(word);
            }
        }
        words
    }

    async fn count(&self) -> usize {
        let (tell, counted) = oneshot::channel();
        self.order(Order::Count(tell));
        counted.await.unwrap()
    }

    fn done(&self) -> Vec<String> {
        self.desk.told().done.clone()
    }

    /// Waits until a call was tried.
    async fn tried(&self, envelope: &Envelope, times: u32) {
        let id = envelope.request_id.to_string();
        let tried = async {
            while self.desk.told().tries.get(&id).copied().unwrap_or(0) < times {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), tried).await.expect("tried in time");
    }
}

fn minutes_ago(minutes: i64) -> Timestamp {
    Timestamp::new(Utc::now()).plus_minutes(-minutes)
}

fn on(ticket: u128) -> Envelope {
    Envelope {
        request_id: Uuid::now_v7(),
        pressed_at: minutes_ago(0),
        tool: "ticket.triage".to_owned(),
        target: Target::Ticket { id: Uuid::from_u128(ticket), number: format!("T-{ticket}") },
        payload: json!({}),
        if_version: Some(1),
        actor: Actor::local("maria", Role::Dispatcher),
        upload: None,
        draft: None,
    }
}

fn ids(envelopes: &[&Envelope]) -> Vec<String> {
    envelopes.iter().map(|envelope| envelope.request_id.to_string()).collect()
}

#[tokio::test]
async fn a_call_is_sent_answered_and_forgotten() {
    let mut scene = Scene::new();
    let call = on(1);
    scene.send(&call);
    assert_eq!(scene.story(&call, "done").await, ["sent", "done"]);
    assert_eq!(scene.count().await, 0);
    let mut scene = scene.killed(QUICK).await;
    let next = on(1);
    scene.send(&next);
    assert_eq!(scene.hears().await, ("sent", next.request_id), "nothing is left to be taken over");
}

#[tokio::test]
async fn through_an_outage_a_call_waits_visibly_and_is_done_once() {
    let mut scene = Scene::new();
    scene.desk.is(Mood::Away);
    let call = Envelope { if_version: None, ..on(1) };
    scene.send(&call);
    assert_eq!(scene.story(&call, "waits").await, ["sent", "waits"]);
    scene.order(Order::Link(false));
    scene.tried(&call, 3).await;
    assert_eq!(scene.count().await, 1);
    scene.desk.is(Mood::There);
    scene.order(Order::Link(true));
    let story = scene.story(&call, "done").await;
    assert!(story == ["done"] || story == ["sent", "done"], "{story:?}");
    assert_eq!(scene.done(), ids(&[&call]));
}

#[tokio::test]
async fn a_call_without_an_answer_is_said_to_wait_while_it_goes_on() {
    let mut scene = Scene::new();
    scene.desk.is(Mood::Hangs);
    let call = on(1);
    scene.send(&call);
    assert_eq!(scene.story(&call, "waits").await, ["sent", "waits"]);
    scene.tried(&call, 1).await;
    assert_eq!(scene.desk.told().tries.values().copied().collect::<Vec<_>>(), [1], "it still goes on");
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_answered_by_its_replay_without_being_asked_about() {
    let scene = Scene::new();
    scene.desk.is(Mood::Deaf);
    let call = Envelope { pressed_at: minutes_ago(30), ..on(1) };
    scene.send(&call);
    scene.tried(&call, 2).await;
    scene.desk.told().versions.insert(Uuid::from_u128(1).to_string(), 9);
    scene.desk.is(Mood::There);
    let mut scene = scene.killed(QUICK).await;
    assert_eq!(scene.story(&call, "replayed").await, ["adopted", "sent", "replayed"]);
    assert_eq!(scene.done(), ids(&[&call]));
}

#[tokio::test]
async fn killed_between_sending_and_answering_a_call_is_done_once_by_the_next_run() {
    let mut scene = Scene::new();
    scene.desk.is(Mood::Hangs);
    let call = on(1);
    scene.send(&call);
    assert_eq!(scene.story(&call, "waits").await, ["sent", "waits"]);
    scene.tried(&call, 1).await;
    scene.desk.is(Mood::There);
    let mut scene = scene.killed(QUICK).await;
    assert_eq!(scene.story(&call, "done").await, ["adopted", "sent", "done"]);
    assert_eq!(scene.done(), ids(&[&call]));
}

#[tokio::test]
async fn never_sent_and_two_minutes_old_it_asks_again_before_it_goes() {
    let scene = Scene::new();
    scene.desk.is(Mood::Away);
    let call = Envelope { pressed_at: minutes_ago(3), ..on(1) };
    scene.send(&call);
    scene.tried(&call, 1).await;
    scene.desk.is(Mood::There);
    let mut scene = scene.killed(QUICK).await;
    assert_eq!(scene.story(&call, "asks: long").await, ["adopted", "asks: long"]);
    assert_eq!((scene.done(), scene.count().await), (vec![], 1));
    scene.order(Order::SendAfterAll(call.request_id));
    assert_eq!(scene.story(&call, "done").await, ["sent", "done"]);
}

#[tokio::test]
async fn a_long_wait_is_asked_about_when_the_database_is_back_not_before() {
    let mut scene = Scene::with(Arc::default(), Folder::new(), Pace { ask_again: Duration::from_millis(50), ..QUICK });
    scene.desk.is(Mood::Away);
    scene.order(Order::Link(false));
    let call = on(1);
    scene.send(&call);
    assert_eq!(scene.story(&call, "waits").await, ["waits"]);
    // Two lengths of its patience later it has not asked, and is not even tried any more.
    let since = std::time::Instant::now();
    while since.elapsed() < Duration::from_millis(100) {
        scene.count().await;
    }
    assert!(scene.news.try_recv().is_err());
    scene.desk.is(Mood::There);
    scene.order(Order::Link(true));
    assert_eq!(scene.story(&call, "asks: long").await, ["asks: long"]);
    scene.order(Order::Withdraw(call.request_id));
    assert_eq!((scene.count().await, scene.done()), (0, vec![]));
}

#[tokio::test]
async fn a_call_whose_ticket_moved_on_while_it_waited_asks_and_can_only_be_taken_back() {
    let mut scene = Scene::new();
    scene.desk.is(Mood::Away);
    let call = on(1);
    scene.send(&call);
    scene.tried(&call, 1).await;
    scene.desk.told().versions.insert(Uuid::from_u128(1).to_string(), 4);
    scene.desk.is(Mood::There);
    let story = scene.story(&call, "asks: moved").await;
    assert_eq!(story.last(), Some(&"asks: moved"));
    // Sent all the same, it would overwrite what nobody here has seen.
    scene.order(Order::SendAfterAll(call.request_id));
    scene.story(&call, "asks: moved").await;
    scene.order(Order::Withdraw(call.request_id));
    scene.story(&call, "withdrawn").await;
    assert_eq!((scene.done(), scene.count().await), (vec![], 0));
}

#[tokio::test]
async fn calls_on_one_ticket_go_in_the_order_they_were_pressed_and_others_do_not_wait_for_them() {
    let mut scene = Scene::new();
    scene.desk.is(Mood::Hangs);
    let [first, second, third] = [on(1), on(1), on(1)];
    for call in [&first, &second, &third] {
        scene.send(call);
    }
    scene.tried(&first, 1).await;
    assert_eq!(scene.story(&second, "waits").await, ["waits"], "behind one that waits");
    scene.desk.is(Mood::There);
    let other = on(2);
    scene.send(&other);
    scene.story(&other, "done").await;
    assert_eq!(scene.desk.told().tries.len(), 2);
    let mut scene = scene.killed(QUICK).await;
    scene.story(&third, "done").await;
    assert_eq!(scene.done(), ids(&[&other, &first, &second, &third]));
}

#[tokio::test]
async fn what_may_have_been_done_cannot_be_taken_back() {
    let mut scene = Scene::new();
    scene.desk.is(Mood::Deaf);
    let call = on(1);
    scene.send(&call);
    scene.tried(&call, 2).await;
    scene.order(Order::Withdraw(call.request_id));
    assert_eq!(scene.count().await, 1);
    scene.desk.is(Mood::There);
    assert_eq!(scene.story(&call, "replayed").await.last(), Some(&"replayed"));
}

#[tokio::test]
async fn a_call_that_cannot_be_written_down_is_refused_and_not_sent() {
    let folder = Folder::new();
    std::fs::write(&folder.0, "no folder").unwrap();
    let mut scene = Scene::with(Arc::default(), Arc::clone(&folder), QUICK);
    assert_eq!(scene.hears().await.0, "said");
    let call = on(1);
    scene.send(&call);
    assert_eq!(scene.story(&call, "refused").await, ["refused"]);
    assert!(scene.desk.told().tries.is_empty());
    // As soon as it can be written down again, it goes.
    std::fs::remove_file(&folder.0).unwrap();
    scene.send(&call);
    assert_eq!(scene.story(&call, "done").await, ["sent", "done"]);
}

#[tokio::test]
async fn a_file_is_kept_before_the_call_that_names_it_and_a_changed_one_is_refused() {
    let mut scene = Scene::new();
    let file = std::env::temp_dir().join(format!("dispatch-courier-{}.txt", Uuid::new_v4()));
    std::fs::write(&file, "proof").unwrap();
    let payload = json!({"kind": "NOTE", "checksum": sha256_hex(b"proof")});
    let call = Envelope { payload, upload: Some(Upload::File(file.clone())), ..on(1) };
    scene.send(&call);
    assert_eq!(scene.story(&call, "done").await, ["sent", "done"]);
    assert_eq!(scene.desk.told().uploads, [sha256_hex(b"proof")]);
    std::fs::write(&file, "other").unwrap();
    let again = Envelope { request_id: Uuid::now_v7(), ..call };
    scene.send(&again);
    assert_eq!(scene.story(&again, "refused").await, ["sent", "refused"]);
    assert_eq!(scene.done().len(), 1);
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_note_goes_with_its_call_through_a_restart_and_leaves_no_file() {
    let scene = Scene::new();
    scene.desk.is(Mood::Away);
    let payload = json!({"kind": "NOTE", "checksum": sha256_hex(b"Braced.")});
    let call = Envelope { payload, upload: Some(Upload::Words { words: "Braced.".to_owned() }), ..on(1) };
    scene.send(&call);
    assert_eq!(scene.count().await, 1);
    let mut scene = scene.killed(QUICK).await;
    scene.desk.is(Mood::There);
    scene.story(&call, "done").await;
    assert_eq!(scene.desk.told().uploads, [sha256_hex(b"Braced.")]);
    assert_eq!(scene.count().await, 0);
    for file in std::fs::read_dir(&scene.folder.0).unwrap().map(|file| file.unwrap().path()) {
        assert!(!std::fs::read_to_string(&file).is_ok_and(|text| text.contains("Braced")), "{}", file.display());
    }
}

#[tokio::test]
async fn calls_that_were_found_go_on_also_where_nothing_could_be_written_at_first() {
    let scene = Scene::new();
    scene.desk.is(Mood::Away);
    let call = on(1);
    scene.send(&call);
    assert_eq!(scene.count().await, 1);
    let Scene { desk, folder, work, .. } = scene;
    work.abort();
    let _ = work.await;
    let unused = async {
        while folder.is_in_use() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), unused).await.expect("its files are closed");
    let book = Book::new(Keep::at(folder.0.clone()));
    let full = |_: &mut crate::cockpit::journal::Journal| Err::<(), _>(std::io::ErrorKind::StorageFull.into());
    assert!(book.write(full).await.is_err());
    assert_eq!(book.found().into_iter().map(|open| open.envelope).collect::<Vec<_>>(), [call]);
    assert!(book.found().is_empty(), "each once");
    drop(desk);
}

/// A call with what was typed into its form.
fn typed(ticket: u128) -> Envelope {
    let draft = Draft { form: format!("maria ticket.triage {ticket}"), said: json!({"fields": {"summary": "half"}}) };
    Envelope { draft: Some(Box::new(draft)), ..on(ticket) }
}

#[tokio::test]
async fn what_was_typed_is_in_a_draft_or_in_a_call_whenever_one_is_killed() {
    let scene = Scene::new();
    scene.desk.is(Mood::Away);
    let call = typed(1);
    let Draft { form, said } = *call.draft.clone().unwrap();
    scene.order(Order::KeepDraft { key: form.clone(), draft: said.clone() });
    scene.send(&call);
    // Begun anew before the call went.
    scene.order(Order::KeepDraft { key: form.clone(), draft: json!({"fields": {"summary": "next"}}) });
    assert_eq!(scene.count().await, 1);
    let mut scene = scene.killed(QUICK).await;
    scene.story(&call, "adopted").await;
    let keep = Keep::at(scene.folder.0.clone());
    assert_eq!(keep.read().drafts, [(form.clone(), json!({"fields": {"summary": "next"}}))].into());
}

#[tokio::test]
async fn what_was_typed_into_a_call_that_is_taken_back_is_a_draft_that_waits() {
    let mut scene = Scene::new();
    scene.desk.is(Mood::Away);
    let call = typed(1);
    let Draft { said, .. } = *call.draft.clone().unwrap();
    scene.send(&call);
    scene.story(&call, "waits").await;
    // While it is tried it cannot be taken back, which is said.
    scene.order(Order::Withdraw(call.request_id));
    loop {
        match scene.hears().await {
            ("withdrawn", _) => break,
            ("said", _) => scene.order(Order::Withdraw(call.request_id)),
            _ => {}
        }
    }
    let scene = scene.killed(QUICK).await;
    let drafts = Keep::at(scene.folder.0.clone()).read().drafts;
    assert_eq!(drafts.get(&call.draft.clone().unwrap().waiting(call.request_id)), Some(&said), "{drafts:?}");
}

#[tokio::test]
async fn a_call_that_is_done_leaves_no_draft_and_one_that_is_refused_does() {
    let mut scene = Scene::new();
    let [done, no] = [typed(1), typed(2)];
    for call in [&done, &no] {
        let Draft { form, said } = *call.draft.clone().unwrap();
        scene.order(Order::KeepDraft { key: form, draft: said });
    }
    scene.send(&done);
    scene.story(&done, "done").await;
    scene.desk.is(Mood::Refuses);
    scene.send(&no);
    scene.story(&no, "refused").await;
    let scene = scene.killed(QUICK).await;
    let Draft { said, .. } = *no.draft.clone().unwrap();
    let waits = no.draft.clone().unwrap().waiting(no.request_id);
    assert_eq!(Keep::at(scene.folder.0.clone()).read().drafts, [(waits, said)].into());
}
