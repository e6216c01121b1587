//! The processes that work while things are killed: the program itself, told by lines on its
//! standard input which calls to make, and answering each on a line of its own.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::domain::actor::{Actor, Role};
use crate::engine::{Call, Caller, Desk};

/// A call that a worker is to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub tool: String,
    pub target: Option<String>,
    pub payload: Value,
    pub request_id: Uuid,
    pub actor: String,
    pub role: Role,
}

/// How a call ended that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The bytes of the reply.
    Done { body: String, replayed: bool },
    /// The refusal's code and message.
    Refused { code: String, message: String },
}

#[derive(Debug, Serialize, Deserialize)]
struct Line<T> {
    n: u64,
    #[serde(flatten)]
    what: T,
}

/// The worker's side: makes every call as soon as it is read, many at once, until there are no more.
pub async fn serve(desk: Arc<dyn Desk>) {
    let (lines, mut received) = mpsc::channel(256);
    // Not a task: one that waits for input would hold up the end of the program.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let mut calls = tokio::task::JoinSet::new();
    while let Some(line) = received.recv().await {
        let Ok(Line { n, what }) = serde_json::from_str::<Line<Order>>(&line) else { continue };
        let desk = Arc::clone(&desk);
        calls.spawn(async move {
            let what = make(&*desk, what).await;
            let Ok(mut line) = serde_json::to_vec(&Line { n, what }) else { return };
            line.push(b'\n');
            let mut out = std::io::stdout().lock();
            // Whoever gave the order has gone: nobody is left to tell.
            let _ = out.write_all(&line).and_then(|()| out.flush());
        });
    }
    calls.join_all().await;
}

async fn make(desk: &dyn Desk, order: Order) -> Answer {
    let caller = Caller::local(Actor::local(order.actor, order.role));
    let call = Call::new(&caller, &order.tool, order.target.as_deref(), order.payload).request_id(order.request_id);
    match desk.call(call).await {
        Ok(reply) => Answer::Done { body: reply.body, replayed: reply.replayed },
        Err(refused) => Answer::Refused {
            code: refused.refusal.code().as_str().to_owned(),
            message: refused.refusal.message().to_owned(),
        },
    }
}

/// The driver's side: one worker process.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    link: Arc<Link>,
}

/// The way to a worker's ear, shared by all who give it orders.
#[derive(Debug)]
pub struct Link {
    stdin: tokio::sync::Mutex<Option<ChildStdin>>,
    next: AtomicU64,
    /// Who waits for which answer; none once the worker is gone.
    waiting: Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>,
}

impl Worker {
    /// Starts the program as a worker on a private cluster: its ordinary start, which brings up
    /// whatever is down. Nothing in the user's settings leads it elsewhere.
    pub fn start(program: &Path, data_dir: &Path, postgres_bin: Option<&Path>) -> std::io::Result<Self> {
        const KEPT: [&str; 5] = ["PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DISPATCH_POSTGRES_BIN"];
        let mut command = Command::new(program);
        command.args(["--config", "/dev/null", "bench", "soak-worker"]);
        command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("DISPATCH_DATA_DIR", data_dir);
        if let Some(directory) = postgres_bin {
            command.env("DISPATCH_POSTGRES_BIN", directory);
        }
        // What calls say to the log while their database is away is no news here.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        // Ctrl-C is for the driver.
        command.process_group(0);
        let mut child = command.spawn()?;
        let link = Arc::new(Link {
            stdin: tokio::sync::Mutex::new(child.stdin.take()),
            next: AtomicU64::new(0),
            waiting: Mutex::new(Some(HashMap::new())),
        });
        if let Some(stdout) = child.stdout.take() {
            let link = Arc::clone(&link);
            tokio::spawn(async move {
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if let Ok(Line { n, what }) = serde_json::from_str::<Line<Answer>>(&line) {
                        link.with(|waiting| waiting.as_mut()?.remove(&n)?.send(what).ok());
                    }
                }
                // Dropped with their map, those who still wait learn that nobody will answer.
                drop(link.with(Option::take));
            });
        }
        Ok(Self { child, link })
    }

    /// The way to give it orders.
    pub fn link(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    /// Its process, if it runs.
    pub fn pid(&self) -> Option<i32> {
        self.child.id().and_then(|pid| i32::try_from(pid).ok())
    }

    /// Whether it runs no longer.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end; true if it ended well.
    pub async fn ended(&mut self) -> bool {
        self.child.wait().await.is_ok_and(|status| status.success())
    }

    /// Kills it, and waits until it is dead.
    pub async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    /// Lets it finish what it has, and waits for its end.
    pub async fn retire(mut self) -> bool {
        drop(self.link.stdin.lock().await.take());
        self.ended().await
    }
}

impl Link {
    fn with<T>(&self, work: impl FnOnce(&mut Option<HashMap<u64, oneshot::Sender<Answer>>>) -> T) -> T {
        work(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has a call made; none if the worker ended before it answered.
    pub async fn ask(&self, order: &Order) -> Option<Answer> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let mut line = serde_json::to_vec(&Line { n, what: order }).ok()?;
        line.push(b'\n');
        let (sender, answer) = oneshot::channel();
        self.with(|waiting| waiting.as_mut()?.insert(n, sender));
        // A worker that is gone has no map, so the sender was dropped, and `answer` says so.
        if let Some(stdin) = self.stdin.lock().await.as_mut() {
            let _ = stdin.write_all(&line).await;
        }
        answer.await.ok()
    }
}
