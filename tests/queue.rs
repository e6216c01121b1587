//! The queue: its order, its pages, its filters, and the change feed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;
mod walk;

use std::collections::{BTreeSet, HashSet};

use dispatch::domain::actor::Role;
use dispatch::domain::queue::{Filter, Row, Words};
use dispatch::domain::refusal::Code;
use dispatch::domain::sla::{SlaClock, SlaStatus};
use dispatch::domain::state::State;
use dispatch::domain::time::Timestamp;
use dispatch::domain::words::Priority;
use dispatch::engine::{Desk, Engine, QueueQuery};
use dispatch::store::queue::Seen;
use serde_json::json;
use support::{Database, World, call, caller, ok};
use uuid::Uuid;
use walk::Dice;

/// Tickets in every state and priority, with times on all sides of the thresholds, by SQL.
async fn fill(database: &Database, world: &World, how_many: i32) {
    sqlx::query(
        "WITH regions AS (INSERT INTO sites (account_id, name, address1, city, region) \
            SELECT $1::uuid, 'Site ' || r, '1 ' || r, 'City', nullif(r, '-') \
            FROM unnest(ARRAY['CA', 'NY', 'TX', '-']) r RETURNING id), \
         numbered AS (SELECT id, row_number() OVER () AS n FROM regions) \
         INSERT INTO tickets (account_id, site_id, summary, state, priority, created_at, confirmed_start, \
            last_event_at, clock_stopped_at, incident_type) \
         SELECT $1::uuid, (SELECT id FROM numbered WHERE n = 1 + i % 4), 'Bulk ' || i, \
            (enum_range(NULL::ticket_state))[1 + i % 15], (enum_range(NULL::priority_level))[1 + i % 3], \
            now() - make_interval(secs => (i * 7919) % 100000), \
            CASE WHEN i % 4 = 0 THEN now() - make_interval(secs => (i * 104729) % 20000) END, \
            now() - make_interval(secs => i % 50), now() - make_interval(secs => (i * 31) % 9000), \
            CASE WHEN i % 2 = 0 THEN 'Door_Wont_Latch' END \
         FROM generate_series(1, $2) i",
    )
    .bind(&world.account)
    .bind(how_many)
    .execute(&database.owner().await)
    .await
    .unwrap();
}

async fn page(engine: &Engine, filter: &Filter, limit: u32, cursor: Option<String>) -> dispatch::engine::QueuePage {
    engine
        .queue(&caller(Role::Dispatcher), &QueueQuery { filter: filter.clone(), limit: Some(limit), cursor })
        .await
        .unwrap()
}

async fn all(engine: &Engine, filter: &Filter, limit: u32) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let page = page(engine, filter, limit, cursor).await;
        rows.extend(page.rows);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return rows;
        }
    }
}

fn words(text: &str) -> Words {
    Words::One(text.to_owned())
}

#[tokio::test]
async fn every_page_is_a_cut_of_the_order_that_a_sort_in_memory_gives() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    fill(&database, &world, 700).await;
    let paged = all(&database.engine, &Filter::default(), 97).await;
    assert_eq!(paged.len(), 700);
    let mut sorted = paged.clone();
    sorted.sort_by(|a, b| a.rank.cmp(&b.rank));
    let ids = |rows: &[Row]| rows.iter().map(|row| row.ticket_id).collect::<Vec<_>>();
    assert_eq!(ids(&paged), ids(&sorted));
    for status in SlaStatus::ALL {
        for clock in SlaClock::ALL {
            assert!(paged.iter().any(|row| row.sla_status == *status && row.sla_clock == *clock), "{status} {clock}");
        }
    }
    let one_page = page(&database.engine, &Filter::default(), 1_000, None).await;
    assert_eq!(ids(&one_page.rows).iter().collect::<BTreeSet<_>>(), ids(&paged).iter().collect::<BTreeSet<_>>());
}

