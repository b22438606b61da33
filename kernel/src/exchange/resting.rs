//! The own resting orders of one side by price, best first, and per price oldest first.
//!
//! Each operation takes time logarithmic in the number of own prices.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use crate::book::ladder::NO_KEY;
use crate::book::slab::{Slab, NONE};
use crate::exchange::own_order::OwnOrder;

/// The orders at one price. `OwnOrder::older` and `younger` link them.
struct Rung {
    oldest: u32,
    youngest: u32,
    /// L3: no book order that arrived later is ahead of any order here.
    arrival: u64,
}

/// One side of own resting orders.
pub struct Resting {
    /// By `-side * price`.
    rungs: BTreeMap<i64, Rung>,
    /// The best and the worst key; an empty range if nothing rests.
    span: (i64, i64),
}

impl Default for Resting {
    fn default() -> Self {
        Resting { rungs: BTreeMap::new(), span: (NO_KEY, -NO_KEY) }
    }
}

impl Resting {
    /// Return whether nothing rests.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rungs.is_empty()
    }

    /// Return the best key, `NO_KEY` where nothing rests.
    #[inline]
    pub fn best(&self) -> i64 {
        self.span.0
    }

    /// Return the best and the worst key; an empty range if nothing rests.
    #[inline]
    pub fn span(&self) -> (i64, i64) {
        self.span
    }

    fn update_span(&mut self) {
        let ends = self.rungs.first_key_value().zip(self.rungs.last_key_value());
        self.span = ends.map_or((NO_KEY, -NO_KEY), |(best, worst)| (*best.0, *worst.0));
    }

    /// Return the oldest order at a key, `NONE` where there is none.
    #[inline]
    pub fn oldest(&self, key: i64) -> u32 {
        if key < self.span.0 || key > self.span.1 {
            return NONE;
        }
        self.rungs.get(&key).map_or(NONE, |rung| rung.oldest)
    }

    /// Return the best key and the oldest order there.
    #[inline]
    pub fn first(&self) -> Option<(i64, u32)> {
        self.rungs.first_key_value().map(|(key, rung)| (*key, rung.oldest))
    }

    /// Return the next key past a key and the oldest order there.
    pub fn behind(&self, key: i64) -> Option<(i64, u32)> {
        self.rungs.range((Excluded(key), Unbounded)).next().map(|(key, rung)| (*key, rung.oldest))
    }

    /// Return the oldest order at a key if a book order of that arrival may be ahead of some order there, else `NONE`.
    #[inline]
    pub fn oldest_behind(&self, key: i64, arrival: u64) -> u32 {
        if key < self.span.0 || key > self.span.1 {
            return NONE;
        }
        self.rungs.get(&key).filter(|rung| arrival <= rung.arrival).map_or(NONE, |rung| rung.oldest)
    }

    /// L3: note that an order at a key is behind all book orders up to an arrival.
    pub fn stands_behind(&mut self, key: i64, arrival: u64) {
        if let Some(rung) = self.rungs.get_mut(&key) {
            rung.arrival = rung.arrival.max(arrival);
        }
    }

    /// Put an order behind those at its key.
    pub fn push(&mut self, orders: &mut Slab<OwnOrder>, key: i64, at: u32) {
        let arrival = orders[at].queue.arrival;
        let rung = self.rungs.entry(key).or_insert(Rung { oldest: at, youngest: NONE, arrival });
        rung.arrival = rung.arrival.max(arrival);
        let older = std::mem::replace(&mut rung.youngest, at);
        (orders[at].older, orders[at].younger) = (older, NONE);
        if older != NONE {
            orders[older].younger = at;
        } else {
            self.update_span();
        }
    }

    /// Remove an order.
    pub fn remove(&mut self, orders: &mut Slab<OwnOrder>, key: i64, at: u32) {
        let (older, younger) = (orders[at].older, orders[at].younger);
        if older != NONE {
            orders[older].younger = younger;
        }
        if younger != NONE {
            orders[younger].older = older;
        }
        if older != NONE && younger != NONE {
            return;
        }
        if older == NONE && younger == NONE {
            self.rungs.remove(&key);
            self.update_span();
            return;
        }
        let rung = self.rungs.get_mut(&key).expect("an order that rests has a rung");
        if older == NONE {
            rung.oldest = younger;
        } else {
            rung.youngest = older;
        }
    }

    /// Copy all orders in price-time order.
    pub fn all(&self, orders: &Slab<OwnOrder>, into: &mut Vec<u32>) {
        into.clear();
        for rung in self.rungs.values() {
            let mut at = rung.oldest;
            while at != NONE {
                into.push(at);
                at = orders[at].younger;
            }
        }
    }

    /// Iterate keys and the oldest order of each, best first.
    pub fn rungs(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        self.rungs.iter().map(|(key, rung)| (*key, rung.oldest))
    }
}
