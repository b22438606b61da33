//! The market's order book, rebuilt row by row: L3 with every order, L2 with sizes alone.
//!
//! A `Book` follows the feed and nothing else: it does not know that a backtest is running.

use crate::codes::{action, flag, index, key, sides, Issue};
use crate::ids::{Ids, Place};
use crate::ladder::{Ladder, NO_KEY};
use crate::slab::{Slab, NONE};

/// One row of a feed without its times.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// A code of `codes::action`.
    pub action: u8,
    /// +1 bid, -1 ask, 0 none or both.
    pub side: i8,
    /// The order on L3, 0 where there is none.
    pub order_id: u64,
    /// The price; unused by CANCEL and EXECUTE.
    pub price_ticks: i64,
    /// As the action has it.
    pub size_lots: i64,
    /// Bits of `codes::flag`.
    pub flags: u8,
    /// The phase that a STATUS row announces.
    pub phase: u8,
}

/// A displayed order of the market. `arrival` numbers the places in all queues of the book: lower is older.
pub struct MarketOrder {
    /// Its id.
    pub order_id: u64,
    /// What is left of it.
    pub size_lots: i64,
    /// Its age among all orders of the book.
    pub arrival: u64,
    /// The number of its level.
    pub level: u32,
    older: u32,
    younger: u32,
}

/// A price: its displayed size and, on L3, its orders, oldest first.
pub struct Level {
    /// +1 or -1.
    pub side: i8,
    /// The price.
    pub price_ticks: i64,
    /// What it shows.
    pub size_lots: i64,
    oldest: u32,
    youngest: u32,
}

/// Best bid, its size, best ask, its size; `None` for a side that is empty.
pub type Bbo = [Option<i64>; 4];

/// The keys of the best levels with their sizes; `NO_KEY` and 0 for a side that is empty.
#[derive(Clone, Copy)]
pub struct Touch {
    bid: (i64, i64),
    ask: (i64, i64),
}

impl Default for Touch {
    fn default() -> Self {
        Touch { bid: (NO_KEY, 0), ask: (NO_KEY, 0) }
    }
}

impl Touch {
    /// Say whether a best price or size is another one. Number by number: memory that was written in halves is slow to
    /// compare as a whole.
    #[inline]
    pub fn differs(&self, other: &Touch) -> bool {
        self.bid.0 != other.bid.0 || self.ask.0 != other.ask.0 || self.bid.1 != other.bid.1 || self.ask.1 != other.ask.1
    }
}

/// The displayed book of one instrument.
pub struct Book {
    /// 3 for a feed of orders, 2 for a feed of level sizes.
    pub level: u8,
    /// How many levels a side the feed shows; 0: all.
    pub depth: usize,
    /// Whether the last row said that the book is not known to be right.
    pub suspect: bool,
    /// How many places in queues have been given out.
    pub arrivals: u64,
    /// Sides that a CLEAR has emptied and that no complete packet has shown again; see `complete`.
    pub partial: [bool; 2],
    ladders: [Ladder; 2],
    levels: Slab<Level>,
    orders: Slab<MarketOrder>,
    ids: Ids,
    indexed: bool,
}

impl Book {
    /// Make an empty book.
    pub fn new(level: u8, depth: usize) -> Self {
        Book {
            level,
            depth,
            suspect: false,
            arrivals: 0,
            partial: [false; 2],
            ladders: Default::default(),
            levels: Slab::default(),
            orders: Slab::default(),
            ids: Ids::default(),
            indexed: true,
        }
    }

    /// Make an empty book without an index of orders, which takes the same rows as another one with the numbers that
    /// the other one's orders had: the same rows make the same numbers.
    pub fn follower(level: u8, depth: usize) -> Self {
        Book { indexed: false, ..Book::new(level, depth) }
    }

    /// Look up the order of a row that names one. The place is good until the next change of the book.
    #[inline]
    pub fn find(&self, order_id: u64) -> Place {
        self.ids.find(order_id, |slot| self.orders[slot].order_id == order_id)
    }

