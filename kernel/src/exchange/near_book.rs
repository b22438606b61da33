//! Market orders at or through own prices, plus the one level that an arriving order joins. A subset of the book, cheap
//! to keep.

use crate::book::ladder::NO_KEY;
use crate::book::row_effect::{kind, RowEffect};
use crate::book::touch::Touch;
use crate::book::Book;
use crate::contract::codes::{action, index, key, Feed};
use crate::contract::row::Row;
use crate::exchange::row_filter::RowFilter;

/// The market's orders at or through own orders of the other side.
pub struct NearBook {
    book: Book,
    /// Per side: the key up to which every order is here; `-NO_KEY`: none has to be.
    reach: [i64; 2],
}

impl Default for NearBook {
    fn default() -> Self {
        NearBook { book: Book::new(Feed::L3, 0), reach: [-NO_KEY; 2] }
    }
}

impl NearBook {
    /// Return the subset as a book.
    #[inline]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Return whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.book.is_side_empty(1) && self.book.is_side_empty(-1)
    }

    /// Apply a row that may change it.
    pub fn apply(&mut self, row: Row, number: u64, effect: RowEffect) {
        let named = effect.named_order();
        if named.side == 0 {
            return;
        }
        let reach = self.reach[index(named.side)];
        let (was, moves) = (effect.key() <= reach, effect.is_either(kind::MOVED));
        let goes = if moves { key(named.side, row.price_ticks) <= reach } else { was };
        let row = match (was, goes) {
            (false, false) => return,
            (true, true) => row,
            (true, false) => Row { action: action::CANCEL, size_lots: named.size_lots, ..row },
            (false, true) => Row { action: action::ADD, side: named.side, ..row },
        };
        let done = self.book.apply(row, number);
        debug_assert!(done.is_ok(), "an order that stands at an own price is not known");
    }

    /// Extend or cut the subset to the reach of own orders. `touch` is the market's after a packet, `None` within one.
    /// Return false if orders would be missing.
    pub fn extend_to(&mut self, row_filter: &RowFilter, touch: Option<Touch>) -> bool {
        let mut known = true;
        for side in [1, -1] {
            let (reach, place) = (row_filter.reach(index(side)), index(side));
            let nobody = touch.is_some_and(|touch| touch.key(side) > reach);
            if nobody || reach <= self.reach[place] {
                self.drop_behind(side, if nobody { -NO_KEY } else { reach });
                self.reach[place] = reach;
            } else {
                known = false;
            }
        }
        known
    }

    /// Drop all orders.
    pub fn clear(&mut self) {
        for side in [1, -1] {
            self.drop_behind(side, -NO_KEY);
        }
        self.reach = [-NO_KEY; 2];
    }

    /// Drop the orders past a key.
    fn drop_behind(&mut self, side: i8, reach: i64) {
        if self.book.is_side_empty(side) {
            return;
        }
        let levels = self.book.levels_behind(side, reach);
        let orders: Vec<_> = levels.flat_map(|level| self.book.orders_of(level)).copied().collect();
        for order in orders {
            let (order_id, size_lots) = (order.order_id, order.size_lots);
            let row = Row { action: action::CANCEL, side, order_id, price_ticks: 0, size_lots, flags: 0, phase: 0 };
            let _ = self.book.apply(row, self.book.row);
        }
    }

    /// Call `look` with the size at the price that an order is to join added; that is all that an order which takes
    /// nothing needs. `number` is the last row's.
    pub fn with_joined_level<R>(&mut self, joins: (i8, i64, i64), number: u64, look: impl FnOnce(&Book) -> R) -> R {
        let (side, price_ticks, size_lots) = joins;
        let shows = size_lots != 0 && self.book.level_at(side, price_ticks).is_none();
        if shows {
            self.level(side, price_ticks, size_lots);
        }
        self.book.row = number;
        let result = look(&self.book);
        if shows {
            self.level(side, price_ticks, 0);
        }
        result
    }

    fn level(&mut self, side: i8, price_ticks: i64, size_lots: i64) {
        let row = Row { action: action::LEVEL, side, order_id: 0, price_ticks, size_lots, flags: 0, phase: 0 };
        let _ = self.book.apply(row, self.book.row);
    }
}