#[tokio::test]
async fn rows_changed_between_pages_may_repeat_but_none_is_skipped() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    fill(&database, &world, 300).await;
    let everyone: HashSet<Uuid> =
        all(&database.engine, &Filter::default(), 1_000).await.iter().map(|r| r.ticket_id).collect();
    let mut dice = Dice::new(3);
    let mut seen = HashSet::new();
    let mut cursor = None;
    let owner = database.owner().await;
    loop {
        let page = page(&database.engine, &Filter::default(), 20, cursor).await;
        seen.extend(page.rows.iter().map(|row| row.ticket_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        // Some of those still to come are moved to the front, which has been read already.
        let coming: Vec<Uuid> = everyone.difference(&seen).copied().collect();
        for _ in 0..coming.len().min(5) {
            sqlx::query(
                "UPDATE tickets SET priority = 'EMERGENCY', confirmed_start = now() - interval '9 days' WHERE id = $1",
            )
            .bind(dice.one_of(&coming))
            .execute(&owner)
            .await
            .unwrap();
        }
    }
    assert_eq!(seen, everyone);
}

#[tokio::test]
async fn filters_narrow_and_words_find_open_and_closed_tickets() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    fill(&database, &world, 90).await;
    let id = world.ticket(engine).await;
    sqlx::query("UPDATE tickets SET state = 'CLOSED', customer_name = 'Zoë 50% _Off' WHERE id::text = $1")
        .bind(&id)
        .execute(&database.owner().await)
        .await
        .unwrap();
    assert_eq!(all(engine, &Filter::default(), 200).await.len(), 90, "open states where none is named");
    let found = async |filter: Filter| all(engine, &filter, 200).await;
    let filter = Filter { state: Some(words("new,triaged")), priority: Some(words("urgent")), ..Filter::default() };
    assert!(
        found(filter)
            .await
            .iter()
            .all(|row| ["NEW", "TRIAGED"].contains(&row.state.as_str()) && row.priority.as_str() == "URGENT")
    );
    let filter = Filter {
        incident_type: Some(words("door_wont_latch")),
        sla_status: Some(words("breach")),
        ..Filter::default()
    };
    let rows = found(filter).await;
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row.sla_status == SlaStatus::Breach && row.incident_type.is_some())
    );
    for q in ["415-555-0199", "5550199", "slams", "zoë 50% _off", "pier slams"] {
        let rows = found(Filter { q: Some(q.to_owned()), ..Filter::default() }).await;
        assert_eq!(rows.len(), 1, "{q}");
        assert_eq!(rows[0].ticket_id.to_string(), id, "{q}");
    }
    assert!(found(Filter { q: Some("50%x".to_owned()), ..Filter::default() }).await.is_empty());
}

/// Whether a row fits.
type Fits<'a> = Box<dyn Fn(&Row) -> bool + 'a>;

