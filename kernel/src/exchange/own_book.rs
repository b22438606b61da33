//! Own resting orders beside the market's book, in one price-time order with it; history is never altered.
//!
//! The market shows relevant rows to `before` while its book is as it was before the row, and calls `end_packet` after
//! LAST. docs/fill-model.md has the rules; `execute`, `printed` with `late`, and `cross` are its ways to a fill.

use std::collections::{BTreeMap, BTreeSet};

use crate::book::ladder::NO_KEY;
use crate::book::row_effect::NamedOrder;
use crate::book::slab::{Slab, NONE};
use crate::book::Book;
use crate::contract::codes::{action, flag, index, key, sides, Cause, Feed, Ns, OrderState, RejectReason, UpdateKind};
use crate::contract::generated_terms::Terms;
use crate::contract::plan::{FillRules, SessionPlan};
use crate::contract::row::Row;
use crate::exchange::available_lots::AvailableLots;
use crate::exchange::displayed::{Displayed, Match};
use crate::exchange::order_kinds::protection::Protection;
use crate::exchange::order_kinds::reduce_only::ReduceOnly;
use crate::exchange::own_order::{OwnOrder, OwnTrade};
use crate::exchange::print_match::LevelKey;
use crate::exchange::resting::Resting;
use crate::exchange::{level_queue, order_queue};
use crate::wire::messages::OrderSnapshot;

mod check;
mod crossing;
mod expiries;
mod levels;
mod stops;
mod window;

use expiries::Expiries;
pub use stops::is_stop;
use stops::Stops;

/// What happened to an own order and is not booked yet.
pub enum OrderEvent {
    /// It filled.
    Fill {
        /// The number of the order.
        own: u32,
        /// What it traded.
        trade: OwnTrade,
        /// When it had taken its place.
        ts_arrival_ns: Ns,
        /// The market's lots ahead of it then; `None` if it took or its queue was not displayed.
        ahead_at_arrival: Option<i64>,
    },
    /// A request for it was answered, or the exchange has changed or ended it.
    Update {
        /// The order as it stood then.
        order: OrderSnapshot,
        /// What happened.
        kind: UpdateKind,
        /// `None` unless it was refused.
        reason: RejectReason,
    },
}

/// The orders of one strategy in one instrument.
pub struct OwnBook {
    /// Orders that the exchange or the strategy still knows, by number.
    pub orders: Slab<OwnOrder>,
    /// What own orders can take.
    pub available: AvailableLots,
    /// Market maker protection.
    pub protection: Protection,
    /// The resting reduce-only orders, and the position.
    pub reduce_only: ReduceOnly,
    /// The orders that wait for a price.
    pub stops: Stops,
    /// The orders that end by themselves.
    pub expiries: Expiries,
    /// Orders whose queue position changed in the packet at hand; those with `OwnOrder::has_moved` unset are stale.
    pub moved: Vec<u32>,
    /// Not booked yet, in order.
    pub events: Vec<OrderEvent>,
    pub(super) sides: [Resting; 2],
    rules: FillRules,
    queue_stays: i64,
    /// How many icebergs rest.
    icebergs: usize,
    /// Orders that arrived while nothing could be taken and take once something can, by queue stay.
    waiting: BTreeMap<i64, u32>,
    /// L2, per side: keys and orders that may have lots ahead, or whose queue is not displayed.
    behind: [BTreeSet<(i64, u32)>; 2],
    /// Per side: keys and orders that are not visible.
    hidden: [BTreeSet<(i64, u32)>; 2],
    /// Per side: no order at this key or past it is visible.
    frozen_from: [i64; 2],
    /// True if some resting order may be outside of what the feed shows.
    visibility_unknown: bool,
    scratch: Vec<u32>,
}

impl OwnBook {
    /// Start with a position and no orders.
    pub fn new(rules: FillRules, feed: Feed, session: SessionPlan) -> Self {
        OwnBook {
            orders: Slab::default(),
            available: AvailableLots::new(feed),
            protection: Protection::new(session.mmp),
            reduce_only: ReduceOnly::new(session.initial_position),
            stops: Stops::default(),
            expiries: Expiries::default(),
            moved: Vec::new(),
            events: Vec::new(),
            sides: Default::default(),
            rules,
            queue_stays: 0,
            icebergs: 0,
            waiting: BTreeMap::new(),
            behind: Default::default(),
            hidden: Default::default(),
            frozen_from: [NO_KEY; 2],
            visibility_unknown: false,
            scratch: Vec::new(),
        }
    }

    /// Return the best and the worst key of the resting orders, per side.
    pub fn span(&self) -> [(i64, i64); 2] {
        [self.sides[0].span(), self.sides[1].span()]
    }

