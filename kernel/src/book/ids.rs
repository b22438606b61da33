//! Order ids to slab numbers: open addressing, linear probing, deletion by shifting back.
//!
//! An entry is eight bytes: half of the id's hash, and the slab number. The ids themselves are stored with the orders,
//! which a lookup is about to touch anyway; the caller of a lookup compares them.

use crate::book::slab::NONE;

const EMPTY: u64 = NONE as u64;
const SMALLEST_BITS: u32 = 10;

/// A hash table from ids to slab numbers, at most a quarter full.
pub struct Ids {
    entries: Vec<u64>,
    shift: u32,
    len: usize,
}

impl Clone for Ids {
    fn clone(&self) -> Self {
        Ids { entries: self.entries.clone(), ..*self }
    }

    fn clone_from(&mut self, other: &Self) {
        self.entries.clone_from(&other.entries);
        (self.shift, self.len) = (other.shift, other.len);
    }
}

impl Default for Ids {
    fn default() -> Self {
        Ids { entries: vec![EMPTY; 1 << SMALLEST_BITS], shift: 64 - SMALLEST_BITS, len: 0 }
    }
}

/// Where an id is stored, or would be.
#[derive(Clone, Copy)]
pub struct IdSlot {
    at: usize,
    /// The slab number, `NONE` if the id is not stored.
    pub number: u32,
}

impl IdSlot {
    /// Return whether the id is stored.
    #[inline]
    pub fn found(self) -> bool {
        self.number != NONE
    }
}

#[inline]
fn slot_of(entry: u64) -> u32 {
    entry as u32
}

#[inline]
fn hash(id: u64) -> u64 {
    id.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Return the entry of an id: the upper half of its hash, and its slab number.
#[inline]
fn entry(hash: u64, slot: u32) -> u64 {
    hash & !0xFFFF_FFFF | u64::from(slot)
}

impl Ids {
    /// Return how many ids are stored.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Return whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    /// Look an id up; `has` returns whether a slab number has it. The result is valid until the next change.
    #[inline]
    pub fn find(&self, id: u64, has: impl Fn(u32) -> bool) -> IdSlot {
        let (hash, mask) = (hash(id), self.entries.len() - 1);
        let mut at = self.home(hash);
        loop {
            let entry = self.entries[at & mask];
            let slot = slot_of(entry);
            if slot == NONE || (entry ^ hash) >> 32 == 0 && has(slot) {
                return IdSlot { at: at & mask, number: slot };
            }
            at += 1;
        }
    }

    /// Store an id that is not stored, at the place where it was looked up.
    #[inline]
    pub fn insert(&mut self, id_slot: IdSlot, id: u64, slot: u32) {
        debug_assert!(!id_slot.found());
        self.entries[id_slot.at] = entry(hash(id), slot);
        self.len += 1;
        if self.len * 4 > self.entries.len() {
            self.grow();
        }
    }

    /// Remove an id at the place where it was found; entries after it move up.
    #[inline]
    pub fn remove(&mut self, id_slot: IdSlot) {
        debug_assert!(id_slot.found());
        let mask = self.entries.len() - 1;
        let (mut hole, mut at) = (id_slot.at, id_slot.at);
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if slot_of(entry) == NONE {
                break;
            }
            // An entry may fill the hole unless its home lies after it.
            if (at.wrapping_sub(self.home(entry)) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = EMPTY;
        self.len -= 1;
    }

    #[cold]
    fn grow(&mut self) {
        assert!(self.shift > 32, "more than 2^30 orders at once");
        let old = std::mem::take(&mut self.entries);
        self.entries = vec![EMPTY; old.len() * 2];
        self.shift -= 1;
        let mask = self.entries.len() - 1;
        for entry in old.into_iter().filter(|entry| slot_of(*entry) != NONE) {
            let mut at = self.home(entry);
            while slot_of(self.entries[at & mask]) != NONE {
                at += 1;
            }
            self.entries[at & mask] = entry;
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
        let (mut seed, mut names) = (7u64, Vec::new());
        for step in 0..200_000u32 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let id = (seed >> 33) % 3000;
            names.push(id);
            let id_slot = ids.find(id, |slot| names[slot as usize] == id);
            assert_eq!(id_slot.found().then_some(id_slot.number), truth.get(&id).copied());
            if id_slot.found() {
                ids.remove(id_slot);
                truth.remove(&id);
            } else {
                ids.insert(id_slot, id, step);
                truth.insert(id, step);
            }
            assert_eq!(ids.len(), truth.len());
        }
    }
}
