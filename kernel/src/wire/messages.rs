//! Messages between a strategy and the exchange.

use crate::contract::codes::{Cause, Ns, OrderState, RejectReason, RequestKind, UpdateKind};
use crate::contract::generated_terms::Terms;

/// A message to the exchange.
pub struct Request {
    /// What it asks for.
    pub kind: RequestKind,
    /// When it was sent, nanoseconds.
    pub ts_sent_ns: Ns,
    /// When it arrives, nanoseconds; set by `Channels::send`.
    pub ts_exchange_ns: Ns,
    /// The instrument's place in the plan.
    pub instrument: usize,
    /// The order that it is about; CANCEL_ALL: the first of them; MMP_RESET: 0.
    pub order_id: i64,
    /// Of the order; NEW alone.
    pub terms: Option<Terms>,
    /// REPLACE: the new limit, ticks; `None`: unchanged.
    pub price_ticks: Option<i64>,
    /// REPLACE: the new total size, lots; `None`: unchanged.
    pub size_lots: Option<i64>,
    /// CANCEL_ALL: the orders that it is about, oldest first.
    pub order_ids: Box<[i64]>,
}

impl Request {
    /// Make a request about one order, without terms, price and size.
    pub fn new((instrument, order_id): (usize, i64), ts_sent_ns: Ns, kind: RequestKind) -> Self {
        Request {
            kind,
            ts_sent_ns,
            ts_exchange_ns: ts_sent_ns,
            instrument,
            order_id,
            terms: None,
            price_ticks: None,
            size_lots: None,
            order_ids: Box::default(),
        }
    }

    /// Return the orders that it is about, of which no other request may overtake it.
    fn orders(&self) -> &[i64] {
        if self.order_ids.is_empty() {
            std::slice::from_ref(&self.order_id)
        } else {
            &self.order_ids
        }
    }

    /// Return whether both are about the same order.
    pub fn shares_an_order(&self, other: &Request) -> bool {
        self.orders().iter().any(|order_id| other.orders().contains(order_id))
    }

    /// Return whether it is about an order that it changes; CANCEL_ALL changes only what it is about.
    pub fn is_about(&self, order_id: i64) -> bool {
        order_id == self.order_id || self.kind == RequestKind::CancelAll
    }
}

/// An order at one time, at the exchange or as a strategy knows it.
#[derive(Clone, Copy)]
pub struct OrderSnapshot {
    /// Unique among the orders of its agent.
    pub order_id: i64,
    /// Those in force.
    pub terms: Terms,
    /// State at that time.
    pub state: OrderState,
    /// Lots filled.
    pub filled_lots: i64,
    /// Its stay in a queue, see `OwnOrder::queue_stay`.
    pub queue_stay: i64,
    /// The market's lots ahead of it when that began; `None` for a taker and outside what the feed shows.
    pub ahead_lots: Option<i64>,
    /// The price that was asked for, where the venue has set another one.
    pub asked_ticks: Option<i64>,
}

/// A message to the strategy about an order.
pub struct Answer {
    /// The order as it stood.
    pub order: OrderSnapshot,
    /// The request that is answered, `None` if none is.
    pub requested: Option<RequestKind>,
    /// What happened.
    pub kind: UpdateKind,
    /// `None` unless it was refused.
    pub reason: RejectReason,
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
