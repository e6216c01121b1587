//! `bench queue`: reads of the queue on the database at hand, beside one index-only read of 200 rows.
//!
//! Nothing is written, so it may be run on a database that people work on; what they change
//! meanwhile is left out of the comparison with a sort in memory.

use std::collections::BTreeSet;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{BenchError, Machine, Times, ratio};
use crate::domain::actor::{Actor, Role};
use crate::domain::queue::{Filter, Row, Words};
use crate::domain::state::State;
use crate::engine::{Call, Caller, Desk, Engine, QueueQuery};

/// Rows of a page, as QUALITY.md asks.
const PAGE: u32 = 200;
/// Answers asked for before anything is measured: connections open, statements are planned.
const WARM_UP: usize = 30;

/// One kind of read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    pub name: &'static str,
    /// What is read.
    pub what: &'static str,
    pub reads: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub worst_ms: f64,
    /// What the 99th in a hundred may take.
    pub goal_p99_ms: f64,
    pub yardstick: &'static str,
    pub yardstick_p50_ms: f64,
    /// Median beside median.
    pub ratio: f64,
    pub machine: Machine,
}

impl Figure {
    /// Whether the figure keeps to its goal.
    pub fn is_met(&self) -> bool {
        self.p99_ms <= self.goal_p99_ms
    }
}

/// Everything that was found.
#[derive(Debug)]
pub struct Report {
    pub open: i64,
    pub closed: i64,
    pub figures: Vec<Figure>,
    /// Rows that did not stand where a sort in memory puts them.
    pub misplaced: usize,
}

/// Measures each kind of read so many times.
pub async fn run(engine: &Engine, rounds: usize, mut told: impl FnMut(&str)) -> Result<Report, BenchError> {
    let pool = engine.store().pool();
    let machine = Machine::here(pool).await?;
    let (open, closed) = engine.store().count_tickets().await?;
    let yardstick = yardstick(pool, rounds).await?;
    let reader = Reader { engine, who: Caller::local(Actor::local("bench", Role::Dispatcher)) };
    let mut figures = Vec::new();
    let mut add = |what, goal_p99_ms, times: &Times| {
        figures.push(Figure {
            name: "queue",
            what,
            reads: times.len(),
            p50_ms: times.percentile_ms(50),
            p99_ms: times.percentile_ms(99),
            worst_ms: times.percentile_ms(100),
            goal_p99_ms,
            yardstick: "one index-only read of 200 rows",
            yardstick_p50_ms: yardstick.percentile_ms(50),
            ratio: ratio(times.percentile_ms(50), yardstick.percentile_ms(50)),
            machine: machine.clone(),
        });
    };
    told("the first page …");
    let first = QueueQuery { limit: Some(PAGE), ..QueueQuery::default() };
    add("first page", 3.0, &reader.pages(&vec![first; rounds]).await?);
    told("every later page …");
    let (pages, rows, misplaced) = reader.through().await?;
    add("later pages", 3.0, &pages);
    let sample = Sample::of(&rows, rounds);
    told("filters …");
    for (what, queries) in sample.queries(&reader).await? {
        add(what, 30.0, &reader.pages(&queries).await?);
    }
    told("timelines …");
    add("timeline of a ticket", 5.0, &reader.timelines(&sample).await?);
    told("technicians with their open load …");
    add("200 technicians with their open load", 30.0, &reader.loads(rounds).await?);
    Ok(Report { open, closed, figures, misplaced })
}

/// The first entries of the queue's index, and nothing of the table.
async fn yardstick(pool: &PgPool, rounds: usize) -> Result<Times, BenchError> {
    let mut connection = pool.acquire().await?;
    let mut times = Times::default();
    for round in 0..rounds + WARM_UP {
        let began = Instant::now();
        sqlx::query(
            "SELECT queue_minute, id FROM tickets WHERE queue_class = 0 \
             ORDER BY queue_minute, priority, region_weight, queue_update, id LIMIT 200",
        )
        .fetch_all(&mut *connection)
        .await?;
        if round >= WARM_UP {
            times.push(began.elapsed());
        }
    }
    Ok(times)
}

struct Reader<'a> {
    engine: &'a Engine,
    who: Caller,
}

