//! Stop orders: held by the exchange in no book until a price reaches their stop, fixed or trailing.

use crate::book::slab::Slab;
use crate::book::touch::Touch;
use crate::contract::codes::{Ns, Trigger, NEVER};
use crate::contract::generated_terms::Terms;
use crate::exchange::own_order::OwnOrder;

const BPS: i64 = 10_000;

/// The untriggered orders of one strategy in one instrument.
///
/// A price is compared with each order that watches its kind: time linear in their number. Prices are doubled, as mids are.
pub struct Stops {
    /// By id, which ascends in the order sent: those that no price has reached.
    watching: Vec<u32>,
    /// Reached by a print of the packet at hand.
    held: Vec<u32>,
    /// Triggered, and not in the book yet.
    due: Vec<u32>,
    /// When triggered orders arrive in the book, `NEVER` where there are none.
    due_ns: Ns,
}

impl Default for Stops {
    fn default() -> Self {
        Stops { watching: Vec::new(), held: Vec::new(), due: Vec::new(), due_ns: NEVER }
    }
}

impl Stops {
    /// Return whether no order is here.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.watching.is_empty() && self.held.is_empty() && self.due.is_empty()
    }

    /// Return when triggered orders arrive in the book, `NEVER` where there are none.
    #[inline]
    pub fn due_ns(&self) -> Ns {
        self.due_ns
    }

    /// Add an order that has arrived.
    pub fn add(&mut self, at: u32) {
        self.watching.push(at);
    }

    /// Remove an order.
    pub fn remove(&mut self, at: u32) {
        for orders in [&mut self.watching, &mut self.held, &mut self.due] {
            orders.retain(|each| *each != at);
        }
        self.update_due(self.due_ns);
    }

    /// Compare the price of a print; what it reaches is held until its packet ends.
    pub fn printed(&mut self, orders: &mut Slab<OwnOrder>, price_ticks: i64) {
        let price2 = Some(2 * price_ticks);
        let reached = self.reached(orders, |trigger, _| price2.filter(|_| trigger == Trigger::Last));
        self.held.extend(reached);
    }

    /// Compare the best prices when an order arrives.
    pub fn arrived(&mut self, orders: &mut Slab<OwnOrder>, touch: Touch, now_ns: Ns) {
        let reached = self.touched(orders, touch);
        self.due.extend(reached);
        self.update_due(now_ns);
    }

    /// Compare the best prices that a packet left, `None` where they are not to be trusted; release what is held.
    pub fn end_packet(&mut self, orders: &mut Slab<OwnOrder>, touch: Option<Touch>, now_ns: Ns) {
        let reached = touch.map_or_else(Vec::new, |touch| self.touched(orders, touch));
        self.due.append(&mut self.held);
        self.due.extend(reached);
        self.update_due(now_ns);
    }

    /// Take out the triggered order that is next: by the row that triggered it and then as it was sent.
    pub fn next_due(&mut self) -> Option<u32> {
        let at = self.due.first().copied()?;
        self.remove(at);
        Some(at)
    }

    fn touched(&mut self, orders: &mut Slab<OwnOrder>, touch: Touch) -> Vec<u32> {
        let mid2 = touch.price(1).zip(touch.price(-1)).map(|(bid, ask)| bid + ask);
        self.reached(orders, |trigger, side| match trigger {
            Trigger::Last => None,
            Trigger::Mid => mid2,
            Trigger::Touch => touch.price(-side).map(|price| 2 * price),
        })
    }

    /// Take out the orders whose stop is reached by the price of their trigger and side.
    fn reached(&mut self, orders: &mut Slab<OwnOrder>, price2: impl Fn(Trigger, i8) -> Option<i64>) -> Vec<u32> {
        let mut reached = Vec::new();
        self.watching.retain(|at| {
            let own = &mut orders[*at];
            let price2 = price2(own.terms.trigger.unwrap_or(Trigger::Last), own.terms.side);
            let is_reached = price2.is_some_and(|price2| reaches(own, price2));
            if is_reached {
                reached.push(*at);
            }
            !is_reached
        });
        reached
    }

    fn update_due(&mut self, now_ns: Ns) {
        self.due_ns = if self.due.is_empty() { NEVER } else { now_ns };
    }
}

/// Return whether an order waits for a price before it enters the book.
#[inline]
pub fn is_stop(terms: &Terms) -> bool {
    terms.stop_ticks.is_some() || terms.trail_ticks.is_some() || terms.trail_bps.is_some()
}

/// Return whether a price triggers an order; a trailing one first moves its extreme.
fn reaches(own: &mut OwnOrder, price2: i64) -> bool {
    let (terms, side) = (own.terms, i64::from(own.terms.side));
    let is_at_stop = terms.stop_ticks.is_none_or(|stop_ticks| side * price2 >= side * 2 * stop_ticks);
    if terms.trail_ticks.is_none() && terms.trail_bps.is_none() {
        return is_at_stop;
    }
    let Some(extreme2) = own.extreme2 else {
        own.extreme2 = is_at_stop.then_some(price2); // the stop starts the trailing
        return false;
    };
    let extreme2 = side * (side * extreme2).min(side * price2);
    own.extreme2 = Some(extreme2);
    let gap2 = side * (price2 - extreme2);
    match terms.trail_ticks {
        Some(trail_ticks) => gap2 >= 2 * trail_ticks,
        None => gap2 * BPS >= terms.trail_bps.unwrap_or(0) * extreme2,
    }
}
