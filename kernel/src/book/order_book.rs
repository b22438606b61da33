//! The market's order book, rebuilt row by row: L3 with every order, L2 with sizes alone.
//!
//! A `Book` depends on the feed alone, never on a backtest.

use crate::book::ids::{IdSlot, Ids};
use crate::book::ladder::{Ladder, NO_KEY};
use crate::book::row_effect::{kind, RowEffect};
use crate::book::slab::{Slab, NONE};
use crate::book::touch::Touch;
use crate::contract::codes::{action, index, key, sides, Feed, Issue};
use crate::contract::row::Row;

mod check;

/// A displayed order of the market. `arrival` is the number of the row that gave it its place: lower is older.
#[derive(Clone, Copy)]
pub struct BookOrder {
    /// Unique among the displayed orders.
    pub order_id: u64,
    /// What is left of it, lots.
    pub size_lots: i64,
    /// Its age: number of the row that gave it its place.
    pub arrival: u64,
    /// The slab number of its level.
    pub level: u32,
    older: u32,
    younger: u32,
}

/// A price: its displayed size and, on L3, its orders, oldest first.
#[derive(Clone, Copy)]
pub struct Level {
    /// +1 or -1.
    pub side: i8,
    /// The price as a key of its side, see `codes::key`.
    pub key: i64,
    /// Displayed size, lots.
    pub size_lots: i64,
    oldest: u32,
    youngest: u32,
}

impl Level {
    /// Return the price.
    #[inline]
    pub fn price_ticks(&self) -> i64 {
        key(self.side, self.key)
    }
}

/// The number of no order. Writes to the neighbour of an order that has none end here.
const NOBODY: u32 = 0;

/// The displayed book of one instrument.
pub struct Book {
    /// Orders or level sizes.
    pub feed: Feed,
    /// Levels per side that the feed shows; 0: all.
    pub depth: usize,
    /// The number of the last row applied.
    pub row: u64,
    /// Per side: emptied by a CLEAR and not shown again by a complete packet, see `complete`.
    pub awaiting_snapshot: [bool; 2],
    /// Set when the best prices or sizes may have changed; cleared by the user.
    pub touch_changed: bool,
    touch: Touch,
    /// True if the best bid is at or above the best ask.
    is_crossed: bool,
    ladders: [Ladder; 2],
    levels: Slab<Level>,
    orders: Slab<BookOrder>,
    ids: Ids,
}

impl Clone for Book {
    fn clone(&self) -> Self {
        let mut copy = Book::new(self.feed, self.depth);
        copy.clone_from(self);
        copy
    }

    /// Copy into existing memory.
    fn clone_from(&mut self, other: &Self) {
        let Book {
            feed,
            depth,
            row,
            awaiting_snapshot,
            touch_changed,
            touch,
            is_crossed,
            ladders,
            levels,
            orders,
            ids,
        } = self;
        (*feed, *depth, *row) = (other.feed, other.depth, other.row);
        (*awaiting_snapshot, *touch_changed) = (other.awaiting_snapshot, other.touch_changed);
        (*touch, *is_crossed) = (other.touch, other.is_crossed);
        ladders.clone_from(&other.ladders);
        levels.clone_from(&other.levels);
        orders.clone_from(&other.orders);
        ids.clone_from(&other.ids);
    }
}

impl Book {
    /// Make an empty book.
    pub fn new(feed: Feed, depth: usize) -> Self {
        let mut orders = Slab::default();
        orders.insert(BookOrder { order_id: 0, size_lots: 0, arrival: 0, level: 0, older: NOBODY, younger: NOBODY });
        Book {
            feed,
            depth,
            row: 0,
            awaiting_snapshot: [false; 2],
            touch_changed: false,
            touch: Touch::default(),
            is_crossed: false,
            ladders: Default::default(),
            levels: Slab::default(),
            orders,
            ids: Ids::default(),
        }
    }

    /// Look up the order of a row that names one. The result is valid until the next change of the book.
    #[inline]
    fn find(&self, order_id: u64) -> IdSlot {
        self.ids.find(order_id, |slot| self.orders[slot].order_id == order_id)
    }

