//! The clock steps back.

use dispatch::domain::actor::{Actor, Role};
use dispatch::domain::sla::SlaStatus;
use dispatch::domain::time::Timestamp;
use dispatch::engine::{Caller, Desk, QueueQuery};
use serde_json::{Value, json};

use super::own::{Own, account, call, is_whole, settles};

#[tokio::test(flavor = "multi_thread")]
async fn when_the_clock_steps_back_an_hour_chains_go_on_and_deadlines_make_sense() {
    let own = Own::new().await;
    let engine = own.engine(4).await;
    let moment = |value: &Value, name: &str| Timestamp::parse(value[name].as_str().unwrap()).unwrap();
    let reply = async |tool: &str, target: &str, payload: Value| {
        engine.call(call(Role::Dispatcher, tool, Some(target), payload)).await.unwrap().json()
    };
    let ticket = own.ticket(&engine).await;
    let before = reply("ticket.get", &ticket, json!({})).await;
    let owner = own.owner().await;
    let step_back = "CREATE OR REPLACE FUNCTION dispatch_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS \
                     $$ SELECT date_trunc('milliseconds', clock_timestamp() - interval '1 hour') $$";
    sqlx::raw_sql(step_back).execute(&owner).await.unwrap();
    owner.close().await;

    for priority in ["URGENT", "EMERGENCY"] {
        let triage = json!({"priority": priority, "incident_type": "X"});
        let triaged = reply("ticket.triage", &ticket, triage).await;
        assert!(moment(&triaged, "updated_at") >= moment(&before, "created_at"), "{triaged}");
    }
    let timeline = reply("ticket.timeline", &ticket, json!({})).await;
    let events = timeline["events"].as_array().unwrap();
    let times: Vec<_> = events.iter().map(|event| moment(event, "created_at")).collect();
    assert_eq!(times.len(), 3);
    assert!(times.is_sorted(), "{timeline}");
    let links: Vec<_> = events.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(links, [1, 2, 3]);

    // A ticket made now is older than one made before the step; neither is overdue.
    let later = own.ticket(&engine).await;
    let made = reply("ticket.get", &later, json!({})).await;
    assert!(moment(&made, "created_at") < moment(&before, "created_at"));
    let caller = Caller::local(Actor::local("test", Role::Dispatcher));
    let page = engine.queue(&caller, &QueueQuery::default()).await.unwrap();
    let ids: Vec<_> = page.rows.iter().map(|row| row.ticket_id.to_string()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&ticket) && ids.contains(&later));
    for row in &page.rows {
        assert_eq!(row.sla_status, SlaStatus::Healthy, "{row:?}");
    }
    settles(&engine, &account("In the past")).await;
    is_whole(&engine).await;
}
