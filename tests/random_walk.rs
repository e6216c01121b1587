//! Random walks over the contract: 10,000 calls in memory, and the same in a shorter form on a
//! real Postgres. No illegal state, no refusal outside section 8, chains whole, one audit event an
//! accepted call, and replays change nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;
mod walk;

use std::collections::HashMap;

use dispatch::domain::actor::{Actor, Scope};
use dispatch::domain::audit::{Event, Head};
use dispatch::domain::case::{CaseFile, Context};
use dispatch::domain::chain::Walk;
use dispatch::domain::judge::{self, Asked};
use dispatch::domain::policy::Bundle;
use dispatch::domain::refusal::Code;
use dispatch::domain::registry;
use dispatch::domain::state::State;
use dispatch::domain::ticket::{Site, Technician};
use dispatch::domain::time::Timestamp;
use dispatch::domain::tool::Payload;
use dispatch::domain::words::ApprovalStatus;
use dispatch::engine::{Call, Caller, Desk};
use serde_json::Value;
use support::{Database, World};
use uuid::Uuid;
use walk::{Dice, Names, payload, role, tool};

/// Refusals that no sequence of calls may meet: they mean that something broke.
const NEVER: [Code; 3] = [Code::InternalError, Code::OutboxInsertFailed, Code::Unavailable];

/// The world in memory: case files, and the events and steps that made them.
struct Memory {
    site: Site,
    technician: Technician,
    cases: HashMap<Uuid, CaseFile>,
    events: HashMap<Uuid, Vec<Event>>,
    /// By tool and request id: the ticket it was about, and the hash of the request.
    answers: HashMap<(&'static str, Uuid), (Uuid, String)>,
    millis: i64,
}

impl Memory {
    fn new() -> Self {
        let site = Site {
            id: Uuid::from_u128(2),
            account_id: Uuid::from_u128(1),
            name: "Pier 9".into(),
            city: "San Francisco".into(),
            region: Some("CA".into()),
            timezone: "America/Los_Angeles".into(),
        };
        let technician = Technician {
            id: "t-1".into(),
            name: "R. Ortiz".into(),
            active: true,
            home_region: Some("CA".into()),
            phone: None,
            skills: vec!["DEFAULT".into()],
            regions: vec![],
        };
        Self {
            site,
            technician,
            cases: HashMap::new(),
            events: HashMap::new(),
            answers: HashMap::new(),
            millis: 1_800_000_000_000,
        }
    }