#[tokio::test]
async fn whatever_the_filter_the_pages_are_all_fitting_rows_in_order() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    fill(&database, &world, 4_000).await;
    let owner = database.owner().await;
    // Some are closed, some assigned; some words are in nearly every ticket, some in few.
    for sql in [
        "UPDATE tickets SET state = CASE WHEN right(number, 1) = '3' THEN 'CANCELLED' ELSE 'CLOSED' END::ticket_state \
         WHERE right(number, 1) IN ('3', '4', '5')",
        "INSERT INTO technicians (id, name) VALUES ('t-9', 'N. Rare')",
        "UPDATE tickets SET assigned_tech_id = 't-9' WHERE right(number, 2) = '17'",
        "UPDATE tickets SET customer_name = CASE WHEN right(number, 1) = '7' THEN 'Often Asked' ELSE 'Nobody' END",
        "UPDATE tickets SET customer_name = 'Seldom Asked' WHERE right(number, 3) IN ('105', '106')",
        // No clock may pass a threshold while this test reads.
        "UPDATE tickets SET created_at = created_at - interval '30 min', confirmed_start = confirmed_start - interval '30 min' \
         WHERE (extract(epoch FROM sla_deadline - now()) / 60)::int IN (0, 1, 2, 3, 4, 45, 46, 47, 48, 49)",
    ] {
        sqlx::query(sql).execute(&owner).await.unwrap();
    }
    let everything =
        Filter { state: Some(Words::Many(State::ALL.iter().map(ToString::to_string).collect())), ..Filter::default() };
    let mut rows = all(engine, &everything, 1_000).await;
    assert_eq!(rows.len(), 4_000);
    rows.sort_by(|a, b| a.rank.cmp(&b.rank));
    let site = rows[5].site.id;
    let is_open = |row: &Row| State::OPEN.contains(&row.state);
    let ends = |row: &Row, ends: &[&str]| ends.iter().any(|end| row.number.ends_with(end));
    let is_seldom = |row: &Row| ends(row, &["105", "106"]);
    let q = |q: &str| Filter { q: Some(q.to_owned()), ..Filter::default() };
    let cases: Vec<(Filter, Fits<'_>)> = vec![
        (Filter { state: Some(words("NEW")), ..Filter::default() }, Box::new(|row| row.state == State::New)),
        (
            Filter { state: Some(words("CLOSED,VERIFIED,NEW")), ..Filter::default() },
            Box::new(|row| [State::Closed, State::Verified, State::New].contains(&row.state)),
        ),
        (
            Filter { state: Some(words("NEW,TRIAGED,SCHEDULED,ON_SITE,CANCELLED")), ..Filter::default() },
            Box::new(|row| {
                [State::New, State::Triaged, State::Scheduled, State::OnSite, State::Cancelled].contains(&row.state)
            }),
        ),
        (
            Filter { sla_status: Some(words("warning")), ..Filter::default() },
            Box::new(|row| is_open(row) && row.sla_status == SlaStatus::Warning),
        ),
        (
            Filter { assigned_tech_id: Some(words("t-9")), ..Filter::default() },
            Box::new(|row| is_open(row) && row.assigned_tech.is_some()),
        ),
        (
            Filter {
                site_id: Some(words(&site.to_string())),
                sla_status: Some(words("healthy,breach")),
                ..Filter::default()
            },
            Box::new(|row| is_open(row) && row.site.id == site && row.sla_status != SlaStatus::Warning),
        ),
        (
            Filter { account_id: Some(words(&world.account)), priority: Some(words("URGENT")), ..Filter::default() },
            Box::new(|row| is_open(row) && row.priority.as_str() == "URGENT"),
        ),
        (q("bulk"), Box::new(|_| true)),
        (q("asked"), Box::new(|row| ends(row, &["7"]) || is_seldom(row))),
        (q("seld ask"), Box::new(is_seldom)),
        (q("rare"), Box::new(|row| row.assigned_tech.is_some())),
        (Filter { state: Some(words("CANCELLED")), ..q("bulk") }, Box::new(|row| row.state == State::Cancelled)),
        (
            Filter { sla_status: Some(words("breach")), ..q("seldom") },
            Box::new(|row| is_seldom(row) && row.sla_status == SlaStatus::Breach),
        ),
        (
            Filter { assigned_tech_id: Some(words("t-9")), ..q("often") },
            Box::new(|row| row.assigned_tech.is_some() && ends(row, &["7"]) && !is_seldom(row)),
        ),
        (q("…"), Box::new(|_| false)),
    ];
    for (filter, fits) in cases {
        let expected: Vec<Uuid> = rows.iter().filter(|row| fits(row)).map(|row| row.ticket_id).collect();
        let found: Vec<Uuid> = all(engine, &filter, 199).await.iter().map(|row| row.ticket_id).collect();
        assert_eq!(found.len(), expected.len(), "{filter:?}");
        assert!(found == expected, "{filter:?}: not in order");
    }
}

#[tokio::test]
async fn a_repair_by_sql_moves_the_deadline_with_it() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket(engine).await;
    let owner = database.owner().await;
    let deadline = async || page(engine, &Filter::default(), 10, None).await.rows[0].sla_deadline_at;
    let created = page(engine, &Filter::default(), 10, None).await.rows[0].created_at;
    assert_eq!(deadline().await, created.plus_minutes(1440));
    let at = |text: &str| Timestamp::parse(text).unwrap();
    for (repair, expected) in [
        ("priority = 'URGENT'", created.plus_minutes(240)),
        ("scheduled_start = '2030-01-01T10:00Z', scheduled_end = '2030-01-01T11:00Z'", created.plus_minutes(240)),
        ("state = 'SCHEDULED'", at("2030-01-01T14:00:00.000Z")),
        ("confirmed_start = '2031-01-01T00:00Z'", at("2031-01-01T04:00:00.000Z")),
        ("state = 'NEW'", at("2031-01-01T04:00:00.000Z")),
        ("confirmed_start = NULL, created_at = '2020-01-01T00:00Z'", at("2020-01-01T04:00:00.000Z")),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(format!("UPDATE tickets SET {repair} WHERE id::text = $1")))
            .bind(&id)
            .execute(&owner)
            .await
            .unwrap();
        assert_eq!(deadline().await, expected, "{repair}");
    }
}

