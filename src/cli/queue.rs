//! `dispatch queue`: the promises, the worst on top.

use std::collections::HashSet;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::error::CliError;
use super::offer;
use super::out::{Table, Tone, say, terminal_columns};
use super::session::Session;
use super::usage::whole;
use crate::domain::filter::RowFilter;
use crate::domain::queue::{Filter, Row, Words};
use crate::domain::refusal::Code;
use crate::domain::sla::{SlaClock, SlaStatus};
use crate::domain::time::Timestamp;
use crate::domain::words::Priority;
use crate::engine::{Caller, Desk, QueueQuery, Seen};
use crate::text::age;

/// How often a watcher asks for changes: well within the 250 ms in which they must show.
const POLL: Duration = Duration::from_millis(150);

/// Show the queue in SLA order
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dispatch --demo queue --limit 10
  dispatch --demo queue --sla breach --priority EMERGENCY
  dispatch --demo queue --filter 'phase:onsite -tech:none age:>2h'")]
pub struct QueueArgs {
    /// Only these states [default: all open ones]
    #[arg(long, value_delimiter = ',', value_parser = offer::STATES, hide_possible_values = true)]
    state: Vec<String>,
    /// Only these priorities
    #[arg(long, value_delimiter = ',', value_parser = offer::PRIORITIES, hide_possible_values = true)]
    priority: Vec<String>,
    /// Only breach, warning or healthy
    #[arg(long, value_delimiter = ',', value_parser = offer::SLA, hide_possible_values = true)]
    sla: Vec<String>,
    /// Words and fields: state: phase: pri: sla: tech: site: account: incident: region: provider:
    /// age:>2h; -field: turns it round
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// How many rows at most
    #[arg(long, default_value_t = 200, value_parser = whole(1..=1_000_000_000u32))]
    limit: u32,
    /// Stay and show every change
    #[arg(long)]
    watch: bool,
}

/// Runs `dispatch queue`.
pub async fn run(session: &mut Session, args: QueueArgs) -> Result<u8, CliError> {
    let words = |list: &[String]| (!list.is_empty()).then(|| Words::Many(list.to_vec()));
    let filter = Filter {
        state: words(&args.state),
        priority: words(&args.priority),
        sla_status: words(&args.sla),
        ..Filter::default()
    };
    let wanted =
        Wanted { rows: RowFilter::parse(args.filter.as_deref().unwrap_or_default())?, filter, limit: args.limit };
    // A wrong word is said before any database is asked.
    wanted.filter.understood(None)?;
    let caller = session.caller()?;
    let desk = session.desk().await?;
    if !args.watch {
        let (now, rows) = wanted.read(&*desk, &caller).await?;
        print(session, &rows, now)?;
        return Ok(0);
    }
    if session.out.json {
        follow(session, &wanted, &*desk, &caller).await
    } else {
        redraw(session, &wanted, &*desk, &caller).await
    }
}

struct Wanted {
    filter: Filter,
    rows: RowFilter,
    limit: u32,
}

impl Wanted {
    /// The rows asked for, paging until there are enough.
    async fn read(&self, desk: &dyn Desk, caller: &Caller) -> Result<(Timestamp, Vec<Row>), CliError> {
        let mut rows: Vec<Row> = Vec::new();
        let mut shown = HashSet::new();
        let mut query = QueueQuery { filter: self.filter.clone(), limit: Some(self.limit.min(1_000)), cursor: None };
        loop {
            let page = desk.queue(caller, &query).await?;
            let now = page.generated_at;
            let fitting = page.rows.into_iter().filter(|row| self.rows.shows(row, now));
            rows.extend(fitting.filter(|row| shown.insert(row.ticket_id)));
            if rows.len() >= self.limit as usize || page.next_cursor.is_none() {
                rows.truncate(self.limit as usize);
                return Ok((now, rows));
            }
            query.cursor = page.next_cursor;
        }
    }
}

