//! Order kinds at the exchange, in terms of three operations: what can be taken, take, rest.
//!
//! A matcher serves the requests of one strategy in one instrument when they arrive. Refusals are answers.

use rustc_hash::FxHashMap as HashMap;

use crate::contract::codes::{phase, Cause, Feed, Ns, OrderState, RejectReason, RequestKind, TimeInForce, UpdateKind};
use crate::contract::generated_terms::Terms;
use crate::contract::plan::{FeePlan, FillRules, SessionPlan};
use crate::exchange::available_lots::Offer;
use crate::exchange::displayed::Displayed;
use crate::exchange::own_book::{OrderEvent, OwnBook};
use crate::exchange::own_order::{OwnOrder, OwnTrade};
use crate::money::account::Account;
use crate::wire::messages::Request;

/// The exchange's side of one strategy in one instrument.
pub struct Matcher {
    /// Position, cash and fees, as the exchange knows them.
    pub account: Account,
    /// The resting orders.
    pub own_book: OwnBook,
    /// What its fills cost.
    pub fees: FeePlan,
    /// By id, the number in the own book of each order that a request may still be about.
    numbers: HashMap<i64, u32>,
}

impl Matcher {
    /// Start with a position and no orders.
    pub fn new(rules: FillRules, feed: Feed, plan: SessionPlan) -> Self {
        let account = Account { position_lots: plan.initial_position, ..Account::default() };
        Matcher {
            account,
            own_book: OwnBook::new(rules, feed, plan.initial_position),
            fees: plan.fees,
            numbers: HashMap::default(),
        }
    }

    /// Serve a request.
    pub fn serve(&mut self, displayed: Displayed, request: &Request) {
        let now_ns = request.ts_exchange_ns;
        if let Some(terms) = request.terms {
            self.submit(displayed, request.order_id, terms, now_ns);
            return;
        }
        let at = self.numbers[&request.order_id];
        if request.kind == RequestKind::Replace {
            self.replace(displayed, at, (request.price_ticks, request.size_lots), now_ns);
        } else {
            self.cancel(at);
        }
    }

    /// Return an order that a request may still be about.
    pub fn order(&self, order_id: i64) -> &OwnOrder {
        &self.own_book.orders[self.numbers[&order_id]]
    }

    /// Drop an order that is over and that no request on its way is about.
    pub fn forget(&mut self, order_id: i64) {
        if let Some(at) = self.numbers.remove(&order_id) {
            self.own_book.forget(at);
        }
    }

    /// Serve a new order.
    fn submit(&mut self, displayed: Displayed, order_id: i64, terms: Terms, now_ns: Ns) {
        let within = self.own_book.reduce_only.within_position(terms, 0);
        let at = self.own_book.orders.insert(OwnOrder::new(order_id, within));
        self.numbers.insert(order_id, at);
        let reason = self.refusal(displayed, at, self.own_book.orders[at].terms.price_ticks);
        if reason != RejectReason::None {
            let own = &mut self.own_book.orders[at];
            (own.terms, own.state) = (terms, OrderState::Rejected);
            self.update(at, UpdateKind::Rejected, reason);
            return;
        }
        self.enter(displayed, at, UpdateKind::Accepted, now_ns);
    }

    /// Serve a replacement by another price or total size; `None` keeps the old one.
    fn replace(
        &mut self,
        displayed: Displayed,
        at: u32,
        (price_ticks, size_lots): (Option<i64>, Option<i64>),
        now_ns: Ns,
    ) {
        let own = &mut self.own_book.orders[at];
        let price_ticks = price_ticks.or(own.terms.price_ticks);
        let size_lots = size_lots.unwrap_or(own.terms.size_lots);
        let terms = Terms { price_ticks, size_lots, ..own.terms };
        if own.state != OrderState::Live {
            self.update(at, UpdateKind::ReplaceRejected, RejectReason::TooLate);
        } else if size_lots <= own.filled_lots {
            self.take_off(at);
        } else if price_ticks == own.terms.price_ticks && size_lots <= own.terms.size_lots {
            own.terms = terms;
            self.update(at, UpdateKind::Replaced, RejectReason::None);
        } else {
            let reason = self.refusal(displayed, at, price_ticks);
            if reason != RejectReason::None {
                self.update(at, UpdateKind::ReplaceRejected, reason);
                return;
            }
            self.own_book.remove(at);
            let own = &mut self.own_book.orders[at];
            own.terms = self.own_book.reduce_only.within_position(terms, own.filled_lots);
            self.enter(displayed, at, UpdateKind::Replaced, now_ns);
        }
    }

    /// Serve a cancel request.
    fn cancel(&mut self, at: u32) {
        if self.own_book.orders[at].state == OrderState::Live {
            self.take_off(at);
        } else {
            self.update(at, UpdateKind::CancelRejected, RejectReason::TooLate);
        }
    }

