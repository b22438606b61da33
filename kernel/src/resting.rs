//! The prices of one side at which own orders rest, best first, each with its orders, oldest first.

/// An own price and its orders.
pub struct Rung {
    /// `-side * price`.
    pub key: i64,
    /// Numbers of own orders, oldest first.
    pub owns: Vec<u32>,
}

/// One side of own resting orders.
#[derive(Default)]
pub struct Resting {
    rungs: Vec<Rung>,
    spare: Vec<Vec<u32>>,
}

impl Resting {
    /// Say whether nothing rests.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rungs.is_empty()
    }

    /// Return the best key.
    #[inline]
    pub fn best(&self) -> Option<i64> {
        self.rungs.first().map(|rung| rung.key)
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
    }

    /// Take an order off.
    pub fn remove(&mut self, key: i64, own: u32) {
        let place = self.place(key);
        let owns = &mut self.rungs[place].owns;
        owns.retain(|each| *each != own);
        if owns.is_empty() {
            let rung = self.rungs.remove(place);
            self.spare.push(rung.owns);
        }
    }

    /// Copy all orders in price-time order.
    pub fn all(&self, into: &mut Vec<u32>) {
        into.clear();
        into.extend(self.rungs.iter().flat_map(|rung| rung.owns.iter().copied()));
    }
}