/// Prints every row, then every change, a line each.
async fn follow(session: &mut Session, wanted: &Wanted, desk: &dyn Desk, caller: &Caller) -> Result<u8, CliError> {
    let filters = wanted.filter.understood(None)?;
    let first = desk.queue(caller, &QueueQuery { limit: Some(1), ..QueueQuery::default() }).await?;
    let mut feed = first.feed;
    let (now, rows) = wanted.read(desk, caller).await?;
    let mut seen = Seen::default();
    let mut shown: HashSet<_> = rows.iter().map(|row| row.ticket_id).collect();
    for row in &rows {
        seen.is_new(row);
    }
    print(session, &rows, now)?;
    session.out.flush()?;
    let mut view = View { as_of: Some(now), is_stale: false };
    loop {
        sleep(POLL).await;
        let Some(changes) = view.bears(desk.changes(caller, &feed).await.map_err(CliError::from))? else { continue };
        view.as_of = Some(changes.generated_at);
        for row in changes.rows.iter().filter(|row| seen.is_new(row)) {
            let fits = filters.fits(row) && wanted.rows.shows(row, changes.generated_at);
            if fits {
                shown.insert(row.ticket_id);
            }
            // A row that leaves the filter is shown once more, as it now is.
            if fits || shown.remove(&row.ticket_id) {
                session.out.json_line(row)?;
            }
        }
        for id in changes.deleted {
            seen.forget(id);
            if shown.remove(&id) {
                session.out.json_line(&json!({"ticket_id": id, "deleted": true}))?;
            }
        }
        session.out.flush()?;
        feed = changes.feed;
        if changes.starts_anew {
            // Restored: what is there now is printed whole, and what is no longer there is named.
            let (now, rows) = wanted.read(desk, caller).await?;
            seen = Seen::default();
            let there: HashSet<_> = rows.iter().map(|row| row.ticket_id).collect();
            for id in shown.difference(&there) {
                session.out.json_line(&json!({"ticket_id": id, "deleted": true}))?;
            }
            for row in &rows {
                seen.is_new(row);
            }
            print(session, &rows, now)?;
            session.out.flush()?;
            shown = there;
        }
    }
}

/// Keeps a table on the screen: drawn again on every change, and every second for the countdown.
async fn redraw(session: &mut Session, wanted: &Wanted, desk: &dyn Desk, caller: &Caller) -> Result<u8, CliError> {
    let mut feed = None;
    let mut drawn = None::<Instant>;
    let mut view = View::default();
    loop {
        let is_due = drawn.is_none_or(|at| at.elapsed() >= Duration::from_secs(1));
        let look = async {
            let (next, has_changed) = if let Some(since) = &feed {
                let changes = desk.changes(caller, since).await?;
                (changes.feed, !changes.rows.is_empty() || !changes.deleted.is_empty())
            } else {
                let first = QueueQuery { limit: Some(1), ..QueueQuery::default() };
                (desk.queue(caller, &first).await?.feed, true)
            };
            let read = if is_due || has_changed { Some(wanted.read(desk, caller).await?) } else { None };
            Ok((next, read))
        };
        if let Some((next, read)) = view.bears(look.await)? {
            feed = Some(next);
            if let Some((now, rows)) = read {
                session.out.line("\x1b[H\x1b[2J")?;
                print(session, &rows, now)?;
                session.out.flush()?;
                (drawn, view.as_of) = (Some(Instant::now()), Some(now));
            }
        }
        sleep(POLL).await;
    }
}

/// What a watcher shows, which may be older than now.
#[derive(Default)]
struct View {
    /// None before anything was shown.
    as_of: Option<Timestamp>,
    is_stale: bool,
}