    /// Look up the order that a row names, if it names one.
    #[inline]
    pub fn place_of(&self, row: &Row) -> Place {
        if row.action <= action::EXECUTE {
            self.find(row.order_id)
        } else {
            Place::NOWHERE
        }
    }

    /// Return a displayed order by the number that `find` gave.
    #[inline]
    pub fn order(&self, slot: u32) -> &MarketOrder {
        &self.orders[slot]
    }

    /// Return the side and the price at which an order stands.
    #[inline]
    pub fn stands_at(&self, order: &MarketOrder) -> (i8, i64) {
        let level = &self.levels[order.level];
        (level.side, level.price_ticks)
    }

    /// Return a displayed order by its id.
    pub fn order_by_id(&self, order_id: u64) -> Option<&MarketOrder> {
        let place = self.find(order_id);
        place.found().then(|| self.order(place.slot))
    }

    /// Say for what a row cannot be applied.
    #[inline]
    pub fn issue(&self, row: &Row, place: Place) -> Option<Issue> {
        match row.action {
            action::ADD if place.found() => Some(Issue::DuplicateOrder),
            action::CANCEL | action::EXECUTE | action::MODIFY if !place.found() => Some(Issue::UnknownOrder),
            action::CANCEL | action::EXECUTE if row.size_lots > self.orders[place.slot].size_lots => {
                Some(Issue::Oversize)
            }
            _ => None,
        }
    }

    /// Apply one row of the feed, or say why it was not applied.
    #[inline]
    pub fn apply(&mut self, row: &Row) -> Result<(), Issue> {
        let place = self.place_of(row);
        self.apply_at(row, place)
    }

    /// Apply one row whose order has been looked up.
    #[inline]
    pub fn apply_at(&mut self, row: &Row, place: Place) -> Result<(), Issue> {
        self.suspect = row.flags & flag::SUSPECT != 0;
        if let Some(issue) = self.issue(row, place) {
            return Err(issue);
        }
        match row.action {
            action::ADD => self.join(row.order_id, place, row.side, row.price_ticks, row.size_lots),
            action::CANCEL | action::EXECUTE => self.reduce(place, row.size_lots),
            action::LEVEL => self.set_level(row.side, row.price_ticks, row.size_lots),
            action::MODIFY => self.modify(row, place),
            action::CLEAR => self.clear(row.side),
            _ => {}
        }
        Ok(())
    }

    fn modify(&mut self, row: &Row, place: Place) {
        let order = &self.orders[place.slot];
        let (side, price_ticks) = self.stands_at(order);
        let left = order.size_lots;
        if row.price_ticks == price_ticks && row.size_lots < left {
            self.reduce(place, left - row.size_lots);
        } else {
            self.reduce(place, left);
            let place = if self.indexed { self.find(row.order_id) } else { Place::NOWHERE };
            self.join(row.order_id, place, side, row.price_ticks, row.size_lots);
        }
    }

    #[inline]
    fn join(&mut self, order_id: u64, place: Place, side: i8, price_ticks: i64, size_lots: i64) {
        self.arrivals += 1;
        let at = self.level_or_open(side, price_ticks);
        let older = self.levels[at].youngest;
        let order = MarketOrder { order_id, size_lots, arrival: self.arrivals, level: at, older, younger: NONE };
        let slot = self.orders.insert(order);
        if self.indexed {
            self.ids.insert(place, order_id, slot);
        }
        let level = &mut self.levels[at];
        level.youngest = slot;
        level.size_lots += size_lots;
        if older == NONE {
            level.oldest = slot;
        } else {
            self.orders[older].younger = slot;
        }
    }

    #[inline]
    fn reduce(&mut self, place: Place, size_lots: i64) {
        let order = &mut self.orders[place.slot];
        order.size_lots -= size_lots;
        let at = order.level;
        let gone = order.size_lots == 0;
        let level = &mut self.levels[at];
        level.size_lots -= size_lots;
        if gone {
            if self.indexed {
                self.ids.remove(place);
            }
            self.unlink(place.slot);
        }
    }

