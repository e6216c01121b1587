//! A way to the server that breaks off where it is told to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// Where the next connection that carries anything breaks.
#[derive(Debug, Clone, Copy)]
pub enum Cut {
    /// After so many bytes more to the server.
    ToServer(i64),
    /// After so many bytes more from it: what it was sent has been done.
    FromServer(i64),
}

/// Bytes left in each direction until the cut; negative where there is none.
#[derive(Debug)]
struct Left {
    to_server: AtomicI64,
    from_server: AtomicI64,
    cuts: AtomicUsize,
}

pub struct Proxy {
    left: Arc<Left>,
}

impl Proxy {
    /// Listens in `directory` as the server does, and passes everything on to its `socket`.
    pub async fn start(socket: PathBuf, directory: &Path) -> Self {
        tokio::fs::create_dir(directory).await.unwrap();
        let listener = UnixListener::bind(super::own::socket_in(directory)).unwrap();
        let left = Arc::new(Left {
            to_server: AtomicI64::new(-1),
            from_server: AtomicI64::new(-1),
            cuts: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&shared)));
            }
        });
        Self { left }
    }

    /// Cuts the next connection that comes to this point.
    pub fn cut_next(&self, cut: Cut) {
        let (to_server, from_server) = match cut {
            Cut::ToServer(bytes) => (bytes, -1),
            Cut::FromServer(bytes) => (-1, bytes),
        };
        self.left.to_server.store(to_server, Ordering::SeqCst);
        self.left.from_server.store(from_server, Ordering::SeqCst);
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> usize {
        self.left.cuts.load(Ordering::SeqCst)
    }
}

/// Carries bytes both ways until one side ends, or the cut.
async fn carry(client: UnixStream, server: UnixStream, left: Arc<Left>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::select! {
        () = pass(&mut from_client, &mut to_server, &left.to_server, &left.cuts) => {}
        () = pass(&mut from_server, &mut to_client, &left.from_server, &left.cuts) => {}
    }
}

async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    left: &AtomicI64,
    cuts: &AtomicUsize,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            let after = left - i64::try_from(read).unwrap();
            (left >= 0).then_some(after.max(-1))
        });
        let whole = match before {
            Ok(before) if before < i64::try_from(read).unwrap() => {
                cuts.fetch_add(1, Ordering::SeqCst);
                let _ = to.write_all(&buffer[..usize::try_from(before).unwrap()]).await;
                return;
            }
            _ => to.write_all(&buffer[..read]).await,
        };
        if whole.is_err() {
            return;
        }
    }
}