impl View {
    /// Bears with a database that goes away: none meanwhile, and how old the view is is said once.
    fn bears<T>(&mut self, looked: Result<T, CliError>) -> Result<Option<T>, CliError> {
        match (looked, self.as_of) {
            (Err(CliError::Refused(refused)), Some(as_of)) if refused.refusal.code() == Code::Unavailable => {
                if !std::mem::replace(&mut self.is_stale, true) {
                    say(&format!("The database cannot be reached: this is as of {as_of}. Waiting for it …"));
                }
                Ok(None)
            }
            (looked, _) => {
                if looked.is_ok() && std::mem::take(&mut self.is_stale) {
                    say("The database is back.");
                }
                looked.map(Some)
            }
        }
    }
}

fn tone(status: SlaStatus) -> (Tone, &'static str) {
    match status {
        SlaStatus::Breach => (Tone::Bad, "▲"),
        SlaStatus::Warning => (Tone::Warn, "◆"),
        SlaStatus::Healthy => (Tone::Good, "●"),
    }
}

/// Prints rows: for people a table and how many of each there are, else a line of JSON each.
pub fn print(session: &mut Session, rows: &[Row], now: Timestamp) -> Result<(), CliError> {
    if session.out.json {
        return rows.iter().try_for_each(|row| session.out.json_line(row));
    }
    table(session, rows, now)?;
    counts(session, rows)
}

/// Prints rows as a table.
pub fn table(session: &mut Session, rows: &[Row], now: Timestamp) -> Result<(), CliError> {
    let columns = terminal_columns();
    let is_narrow = columns < 120;
    let headings: &[&str] = if is_narrow {
        &[" ", ">SLA", "PRI", "STATE", "TICKET", "SITE", "SUMMARY"]
    } else {
        &[" ", ">SLA", "PRI", "STATE", "TICKET", "SITE", "TECH", "START", "UPD", "SUMMARY"]
    };
    let mut table = Table::new(headings);
    let short_of = |text: &str, room: usize| crate::text::cut(&crate::text::plain(text), room).into_owned();
    for row in rows {
        let (tone, mark) = tone(row.sla_status);
        let paused = if row.sla_clock == SlaClock::Stopped { "=" } else { mark };
        let press = if row.priority == Priority::Emergency { Tone::Strong } else { Tone::Plain };
        let state = row.state.as_str().replace('_', " ");
        let state = if columns < 150 { short_of(&state, 18) } else { state };
        let site = short_of(&row.site.name, if is_narrow { 18 } else { 24 });
        let front = [
            (tone, paused),
            (tone, row.sla_timer_remaining.as_str()),
            (press, short(row.priority)),
            (Tone::Plain, &state),
            (Tone::Strong, &row.number),
            (Tone::Plain, &site),
        ];
        let [paused, timer, priority, state, number, site] = front;
        if is_narrow {
            table.row([paused, timer, priority, state, number, site, (Tone::Plain, &row.summary)]);
            continue;
        }
        let start = row.scheduled_start.map(|at| at.utc().format("%d %b %H:%MZ").to_string());
        table.row([
            paused,
            timer,
            priority,
            state,
            number,
            site,
            (Tone::Plain, row.assigned_tech_name.as_deref().unwrap_or("—")),
            (Tone::Muted, start.as_deref().unwrap_or("—")),
            (Tone::Muted, &age((now.millis() - row.last_update_at.millis()) / 1_000)),
            (Tone::Plain, &row.summary),
        ]);
    }
    session.out.table(&table)
}

/// Says how many rows of each kind there are.
pub fn counts(session: &mut Session, rows: &[Row]) -> Result<(), CliError> {
    let count = |status| rows.iter().filter(|row| row.sla_status == status).count();
    let line = format!(
        "{} tickets: {} breached ▲, {} about to ◆, {} healthy ●   (= clock stands still)",
        rows.len(),
        count(SlaStatus::Breach),
        count(SlaStatus::Warning),
        count(SlaStatus::Healthy),
    );
    session.out.line(&line)
}

const fn short(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency => "EMR",
        Priority::Urgent => "URG",
        Priority::Routine => "RTN",
    }
}