#[tokio::test]
async fn the_database_keeps_the_order_by_the_numbers_of_the_policy() {
    let database = Database::new().await;
    let numbers: (i32, i32, i32, i32) =
        sqlx::query_as("SELECT emergency_minutes, urgent_minutes, routine_minutes, warning_minutes FROM queue_clock")
            .fetch_one(database.engine.store().pool())
            .await
            .unwrap();
    let policy = &database.engine.policy().policy;
    let target = |priority| i32::try_from(policy.sla_target_minutes(priority)).unwrap();
    let warning = i32::try_from(policy.sla.warning_minutes).unwrap();
    assert_eq!(numbers, (target(Priority::Emergency), target(Priority::Urgent), target(Priority::Routine), warning));
}

#[tokio::test]
async fn a_search_finds_what_the_ticket_its_site_and_its_technician_are_called_now() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "DISPATCHED").await;
    let owner = database.owner().await;
    let found = async |q: &str| all(engine, &Filter { q: Some(q.to_owned()), ..Filter::default() }, 10).await.len();
    for (change, before, after) in [
        ("UPDATE sites SET name = 'Lighthouse'", "pier 9 cafe", "lighthouse"),
        ("UPDATE technicians SET name = 'Zora Quill'", "ortiz", "zor qui"),
        (
            "UPDATE tickets SET summary = 'Glass wall cracked', customer_phone = '+44 (20) 7946-0958'",
            "slams",
            "79460958 crack",
        ),
        ("UPDATE tickets SET assigned_tech_id = NULL, state = 'CLOSED'", "quill", "lighthouse glass"),
        ("DELETE FROM evidence_items; DELETE FROM tickets", "glass", "slams"),
    ] {
        sqlx::raw_sql(change).execute(&owner).await.unwrap();
        let is_deleted = change.contains("DELETE FROM tickets");
        assert_eq!((found(before).await, found(after).await), (0, usize::from(!is_deleted)), "{change} {id}");
    }
    assert_eq!(sqlx::query_scalar::<_, i64>("SELECT count(*) FROM ticket_words").fetch_one(&owner).await.unwrap(), 0);
}

#[tokio::test]
async fn a_ticket_stays_in_its_accounts_queue_when_its_site_changes_hands() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket(engine).await;
    let start = page(engine, &Filter::default(), 10, None).await.feed;
    let owner = database.owner().await;
    let moved = "WITH other AS (INSERT INTO accounts (name) VALUES ('Other') RETURNING id) \
                 UPDATE sites SET account_id = other.id FROM other";
    sqlx::raw_sql(moved).execute(&owner).await.unwrap();
    let mine = Filter { account_id: Some(words(&world.account)), ..Filter::default() };
    let rows = all(engine, &mine, 10).await;
    assert_eq!(rows.iter().map(|row| row.ticket_id.to_string()).collect::<Vec<_>>(), [id]);
    // And a new name of the account reaches it.
    let since = engine.changes(&caller(Role::Dispatcher), &start).await.unwrap().feed;
    sqlx::raw_sql("UPDATE accounts SET name = 'Renamed'").execute(&owner).await.unwrap();
    let changes = engine.changes(&caller(Role::Dispatcher), &since).await.unwrap();
    assert_eq!(changes.rows.iter().map(|row| row.account_name.as_str()).collect::<Vec<_>>(), ["Renamed"]);
}

#[tokio::test]
async fn a_cursor_from_before_a_restore_begins_again() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    fill(&database, &world, 30).await;
    let first = page(&database.engine, &Filter::default(), 20, None).await;
    let anew = "UPDATE dispatch_meta SET epoch = gen_random_uuid()";
    sqlx::raw_sql(anew).execute(&database.owner().await).await.unwrap();
    let after = page(&database.engine, &Filter::default(), 20, first.next_cursor).await;
    assert_eq!(after.rows[0].ticket_id, first.rows[0].ticket_id);
    assert_eq!(after.rows.len(), 20);
}