    /// Return the side and the price of an order.
    pub fn stands_at(&self, order: &BookOrder) -> (i8, i64) {
        let level = &self.levels[order.level];
        (level.side, level.price_ticks())
    }

    /// Return a displayed order by its id.
    pub fn order_by_id(&self, order_id: u64) -> Option<&BookOrder> {
        let id_slot = self.find(order_id);
        id_slot.found().then(|| &self.orders[id_slot.number])
    }

    /// Apply one row of the feed, the `number`th, and return its effect.
    ///
    /// # Errors
    /// The book cannot apply the row.
    #[inline]
    pub fn apply(&mut self, row: Row, number: u64) -> Result<RowEffect, Issue> {
        let mut effect = RowEffect::default();
        self.apply_into(row, number, &mut effect).map(|()| effect)
    }

    /// Like `apply`, but writes the effect in place; a row that is not applied writes nothing.
    ///
    /// # Errors
    /// As `apply`.
    // One branch and one lookup per action: what a branch predictor learns of one action does not help another.
    #[inline(always)]
    pub fn apply_into(&mut self, row: Row, number: u64, effect: &mut RowEffect) -> Result<(), Issue> {
        self.row = number;
        match row.action {
            action::ADD => {
                let id_slot = self.find(row.order_id);
                if id_slot.found() {
                    return Err(Issue::DuplicateOrder);
                }
                let key = key(row.side, row.price_ticks);
                *effect = self.join(row.order_id, id_slot, row.side, key, row.size_lots);
            }
            action::CANCEL | action::EXECUTE => {
                let id_slot = self.known(&row, row.size_lots)?;
                let kind = if row.action == action::EXECUTE { kind::EXECUTE } else { kind::LESS };
                *effect = self.reduce(id_slot, row.size_lots, kind);
            }
            action::MODIFY => {
                let id_slot = self.known(&row, 0)?;
                *effect = self.modify(row.order_id, id_slot, row.price_ticks, row.size_lots);
            }
            action::LEVEL => {
                self.set_level(row.side, key(row.side, row.price_ticks), row.size_lots);
                *effect = RowEffect::of(kind::OTHER);
            }
            action::CLEAR => {
                self.clear(row.side);
                *effect = RowEffect::of(kind::OTHER);
            }
            action::TRADE => *effect = RowEffect::of(kind::TRADE),
            _ => *effect = RowEffect::of(kind::NOTHING),
        }
        Ok(())
    }

    /// Apply what can be applied of a row that `apply` has refused: if `repairs`, an oversize CANCEL or EXECUTE is
    /// clipped. Return its effect.
    #[cold]
    pub fn repair(&mut self, row: Row, number: u64, issue: Issue, repairs: bool) -> Option<RowEffect> {
        if issue != Issue::Oversize || !repairs {
            return None;
        }
        let size_lots = self.order_by_id(row.order_id)?.size_lots;
        self.apply(Row { size_lots, ..row }, number).ok()
    }

    #[inline(always)]
    fn known(&self, row: &Row, size_lots: i64) -> Result<IdSlot, Issue> {
        let id_slot = self.find(row.order_id);
        if !id_slot.found() {
            return Err(Issue::UnknownOrder);
        }
        let order = &self.orders[id_slot.number];
        if row.side == -self.levels[order.level].side {
            Err(Issue::BadSide)
        } else if size_lots > order.size_lots {
            Err(Issue::Oversize)
        } else {
            Ok(id_slot)
        }
    }

    #[inline(never)] // rare, and kept out of the way of the other actions
    fn modify(&mut self, order_id: u64, id_slot: IdSlot, price_ticks: i64, size_lots: i64) -> RowEffect {
        let BookOrder { size_lots: before, level, .. } = self.orders[id_slot.number];
        let Level { side, key: stood_at, .. } = self.levels[level];
        let key = key(side, price_ticks);
        if key == stood_at && size_lots <= before {
            self.reduce(id_slot, before - size_lots, kind::LESS)
        } else {
            let left = self.reduce(id_slot, before, kind::MOVED);
            self.join(order_id, self.find(order_id), side, key, size_lots);
            left
        }
    }

