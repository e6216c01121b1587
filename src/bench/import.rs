//! `bench import`: requests a second from a file to tickets, validated, judged and audited, beside
//! COPY of the very rows that came of it into the same tables.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::TryStreamExt;
use serde::Serialize;
use serde_json::json;
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{Connection, PgPool};
use uuid::Uuid;

use super::{BenchError, Machine, median, scratch};
use crate::domain::actor::{Actor, Role};
use crate::engine::open::Opening;
use crate::engine::{Caller, Engine};
use crate::import::load::{Counts, LoadError, Plan, Watcher, load};
use crate::import::mapping::{Mapping, Rejected};
use crate::import::read::Source;
use crate::store::StoreError;

/// Requests in the file.
pub const REQUESTS: usize = 20_000;
/// Requests a site makes.
const REQUESTS_A_SITE: usize = 20;
/// Each side is measured so often, in turns.
pub const ROUNDS: usize = 3;

/// What an import writes, in an order in which it may be written.
const TABLES: [&str; 7] = [
    "accounts",
    "sites",
    "tickets",
    "audit_events",
    "ticket_state_transitions",
    "idempotency_keys",
    "audit_chain_heads",
];

/// What was measured: the median of the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    pub name: &'static str,
    pub requests: usize,
    pub requests_per_second: f64,
    /// The same rows by COPY, counted in requests.
    pub yardstick_per_second: f64,
    pub ratio: f64,
    pub machine: Machine,
}

/// Measures. The databases and the file are removed at the end, also after a failure.
pub async fn run(opening: &Opening) -> Result<Figure, BenchError> {
    let path = std::env::temp_dir().join(format!("dispatch-bench-{}.ndjson", Uuid::new_v4()));
    let measured = measure(opening, &path).await;
    let _ = std::fs::remove_file(&path);
    scratch::remove(opening).await?;
    measured
}

async fn measure(opening: &Opening, path: &PathBuf) -> Result<Figure, BenchError> {
    std::fs::write(path, requests()).map_err(|error| failed(&error))?;
    let (mut ours, mut theirs, mut ratios, mut machine) = (Vec::new(), Vec::new(), Vec::new(), None);
    for _ in 0..ROUNDS {
        let engine = scratch::make(opening, scratch::OURS, 4).await?;
        let began = Instant::now();
        import(&engine, path).await?;
        let took = began.elapsed().as_secs_f64();
        let rows = rows_of(engine.store().pool()).await?;
        machine = Some(Machine::here(engine.store().pool()).await?);
        engine.store().close().await;
        let yardstick = scratch::make(opening, scratch::YARDSTICK, 4).await?;
        let began = Instant::now();
        copy(yardstick.store().pool(), &rows).await?;
        let took_copy = began.elapsed().as_secs_f64();
        yardstick.store().close().await;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
        let requests = REQUESTS as f64;
        ours.push(requests / took);
        theirs.push(requests / took_copy);
        ratios.push(took_copy / took);
    }
    let machine = machine.ok_or_else(|| failed(&"no round was measured"))?;
    Ok(Figure {
        name: "import",
        requests: REQUESTS,
        requests_per_second: median(ours).round(),
        yardstick_per_second: median(theirs).round(),
        ratio: (median(ratios) * 100.0).round() / 100.0,
        machine,
    })
}

fn failed(error: &dyn std::fmt::Display) -> BenchError {
    BenchError::Store(StoreError::Files(error.to_string()))
}

