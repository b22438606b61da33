//! What the displayed book still has for own orders that take.
//!
//! Own takes are one number per level: its first lots, in time order. Trades of the market do not give them back.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap as HashMap;

use crate::book::row_effect::NamedOrder;
use crate::book::{Book, Level};
use crate::contract::codes::{index, key, sides, Feed};
use crate::exchange::displayed::Displayed;
use crate::exchange::level_queue::after;
use crate::exchange::own_order::Past;
use crate::exchange::print_match::{Fall, LevelKey, PrintMatch};
use crate::models::queue::SHIFT;

/// Lots that can be taken at one price: of one book order (L3) or of one level (L2).
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The market's side and the price.
    pub place: LevelKey,
    /// Lots.
    pub size_lots: i64,
}

/// What own orders have taken of a level.
#[derive(Default)]
struct Taken {
    /// Lots on L3, 2⁻²⁰ lot on L2.
    lots: i64,
    /// L2: what has changed it since the oldest fall of the level that a print may still explain.
    past: VecDeque<Past>,
    /// True if the price is outside of what the feed shows.
    is_frozen: bool,
    /// L3: from a CLEAR until the side is shown again, the lots taken of each order.
    survivors: Option<Vec<(u64, i64)>>,
}

/// Displayed lots less those that own orders have taken and, on L2, those that prints say are gone.
pub struct AvailableLots {
    /// Per side, by key.
    taken: [BTreeMap<i64, Taken>; 2],
    /// True if a snapshot or the window has left some level open.
    visibility_unknown: bool,
    unplaced: i128,
    unit: u32,
}

impl AvailableLots {
    /// Start with nothing taken.
    pub fn new(feed: Feed) -> Self {
        let unit = if feed == Feed::L2 { SHIFT } else { 0 };
        AvailableLots { taken: Default::default(), visibility_unknown: false, unplaced: 0, unit }
    }

    /// Return whether no taken lot is remembered.
    #[inline]
    pub fn is_untouched(&self) -> bool {
        self.taken[0].is_empty() && self.taken[1].is_empty()
    }

    /// Return whether a snapshot or the window has left some level open.
    #[inline]
    pub fn is_visibility_unknown(&self) -> bool {
        self.visibility_unknown
    }

    /// Return whether lots of a level are taken.
    #[inline]
    pub fn remembers(&self, place: LevelKey) -> bool {
        self.taken[index(place.0)].contains_key(&key(place.0, place.1))
    }

    /// Return the whole lots of flow that found no untaken lot at its price.
    pub fn unplaced_lots(&self) -> u64 {
        (self.unplaced >> self.unit) as u64
    }

    /// Return spans of keys, per side, extended to the keys of taken lots.
    #[inline]
    pub fn extend_span(&self, mut span: [(i64, i64); 2]) -> [(i64, i64); 2] {
        for (taken, (best, worst)) in self.taken.iter().zip(&mut span) {
            if let Some((first, last)) = taken.first_key_value().zip(taken.last_key_value()) {
                (*best, *worst) = ((*best).min(*first.0), (*worst).max(*last.0));
            }
        }
        span
    }

    /// Return what own orders have taken of a level; lots on L3, 2⁻²⁰ lot on L2.
    pub fn taken_at(&self, place: LevelKey) -> i64 {
        self.taken[index(place.0)].get(&key(place.0, place.1)).map_or(0, |taken| taken.lots)
    }

    /// Call `visit` for each offer of one side of the market, best first, no worse than a limit (`None`: any price),
    /// while it returns true.
    pub fn offers(&self, at: Displayed, side: i8, limit_ticks: Option<i64>, mut visit: impl FnMut(Offer) -> bool) {
        if at.book.awaiting_snapshot[index(side)] {
            return;
        }
        for level in at.book.levels(side) {
            let place = (side, level.price_ticks());
            if limit_ticks.is_some_and(|limit| i64::from(side) * place.1 < i64::from(side) * limit) {
                return;
            }
            let mut taken = self.taken[index(side)].get(&level.key).map_or(0, |taken| taken.lots);
            if at.book.feed == Feed::L3 {
                for order in at.book.orders_of(level) {
                    let size_lots = order.size_lots - order.size_lots.min(taken);
                    taken -= order.size_lots - size_lots;
                    if size_lots > 0 && !visit(Offer { place, size_lots }) {
                        return;
                    }
                }
            } else {
                let left = i128::from(level.size_lots - at.prints.printed(place, at.now_ns)) << SHIFT;
                let size_lots = ((left - i128::from(taken)) >> SHIFT) as i64;
                if size_lots > 0 && !visit(Offer { place, size_lots }) {
                    return;
                }
            }
        }
    }