    /// Return the best and the worst key, per side, at which an order rests or lots are taken.
    pub fn matter_span(&self) -> [(i64, i64); 2] {
        self.available.extend_span(self.span())
    }

    /// Return whether rows at other than own prices can matter: the feed, which shows `depth` levels per side (0: all),
    /// does not show all that an order's place depends on.
    pub fn needs_full_book(&self, depth: usize) -> bool {
        let rests = !self.sides.iter().all(Resting::is_empty);
        // The next tip of an iceberg may join at any row.
        let open = self.available.is_visibility_unknown() || !self.waiting.is_empty() || self.icebergs != 0;
        open || rests && (self.visibility_unknown || depth != 0)
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

    /// Return the oldest order at a price, `NONE` where there is none.
    #[inline]
    fn oldest(&self, (side, price_ticks): LevelKey) -> u32 {
        self.sides[index(side)].oldest(key(side, price_ticks))
    }

    /// Put an order at the end of the queue at its price; `waits`: it takes once something can be taken.
    pub fn rest(&mut self, displayed: Displayed, at: u32, waits: bool) {
        let book = displayed.book;
        self.queue_stays += 1;
        let own = &mut self.orders[at];
        own.queue_stay = self.queue_stays;
        own.tip = own.terms.display_lots.unwrap_or(0);
        self.icebergs += usize::from(own.terms.display_lots.is_some());
        // Within a snapshot no queue is known: the order takes its place when the snapshot is complete.
        let known =
            !book.awaiting_snapshot[index(own.terms.side)] && !book.beyond_window(own.terms.side, own.limit_ticks());
        own.queue.is_visible = known;
        own.queue.is_ahead_known = known;
        own.waits_to_take = waits;
        if waits {
            self.waiting.insert(own.queue_stay, at);
        }
        self.visibility_unknown |= !known;
        let (side, at_key) = (index(own.terms.side), key(own.terms.side, own.limit_ticks()));
        if book.feed == Feed::L3 {
            order_queue::join(book, own);
        } else {
            level_queue::join(book, displayed.prints, own, displayed.now_ns);
        }
        own.ahead_at_arrival = own.ahead_lots(book.feed);
        if known {
            self.frozen_from[side] = self.frozen_from[side].max(at_key.saturating_add(1));
        } else {
            self.hidden[side].insert((at_key, at));
        }
        if book.feed == Feed::L2 && (own.queue.ahead != 0 || !known) {
            self.behind[side].insert((at_key, at));
        }
        if own.terms.reduce_only {
            self.reduce_only.rest(own, at);
        }
        self.expiries.add(own, at);
        self.sides[side].push(&mut self.orders, at_key, at);
    }

    /// Remove an order, from its queue or from those that wait for a price.
    pub fn remove(&mut self, at: u32) {
        let own = &mut self.orders[at];
        if own.state == OrderState::Untriggered {
            self.expiries.remove(own);
            self.stops.remove(at);
            return;
        }
        let (side, at_key) = (index(own.terms.side), key(own.terms.side, own.limit_ticks()));
        self.icebergs -= usize::from(own.terms.display_lots.is_some());
        if own.waits_to_take {
            own.waits_to_take = false;
            self.waiting.remove(&own.queue_stay);
        }
        if !own.queue.is_visible {
            self.hidden[side].remove(&(at_key, at));
        }
        if !self.behind[side].is_empty() {
            self.behind[side].remove(&(at_key, at));
        }
        if own.terms.reduce_only {
            self.reduce_only.remove(own, at);
        }
        self.expiries.remove(own);
        self.sides[side].remove(&mut self.orders, at_key, at);
    }

    /// Drop an order that is over.
    pub fn forget(&mut self, at: u32) {
        self.orders[at].has_moved = false;
        self.orders.remove(at);
    }

    /// Apply a row that the book is about to apply, with the order that it names; L2 has functions of its own for
    /// levels and prints.
    pub fn before(&mut self, displayed: Displayed, row: &Row, named: &NamedOrder) {
        let book = displayed.book;
        match row.action {
            action::EXECUTE if row.flags & flag::AUCTION == 0 => {
                self.execute(displayed, displayed.matching_row(row), row, named);
                self.available.executed(book, named);
            }
            action::EXECUTE => {
                self.execute(displayed, Match::Nothing, row, named);
                self.available.reduced(book, row.order_id, named, named.size_lots - row.size_lots);
            }
            action::CANCEL => self.cancel(book, row, named, row.size_lots),
            action::MODIFY => {
                let keeps = row.price_ticks == named.price_ticks && row.size_lots <= named.size_lots;
                let lost = if keeps { named.size_lots - row.size_lots } else { named.size_lots };
                self.cancel(book, row, named, lost);
            }
            action::TRADE if row.flags & flag::HIDDEN != 0 && row.flags & flag::AUCTION == 0 => {
                self.hidden_print(displayed, row);
            }
            action::CLEAR => self.clear(book, row.side),
            _ => {}
        }
    }

    /// Let waiting and crossed orders trade with the book after a packet, if the book can be trusted.
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
            self.protect(displayed.now_ns);
        }
    }

    fn each_resting(&mut self, side: i8, mut visit: impl FnMut(&mut OwnBook, u32)) {
        let mut all = std::mem::take(&mut self.scratch);
        self.sides[index(side)].all(&self.orders, &mut all);
        for at in &all {
            visit(self, *at);
        }
        self.scratch = all;
    }

    /// Fill a resting order, and remove it when nothing is left.
    fn take(&mut self, displayed: Displayed, at: u32, trade: OwnTrade) {
        if self.orders[at].terms.display_lots.is_some() && trade.cause != Cause::Take {
            return self.take_tips(displayed, at, trade);
        }
        if trade.size_lots == self.orders[at].open_lots() {
            self.remove(at);
        }
        self.fill(displayed.now_ns, at, trade);
    }

    /// Fill an iceberg tip by tip: when one is gone, the next joins the end of the level as it stands.
    #[cold]
    fn take_tips(&mut self, displayed: Displayed, at: u32, trade: OwnTrade) {
        let mut left = trade.size_lots;
        while left > 0 {
            let own = &self.orders[at];
            let size_lots = left.min(own.tip_lots());
            let tip = own.tip_lots() - size_lots;
            left -= size_lots;
            if size_lots == own.open_lots() {
                self.remove(at);
            }
            self.fill(displayed.now_ns, at, OwnTrade { size_lots, ..trade });
            self.orders[at].tip = tip;
            if tip == 0 && self.orders[at].open_lots() != 0 {
                self.remove(at);
                self.orders[at].ts_arrival_ns = displayed.now_ns;
                self.rest(displayed, at, false);
                self.changed(at);
            }
        }
    }

    /// Fill an order; the fill is booked later.
    pub fn fill(&mut self, now_ns: Ns, own: u32, trade: OwnTrade) {
        let order = &mut self.orders[own];
        order.filled_lots += trade.size_lots;
        if order.open_lots() == 0 {
            order.state = OrderState::Filled;
        }
        let (ts_arrival_ns, ahead_at_arrival) = (order.ts_arrival_ns, order.ahead_at_arrival);
        self.events.push(OrderEvent::Fill { own, trade, ts_arrival_ns, ahead_at_arrival });
        self.protection.traded(&order.terms, trade.size_lots, now_ns);
        // A fill of a reduce-only order takes as much off the open lots as off the position.
        let Terms { side, reduce_only, .. } = order.terms;
        if self.reduce_only.traded(side, trade.size_lots) && !reduce_only {
            self.cut(NONE);
        }
    }

    /// Cut the reduce-only orders to the position; `arriving` (`NONE`: none) counts, and stays as it is.
    #[cold]
    pub fn cut(&mut self, arriving: u32) {
        for (at, lots) in self.reduce_only.excess(&self.orders, arriving) {
            if lots == self.orders[at].open_lots() {
                self.take_off(at, RejectReason::ReduceOnly);
            } else {
                self.orders[at].terms.size_lots -= lots;
                let (order, kind) = (self.orders[at].snapshot(), UpdateKind::Reduced);
                self.events.push(OrderEvent::Update { order, kind, reason: RejectReason::ReduceOnly });
            }
        }
    }

    /// Cancel a resting order: with a reason where no request asked for it.
    pub fn take_off(&mut self, at: u32, reason: RejectReason) {
        self.remove(at);
        self.orders[at].state = OrderState::Cancelled;
        let order = self.orders[at].snapshot();
        self.events.push(OrderEvent::Update { order, kind: UpdateKind::Cancelled, reason });
    }

    /// Cancel all quotes if market maker protection has tripped; return whether it has.
    #[inline]
    pub fn protect(&mut self, now_ns: Ns) -> bool {
        let trips = self.protection.trips(now_ns);
        if trips {
            for side in [1, -1] {
                self.each_resting(side, |own_book, at| own_book.take_off(at, RejectReason::Mmp));
            }
        }
        trips
    }

    fn changed(&mut self, at: u32) {
        if !std::mem::replace(&mut self.orders[at].has_moved, true) {
            self.moved.push(at);
        }
    }

    /// Fill orders at better prices than a trade's, each at its own price; return what is left of the trade.
    fn through(&mut self, displayed: Displayed, (side, price_ticks): LevelKey, flow: OwnTrade, matching: Match) -> i64 {
        let (limit, mut left) = (key(side, price_ticks), flow.size_lots);
        while left > 0 && matching != Match::Nothing {
            let Some((_, at)) = self.sides[index(side)].first().filter(|(key, _)| *key < limit) else { break };
            left -= self.take_first(displayed, at, OwnTrade { size_lots: left, ..flow }, matching);
        }
        left
    }

    /// Fill an order at its own price by flow at a worse one; return how much.
    fn take_first(&mut self, displayed: Displayed, at: u32, flow: OwnTrade, matching: Match) -> i64 {
        let own = &self.orders[at];
        let (price_ticks, size_lots) = (own.limit_ticks(), flow.size_lots.min(own.open_lots()));
        self.take(displayed, at, OwnTrade { price_ticks, size_lots, tainted: matching == Match::Through, ..flow });
        size_lots
    }

    fn execute(&mut self, displayed: Displayed, matching: Match, row: &Row, order: &NamedOrder) {
        let book = displayed.book;
        let (side, price_ticks) = (order.side, order.price_ticks);
        if self.best_key(side) > key(side, price_ticks) {
            return;
        }
        let mut left = row.size_lots;
        if self.best_key(side) < key(side, price_ticks) {
            left = self.through(displayed, (side, price_ticks), OwnTrade::new(0, left, Cause::Through), matching);
        }
        // Within a snapshot it is not known which orders are older.
        let younger_fills = self.rules.fill_on_younger_execution && !book.awaiting_snapshot[index(side)];
        // After a return to the window, orders with nothing ahead may be among those that count as older.
        let last = self.queue_stays;
        // A fill may have cut an order after it, and the next tip of an iceberg has come last.
        let is_next = |own: &OwnOrder| {
            let live = own.state == OrderState::Live && own.queue.is_visible && own.queue_stay <= last;
            live && (own.queue.ahead == 0 || younger_fills && own.queue.arrival < order.arrival)
        };
        if matching == Match::All {
            let mut at = self.oldest((side, price_ticks));
            while at != NONE && left > 0 {
                let (this, own) = (at, &self.orders[at]);
                at = own.younger;
                let lots = if is_next(own) { left.min(own.tip_lots()) } else { 0 };
                left -= lots;
                if lots > 0 {
                    self.take(displayed, this, OwnTrade::new(price_ticks, lots, Cause::Queue));
                }
            }
        }
        let first = self.sides[index(side)].oldest_behind(key(side, price_ticks), order.arrival);
        self.move_from(first, |own| order_queue::executed(own, order, row.size_lots));
    }

    /// Update the positions of an order and of all younger ones at its price; `moved` returns whether the position has
    /// changed.
    #[inline]
    fn move_from(&mut self, first: u32, mut moved: impl FnMut(&mut OwnOrder) -> bool) {
        let mut at = first;
        while at != NONE {
            let own = &mut self.orders[at];
            if moved(own) && !std::mem::replace(&mut own.has_moved, true) {
                self.moved.push(at);
            }
            at = own.younger;
        }
    }

    #[inline]
    fn cancel(&mut self, book: &Book, row: &Row, order: &NamedOrder, lost_lots: i64) {
        let (side, price_ticks) = (order.side, order.price_ticks);
        if row.flags & flag::WINDOW != 0 {
            self.leave((side, price_ticks));
        } else {
            let first = self.sides[index(side)].oldest_behind(key(side, price_ticks), order.arrival);
            self.move_from(first, |own| order_queue::cancelled(own, order, lost_lots));
            self.available.reduced(book, row.order_id, order, order.size_lots - lost_lots);
        }
    }

    fn hidden_print(&mut self, displayed: Displayed, row: &Row) {
        let matching = displayed.matching_row(row);
        if row.side == 0 && !self.rules.hidden_any_side {
            return;
        }
        let mut left = row.size_lots;
        for each in sides(row.side) {
            let place = (*each, row.price_ticks);
            left = self.through(displayed, place, OwnTrade::new(0, left, Cause::Hidden), matching);
            let last = self.queue_stays;
            let mut at = if matching == Match::All { self.oldest(place) } else { NONE };
            while at != NONE && left > 0 {
                let (this, own) = (at, &self.orders[at]);
                at = own.younger;
                let live = own.state == OrderState::Live && own.queue_stay <= last;
                if live && own.queue.is_visible && own.queue.ahead == 0 {
                    let lots = left.min(own.tip_lots());
                    left -= lots;
                    self.take(displayed, this, OwnTrade::new(place.1, lots, Cause::Hidden));
                }
            }
        }
    }

    fn clear(&mut self, book: &Book, side: i8) {
        self.available.clear(book, side);
        for each in sides(side) {
            if !book.awaiting_snapshot[index(*each)] && book.feed == Feed::L3 {
                self.each_resting(*each, |own_book, at| order_queue::remember(book, &mut own_book.orders[at]));
            }
        }
    }
}
