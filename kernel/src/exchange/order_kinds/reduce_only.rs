//! Reduce-only orders: those of a side that rest are never more than the position that they close.

use std::collections::BTreeSet;

use crate::book::slab::{Slab, NONE};
use crate::contract::codes::{index, key};
use crate::contract::generated_terms::Terms;
use crate::exchange::own_order::OwnOrder;

/// The resting reduce-only orders of one strategy in one instrument, and the position that they may reduce.
pub struct ReduceOnly {
    position_lots: i64,
    /// Of each side, keys, stays and numbers: the first to be cut is the last.
    resting: [BTreeSet<(i64, i64, u32)>; 2],
}

impl ReduceOnly {
    /// Start with a position and no orders.
    pub fn new(position_lots: i64) -> Self {
        ReduceOnly { position_lots, resting: Default::default() }
    }

    /// Return the terms of an arriving order with a size that the position allows.
    #[inline]
    pub fn within_position(&self, terms: Terms, filled_lots: i64) -> Terms {
        if !terms.reduce_only {
            return terms;
        }
        Terms { size_lots: filled_lots + (terms.size_lots - filled_lots).min(self.room(terms.side)), ..terms }
    }

    /// Return the lots that orders of a side may take off the position.
    fn room(&self, side: i8) -> i64 {
        self.position_lots.saturating_mul(-i64::from(side)).max(0)
    }

    /// Add an order that rests.
    pub fn rest(&mut self, own: &OwnOrder, at: u32) {
        self.resting[index(own.terms.side)].insert(place(own, at));
    }

    /// Remove an order that rests no longer.
    pub fn remove(&mut self, own: &OwnOrder, at: u32) {
        self.resting[index(own.terms.side)].remove(&place(own, at));
    }

    /// Apply a trade of an own order; return whether reduce-only orders rest.
    #[inline]
    pub fn traded(&mut self, side: i8, size_lots: i64) -> bool {
        self.position_lots = self.position_lots.saturating_add(i64::from(side) * size_lots);
        !self.resting[0].is_empty() || !self.resting[1].is_empty()
    }

    /// Return the resting orders to cut, and by how many lots: farthest from the touch first, then newest. The order
    /// `arriving` (`NONE`: none) counts as open, and is not cut.
    #[cold]
    pub fn excess(&self, orders: &Slab<OwnOrder>, arriving: u32) -> Vec<(u32, i64)> {
        let mut found = Vec::new();
        for side in [1, -1] {
            let resting = &self.resting[index(side)];
            let mut kept_lots = self.room(side);
            if arriving != NONE && orders[arriving].terms.side == side {
                kept_lots -= orders[arriving].open_lots();
            }
            let others = || resting.iter().rev().map(|(_, _, at)| *at).filter(|at| *at != arriving);
            let mut open_lots: i64 = others().map(|at| orders[at].open_lots()).sum();
            for at in others() {
                let lots = orders[at].open_lots().min(open_lots - kept_lots);
                if lots <= 0 {
                    break;
                }
                open_lots -= lots;
                found.push((at, lots));
            }
        }
        found
    }

    /// Check that no fill of these orders can turn the position.
    ///
    /// # Errors
    /// The message names the side.
    pub fn check(&self, orders: &Slab<OwnOrder>) -> Result<(), String> {
        for side in [1, -1] {
            let open: i64 = self.resting[index(side)].iter().map(|(_, _, at)| orders[*at].open_lots()).sum();
            if open > self.room(side) {
                return Err(format!("reduce-only orders of side {side}: {open} lots, position {}", self.position_lots));
            }
        }
        Ok(())
    }
}

fn place(own: &OwnOrder, at: u32) -> (i64, i64, u32) {
    (key(own.terms.side, own.limit_ticks()), own.queue_stay, at)
}
