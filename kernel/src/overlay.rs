//! Own resting orders beside the market's book, in one price-time order with it; history is never altered.
//!
//! The market hands every row to `before` while its book still stands as it was, and calls `end_packet` after LAST.
//! docs/fill-model.md states the rules; `execute`, `print` and `cross` are its three ways to a fill.

use crate::book::{Book, Row};
use crate::codes::{action, flag, index, key, sides, Cause, OrderState, RejectReason, UpdateKind};
use crate::displayed::Displayed;
use crate::ladder::NO_KEY;
use crate::liquidity::Liquidity;
use crate::own_order::{OwnOrder, Stand};
use crate::queue_model::QueueModel;
use crate::resting::Resting;
use crate::slab::Slab;
use crate::tape::Hit;
use crate::{level_queue, order_queue};

/// What happened to an own order and has not been booked and told yet.
pub enum Event {
    /// It filled.
    Fill {
        /// The number of the order.
        own: u32,
        /// At what price.
        price_ticks: i64,
        /// How much.
        size_lots: i64,
        /// Why.
        cause: Cause,
    },
    /// A request for it was answered, or it expired.
    Update {
        /// The number of the order.
        own: u32,
        /// The order as it stood then.
        stand: Stand,
        /// What happened.
        kind: UpdateKind,
        /// Why not.
        reason: RejectReason,
    },
}

/// How own orders fill in one instrument.
#[derive(Clone, Copy)]
pub struct Rules {
    /// For L2.
    pub queue_model: QueueModel,
    /// L3: an order that is older than one that executes fills even with lots left ahead.
    pub evidence: bool,
    /// Let hidden prints of unknown side fill.
    pub hidden_any_side: bool,
}

/// The orders of one strategy in one instrument.
pub struct Overlay {
    /// All orders that the exchange or the strategy still knows, by number.
    pub owns: Slab<OwnOrder>,
    /// What own orders can still take.
    pub liquidity: Liquidity,
    /// Orders whose queue position changed in the packet at hand.
    pub moved: Vec<u32>,
    /// What has not been booked and told yet, in turn.
    pub events: Vec<Event>,
    sides: [Resting; 2],
    rules: Rules,
    turns: i64,
    /// Whether some resting order may be outside of what the feed shows.
    unsettled: bool,
    scratch: Vec<u32>,
}

impl Overlay {
    /// Make an overlay without orders.
    pub fn new(rules: Rules) -> Self {
        Overlay {
            owns: Slab::default(),
            liquidity: Liquidity::default(),
            moved: Vec::new(),
            events: Vec::new(),
            sides: Default::default(),
            rules,
            turns: 0,
            unsettled: false,
            scratch: Vec::new(),
        }
    }

    /// Return the best and the worst key of the resting orders of each side.
    pub fn reach(&self) -> [(i64, i64); 2] {
        [self.sides[0].reach(), self.sides[1].reach()]
    }

    /// Return the best and the worst key of each side at which an order rests or a taken lot is remembered.
    pub fn minded(&self) -> [(i64, i64); 2] {
        self.liquidity.reach(self.reach())
    }

    /// Say whether rows can matter beside those at own prices: the feed, which shows so many levels a side (0: all), does
    /// not show all that an order's place depends on.
    pub fn is_careful(&self, depth: usize) -> bool {
        let rests = !self.sides.iter().all(Resting::is_empty);
        rests && (self.unsettled || depth != 0)
    }

    /// Return the best own price of one side.
    #[inline]
    pub fn best(&self, side: i8) -> Option<i64> {
        let best = self.sides[index(side)].best();
        (best != NO_KEY).then(|| key(side, best))
    }

    #[inline]
    fn best_key(&self, side: i8) -> i64 {
        self.sides[index(side)].best()
    }

    #[inline]
    fn at(&self, side: i8, price_ticks: i64) -> &[u32] {
        self.sides[index(side)].at(key(side, price_ticks))
    }

    /// Put an order at the end of the queue at its price.
    pub fn rest(&mut self, book: &Book, at: u32) {
        self.turns += 1;
        let own = &mut self.owns[at];
        own.turn = self.turns;
        // In the midst of a snapshot nothing is known: the order takes its place when the snapshot is complete.
        let known = !book.partial[index(own.side)] && !book.beyond_window(own.side, own.limit_ticks());
        own.visible = known;
        own.shown = known;
        self.unsettled |= !known;
        if book.level == 3 {
            order_queue::join(book, own);
        } else {
            level_queue::join(book, own);
        }
        own.ahead_at_arrival = own.ahead_lots(book.level);
        self.sides[index(own.side)].push(key(own.side, own.limit_ticks()), at);
    }