/// A file of requests, always the same: a customer with a thousand sites, over a year.
fn requests() -> String {
    const DOORS: [&str; 5] = ["Front entrance", "Dock door 4", "Stair door", "Garage door", "Server room door"];
    const FAULTS: [(&str, &str, &str); 5] = [
        ("does not latch", "DOOR_WONT_LATCH", "ROUTINE"),
        ("slams", "CLOSER_LEAKING_OR_SLAMMING", "ROUTINE"),
        ("stops halfway", "AUTO_OPERATOR_FAULT", "URGENT"),
        ("cannot be locked", "CANNOT_SECURE_ENTRY", "EMERGENCY"),
        ("has a cracked pane", "FRAME_OR_GLASS_DAMAGE", "URGENT"),
    ];
    let mut text = String::new();
    let begin = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
    for n in 0..REQUESTS {
        let site = n * 7_919 % (REQUESTS / REQUESTS_A_SITE);
        let (fault, kind, priority) = FAULTS[n / 5 % FAULTS.len()];
        let request = json!({
            "id": format!("R-{n:06}"),
            "at": (begin + chrono::TimeDelta::minutes(i64::try_from(n).unwrap_or(0) * 26)).to_rfc3339(),
            "what": format!("{} {fault}", DOORS[n % DOORS.len()]),
            "more": format!("Reported by the night shift for the {} time, please call before you come.", n % 9 + 2),
            "where": format!("{} Harbor Street", 100 + site),
            "city": "San Francisco",
            "kind": kind,
            "priority": priority,
        });
        let _ = writeln!(text, "{request}");
    }
    text
}

struct Silent;

impl Watcher for Silent {
    fn rejected(&mut self, row: &Rejected) -> io::Result<()> {
        Err(io::Error::other(format!("line {} was rejected: {}", row.line, row.reason)))
    }

    fn progress(&mut self, _: &Counts) {}
}

/// Our side: from the file to committed tickets.
async fn import(engine: &Engine, path: &Path) -> Result<(), BenchError> {
    let file = Source::open(path).map_err(|error| failed(&error))?;
    let mut mapping = Mapping::default();
    for (field, column) in [
        ("source_id", "id"),
        ("created_at", "at"),
        ("summary", "what"),
        ("description", "more"),
        ("address", "where"),
        ("city", "city"),
        ("incident_type", "kind"),
        ("priority", "priority"),
    ] {
        mapping.set(field, column).map_err(|error| failed(&error))?;
    }
    let plan = Plan {
        file: &file,
        mapping: &mapping,
        source: "bench",
        account: Some("Harbor Foods"),
        include_closed: false,
        dry_run: false,
    };
    let caller = Caller::local(Actor::local("bench", Role::Dispatcher));
    match load(engine, &caller, &plan, &mut Silent).await {
        Ok(_) => Ok(()),
        Err(LoadError::Refused(refused)) => Err(refused.into()),
        Err(LoadError::Store(error)) => Err(error.into()),
        Err(other) => Err(failed(&other)),
    }
}

/// The rows of every table, as COPY gives them: the statement that takes them, and the rows.
async fn rows_of(pool: &PgPool) -> Result<Vec<(String, Vec<Vec<u8>>)>, BenchError> {
    let mut all = Vec::new();
    for table in TABLES {
        let columns: String = sqlx::query_scalar(
            "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute \
             WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        )
        .bind(table)
        .fetch_one(pool)
        .await?;
        let chunks = pool.copy_out_raw(&format!("COPY {table} ({columns}) TO STDOUT")).await?;
        let rows: Vec<Vec<u8>> = chunks.map_ok(|chunk| chunk.to_vec()).try_collect().await?;
        all.push((format!("COPY {table} ({columns}) FROM STDIN"), rows));
    }
    Ok(all)
}

/// The yardstick: the same rows into the same tables, each by one COPY, all in one transaction.
async fn copy(pool: &PgPool, rows: &[(String, Vec<Vec<u8>>)]) -> Result<(), BenchError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    sqlx::query("DELETE FROM audit_chain_heads").execute(&mut *transaction).await?;
    for (statement, rows) in rows {
        let mut copy = transaction.copy_in_raw(statement).await?;
        for part in rows.chunks(256) {
            copy.send(part.concat()).await?;
        }
        copy.finish().await?;
    }
    Ok(transaction.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_always_the_same_and_names_as_many_sites_as_it_should() {
        let text = requests();
        assert_eq!(text, requests());
        assert_eq!(text.lines().count(), REQUESTS);
        let place = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["where"].to_string();
        let places: std::collections::BTreeSet<String> = text.lines().map(place).collect();
        assert_eq!(places.len(), REQUESTS / REQUESTS_A_SITE);
    }
}
