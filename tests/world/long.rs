//! A ticket with a long history.

use dispatch::domain::actor::Role;
use dispatch::engine::{Call, Desk, Engine};
use futures::future::join_all;
use serde_json::json;

use super::own::{Own, call, evidence, evidence_of, is_whole};

/// The blocks of the database that a call reads, by the server's own count. The engine has a single
/// connection, which is told to hand in its count. The server's own workers read blocks too, now and
/// then: what counting itself reads is the least of five, so that this is never less than the call's own.
async fn blocks(engine: &Engine, call: Call) -> i64 {
    let pool = engine.store().pool();
    let count = async || -> i64 {
        sqlx::query("SELECT pg_stat_force_next_flush()").execute(pool).await.unwrap();
        let sum = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()";
        sqlx::query_scalar(sum).fetch_one(pool).await.unwrap()
    };
    let (mut before, mut counting) = (count().await, i64::MAX);
    for _ in 0..5 {
        let now = count().await;
        counting = counting.min(now - before);
        before = now;
    }
    engine.call(call).await.unwrap();
    count().await - before - counting
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_on_a_ticket_costs_as_much_after_a_thousand_as_after_a_few() {
    let own = Own::new().await;
    let (engine, single) = (own.engine(40).await, own.engine(1).await);
    let ticket = own.ticket(&engine).await;
    let add = |n: usize| evidence(&ticket, &n.to_string(), "");
    let triage = || {
        let payload = json!({"priority": "URGENT", "incident_type": "X"});
        call(Role::Dispatcher, "ticket.triage", Some(&ticket), payload)
    };
    let read = || call(Role::Dispatcher, "ticket.get", Some(&ticket), json!({}));
    let replayed = add(0);
    // The server plans anew for the first five times.
    for n in 1..8 {
        blocks(&single, add(n)).await;
        blocks(&single, triage()).await;
        blocks(&single, replayed.clone()).await;
        blocks(&single, read()).await;
    }
    let cost = async |n: usize| {
        let mut all = Vec::new();
        for call in [add(n), triage(), replayed.clone(), read()] {
            all.push(blocks(&single, call).await);
        }
        all
    };
    // The least of three is the call's own.
    let least = async |from: usize| {
        let mut least = vec![i64::MAX; 4];
        for n in from..from + 3 {
            least = least.into_iter().zip(cost(n).await).map(|(least, cost)| least.min(cost)).collect();
        }
        least
    };
    let owner = own.owner().await;
    for sql in ["ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()"] {
        sqlx::raw_sql(sql).execute(&owner).await.unwrap();
    }
    owner.close().await;
    let early = least(8).await;
    let calls: Vec<Call> = (100..1_100).map(add).collect();
    for batch in calls.chunks(32) {
        // Every eighth is sent twice at once.
        let all = batch.iter().chain(batch.iter().step_by(8));
        for reply in join_all(all.map(|call| engine.call(call.clone()))).await {
            reply.unwrap();
        }
    }
    // Nobody else's count is to be handed in while ours is taken.
    engine.store().close().await;
    while !single.store().other_backends().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let late = least(11).await;
    println!("blocks read by evidence, triage, replay, read: {early:?} early, {late:?} late");
    for (early, late) in early.iter().zip(&late) {
        assert!(*late <= early + early / 2 + 10, "{early} blocks became {late}");
    }
    assert_eq!(evidence_of(&single, &ticket).await, 1_014);
    is_whole(&own.engine(4).await).await;
}
