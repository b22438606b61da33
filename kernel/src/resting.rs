//! The prices of one side at which own orders rest, best first, each with its orders, oldest first.

use crate::ladder::NO_KEY;

/// An own price and its orders.
pub struct Rung {
    /// `-side * price`.
    pub key: i64,
    /// Numbers of own orders, oldest first.
    pub owns: Vec<u32>,
}

/// One side of own resting orders.
pub struct Resting {
    rungs: Vec<Rung>,
    spare: Vec<Vec<u32>>,
    /// The best and the worst key; nothing lies between them where nothing rests.
    reach: (i64, i64),
}

impl Default for Resting {
    fn default() -> Self {
        Resting { rungs: Vec::new(), spare: Vec::new(), reach: (NO_KEY, -NO_KEY) }
    }
}

impl Resting {
    /// Say whether nothing rests.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rungs.is_empty()
    }

    /// Return the best key, `NO_KEY` where nothing rests.
    #[inline]
    pub fn best(&self) -> i64 {
        self.reach.0
    }

    /// Return the best and the worst key; nothing lies between them where nothing rests.
    #[inline]
    pub fn reach(&self) -> (i64, i64) {
        self.reach
    }

    fn measure(&mut self) {
        let ends = self.rungs.first().zip(self.rungs.last());
        self.reach = ends.map_or((NO_KEY, -NO_KEY), |(best, worst)| (best.key, worst.key));
    }

    /// Return all prices, best first.
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    #[inline]
    fn place(&self, key: i64) -> usize {
        if self.rungs.len() <= 8 {
            return self.rungs.iter().position(|rung| rung.key >= key).unwrap_or(self.rungs.len());
        }
        self.rungs.partition_point(|rung| rung.key < key)
    }

    /// Return the orders at a key, oldest first.
    #[inline]
    pub fn at(&self, key: i64) -> &[u32] {
        match self.rungs.get(self.place(key)) {
            Some(rung) if rung.key == key => &rung.owns,
            _ => &[],
        }
    }

    /// Put an order behind those at its key.
    pub fn push(&mut self, key: i64, own: u32) {
        let place = self.place(key);
        if self.rungs.get(place).is_none_or(|rung| rung.key != key) {
            let owns = self.spare.pop().unwrap_or_default();
            self.rungs.insert(place, Rung { key, owns });
        }
        self.rungs[place].owns.push(own);
        self.measure();
    }

    /// Take an order off.
    pub fn remove(&mut self, key: i64, own: u32) {
        let place = self.place(key);
        let owns = &mut self.rungs[place].owns;
        owns.retain(|each| *each != own);
        if owns.is_empty() {
            let rung = self.rungs.remove(place);
            self.spare.push(rung.owns);
            self.measure();
        }
    }

    /// Copy all orders in price-time order.
    pub fn all(&self, into: &mut Vec<u32>) {
        into.clear();
        into.extend(self.rungs.iter().flat_map(|rung| rung.owns.iter().copied()));
    }
}
