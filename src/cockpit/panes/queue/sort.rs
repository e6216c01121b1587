//! Sorting by a column, a part between one key and the next: the names of a hundred thousand rows are not compared
//! while somebody waits for a frame. Runs are sorted, then merged two by two, and what changes meanwhile is left out
//! and put in its place at the end.

use std::cmp::Ordering;

use super::columns::Column;
use crate::cockpit::known::Known;
use crate::cockpit::rows::Marked;

/// The column, and whether it is turned round.
pub type By = (Column, bool);

/// How many rows are sorted at once.
const RUN: usize = 256;
/// About how many rows are compared between two keys.
const COMPARED: usize = 12_000;

/// How two rows stand to each other.
fn compare((column, is_turned): By, known: &Known, a: u32, b: u32) -> Ordering {
    let order = match (known.rows.line(a), known.rows.line(b)) {
        (Some(a), Some(b)) => column.compare(a, b),
        // What left stands last, until that is told.
        (a, b) => return a.is_none().cmp(&b.is_none()),
    };
    if is_turned { order.reverse() } else { order }
}

/// Takes rows out of a list and puts those that belong there where they belong, behind their equals.
pub fn put_in(by: By, known: &Known, list: &mut Vec<u32>, changed: &Marked, fitting: &[u32]) {
    list.retain(|slot| !changed.has(*slot));
    let mut fitting = fitting.to_vec();
    fitting.sort_by(|a, b| compare(by, known, *a, *b));
    let (mut all, mut from) = (Vec::with_capacity(list.len() + fitting.len()), 0);
    for slot in fitting {
        let place = list.partition_point(|other| compare(by, known, *other, slot) != Ordering::Greater).max(from);
        all.extend_from_slice(list.get(from..place).unwrap_or_default());
        all.push(slot);
        from = place;
    }
    all.extend_from_slice(list.get(from..).unwrap_or_default());
    *list = all;
}

/// A list on its way to being sorted.
#[derive(Debug)]
pub struct Sorting {
    by: By,
    /// Sorted runs of this length; none while they are made.
    run: Option<usize>,
    from: Vec<u32>,
    /// What is merged of them.
    to: Vec<u32>,
    /// Where the two runs begin that are being merged, and how far each has come.
    pair: usize,
    left: usize,
    right: usize,
    late: Marked,
}

impl Sorting {
    /// Begins with rows in the order in which equals stay.
    pub fn new(by: By, slots: Vec<u32>) -> Self {
        let to = Vec::with_capacity(slots.len());
        Self { by, run: None, from: slots, to, pair: 0, left: 0, right: 0, late: Marked::default() }
    }

    /// Leaves out rows that changed.
    pub fn leave_out(&mut self, slots: &[u32]) {
        for slot in slots {
            self.late.add(*slot);
        }
    }

    /// Goes on for a while; whether it is through.
    pub fn go_on(&mut self, known: &Known) -> bool {
        let mut left = COMPARED;
        let by = self.by;
        while left > 0 {
            let Some(run) = self.run else {
                let many = self.from.len();
                if let Some(slots) = self.from.get_mut(self.pair..(self.pair + RUN).min(many)) {
                    slots.sort_by(|a, b| compare(by, known, *a, *b));
                }
                self.pair += RUN;
                left = left.saturating_sub(RUN * RUN.ilog2() as usize);
                if self.pair >= many {
                    self.merge(RUN, 0);
                }
                continue;
            };
            if run >= self.from.len() {
                return true;
            }
            self.merge_one(run, known);
            left -= 1;
        }
        false
    }

    /// Turns to the two runs that begin here.
    fn merge(&mut self, run: usize, pair: usize) {
        (self.run, self.pair) = (Some(run), pair);
        (self.left, self.right) = (pair, pair + run);
    }

    /// Takes the next row of two runs, or turns to the next two.
    fn merge_one(&mut self, run: usize, known: &Known) {
        let end = (self.pair + 2 * run).min(self.from.len());
        let middle = (self.pair + run).min(end);
        let at = |place: usize, end: usize| self.from.get(place).copied().filter(|_| place < end);
        let (left, right) = (at(self.left, middle), at(self.right, end));
        let is_right = match (left, right) {
            // What changed would spoil the order of the others: it is only carried along.
            (Some(left), Some(right)) if self.late.has(left) || self.late.has(right) => self.late.has(right),
            (Some(left), Some(right)) => compare(self.by, known, right, left) == Ordering::Less,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (None, None) if end < self.from.len() => return self.merge(run, end),
            (None, None) => {
                std::mem::swap(&mut self.from, &mut self.to);
                self.to.clear();
                return self.merge(run * 2, 0);
            }
        };
        let taken = if is_right { right } else { left };
        *(if is_right { &mut self.right } else { &mut self.left }) += 1;
        self.to.extend(taken);
    }

    /// What was sorted, and the rows that changed meanwhile.
    pub fn end(self) -> (Vec<u32>, Vec<u32>) {
        (self.from, self.late.slots())
    }
}
