//! The local state of a session: its orders, its position, and its position limit.
//!
//! All of it follows from what was sent and from the messages received; nothing here reads the exchange.

use std::collections::{BTreeMap, VecDeque};

use crate::contract::codes::{index, OrderState, RequestKind, UpdateKind};
use crate::contract::error::RunError;
use crate::contract::generated_terms::Terms;
use crate::contract::plan::InstrumentPlan;
use crate::money::account::Account;
use crate::wire::messages::{Answer, Filled, OrderSnapshot};

/// The terms of an order that was never there, or is forgotten.
pub const NOTHING_KNOWN: Terms = Terms::new(0, None, 0);

/// An own order as the strategy knows it.
#[derive(Clone)]
pub struct KnownOrder {
    /// Unique among the orders of its agent.
    pub order_id: i64,
    /// Those in force, as far as answers have arrived.
    pub terms: Terms,
    /// Lots filled, by the fills received.
    pub filled_lots: i64,
    /// By the answers and fills received.
    pub state: OrderState,
    /// Number of unanswered requests.
    pub in_flight: u32,
    /// The price that was asked for, where the venue has set another one.
    pub asked_ticks: Option<i64>,
    /// True if sizes of replacements count what has filled; else they are what is to be open.
    pub size_is_total: bool,
    /// Prices and sizes of the replacements in flight: any of them may be in force already.
    pub requested: Requested,
    /// The stay in a queue that the last answer told, see `OwnOrder::queue_stay`.
    pub queue_stay: i64,
    /// The market's lots ahead of it in that stay.
    pub ahead_lots: Option<i64>,
    /// Queue positions of stays that no answer has told yet: the last of each stay, ascending.
    pub early: VecDeque<(i64, Option<i64>)>,
    /// What `LocalState::exposed` has of it, lots.
    counted_lots: i64,
}

impl KnownOrder {
    /// Make an order that has not been sent.
    pub fn new(order_id: i64, terms: Terms) -> Self {
        KnownOrder {
            order_id,
            terms,
            filled_lots: 0,
            state: OrderState::Pending,
            in_flight: 0,
            asked_ticks: None,
            size_is_total: true,
            requested: Requested::default(),
            queue_stay: 0,
            ahead_lots: None,
            early: VecDeque::new(),
            counted_lots: 0,
        }
    }

    /// Return the order as it stands, as far as the strategy knows.
    pub fn snapshot(&self) -> OrderSnapshot {
        let KnownOrder { order_id, terms, state, filled_lots, queue_stay, .. } = *self;
        OrderSnapshot { order_id, terms, state, filled_lots, queue_stay, ahead_lots: None, asked_ticks: None }
    }

    /// Return the lots that can still fill by the size in force.
    #[inline]
    pub fn open_lots(&self) -> i64 {
        self.terms.size_lots - self.filled_lots
    }

    /// Return the most lots that can still fill, whichever request in flight is in force already.
    pub fn exposed_lots(&self) -> i64 {
        if self.state.is_over() {
            return 0;
        }
        if !self.size_is_total {
            return self.open_lots() + self.requested.sum;
        }
        self.requested.largest().map_or(self.terms.size_lots, |lots| lots.max(self.terms.size_lots)) - self.filled_lots
    }

    /// Return the most lots that can still fill if a replacement by this size is in force alone.
    pub fn exposed_with(&self, size_lots: i64) -> i64 {
        if self.size_is_total {
            size_lots - self.filled_lots
        } else {
            self.exposed_lots() + size_lots
        }
    }

    /// Return the price that was last asked for.
    pub fn quoted_ticks(&self) -> Option<i64> {
        self.requested.prices().next_back().or(self.asked_ticks).or(self.terms.price_ticks)
    }

    /// Update `counted_lots`; return its change.
    fn count(&mut self) -> i64 {
        let before = self.counted_lots;
        self.counted_lots = self.exposed_lots();
        self.counted_lots - before
    }

