//! What travels between a strategy and the exchange.

use crate::contract::codes::{Cause, Ns, OrderState, RejectReason, RequestKind, TimeInForce, UpdateKind};

/// A message to the exchange. Price and size belong to a replacement.
#[derive(Clone, Copy)]
pub struct Request {
    /// What is asked for.
    pub kind: RequestKind,
    /// When it was sent.
    pub ts_sent_ns: Ns,
    /// When it arrives.
    pub ts_exchange_ns: Ns,
    /// The instrument's place in the plan.
    pub instrument: usize,
    /// The number of the order.
    pub own: u32,
    /// The new limit, `None`: as it is.
    pub price_ticks: Option<i64>,
    /// The new total size, `None`: as it is.
    pub size_lots: Option<i64>,
}

impl Request {
    /// Make a request for an order by its number. `Channels::send` sets when it arrives.
    pub fn new(
        kind: RequestKind,
        (instrument, own): (usize, u32),
        ts_sent_ns: Ns,
        (price_ticks, size_lots): (Option<i64>, Option<i64>),
    ) -> Self {
        Request { kind, ts_sent_ns, ts_exchange_ns: ts_sent_ns, instrument, own, price_ticks, size_lots }
    }
}

/// A message to the strategy about an order as it stood at the exchange.
pub struct Answer {
    /// The order's id.
    pub order_id: i64,
    /// What had been asked, `None` where nobody did.
    pub requested: Option<RequestKind>,
    /// What happened.
    pub kind: UpdateKind,
    /// Why not.
    pub reason: RejectReason,
    /// Where the order stands.
    pub state: OrderState,
    /// Its limit.
    pub price_ticks: Option<i64>,
    /// Its total size.
    pub size_lots: i64,
    /// Its place among own orders.
    pub queue_stay: i64,
    /// The market's lots ahead of it when it took its place.
    pub ahead_lots: Option<i64>,
}

/// A message to the strategy about a fill.
pub struct Filled {
    /// The row of the `fills` table.
    pub fill_id: i64,
    /// The order's id.
    pub order_id: i64,
    /// At what price.
    pub price_ticks: i64,
    /// How much.
    pub size_lots: i64,
    /// The fee in 10⁻⁶ tick·lots.
    pub fee_micro: i128,
    /// Why it filled.
    pub cause: Cause,
    /// When, at the exchange.
    pub ts_exchange_ns: Ns,
}

/// A message to the strategy.
pub enum Message {
    /// An answer.
    Answer(Answer),
    /// A fill.
    Filled(Filled),
}

/// An order as it stood at some time: what its row of the `orders` table and an answer say.
#[derive(Clone, Copy)]
pub struct OrderSnapshot {
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
    pub queue_stay: i64,
}

impl Answer {
    /// Make the answer about an order in a state; `requested` is `None` where no request is answered.
    pub fn new(
        snapshot: &OrderSnapshot,
        requested: Option<RequestKind>,
        kind: UpdateKind,
        reason: RejectReason,
    ) -> Answer {
        Answer {
            order_id: snapshot.order_id,
            requested,
            kind,
            reason,
            state: snapshot.state,
            price_ticks: snapshot.price_ticks,
            size_lots: snapshot.size_lots,
            queue_stay: snapshot.queue_stay,
            ahead_lots: snapshot.ahead_at_arrival,
        }
    }
}
