//! L2: estimated queue positions, from level sizes and prints. Positions are in 2⁻²⁰ lot.

use crate::book::Book;
use crate::own_order::OwnOrder;
use crate::queue_model::{QueueModel, SHIFT};

/// Put an own order behind the displayed size at its price.
pub fn join(book: &Book, own: &mut OwnOrder) {
    own.ahead = book.size_at(own.side, own.limit_ticks()) << SHIFT;
    own.removed = 0;
}

/// Take up the position of an order whose price has come back into the window.
pub fn reappear(book: &Book, own: &mut OwnOrder) {
    let (frozen, shown) = (own.ahead, own.shown);
    join(book, own);
    if shown {
        own.ahead = frozen.min(own.ahead);
    }
}

/// Move a position by a print of `size_lots` that nothing has used yet; return the lots that reach the order.
///
/// What the last LEVEL row showed of this print already (`removed`) is not passed twice.
pub fn printed(own: &mut OwnOrder, size_lots: i64, matching: bool) -> i64 {
    let flow = size_lots << SHIFT;
    let counted = own.removed.min(flow);
    own.removed -= counted;
    let past = flow - counted - own.ahead;
    own.ahead = (-past).max(0);
    if past > 0 && matching {
        own.open_lots().min(past >> SHIFT)
    } else {
        0
    }
}

/// Take in a LEVEL row at the price; say whether the position changed.
pub fn level(own: &mut OwnOrder, model: QueueModel, before: i64, after: i64, printed: i64) -> bool {
    let ahead = own.ahead;
    if before - after - printed > 0 {
        own.ahead = model.ahead(ahead, before, after, printed);
    }
    own.ahead = own.ahead.min(after << SHIFT);
    own.removed = ahead - own.ahead;
    own.ahead != ahead
}

/// Cap the position at the displayed size after a snapshot.
pub fn rebuild(book: &Book, own: &mut OwnOrder) {
    own.ahead = own.ahead.min(book.size_at(own.side, own.limit_ticks()) << SHIFT);
    own.removed = 0;
}