    #[inline]
    fn unlink(&mut self, slot: u32) {
        let MarketOrder { level: at, older, younger, .. } = self.orders[slot];
        if older != NONE {
            self.orders[older].younger = younger;
        }
        if younger != NONE {
            self.orders[younger].older = older;
        }
        self.orders.remove(slot);
        let level = &mut self.levels[at];
        if level.oldest == slot {
            level.oldest = younger;
        }
        if level.youngest == slot {
            level.youngest = older;
        }
        if level.oldest == NONE {
            let (side, price_ticks) = (level.side, level.price_ticks);
            self.close_level(at, side, price_ticks);
        }
    }

    #[inline]
    fn set_level(&mut self, side: i8, price_ticks: i64, size_lots: i64) {
        if size_lots == 0 {
            let at = self.ladders[index(side)].get(key(side, price_ticks));
            if at != NONE {
                self.close_level(at, side, price_ticks);
            }
            return;
        }
        let at = self.level_or_open(side, price_ticks);
        self.levels[at].size_lots = size_lots;
    }

    #[inline]
    fn level_or_open(&mut self, side: i8, price_ticks: i64) -> u32 {
        let ladder = &mut self.ladders[index(side)];
        let key = key(side, price_ticks);
        let at = ladder.get(key);
        if at != NONE {
            return at;
        }
        let level = Level { side, price_ticks, size_lots: 0, oldest: NONE, youngest: NONE };
        let at = self.levels.insert(level);
        ladder.open(key, at);
        at
    }

    #[inline]
    fn close_level(&mut self, at: u32, side: i8, price_ticks: i64) {
        self.levels.remove(at);
        self.ladders[index(side)].close(key(side, price_ticks));
    }

    fn clear(&mut self, side: i8) {
        for each in sides(side) {
            let ladder = &mut self.ladders[index(*each)];
            for (_, at) in ladder.iter() {
                let mut slot = self.levels[at].oldest;
                while slot != NONE {
                    if self.indexed {
                        let order_id = self.orders[slot].order_id;
                        let place = self.ids.find(order_id, |other| other == slot);
                        self.ids.remove(place);
                    }
                    self.orders.remove(slot);
                    slot = self.orders[slot].younger;
                }
                self.levels.remove(at);
            }
            ladder.clear();
            self.partial[index(*each)] = true;
        }
    }

    /// Take in the end of a packet: a side that shows something again is known again.
    pub fn complete(&mut self) {
        for side in [0, 1] {
            self.partial[side] &= self.ladders[side].is_empty();
        }
    }

    /// Return the best price of one side.
    #[inline]
    pub fn best(&self, side: i8) -> Option<i64> {
        let best = self.ladders[index(side)].best();
        (best != NO_KEY).then(|| key(side, best))
    }

    /// Say whether a side shows no level.
    pub fn is_side_empty(&self, side: i8) -> bool {
        self.ladders[index(side)].is_empty()
    }

    /// Return the level at a price.
    #[inline]
    pub fn level_at(&self, side: i8, price_ticks: i64) -> Option<&Level> {
        let at = self.ladders[index(side)].get(key(side, price_ticks));
        (at != NONE).then(|| &self.levels[at])
    }

    /// Return the displayed size at a price, 0 where there is no level.
    #[inline]
    pub fn size_at(&self, side: i8, price_ticks: i64) -> i64 {
        self.level_at(side, price_ticks).map_or(0, |level| level.size_lots)
    }

