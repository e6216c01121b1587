//! The database's own rules: the legal steps, the append-only trail, what stays open to repair.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use dispatch::domain::actor::Role;
use dispatch::domain::sla::region_weight;
use dispatch::domain::state::State;
use dispatch::store::migrate;
use serde_json::json;
use sqlx::{AssertSqlSafe, Row};
use support::{Database, World, ok};
use uuid::Uuid;

#[tokio::test]
async fn the_constraint_holds_exactly_the_legal_steps_pair_by_pair() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    let ticket: Uuid = world.ticket(&database.engine).await.parse().unwrap();
    let owner = database.owner().await;
    let mut tried = 0;
    for from in std::iter::once(None).chain(State::ALL.iter().copied().map(Some)) {
        for &to in State::ALL {
            let mut transaction = owner.begin().await.unwrap();
            let stored = sqlx::query(
                "INSERT INTO ticket_state_transitions (ticket_id, step, from_state, to_state) \
                 VALUES ($1, 1, $2::text::ticket_state, $3::text::ticket_state)",
            )
            .bind(ticket)
            .bind(from.map(State::as_str))
            .bind(to.as_str())
            .execute(&mut *transaction)
            .await;
            transaction.rollback().await.unwrap();
            assert_eq!(stored.is_ok(), State::may_step(from, to), "{from:?} -> {to}: {stored:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, 18 * 17);
    assert_eq!(migrate::transition_differences(&owner).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_constraint_touched_by_hand_is_named_pair_by_pair() {
    let database = Database::new().await;
    let owner = database.owner().await;
    sqlx::raw_sql(
        "ALTER TABLE ticket_state_transitions DROP CONSTRAINT chk_ticket_state_transition_valid; \
         ALTER TABLE ticket_state_transitions ADD CONSTRAINT chk_ticket_state_transition_valid \
         CHECK (from_state IS NOT NULL OR to_state IN ('NEW', 'TRIAGED', 'CLOSED'))",
    )
    .execute(&owner)
    .await
    .unwrap();
    let differences = migrate::transition_differences(&owner).await.unwrap();
    assert!(differences.contains(&"NULL->CLOSED".to_owned()), "surplus");
    assert!(differences.contains(&"NULL->READY_TO_SCHEDULE".to_owned()), "missing");
    assert!(differences.contains(&"CLOSED->NEW".to_owned()));
    assert!(!differences.contains(&"NULL->NEW".to_owned()));
}

#[tokio::test]
async fn the_audit_trail_refuses_change_even_to_its_owner() {
    let database = Database::new().await;
    let world = World::new(&database.engine).await;
    world.ticket(&database.engine).await;
    let owner = database.owner().await;
    for table in ["audit_events", "ticket_state_transitions"] {
        for statement in [
            format!("UPDATE {table} SET created_at = now()"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let error = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&owner).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{statement}: {error}");
            let error = sqlx::raw_sql(AssertSqlSafe(statement.clone()))
                .execute(database.engine.store().pool())
                .await
                .unwrap_err();
            assert!(error.to_string().contains("permission denied"), "{statement}: {error}");
        }
    }
}

#[tokio::test]
async fn the_application_role_owns_nothing() {
    let database = Database::new().await;
    let owned = database
        .count("SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'dispatch_app'")
        .await;
    assert_eq!(owned, 0);
    let pool = database.engine.store().pool();
    assert!(sqlx::raw_sql("CREATE TABLE mine (id int)").execute(pool).await.is_err());
    assert!(sqlx::raw_sql("ALTER TABLE audit_events DISABLE TRIGGER ALL").execute(pool).await.is_err());
}

#[tokio::test]
async fn plain_inserts_of_master_data_and_repairs_by_hand_keep_working() {
    let database = Database::new().await;
    let owner = database.owner().await;
    sqlx::raw_sql(
        "INSERT INTO accounts (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'Plain'); \
         INSERT INTO sites (id, account_id, name, address1, city) VALUES \
            ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'S', '1 Main', 'X'); \
         INSERT INTO contacts (name) VALUES ('C'); \
         INSERT INTO technicians (id, name) VALUES ('t', 'T'); \
         INSERT INTO technician_skills VALUES ('t', 'DEFAULT'); \
         INSERT INTO tickets (id, account_id, site_id, summary) VALUES ('00000000-0000-4000-8000-000000000003', \
            '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', 'By hand'); \
         UPDATE tickets SET state = 'SCHEDULED'; \
         UPDATE tickets SET assigned_tech_id = 't', state = 'IN_PROGRESS', incident_type = 'DOOR_WONT_LATCH'; \
         INSERT INTO evidence_items (ticket_id, kind, uri, created_by) VALUES \
            ('00000000-0000-4000-8000-000000000003', 'PHOTO', 's3://a/b', 'hand'); \
         UPDATE evidence_items SET uri = 's3://a/c'; DELETE FROM evidence_items",
    )
    .execute(&owner)
    .await
    .unwrap();
    let site = sqlx::query("SELECT country, timezone FROM sites").fetch_one(&owner).await.unwrap();
    assert_eq!(site.get::<String, _>("country"), "US");
    assert_eq!(site.get::<String, _>("timezone"), "America/Los_Angeles");
    // The engine goes on from where the repair left the ticket.
    let id = "00000000-0000-4000-8000-000000000003";
    let ticket = ok(&database.engine, Role::Dispatcher, "ticket.get", Some(id), json!({})).await;
    assert_eq!(ticket["number"], "T-10001");
    let refused = support::refused(
        &database.engine,
        Role::Technician,
        "tech.complete",
        Some(id),
        json!({"checklist_status": support::checklist(), "no_signature_reason": "x"}),
    )
    .await;
    assert_eq!(refused.refusal.field("requirement_code"), Some(&json!("MISSING_EVIDENCE")));
    let noted = ok(
        &database.engine,
        Role::Technician,
        "closeout.add_evidence",
        Some(id),
        json!({"kind": "NOTE", "uri": "s3://a/d"}),
    )
    .await;
    assert_eq!(noted["kind"], "NOTE");
    assert!(database.engine.verify_audit(None, |_| ()).await.unwrap().broken.is_empty());
}

#[tokio::test]
async fn the_database_weighs_regions_as_the_rule_does() {
    let database = Database::new().await;
    for region in ["CA", " ny ", "TX", "", "   ", "Bay Area", "x1", "\u{6771}\u{4eac}", "\u{1f6aa} door", "A\u{10ffff}"]
    {
        let weight: i32 = sqlx::query_scalar("SELECT dispatch_region_weight($1)")
            .bind(region)
            .fetch_one(database.engine.store().pool())
            .await
            .unwrap();
        assert_eq!(weight, region_weight(Some(region)), "{region:?}");
    }
    let none: i32 = sqlx::query_scalar("SELECT dispatch_region_weight(NULL)")
        .fetch_one(database.engine.store().pool())
        .await
        .unwrap();
    assert_eq!(none, 500);
}

#[tokio::test]
async fn migrating_twice_or_at_once_is_harmless_and_a_foreign_database_is_left_alone() {
    let database = Database::new().await;
    let owner = database.owner().await;
    migrate::migrate(&owner).await.unwrap();
    assert_eq!(migrate::schema(&owner).await.unwrap(), migrate::Schema::Current { version: migrate::newest() });
    let postgres = dispatch::store::databases::owner_pool(support::cluster(), "postgres").await.unwrap();
    sqlx::raw_sql("CREATE DATABASE twice").execute(&postgres).await.unwrap();
    let one = dispatch::store::databases::owner_pool(support::cluster(), "twice").await.unwrap();
    let two = dispatch::store::databases::owner_pool(support::cluster(), "twice").await.unwrap();
    assert_eq!(migrate::schema(&one).await.unwrap(), migrate::Schema::Empty);
    let (a, b) = tokio::join!(migrate::migrate(&one), migrate::migrate(&two));
    a.unwrap();
    b.unwrap();
    sqlx::raw_sql("CREATE DATABASE foreign_one").execute(&postgres).await.unwrap();
    let foreign = dispatch::store::databases::owner_pool(support::cluster(), "foreign_one").await.unwrap();
    sqlx::raw_sql("CREATE TABLE somebody (id int)").execute(&foreign).await.unwrap();
    assert_eq!(migrate::schema(&foreign).await.unwrap(), migrate::Schema::Foreign);
}
