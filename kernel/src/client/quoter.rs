//! `ctx.quote`: from wanted quotes to requests.
//!
//! A quoter touches only orders that it sent. An order at a wanted price with no more than the wanted size keeps its
//! place; the others are moved, then sent or cancelled. An order with a request in flight is left until the answer
//! arrives. A refused price is not sent again until it is wanted anew.

use std::cmp::Ordering;
use std::collections::VecDeque;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use smallvec::SmallVec;

use crate::client::local_state::KnownOrder;
use crate::client::number::Number;
use crate::client::order_entry::{NewOrder, OrderEntry};
use crate::contract::codes::index;
use crate::contract::error::RunError;
use crate::contract::generated_terms::Terms;

/// Prices and sizes of one side; nearly always one of each.
pub type Wanted = SmallVec<[(Number, Number); 1]>;

/// The quotes of one strategy in one instrument.
#[derive(Default)]
pub struct Quoter {
    /// The price last requested, by order, oldest first.
    requested: [Vec<(i64, Number)>; 2],
    /// Prices that were refused, as `Number::identity`.
    refused: [HashSet<(bool, i64)>; 2],
    /// True if the message noted last is about an order of the quoter.
    notes_own_order: bool,
    wanted: [Wanted; 2],
    waiting: [bool; 2],
    top_up: bool,
}

impl Quoter {
    /// Note that a message is about an order, before the strategy's callback may want other quotes.
    pub fn note(&mut self, order_id: i64, refused: bool) {
        self.notes_own_order = false;
        for side in [0, 1] {
            if let Ok(place) = self.place(side, order_id) {
                self.notes_own_order = true;
                if refused {
                    self.refused[side].insert(self.requested[side][place].1.identity());
                }
            }
        }
    }

    fn is_refused(&self, side: i8, price: Number) -> bool {
        let refused = &self.refused[index(side)];
        !refused.is_empty() && refused.contains(&price.identity())
    }

    /// Return the place of an order among those of a side, or where it would be inserted: ids ascend.
    #[inline]
    fn place(&self, side: usize, order_id: i64) -> Result<usize, usize> {
        self.requested[side].binary_search_by_key(&order_id, |requested| requested.0)
    }
}

