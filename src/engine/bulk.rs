//! Bulk loading: the same judgement as for a single call, in memory, written in batches. For
//! tickets that begin in this batch; imports and the demo come through here.

use std::collections::{HashMap, VecDeque};

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
use crate::store::persist::{Guard, Write};

/// A batch in the making.
#[derive(Debug)]
pub struct Bulk<'e> {
    engine: &'e Engine,
    /// The master data that calls may name.
    pub sites: HashMap<Uuid, Site>,
    pub technicians: HashMap<String, Technician>,
    /// Assets, each with its site.
    pub assets: HashMap<Uuid, Uuid>,
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

impl<'e> Bulk<'e> {
    /// An empty batch.
    pub fn new(engine: &'e Engine) -> Self {
        Self {
            engine,
            sites: HashMap::new(),
            technicians: HashMap::new(),
            assets: HashMap::new(),
            numbers: VecDeque::new(),
            cases: HashMap::new(),
            order: Vec::new(),
            write: Write::default(),
        }
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

    /// Tickets that wait to be written.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Judges a call and takes it into the batch.
    pub fn call(&mut self, call: &BulkCall<'_>) -> Result<Value, Refusal> {
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
        self.complete(&mut case, &asked);
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
            Ok(accepted) => Ok(self.take(case, accepted)),
            Err(refusal) => {
                if let Some(id) = call.ticket_id {
                    self.cases.insert(id, case);
                }
                Err(refusal)
            }
        }
    }

    /// Adds to the case the master data that the call names.
    fn complete(&self, case: &mut CaseFile, asked: &Asked<'_>) {
        let Ok(Payload::Command(command)) = &asked.payload else { return };
        let needs = command.needs();
        if let Some(site) = needs.site.and_then(|id| self.sites.get(&id)) {
            case.site = Some(site.clone());
        }
        if let Some(account) = needs.account {
            case.account_id = self.sites.values().any(|site| site.account_id == account).then_some(account);
        }
        if let Some(asset) = needs.asset {
            case.asset = self.assets.get(&asset).map(|site| (asset, *site));
        }
        case.technician = needs.technician.and_then(|id| self.technicians.get(&id)).cloned();
    }

    fn take(&mut self, mut case: CaseFile, accepted: Accepted) -> Value {
        if accepted.is_new_ticket {
            self.numbers.pop_front();
        }
        case.apply(&accepted);
        self.write.add_trail(&accepted.event, &accepted.steps, &accepted.messages, &accepted.answer);
        for record in &accepted.records {
            match record {
                Record::QaResult(result) => self.write.qa_results.push(result.clone()),
                Record::Completion(completion) => self.write.completions.push(completion.clone()),
                Record::Artifact(artifact) => self.write.artifacts.push(artifact.clone()),
                Record::CancelMessages => {
                    let of_ticket = json!(accepted.event.ticket_id);
                    for message in self.write.outbox.iter_mut().filter(|row| row["aggregate_id"] == of_ticket) {
                        message["status"] = json!("CANCELLED");
                        message["updated_at"] = json!(accepted.event.created_at);
                    }
                }
                // These are stored as the case file has them in the end.
                _ => {}
            }
        }
        let body = serde_json::from_str(&accepted.answer.body).unwrap_or_default();
        if let Some(stored) = &accepted.ticket {
            let id = stored.ticket.id;
            if accepted.is_new_ticket {
                self.order.push(id);
            }
            self.cases.insert(id, case);
        }
        self.write.events.push(accepted.event);
        body
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

    /// Writes the batch, whole, in one transaction. Says how many tickets it held.
    pub async fn flush(&mut self) -> Result<usize, StoreError> {
        if self.is_empty() {
            return Ok(0);
        }
        let mut write = std::mem::take(&mut self.write);
        write.guard = Guard::NewTickets;
        let order = std::mem::take(&mut self.order);
        for id in &order {
            if let Some(case) = self.cases.remove(id) {
                write.tickets.extend(case.ticket);
                write.evidence.extend(case.evidence);
                write.approvals_opened.extend(case.approvals);
            }
        }
        self.engine.store.persist(&write).await?;
        Ok(order.len())
    }
}