    #[inline(always)]
    fn join(&mut self, order_id: u64, id_slot: IdSlot, side: i8, key: i64, size_lots: i64) -> RowEffect {
        let at = self.level_or_open(side, key);
        let older = self.levels[at].youngest;
        let order = BookOrder { order_id, size_lots, arrival: self.row, level: at, older, younger: NOBODY };
        let slot = self.orders.insert(order);
        self.ids.insert(id_slot, order_id, slot);
        let level = &mut self.levels[at];
        level.youngest = slot;
        level.size_lots += size_lots;
        level.oldest = if older == NOBODY { slot } else { level.oldest };
        let level_lots = level.size_lots;
        self.shows(index(side), at, level_lots);
        self.orders[older].younger = slot;
        let kind = kind::ADD + index(side) as u8;
        RowEffect::new(kind, key, [size_lots, 0, level_lots], self.row)
    }

    #[inline(always)]
    fn reduce(&mut self, id_slot: IdSlot, size_lots: i64, kind: u8) -> RowEffect {
        let order = &mut self.orders[id_slot.number];
        let (at, arrival, before) = (order.level, order.arrival, order.size_lots);
        order.size_lots -= size_lots;
        let is_over = order.size_lots == 0;
        let level = &mut self.levels[at];
        level.size_lots -= size_lots;
        let (side, level_lots, key) = (level.side, level.size_lots, level.key);
        self.shows(index(side), at, level_lots);
        if is_over {
            self.ids.remove(id_slot);
            self.unlink(id_slot.number);
        }
        let kind = kind + index(side) as u8;
        RowEffect::new(kind, key, [before, size_lots, level_lots], arrival)
    }

    #[inline(always)]
    fn unlink(&mut self, slot: u32) {
        let BookOrder { level: at, older, younger, .. } = self.orders[slot];
        self.orders[older].younger = younger;
        self.orders[younger].older = older;
        self.orders.remove(slot);
        let level = &mut self.levels[at];
        level.oldest = if level.oldest == slot { younger } else { level.oldest };
        level.youngest = if level.youngest == slot { older } else { level.youngest };
        if level.oldest == NOBODY {
            let (side, key) = (level.side, level.key);
            self.close_level(at, side, key);
        }
    }

    #[inline(never)] // never called for a feed of orders
    fn set_level(&mut self, side: i8, key: i64, size_lots: i64) {
        if size_lots == 0 {
            let at = self.ladders[index(side)].get(key);
            if at != NONE {
                self.shows(index(side), at, 0);
                self.close_level(at, side, key);
            }
            return;
        }
        let at = self.level_or_open(side, key);
        self.levels[at].size_lots = size_lots;
        self.shows(index(side), at, size_lots);
    }

    /// Update the best size after a change of a level.
    // Both sides are written each time: a later read of the pair would wait for a write of one half.
    #[inline(always)]
    fn shows(&mut self, side: usize, at: u32, size_lots: i64) {
        let best = self.ladders[side].best_level() == at;
        self.touch_changed |= best;
        let ([bid, ask], (is_bid, is_ask)) = (self.touch.lots, (best & (side == 0), best & (side == 1)));
        self.touch.lots = [if is_bid { size_lots } else { bid }, if is_ask { size_lots } else { ask }];
    }

    #[inline(always)]
    fn level_or_open(&mut self, side: i8, key: i64) -> u32 {
        match self.ladders[index(side)].get(key) {
            NONE => self.open_level(side, key),
            at => at,
        }
    }

    fn open_level(&mut self, side: i8, key: i64) -> u32 {
        let level = Level { side, key, size_lots: 0, oldest: NOBODY, youngest: NOBODY };
        let at = self.levels.insert(level);
        self.ladders[index(side)].open(key, at);
        self.find_touch(side);
        at
    }

    fn close_level(&mut self, at: u32, side: i8, key: i64) {
        self.levels.remove(at);
        self.ladders[index(side)].close(key);
        self.find_touch(side);
    }