impl OrderEntry<'_> {
    /// Set the wanted quotes of the sides given (bids, asks) and send what is needed.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn quote(&mut self, wanted: [Option<Wanted>; 2], top_up: bool) -> Result<(), RunError> {
        self.session.quoter.top_up = top_up;
        let given = [wanted[0].is_some(), wanted[1].is_some()];
        for (side, levels) in wanted.into_iter().enumerate() {
            if let Some(levels) = levels {
                self.session.quoter.wanted[side] = levels;
                self.session.quoter.refused[side].clear();
            }
        }
        if [1, -1].into_iter().all(|side| !given[index(side)] || self.stands_as_wanted(side)) {
            for side in [0, 1] {
                self.session.quoter.waiting[side] &= !given[side];
            }
            return Ok(());
        }
        // The side that makes room goes first, so that own quotes never meet: asks if prices rise.
        let rising = given[0] && {
            let nearest = self.nearest(-1);
            self.session.quoter.wanted[0].iter().any(|(price, _)| meets(1, *price, nearest))
        };
        for side in if rising { [-1, 1] } else { [1, -1] } {
            if given[index(side)] {
                self.reconcile(side)?;
            }
        }
        Ok(())
    }

    /// Resume reconciling sides that waited for the noted answer.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn answered(&mut self) -> Result<(), RunError> {
        for side in [1, -1] {
            if self.session.quoter.notes_own_order && self.session.quoter.waiting[index(side)] {
                self.reconcile(side)?;
            }
        }
        Ok(())
    }

    /// Drop orders of a side that are over.
    fn drop_gone(&mut self, side: i8) {
        let orders = &self.session.local_state.orders;
        let is_live = |requested: &(i64, Number)| orders.get(&requested.0).is_some_and(|known| !known.state.is_over());
        self.session.quoter.requested[index(side)].retain(is_live);
    }

    /// Return the best price at which an own quote of a side rests or may rest.
    fn nearest(&mut self, side: i8) -> Option<i64> {
        self.drop_gone(side);
        let requested = &self.session.quoter.requested[index(side)];
        let known = requested.iter().filter_map(|requested| self.session.local_state.orders.get(&requested.0));
        known.flat_map(KnownOrder::prices).max_by_key(|price| i64::from(side) * price)
    }

    /// Give each wanted level an order: one that has its price or is on its way there, then a free one, then a new one.
    fn reconcile(&mut self, side: i8) -> Result<(), RunError> {
        self.session.quoter.waiting[index(side)] = false;
        self.drop_gone(side);
        if self.stands_as_wanted(side) {
            return Ok(());
        }
        let wanted = self.session.quoter.wanted[index(side)].clone();
        let mut places: HashMap<(bool, i64), usize> =
            wanted.iter().enumerate().map(|(i, (price, _))| (price.identity(), i)).collect();
        let mut free = VecDeque::new();
        let mut busy = 0;
        for (order_id, _) in self.session.quoter.requested[index(side)].clone() {
            let known = &self.session.local_state.orders[&order_id];
            let (price_ticks, open_lots) = (last_price(known), known.open_lots());
            let found = places.remove(&(true, price_ticks)).map(|place| wanted[place].1);
            if known.in_flight > 0 {
                self.session.quoter.waiting[index(side)] = true;
                busy += usize::from(found.is_none());
            } else if let Some(size) = found {
                if self.session.quoter.is_refused(side, Number::Whole(price_ticks)) {
                    continue;
                }
                let order = size.partial_cmp(open_lots);
                if order == Some(Ordering::Less) || (self.session.quoter.top_up && order == Some(Ordering::Greater)) {
                    self.move_to(side, order_id, Number::Whole(price_ticks), size)?;
                }
            } else {
                free.push_back(order_id);
            }
        }
        let missing = wanted.into_iter().filter(|(price, _)| places.contains_key(&price.identity())).collect();
        self.fill_missing(side, missing, free, busy)
    }

    fn fill_missing(
        &mut self,
        side: i8,
        missing: Wanted,
        mut free: VecDeque<i64>,
        mut busy: usize,
    ) -> Result<(), RunError> {
        let nearest = if missing.is_empty() { None } else { self.nearest(-side) };
        for (price, size) in missing {
            if self.session.quoter.is_refused(side, price) {
                free.pop_front();
            } else if meets(side, price, nearest) {
                self.session.quoter.waiting[index(side)] = true;
                free.pop_front();
            } else if let Some(order_id) = free.pop_front() {
                self.move_to(side, order_id, price, size)?;
            } else if busy > 0 {
                busy -= 1;
            } else {
                self.send_quote(side, price, size)?;
            }
        }
        for order_id in free {
            self.cancel(order_id)?;
        }
        Ok(())
    }

    /// Return whether the side is as wanted: one order at the one wanted price. Nearly every call ends here.
    fn stands_as_wanted(&self, side: i8) -> bool {
        let quoter = &self.session.quoter;
        let ([(order_id, _)], [(price, size)]) = (&quoter.requested[index(side)][..], &quoter.wanted[index(side)][..])
        else {
            return false;
        };
        let Some(known) = self.session.local_state.orders.get(order_id).filter(|known| !known.state.is_over()) else {
            return false;
        };
        let order = size.partial_cmp(known.open_lots());
        known.in_flight == 0
            && price.is(last_price(known))
            && (order == Some(Ordering::Equal) || (order == Some(Ordering::Greater) && !quoter.top_up))
    }

    fn move_to(&mut self, side: i8, order_id: i64, price: Number, size: Number) -> Result<(), RunError> {
        let size = size.at_most(self.session.local_state.room_to_replace(side, order_id));
        let known = &self.session.local_state.orders[&order_id];
        if matches!(size.partial_cmp(0), Some(Ordering::Less | Ordering::Equal)) {
            return self.cancel(order_id);
        }
        if known.quoted_ticks().is_none_or(|standing| !price.is(standing)) || !size.is(known.open_lots()) {
            let filled_lots = if known.size_is_total { known.filled_lots } else { 0 };
            self.replace(order_id, Some(price), Some(size.plus(filled_lots)))?;
            self.sent(side, order_id, price);
        }
        Ok(())
    }

    fn sent(&mut self, side: i8, order_id: i64, price: Number) {
        let quoter = &mut self.session.quoter;
        match quoter.place(index(side), order_id) {
            Ok(place) => quoter.requested[index(side)][place].1 = price,
            Err(place) => quoter.requested[index(side)].insert(place, (order_id, price)),
        }
        // The request was refused locally.
        if self.session.local_state.orders.get(&order_id).is_some_and(|known| known.in_flight == 0) {
            quoter.refused[index(side)].insert(price.identity());
        }
    }

    fn send_quote(&mut self, side: i8, price: Number, size: Number) -> Result<(), RunError> {
        let size = size.at_most(self.session.local_state.room(side, None));
        if size.partial_cmp(0) == Some(Ordering::Greater) {
            let terms = Terms { post_only: true, ..Terms::new(side, None, 0) };
            let order = NewOrder { price: Some(price), size, terms, tag: "", has_bad_option: false };
            let order_id = self.send(&order)?;
            self.sent(side, order_id, price);
        }
        Ok(())
    }
}

/// Return the price last requested; an order that a quoter sent has one.
fn last_price(known: &KnownOrder) -> i64 {
    known.quoted_ticks().unwrap_or(0)
}

/// Return whether a price of a side would meet an own quote of the other side, whose best price is `nearest`.
fn meets(side: i8, price: Number, nearest: Option<i64>) -> bool {
    let short = if side > 0 { Ordering::Less } else { Ordering::Greater };
    nearest.and_then(|nearest| price.partial_cmp(nearest)).is_some_and(|order| order != short)
}
