//! Which rows the queue shows, in which order: all open work as it stands, or what a filter leaves of it,
//! or another order of it.
//!
//! A filter looks at some thousand rows at a time, the worst first, between one key and the next, so the
//! top of the list is right at once however many there are.

use std::collections::HashSet;

use uuid::Uuid;

use super::sort::{self, By, Sorting};
use crate::cockpit::known::Known;
use crate::cockpit::rows::{Judged, Line, Marked, Snapshot};
use crate::domain::filter::RowFilter;

/// How many rows are looked at between two keys; at first fewer, as a key waits for its frame.
const SLICE: usize = 4_000;
const FIRST: usize = 1_500;

/// Which rows, in which order.
#[derive(Debug, Default)]
pub struct Shown {
    filter: RowFilter,
    /// The column, and whether it is turned round; none: the order of the queue.
    pub sort: Option<By>,
    /// What is not yet sorted by it: what was shown before stays until it is through.
    sorting: Option<Sorting>,
    /// Slots, where not all are shown as they stand.
    list: Option<Vec<u32>>,
    /// Of each slot whether it fits; none where that is not known yet.
    fits: Vec<Option<bool>>,
    /// How far a filter has come in the order of the queue.
    progress: Option<usize>,
    /// It looks once more at what it has seen: what is shown stays until it is through.
    is_again: bool,
    /// What a search found by words that no column has: an address, a phone number.
    found: HashSet<Uuid>,
    /// Of that, what is no open work.
    guests: Vec<Uuid>,
    /// There is more than it looked at.
    is_cut: bool,
}

impl Shown {
    /// Shows what a filter leaves. Goes on with [`Shown::go_on`].
    pub fn set_filter(&mut self, filter: RowFilter) {
        self.progress = (!filter.is_empty()).then_some(0);
        self.list = self.progress.map(|_| Vec::new());
        self.filter = filter;
        self.sorting = None;
        self.is_again = false;
        (self.found, self.guests, self.is_cut) = (HashSet::new(), Vec::new(), false);
        self.fits.clear();
    }

    /// The filter that counts.
    pub fn filter(&self) -> &RowFilter {
        &self.filter
    }

    /// Whether there are rows that the filter has not seen.
    fn is_filtering(&self) -> bool {
        self.progress.is_some() && !self.is_again
    }

    /// Whether rows are on their way to their places.
    pub fn is_sorting(&self) -> bool {
        self.sorting.is_some()
    }

    /// Whether what is shown is not yet what is wanted.
    pub fn is_working(&self) -> bool {
        self.is_filtering() || self.is_sorting()
    }

    /// Looks at the next rows, or sorts on; whether there is more to do.
    pub fn go_on(&mut self, known: &Known) -> bool {
        let Some(from) = self.progress else { return self.sort_on(known) };
        let order = known.rows.order();
        let to = from + if from == 0 { FIRST } else { SLICE };
        let slice = order.get(from..to.min(order.len())).unwrap_or_default();
        for &slot in slice {
            self.judge(known, slot);
        }
        if self.is_filtering() && self.sort.is_none() {
            let found: Vec<u32> = slice.iter().copied().filter(|slot| self.fits_at(*slot)).collect();
            self.list.get_or_insert_default().extend(found);
        }
        let is_done = to >= order.len();
        self.progress = (!is_done).then_some(to);
        if is_done {
            // Rows moved meanwhile: some passed by unseen.
            for &slot in order {
                if self.fits.get(slot as usize).copied().flatten().is_none() {
                    self.judge(known, slot);
                }
            }
            let is_again = std::mem::take(&mut self.is_again);
            let stays = is_again && self.sort.is_some() && !self.is_sorting() && self.is_same(known);
            if !stays {
                self.rearrange(known);
            }
        }
        !is_done || self.is_sorting()
    }

    /// Whether the same rows are shown that now fit.
    fn is_same(&self, known: &Known) -> bool {
        let shown = self.slots(known);
        let fitting = known.rows.order().iter().filter(|slot| self.fits_at(**slot)).count();
        shown.len() == fitting && shown.iter().all(|slot| self.fits_at(*slot))
    }

    fn sort_on(&mut self, known: &Known) -> bool {
        let Some(mut sorting) = self.sorting.take() else { return false };
        if !sorting.go_on(known) {
            self.sorting = Some(sorting);
            return true;
        }
        let (list, late) = sorting.end();
        self.list = Some(list);
        self.put_in(known, &late);
        false
    }

    /// Puts rows that changed where they belong in what is sorted.
    fn put_in(&mut self, known: &Known, slots: &[u32]) {
        let Some(by) = self.sort.filter(|_| !slots.is_empty()) else { return };
        let changed = Marked::from_iter(slots);
        let is_shown = |slot: &u32| known.rows.line(*slot).is_some() && self.fits_at(*slot);
        let fitting: Vec<u32> = changed.slots().into_iter().filter(is_shown).collect();
        sort::put_in(by, known, self.list.get_or_insert_default(), &changed, &fitting);
    }

    fn judge(&mut self, known: &Known, slot: u32) {
        let place = slot as usize;
        if self.fits.len() <= place {
            self.fits.resize(place + 1, None);
        }
        let fits = known.rows.line(slot).map(|line| {
            let (row, now) = (Judged(line, &known.bundle.policy), known.now());
            self.filter.shows(&row, now) || self.found.contains(&line.id) && self.filter.shows_but_for_words(&row, now)
        });
        if let Some(at) = self.fits.get_mut(place) {
            *at = fits;
        }
    }