    /// Take what is displayed, whatever the phase, to close a position at the end of a run.
    pub fn flatten(&mut self, displayed: Displayed, order_id: i64, terms: Terms) {
        let mut own = OwnOrder::new(order_id, terms);
        own.ts_arrival_ns = displayed.now_ns;
        own.state = OrderState::Live;
        let (side, lots) = (terms.side, own.open_lots());
        let at = self.own_book.orders.insert(own);
        let offers = self.displayed_offers(displayed, side, None, lots);
        self.update(at, UpdateKind::Accepted, RejectReason::None);
        self.walk(displayed, at, offers);
        if self.own_book.orders[at].open_lots() != 0 {
            self.own_book.orders[at].state = OrderState::Expired;
            self.update(at, UpdateKind::Expired, RejectReason::None);
        }
    }

    fn take_off(&mut self, at: u32) {
        self.own_book.remove(at);
        self.own_book.orders[at].state = OrderState::Cancelled;
        self.update(at, UpdateKind::Cancelled, RejectReason::None);
    }

    fn update(&mut self, at: u32, kind: UpdateKind, reason: RejectReason) {
        let order = self.own_book.orders[at].snapshot();
        self.own_book.events.push(OrderEvent::Update { order, kind, reason });
    }

    fn refusal(&self, displayed: Displayed, at: u32, price_ticks: Option<i64>) -> RejectReason {
        if displayed.phase != phase::CONTINUOUS {
            return RejectReason::Halted;
        }
        if self.own_book.orders[at].open_lots() == 0 {
            return RejectReason::ReduceOnly;
        }
        if self.meets_itself(displayed, at, price_ticks) {
            return RejectReason::SelfTrade;
        }
        let own = &self.own_book.orders[at];
        if own.terms.post_only && self.would_take(displayed, own.terms.side, price_ticks) {
            return RejectReason::PostOnly;
        }
        RejectReason::None
    }

    /// Return whether an order would reach an own resting order of the other side.
    fn meets_itself(&self, displayed: Displayed, at: u32, price_ticks: Option<i64>) -> bool {
        let own = &self.own_book.orders[at];
        let Some(best) = self.own_book.best(-own.terms.side) else { return false };
        let side = i64::from(own.terms.side);
        let farthest = match price_ticks {
            Some(price_ticks) => Some(price_ticks),
            None => self.offers(displayed, own.terms.side, None, own.open_lots()).last().map(|offer| offer.place.1),
        };
        farthest.is_some_and(|farthest| side * farthest >= side * best)
    }

    fn would_take(&self, displayed: Displayed, side: i8, price_ticks: Option<i64>) -> bool {
        if displayed.takes(side) {
            return !self.offers(displayed, side, price_ticks, 1).is_empty();
        }
        let side_ticks = i64::from(side);
        match (price_ticks, displayed.book.best(-side)) {
            (Some(price_ticks), Some(best)) => side_ticks * price_ticks >= side_ticks * best,
            _ => false,
        }
    }

    /// List what an order of a side would take, best first; nothing while it cannot take.
    fn offers(&self, displayed: Displayed, side: i8, limit_ticks: Option<i64>, size_lots: i64) -> Vec<Offer> {
        if displayed.takes(side) {
            return self.displayed_offers(displayed, side, limit_ticks, size_lots);
        }
        Vec::new()
    }

    fn displayed_offers(
        &self,
        displayed: Displayed,
        side: i8,
        limit_ticks: Option<i64>,
        mut size_lots: i64,
    ) -> Vec<Offer> {
        let mut listed = Vec::new();
        self.own_book.available.offers(displayed, -side, limit_ticks, |offer| {
            listed.push(offer);
            size_lots -= offer.size_lots;
            size_lots > 0
        });
        listed
    }

    /// Let an order take what it may, and rest or expire with the remainder; the answer precedes the fills.
    fn enter(&mut self, displayed: Displayed, at: u32, kind: UpdateKind, now_ns: Ns) {
        let own = &mut self.own_book.orders[at];
        own.state = OrderState::Live;
        own.ts_arrival_ns = now_ns;
        own.ahead_at_arrival = None;
        let (side, price_ticks, tif, open_lots) =
            (own.terms.side, own.terms.price_ticks, own.terms.tif, own.open_lots());
        let offers = self.offers(displayed, side, price_ticks, open_lots);
        let fills = offers.iter().map(|offer| offer.size_lots).sum::<i64>() >= open_lots;
        let rests = !fills && tif == TimeInForce::Gtc && price_ticks.is_some();
        if rests {
            let waits = !self.own_book.orders[at].terms.post_only && !displayed.takes(side);
            self.own_book.rest(displayed, at, waits);
        }
        self.update(at, kind, RejectReason::None);
        if fills || tif != TimeInForce::Fok {
            if self.own_book.orders[at].terms.reduce_only {
                self.own_book.cut(at);
            }
            self.walk(displayed, at, offers);
        }
        if self.own_book.orders[at].open_lots() != 0 && !rests {
            self.own_book.orders[at].state = OrderState::Expired;
            self.update(at, UpdateKind::Expired, RejectReason::None);
        }
    }

    fn walk(&mut self, displayed: Displayed, at: u32, offers: Vec<Offer>) {
        for offer in offers {
            let lots = offer.size_lots.min(self.own_book.orders[at].open_lots());
            if lots == 0 {
                break;
            }
            self.own_book.available.take(displayed.prints, &offer, lots);
            self.own_book.fill(at, OwnTrade::new(offer.place.1, lots, Cause::Take));
        }
    }
}