    /// Count lots of an offer as taken.
    pub fn take(&mut self, prints: &PrintMatch, offer: &Offer, size_lots: i64) {
        let (side, price_ticks) = offer.place;
        let taken = self.taken[index(side)].entry(key(side, price_ticks)).or_default();
        if self.unit != 0 {
            let past = Past { fall: 0, before: taken.lots, flow: size_lots << SHIFT, could_fill: false };
            Past::note(&mut taken.past, past, prints.oldest(offer.place));
        }
        taken.lots += size_lots << self.unit;
    }

    /// L3: apply an execution, which meets the first untaken lots.
    pub fn executed(&mut self, book: &Book, order: &NamedOrder) {
        if let Some(lots) = self.known(book, (order.side, order.price_ticks)).map(|taken| taken.lots) {
            self.unplaced += i128::from((lots - order.level_lots).max(0));
            self.keep((order.side, order.price_ticks), lots.min(order.level_lots));
        }
    }

    /// L3: apply a loss of size, or of the place (`left_lots` 0), of an order: what was taken of the lost part is given
    /// back.
    pub fn reduced(&mut self, book: &Book, order_id: u64, order: &NamedOrder, left_lots: i64) {
        let place = (order.side, order.price_ticks);
        if let Some(lots) = self.known(book, place).map(|taken| taken.lots) {
            let share = shares(book, place, lots).find(|(id, _)| *id == order_id).map_or(0, |(_, share)| share);
            self.keep(place, lots - (share - left_lots).max(0));
        }
    }

    /// Freeze a level that a WINDOW row changes.
    pub fn freeze(&mut self, place: LevelKey) {
        if let Some(taken) = self.at(place) {
            taken.is_frozen = true;
            self.visibility_unknown = true;
        }
    }

    /// L2: apply a fall of a level.
    pub fn fell(&mut self, at: Displayed, place: LevelKey, fall: &Fall) {
        if let Some(taken) = self.known(at.book, place) {
            let past = Past { fall: fall.number, before: taken.lots, flow: 0, could_fill: false };
            Past::note(&mut taken.past, past, at.prints.oldest(place));
            if fall.new == 0 {
                taken.past.clear(); // later prints cannot add to an empty level
            }
            let lots = after(fall, taken.lots, &at.prints.model);
            self.keep(place, lots);
        }
    }

    /// L2: recompute the taken lots of a level after a late print has explained more of a fall.
    pub fn late(&mut self, at: Displayed, place: LevelKey, number: u64) {
        let Some(taken) = self.at(place) else { return };
        let Some(entry) = taken.past.iter().position(|past| past.fall == number) else { return };
        let (mut lots, mut falls) = (taken.past[entry].before, at.prints.falls(place));
        for past in taken.past.range_mut(entry..) {
            past.before = lots;
            // Both ascend, so that each fall is passed once.
            let fall = if past.fall == 0 { None } else { falls.find(|fall| fall.number == past.fall) };
            lots = fall.map_or(lots + past.flow, |fall| after(fall, lots, &at.prints.model));
        }
        self.keep(place, lots.min(at.book.size_at(place.0, place.1) << SHIFT));
    }

    /// L2: count the lots of a new print that find no untaken lot at its price.
    pub fn printed(&mut self, at: Displayed, place: LevelKey, size_lots: i64) {
        let Some(taken) = self.known(at.book, place).map(|taken| i128::from(taken.lots)) else { return };
        let left = i128::from(at.book.size_at(place.0, place.1) - at.prints.printed(place, at.now_ns)) << SHIFT;
        let flow = i128::from(size_lots) << SHIFT;
        // Flow beyond the displayed size would not have been placed without takes either.
        let over = (flow - (left - taken)).max(0) - (taken - left).max(0);
        self.unplaced += over - ((flow - left).max(0) - (-left).max(0));
    }

    /// Remember the takes of a side (0: both) that a CLEAR is about to empty.
    pub fn clear(&mut self, book: &Book, side: i8) {
        for each in sides(side).iter().filter(|each| !book.awaiting_snapshot[index(**each)]) {
            for (at_key, taken) in &mut self.taken[index(*each)] {
                let lists = book.feed == Feed::L3 && !taken.is_frozen;
                taken.survivors = lists.then(|| shares(book, (*each, key(*each, *at_key)), taken.lots).collect());
                self.visibility_unknown = true;
            }
        }
    }

