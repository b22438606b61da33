//! One side's levels by price: a dense band around the best price, a tree for the levels outside of it.
//!
//! Keys are `-side * price`, so that the best level has the smallest. Memory is bounded by the band and the number of
//! levels, whatever prices do: a band that no longer fits the market is moved, once enough lookups have missed it to
//! pay for it.

use std::collections::BTreeMap;

use crate::book::slab::NONE;

const BAND: usize = 1 << 14;
const WORDS: usize = BAND / 64;
const SUMMARY: usize = WORDS / 64;
const MISSES: u32 = 2048;
/// The key of no level.
pub const NO_KEY: i64 = i64::MAX;

/// Level numbers by key.
pub struct Ladder {
    base: i64,
    slots: Box<[u32]>,
    words: Box<[u64]>,
    summary: [u64; SUMMARY],
    outside: BTreeMap<i64, u32>,
    misses: u32,
    len: usize,
    best: i64,
    best_level: u32,
}

impl Clone for Ladder {
    fn clone(&self) -> Self {
        let mut copy = Ladder::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, other: &Self) {
        let Ladder { base, slots, words, summary, outside, misses, len, best, best_level } = self;
        slots.copy_from_slice(&other.slots);
        words.copy_from_slice(&other.words);
        outside.clone_from(&other.outside);
        (*base, *summary, *misses, *len) = (other.base, other.summary, other.misses, other.len);
        (*best, *best_level) = (other.best, other.best_level);
    }
}

impl Default for Ladder {
    fn default() -> Self {
        Ladder {
            base: 0,
            slots: vec![NONE; BAND].into_boxed_slice(),
            words: vec![0; WORDS].into_boxed_slice(),
            summary: [0; SUMMARY],
            outside: BTreeMap::new(),
            misses: 0,
            len: 0,
            best: NO_KEY,
            best_level: NONE,
        }
    }
}

impl Ladder {
    /// Return the number of levels.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Return whether there is no level.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Return the best key, `NO_KEY` where there is no level.
    #[inline]
    pub fn best(&self) -> i64 {
        self.best
    }

    /// Return the best level's number, `NONE` where there is no level.
    #[inline]
    pub fn best_level(&self) -> u32 {
        self.best_level
    }

    #[inline]
    fn place(&self, key: i64) -> Option<usize> {
        let place = key.wrapping_sub(self.base) as u64;
        (place < BAND as u64).then_some(place as usize)
    }

    /// Return the level at a key, `NONE` where there is none.
    #[inline]
    pub fn get(&self, key: i64) -> u32 {
        match self.place(key) {
            Some(place) => self.slots[place],
            None => self.outside.get(&key).copied().unwrap_or(NONE),
        }
    }

    /// Put a level at a key that has none.
    #[inline]
    pub fn open(&mut self, key: i64, level: u32) {
        if self.len == 0 {
            self.base = key - BAND as i64 / 2;
        }
        self.len += 1;
        if key < self.best {
            self.best = key;
            self.best_level = level;
        }
        match self.place(key) {
            Some(place) => self.set(place, level),
            None => self.open_outside(key, level),
        }
    }

    /// Remove the level at a key that has one.
    #[inline]
    pub fn close(&mut self, key: i64) {
        self.len -= 1;
        match self.place(key) {
            Some(place) => self.unset(place),
            None => {
                self.outside.remove(&key);
            }
        }
        if key == self.best {
            self.find_best(key);
        }
    }

    /// Remove all levels.
    pub fn clear(&mut self) {
        self.clear_band();
        self.outside.clear();
        self.len = 0;
        self.best = NO_KEY;
        self.best_level = NONE;
    }

