//! Reads: nothing is changed, and every command answered before a read began is seen by it.

use futures::FutureExt;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Engine;
use super::admission::{Reference, Target};
use super::call::{Call, Caller, Refused, Reply};
use super::desk::{Present, QueueChanges, QueuePage, QueueQuery};
use crate::domain::canonical::to_value;
use crate::domain::judge;
use crate::domain::queue::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::registry;
use crate::domain::tool::{Needs, Payload, Tool};
use crate::domain::tools::directory_search::DirectorySearch;
use crate::domain::tools::dispatcher_cockpit::DispatcherCockpit;
use crate::domain::view;
use crate::store::StoreError;
use crate::store::directory::Lookup;
use crate::store::load::{Loaded, Wanted};
use crate::store::objects::{MAX_OBJECT, Stored};
use crate::store::presence::{Attendance, Attendant};
use crate::store::queue::{Cursor, FeedToken, PageRequest};

impl Engine {
    /// Answers a read.
    pub(super) async fn read(
        &self,
        tool: &'static Tool,
        reference: Result<Reference, Refusal>,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let mut ticket_id = None;
        let answered = match reference {
            Ok(reference) => self.answer(tool, &reference, call, &mut ticket_id).await,
            Err(refusal) => Err(refusal),
        };
        match answered {
            Ok(body) => Ok(Reply { status: tool.spec.status, body: body.to_string(), replayed: false }),
            Err(refusal) => {
                let refused = Refused { refusal, request_id: None, correlation_id: call.correlation_id.clone() };
                self.note_refusal(tool, &call.caller.actor, ticket_id, &refused).await;
                Err(refused)
            }
        }
    }

    async fn answer(
        &self,
        tool: &'static Tool,
        reference: &Reference,
        call: &Call,
        about: &mut Option<Uuid>,
    ) -> Result<Value, Refusal> {
        let target = self.target(reference).await?.ok_or_else(|| reference.not_found())?;
        *about = target.ticket_id;
        let asked = super::command::asked(tool, call, target);
        let query = asked.payload?;
        match (tool.spec.name, target) {
            (_, Target { ticket_id: Some(id), .. }) => self.about_ticket(tool.spec.name, call, id).await,
            (_, Target { kind: Some(kind), .. }) => self.search(&call.caller, kind, &query).await,
            _ => self.cockpit(call, &query).await,
        }
    }

    /// A ticket and what hangs on it, if the caller may see it.
    async fn case_of(&self, caller: &Caller, id: Uuid, needs: &Needs) -> Result<Loaded, Refusal> {
        let wanted =
            Wanted { actor_id: "", endpoint: "", request_id: None, ticket_id: Some(id), new_number: false, needs };
        let loaded = self.patiently(|| self.store.load(&wanted).boxed()).await?;
        let stored = loaded.case.ticket.as_ref().ok_or_else(|| Refusal::ticket_not_found(id.to_string()))?;
        caller.scope.check(stored.ticket.account_id, stored.ticket.site_id)?;
        Ok(loaded)
    }

    async fn about_ticket(&self, tool: &str, call: &Call, id: Uuid) -> Result<Value, Refusal> {
        let (caller, role) = (&call.caller, call.caller.actor.role);
        let needs = match tool {
            "closeout.list_evidence" => Needs { evidence: true, ..Needs::default() },
            "case.get" => {
                Needs { evidence: true, approvals: true, exceptions: true, completion: true, ..Needs::default() }
            }
            _ => Needs::default(),
        };
        let loaded = self.case_of(caller, id, &needs).await?;
        match tool {
            "ticket.timeline" => {
                let events = self.patiently(|| self.store.timeline(id).boxed()).await?;
                Ok(view::timeline(id, &events, role))
            }
            "closeout.list_evidence" => Ok(view::evidence(id, &loaded.case.evidence)),
            "case.get" => {
                let around = self.patiently(|| self.store.surroundings(id).boxed()).await?;
                let now = call.at.unwrap_or(loaded.now);
                Ok(view::case(&loaded.case, &around, &caller.actor, &self.policy.policy, now))
            }
            _ => Ok(loaded.case.ticket.map(|stored| view::ticket(&stored.ticket, role)).unwrap_or_default()),
        }
    }

