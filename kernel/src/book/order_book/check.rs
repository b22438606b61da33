//! The invariants of a book.

use crate::book::ladder::NO_KEY;
use crate::book::Book;
use crate::contract::codes::{index, Feed};

impl Book {
    /// Check the invariants (docs/reproducibility.md).
    ///
    /// # Errors
    /// The message names the broken one.
    pub fn check(&self) -> Result<(), String> {
        let mut indexed = 0;
        for side in [1, -1] {
            let ladder = &self.ladders[index(side)];
            if ladder.best() != ladder.iter().next().map_or(NO_KEY, |(key, _)| key) {
                return Err("the cached best price is not the ladder's".into());
            }
            let shown = self.levels(side).next().map_or((0, 0), |level| (level.price_ticks(), level.size_lots));
            if shown != (self.touch.ticks[index(side)], self.touch.lots[index(side)]) {
                return Err("the cached best price and size are not the book's".into());
            }
            for (at_key, at) in ladder.iter() {
                indexed += self.check_level(at_key, at, side)?;
            }
        }
        if self.is_crossed == self.touch.uncrossed() {
            return Err("whether the book is crossed is not what its best prices say".into());
        }
        if indexed != self.ids.len() {
            return Err("an indexed order stands in no level".into());
        }
        Ok(())
    }

    fn check_level(&self, at_key: i64, at: u32, side: i8) -> Result<usize, String> {
        let level = &self.levels[at];
        if at_key != level.key || level.side != side || level.size_lots <= 0 {
            return Err(format!("the level at {} is empty or misplaced", level.price_ticks()));
        }
        let (mut count, mut sum, mut arrival) = (0, 0, 0);
        for order in self.orders_of(level) {
            if order.arrival <= arrival || order.size_lots <= 0 || order.level != at {
                return Err(format!("order {} is out of turn, empty or misplaced", order.order_id));
            }
            if !self.order_by_id(order.order_id).is_some_and(|found| std::ptr::eq(found, order)) {
                return Err(format!("the index does not know order {}", order.order_id));
            }
            arrival = order.arrival;
            sum += order.size_lots;
            count += 1;
        }
        if self.feed == Feed::L3 && sum != level.size_lots {
            return Err(format!("the level at {} is not the sum of its orders", level.price_ticks()));
        }
        Ok(count)
    }
}
