//! L3: exact queue positions, from the book orders ahead.

use crate::book::row_effect::NamedOrder;
use crate::book::Book;
use crate::exchange::own_order::OwnOrder;

/// Put an own order behind everything at its price.
pub fn join(book: &Book, own: &mut OwnOrder) {
    own.queue.arrival = book.row;
    own.queue.older_lots = book.size_at(own.terms.side, own.limit_ticks());
    own.queue.ahead = own.queue.older_lots;
}

/// Take up the position of an order whose price is back in the window.
pub fn reappear(book: &Book, own: &mut OwnOrder) {
    let (frozen, shown) = (own.queue.ahead, own.queue.is_ahead_known);
    join(book, own);
    if shown {
        own.queue.ahead = frozen.min(own.queue.older_lots);
    }
}

/// Apply an execution of a book order at the price; return whether the position changed.
pub fn executed(own: &mut OwnOrder, order: &NamedOrder, size_lots: i64) -> bool {
    if order.arrival > own.queue.arrival || !own.queue.is_visible {
        return false;
    }
    own.queue.older_lots -= size_lots;
    own.queue.ahead = (own.queue.ahead - size_lots).max(0);
    true
}

/// Apply a cancel or reduction of a book order at the price; return whether the position changed.
pub fn cancelled(own: &mut OwnOrder, order: &NamedOrder, size_lots: i64) -> bool {
    if order.arrival > own.queue.arrival || !own.queue.is_visible {
        return false;
    }
    own.queue.older_lots -= size_lots;
    own.queue.ahead = own.queue.ahead.min(own.queue.older_lots);
    true
}

/// Remember which orders are ahead, before a CLEAR.
pub fn remember(book: &Book, own: &mut OwnOrder) {
    own.queue.survivors.clear();
    if let Some(level) = book.level_at(own.terms.side, own.limit_ticks()) {
        let older = book.orders_of(level).filter(|order| order.arrival <= own.queue.arrival);
        own.queue.survivors.extend(older.map(|order| order.order_id));
        own.queue.survivors.sort_unstable();
    }
}

/// Find the position after a snapshot: behind the last listed order that was ahead before it.
pub fn rebuild(book: &Book, own: &mut OwnOrder) {
    let level = book.level_at(own.terms.side, own.limit_ticks());
    let (mut older_lots, mut last) = (0, None);
    for order in level.into_iter().flat_map(|level| book.orders_of(level)) {
        older_lots += order.size_lots;
        if own.queue.survivors.binary_search(&order.order_id).is_ok() {
            last = Some((order.arrival, older_lots));
        }
    }
    (own.queue.arrival, own.queue.older_lots) = last.unwrap_or((book.row, level.map_or(0, |level| level.size_lots)));
    own.queue.ahead = own.queue.ahead.min(own.queue.older_lots);
    own.queue.survivors = Vec::new();
}
