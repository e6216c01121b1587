//! Bulk loading: the same judgement as for a single call, in memory, written in batches. For
//! tickets that begin in this batch; imports and the demo come through here.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Engine;
use super::call::Caller;
use crate::domain::case::{CaseFile, Context, Record};
use crate::domain::judge::{self, Accepted, Asked};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::registry;
use crate::domain::ticket::{Site, Technician};
use crate::domain::time::Timestamp;
use crate::domain::tool::Payload;
use crate::store::StoreError;
use crate::store::copy::Batch;
use crate::store::persist::Write;

/// The master data that the calls of a batch may name.
#[derive(Debug, Clone, Default)]
pub struct Known {
    sites: HashMap<Uuid, Site>,
    accounts: HashSet<Uuid>,
    technicians: HashMap<String, Technician>,
    /// Assets, each with its site.
    assets: HashMap<Uuid, Uuid>,
}

impl Known {
    /// A site, and with it its account.
    pub fn site(&mut self, site: Site) {
        self.accounts.insert(site.account_id);
        self.sites.insert(site.id, site);
    }

    /// A technician.
    pub fn technician(&mut self, technician: Technician) {
        self.technicians.insert(technician.id.clone(), technician);
    }

    /// An asset, and the site where it is.
    pub fn asset(&mut self, asset: Uuid, site: Uuid) {
        self.assets.insert(asset, site);
    }

    /// Adds to the case the master data that a call names.
    fn complete(&self, case: &mut CaseFile, asked: &Asked<'_>) {
        let Ok(Payload::Command(command)) = &asked.payload else { return };
        let needs = command.needs();
        if let Some(site) = needs.site.and_then(|id| self.sites.get(&id)) {
            case.site = Some(site.clone());
        }
        case.account_id = needs.account.filter(|account| self.accounts.contains(account));
        case.asset = needs.asset.and_then(|asset| self.assets.get(&asset).map(|site| (asset, *site)));
        case.technician = needs.technician.and_then(|id| self.technicians.get(&id)).cloned();
    }
}

/// A batch in the making.
#[derive(Debug)]
pub struct Bulk {
    engine: Engine,
    /// Shared by batches that are made side by side.
    known: Arc<Known>,
    numbers: VecDeque<String>,
    cases: HashMap<Uuid, CaseFile>,
    /// Tickets in the order they began, so that they are stored in that order.
    order: Vec<Uuid>,
    write: Write,
}

/// One call of a batch.
#[derive(Debug)]
pub struct BulkCall<'a> {
    pub tool: &'a str,
    pub ticket_id: Option<Uuid>,
    pub payload: Value,
    pub caller: &'a Caller,
    pub request_id: Uuid,
    pub at: Timestamp,
    /// Where a new ticket was imported from, and its id there.
    pub source: Option<(&'a str, &'a str)>,
    pub correlation_id: Option<&'a str>,
}

impl Bulk {
    /// An empty batch.
    pub fn new(engine: &Engine, known: Arc<Known>) -> Self {
        Self {
            engine: engine.clone(),
            known,
            numbers: VecDeque::new(),
            cases: HashMap::new(),
            order: Vec::new(),
            write: Write::default(),
        }
    }

    /// The master data, to add to it.
    pub fn known(&mut self) -> &mut Known {
        Arc::make_mut(&mut self.known)
    }

    /// Takes ticket numbers for the tickets to come.
    pub async fn reserve(&mut self, how_many: usize) -> Result<(), StoreError> {
        if self.numbers.len() < how_many {
            let more = self.engine.store.take_numbers(how_many - self.numbers.len()).await?;
            self.numbers.extend(more);
        }
        Ok(())
    }

    /// A ticket of the batch as it stands.
    pub fn case(&self, ticket_id: Uuid) -> Option<&CaseFile> {
        self.cases.get(&ticket_id)
    }

