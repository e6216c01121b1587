//! Requests into tickets: created, triaged, and written in batches, each row whole or not at all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::mapping::{Columns, Mapping, Rejected, Request};
use super::places::Places;
use super::read::{ReadError, Source};
use crate::domain::judge;
use crate::domain::refusal::Refusal;
use crate::domain::registry;
use crate::domain::ticket::Site;
use crate::engine::{Bulk, BulkCall, Caller, Engine, Refused};
use crate::store::StoreError;

/// Tickets written in one transaction.
const BATCH: usize = 500;
/// How often a batch is written again when another import or the database came between, and the
/// pause before.
const PATIENCE: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// What to import, and how.
#[derive(Debug)]
pub struct Plan<'a> {
    pub file: &'a Source,
    pub mapping: &'a Mapping,
    /// The name under which the source's ids are remembered.
    pub source: &'a str,
    /// Whose requests they are, where the mapping is not to say.
    pub account: Option<&'a str>,
    pub include_closed: bool,
    pub dry_run: bool,
}

/// What became of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub rows: u64,
    pub imported: u64,
    /// Imported before, by this or another import.
    pub known: u64,
    pub skipped_closed: u64,
    pub rejected: u64,
    pub accounts_made: u64,
    pub sites_made: u64,
}

/// Who is told how it goes.
pub trait Watcher {
    /// A row was rejected.
    fn rejected(&mut self, row: &Rejected) -> std::io::Result<()>;
    /// Some rows are done.
    fn progress(&mut self, counts: &Counts);
}

/// An import that could not be finished. What was written stays; the next import goes on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report of rejected rows could not be written.
    #[error("{0}")]
    Report(std::io::Error),
}

/// Imports a file.
pub async fn load<W: Watcher>(
    engine: &Engine,
    caller: &Caller,
    plan: &Plan<'_>,
    watcher: &mut W,
) -> Result<Counts, LoadError> {
    for tool in ["ticket.create", "ticket.triage"].into_iter().filter_map(registry::find) {
        judge::authorise(tool, &caller.actor).map_err(|refusal| Refused {
            refusal,
            request_id: None,
            correlation_id: None,
        })?;
    }
    let mut import = Import {
        engine,
        caller,
        plan,
        places: Places::new(engine, caller, plan.dry_run),
        bulk: Bulk::new(engine, Arc::default()),
        seen: HashMap::new(),
        counts: Counts::default(),
        watcher,
    };
    import.all().await?;
    Ok(import.counts)
}

struct Import<'a, W> {
    engine: &'a Engine,
    caller: &'a Caller,
    plan: &'a Plan<'a>,
    places: Places<'a>,
    bulk: Bulk,
    /// The line on which each id of the source was met.
    seen: HashMap<String, u64>,
    counts: Counts,
    watcher: &'a mut W,
}

