//! Commands: asked, judged, and stored exactly once.

use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use serde_json::{Value, json};
use sqlx::{Acquire, PgConnection};
use uuid::Uuid;

use super::Engine;
use super::admission::{Reference, Target, request_id};
use super::call::{Call, Preview, Refused, Reply};
use crate::domain::actor::Actor;
use crate::domain::audit::SYSTEM_CHAIN;
use crate::domain::case::{CaseFile, Context};
use crate::domain::closeout::{Claim, Probes, probe_key};
use crate::domain::judge::{self, Asked};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::tool::{From, Needs, Payload, Tool};
use crate::store::StoreError;
use crate::store::load::{Loaded, Wanted, load, lock};
use crate::store::persist::{Guard, Outcome, Write, persist};
use crate::store::refused::RefusedCall;

/// How an attempt ended that is not an answer.
enum Again {
    /// Somebody else's change came first.
    MovedOn,
    /// The locked rows name evidence that nobody has looked at yet.
    Probe(Box<CaseFile>),
}

/// How an attempt ended: with an answer, or to be made again.
type Ended = Result<Result<Reply, Refusal>, Again>;

impl Engine {
    /// Does a command.
    pub(super) async fn command(
        &self,
        tool: &'static Tool,
        reference: &Reference,
        call: &Call,
    ) -> Result<Reply, Refused> {
        let mut about = (None, None);
        let answered = self.ask(tool, reference, call, &mut about).await;
        let (request_id, ticket_id) = about;
        match answered {
            Ok(reply) => Ok(reply),
            Err(refusal) => {
                let refused = Refused { refusal, request_id, correlation_id: call.correlation_id.clone() };
                self.note_refusal(tool, &call.caller.actor, ticket_id, &refused).await;
                Err(refused)
            }
        }
    }

    /// The same, telling on the way which request and ticket it is about.
    async fn ask(
        &self,
        tool: &'static Tool,
        reference: &Reference,
        call: &Call,
        about: &mut (Option<Uuid>, Option<Uuid>),
    ) -> Result<Reply, Refusal> {
        let request_id = request_id(call)?;
        about.0 = Some(request_id);
        // Nothing was written before the first write began, so the call surely was not done.
        let has_written = AtomicBool::new(false);
        let never_sent = |refusal: Refusal| {
            let is_sure = refusal.code() == Code::Unavailable && !has_written.load(Ordering::Relaxed);
            if is_sure { refusal.with("never_sent", true) } else { refusal }
        };
        match self.target(reference).await.map_err(never_sent)? {
            Some(target) => {
                about.1 = target.ticket_id;
                self.attempts(tool, call, target, request_id, &has_written).await.map_err(never_sent)
            }
            // A payload that cannot be read is said before the ticket that nobody knows.
            None => Err(asked(tool, call, Target::default()).payload.err().unwrap_or_else(|| reference.not_found())),
        }
    }

    /// Records a refusal; that recording fails is no reason to answer otherwise.
    pub(super) async fn note_refusal(&self, tool: &Tool, actor: &Actor, ticket_id: Option<Uuid>, refused: &Refused) {
        if refused.refusal.status() >= 500 || !self.sampler.keeps() {
            return;
        }
        let record = RefusedCall {
            actor,
            tool: tool.spec.name,
            ticket_id,
            request_id: refused.request_id,
            correlation_id: refused.correlation_id.as_deref(),
            refusal: &refused.refusal,
        };
        // A caller who is refused without the database does not wait for it either.
        match tokio::time::timeout(self.patience.retry, self.store.record_refusal(&record)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a refusal could not be recorded"),
            Err(_) => tracing::warn!("a refusal could not be recorded in time"),
        }
    }

    /// Tries until the call is answered: once without a lock, which is all it takes unless
    /// somebody else changes the ticket in the same moment, then holding it.
    async fn attempts(
        &self,
        tool: &'static Tool,
        call: &Call,
        target: Target,
        request_id: Uuid,
        has_written: &AtomicBool,
    ) -> Result<Reply, Refusal> {
        let asked = asked(tool, call, target);
        let mut probes: Option<Probes> = self.options.require_head.then(Probes::new);
        let mut locked = false;
        let mut tries = self.patience.tries();
        loop {
            let result = if locked {
                tries.bounded(self.attempt_locked(&asked, call, request_id, probes.as_ref(), has_written)).await
            } else {
                tries.bounded(self.attempt(&asked, call, request_id, probes.as_ref(), has_written)).await
            };
            match result {
                Ok(Ok(reply)) => return reply,
                Ok(Err(Again::MovedOn)) => locked = true,
                Ok(Err(Again::Probe(case))) => self.probe(&case, &mut probes).await,
                Err(error) if error.is_twin() => locked = false,
                // It is not known whether the call was stored: its replay will tell.
                Err(error) if error.is_transient() => {
                    self.store.doubt_connections();
                    if !tries.another().await {
                        return Err(error.into_refusal());
                    }
                }
                Err(error) => return Err(error.into_refusal()),
            }
        }
    }

