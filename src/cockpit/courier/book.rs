//! What the courier writes down, one thing after the other: calls, and what is typed into forms. Whatever was typed is
//! in a draft or in a call at any moment.

use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::spawn_blocking;

use super::super::journal::{Journal, Open};
use super::super::keep::Keep;
use crate::text::failure;

/// The journal, which may be impossible to keep, and is begun when there is something to write; and the drafts.
#[derive(Debug, Clone)]
pub(super) struct Book {
    keep: Keep,
    journal: Arc<Mutex<Option<Journal>>>,
    /// What was taken over when the journal was begun, until somebody goes on with it.
    found: Arc<Mutex<Vec<Open>>>,
}

impl Book {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, journal: Arc::default(), found: Arc::default() }
    }

    /// Calls that an earlier run left, each once.
    pub(super) fn found(&self) -> Vec<Open> {
        take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes into the journal, away from whoever must not wait for a disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Journal) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let Self { keep, journal, found } = self.clone();
        let shown = keep.folder().display().to_string();
        let work = move || {
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            if journal.is_none() {
                let (begun, adopted) = Journal::begin(keep.folder())?;
                found.lock().unwrap_or_else(PoisonError::into_inner).extend(adopted);
                *journal = Some(begun);
            }
            write(journal.as_mut().ok_or(std::io::ErrorKind::NotFound)?)
        };
        match spawn_blocking(work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(format!("the journal of calls in {shown} cannot be written: {}", failure(&error))),
            Err(error) => Err(format!("the journal of calls in {shown} cannot be written: {error}")),
        }
    }

    /// Keeps or forgets a draft, just as far away.
    pub(super) async fn keep(
        &self,
        keeping: impl FnOnce(&Keep) -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        let keep = self.keep.clone();
        spawn_blocking(move || keeping(&keep)).await.unwrap_or_else(|error| Err(error.to_string()))
    }
}