    /// Judges a call as the engine does, and applies it if it is accepted.
    fn call(
        &mut self,
        tool: &str,
        target: Option<Uuid>,
        body: &Value,
        actor: &Actor,
        request: Uuid,
        dice: &mut Dice,
    ) -> Result<Uuid, Code> {
        let tool = registry::find(tool).unwrap();
        judge::authorise(tool, actor).map_err(|refusal| refusal.code())?;
        // Answered before?
        if let Some((id, hash)) = self.answers.get(&(tool.spec.name, request)) {
            let same = *hash == judge::request_hash(target, None, body);
            return if same { Ok(*id) } else { Err(Code::IdempotencyPayloadMismatch) };
        }
        let asked = Asked {
            tool,
            ticket_id: target,
            kind: None,
            body,
            payload: tool.payload(None, body),
            scope: &Scope::ALL,
            if_version: None,
        };
        let mut case = target.and_then(|id| self.cases.get(&id)).cloned().unwrap_or_default();
        if let Ok(Payload::Command(command)) = &asked.payload {
            let needs = command.needs();
            case.account_id = needs.account.filter(|id| *id == self.site.account_id);
            case.technician = needs.technician.filter(|id| *id == self.technician.id).map(|_| self.technician.clone());
            if needs.site.is_none_or(|id| id == self.site.id) {
                case.site = Some(self.site.clone());
            }
        }
        self.millis += 7;
        let bundle = Bundle::embedded();
        let context = Context {
            actor,
            now: Timestamp::new(chrono::DateTime::from_timestamp_millis(self.millis).unwrap()),
            policy: &bundle.policy,
            policy_hash: &bundle.hash,
            request_id: Some(request),
            correlation_id: None,
            trace_id: None,
            number: Some("T-1"),
            source: None,
            seed: dice.uuid(),
            seq: case.head.seq + 1,
        };
        let before = case.ticket.clone();
        let decision = judge::judge(&asked, &case, &context).map_err(|refusal| refusal.code())?;
        let accepted = judge::accept(&asked, &case, decision, context.request_id.unwrap(), &context);
        // Every step is legal and leads from where the ticket was to where it is.
        let mut at = before.as_ref().map(|stored| stored.ticket.state);
        for step in &accepted.steps {
            assert_eq!(step.from, at);
            assert!(State::may_step(step.from, step.to), "{:?} -> {}", step.from, step.to);
            at = Some(step.to);
        }
        let ticket = accepted.ticket.as_ref().unwrap();
        assert_eq!(at, Some(ticket.ticket.state));
        let moved = ticket.ticket.version - before.as_ref().map_or(0, |stored| stored.ticket.version);
        let expected = i64::from(!["ticket.create", "closeout.add_evidence"].contains(&tool.spec.name));
        assert_eq!(moved, expected, "{}", tool.spec.name);
        assert!(ticket.ticket.nte_cents >= 0 && ticket.ticket.summary.trim() != "");
        let id = ticket.ticket.id;
        self.answers.insert((tool.spec.name, request), (id, accepted.answer.request_hash.clone()));
        case.apply(&accepted);
        self.events.entry(id).or_default().push(accepted.event);
        self.cases.insert(id, case);
        Ok(id)
    }
}

#[test]
fn ten_thousand_random_calls_never_leave_the_contract() {
    let mut dice = Dice::new(42);
    let mut memory = Memory::new();
    let mut reached = HashMap::<State, usize>::new();
    let mut refusals = HashMap::<Code, usize>::new();
    let mut tickets: Vec<Uuid> = Vec::new();
    let mut accepted = 0;
    for _ in 0..10_000 {
        let recent = tickets.len().min(6);
        let chosen = (recent > 0).then(|| tickets[tickets.len() - 1 - dice.below(recent)]);
        let state = chosen.map(|id| memory.cases[&id].ticket.as_ref().unwrap().ticket.state);
        let tool = tool(&mut dice, state);
        let target = match tool {
            "ticket.create" => None,
            _ if dice.chance(2) => Some(dice.uuid()),
            _ => chosen,
        };
        let case = target.and_then(|id| memory.cases.get(&id));
        let pending = case.and_then(|case| case.approvals.iter().rev().find(|a| a.status == ApprovalStatus::Pending));
        let names = Names {
            account: memory.site.account_id.to_string(),
            site: memory.site.id.to_string(),
            approval: pending.map(|approval| approval.id.to_string()),
        };
        let actor = Actor::local("walker", role(&mut dice, tool));
        let body = payload(&mut dice, tool, &names);
        let request = dice.uuid();
        match memory.call(tool, target, &body, &actor, request, &mut dice) {
            Ok(id) => {
                accepted += 1;
                // Its replay is the same answer and changes nothing, whatever the case is by now;
                // the same request id with another payload is told apart.
                let before = memory.cases[&id].head.clone();
                assert_eq!(memory.call(tool, target, &body, &actor, request, &mut dice), Ok(id));
                let other = serde_json::json!({"another": "payload"});
                let told = memory.call(tool, target, &other, &actor, request, &mut dice);
                assert_eq!(told, Err(Code::IdempotencyPayloadMismatch));
                assert_eq!(memory.cases[&id].head, before);
                if target.is_none() {
                    tickets.push(id);
                }
                *reached.entry(memory.cases[&id].ticket.as_ref().unwrap().ticket.state).or_default() += 1;
            }
            Err(code) => {
                assert!(!NEVER.contains(&code), "{tool} {body}");
                *refusals.entry(code).or_default() += 1;
            }
        }
    }
    for state in [
        State::New,
        State::NeedsInfo,
        State::Triaged,
        State::ApprovalRequired,
        State::ReadyToSchedule,
        State::ScheduleProposed,
        State::Scheduled,
        State::Dispatched,
        State::InProgress,
        State::CompletedPendingVerification,
        State::Verified,
        State::Invoiced,
        State::Closed,
        State::Cancelled,
    ] {
        assert!(reached.contains_key(&state), "{state} was never reached: {reached:?}");
    }
    assert!(refusals.len() >= 8, "{refusals:?}");
    assert_eq!(memory.events.values().map(Vec::len).sum::<usize>(), accepted, "one event an accepted call");
    for (id, events) in &memory.events {
        let mut walk = Walk::along(id.to_string());
        for event in events {
            walk.link(event);
        }
        walk.end(Some(&memory.cases[id].head)).unwrap();
        assert_ne!(memory.cases[id].head, Head::default());
    }
}

#[tokio::test]
async fn the_same_walk_on_postgres_agrees_with_the_contract() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let before = database.count("SELECT count(*) FROM audit_events").await;
    let mut dice = Dice::new(7);
    let mut tickets: Vec<String> = Vec::new();
    let mut answered: Vec<(Call, String)> = Vec::new();
    let mut accepted = 0;
    for _ in 0..1_000 {
        if dice.chance(10) && !answered.is_empty() {
            // A replay gives the same answer and does nothing.
            let (call, body) = dice.one_of(&answered).clone();
            let again = engine.call(call).await.unwrap();
            assert!(again.replayed && again.body == body);
            continue;
        }
        let recent = tickets.len().min(4);
        let chosen = (recent > 0).then(|| tickets[tickets.len() - 1 - dice.below(recent)].clone());
        let state: Option<String> = sqlx::query_scalar("SELECT state::text FROM tickets WHERE id::text = $1")
            .bind(&chosen)
            .fetch_optional(engine.store().pool())
            .await
            .unwrap();
        let tool = tool(&mut dice, state.as_deref().and_then(State::parse));
        let target = chosen.filter(|_| tool != "ticket.create");
        let approval =
            sqlx::query_scalar::<_, Uuid>("SELECT id FROM approvals WHERE ticket_id::text = $1 AND status = 'PENDING'")
                .bind(&target)
                .fetch_optional(engine.store().pool())
                .await
                .unwrap();
        let names = Names {
            account: world.account.clone(),
            site: world.site.clone(),
            approval: approval.map(|id| id.to_string()),
        };
        let caller = Caller::local(Actor::local("walker", role(&mut dice, tool)));
        let body = payload(&mut dice, tool, &names);
        let call = Call::new(&caller, tool, target.as_deref(), body);
        match engine.call(call.clone()).await {
            Ok(reply) => {
                accepted += 1;
                if target.is_none() {
                    tickets.push(reply.json()["id"].as_str().unwrap().to_owned());
                }
                answered.push((call, reply.body));
            }
            Err(refused) => assert!(!NEVER.contains(&refused.refusal.code()), "{tool}: {refused}"),
        }
    }
    assert!(accepted > 150, "only {accepted} calls were accepted");
    assert_eq!(database.count("SELECT count(*) FROM audit_events").await - before, accepted);
    assert_eq!(database.count("SELECT count(*) FROM idempotency_keys").await, accepted + 3, "and the master data");
    let verdict = engine.verify_audit(None, |_| ()).await.unwrap();
    assert!(verdict.broken.is_empty(), "{:?}", verdict.broken);
    // Each ticket's state is where its newest step led.
    let astray = database
        .count(
            "SELECT count(*) FROM tickets t WHERE t.state <> (SELECT to_state FROM ticket_state_transitions s \
             WHERE s.ticket_id = t.id ORDER BY created_at DESC, step DESC LIMIT 1)",
        )
        .await;
    assert_eq!(astray, 0);
}