    async fn search(
        &self,
        caller: &Caller,
        kind: crate::domain::directory::Kind,
        query: &Payload,
    ) -> Result<Value, Refusal> {
        let everything = DirectorySearch::default();
        let query = query.query::<DirectorySearch>().unwrap_or(&everything);
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        let after = match &query.cursor {
            None => None,
            Some(cursor) => Some(
                serde_json::from_str::<(String, String)>(cursor)
                    .ok()
                    .filter(|(name, id)| !name.contains('\0') && !id.contains('\0'))
                    .ok_or_else(no_cursor)?,
            ),
        };
        let lookup = Lookup {
            kind,
            words: query.q.iter().flat_map(|q| q.split_whitespace()).map(str::to_owned).collect(),
            id: query.id.as_deref(),
            account_id: query.account_id,
            site_id: query.site_id,
            scope: &caller.scope,
            limit: limit + 1,
            after,
        };
        let mut found = self.patiently(|| self.store.lookup(&lookup).boxed()).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next_cursor =
            found.last().filter(|_| more).map(|(sort, record)| json!([sort, record.get("id")]).to_string());
        let records: Vec<Value> = found.into_iter().map(|(_, record)| Value::Object(record)).collect();
        Ok(json!({"records": records, "next_cursor": next_cursor}))
    }

    /// `dispatcher.cockpit` (9.2).
    async fn cockpit(&self, call: &Call, query: &Payload) -> Result<Value, Refusal> {
        let everything = DispatcherCockpit::default();
        let query = query.query::<DispatcherCockpit>().unwrap_or(&everything);
        let filters = query.filter.understood(query.ticket_id)?;
        let selected = match query.ticket_id {
            None => Value::Null,
            Some(id) => self.selected(call, id).await?,
        };
        let page = self
            .queue_page(
                &call.caller,
                &QueueQuery { filter: query.filter.clone(), limit: query.limit, cursor: query.cursor.clone() },
            )
            .await?;
        let actor = &call.caller.actor;
        Ok(json!({
            "generated_at": page.generated_at,
            "actor": {
                "actor_id": actor.id,
                "actor_role": actor.role,
                "actor_type": actor.actor_type,
                "tool_name": "dispatcher.cockpit",
            },
            "filters_applied": filters,
            "queue": page.rows,
            "next_cursor": page.next_cursor,
            "selected_ticket": selected,
        }))
    }

    async fn selected(&self, call: &Call, id: Uuid) -> Result<Value, Refusal> {
        let needs = Needs { evidence: true, ..Needs::default() };
        let loaded = self.case_of(&call.caller, id, &needs).await.map_err(|refusal| {
            if refusal.code() == Code::ForbiddenScope { refusal.with("scope_field", "ticket_id") } else { refusal }
        })?;
        let events = self.patiently(|| self.store.timeline(id).boxed()).await?;
        let role = call.caller.actor.role;
        Ok(json!({
            "ticket": loaded.case.ticket.map(|stored| view::ticket(&stored.ticket, role)),
            "timeline": view::timeline(id, &events, role),
            "evidence_summary": {"total_items": loaded.case.evidence.len()},
        }))
    }