    /// Resolve levels that a snapshot or the window has left open; `falls` are those that a snapshot shows.
    #[inline]
    pub fn update_visibility(&mut self, at: Displayed, falls: &HashMap<LevelKey, Fall>) {
        if self.visibility_unknown {
            self.visibility_unknown = false;
            for side in [1, -1] {
                let keys: Vec<i64> = self.taken[index(side)].keys().copied().collect();
                for place in keys.into_iter().map(|at_key| (side, key(side, at_key))) {
                    self.update_level_visibility(at, place, falls.get(&place));
                }
            }
        }
    }

    fn update_level_visibility(&mut self, at: Displayed, place: LevelKey, fall: Option<&Fall>) {
        let book = at.book;
        let Some(taken) = self.taken[index(place.0)].get_mut(&key(place.0, place.1)) else { return };
        let beyond = book.beyond_window(place.0, place.1);
        if book.awaiting_snapshot[index(place.0)] {
            if book.is_side_empty(place.0) {
                self.visibility_unknown = true;
                return;
            }
            if let Some(survivors) = taken.survivors.take().filter(|_| !beyond) {
                taken.lots = listed(book, place, &survivors);
            }
            if let Some(fall) = fall {
                let past = Past { fall: fall.number, before: taken.lots, flow: 0, could_fill: false };
                Past::note(&mut taken.past, past, at.prints.oldest(place));
            }
        }
        if beyond {
            (taken.is_frozen, self.visibility_unknown) = (true, true);
        } else {
            taken.is_frozen = false;
            let lots = taken.lots.min(book.size_at(place.0, place.1) << self.unit);
            self.keep(place, lots);
        }
    }

    /// Return what is taken of a level that the feed shows.
    fn known(&mut self, book: &Book, place: LevelKey) -> Option<&mut Taken> {
        if book.awaiting_snapshot[index(place.0)] {
            return None;
        }
        self.at(place).filter(|taken| !taken.is_frozen)
    }

    /// Return what is taken of a level.
    #[inline]
    fn at(&mut self, (side, price_ticks): LevelKey) -> Option<&mut Taken> {
        self.taken[index(side)].get_mut(&key(side, price_ticks))
    }

    fn keep(&mut self, place: LevelKey, lots: i64) {
        if let Some(taken) = self.at(place) {
            taken.lots = lots;
            if lots == 0 && taken.past.is_empty() {
                self.taken[index(place.0)].remove(&key(place.0, place.1));
            }
        }
    }

    /// Check that no displayed lot is taken twice.
    ///
    /// # Errors
    /// The message names the level.
    pub fn check(&self, book: &Book) -> Result<(), String> {
        for side in [1, -1] {
            for (at_key, taken) in &self.taken[index(side)] {
                let (shown, price_ticks) =
                    (!taken.is_frozen && !book.awaiting_snapshot[index(side)], key(side, *at_key));
                if taken.lots < 0 || shown && taken.lots > book.size_at(side, price_ticks) << self.unit {
                    let (lots, place) = (taken.lots, (side, price_ticks));
                    return Err(format!("{lots} are taken at {place:?}, which it does not show"));
                }
            }
        }
        Ok(())
    }
}

/// L3: return how much is taken of each order of a level.
fn shares(book: &Book, place: LevelKey, mut lots: i64) -> impl Iterator<Item = (u64, i64)> + '_ {
    orders(book, place).map(move |(order_id, size_lots)| {
        let share = lots.min(size_lots);
        lots -= share;
        (order_id, share)
    })
}

/// L3: return how much of the lots taken of some orders is displayed again.
fn listed(book: &Book, place: LevelKey, survivors: &[(u64, i64)]) -> i64 {
    let sizes: HashMap<u64, i64> = orders(book, place).collect();
    survivors.iter().map(|(order_id, lots)| sizes.get(order_id).map_or(0, |size_lots| (*lots).min(*size_lots))).sum()
}

fn orders(book: &Book, (side, price_ticks): LevelKey) -> impl Iterator<Item = (u64, i64)> + '_ {
    let level: Option<&Level> = book.level_at(side, price_ticks);
    level.into_iter().flat_map(|level| book.orders_of(level)).map(|order| (order.order_id, order.size_lots))
}