impl<W: Watcher> Import<'_, W> {
    async fn all(&mut self) -> Result<(), LoadError> {
        let columns = Columns::new(&self.plan.file.columns);
        let now = Utc::now();
        let mut rows = self.plan.file.rows()?;
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(row) = rows.next_row()? {
            self.counts.rows += 1;
            let request = match row.values {
                Ok(values) => self.plan.mapping.apply(row.line, &columns, &values, now),
                Err(reason) => Err(Rejected { line: row.line, source_id: String::new(), reason }),
            };
            match request.and_then(|request| self.expected(request)) {
                Err(rejected) => self.reject(&rejected)?,
                Ok(None) => self.counts.skipped_closed += 1,
                Ok(Some(request)) => batch.push(request),
            }
            if batch.len() >= BATCH {
                self.write(std::mem::take(&mut batch)).await?;
            }
        }
        self.write(batch).await
    }

    /// A request as it is to be imported, or none where the source has done with it.
    fn expected(&mut self, mut request: Request) -> Result<Option<Request>, Rejected> {
        if request.closed_at.is_some() && !self.plan.include_closed {
            return Ok(None);
        }
        let wrong = |reason: String| Rejected { line: request.line, source_id: request.source_id.clone(), reason };
        if let Some(line) = self.seen.get(&request.source_id) {
            return Err(wrong(format!("Line {line} has the same source_id.")));
        }
        if let Some(account) = self.plan.account {
            account.clone_into(&mut request.account);
        } else if request.account.is_empty() {
            return Err(wrong("It does not say whose it is; --account NAME would.".to_owned()));
        }
        self.seen.insert(request.source_id.clone(), request.line);
        Ok(Some(request))
    }

    fn reject(&mut self, rejected: &Rejected) -> Result<(), LoadError> {
        self.counts.rejected += 1;
        self.watcher.rejected(rejected).map_err(LoadError::Report)
    }

    /// Writes a batch; until that is done it is judged anew whenever somebody came between.
    async fn write(&mut self, mut batch: Vec<Request>) -> Result<(), LoadError> {
        let mut pauses = PATIENCE.iter();
        loop {
            match self.attempt(&mut batch).await {
                Ok(()) => break,
                Err(LoadError::Store(error)) if error.is_transient() || error.is_duplicate() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error),
            }
        }
        self.counts.accounts_made = self.places.accounts_made;
        self.counts.sites_made = self.places.sites_made;
        self.watcher.progress(&self.counts);
        Ok(())
    }

    /// One attempt at a batch. What is settled leaves it, so that the next finds only the rest.
    async fn attempt(&mut self, batch: &mut Vec<Request>) -> Result<(), LoadError> {
        let ids: Vec<String> = batch.iter().map(|request| request.source_id.clone()).collect();
        let known: HashSet<String> =
            self.engine.store().known_sources(self.plan.source, &ids).await?.into_iter().collect();
        batch.retain(|request| !known.contains(&request.source_id));
        self.counts.known += (ids.len() - batch.len()) as u64;
        let mut sites = Vec::with_capacity(batch.len());
        for request in batch.iter() {
            let site = self.places.site(request).await?;
            self.bulk.known().site(site.clone());
            sites.push(site);
        }
        if !self.plan.dry_run {
            self.bulk.reserve(batch.len()).await?;
        }
        let mut accepted = Vec::with_capacity(batch.len());
        for (request, site) in std::mem::take(batch).into_iter().zip(sites) {
            match self.judge(&request, &site) {
                Ok(()) => accepted.push(request),
                Err(refusal) => {
                    let reason = refusal.message().to_owned();
                    self.reject(&Rejected { line: request.line, source_id: request.source_id, reason })?;
                }
            }
        }
        let many = accepted.len() as u64;
        *batch = accepted;
        if self.plan.dry_run {
            self.bulk.finish();
        } else {
            self.bulk.flush().await?;
        }
        self.counts.imported += many;
        Ok(())
    }

    /// Takes a request into the batch: created, then triaged, both or neither.
    fn judge(&mut self, request: &Request, site: &Site) -> Result<(), Refusal> {
        let mut create = json!({"account_id": site.account_id, "site_id": site.id, "summary": request.summary});
        if let Some(description) = &request.description {
            create["description"] = json!(description);
        }
        let id = self.call(request, "ticket.create", None, create)?;
        let triage = json!({"priority": request.priority, "incident_type": request.incident_type});
        self.call(request, "ticket.triage", Some(id), triage).map(drop).inspect_err(|_| self.bulk.withdraw(id))
    }

    fn call(
        &mut self,
        request: &Request,
        tool: &str,
        ticket_id: Option<Uuid>,
        payload: Value,
    ) -> Result<Uuid, Refusal> {
        let source = self.plan.source;
        let name = format!("dispatch import {source} {} {tool}", request.source_id);
        self.bulk.call(&BulkCall {
            tool,
            ticket_id,
            payload,
            caller: self.caller,
            request_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            at: request.created_at,
            source: Some((source, &request.source_id)),
            correlation_id: None,
        })
    }
}
