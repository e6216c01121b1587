//! Which rows a page holds, and the ways to find them.
//!
//! Without narrowing, a page is read along the order. Where a filter leaves out most rows that would
//! be a long way: then a stretch of the order is tried first, which is enough where many rows fit,
//! and after it the index that leads to the few that do.

use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::place::{self, Branch, Clock, Segment};
use super::row::{BESIDE, COLUMNS};
use super::{After, PageRequest};
use crate::domain::actor::Reach;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// Rows of the order that are looked at before an index is asked: where one in five fits, they fill a
/// page of the usual length.
const STRETCH: usize = 1_000;

/// A way to find the rows of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Along the order, as far as it takes.
    Order,
    /// Along the order, a stretch of it.
    Stretch,
    /// Along the order of the tickets whose clock runs, which come before all others, with what the
    /// index of words found in hand.
    Running,
    /// Through an index to every row that fits.
    Index,
}

/// A search for a page.
#[derive(Debug)]
pub(super) struct Search<'a> {
    request: &'a PageRequest<'a>,
    clock: Clock,
    /// What is asked for by words.
    words: Option<Words>,
}

/// Words that are asked for.
#[derive(Debug, PartialEq, Eq)]
enum Words {
    /// Each must be the beginning of a word.
    Each(String),
    /// A ticket's number, or the digits of a phone number: the beginning of a word as it is.
    Whole(String),
}

