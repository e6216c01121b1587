//! Connections that calls hand to one another.
//!
//! A pool tests each connection that comes back with a round trip to the server. After a call that
//! was answered whole there is nothing to test, so its connection is kept for the next call as it
//! is. At most half of the pool is kept this way: the rest is always there for everyone.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};

use super::{Store, StoreError};

/// The connections that are kept.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Vec<PoolConnection<Postgres>>>);

impl Kept {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<PoolConnection<Postgres>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection for one call. Dropped, it goes back to the pool and is tested there: whatever
/// broke off in the middle of something ends that way.
#[derive(Debug)]
pub struct Lane<'s> {
    store: &'s Store,
    connection: PoolConnection<Postgres>,
}

impl Store {
    /// A connection: one that another call kept, or one of the pool's.
    pub async fn lane(&self) -> Result<Lane<'_>, StoreError> {
        let connection = match self.kept.with(Vec::pop) {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok(Lane { store: self, connection })
    }

    /// Gives every kept connection back to the pool, which tests it.
    pub(super) fn release_lanes(&self) {
        drop(self.kept.with(std::mem::take));
    }

    /// Has every connection tested that nobody uses: where one was found dead, the others may be as
    /// well, and each call would meet only one of them a try.
    pub fn doubt_connections(&self) {
        self.release_lanes();
        let idle: Vec<_> = std::iter::from_fn(|| self.pool.try_acquire()).collect();
        drop(idle);
    }
}

impl Lane<'_> {
    /// Keeps the connection for the next call: every statement on it was answered, and no
    /// transaction is open.
    pub fn keep(self) {
        let most = self.store.pool.options().get_max_connections() as usize / 2;
        if self.store.pool.is_closed() {
            return;
        }
        let full = self.store.kept.with(|kept| {
            if kept.len() < most {
                kept.push(self.connection);
                None
            } else {
                Some(self.connection)
            }
        });
        drop(full);
    }
}

impl Deref for Lane<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lane<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