    /// Find the best price of a side and its size.
    fn find_touch(&mut self, side: i8) {
        let ladder = &self.ladders[index(side)];
        (self.touch.ticks[index(side)], self.touch.lots[index(side)]) = match ladder.best_level() {
            NONE => (0, 0),
            at => (key(side, ladder.best()), self.levels[at].size_lots),
        };
        self.is_crossed = self.crosses(1, self.ladders[0].best());
    }

    fn clear(&mut self, side: i8) {
        self.touch_changed = true;
        for each in sides(side) {
            let ladder = &mut self.ladders[index(*each)];
            for (_, at) in ladder.iter() {
                let mut slot = self.levels[at].oldest;
                while slot != NOBODY {
                    let order_id = self.orders[slot].order_id;
                    let id_slot = self.ids.find(order_id, |other| other == slot);
                    self.ids.remove(id_slot);
                    self.orders.remove(slot);
                    slot = self.orders[slot].younger;
                }
                self.levels.remove(at);
            }
            ladder.clear();
            self.find_touch(*each);
            self.awaiting_snapshot[index(*each)] = true;
        }
    }

    /// End a packet: a cleared side that shows something again has its snapshot.
    #[inline]
    pub fn complete(&mut self) {
        self.touch_changed = false;
        if self.is_awaiting_snapshot() {
            self.end_snapshots();
        }
    }

    #[cold]
    fn end_snapshots(&mut self) {
        for side in [0, 1] {
            self.awaiting_snapshot[side] &= self.ladders[side].is_empty();
        }
    }

    /// Return whether a CLEAR has emptied a side that no complete packet has shown again.
    #[inline(always)]
    pub fn is_awaiting_snapshot(&self) -> bool {
        self.awaiting_snapshot != [false; 2]
    }

    /// Return the best price of one side.
    #[inline]
    pub fn best(&self, side: i8) -> Option<i64> {
        let best = self.ladders[index(side)].best();
        (best != NO_KEY).then(|| key(side, best))
    }

    /// Return whether a side shows no level.
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

    /// Iterate the levels of one side past a key, best first.
    pub fn levels_behind(&self, side: i8, key: i64) -> impl Iterator<Item = &Level> + '_ {
        let levels = self.ladders[index(side)].iter_from(key.saturating_add(1));
        levels.map(|(_, at)| &self.levels[at])
    }

    /// Iterate the orders of a level, oldest first.
    pub fn orders_of<'a>(&'a self, level: &Level) -> impl Iterator<Item = &'a BookOrder> + 'a {
        let mut slot = level.oldest;
        std::iter::from_fn(move || {
            let order = (slot != NOBODY).then(|| &self.orders[slot])?;
            slot = order.younger;
            Some(order)
        })
    }

    /// Return the best prices and sizes.
    #[inline(always)]
    pub fn touch(&self) -> Touch {
        self.touch
    }

    /// Return how many orders are displayed.
    pub fn orders(&self) -> usize {
        self.ids.len()
    }

    /// Return whether the best price of the opposite side is at or through a key of one side, which may be `NO_KEY`.
    #[inline(always)]
    pub fn crosses(&self, side: i8, key: i64) -> bool {
        // A key is less than no key, and one side's keys are the other's with the sign changed.
        key.saturating_add(self.ladders[index(-side)].best()) <= 0
    }

    /// Return whether the best bid is below the best ask, or a side is empty.
    #[inline]
    pub fn uncrossed(&self) -> bool {
        !self.is_crossed
    }

    /// Return the worst key of a side that a feed of limited depth shows, `NO_KEY` if it shows all.
    pub fn window_end(&self, side: i8) -> i64 {
        let ladder = &self.ladders[index(side)];
        if self.depth == 0 || ladder.len() < self.depth {
            return NO_KEY;
        }
        ladder.worst().unwrap_or(NO_KEY)
    }

    /// Return whether a price is outside of what a feed of limited depth shows of a side.
    pub fn beyond_window(&self, side: i8, price_ticks: i64) -> bool {
        key(side, price_ticks) > self.window_end(side)
    }
}
