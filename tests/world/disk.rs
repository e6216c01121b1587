//! The disk is full.

use dispatch::domain::actor::Role;
use dispatch::domain::refusal::Code;
use dispatch::engine::Desk;
use serde_json::json;

use super::own::{Own, SHORT, call, evidence, evidence_of, is_whole, settles};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_clearly_and_the_same_ids_settle_once_there_is_room() {
    let Some(own) = Own::on_small_disk().await else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let engine = own.engine(8).await.with_patience(SHORT);
    let ticket = own.ticket(&engine).await;
    let filler = own.fill_disk(2 << 20);
    let (mut refused, mut done) = (Vec::new(), Vec::new());
    for n in 0..400 {
        let add = evidence(&ticket, &n.to_string(), &noise(100_000, n));
        match engine.call(add.clone()).await {
            Ok(reply) => done.push((add, reply.body)),
            Err(said) => {
                assert_eq!(said.refusal.code(), Code::Unavailable, "{said}");
                assert!(said.refusal.message().contains("disk is full"), "{said}");
                refused.push(add);
            }
        }
        if refused.len() == 5 {
            break;
        }
    }
    assert_eq!(refused.len(), 5, "the disk never filled");
    assert!(!done.is_empty());
    // Reading goes on, and nothing is there by half. (Walking the chains needs a file of the server's.)
    assert_eq!(evidence_of(&engine, &ticket).await, done.len());
    assert_eq!(engine.store().strays().await.unwrap(), []);
    let payload = json!({"kind": "PHOTO", "uri": "s3://jobs/x.jpg", "metadata": {"note": noise(100_000, 5_555)}});
    let said = own
        .program()
        .args(["call", "closeout.add_evidence", &ticket, "--payload", &payload.to_string()])
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(6), "{}", String::from_utf8_lossy(&said.stderr));

    // Without room for its log, the server itself gives up.
    let owner = own.owner().await;
    for _ in 0..20 {
        if sqlx::raw_sql("SELECT pg_switch_wal(); SELECT txid_current()").execute(&owner).await.is_err() {
            break;
        }
    }
    let add = evidence(&ticket, "late", &noise(100_000, 7_777));
    let said = engine.call(add.clone()).await.unwrap_err();
    assert_eq!(said.refusal.code(), Code::Unavailable, "{said}");
    refused.push(add);
    if let Err(error) = own.cluster.ensure_running().await {
        assert!(error.to_string().contains("free some space"), "{error}");
    }

    drop(filler);
    own.cluster.ensure_running().await.unwrap();
    for add in &refused {
        settles(&engine, add).await;
    }
    for (add, body) in &done {
        assert_eq!(settles(&engine, add).await, *body);
    }
    is_whole(&engine).await;
    assert_eq!(evidence_of(&engine, &ticket).await, refused.len() + done.len());
    engine.call(call(Role::Dispatcher, "ticket.timeline", Some(&ticket), json!({}))).await.unwrap();
}

/// Text of this length that does not compress.
fn noise(length: usize, seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + u8::try_from((state >> 57) % 75).unwrap())
    };
    (0..length).map(|_| next()).collect()
}