    /// One read, the decision, one guarded write.
    async fn attempt(
        &self,
        asked: &Asked<'_>,
        call: &Call,
        request_id: Uuid,
        probes: Option<&Probes>,
        has_written: &AtomicBool,
    ) -> Result<Ended, StoreError> {
        let mut connection = self.store.lane().await?;
        let ended = self.attempt_on(&mut connection, asked, call, request_id, probes, has_written).await?;
        connection.keep();
        Ok(ended)
    }

    /// The same while holding the lock on what is to be changed.
    async fn attempt_locked(
        &self,
        asked: &Asked<'_>,
        call: &Call,
        request_id: Uuid,
        probes: Option<&Probes>,
        has_written: &AtomicBool,
    ) -> Result<Ended, StoreError> {
        let mut connection = self.store.pool().acquire().await?;
        let mut transaction = connection.begin().await?;
        lock(&mut transaction, asked.ticket_id).await?;
        let ended = self.attempt_on(&mut transaction, asked, call, request_id, probes, has_written).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    async fn attempt_on(
        &self,
        connection: &mut PgConnection,
        asked: &Asked<'_>,
        call: &Call,
        request_id: Uuid,
        probes: Option<&Probes>,
        has_written: &AtomicBool,
    ) -> Result<Ended, StoreError> {
        let needs = needs(asked);
        let endpoint = asked.tool.spec.endpoint();
        let loaded = load(connection, &wanted(asked, call, &endpoint, Some(request_id), &needs)).await?;
        Ok(match self.decide(asked, call, request_id, probes, loaded) {
            Decided::Answer(answer) => Ok(answer),
            Decided::Again(again) => Err(again),
            Decided::Write(write, reply) => {
                has_written.store(true, Ordering::Relaxed);
                match persist(connection, &write).await? {
                    Outcome::Done => Ok(Ok(reply)),
                    Outcome::MovedOn => Err(Again::MovedOn),
                }
            }
        })
    }

    /// What follows from what was loaded (steps 5 to 9).
    fn decide(
        &self,
        asked: &Asked<'_>,
        call: &Call,
        request_id: Uuid,
        probes: Option<&Probes>,
        mut loaded: Loaded,
    ) -> Decided {
        if let Some(answered) = loaded.answered {
            if answered.request_hash != judge::request_hash(asked.ticket_id, asked.kind, asked.body) {
                return Decided::Answer(Err(Refusal::new(
                    Code::IdempotencyPayloadMismatch,
                    "This request id was already used for another payload or ticket. Use a new request id for a new call.",
                )));
            }
            return Decided::Answer(Ok(Reply { status: answered.status, body: answered.body, replayed: true }));
        }
        if let Some(seen) = probes {
            if unprobed(&loaded.case, asked, seen) {
                return Decided::Again(Again::Probe(Box::new(loaded.case)));
            }
            loaded.case.probes = Some(seen.clone());
        }
        let context = self.context(call, &loaded, Some(request_id));
        let decision = match judge::judge(asked, &loaded.case, &context) {
            Ok(decision) => decision,
            Err(refusal) => return Decided::Answer(Err(refusal)),
        };
        let guard = match (&loaded.stamp, asked.tool.spec.from) {
            (_, From::NewTicket) => Guard::NewTickets,
            (Some(stamp), _) => Guard::Ticket { id: asked.ticket_id.unwrap_or_default(), stamp: stamp.clone() },
            (None, _) => Guard::System { seq: loaded.case.head.seq },
        };
        let accepted = judge::accept(asked, &loaded.case, decision, request_id, &context);
        let reply = Reply { status: accepted.answer.status, body: accepted.answer.body.clone(), replayed: false };
        Decided::Write(Box::new(Write::of(accepted, guard)), reply)
    }

    fn context<'a>(&'a self, call: &'a Call, loaded: &'a Loaded, request_id: Option<Uuid>) -> Context<'a> {
        Context {
            actor: &call.caller.actor,
            now: loaded.case.head.not_before(call.at.unwrap_or(loaded.now)),
            policy: &self.policy.policy,
            policy_hash: &self.policy.hash,
            request_id,
            correlation_id: call.correlation_id.as_deref(),
            trace_id: call.trace_id.as_deref(),
            number: loaded.number.as_deref(),
            source: None,
            seed: Uuid::new_v4(),
            seq: loaded.case.head.seq + 1,
        }
    }

    /// Looks at evidence that no probe has seen yet; never inside a transaction.
    async fn probe(&self, case: &CaseFile, probes: &mut Option<Probes>) {
        let Some(probes) = probes else { return };
        for item in &case.evidence {
            if let Entry::Vacant(unseen) = probes.entry(probe_key(item)) {
                let checksum = self.options.require_checksum.then_some(item.checksum.as_deref()).flatten();
                unseen.insert(self.objects.probe(&item.uri, checksum).await);
            }
        }
    }

    /// Judges a command without doing it: nothing at all is stored.
    pub(super) async fn dry_run(
        &self,
        tool: &'static Tool,
        reference: &Reference,
        call: &Call,
    ) -> Result<Preview, Refusal> {
        if !tool.mutating {
            return Err(Refusal::new(
                Code::InvalidRequest,
                format!("{} only reads, so there is nothing to try first. Call it.", tool.spec.name),
            ));
        }
        let Some(target) = self.target(reference).await? else {
            return Err(asked(tool, call, Target::default()).payload.err().unwrap_or_else(|| reference.not_found()));
        };
        let asked = asked(tool, call, target);
        let mut needs = needs(&asked);
        needs.evidence = tool.spec.takes_ticket();
        needs.exceptions = needs.evidence;
        needs.completion = needs.evidence;
        let endpoint = tool.spec.endpoint();
        let wanted = Wanted { new_number: false, ..wanted(&asked, call, &endpoint, None, &needs) };
        let mut loaded = self.patiently(|| self.store.load(&wanted).boxed()).await?;
        if self.options.require_head {
            let mut probes = Some(Probes::new());
            self.probe(&loaded.case, &mut probes).await;
            loaded.case.probes = probes;
        }
        let context = self.context(call, &loaded, None);
        let decision = judge::judge(&asked, &loaded.case, &context)?;
        Ok(preview(&asked, loaded.case.clone(), decision, &context))
    }
}

