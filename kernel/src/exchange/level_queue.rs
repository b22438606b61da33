//! L2: estimated queue positions, from level sizes and prints. Positions are in 2⁻²⁰ lot.

use crate::book::Book;
use crate::contract::codes::Ns;
use crate::exchange::displayed::Displayed;
use crate::exchange::own_order::{OwnOrder, Past};
use crate::exchange::print_match::{Fall, LevelKey, PrintMatch};
use crate::models::queue::{Model, SHIFT};

/// More flow than any queue is long.
const ALL: i64 = 1 << 62;

fn place(own: &OwnOrder) -> LevelKey {
    (own.terms.side, own.limit_ticks())
}

/// Put an own order behind the displayed size at its price, less what is printed there.
pub fn join(book: &Book, prints: &PrintMatch, own: &mut OwnOrder, now_ns: Ns) {
    let displayed = book.size_at(own.terms.side, own.limit_ticks());
    own.queue.ahead = (displayed - prints.printed(place(own), now_ns)).max(0) << SHIFT;
    own.queue.last_fall = prints.number;
    own.queue.past.clear();
}

/// Take up the position of an order whose price is back in the window.
pub fn reappear(book: &Book, own: &mut OwnOrder) {
    let displayed = book.size_at(own.terms.side, own.limit_ticks()) << SHIFT;
    own.queue.ahead = if own.queue.is_ahead_known { own.queue.ahead.min(displayed) } else { displayed };
    own.queue.past.clear();
}

/// Pass new flow, in 2⁻²⁰ lot, along the queue; return the lots that reach the order.
pub fn printed(prints: &PrintMatch, own: &mut OwnOrder, flow: i64, matching: bool) -> i64 {
    note(prints, own, Past { fall: 0, before: own.queue.ahead, flow, could_fill: matching });
    let past = flow - own.queue.ahead;
    own.queue.ahead = (-past).max(0);
    if past > 0 && matching {
        own.tip_lots().min(past >> SHIFT)
    } else {
        0
    }
}

/// Apply a print through the price: nothing is ahead any more, displayed or not.
pub fn emptied(prints: &PrintMatch, own: &mut OwnOrder) {
    note(prints, own, Past { fall: 0, before: own.queue.ahead, flow: ALL, could_fill: false });
    (own.queue.ahead, own.queue.is_ahead_known) = (0, true);
}

/// Apply a fall of the level; return whether the position changed.
pub fn fell(displayed: Displayed, own: &mut OwnOrder, fall: &Fall) -> bool {
    let ahead = own.queue.ahead;
    note(displayed.prints, own, Past { fall: fall.number, before: ahead, flow: 0, could_fill: false });
    own.queue.ahead = after(fall, ahead, &displayed.prints.model);
    own.queue.ahead != ahead
}

/// Pass late flow along the queue as it was before a fall; return the lots that reach the order.
pub fn late(displayed: Displayed, own: &mut OwnOrder, number: u64, size_lots: i64) -> i64 {
    let Some(entry) = own.queue.past.iter().position(|past| past.fall == number).filter(|_| own.queue.is_visible)
    else {
        return 0;
    };
    let mut falls = displayed.prints.falls(place(own));
    let Some(fall) = falls.find(|fall| fall.number == number) else { return 0 };
    let beyond = (size_lots << SHIFT) - own.queue.past[entry].before;
    own.queue.past[entry].before = (-beyond).max(0);
    let mut reached = i128::from(beyond.max(0));
    let mut ahead = after(fall, own.queue.past[entry].before, &displayed.prints.model);
    for past in own.queue.past.range_mut(entry + 1..) {
        if past.fall == 0 && past.could_fill {
            reached += i128::from((past.flow - ahead - (past.flow - past.before).max(0)).max(0));
        }
        past.before = ahead;
        // Both ascend, so that each fall is passed once.
        let fall = if past.fall == 0 { None } else { falls.find(|fall| fall.number == past.fall) };
        ahead = fall.map_or((ahead - past.flow).max(0), |fall| after(fall, ahead, &displayed.prints.model));
    }
    own.queue.ahead = ahead;
    own.tip_lots().min((reached >> SHIFT).min(i128::from(size_lots)) as i64)
}

fn note(prints: &PrintMatch, own: &mut OwnOrder, past: Past) {
    let oldest = prints.oldest(place(own));
    Past::note(&mut own.queue.past, past, oldest);
}

/// Cap the position at the displayed size after a snapshot.
pub fn rebuild(book: &Book, own: &mut OwnOrder) {
    own.queue.ahead = own.queue.ahead.min(book.size_at(own.terms.side, own.limit_ticks()) << SHIFT);
}

/// Return a position after a fall, as far as it is explained by now.
pub fn after(fall: &Fall, before: i64, model: &Model) -> i64 {
    let moves = fall.moves_by_model && fall.unexplained() > 0;
    let ahead = if moves { model.ahead(before, fall.old, fall.new, fall.explained + fall.late) } else { before };
    ahead.min(fall.new << SHIFT)
}