    /// Iterate every price at which the order may rest.
    pub fn prices(&self) -> impl DoubleEndedIterator<Item = i64> + '_ {
        self.terms.price_ticks.into_iter().chain(self.requested.prices())
    }

    /// Return the queue position for `ctx.orders`.
    pub fn queue_ahead_lots(&self) -> Option<i64> {
        if self.state == OrderState::Live {
            self.ahead_lots
        } else {
            None
        }
    }
}

/// Prices and sizes of the replacements in flight, oldest first.
#[derive(Clone, Default)]
pub struct Requested {
    all: VecDeque<(Option<i64>, i64)>,
    /// The sizes larger than all later ones, in the same order: the first is the largest of all.
    largest: VecDeque<i64>,
    /// The sizes together.
    pub sum: i64,
}

impl Requested {
    /// Add one.
    pub fn push(&mut self, price_ticks: Option<i64>, size_lots: i64) {
        self.sum += size_lots;
        self.all.push_back((price_ticks, size_lots));
        while self.largest.back().is_some_and(|last| *last < size_lots) {
            self.largest.pop_back();
        }
        self.largest.push_back(size_lots);
    }

    /// Remove the first, which has been answered.
    pub fn pop(&mut self) {
        if let Some((_, size_lots)) = self.all.pop_front() {
            self.sum -= size_lots;
            if self.largest.front() == Some(&size_lots) {
                self.largest.pop_front();
            }
        }
    }

    /// Return whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Return the largest size.
    pub fn largest(&self) -> Option<i64> {
        self.largest.front().copied()
    }

    /// Iterate the prices of those that have one.
    pub fn prices(&self) -> impl DoubleEndedIterator<Item = i64> + '_ {
        self.all.iter().filter_map(|requested| requested.0)
    }
}

/// What a message was about.
pub struct Told {
    /// The order's id.
    pub order_id: i64,
    /// The order after the message, if the strategy has the callback.
    pub known: Option<Box<KnownOrder>>,
}

/// One strategy's knowledge of one instrument.
pub struct LocalState {
    /// Position, cash and fees from the fills received.
    pub account: Account,
    /// Live orders and those with a request in flight, by id, oldest first.
    pub orders: BTreeMap<i64, KnownOrder>,
    /// As `KnownOrder::size_is_total`, of orders of this instrument.
    pub size_is_total: bool,
    max_position: Option<i64>,
    /// Per side: the most lots that orders can still fill.
    exposed: [i64; 2],
}

impl LocalState {
    /// Start with a position and no orders.
    pub fn new(plan: &InstrumentPlan, max_position: Option<i64>, position_lots: i64) -> Self {
        let account = Account { position_lots, ..Account::default() };
        let size_is_total = plan.order_rules.replace.size_is_total;
        LocalState { account, orders: BTreeMap::new(), size_is_total, max_position, exposed: [0; 2] }
    }

    /// Update the exposure after a change of an order.
    pub fn count(&mut self, order_id: i64) {
        if let Some(known) = self.orders.get_mut(&order_id) {
            self.exposed[index(known.terms.side)] += known.count();
        }
    }

    /// Return how many lots a new order of a side may have if everything in flight fills; `None`: no limit. The order
    /// `apart_from` does not count.
    pub fn room(&self, side: i8, apart_from: Option<i64>) -> Option<i64> {
        let limit = self.max_position?;
        let apart = apart_from.and_then(|order_id| self.orders.get(&order_id)).filter(|known| known.terms.side == side);
        let exposed = self.exposed[index(side)] - apart.map_or(0, |known| known.counted_lots);
        Some((limit - i64::from(side) * self.account.position_lots - exposed).max(0))
    }

    /// Return how many lots a replacement of an order may leave open if everything in flight fills; `None`: no limit.
    pub fn room_to_replace(&self, side: i8, order_id: i64) -> Option<i64> {
        let counted = self.orders.get(&order_id).map_or(0, |known| known.counted_lots);
        self.room(side, Some(order_id)).map(|room| if self.size_is_total { room } else { room - counted })
    }

