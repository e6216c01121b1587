//! The queue read model: pages in the order of CONTRACT.md 9.2, and the change feed.
//!
//! A page is a cut of the whole order, never a sample. Its cursor carries the moment of the first
//! page, the transactions seen by it, and the last row's place. Rows that nobody touched since are
//! paged in that order; those that were touched come after all others, in the order of their ids,
//! so that a row may repeat but none is skipped.
//!
//! * [`row`] what a row consists of, and reading it.
//! * [`place`] the order: its segments, and the place of a row in it.
//! * [`search`] which rows, and the two ways to find them: along the order, or by an index.
//! * [`feed`] what changed.

mod feed;
mod place;
mod row;
mod search;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

pub use feed::{Changes, FeedToken, Seen};
use place::Place;
use search::Search;

use super::{Store, StoreError};
use crate::domain::actor::Scope;
use crate::domain::canonical;
use crate::domain::policy::Policy;
use crate::domain::queue::{Filters, RawRow};
use crate::domain::time::Timestamp;

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The database's epoch: what was seen before a restore says nothing about after it.
    epoch: Uuid,
    /// The moment of the first page, at which every later one reads the clocks.
    moment: Timestamp,
    /// What the first page saw: a snapshot in Postgres' notation.
    snapshot: String,
    after: After,
}

/// The last row of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum After {
    /// Among the rows nobody touched.
    Place(Place),
    /// Among those touched since the first page: its id.
    Touched { id: Uuid },
}

/// What a page needs to know.
#[derive(Debug)]
pub struct PageRequest<'a> {
    pub filters: &'a Filters,
    pub scope: &'a Scope,
    pub policy: &'a Policy,
    pub limit: u32,
    pub cursor: Option<Cursor>,
}

/// A page.
#[derive(Debug)]
pub struct Page {
    pub moment: Timestamp,
    pub rows: Vec<RawRow>,
    pub next: Option<Cursor>,
    /// Where the change feed goes on from here.
    pub feed: FeedToken,
}

impl Cursor {
    /// The cursor as callers hand it back.
    pub fn encode(&self) -> String {
        canonical::to_value(self).to_string()
    }

    /// Reads a cursor that a caller handed back; none if it is not one of ours.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|cursor| feed::is_snapshot(&cursor.snapshot))
    }
}

impl Store {
    /// One page.
    pub async fn queue(&self, request: &PageRequest<'_>) -> Result<Page, StoreError> {
        let mut lane = self.lane().await?;
        let (now, feed) = feed::start(&mut lane).await?;
        // After a restore the pages begin again: rows repeat, and none is skipped.
        let cursor = request.cursor.clone().filter(|cursor| cursor.epoch == feed.epoch);
        let request = &PageRequest { cursor, ..*request };
        let (moment, snapshot) = match &request.cursor {
            Some(cursor) => (cursor.moment, cursor.snapshot.clone()),
            None => (now, feed.snapshot.clone()),
        };
        // One more than asked for tells whether there are more.
        let most = request.limit as usize + 1;
        let search = Search::new(request, moment);
        let (mut rows, mut next) = (Vec::new(), None);
        if !matches!(request.cursor, Some(Cursor { after: After::Touched { .. }, .. })) {
            rows = in_order(&mut lane, &search, most).await?;
        }
        let in_order = rows.len();
        if let Some(cursor) = request.cursor.as_ref().filter(|_| in_order < most) {
            let since = if let After::Touched { id } = cursor.after { id } else { Uuid::nil() };
            let mut touched = search.touched(&snapshot, since, most - in_order);
            rows.extend(row::read_all(&touched.build().fetch_all(&mut *lane).await?)?);
        }
        lane.keep();
        let is_more = rows.len() == most;
        rows.truncate(request.limit as usize);
        if let Some((_, place)) = rows.last().filter(|_| is_more) {
            let is_touched = rows.len() > in_order;
            let after = if is_touched { After::Touched { id: place.id } } else { After::Place(place.clone()) };
            next = Some(Cursor { epoch: feed.epoch, moment, snapshot, after });
        }
        Ok(Page { moment, rows: rows.into_iter().map(|(row, _)| row).collect(), next, feed })
    }
}

/// The next rows in order, untouched since the first page.
async fn in_order(
    connection: &mut PgConnection,
    search: &Search<'_>,
    most: usize,
) -> Result<Vec<(RawRow, Place)>, StoreError> {
    let mut rows = Vec::new();
    for way in search.ways(most) {
        rows = row::read_all(&search.statement(way, most).build().fetch_all(&mut *connection).await?)?;
        if rows.len() == most {
            break;
        }
    }
    Ok(rows)
}
