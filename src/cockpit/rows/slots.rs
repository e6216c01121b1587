//! Where the rows lie: in blocks, so that a hundred thousand of them never have to move to a larger place,
//! which would take their room three times over while they do.

use super::Line;

/// Rows in a block.
const BLOCK: usize = 4_096;

/// Places for rows, which never move.
#[derive(Debug, Default)]
pub(super) struct Slots {
    blocks: Vec<Vec<Option<Line>>>,
    /// Places that were left.
    free: Vec<u32>,
}

fn split(slot: u32) -> (usize, usize) {
    (slot as usize / BLOCK, slot as usize % BLOCK)
}

impl Slots {
    /// The row in a place.
    pub(super) fn get(&self, slot: u32) -> Option<&Line> {
        let (block, at) = split(slot);
        self.blocks.get(block)?.get(at)?.as_ref()
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
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let full = self.blocks.len().saturating_sub(1) * BLOCK;
        let last = self.blocks.last_mut();
        let slot = last.map(|block| {
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
        if let Some(place) = self.blocks.get_mut(block).and_then(|block| block.get_mut(at)) {
            *place = line;
        }
    }
}