    /// Judges a call and takes it into the batch. Gives the id of its ticket.
    pub fn call(&mut self, call: &BulkCall<'_>) -> Result<Uuid, Refusal> {
        let tool = registry::find(call.tool)
            .filter(|tool| tool.mutating)
            .ok_or_else(|| Refusal::new(Code::NotFound, format!("There is no command {}.", call.tool)))?;
        judge::authorise(tool, &call.caller.actor)?;
        let asked = Asked {
            tool,
            ticket_id: call.ticket_id,
            kind: None,
            body: &call.payload,
            payload: tool.payload(None, &call.payload),
            scope: &call.caller.scope,
            if_version: None,
        };
        let mut case = match call.ticket_id {
            Some(id) => self.cases.remove(&id).ok_or_else(|| Refusal::ticket_not_found(id.to_string()))?,
            None => CaseFile::default(),
        };
        self.known.complete(&mut case, &asked);
        let policy = &self.engine.policy;
        let context = Context {
            actor: &call.caller.actor,
            now: case.head.not_before(call.at),
            policy: &policy.policy,
            policy_hash: &policy.hash,
            request_id: Some(call.request_id),
            correlation_id: call.correlation_id,
            trace_id: None,
            number: self.numbers.front().map(String::as_str),
            source: call.source,
            seed: call.request_id,
            seq: case.head.seq + 1,
        };
        let judged = judge::judge(&asked, &case, &context)
            .map(|decision| judge::accept(&asked, &case, decision, call.request_id, &context));
        match judged {
            Ok(accepted) => Ok(self.take_in(case, accepted)),
            Err(refusal) => {
                if let Some(id) = call.ticket_id {
                    self.cases.insert(id, case);
                }
                Err(refusal)
            }
        }
    }

    fn take_in(&mut self, mut case: CaseFile, accepted: Accepted) -> Uuid {
        let id = accepted.event.ticket_id.unwrap_or_default();
        case.apply(&accepted);
        self.cases.insert(id, case);
        if accepted.is_new_ticket {
            self.numbers.pop_front();
            self.order.push(id);
        }
        self.write.add_trail(&accepted.event, &accepted.steps, &accepted.messages, &accepted.answer);
        for record in accepted.records {
            match record {
                Record::QaResult(result) => self.write.qa_results.push(result),
                Record::Completion(completion) => self.write.completions.push(completion),
                Record::Artifact(artifact) => self.write.artifacts.push(artifact),
                Record::CancelMessages => self.write.cancel_pending(id, accepted.event.created_at),
                // These are stored as the case file has them in the end; master data is no part of a
                // batch, since it has a chain of its own.
                Record::Evidence(_)
                | Record::ApprovalOpened(_)
                | Record::ApprovalDecided(_)
                | Record::FreezeEvidence { .. }
                | Record::Master(_) => {}
            }
        }
        self.write.events.push(accepted.event);
        id
    }

    /// Forgets a ticket of the batch as if it had never begun: half a row is never stored.
    pub fn withdraw(&mut self, ticket_id: Uuid) {
        self.cases.remove(&ticket_id);
        self.order.retain(|id| *id != ticket_id);
        let of_ticket = |row: &Value, field: &str| row.get(field) == Some(&json!(ticket_id));
        let requests: Vec<Value> = self
            .write
            .events
            .iter()
            .filter(|event| event.ticket_id == Some(ticket_id))
            .map(|event| json!(event.request_id))
            .collect();
        self.write.events.retain(|event| event.ticket_id != Some(ticket_id));
        self.write.steps.retain(|row| !of_ticket(row, "ticket_id"));
        self.write.outbox.retain(|row| !of_ticket(row, "aggregate_id"));
        self.write.answers.retain(|row| !requests.contains(&row["request_id"]));
        self.write.completions.retain(|row| row.ticket_id != ticket_id);
        self.write.qa_results.retain(|row| row.ticket_id != ticket_id);
        self.write.artifacts.retain(|row| row.ticket_id != ticket_id);
    }

    /// Ends the batch: what is to be written, and an empty batch in its place.
    pub fn finish(&mut self) -> Batch {
        let mut write = std::mem::take(&mut self.write);
        for id in std::mem::take(&mut self.order) {
            if let Some(case) = self.cases.remove(&id) {
                write.tickets.extend(case.ticket);
                write.evidence.extend(case.evidence);
                write.approvals_opened.extend(case.approvals);
            }
        }
        Batch::of(&write)
    }

    /// Writes the batch, whole, in one transaction. Says how many tickets it held.
    pub async fn flush(&mut self) -> Result<usize, StoreError> {
        let batch = self.finish();
        if batch.tickets() > 0 {
            self.engine.store.copy(&batch).await?;
        }
        Ok(batch.tickets())
    }
}
