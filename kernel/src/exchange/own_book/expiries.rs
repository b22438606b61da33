//! When orders with an end of their own expire: GTD at its time, DAY when the market closes.

use std::collections::BTreeMap;

use crate::book::slab::Slab;
use crate::contract::codes::{Ns, TimeInForce, NEVER};
use crate::exchange::own_order::OwnOrder;

/// The GTD and DAY orders of one strategy in one instrument that have not ended.
///
/// Adding, removing and finding the next takes time logarithmic in their number, closing linear.
#[derive(Default)]
pub struct Expiries {
    added: u64,
    /// By time and number of their addition.
    orders: BTreeMap<(Ns, u64), u32>,
}

impl Expiries {
    /// Return when the next order expires, `NEVER` or later where none does.
    #[inline]
    pub fn next_ns(&self) -> Ns {
        self.orders.first_key_value().map_or(NEVER, |(place, _)| place.0)
    }

    /// Add an order, if it has an end of its own.
    #[inline]
    pub fn add(&mut self, own: &mut OwnOrder, at: u32) {
        if matches!(own.terms.tif, TimeInForce::Gtd | TimeInForce::Day) {
            self.added += 1;
            let place = (own.terms.expire_ns.unwrap_or(NEVER), self.added);
            own.expiry = Some(place);
            self.orders.insert(place, at);
        }
    }

    /// Remove an order, if it is here.
    #[inline]
    pub fn remove(&mut self, own: &mut OwnOrder) {
        if let Some(place) = own.expiry.take() {
            self.orders.remove(&place);
        }
    }

    /// Let DAY orders expire now, since the market has closed.
    pub fn close(&mut self, now_ns: Ns, orders: &mut Slab<OwnOrder>) {
        for (place, at) in std::mem::take(&mut self.orders) {
            let own = &mut orders[at];
            let ends_now = own.terms.tif == TimeInForce::Day;
            let place = if ends_now { (now_ns, place.1) } else { place };
            own.expiry = Some(place);
            self.orders.insert(place, at);
        }
    }

    /// Return the next order whose time is over.
    pub fn due(&self, now_ns: Ns) -> Option<u32> {
        self.orders.first_key_value().filter(|(place, _)| place.0 <= now_ns).map(|(_, at)| *at)
    }

    /// Check that each order is where it is looked for, and has something open.
    ///
    /// # Errors
    /// The message names the order.
    pub fn check(&self, orders: &Slab<OwnOrder>) -> Result<(), String> {
        for (place, at) in &self.orders {
            let own = &orders[*at];
            if own.expiry != Some(*place) || own.open_lots() <= 0 {
                return Err(format!("own order {} is not at its end", own.order_id));
            }
        }
        Ok(())
    }
}