    /// A page of the queue for whoever may look at a case.
    pub(super) async fn queue_page(&self, caller: &Caller, query: &QueueQuery) -> Result<QueuePage, Refusal> {
        may_look(caller)?;
        caller.scope.check_something()?;
        let filters = query.filter.understood(None)?;
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Refusal::new(Code::InvalidQuery, format!("limit may be 1 to {MAX_LIMIT}."))
                .with("parameter", "limit")
                .with("allowed", format!("1 to {MAX_LIMIT}")));
        }
        let cursor = match &query.cursor {
            None => None,
            Some(text) => Some(Cursor::decode(text).ok_or_else(no_cursor)?),
        };
        let policy = &self.policy.policy;
        let request = PageRequest { filters: &filters, scope: &caller.scope, policy, limit, cursor };
        let page = self.patiently(|| self.store.queue(&request).boxed()).await?;
        Ok(QueuePage {
            generated_at: page.moment,
            rows: page.rows.into_iter().map(|row| row.seen(page.moment, policy, &caller.actor)).collect(),
            next_cursor: page.next.map(|cursor| cursor.encode()),
            feed: page.feed,
        })
    }

    /// What changed in the queue since a point of the feed.
    pub(super) async fn queue_changes(&self, caller: &Caller, since: &FeedToken) -> Result<QueueChanges, Refusal> {
        may_look(caller)?;
        let changes = self.patiently(|| self.store.changes(since, &caller.scope).boxed()).await?;
        let policy = &self.policy.policy;
        Ok(QueueChanges {
            generated_at: changes.now,
            rows: changes.rows.into_iter().map(|row| row.seen(changes.now, policy, &caller.actor)).collect(),
            deleted: changes.deleted,
            starts_anew: changes.token.epoch != since.epoch,
            feed: changes.token,
        })
    }

    /// Keeps an object, for whoever may add evidence.
    pub(super) async fn keep(&self, caller: &Caller, bytes: &[u8]) -> Result<Stored, Refusal> {
        if let Some(tool) = registry::find("closeout.add_evidence") {
            judge::authorise(tool, &caller.actor)?;
        }
        if bytes.len() as u64 > MAX_OBJECT {
            return Err(Refusal::new(
                Code::PayloadTooLarge,
                format!("The file is larger than {} MB, the most an evidence object may be.", MAX_OBJECT / 1024 / 1024),
            ));
        }
        self.objects.put(bytes).await.map_err(|error| {
            tracing::error!(%error, "an object could not be kept");
            Refusal::new(Code::Unavailable, error.to_string()).with("retry_after_seconds", to_value(&5))
        })
    }
}

impl Engine {
    /// An object, for whoever may list evidence.
    pub(super) async fn fetch(&self, caller: &Caller, uri: &str) -> Result<Option<Vec<u8>>, Refusal> {
        registry::find("closeout.list_evidence").map_or(Ok(()), |tool| judge::authorise(tool, &caller.actor))?;
        caller.scope.check_something()?;
        self.objects.get(uri).await.map_err(|error| Refusal::new(Code::Unavailable, error.to_string()))
    }

    /// Who else has a ticket open, for whoever may look at a case. Asked every few seconds, and
    /// worth no patience: the next time will tell.
    pub(super) async fn attending(
        &self,
        caller: &Caller,
        session: Uuid,
        ticket: Option<Uuid>,
        is_editing: bool,
    ) -> Result<Vec<Present>, Refusal> {
        may_look(caller)?;
        caller.scope.check_something()?;
        let attendance = Attendance { session, actor: &caller.actor, ticket, is_editing };
        let present = self.store.attend(&attendance, &caller.scope).await.map_err(StoreError::into_refusal)?;
        let seen = |other: Attendant| Present {
            actor_id: other.actor_id,
            role: other.actor_role,
            is_editing: other.is_editing,
            since: other.since,
        };
        Ok(present.into_iter().map(seen).collect())
    }
}

fn may_look(caller: &Caller) -> Result<(), Refusal> {
    registry::find("case.get").map_or(Ok(()), |tool| judge::authorise(tool, &caller.actor))
}

fn no_cursor() -> Refusal {
    Refusal::new(Code::InvalidQuery, "cursor is not one that a page gave. Begin again without it.")
        .with("parameter", "cursor")
        .with("allowed", "the next_cursor of a page")
}
