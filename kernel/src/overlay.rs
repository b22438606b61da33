//! Own resting orders beside the market's book, in one price-time order with it; history is never altered.
//!
//! The market hands every row to `before` while its book still stands as it was, and calls `end_packet` after LAST.
//! docs/fill-model.md states the rules; `execute`, `printed` with `late`, and `cross` are its ways to a fill.

use rustc_hash::FxHashMap as HashMap;

use crate::book::{Book, Row};
use crate::codes::{action, flag, index, key, sides, Cause, OrderState, RejectReason, UpdateKind};
use crate::displayed::{Displayed, Match};
use crate::ladder::NO_KEY;
use crate::liquidity::Liquidity;
use crate::own_order::{OwnOrder, OwnTrade, Stand};
use crate::prints::{Fall, Place};
use crate::queue_model::QueueModel;
use crate::resting::Resting;
use crate::slab::Slab;
use crate::tape::Hit;
use crate::{level_queue, order_queue};

mod available;
mod levels;

/// What happened to an own order and has not been booked and told yet.
pub enum Event {
    /// It filled.
    Fill {
        /// The number of the order.
        own: u32,
        /// What it traded.
        trade: OwnTrade,
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
    /// Orders that arrived while nothing could be taken and take once something can, oldest first.
    waiting: Vec<u32>,
    /// Whether some resting order may be outside of what the feed shows.
    unsettled: bool,
    scratch: Vec<u32>,
}

impl Overlay {
    /// Make an overlay without orders beside a feed of a level.
    pub fn new(rules: Rules, level: u8) -> Self {
        Overlay {
            owns: Slab::default(),
            liquidity: Liquidity::new(level, rules.queue_model),
            moved: Vec::new(),
            events: Vec::new(),
            sides: Default::default(),
            rules,
            turns: 0,
            waiting: Vec::new(),
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
        let open = self.liquidity.is_unsettled() || !self.waiting.is_empty();
        open || rests && (self.unsettled || depth != 0)
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

    /// Put an order at the end of the queue at its price; `waits`: it takes once something can be taken.
    pub fn rest(&mut self, displayed: Displayed, at: u32, waits: bool) {
        let book = displayed.book;
        self.turns += 1;
        let own = &mut self.owns[at];
        own.turn = self.turns;
        // In the midst of a snapshot nothing is known: the order takes its place when the snapshot is complete.
        let known = !book.partial[index(own.side)] && !book.beyond_window(own.side, own.limit_ticks());
        own.visible = known;
        own.shown = known;
        own.waits = waits;
        if waits {
            self.waiting.push(at);
        }
        self.unsettled |= !known;
        if book.level == 3 {
            order_queue::join(book, own);
        } else {
            level_queue::join(book, displayed.prints, own, displayed.now_ns);
        }
        own.ahead_at_arrival = own.ahead_lots(book.level);
        self.sides[index(own.side)].push(key(own.side, own.limit_ticks()), at);
    }

    /// Take an order off.
    pub fn remove(&mut self, at: u32) {
        let own = &mut self.owns[at];
        self.sides[index(own.side)].remove(key(own.side, own.limit_ticks()), at);
        if own.waits {
            own.waits = false;
            self.waiting.retain(|each| *each != at);
        }
    }

    /// Forget an order that nobody knows any more.
    pub fn forget(&mut self, at: u32) {
        self.moved.retain(|each| *each != at);
        self.owns.remove(at);
    }

    /// Take in a row that the book is about to apply, and the order that it names as it stands; levels and prints of L2
    /// have functions of their own.
    pub fn before(&mut self, displayed: Displayed, row: &Row, hit: &Hit) {
        let book = displayed.book;
        match row.action {
            action::EXECUTE if row.flags & flag::AUCTION == 0 => {
                self.execute(book, displayed.matching_row(row), row, hit);
                self.liquidity.executed(book, hit);
            }
            action::EXECUTE => {
                self.execute(book, Match::Nothing, row, hit);
                self.liquidity.reduced(book, row.order_id, hit, hit.size_lots - row.size_lots);
            }
            action::CANCEL => self.cancel(book, row, hit, row.size_lots),
            action::MODIFY => {
                let keeps = row.price_ticks == hit.price_ticks && row.size_lots <= hit.size_lots;
                let lost = if keeps { hit.size_lots - row.size_lots } else { hit.size_lots };
                self.cancel(book, row, hit, lost);
            }
            action::TRADE if row.flags & flag::HIDDEN != 0 && row.flags & flag::AUCTION == 0 => {
                self.hidden(row, displayed.matching_row(row));
            }
            action::CLEAR => self.clear(book, row.side),
            _ => {}
        }
    }

    /// Settle positions at the end of a packet, before the book takes in that a side is shown again; `falls` are the levels
    /// of which a snapshot shows less.
    #[inline]
    pub fn settle(&mut self, displayed: Displayed, falls: &HashMap<Place, Fall>) {
        let book = displayed.book;
        self.liquidity.settle(displayed, falls);
        if self.unsettled || book.depth != 0 || book.is_partial() {
            self.unsettled = false;
            self.settle_side(displayed, 1, falls);
            self.settle_side(displayed, -1, falls);
        }
    }

    /// Let orders that wait or are crossed trade with the book after a whole packet, if it is good.
    #[inline]
    pub fn end_packet(&mut self, displayed: Displayed) {
        if displayed.matching == Match::All {
            if !self.waiting.is_empty() {
                self.end_wait(displayed);
            }
            if self.crosses(displayed.book, 1) | self.crosses(displayed.book, -1) {
                self.cross(displayed, 1);
                self.cross(displayed, -1);
            }
        }
    }

    /// Find the positions of orders whose queues have been shown again, or have left or entered the window.
    fn settle_side(&mut self, displayed: Displayed, side: i8, falls: &HashMap<Place, Fall>) {
        let book = displayed.book;
        let shown = !book.partial[index(side)];
        if !shown && book.is_side_empty(side) {
            self.unsettled = true; // cleared and not shown again: nothing is known of any queue
            return;
        }
        self.each_resting(side, |overlay, at| {
            if !shown {
                overlay.rebuild(displayed, at, falls);
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
    fn take(&mut self, at: u32, trade: OwnTrade) {
        if trade.size_lots == self.owns[at].open_lots() {
            self.remove(at);
        }
        self.fill(at, trade);
    }

    /// Fill an order; the fill waits to be booked.
    pub fn fill(&mut self, own: u32, trade: OwnTrade) {
        let order = &mut self.owns[own];
        order.filled_lots += trade.size_lots;
        if order.open_lots() == 0 {
            order.state = OrderState::Filled;
        }
        self.events.push(Event::Fill { own, trade });
    }

    fn changed(&mut self, at: u32) {
        if !self.moved.contains(&at) {
            self.moved.push(at);
        }
    }

    /// Fill orders at better prices than a trade's, each at its own price; return what is left of the trade.
    fn through(&mut self, (side, price_ticks): Place, flow: OwnTrade, matching: Match) -> i64 {
        let (limit, mut left) = (key(side, price_ticks), flow.size_lots);
        while left > 0 && matching != Match::Nothing {
            let Some(rung) = self.sides[index(side)].rungs().first().filter(|rung| rung.key < limit) else { break };
            let at = rung.owns[0];
            left -= self.take_first(at, OwnTrade { size_lots: left, ..flow }, matching);
        }
        left
    }

    /// Fill an order at its own price by flow at a worse one; return how much.
    fn take_first(&mut self, at: u32, flow: OwnTrade, matching: Match) -> i64 {
        let own = &self.owns[at];
        let (price_ticks, size_lots) = (own.limit_ticks(), flow.size_lots.min(own.open_lots()));
        self.take(at, OwnTrade { price_ticks, size_lots, tainted: matching == Match::Through, ..flow });
        size_lots
    }

    fn execute(&mut self, book: &Book, matching: Match, row: &Row, order: &Hit) {
        let (side, price_ticks) = (order.side, order.price_ticks);
        if self.best_key(side) > key(side, price_ticks) {
            return;
        }
        let mut left = row.size_lots;
        if self.best_key(side) < key(side, price_ticks) {
            left = self.through((side, price_ticks), OwnTrade::new(0, left, Cause::Through), matching);
        }
        // In the midst of a snapshot nothing is known of who is older.
        let evidence = self.rules.evidence && !book.partial[index(side)];
        // After a return to the window orders with nothing ahead may stand among those that count as older.
        let is_next = |own: &OwnOrder| own.visible && (own.ahead == 0 || evidence && own.arrival < order.arrival);
        if matching == Match::All {
            let mut i = 0;
            while let Some(at) = self.at(side, price_ticks).get(i).copied().filter(|_| left > 0) {
                let own = &self.owns[at];
                let lots = if is_next(own) { left.min(own.open_lots()) } else { 0 };
                i += usize::from(lots < own.open_lots()); // one that fills makes room for the next
                left -= lots;
                if lots > 0 {
                    self.take(at, OwnTrade::new(price_ticks, lots, Cause::Queue));
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
    fn cancel(&mut self, book: &Book, row: &Row, order: &Hit, lost_lots: i64) {
        let (side, price_ticks) = (order.side, order.price_ticks);
        if row.flags & flag::WINDOW != 0 {
            self.leave((side, price_ticks));
        } else {
            self.move_at(side, price_ticks, |own| order_queue::cancelled(own, order, lost_lots));
            self.liquidity.reduced(book, row.order_id, order, order.size_lots - lost_lots);
        }
    }

    /// Take in that a price leaves the window.
    pub fn leave(&mut self, place: Place) {
        let mut i = 0;
        while let Some(at) = self.at(place.0, place.1).get(i).copied() {
            self.freeze(at);
            i += 1;
        }
        self.liquidity.freeze(place);
    }

    fn hidden(&mut self, row: &Row, matching: Match) {
        if row.side == 0 && !self.rules.hidden_any_side {
            return;
        }
        let mut left = row.size_lots;
        for each in sides(row.side) {
            let place = (*each, row.price_ticks);
            left = self.through(place, OwnTrade::new(0, left, Cause::Hidden), matching);
            let owns = if matching == Match::All { self.at(place.0, place.1).to_vec() } else { Vec::new() };
            for at in owns {
                let own = &self.owns[at];
                if left > 0 && own.visible && own.ahead == 0 {
                    let lots = left.min(own.open_lots());
                    left -= lots;
                    self.take(at, OwnTrade::new(place.1, lots, Cause::Hidden));
                }
            }
        }
    }

    fn clear(&mut self, book: &Book, side: i8) {
        self.liquidity.clear(book, side);
        for each in sides(side) {
            if !book.partial[index(*each)] && book.level == 3 {
                self.each_resting(*each, |overlay, at| order_queue::remember(book, &mut overlay.owns[at]));
            }
        }
    }

    fn rebuild(&mut self, displayed: Displayed, at: u32, falls: &HashMap<Place, Fall>) {
        let (book, own) = (displayed.book, &mut self.owns[at]);
        if own.visible && !book.beyond_window(own.side, own.limit_ticks()) {
            if book.level == 3 {
                order_queue::rebuild(book, own);
            } else {
                if let Some(fall) = falls.get(&(own.side, own.limit_ticks())) {
                    level_queue::fell(displayed.prints, own, fall, self.rules.queue_model);
                }
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