impl Words {
    fn of(q: &str) -> Self {
        let digits: String = q.chars().filter(char::is_ascii_digit).collect();
        let parts = q.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).count();
        let like_a_phone = q.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
        let number = q.to_lowercase();
        if number.strip_prefix("t-").is_some_and(|rest| !rest.is_empty() && rest == digits) {
            Self::Whole(number)
        } else if like_a_phone && parts > 1 && digits.len() >= 5 {
            Self::Whole(digits)
        } else {
            Self::Each(q.to_owned())
        }
    }

    /// What the index of words is asked, as an expression.
    fn query(&self, sql: &mut QueryBuilder<Postgres>) {
        sql.push("(SELECT string_agg('''' || word || ''':*', ' & ')::tsquery FROM unnest(");
        match self {
            Self::Each(text) => sql.push("dispatch_words(").push_bind(text.clone()).push(")"),
            Self::Whole(word) => sql.push("ARRAY[").push_bind(word.clone()).push("::text]"),
        };
        sql.push(") word)");
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(request: &'a PageRequest<'a>, moment: Timestamp) -> Self {
        let soon = moment.plus_minutes(request.policy.sla.warning_minutes);
        Self { request, clock: Clock { now: moment, soon }, words: request.filters.q.as_deref().map(Words::of) }
    }

    /// The ways to try, until one fills the page.
    pub(super) fn ways(&self, most: usize) -> Vec<Way> {
        let filters = self.request.filters;
        let scope = self.request.scope;
        let has_index = self.words.is_some()
            || !filters.assigned_tech_id.is_empty()
            || !filters.site_id.is_empty()
            || !filters.account_id.is_empty()
            || scope.accounts.ids().is_some()
            || scope.sites.ids().is_some();
        if !has_index {
            return vec![Way::Order];
        }
        let has_running = self.segments().any(Segment::is_running);
        [
            // Of a longer page it would not be enough.
            (Way::Stretch, most < STRETCH / 2),
            (Way::Running, self.words.is_some() && !self.has_place() && has_running),
            (Way::Index, true),
        ]
        .into_iter()
        .filter_map(|(way, is_worth_it)| is_worth_it.then_some(way))
        .collect()
    }

    /// The statement for at most so many rows.
    pub(super) fn statement(&self, way: Way, most: usize) -> QueryBuilder<Postgres> {
        let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS}, t.segment FROM ("));
        match way {
            Way::Order => self.along_the_order(way, most, &mut sql),
            Way::Stretch => {
                sql.push("SELECT t.* FROM (");
                self.along_the_order(way, STRETCH, &mut sql);
                sql.push(") t WHERE true");
                self.few(&mut sql);
                place::order(&mut sql);
                limit(most, &mut sql);
            }
            Way::Running => {
                sql.push("WITH hits AS MATERIALIZED (SELECT ticket_id FROM ticket_words WHERE is_open AND words @@ ");
                if let Some(words) = &self.words {
                    words.query(&mut sql);
                }
                sql.push(") SELECT t.*, k.segment FROM (");
                self.along_the_order(way, most, &mut sql);
                sql.push(") k JOIN tickets t ON t.id = k.id");
            }
            Way::Index => self.through_an_index(most, &mut sql),
        }
        sql.push(format_args!(") t {BESIDE}"));
        place::order(&mut sql);
        sql
    }

    /// The segments that are still to be read.
    fn segments(&self) -> impl Iterator<Item = Segment> {
        let statuses = &self.request.filters.sla_status;
        let from = self.after().map_or(0, |place| place.segment);
        Segment::ALL.into_iter().filter(move |segment| {
            segment.number() >= from && (statuses.is_empty() || statuses.contains(&segment.status()))
        })
    }

    fn after(&self) -> Option<&place::Place> {
        match self.request.cursor.as_ref().map(|cursor| &cursor.after) {
            Some(After::Place(place)) => Some(place),
            _ => None,
        }
    }

    /// Segment after segment, branch beside branch, each read in the order of its index.
    fn along_the_order(&self, way: Way, most: usize, sql: &mut QueryBuilder<Postgres>) {
        let states = self.request.filters.states();
        let mut is_first = true;
        for segment in self.segments().filter(|segment| way != Way::Running || segment.is_running()) {
            let branches = segment.branches(states);
            if branches.is_empty() {
                continue;
            }
            sql.push(if is_first { "(SELECT t.* FROM (" } else { " UNION ALL (SELECT t.* FROM (" });
            for (n, branch) in branches.iter().enumerate() {
                sql.push(if n == 0 { "(" } else { " UNION ALL (" });
                self.branch(way, segment, branch, most, sql);
                sql.push(")");
            }
            sql.push(") t");
            place::order_within(sql);
            sql.push(")");
            is_first = false;
        }
        if is_first {
            sql.push("SELECT t.*, 0 AS segment FROM tickets t WHERE false");
        }
        limit(most, sql);
    }

    fn branch(&self, way: Way, segment: Segment, branch: &Branch, most: usize, sql: &mut QueryBuilder<Postgres>) {
        // What the index holds is all that a search looks at.
        let columns = if way == Way::Running { place::COLUMNS } else { "t.*" };
        sql.push(format_args!("SELECT {columns}, {} AS segment FROM tickets t WHERE ", segment.number()));
        branch.bound(sql);
        segment.bound(self.clock, sql);
        if let Some(place) = self.after().filter(|place| place.segment == segment.number()) {
            place::after(place, false, sql);
        }
        self.untouched(sql);
        self.many(sql);
        if way == Way::Running {
            // Too few to fill a page: then all of them are looked for. In the second form the planner
            // keeps the hits at hand and asks row by row.
            sql.push(" AND (SELECT count(*) FROM hits) >= ").push_bind(i64::try_from(most).unwrap_or(i64::MAX));
            sql.push(" AND (t.id IN (SELECT ticket_id FROM hits)) IS TRUE");
            self.places(sql);
        }
        place::order_within(sql);
        limit(most, sql);
    }

    /// Every fitting row, then the first of them.
    fn through_an_index(&self, most: usize, sql: &mut QueryBuilder<Postgres>) {
        let by_words = self.words.as_ref().filter(|_| !self.has_place());
        sql.push("SELECT t.* FROM (SELECT t.*, ");
        place::segment_of_row(self.clock, sql);
        sql.push(" AS segment FROM ");
        if let Some(words) = by_words {
            sql.push("(SELECT ticket_id FROM ticket_words WHERE is_open AND words @@ ");
            words.query(sql);
            if self.request.filters.states().iter().any(|state| !State::OPEN.contains(state)) {
                sql.push(" UNION ALL SELECT ticket_id FROM ticket_words WHERE NOT is_open AND words @@ ");
                words.query(sql);
            }
            sql.push(") w JOIN tickets t ON t.id = w.ticket_id WHERE true");
        } else {
            sql.push("tickets t WHERE true");
        }
        self.states(sql);
        self.untouched(sql);
        self.many(sql);
        if by_words.is_some() {
            self.places(sql);
        } else {
            self.few(sql);
        }
        sql.push(") t WHERE true");
        self.in_segments(sql);
        if let Some(place) = self.after() {
            place::after(place, true, sql);
        }
        place::order(sql);
        limit(most, sql);
    }

    /// The rows that somebody touched since the first page, after one of them.
    pub(super) fn touched(&self, snapshot: &str, since: Uuid, most: usize) -> QueryBuilder<Postgres> {
        let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS}, t.segment FROM (SELECT t.*, "));
        place::segment_of_row(self.clock, &mut sql);
        sql.push(" AS segment FROM tickets t WHERE t.changed_xid >= pg_snapshot_xmin(");
        sql.push_bind(snapshot.to_owned())
            .push("::pg_snapshot) AND NOT pg_visible_in_snapshot(t.changed_xid, (SELECT ");
        sql.push_bind(snapshot.to_owned()).push("::pg_snapshot))");
        self.states(&mut sql);
        self.many(&mut sql);
        self.few(&mut sql);
        // The fence keeps the planner from walking all tickets in the order of their ids.
        sql.push(format_args!(" OFFSET 0) t {BESIDE} WHERE t.id > "));
        sql.push_bind(since);
        self.in_segments(&mut sql);
        sql.push(" ORDER BY t.id");
        limit(most, &mut sql);
        sql
    }

    fn states(&self, sql: &mut QueryBuilder<Postgres>) {
        let names: Vec<&str> = self.request.filters.states().iter().map(|state| state.as_str()).collect();
        sql.push(format_args!(" AND t.state IN ('{}')", names.join("', '")));
    }

    fn in_segments(&self, sql: &mut QueryBuilder<Postgres>) {
        if !self.request.filters.sla_status.is_empty() {
            let segments: Vec<i32> = self.segments().map(Segment::number).collect();
            sql.push(" AND t.segment = ANY(").push_bind(segments).push(")");
        }
    }

    /// Left to a further part of the paging: what somebody touched since the first page.
    fn untouched(&self, sql: &mut QueryBuilder<Postgres>) {
        if let Some(cursor) = &self.request.cursor {
            // Within a query of its own, so that the text is read once and not for every row.
            sql.push(" AND pg_visible_in_snapshot(t.changed_xid, (SELECT ");
            sql.push_bind(cursor.snapshot.clone()).push("::pg_snapshot))");
        }
    }

    /// Filters that leave many rows.
    fn many(&self, sql: &mut QueryBuilder<Postgres>) {
        let filters = self.request.filters;
        if !filters.priority.is_empty() {
            let words: Vec<&str> = filters.priority.iter().map(|priority| priority.as_str()).collect();
            sql.push(format_args!(" AND t.priority IN ('{}')", words.join("', '")));
        }
        if !filters.incident_type.is_empty() {
            sql.push(" AND upper(btrim(t.incident_type)) IN (SELECT upper(x) FROM unnest(");
            sql.push_bind(filters.incident_type.clone()).push("::text[]) x)");
        }
    }

    /// Filters that leave few rows, each behind an index.
    fn few(&self, sql: &mut QueryBuilder<Postgres>) {
        self.places(sql);
        if let Some(words) = &self.words {
            // Row by row: the planner has no other way to read it.
            sql.push(" AND (SELECT w.words @@ ");
            words.query(sql);
            sql.push(" FROM ticket_words w WHERE w.ticket_id = t.id)");
        }
    }

    /// Whether rows are narrowed to technicians, sites or accounts.
    fn has_place(&self) -> bool {
        let filters = self.request.filters;
        !filters.assigned_tech_id.is_empty() || !filters.site_id.is_empty() || !filters.account_id.is_empty()
    }

    fn places(&self, sql: &mut QueryBuilder<Postgres>) {
        let filters = self.request.filters;
        if !filters.assigned_tech_id.is_empty() {
            sql.push(" AND t.assigned_tech_id = ANY(").push_bind(filters.assigned_tech_id.clone()).push(")");
        }
        let asked = |ids: &Vec<Uuid>| Some(ids.clone()).filter(|ids| !ids.is_empty());
        let scope = |reach: &Reach| reach.ids().map(<[Uuid]>::to_vec);
        for sites in [asked(&filters.site_id), scope(&self.request.scope.sites)].into_iter().flatten() {
            sql.push(" AND t.site_id = ANY(").push_bind(sites).push(")");
        }
        for accounts in [asked(&filters.account_id), scope(&self.request.scope.accounts)].into_iter().flatten() {
            sql.push(" AND t.account_id = ANY(").push_bind(accounts).push(")");
        }
    }
}

fn limit(most: usize, sql: &mut QueryBuilder<Postgres>) {
    sql.push(" LIMIT ").push_bind(i64::try_from(most).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_groups_are_a_phone_number_and_t_with_digits_is_a_tickets() {
        assert_eq!(Words::of("(415) 555-0123"), Words::Whole("4155550123".into()));
        assert_eq!(Words::of("T-10423"), Words::Whole("t-10423".into()));
        for q in ["10423", "T-", "t-1x", "12 Main", "1 2", "door"] {
            assert_eq!(Words::of(q), Words::Each(q.into()));
        }
    }
}