impl Reader<'_> {
    /// How long each of these pages takes.
    async fn pages(&self, queries: &[QueueQuery]) -> Result<Times, BenchError> {
        let mut times = Times::default();
        for query in queries.iter().cycle().take(WARM_UP) {
            self.engine.queue(&self.who, query).await?;
        }
        for query in queries {
            let began = Instant::now();
            self.engine.queue(&self.who, query).await?;
            times.push(began.elapsed());
        }
        Ok(times)
    }

    /// Pages through the whole queue: how long each page after the first takes, all rows, and how
    /// many of them do not stand where a sort in memory puts them.
    async fn through(&self) -> Result<(Times, Vec<Row>, usize), BenchError> {
        let mut times = Times::default();
        let mut query = QueueQuery { limit: Some(PAGE), ..QueueQuery::default() };
        let mut rows: Vec<Row> = Vec::new();
        // The first time through fills the caches, the second is measured.
        for is_measured in [false, true] {
            rows.clear();
            query.cursor = None;
            loop {
                let began = Instant::now();
                let page = self.engine.queue(&self.who, &query).await?;
                if is_measured && query.cursor.is_some() {
                    times.push(began.elapsed());
                }
                rows.extend(page.rows);
                query.cursor = page.next_cursor;
                if query.cursor.is_none() {
                    break;
                }
            }
        }
        let mut sorted: Vec<&Row> = rows.iter().collect();
        sorted.sort_by(|a, b| a.rank.cmp(&b.rank));
        let misplaced = sorted.iter().zip(&rows).filter(|(a, b)| a.ticket_id != b.ticket_id).count();
        Ok((times, rows, misplaced))
    }

    async fn timelines(&self, sample: &Sample) -> Result<Times, BenchError> {
        let mut times = Times::default();
        for (n, id) in sample.tickets.iter().cycle().take(WARM_UP + sample.tickets.len()).enumerate() {
            let began = Instant::now();
            self.engine.call(Call::new(&self.who, "ticket.timeline", Some(&id.to_string()), json!({}))).await?;
            if n >= WARM_UP {
                times.push(began.elapsed());
            }
        }
        Ok(times)
    }

    async fn loads(&self, rounds: usize) -> Result<Times, BenchError> {
        let mut times = Times::default();
        for round in 0..rounds + WARM_UP {
            let began = Instant::now();
            self.engine.call(Call::new(&self.who, "directory.search", Some("technicians"), json!({}))).await?;
            if round >= WARM_UP {
                times.push(began.elapsed());
            }
        }
        Ok(times)
    }

    async fn ticket(&self, id: Uuid) -> Result<Value, BenchError> {
        Ok(self.engine.call(Call::new(&self.who, "ticket.get", Some(&id.to_string()), json!({}))).await?.json())
    }
}

/// Tickets spread over the whole queue, and what is asked about them.
struct Sample {
    tickets: Vec<Uuid>,
    technicians: Vec<String>,
    sites: Vec<Uuid>,
    /// Words of what is read on the rows.
    said: BTreeSet<String>,
}

impl Sample {
    fn of(rows: &[Row], size: usize) -> Self {
        let step = (rows.len() / size.max(1)).max(1);
        let some: Vec<&Row> = rows.iter().step_by(step).take(size).collect();
        let technicians: BTreeSet<&String> = some.iter().filter_map(|row| row.assigned_tech.as_ref()).collect();
        let sites: BTreeSet<Uuid> = some.iter().map(|row| row.site.id).collect();
        let said = some.iter().flat_map(|row| [row.summary.as_str(), row.site.name.as_str(), row.number.as_str()]);
        Self {
            tickets: some.iter().map(|row| row.ticket_id).collect(),
            technicians: technicians.into_iter().cloned().collect(),
            sites: sites.into_iter().collect(),
            said: said.flat_map(str::split_whitespace).map(str::to_owned).take(4 * size).collect(),
        }
    }

    async fn queries(&self, reader: &Reader<'_>) -> Result<Vec<(&'static str, Vec<QueueQuery>)>, BenchError> {
        let mut names = Vec::new();
        let mut phones = Vec::new();
        for id in self.tickets.iter().take(self.tickets.len().min(100)) {
            let ticket = reader.ticket(*id).await?;
            names.extend(ticket["customer_name"].as_str().map(str::to_owned));
            let digits = ticket["customer_phone"].as_str().unwrap_or_default();
            let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
            phones.extend(
                digits.get(digits.len().saturating_sub(7)..).filter(|tail| !tail.is_empty()).map(str::to_owned),
            );
        }
        let of = |filter| QueueQuery { filter, limit: Some(PAGE), cursor: None };
        let one = |word: &str| Some(Words::One(word.to_owned()));
        let by_state = |state: &State| of(Filter { state: one(state.as_str()), ..Filter::default() });
        let by_words = |q: &String| of(Filter { q: Some(q.clone()), ..Filter::default() });
        let by_technician = |id: &String| of(Filter { assigned_tech_id: one(id), ..Filter::default() });
        let by_site = |id: &Uuid| of(Filter { site_id: one(&id.to_string()), ..Filter::default() });
        let states: Vec<QueueQuery> = State::ALL.iter().map(by_state).cycle().take(10 * State::ALL.len()).collect();
        let all = vec![
            ("filter by state", states),
            ("filter by technician", self.technicians.iter().map(by_technician).collect()),
            ("filter by site", self.sites.iter().map(by_site).collect()),
            ("filter by a word", self.said.iter().map(by_words).collect()),
            ("filter by a customer's name", names.iter().map(by_words).collect()),
            ("filter by phone digits", phones.iter().map(by_words).collect()),
        ];
        Ok(all.into_iter().filter(|(_, queries): &(_, Vec<QueueQuery>)| !queries.is_empty()).collect())
    }
}