    /// Return the first level at a key or after it: its key and number.
    pub fn next(&self, key: i64) -> Option<(i64, u32)> {
        let inside = self.first_set(key).map(|place| (self.base + place as i64, self.slots[place]));
        let outside = self.outside.range(key..).next().map(|(key, level)| (*key, *level));
        match (inside, outside) {
            (Some(a), Some(b)) => Some(if a.0 < b.0 { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    /// Return the worst key.
    pub fn worst(&self) -> Option<i64> {
        let inside = self.last_set().map(|place| self.base + place as i64);
        inside.max(self.outside.last_key_value().map(|(key, _)| *key))
    }

    /// Iterate keys and level numbers, best first.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        self.iter_from(self.best)
    }

    /// Iterate keys and level numbers from a key on, best first.
    pub fn iter_from(&self, key: i64) -> impl Iterator<Item = (i64, u32)> + '_ {
        let mut at = Some(key);
        std::iter::from_fn(move || {
            let (key, level) = self.next(at.filter(|key| *key != NO_KEY)?)?;
            at = key.checked_add(1);
            Some((key, level))
        })
    }

    #[inline]
    fn set(&mut self, place: usize, level: u32) {
        self.slots[place] = level;
        self.words[place / 64] |= 1 << (place % 64);
        self.summary[place / 4096] |= 1 << (place / 64 % 64);
    }

    #[inline]
    fn unset(&mut self, place: usize) {
        self.slots[place] = NONE;
        let word = place / 64;
        self.words[word] &= !(1 << (place % 64));
        if self.words[word] == 0 {
            self.summary[word / 64] &= !(1 << (word % 64));
        }
    }

    #[inline]
    fn find_best(&mut self, from: i64) {
        (self.best, self.best_level) = self.next(from).unwrap_or((NO_KEY, NONE));
    }

    /// Return the first place of the band in use at a key or after it.
    #[inline]
    fn first_set(&self, key: i64) -> Option<usize> {
        let from = key.saturating_sub(self.base).max(0);
        if from >= BAND as i64 {
            return None;
        }
        let place = from as usize;
        let word = self.words[place / 64] >> (place % 64);
        if word != 0 {
            return Some(place + word.trailing_zeros() as usize);
        }
        let next = place / 64 + 1;
        let mut group = next / 64;
        let mut bits = if group < SUMMARY { self.summary[group] >> (next % 64) << (next % 64) } else { 0 };
        while group < SUMMARY {
            if bits != 0 {
                let word = group * 64 + bits.trailing_zeros() as usize;
                return Some(word * 64 + self.words[word].trailing_zeros() as usize);
            }
            group += 1;
            bits = self.summary.get(group).copied().unwrap_or(0);
        }
        None
    }

    fn last_set(&self) -> Option<usize> {
        let group = (0..SUMMARY).rev().find(|group| self.summary[*group] != 0)?;
        let word = group * 64 + 63 - self.summary[group].leading_zeros() as usize;
        Some(word * 64 + 63 - self.words[word].leading_zeros() as usize)
    }

    #[cold]
    fn open_outside(&mut self, key: i64, level: u32) {
        self.outside.insert(key, level);
        self.misses += 1;
        if self.misses > MISSES {
            self.misses = 0;
            self.move_band();
        }
    }

    /// Center the band on the best price.
    fn move_band(&mut self) {
        let inside: Vec<(i64, u32)> = self.taken().map(|place| (self.base + place as i64, self.slots[place])).collect();
        self.clear_band();
        self.outside.extend(inside);
        self.base = self.best - BAND as i64 / 2;
        let end = self.base + BAND as i64;
        let here: Vec<(i64, u32)> = self.outside.range(self.base..end).map(|(key, level)| (*key, *level)).collect();
        for (key, level) in here {
            self.outside.remove(&key);
            self.set((key - self.base) as usize, level);
        }
    }

    fn taken(&self) -> impl Iterator<Item = usize> + '_ {
        let mut at = self.first_set(self.base);
        std::iter::from_fn(move || {
            let place = at?;
            at = self.first_set(self.base + place as i64 + 1);
            Some(place)
        })
    }

    fn clear_band(&mut self) {
        let places: Vec<usize> = self.taken().collect();
        for place in places {
            self.unset(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roam(spread: i64, steps: u32) {
        let (mut ladder, mut truth) = (Ladder::default(), BTreeMap::new());
        let (mut seed, mut mid) = (11u64, 0i64);
        let mut random = move |n: i64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as i64 % n
        };
        for step in 0..steps {
            mid += random(2 * spread + 1) - spread;
            let key = mid + random(40) - 20 + random(100) / 99 * random(1 << 40);
            if truth.remove(&key).is_some() {
                ladder.close(key);
            } else {
                truth.insert(key, step);
                ladder.open(key, step);
            }
            if truth.len() > 300 {
                let worst = *truth.last_key_value().unwrap().0;
                truth.remove(&worst);
                ladder.close(worst);
            }
            assert_eq!(ladder.best(), truth.first_key_value().map_or(NO_KEY, |(key, _)| *key));
            assert_eq!(ladder.best_level(), truth.first_key_value().map_or(NONE, |(_, level)| *level));
            assert_eq!(ladder.worst(), truth.last_key_value().map(|(key, _)| *key));
            assert_eq!(ladder.len(), truth.len());
            if step % 512 == 0 {
                assert!(ladder.iter().eq(truth.iter().map(|(key, level)| (*key, *level))));
            }
        }
        ladder.clear();
        assert!(ladder.is_empty() && ladder.worst().is_none() && ladder.iter().next().is_none());
    }

    #[test]
    fn agrees_with_a_tree_where_prices_stay() {
        roam(1, 60_000);
    }

    #[test]
    fn agrees_with_a_tree_where_prices_roam() {
        roam(1_000_000, 60_000);
    }
}
