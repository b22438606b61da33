//! Order ids to slab numbers: open addressing, linear probing, deletion by shifting back.

use crate::slab::NONE;

#[derive(Clone, Copy)]
struct Entry {
    id: u64,
    slot: u32,
}

const EMPTY: Entry = Entry { id: 0, slot: NONE };

/// A hash table from ids to slab numbers, at most half full.
pub struct Ids {
    entries: Vec<Entry>,
    shift: u32,
    len: usize,
}

impl Default for Ids {
    fn default() -> Self {
        Ids { entries: vec![EMPTY; 1024], shift: 64 - 10, len: 0 }
    }
}

/// Where an id stands, or would.
#[derive(Clone, Copy)]
pub struct Place {
    at: usize,
    /// The slab number, `NONE` where the id is not there.
    pub slot: u32,
}

impl Place {
    /// The place of a row that names no order.
    pub const NOWHERE: Place = Place { at: 0, slot: NONE };

    /// The place of an order whose number is known, for a book without an index.
    #[inline]
    pub fn known(slot: u32) -> Place {
        Place { at: 0, slot }
    }

    /// Say whether the id is there.
    #[inline]
    pub fn found(self) -> bool {
        self.slot != NONE
    }
}

impl Ids {
    /// Return how many ids are stored.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Say whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn home(&self, id: u64) -> usize {
        (id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }

    /// Look an id up. The place is good until the next change.
    #[inline]
    pub fn find(&self, id: u64) -> Place {
        let mask = self.entries.len() - 1;
        let mut at = self.home(id);
        loop {
            let entry = self.entries[at & mask];
            if entry.slot == NONE || entry.id == id {
                return Place { at: at & mask, slot: entry.slot };
            }
            at += 1;
        }
    }

    /// Store an id that is not there, at the place where it was looked for.
    #[inline]
    pub fn insert(&mut self, place: Place, id: u64, slot: u32) {
        debug_assert!(!place.found());
        self.entries[place.at] = Entry { id, slot };
        self.len += 1;
        if self.len * 2 > self.entries.len() {
            self.grow();
        }
    }

    /// Remove the id of a place where it was found; those behind it move up.
    #[inline]
    pub fn remove(&mut self, place: Place) {
        debug_assert!(place.found());
        let mask = self.entries.len() - 1;
        let (mut hole, mut at) = (place.at, place.at);
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry.slot == NONE {
                break;
            }
            // An entry may fill the hole unless its home lies behind it.
            if (at.wrapping_sub(self.home(entry.id)) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = EMPTY;
        self.len -= 1;
    }

    /// Remove an id, if it is there.
    pub fn discard(&mut self, id: u64) {
        let place = self.find(id);
        if place.found() {
            self.remove(place);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let old = std::mem::take(&mut self.entries);
        self.entries = vec![EMPTY; old.len() * 2];
        self.shift -= 1;
        for entry in old.into_iter().filter(|entry| entry.slot != NONE) {
            let place = self.find(entry.id);
            self.entries[place.at] = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_hash_map_over_random_inserts_and_removals() {
        let (mut ids, mut truth) = (Ids::default(), HashMap::new());
        let mut seed = 7u64;
        for step in 0..200_000u32 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let id = (seed >> 33) % 3000;
            let place = ids.find(id);
            assert_eq!(place.found().then_some(place.slot), truth.get(&id).copied());
            if place.found() {
                ids.remove(place);
                truth.remove(&id);
            } else {
                ids.insert(place, id, step);
                truth.insert(id, step);
            }
            assert_eq!(ids.len(), truth.len());
        }
    }
}