    /// Iterate one side from the best price outwards.
    pub fn levels(&self, side: i8) -> impl Iterator<Item = &Level> + '_ {
        self.ladders[index(side)].iter().map(|(_, at)| &self.levels[at])
    }

    /// Iterate the orders of a level, oldest first.
    pub fn orders_of<'a>(&'a self, level: &Level) -> impl Iterator<Item = &'a MarketOrder> + 'a {
        let mut slot = level.oldest;
        std::iter::from_fn(move || {
            let order = (slot != NONE).then(|| &self.orders[slot])?;
            slot = order.younger;
            Some(order)
        })
    }

    /// Return the best keys and sizes: cheaper to compare than `bbo`.
    #[inline]
    pub fn touch(&self) -> Touch {
        let of = |ladder: &Ladder| match ladder.best_level() {
            NONE => (NO_KEY, 0),
            at => (ladder.best(), self.levels[at].size_lots),
        };
        Touch { bid: of(&self.ladders[0]), ask: of(&self.ladders[1]) }
    }

    /// Return the sum of the best prices, `None` unless both sides show something.
    #[inline]
    pub fn mid2(&self) -> Option<i64> {
        let (bid, ask) = (self.ladders[0].best(), self.ladders[1].best());
        (bid != NO_KEY && ask != NO_KEY).then(|| ask - bid)
    }

    /// Return the best prices and sizes.
    #[inline]
    pub fn bbo(&self) -> Bbo {
        let of = |side: i8| {
            let ladder = &self.ladders[index(side)];
            match ladder.best_level() {
                NONE => (None, None),
                at => (Some(key(side, ladder.best())), Some(self.levels[at].size_lots)),
            }
        };
        let ((bid, bid_lots), (ask, ask_lots)) = (of(1), of(-1));
        [bid, bid_lots, ask, ask_lots]
    }

    /// Say whether the best bid is below the best ask, or a side is empty.
    #[inline]
    pub fn uncrossed(&self) -> bool {
        let (bid, ask) = (self.ladders[0].best(), self.ladders[1].best());
        bid == NO_KEY || ask == NO_KEY || -bid < ask
    }

    /// Say whether a price lies outside of what a feed of limited depth shows of a side.
    #[inline]
    pub fn beyond_window(&self, side: i8, price_ticks: i64) -> bool {
        let ladder = &self.ladders[index(side)];
        if self.depth == 0 || ladder.len() < self.depth {
            return false;
        }
        ladder.worst().is_some_and(|worst| key(side, price_ticks) > worst)
    }

    /// Check the invariants (docs/reproducibility.md).
    ///
    /// # Errors
    /// Says which one is broken.
    pub fn check(&self) -> Result<(), String> {
        let mut indexed = 0;
        for side in [1, -1] {
            let ladder = &self.ladders[index(side)];
            if ladder.best() != ladder.iter().next().map_or(NO_KEY, |(key, _)| key) {
                return Err("the cached best price is not the ladder's".into());
            }
            for (at_key, at) in ladder.iter() {
                indexed += self.check_level(at_key, at, side)?;
            }
        }
        if indexed != self.ids.len() {
            return Err("an indexed order stands in no level".into());
        }
        Ok(())
    }

    fn check_level(&self, at_key: i64, at: u32, side: i8) -> Result<usize, String> {
        let level = &self.levels[at];
        if at_key != key(side, level.price_ticks) || level.side != side || level.size_lots <= 0 {
            return Err(format!("the level at {} is empty or misplaced", level.price_ticks));
        }
        let (mut count, mut sum, mut arrival) = (0, 0, 0);
        for order in self.orders_of(level) {
            if order.arrival <= arrival || order.size_lots <= 0 || order.level != at {
                return Err(format!("order {} is out of turn, empty or misplaced", order.order_id));
            }
            if !self.order_by_id(order.order_id).is_some_and(|found| std::ptr::eq(found, order)) {
                return Err(format!("the index does not know order {}", order.order_id));
            }
            arrival = order.arrival;
            sum += order.size_lots;
            count += 1;
        }
        if self.level == 3 && sum != level.size_lots {
            return Err(format!("the level at {} is not the sum of its orders", level.price_ticks));
        }
        Ok(count)
    }
}