    /// Take an order off.
    pub fn remove(&mut self, at: u32) {
        let own = &self.owns[at];
        self.sides[index(own.side)].remove(key(own.side, own.limit_ticks()), at);
    }

    /// Forget an order that nobody knows any more.
    pub fn forget(&mut self, at: u32) {
        self.moved.retain(|each| *each != at);
        self.owns.remove(at);
    }

    /// Take in a row that the book is about to apply, and the order that it names as it stands.
    pub fn before(&mut self, displayed: Displayed, row: &Row, hit: &Hit) {
        let book = displayed.book;
        self.liquidity.before(book, row, hit);
        match row.action {
            action::EXECUTE => self.execute(displayed, row, hit),
            action::CANCEL => self.cancel(hit, row.size_lots, row.flags),
            action::MODIFY => {
                let keeps = row.price_ticks == hit.price_ticks && row.size_lots < hit.size_lots;
                let lost = if keeps { hit.size_lots - row.size_lots } else { hit.size_lots };
                self.cancel(hit, lost, row.flags);
            }
            action::LEVEL => self.level(displayed, row),
            action::TRADE => self.trade(displayed, row),
            action::CLEAR => self.clear(book, row.side),
            _ => {}
        }
    }

    /// Settle what is judged by the book after a whole packet: snapshots, the window, crosses.
    #[inline]
    pub fn end_packet(&mut self, displayed: Displayed) {
        let book = displayed.book;
        self.liquidity.end_packet(book);
        if self.unsettled || book.depth != 0 || book.is_partial() {
            self.unsettled = false;
            self.settle(book, 1);
            self.settle(book, -1);
        }
        if (self.crosses(book, 1) | self.crosses(book, -1)) && displayed.matching {
            self.cross(displayed, 1);
            self.cross(displayed, -1);
        }
    }

    /// Find the positions of orders whose queues have been shown again, or have left or entered the window.
    fn settle(&mut self, book: &Book, side: i8) {
        let shown = !book.partial[index(side)];
        if !shown && book.is_side_empty(side) {
            self.unsettled = true; // cleared and not shown again: nothing is known of any queue
            return;
        }
        self.each_resting(side, |overlay, at| {
            if !shown {
                overlay.rebuild(book, at);
            }
            overlay.look(book, at);
        });
    }

    fn each_resting(&mut self, side: i8, mut visit: impl FnMut(&mut Overlay, u32)) {
        let mut all = std::mem::take(&mut self.scratch);
        self.sides[index(side)].all(&mut all);
        for at in &all {
            visit(self, *at);
        }
        self.scratch = all;
    }

    /// Fill a resting order and take it off when nothing is left.
    fn take(&mut self, at: u32, price_ticks: i64, size_lots: i64, cause: Cause) {
        if size_lots == self.owns[at].open_lots() {
            self.remove(at);
        }
        self.fill(at, price_ticks, size_lots, cause);
    }

    /// Fill an order; the fill waits to be booked.
    pub fn fill(&mut self, own: u32, price_ticks: i64, size_lots: i64, cause: Cause) {
        let order = &mut self.owns[own];
        order.filled_lots += size_lots;
        if order.open_lots() == 0 {
            order.state = OrderState::Filled;
        }
        self.events.push(Event::Fill { own, price_ticks, size_lots, cause });
    }

    fn changed(&mut self, at: u32) {
        if !self.moved.contains(&at) {
            self.moved.push(at);
        }
    }

    /// Fill orders at better prices than a trade's, each at its own price; return what is left of the trade.
    fn through(&mut self, side: i8, price_ticks: i64, mut size_lots: i64, cause: Cause) -> i64 {
        let limit = key(side, price_ticks);
        while size_lots > 0 {
            let Some(rung) = self.sides[index(side)].rungs().first().filter(|rung| rung.key < limit) else { break };
            let (at, price) = (rung.owns[0], key(side, rung.key));
            let lots = size_lots.min(self.owns[at].open_lots());
            size_lots -= lots;
            self.take(at, price, lots, cause);
        }
        size_lots
    }