    fn fits_at(&self, slot: u32) -> bool {
        self.filter.is_empty() || self.fits.get(slot as usize).copied().flatten().unwrap_or_default()
    }

    /// Heeds that rows changed.
    pub fn changed(&mut self, known: &Known, slots: &[u32]) {
        if !self.filter.is_empty() {
            for &slot in slots {
                self.judge(known, slot);
            }
        }
        if let Some(sorting) = &mut self.sorting {
            sorting.leave_out(slots);
            let gone = slots.iter().filter(|slot| known.rows.line(**slot).is_none()).collect::<Marked>();
            self.list.iter_mut().for_each(|list| list.retain(|slot| !gone.has(*slot)));
        } else if self.sort.is_some() && !self.is_filtering() {
            self.put_in(known, slots);
        } else {
            self.arrange(known);
        }
        let listed: Vec<Uuid> = self.guests.iter().copied().filter(|id| !self.is_listed(known, *id)).collect();
        self.guests = listed;
    }

    fn is_listed(&self, known: &Known, id: Uuid) -> bool {
        known.rows.slot(id).is_some_and(|slot| self.fits_at(slot))
    }

    /// Begins to look at every row again, where what the filter says depends on the time; whether there
    /// is something to go on with.
    pub fn again(&mut self, known: &Known) -> bool {
        if self.filter.depends_on_time() && self.progress.is_none() {
            (self.progress, self.is_again) = (Some(0), true);
            return true;
        }
        self.arrange(known);
        false
    }

    /// Heeds that the order of the queue changed, where rows are shown in it.
    pub fn arrange(&mut self, known: &Known) {
        if self.sort.is_none() {
            self.rearrange(known);
        }
    }

    /// Puts the rows that fit in order. A filter that is on its way does so when it is through.
    pub fn rearrange(&mut self, known: &Known) {
        self.sorting = None;
        if self.filter.is_empty() && self.sort.is_none() {
            self.list = None;
            return;
        }
        if self.is_filtering() {
            return;
        }
        let fitting: Vec<u32> = known.rows.order().iter().copied().filter(|slot| self.fits_at(*slot)).collect();
        match self.sort {
            None => self.list = Some(fitting),
            Some(by) => {
                self.sorting = Some(Sorting::new(by, fitting));
                self.sort_on(known);
            }
        }
    }

    /// Forgets every row, as they are about to be read again.
    pub fn forget(&mut self) {
        self.guests.clear();
        self.found.clear();
        self.fits.clear();
        self.sorting = None;
        if self.list.is_some() || self.sort.is_some() {
            self.list = Some(Vec::new());
        }
    }

    /// Shows what a search found beside what fits anyway: open work in its place, the rest below.
    pub fn set_found(&mut self, known: &Known, found: HashSet<Uuid>, guests: Vec<Uuid>, is_cut: bool) {
        let before = std::mem::replace(&mut self.found, found);
        (self.guests, self.is_cut) = (guests, is_cut);
        let slots: Vec<u32> = before.union(&self.found).filter_map(|id| known.rows.slot(*id)).collect();
        self.changed(known, &slots);
    }

    /// How many broken promises stand above a place, where the worst stand on top.
    pub fn breached_above(&self, known: &Known, place: usize) -> usize {
        let above = self.slots(known).get(..place).filter(|_| self.sort.is_none()).unwrap_or_default();
        let is_breached =
            |slot: &u32| known.rows.line(*slot).is_some_and(|line| !line.is_stopped() && line.deadline < known.now());
        above.partition_point(is_breached)
    }

    /// Whether the search looked at a part only of what there is.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    fn slots<'a>(&'a self, known: &'a Known) -> &'a [u32] {
        self.list.as_deref().unwrap_or_else(|| known.rows.order())
    }

    /// How many rows are shown.
    pub fn len(&self, known: &Known) -> usize {
        self.slots(known).len() + self.guests.len()
    }

    /// How many of them are open work.
    pub fn open(&self, known: &Known) -> usize {
        self.slots(known).len()
    }

    /// The row at a place.
    pub fn at<'a>(&'a self, known: &'a Known, place: usize) -> Option<&'a Line> {
        let slots = self.slots(known);
        match slots.get(place) {
            Some(slot) => known.rows.line(*slot),
            None => self.guests.get(place - slots.len()).and_then(|id| known.row(*id)),
        }
    }

    /// The place of the next row after one, and round, whose promise is broken.
    pub fn next_breach(&self, known: &Known, after: usize) -> Option<usize> {
        let breached = Marked::from_iter(known.rows.breached(&known.bundle.policy));
        let slots = self.slots(known);
        let is_breached = |place: &usize| match slots.get(*place) {
            Some(slot) => breached.has(*slot),
            None => self.at(known, *place).is_some_and(|line| !line.is_stopped() && line.deadline < known.now()),
        };
        let len = self.len(known);
        (after + 1..len).chain(0..len.min(after + 1)).find(is_breached)
    }

    /// What is shown, as it stands.
    pub fn snapshot(&self, known: &Known) -> Snapshot {
        let guests = self.guests.iter().filter_map(|id| known.row(*id).cloned()).collect();
        known.rows.snapshot(self.slots(known).to_vec(), guests)
    }

    /// The place of a ticket.
    pub fn place(&self, known: &Known, id: Uuid) -> Option<usize> {
        let slots = self.slots(known);
        let slot = known.rows.slot(id);
        let open = slot.and_then(|slot| slots.iter().position(|other| *other == slot));
        open.or_else(|| Some(slots.len() + self.guests.iter().position(|guest| *guest == id)?))
    }
}