    /// Note a queue position, which came with a packet.
    pub fn moved(&mut self, order_id: i64, queue_stay: i64, ahead_lots: Option<i64>) {
        if let Some(known) = self.orders.get_mut(&order_id) {
            if queue_stay == known.queue_stay {
                known.ahead_lots = ahead_lots;
            } else if queue_stay > known.queue_stay {
                match known.early.back_mut() {
                    Some(last) if last.0 == queue_stay => last.1 = ahead_lots,
                    _ => known.early.push_back((queue_stay, ahead_lots)), // stays ascend
                }
                show_tip(known);
            }
        }
    }

    /// Apply an answer; return the order, with its state if `told`.
    pub fn take_answer(&mut self, answer: &Answer, told: bool) -> Told {
        let Some(known) = self.orders.get_mut(&answer.order.order_id) else {
            // A refusal of a request for an order that is over or never was.
            let mut known = KnownOrder::new(answer.order.order_id, NOTHING_KNOWN);
            known.state = answer.order.state;
            return Told { order_id: answer.order.order_id, known: told.then(|| Box::new(known)) };
        };
        if answer.requested.is_some() {
            known.in_flight -= 1;
        }
        if answer.requested == Some(RequestKind::Replace) {
            known.requested.pop();
        }
        match answer.kind {
            UpdateKind::Accepted | UpdateKind::Replaced | UpdateKind::Triggered => take_place(known, &answer.order),
            UpdateKind::Reduced => known.terms = answer.order.terms,
            UpdateKind::Rejected | UpdateKind::Cancelled | UpdateKind::Expired => known.state = answer.order.state,
            UpdateKind::ReplaceRejected | UpdateKind::CancelRejected => {}
        }
        show_tip(known);
        self.sweep(answer.order.order_id, told)
    }

    /// Apply a fill; return as `take_answer`.
    ///
    /// # Errors
    /// The sums of money leave 64 bits.
    pub fn take_fill(&mut self, fill: &Filled, told: bool) -> Result<Told, RunError> {
        let known = self.orders.get_mut(&fill.order_id).expect("a fill belongs to an order of the local state");
        known.filled_lots += fill.size_lots;
        self.account.fill(known.terms.side, fill.price_ticks, fill.size_lots, fill.fee_micro)?;
        Ok(self.sweep(fill.order_id, told))
    }

    /// Drop an order that is over once none of its requests is unanswered.
    fn sweep(&mut self, order_id: i64, told: bool) -> Told {
        let known = self.orders.get_mut(&order_id).expect("the order at hand is known");
        if known.state == OrderState::Live && known.open_lots() <= 0 && known.requested.is_empty() {
            known.state = OrderState::Filled;
        }
        self.exposed[index(known.terms.side)] += known.count();
        let over = known.state.is_over() && known.in_flight == 0;
        let known = told.then(|| Box::new(known.clone()));
        if over {
            self.orders.remove(&order_id);
        }
        Told { order_id, known }
    }
}

/// Take up the position of an iceberg's next tip, which no answer tells, unless an answer may be about it.
fn show_tip(known: &mut KnownOrder) {
    if known.terms.display_lots.is_some() && known.state == OrderState::Live && known.requested.is_empty() {
        if let Some((queue_stay, ahead_lots)) = known.early.pop_back() {
            (known.queue_stay, known.ahead_lots) = (queue_stay, ahead_lots);
            known.early.clear();
        }
    }
}

fn take_place(known: &mut KnownOrder, order: &OrderSnapshot) {
    known.state = order.state;
    known.terms = order.terms;
    known.asked_ticks = order.asked_ticks;
    if order.queue_stay > known.queue_stay {
        known.queue_stay = order.queue_stay;
        known.ahead_lots = order.ahead_lots;
        while let Some(early) = known.early.front().copied().filter(|early| early.0 <= order.queue_stay) {
            known.early.pop_front();
            known.ahead_lots = if early.0 == order.queue_stay { early.1 } else { order.ahead_lots };
        }
    }
}
