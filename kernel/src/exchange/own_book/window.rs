//! Own orders whose queues are displayed again after a CLEAR, or whose prices leave or enter the window of the feed.

use rustc_hash::FxHashMap as HashMap;

use crate::book::slab::NONE;
use crate::book::Book;
use crate::contract::codes::{index, key, Feed};
use crate::exchange::displayed::Displayed;
use crate::exchange::own_book::OwnBook;
use crate::exchange::print_match::{Fall, LevelKey};
use crate::exchange::{level_queue, order_queue};

impl OwnBook {
    /// Update positions at the end of a packet, before the book ends a snapshot; `falls` are the levels of which a
    /// snapshot shows less.
    #[inline]
    pub fn update_visibility(&mut self, displayed: Displayed, falls: &HashMap<LevelKey, Fall>) {
        let book = displayed.book;
        self.available.update_visibility(displayed, falls);
        if self.visibility_unknown || book.depth != 0 || book.is_awaiting_snapshot() {
            self.visibility_unknown = false;
            self.update_side_visibility(displayed, 1, falls);
            self.update_side_visibility(displayed, -1, falls);
        }
    }

    /// Find the positions of orders whose queues are displayed again, or whose prices have left or entered the window.
    fn update_side_visibility(&mut self, displayed: Displayed, side: i8, falls: &HashMap<LevelKey, Fall>) {
        let book = displayed.book;
        let shown = !book.awaiting_snapshot[index(side)];
        if !shown && book.is_side_empty(side) {
            self.visibility_unknown = true; // cleared and not shown again: no queue is known
            return;
        }
        if !shown {
            self.each_resting(side, |own_book, at| own_book.rebuild(displayed, at, falls));
        }
        let end = book.window_end(side);
        self.freeze_behind(side, end);
        self.show_within(book, side, end);
    }

    /// Freeze the orders of a side past the last key that the feed shows.
    fn freeze_behind(&mut self, side: i8, end: i64) {
        let place = index(side);
        if end < self.frozen_from[place] {
            let mut rung = self.sides[place].behind(end);
            while let Some((key, oldest)) = rung.filter(|(key, _)| *key < self.frozen_from[place]) {
                self.freeze_from(oldest);
                rung = self.sides[place].behind(key);
            }
        }
        self.frozen_from[place] = end.saturating_add(1);
    }

    /// Give the orders that are not visible a position, as far as the feed shows their prices.
    fn show_within(&mut self, book: &Book, side: i8, end: i64) {
        let place = index(side);
        while let Some((at_key, at)) = self.hidden[place].first().copied().filter(|(key, _)| *key <= end) {
            self.hidden[place].pop_first();
            let own = &mut self.orders[at];
            if book.feed == Feed::L3 {
                order_queue::reappear(book, own);
                self.sides[place].stands_behind(at_key, own.queue.arrival);
            } else {
                level_queue::reappear(book, own);
                if own.queue.ahead != 0 {
                    self.behind[place].insert((at_key, at));
                }
            }
            own.queue.is_visible = true;
            own.queue.is_ahead_known = true;
            self.changed(at);
        }
    }

    fn rebuild(&mut self, displayed: Displayed, at: u32, falls: &HashMap<LevelKey, Fall>) {
        let (book, own) = (displayed.book, &mut self.orders[at]);
        if own.queue.is_visible && !book.beyond_window(own.terms.side, own.limit_ticks()) {
            if book.feed == Feed::L3 {
                order_queue::rebuild(book, own);
                let (side, at_key) = (index(own.terms.side), key(own.terms.side, own.limit_ticks()));
                self.sides[side].stands_behind(at_key, own.queue.arrival);
            } else {
                if let Some(fall) = falls.get(&(own.terms.side, own.limit_ticks())) {
                    level_queue::fell(displayed, own, fall);
                }
                level_queue::rebuild(book, own);
            }
            self.changed(at);
        }
    }

    /// Freeze a price that leaves the window.
    pub fn leave(&mut self, place: LevelKey) {
        self.freeze_from(self.oldest(place));
        self.available.freeze(place);
    }

    /// Freeze an order and all younger ones at its price.
    fn freeze_from(&mut self, first: u32) {
        let mut at = first;
        while at != NONE {
            self.freeze(at);
            at = self.orders[at].younger;
        }
    }

    fn freeze(&mut self, at: u32) {
        let own = &mut self.orders[at];
        if own.queue.is_visible {
            own.queue.is_visible = false;
            self.hidden[index(own.terms.side)].insert((key(own.terms.side, own.limit_ticks()), at));
            self.visibility_unknown = true;
            self.changed(at);
        }
    }
}
