//! An own order at the exchange.

use crate::codes::{Ns, OrderState, TimeInForce};
use crate::queue_model::to_lots;
use crate::tag::Tag;

/// An order of a strategy as the exchange holds it.
#[derive(Clone)]
pub struct OwnOrder {
    /// Unique in the run.
    pub order_id: i64,
    /// +1 buy, -1 sell; 0 where a refusal names no order.
    pub side: i8,
    /// The limit, `None` for a market order.
    pub price_ticks: Option<i64>,
    /// The total, fills included.
    pub size_lots: i64,
    /// How much has filled.
    pub filled_lots: i64,
    /// How long it stands.
    pub tif: TimeInForce,
    /// Whether it would be refused rather than take.
    pub post_only: bool,
    /// The author's own text.
    pub tag: Tag,
    /// Where it stands.
    pub state: OrderState,
    /// When it took its place.
    pub ts_arrival_ns: Ns,
    /// The market's lots ahead of it then.
    pub ahead_at_arrival: Option<i64>,
    /// Its place among own orders: lower is older.
    pub turn: i64,
    /// L3: market orders up to this arrival are older than it.
    pub arrival: u64,
    /// The market's size ahead of it at its price: lots on L3, 2⁻²⁰ lot on L2.
    pub ahead: i64,
    /// L3: the size of all older market orders at the price.
    pub older_lots: i64,
    /// L2: how much of `ahead` the last LEVEL row took off without a print, 2⁻²⁰ lot.
    pub removed: i64,
    /// Whether its price is within what the feed shows.
    pub visible: bool,
    /// Whether it was at some time.
    pub shown: bool,
    /// L3: ids of the older orders at the last CLEAR, until the snapshot behind it is complete.
    pub survivors: Vec<u64>,
}

/// An order as it stood at some time: what its row of the `orders` table and an answer say.
#[derive(Clone, Copy)]
pub struct Stand {
    /// Its id.
    pub order_id: i64,
    /// Its side.
    pub side: i8,
    /// Its limit.
    pub price_ticks: Option<i64>,
    /// Its total size.
    pub size_lots: i64,
    /// What had filled.
    pub filled_lots: i64,
    /// How long it stands.
    pub tif: TimeInForce,
    /// Whether it would be refused rather than take.
    pub post_only: bool,
    /// Where it stood.
    pub state: OrderState,
    /// The market's lots ahead of it when it took its place.
    pub ahead_at_arrival: Option<i64>,
    /// Its place among own orders.
    pub turn: i64,
}

impl OwnOrder {
    /// Return the order as it stands.
    pub fn stand(&self) -> Stand {
        Stand {
            order_id: self.order_id,
            side: self.side,
            price_ticks: self.price_ticks,
            size_lots: self.size_lots,
            filled_lots: self.filled_lots,
            tif: self.tif,
            post_only: self.post_only,
            state: self.state,
            ahead_at_arrival: self.ahead_at_arrival,
            turn: self.turn,
        }
    }

    /// Make an order that has not been sent.
    pub fn new(order_id: i64, side: i8, price_ticks: Option<i64>, size_lots: i64, tag: Tag) -> Self {
        OwnOrder {
            order_id,
            side,
            price_ticks,
            size_lots,
            filled_lots: 0,
            tif: TimeInForce::Gtc,
            post_only: false,
            tag,
            state: OrderState::Pending,
            ts_arrival_ns: 0,
            ahead_at_arrival: None,
            turn: 0,
            arrival: 0,
            ahead: 0,
            older_lots: 0,
            removed: 0,
            visible: false,
            shown: false,
            survivors: Vec::new(),
        }
    }

    /// Return what is still to fill.
    #[inline]
    pub fn open_lots(&self) -> i64 {
        self.size_lots - self.filled_lots
    }

    /// Return the limit of an order that rests: it has one.
    #[inline]
    pub fn limit_ticks(&self) -> i64 {
        self.price_ticks.expect("an order that rests has a price")
    }

    /// Return the whole lots ahead on a feed of this level, `None` outside what the feed shows.
    pub fn ahead_lots(&self, level: u8) -> Option<i64> {
        self.visible.then(|| if level == 3 { self.ahead } else { to_lots(self.ahead) })
    }
}
