//! L3: exact queue positions, from the market orders that stand ahead.

use crate::book::row_effect::NamedOrder;
use crate::book::Book;
use crate::exchange::own_order::OwnOrder;

/// Put an own order behind everything that stands at its price.
pub fn join(book: &Book, own: &mut OwnOrder) {
    own.arrival = book.row;
    own.older_lots = book.size_at(own.side, own.limit_ticks());
    own.ahead = own.older_lots;
}

/// Take up the position of an order whose price has come back into the window.
pub fn reappear(book: &Book, own: &mut OwnOrder) {
    let (frozen, shown) = (own.ahead, own.shown);
    join(book, own);
    if shown {
        own.ahead = frozen.min(own.older_lots);
    }
}

/// Take in that a market order at the price traded; return whether the position changed.
pub fn executed(own: &mut OwnOrder, order: &NamedOrder, size_lots: i64) -> bool {
    if order.arrival > own.arrival || !own.visible {
        return false;
    }
    own.older_lots -= size_lots;
    own.ahead = (own.ahead - size_lots).max(0);
    true
}

/// Take in that a market order at the price was cancelled or reduced; return whether the position changed.
pub fn cancelled(own: &mut OwnOrder, order: &NamedOrder, size_lots: i64) -> bool {
    if order.arrival > own.arrival || !own.visible {
        return false;
    }
    own.older_lots -= size_lots;
    own.ahead = own.ahead.min(own.older_lots);
    true
}

/// Note which orders stand ahead, before a CLEAR takes them off.
pub fn remember(book: &Book, own: &mut OwnOrder) {
    own.survivors.clear();
    if let Some(level) = book.level_at(own.side, own.limit_ticks()) {
        let older = book.orders_of(level).filter(|order| order.arrival <= own.arrival);
        own.survivors.extend(older.map(|order| order.order_id));
        own.survivors.sort_unstable();
    }
}

/// Find the position after a snapshot: behind the last listed order that was ahead before it.
pub fn rebuild(book: &Book, own: &mut OwnOrder) {
    let level = book.level_at(own.side, own.limit_ticks());
    let (mut older_lots, mut last) = (0, None);
    for order in level.into_iter().flat_map(|level| book.orders_of(level)) {
        older_lots += order.size_lots;
        if own.survivors.binary_search(&order.order_id).is_ok() {
            last = Some((order.arrival, older_lots));
        }
    }
    (own.arrival, own.older_lots) = last.unwrap_or((book.row, level.map_or(0, |level| level.size_lots)));
    own.ahead = own.ahead.min(own.older_lots);
    own.survivors = Vec::new();
}