    fn execute(&mut self, displayed: Displayed, row: &Row, order: &Hit) {
        let (side, price_ticks) = (order.side, order.price_ticks);
        if self.best_key(side) > key(side, price_ticks) {
            return;
        }
        let evidence = self.rules.evidence;
        // After a return to the window orders with nothing ahead may stand among those that count as older.
        let is_next = |own: &OwnOrder| own.visible && (own.ahead == 0 || evidence && own.arrival < order.arrival);
        let some_next = self.best_key(side) < key(side, price_ticks)
            || self.at(side, price_ticks).iter().any(|at| is_next(&self.owns[*at]));
        if some_next && row.flags & flag::AUCTION == 0 && displayed.matching_row(row) {
            let mut left = self.through(side, price_ticks, row.size_lots, Cause::Through);
            let mut i = 0;
            while let Some(at) = self.at(side, price_ticks).get(i).copied().filter(|_| left > 0) {
                let own = &self.owns[at];
                let lots = if is_next(own) { left.min(own.open_lots()) } else { 0 };
                i += usize::from(lots < own.open_lots()); // one that fills makes room for the next
                left -= lots;
                if lots > 0 {
                    self.take(at, price_ticks, lots, Cause::Queue);
                }
            }
        }
        self.move_at(side, price_ticks, |own| order_queue::executed(own, order, row.size_lots));
    }

    /// Give the orders at a price new positions; `moved` says of each whether it has one.
    #[inline]
    fn move_at(&mut self, side: i8, price_ticks: i64, mut moved: impl FnMut(&mut OwnOrder) -> bool) {
        let (own_orders, changed) = (&mut self.owns, &mut self.moved);
        for at in self.sides[index(side)].at(key(side, price_ticks)) {
            if moved(&mut own_orders[*at]) && !changed.contains(at) {
                changed.push(*at);
            }
        }
    }

    #[inline]
    fn cancel(&mut self, order: &Hit, size_lots: i64, flags: u8) {
        let (side, price_ticks) = (order.side, order.price_ticks);
        if flags & flag::WINDOW != 0 {
            let mut i = 0;
            while let Some(at) = self.at(side, price_ticks).get(i).copied() {
                self.freeze(at);
                i += 1;
            }
        } else {
            self.move_at(side, price_ticks, |own| order_queue::cancelled(own, order, size_lots));
        }
    }

    fn level(&mut self, displayed: Displayed, row: &Row) {
        let Row { side, price_ticks, size_lots, flags, .. } = *row;
        if displayed.book.partial[index(side)] || self.at(side, price_ticks).is_empty() {
            return;
        }
        let before = displayed.book.size_at(side, price_ticks);
        let printed = displayed.prints.printed((side, price_ticks));
        let mut i = 0;
        while let Some(at) = self.at(side, price_ticks).get(i).copied() {
            if flags & flag::WINDOW != 0 && size_lots == 0 {
                self.freeze(at);
            } else if self.owns[at].visible {
                let model = self.rules.queue_model;
                if level_queue::level(&mut self.owns[at], model, before, size_lots, printed) {
                    self.changed(at);
                }
            }
            i += 1;
        }
    }

    fn trade(&mut self, displayed: Displayed, row: &Row) {
        if row.flags & flag::AUCTION != 0 {
            return;
        }
        if row.flags & flag::HIDDEN != 0 {
            if displayed.matching_row(row) {
                self.hidden(row.side, row.price_ticks, row.size_lots);
            }
        } else if displayed.book.level == 2 && row.side != 0 {
            self.print(row.side, row.price_ticks, row.size_lots, displayed.matching_row(row));
        }
    }

    fn print(&mut self, side: i8, price_ticks: i64, size_lots: i64, matching: bool) {
        let mut left = size_lots;
        if matching {
            left = self.through(side, price_ticks, size_lots, Cause::Through);
        }
        let owns = self.at(side, price_ticks).to_vec();
        for at in &owns {
            if self.owns[*at].visible {
                let lots = level_queue::printed(&mut self.owns[*at], left, matching);
                left -= lots;
                if lots > 0 {
                    self.take(*at, price_ticks, lots, Cause::Queue);
                }
            }
        }
        for at in owns {
            self.changed(at);
        }
    }

