//! The invariants of own orders.

use crate::book::slab::NONE;
use crate::book::Book;
use crate::contract::codes::{index, key, Feed};
use crate::exchange::own_book::OwnBook;
use crate::exchange::own_order::OwnOrder;

impl OwnBook {
    /// Check the invariants of own orders.
    ///
    /// # Errors
    /// The message names the broken one.
    pub fn check(&self, book: &Book) -> Result<(), String> {
        let mut hidden = 0;
        for side in [1, -1] {
            for (at_key, oldest) in self.sides[index(side)].rungs() {
                let (mut at, mut older, mut queue_stay) = (oldest, NONE, 0);
                while at != NONE {
                    let own = &self.orders[at];
                    let place = (own.terms.side, key(side, own.limit_ticks()), own.older);
                    if own.queue_stay <= queue_stay || place != (side, at_key, older) {
                        return Err(format!("own order {} is out of turn or misplaced", own.order_id));
                    }
                    self.check_position(book, own)?;
                    self.check_lists(book, at)?;
                    hidden += usize::from(!own.queue.is_visible);
                    (at, older, queue_stay) = (own.younger, at, own.queue_stay);
                }
            }
        }
        if hidden != self.hidden[0].len() + self.hidden[1].len() {
            return Err("an own order is listed as hidden that is not".into());
        }
        self.reduce_only.check(&self.orders)?;
        self.expiries.check(&self.orders)?;
        self.available.check(book)
    }

    fn check_position(&self, book: &Book, own: &OwnOrder) -> Result<(), String> {
        if own.tip_lots() <= 0 || own.queue.ahead < 0 {
            return Err(format!("own order {} is empty or has {} ahead", own.order_id, own.queue.ahead));
        }
        if book.feed == Feed::L3 && own.queue.is_visible && !book.awaiting_snapshot[index(own.terms.side)] {
            let level = book.level_at(own.terms.side, own.limit_ticks());
            let orders = level.into_iter().flat_map(|level| book.orders_of(level));
            let older: i64 = orders.filter(|each| each.arrival <= own.queue.arrival).map(|each| each.size_lots).sum();
            if own.queue.older_lots != older || own.queue.ahead > older {
                let (order_id, ahead) = (own.order_id, own.queue.ahead);
                return Err(format!("own order {order_id} has {ahead} ahead, the older orders {older}"));
            }
        }
        Ok(())
    }

    /// Check that every order that can change is in the lists that are searched for it.
    fn check_lists(&self, book: &Book, at: u32) -> Result<(), String> {
        let own = &self.orders[at];
        let (side, at_key) = (index(own.terms.side), key(own.terms.side, own.limit_ticks()));
        let listed = self.hidden[side].contains(&(at_key, at));
        if own.queue.is_visible == listed || own.queue.is_visible && at_key >= self.frozen_from[side] {
            return Err(format!("whether own order {} is visible is not as listed", own.order_id));
        }
        if self.sides[side].oldest_behind(at_key, own.queue.arrival) == NONE {
            return Err(format!("own order {} arrived later than its price has it", own.order_id));
        }
        let behind = book.feed == Feed::L2 && (own.queue.ahead != 0 || !own.queue.is_ahead_known);
        if behind && !self.behind[side].contains(&(at_key, at)) {
            return Err(format!("own order {} has something ahead and is not listed so", own.order_id));
        }
        Ok(())
    }
}