#[tokio::test]
async fn a_mere_proposal_erases_no_breach_and_a_finished_job_stands_still() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "SCHEDULE_PROPOSED").await;
    let row = async || page(engine, &Filter::default(), 10, None).await.rows.remove(0);
    let proposed = row().await;
    assert_eq!(proposed.sla_deadline_at, proposed.created_at.plus_minutes(240));
    assert_eq!(proposed.scheduled_start.unwrap().to_string(), "2026-12-01T17:00:00.000Z");
    for (_, role, tool, payload) in support::ordinary_way().into_iter().skip(3) {
        ok(engine, role, tool, Some(&id), payload).await;
        if tool == "tech.complete" {
            break;
        }
    }
    let done = row().await;
    assert_eq!(done.sla_deadline_at.to_string(), "2026-12-01T21:00:00.000Z", "from the confirmed start");
    assert_eq!(done.sla_clock, SlaClock::Stopped);
    let verify = |result: &str| json!({"timestamp": "2026-12-01T20:00:00Z", "result": result, "notes": "n"});
    ok(engine, Role::Qa, "qa.verify", Some(&id), verify("FAIL")).await;
    assert_eq!(row().await.sla_clock, SlaClock::Running, "rework starts it again");
}

#[tokio::test]
async fn an_event_that_another_program_appends_shows_as_the_last_update() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket(engine).await;
    sqlx::query(
        "INSERT INTO audit_events (ticket_id, actor_type, actor_id, tool_name, created_at) \
         VALUES ($1::uuid, 'SERVICE', 'other', 'other.tool', '2040-01-01T00:00Z')",
    )
    .bind(&id)
    .execute(&database.owner().await)
    .await
    .unwrap();
    let row = page(engine, &Filter::default(), 10, None).await.rows.remove(0);
    assert_eq!(row.last_update_at.to_string(), "2040-01-01T00:00:00.000Z");
    let verdict = engine.verify_audit(None, |_| ()).await.unwrap();
    assert_eq!((verdict.unchained, verdict.broken.len()), (1, 0));
    // Time never runs backwards within a ticket, whoever set it.
    let noted =
        ok(engine, Role::Agent, "closeout.add_evidence", Some(&id), json!({"kind": "NOTE", "uri": "s3://a/b"})).await;
    assert_eq!(noted["created_at"], "2040-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn the_feed_shows_every_change_once_whoever_made_it() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let (id, other) = (world.ticket(engine).await, world.ticket(engine).await);
    let who = caller(Role::Dispatcher);
    let start = page(engine, &Filter::default(), 10, None).await;
    let mut seen = Seen::default();
    assert!(start.rows.iter().all(|row| seen.is_new(row)));
    let mut feed = start.feed;
    // A transaction elsewhere in the cluster, open all the time, delays nothing.
    let owner = database.owner().await;
    let mut elsewhere = database.owner().await.begin().await.unwrap();
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *elsewhere).await.unwrap();
    let changed = async |feed: &mut dispatch::store::queue::FeedToken, seen: &mut Seen| -> Vec<String> {
        let changes = engine.changes(&who, feed).await.unwrap();
        *feed = changes.feed;
        let mut new: Vec<String> =
            changes.rows.iter().filter(|row| seen.is_new(row)).map(|row| row.ticket_id.to_string()).collect();
        new.sort();
        new
    };
    assert!(changed(&mut feed, &mut seen).await.is_empty());
    ok(engine, Role::Dispatcher, "ticket.triage", Some(&id), json!({"priority": "URGENT", "incident_type": "X"})).await;
    assert_eq!(changed(&mut feed, &mut seen).await, std::slice::from_ref(&id));
    assert!(engine.changes(&who, &feed).await.unwrap().rows.is_empty(), "nothing is even read again");
    ok(engine, Role::Agent, "closeout.add_evidence", Some(&other), json!({"kind": "NOTE", "uri": "s3://a/b"})).await;
    assert_eq!(changed(&mut feed, &mut seen).await, std::slice::from_ref(&other));
    sqlx::query("UPDATE tickets SET summary = 'Repaired' WHERE id::text = $1").bind(&id).execute(&owner).await.unwrap();
    assert_eq!(changed(&mut feed, &mut seen).await, std::slice::from_ref(&id), "a repair by hand shows");
    sqlx::query("UPDATE sites SET name = 'Pier 10'").execute(&owner).await.unwrap();
    let mut both = vec![id.clone(), other.clone()];
    both.sort();
    assert_eq!(changed(&mut feed, &mut seen).await, both, "and so does a new name of the site");
    sqlx::query("UPDATE accounts SET name = 'Harbor'").execute(&owner).await.unwrap();
    assert_eq!(changed(&mut feed, &mut seen).await, both, "and of the account");
    // What was done in the long transaction shows when it ends, although much came after it.
    sqlx::query("UPDATE tickets SET summary = 'Slowly' WHERE id::text = $1")
        .bind(&id)
        .execute(&mut *elsewhere)
        .await
        .unwrap();
    let made = world.ticket(engine).await;
    assert_eq!(changed(&mut feed, &mut seen).await, std::slice::from_ref(&made));
    elsewhere.commit().await.unwrap();
    assert_eq!(changed(&mut feed, &mut seen).await, std::slice::from_ref(&id));
    sqlx::query("DELETE FROM tickets WHERE id::text = $1").bind(&made).execute(&owner).await.unwrap();
    let after = engine.changes(&who, &feed).await.unwrap();
    assert_eq!((after.rows.len(), after.deleted), (0, vec![made.parse().unwrap()]));
    feed = after.feed;
    assert!(engine.changes(&who, &feed).await.unwrap().deleted.is_empty());
    sqlx::query("UPDATE dispatch_meta SET epoch = gen_random_uuid()").execute(&owner).await.unwrap();
    assert!(engine.changes(&who, &feed).await.unwrap().starts_anew, "a restore starts a new epoch");
}

