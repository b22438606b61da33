//! Messages between a strategy and the exchange.

use crate::contract::codes::{Cause, Ns, OrderState, RejectReason, RequestKind, TimeInForce, UpdateKind};

/// A message to the exchange. Price and size are those of a replacement.
#[derive(Clone, Copy)]
pub struct Request {
    /// New, replace or cancel.
    pub kind: RequestKind,
    /// When it was sent, nanoseconds.
    pub ts_sent_ns: Ns,
    /// When it arrives, nanoseconds.
    pub ts_exchange_ns: Ns,
    /// The instrument's place in the plan.
    pub instrument: usize,
    /// The order's number in the own book.
    pub own: u32,
    /// The new limit, ticks; `None`: unchanged.
    pub price_ticks: Option<i64>,
    /// The new total size, lots; `None`: unchanged.
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
    /// The request that is answered, `None` if none is.
    pub requested: Option<RequestKind>,
    /// What happened.
    pub kind: UpdateKind,
    /// `None` unless it was refused.
    pub reason: RejectReason,
    /// State of the order.
    pub state: OrderState,
    /// Its limit, ticks; `None` for a market order.
    pub price_ticks: Option<i64>,
    /// Its total size, lots.
    pub size_lots: i64,
    /// Its stay in a queue, see `OwnOrder::queue_stay`.
    pub queue_stay: i64,
    /// The market's lots ahead of it when it took its place.
    pub ahead_lots: Option<i64>,
}

/// A message to the strategy about a fill.
pub struct Filled {
    /// Its row in the `fills` table.
    pub fill_id: i64,
    /// The order's id.
    pub order_id: i64,
    /// Ticks.
    pub price_ticks: i64,
    /// Lots.
    pub size_lots: i64,
    /// The fee in 10⁻⁶ tick·lots.
    pub fee_micro: i128,
    /// Why it filled.
    pub cause: Cause,
    /// When it happened at the exchange, nanoseconds.
    pub ts_exchange_ns: Ns,
}

/// A message to the strategy.
pub enum Message {
    /// An answer.
    Answer(Answer),
    /// A fill.
    Filled(Filled),
}

/// An order as it was at some time, for its row of the `orders` table and for an answer.
#[derive(Clone, Copy)]
pub struct OrderSnapshot {
    /// Unique in the run.
    pub order_id: i64,
    /// +1 buy, -1 sell; 0 where a refusal names no order.
    pub side: i8,
    /// Ticks; `None` for a market order.
    pub price_ticks: Option<i64>,
    /// Lots, fills included.
    pub size_lots: i64,
    /// Lots filled.
    pub filled_lots: i64,
    /// Time in force.
    pub tif: TimeInForce,
    /// True if it is refused rather than take.
    pub post_only: bool,
    /// State at that time.
    pub state: OrderState,
    /// The market's lots ahead of it when it took its place.
    pub ahead_at_arrival: Option<i64>,
    /// Its stay in a queue, see `OwnOrder::queue_stay`.
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