    fn hidden(&mut self, side: i8, price_ticks: i64, mut size_lots: i64) {
        if side == 0 && !self.rules.hidden_any_side {
            return;
        }
        for each in sides(side) {
            size_lots = self.through(*each, price_ticks, size_lots, Cause::Hidden);
            for at in self.at(*each, price_ticks).to_vec() {
                let own = &self.owns[at];
                if size_lots > 0 && own.visible && own.ahead == 0 {
                    let lots = size_lots.min(own.open_lots());
                    size_lots -= lots;
                    self.take(at, price_ticks, lots, Cause::Hidden);
                }
            }
        }
    }

    /// Say whether the market's opposite side stands at or through the best own order of a side.
    #[inline]
    fn crosses(&self, book: &Book, side: i8) -> bool {
        book.crosses(side, self.best_key(side))
    }

    fn cross(&mut self, displayed: Displayed, side: i8) {
        let Some(opposite) = displayed.book.best(-side) else { return };
        let mut all = std::mem::take(&mut self.scratch);
        self.sides[index(side)].all(&mut all);
        for at in &all {
            let own = &self.owns[*at];
            let (price_ticks, mut left) = (own.limit_ticks(), own.open_lots());
            if i64::from(side) * price_ticks < i64::from(side) * opposite {
                break;
            }
            let mut offers = Vec::new();
            self.liquidity.offers(displayed.book, displayed.prints, -side, Some(price_ticks), |offer| {
                left -= offer.size_lots;
                offers.push(offer);
                left > 0
            });
            for offer in offers {
                let lots = offer.size_lots.min(self.owns[*at].open_lots());
                self.liquidity.take(&offer, lots);
                self.take(*at, price_ticks, lots, Cause::Cross);
            }
        }
        self.scratch = all;
    }

    fn clear(&mut self, book: &Book, side: i8) {
        for each in sides(side) {
            if !book.partial[index(*each)] && book.level == 3 {
                self.each_resting(*each, |overlay, at| order_queue::remember(book, &mut overlay.owns[at]));
            }
        }
    }

    fn rebuild(&mut self, book: &Book, at: u32) {
        let own = &mut self.owns[at];
        if own.visible && !book.beyond_window(own.side, own.limit_ticks()) {
            if book.level == 3 {
                order_queue::rebuild(book, own);
            } else {
                level_queue::rebuild(book, own);
            }
            self.changed(at);
        }
    }

    fn freeze(&mut self, at: u32) {
        if self.owns[at].visible {
            self.owns[at].visible = false;
            self.unsettled = true;
            self.changed(at);
        }
    }

    fn look(&mut self, book: &Book, at: u32) {
        let own = &mut self.owns[at];
        if book.beyond_window(own.side, own.limit_ticks()) {
            self.freeze(at);
        } else if !own.visible {
            if book.level == 3 {
                order_queue::reappear(book, own);
            } else {
                level_queue::reappear(book, own);
            }
            own.visible = true;
            own.shown = true;
            self.changed(at);
        }
    }

    /// Check the invariants of own orders.
    ///
    /// # Errors
    /// Says which one is broken.
    pub fn check(&self, book: &Book) -> Result<(), String> {
        for side in [1, -1] {
            for rung in self.sides[index(side)].rungs() {
                let mut turn = 0;
                for own in rung.owns.iter().map(|at| &self.owns[*at]) {
                    if own.turn <= turn || (own.side, key(side, own.limit_ticks())) != (side, rung.key) {
                        return Err(format!("own order {} is out of turn or misplaced", own.order_id));
                    }
                    turn = own.turn;
                    self.check_position(book, own)?;
                }
            }
        }
        self.liquidity.check(book)
    }

    fn check_position(&self, book: &Book, own: &OwnOrder) -> Result<(), String> {
        if own.open_lots() <= 0 || own.ahead < 0 {
            return Err(format!("own order {} is empty or has {} ahead", own.order_id, own.ahead));
        }
        if book.level == 3 && own.visible && !book.partial[index(own.side)] {
            let level = book.level_at(own.side, own.limit_ticks());
            let orders = level.into_iter().flat_map(|level| book.orders_of(level));
            let older: i64 = orders.filter(|each| each.arrival <= own.arrival).map(|each| each.size_lots).sum();
            if own.older_lots != older || own.ahead > older {
                let (order_id, ahead) = (own.order_id, own.ahead);
                return Err(format!("own order {order_id} has {ahead} ahead, the older orders {older}"));
            }
        }
        Ok(())
    }
}