#[tokio::test]
async fn the_cockpit_read_has_the_contracts_shape() {
    let database = Database::new().await;
    let engine = &database.engine;
    let world = World::new(engine).await;
    let id = world.ticket_in(engine, "SCHEDULED").await;
    let query = json!({"ticket_id": id, "state": ["scheduled"], "priority": "URGENT,ROUTINE"});
    let reply = ok(engine, Role::Dispatcher, "dispatcher.cockpit", None, query).await;
    assert_eq!(reply["filters_applied"]["priority"], json!(["URGENT", "ROUTINE"]));
    assert_eq!(reply["filters_applied"]["ticket_id"], json!(id));
    assert_eq!(reply["selected_ticket"]["evidence_summary"]["total_items"], 0);
    assert_eq!(reply["actor"]["tool_name"], "dispatcher.cockpit");
    let row = &reply["queue"][0];
    assert_eq!((&row["site"]["region"], &row["region_weight"]), (&json!("CA"), &json!(190)));
    let action =
        |name: &str| row["actions"].as_array().unwrap().iter().find(|a| a["action_id"] == name).unwrap().clone();
    assert_eq!(action("dispatch_assignment")["enabled"], true);
    assert_eq!(action("dispatch_assignment")["endpoint"], format!("/tickets/{id}/assignment/dispatch"));
    assert_eq!(action("schedule_confirm")["policy_error"]["code"], "INVALID_STATE_TRANSITION");
    for (query, expected) in [
        (json!({"state": "OPEN"}), Code::InvalidQuery),
        (json!({"cursor": "{\"moment\":\"x\"}"}), Code::InvalidQuery),
        (
            json!({"cursor": "{\"epoch\":\"00000000-0000-4000-8000-000000000000\",\"moment\":\"2026-01-01T00:00:00.000Z\",\"snapshot\":\"5:1:9\",\"after\":{\"Touched\":{\"id\":\"00000000-0000-4000-8000-000000000000\"}}}"}),
            Code::InvalidQuery,
        ),
        (json!({"limit": 5000}), Code::InvalidQuery),
        (json!({"ticket_id": Uuid::new_v4()}), Code::TicketNotFound),
    ] {
        let refused = engine.call(call(Role::Dispatcher, "dispatcher.cockpit", None, query.clone())).await.unwrap_err();
        assert_eq!(refused.refusal.code(), expected, "{query}");
    }
    let refused = engine.call(call(Role::Qa, "dispatcher.cockpit", None, json!({}))).await.unwrap_err();
    assert_eq!(refused.refusal.code(), Code::Forbidden);
}
