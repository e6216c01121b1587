//! Where the rows lie: in blocks, so that a hundred thousand of them never have to move to a larger place,
//! which would take their room three times over while they do. A block that somebody else holds as it was is copied
//! before it changes.

use std::sync::Arc;

use super::Line;

/// Rows in a block.
const BLOCK: usize = 512;

type Blocks = Vec<Arc<Vec<Option<Line>>>>;

/// Rows as they stood at a moment, in the order in which they were shown.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    blocks: Blocks,
    slots: Vec<u32>,
    /// Those that were shown beneath and are not kept here.
    guests: Vec<Line>,
}

impl Snapshot {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len() + self.guests.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows.
    pub fn iter(&self) -> impl Iterator<Item = &Line> {
        self.slots.iter().filter_map(|slot| of(&self.blocks, *slot)).chain(&self.guests)
    }
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// A set of slots.
#[derive(Debug, Default)]
pub struct Marked(Vec<bool>);

impl Marked {
    /// Puts a slot in.
    pub fn add(&mut self, slot: u32) {
        let at = slot as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, false);
        }
        if let Some(mark) = self.0.get_mut(at) {
            *mark = true;
        }
    }

    /// Whether it is in.
    pub fn has(&self, slot: u32) -> bool {
        self.0.get(slot as usize).copied().unwrap_or_default()
    }

    /// All of them.
    pub fn slots(&self) -> Vec<u32> {
        (0_u32..).zip(&self.0).filter(|(_, is_in)| **is_in).map(|(slot, _)| slot).collect()
    }
}

impl<'a> FromIterator<&'a u32> for Marked {
    fn from_iter<T: IntoIterator<Item = &'a u32>>(slots: T) -> Self {
        let mut marked = Self::default();
        slots.into_iter().for_each(|slot| marked.add(*slot));
        marked
    }
}

/// Places for rows, which never move.
#[derive(Debug, Default)]
pub(super) struct Slots {
    blocks: Blocks,
    /// Places that were left.
    free: Vec<u32>,
}

fn split(slot: u32) -> (usize, usize) {
    (slot as usize / BLOCK, slot as usize % BLOCK)
}

fn of(blocks: &Blocks, slot: u32) -> Option<&Line> {
    let (block, at) = split(slot);
    blocks.get(block)?.get(at)?.as_ref()
}

impl Slots {
    /// The row in a place.
    pub(super) fn get(&self, slot: u32) -> Option<&Line> {
        of(&self.blocks, slot)
    }

    /// Some of them as they stand, without a copy of any, and guests.
    pub(super) fn snapshot(&self, slots: Vec<u32>, guests: Vec<Line>) -> Snapshot {
        Snapshot { blocks: self.blocks.clone(), slots, guests }
    }

    /// Puts a row into a place.
    pub(super) fn set(&mut self, slot: u32, line: Line) {
        self.change(slot, Some(line));
    }

    /// Puts a row into a free place.
    pub(super) fn add(&mut self, line: Line) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.set(slot, line);
            return slot;
        }
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
            self.blocks.push(Arc::new(Vec::with_capacity(BLOCK)));
        }
        let full = self.blocks.len().saturating_sub(1) * BLOCK;
        let slot = self.blocks.last_mut().map(Arc::make_mut).map(|block| {
            block.push(Some(line));
            full + block.len() - 1
        });
        slot.and_then(|slot| u32::try_from(slot).ok()).unwrap_or(u32::MAX)
    }

    /// Leaves a place free.
    pub(super) fn leave(&mut self, slot: u32) {
        self.change(slot, None);
        self.free.push(slot);
    }

    fn change(&mut self, slot: u32, line: Option<Line>) {
        let (block, at) = split(slot);
        if let Some(place) = self.blocks.get_mut(block).and_then(|block| Arc::make_mut(block).get_mut(at)) {
            *place = line;
        }
    }
}