enum Decided {
    Answer(Result<Reply, Refusal>),
    Again(Again),
    Write(Box<Write>, Reply),
}

fn preview(
    asked: &Asked<'_>,
    mut case: CaseFile,
    decision: crate::domain::case::Decision,
    context: &Context<'_>,
) -> Preview {
    let accepted = judge::accept(asked, &case, decision, Uuid::nil(), context);
    case.apply(&accepted);
    let missing = if accepted.event.chain.as_deref() == Some(SYSTEM_CHAIN) {
        Vec::new()
    } else {
        let empty = serde_json::Map::new();
        let claim = case.completion.as_ref().map_or(
            Claim { checklist: &empty, no_signature_reason: Some("asked for the other keys"), evidence_refs: &[] },
            Claim::from,
        );
        case.gate(Some(claim), context.policy, context.now).report().missing_evidence_keys
    };
    Preview {
        dry_run: true,
        ticket: accepted.ticket.as_ref().map_or(Value::Null, |stored| json!(stored.ticket)),
        steps: accepted.steps.iter().map(|step| json!({"from_state": step.from, "to_state": step.to})).collect(),
        messages: accepted.messages.iter().map(|message| message.payload.clone()).collect(),
        missing,
    }
}

pub(super) fn asked<'a>(tool: &'static Tool, call: &'a Call, target: Target) -> Asked<'a> {
    static EMPTY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({}));
    let body = if call.payload.is_null() { &*EMPTY } else { &call.payload };
    Asked {
        tool,
        ticket_id: target.ticket_id,
        kind: target.kind,
        body,
        payload: tool.payload(target.kind, body),
        scope: &call.caller.scope,
        if_version: call.if_version,
    }
}

fn needs(asked: &Asked<'_>) -> Needs {
    match &asked.payload {
        Ok(Payload::Command(command)) => command.needs(),
        _ => Needs::default(),
    }
}

fn wanted<'a>(
    asked: &Asked<'_>,
    call: &'a Call,
    endpoint: &'a str,
    request_id: Option<Uuid>,
    needs: &'a Needs,
) -> Wanted<'a> {
    Wanted {
        actor_id: &call.caller.actor.id,
        endpoint,
        request_id,
        ticket_id: asked.ticket_id,
        new_number: asked.tool.spec.from == From::NewTicket && asked.payload.is_ok(),
        needs,
    }
}

fn unprobed(case: &CaseFile, asked: &Asked<'_>, seen: &Probes) -> bool {
    needs(asked).evidence && case.evidence.iter().any(|item| !seen.contains_key(&probe_key(item)))
}
