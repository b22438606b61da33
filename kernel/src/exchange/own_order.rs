//! An own order at the exchange.

use std::collections::VecDeque;

use crate::book::slab::NONE;
use crate::contract::codes::{Cause, Feed, Ns, OrderState};
use crate::contract::generated_terms::Terms;
use crate::models::queue::to_lots;
use crate::wire::messages::OrderSnapshot;

/// A trade of an own order.
#[derive(Clone, Copy)]
pub struct OwnTrade {
    /// Ticks.
    pub price_ticks: i64,
    /// Lots.
    pub size_lots: i64,
    /// Why it filled.
    pub cause: Cause,
    /// True if the book could not be trusted.
    pub tainted: bool,
    /// The time of the fall that a late print has explained.
    pub ts_traded_ns: Option<Ns>,
}

impl OwnTrade {
    /// Make a trade that happens now, with a book that can be trusted.
    pub fn new(price_ticks: i64, size_lots: i64, cause: Cause) -> Self {
        OwnTrade { price_ticks, size_lots, cause, tainted: false, ts_traded_ns: None }
    }
}

/// A move of a queue position, kept in case an older fall of the level turns out to have been a trade.
#[derive(Clone, Copy)]
pub struct Past {
    /// The number of a fall of the level, 0 for anything else.
    pub fall: u64,
    /// The position before it, 2⁻²⁰ lot.
    pub before: i64,
    /// The part of a print that reached the order's price, or the lots of a take; 2⁻²⁰ lot.
    pub flow: i64,
    /// True if the order could fill then.
    pub could_fill: bool,
}

impl Past {
    /// Add a move; drop those before the oldest fall that is kept (`None`: there is none).
    pub fn note(past: &mut VecDeque<Past>, add: Past, oldest: Option<u64>) {
        let Some(oldest) = oldest else {
            past.clear();
            return;
        };
        while past.front().is_some_and(|first| first.fall < oldest) {
            past.pop_front();
        }
        if add.fall != 0 || !past.is_empty() {
            past.push_back(add);
        }
    }
}

/// The place of an own order in the queue at its price.
#[derive(Clone, Default)]
pub struct QueuePlace {
    /// L3: market orders up to this arrival are older than the order.
    pub arrival: u64,
    /// The market's size ahead of the order at its price: lots on L3, 2⁻²⁰ lot on L2.
    pub ahead: i64,
    /// L3: the size of all older market orders at the price, lots. No less than `ahead`.
    pub older_lots: i64,
    /// L2: what has moved `ahead` since the oldest fall of the level that a print may still explain, oldest first.
    pub past: VecDeque<Past>,
    /// L2: the number of the instrument's last fall when the order took its place.
    pub last_fall: u64,
    /// True if the price is within what the feed shows.
    pub is_visible: bool,
    /// True if `ahead` means something: the price was visible at some time, or a print went through it.
    pub is_ahead_known: bool,
    /// L3: ids of the older orders at the last CLEAR, ascending; empty once the snapshot after it is complete.
    pub survivors: Vec<u64>,
}

/// An order of a strategy as the exchange holds it.
#[derive(Clone)]
pub struct OwnOrder {
    /// Unique in the run.
    pub order_id: i64,
    /// Those in force.
    pub terms: Terms,
    /// The price that was asked for, where the venue has set another one.
    pub asked_ticks: Option<i64>,
    /// How much has filled.
    pub filled_lots: i64,
    /// State at the exchange.
    pub state: OrderState,
    /// When it took its place, nanoseconds.
    pub ts_arrival_ns: Ns,
    /// The market's lots ahead of it when it took its place; `None` if it took or its queue was not displayed.
    pub ahead_at_arrival: Option<i64>,
    /// Number of its stay in a queue: ascends over the own book, lower is older.
    pub queue_stay: i64,
    /// Its place in the queue at its price.
    pub queue: QueuePlace,
    /// True if it arrived while nothing could be taken; it takes once something can.
    pub waits_to_take: bool,
    /// The lowest (of a sell the highest) price since its trailing started, doubled; `None`: it has not.
    pub extreme2: Option<i64>,
    /// When it ends by itself, and its number among such orders.
    pub expiry: Option<(Ns, u64)>,
    /// The number of the next older order at its price, `NONE` for the oldest.
    pub older: u32,
    /// The number of the next younger order at its price, `NONE` for the youngest.
    pub younger: u32,
    /// True if its position has changed in the packet at hand.
    pub has_moved: bool,
    /// What was left of the displayed tip of an iceberg when it last changed.
    pub tip: i64,
}

impl OwnOrder {
    /// Return its current state.
    pub fn snapshot(&self) -> OrderSnapshot {
        OrderSnapshot {
            order_id: self.order_id,
            terms: self.terms,
            state: self.state,
            filled_lots: self.filled_lots,
            queue_stay: self.queue_stay,
            ahead_lots: self.ahead_at_arrival,
            asked_ticks: self.asked_ticks,
        }
    }

    /// Make an order that has not taken its place.
    pub fn new(order_id: i64, terms: Terms) -> Self {
        OwnOrder {
            order_id,
            terms,
            asked_ticks: None,
            filled_lots: 0,
            state: OrderState::Pending,
            ts_arrival_ns: 0,
            ahead_at_arrival: None,
            queue_stay: 0,
            queue: QueuePlace::default(),
            waits_to_take: false,
            extreme2: None,
            expiry: None,
            older: NONE,
            younger: NONE,
            has_moved: false,
            tip: 0,
        }
    }

    /// Return how much of it is displayed: all but an iceberg's reserve.
    #[inline]
    pub fn tip_lots(&self) -> i64 {
        if self.terms.display_lots.is_some() {
            self.tip.min(self.open_lots())
        } else {
            self.open_lots()
        }
    }

    /// Return the lots that can still fill.
    #[inline]
    pub fn open_lots(&self) -> i64 {
        self.terms.size_lots - self.filled_lots
    }

    /// Return the limit of a resting order, which has one.
    #[inline]
    pub fn limit_ticks(&self) -> i64 {
        self.terms.price_ticks.expect("an order that rests has a price")
    }

    /// Return the whole lots ahead, `None` outside what the feed shows.
    pub fn ahead_lots(&self, feed: Feed) -> Option<i64> {
        let ahead = self.queue.ahead;
        self.queue.is_visible.then(|| if feed == Feed::L3 { ahead } else { to_lots(ahead) })
    }
}
