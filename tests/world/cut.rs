//! Connections are dropped in the middle of calls.

use dispatch::engine::Desk;
use dispatch::store::Store;
use dispatch::store::local::APP;
use futures::future::join_all;

use super::own::{DATABASE, Own, account, evidence, evidence_of, is_whole, settles, socket_in};
use super::proxy::{Cut, Proxy};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_in_mid_call_is_made_again_and_the_call_is_done_once() {
    let own = Own::new().await;
    let direct = own.engine(4).await;
    let ticket = own.ticket(&direct).await;
    let directory = own.root.join("proxy");
    let socket = socket_in(&own.cluster.status().await.unwrap().socket_dir);
    let proxy = Proxy::start(socket, &directory).await;
    let options = own.cluster.connect_options(DATABASE, APP).socket(&directory);
    let engine = own.engine_on(Store::open(options, 6, false).await.unwrap());
    settles(&engine, &account("Through the proxy")).await;
    let mut sent = 0;
    // After so many bytes to the server or from it: within the load, within the write, before its
    // answer, within its answer.
    for n in 0..120 {
        proxy.cut_next(if n % 2 == 0 { Cut::ToServer(n * 97) } else { Cut::FromServer(n * 41) });
        settles(&engine, &evidence(&ticket, &sent.to_string(), &"x".repeat(2_000))).await;
        sent += 1;
    }
    assert!(proxy.cuts() > 60, "only {} connections were cut", proxy.cuts());
    // With callers at once, each may meet a connection that another one's cut has left behind.
    for n in 0..20 {
        proxy.cut_next(Cut::FromServer(n * 211));
        let adds = (0..8).map(|m| engine.call(evidence(&ticket, &format!("{n}-{m}"), "")));
        for reply in join_all(adds).await {
            reply.unwrap();
            sent += 1;
        }
    }
    assert_eq!(evidence_of(&direct, &ticket).await, sent);
    is_whole(&direct).await;
}
