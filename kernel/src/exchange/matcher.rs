//! Order kinds at the exchange, in terms of three operations: what can be taken, take, rest.
//!
//! A matcher serves the requests of one strategy in one instrument when they arrive. Refusals are answers.

use std::cmp::Ordering;

use rustc_hash::FxHashMap as HashMap;

use crate::contract::codes::{
    phase, Cause, Ns, OrderState, RejectReason, RequestKind, SelfTrade, TimeInForce, UpdateKind,
};
use crate::contract::generated_terms::Terms;
use crate::contract::plan::{FeePlan, InstrumentPlan, OrderRules, PostOnly, SessionPlan};
use crate::exchange::available_lots::Offer;
use crate::exchange::displayed::Displayed;
use crate::exchange::order_kinds::walk::{Met, Walk};
use crate::exchange::own_book::{is_stop, OrderEvent, OwnBook};
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
    rules: OrderRules,
    /// By id, the number in the own book of each order that a request may still be about.
    numbers: HashMap<i64, u32>,
}

impl Matcher {
    /// Start with a position and no orders.
    pub fn new(instrument: &InstrumentPlan, plan: SessionPlan) -> Self {
        let account = Account { position_lots: plan.initial_position, ..Account::default() };
        Matcher {
            account,
            own_book: OwnBook::new(instrument.fill_rules, instrument.feed, plan),
            fees: plan.fees,
            rules: instrument.order_rules,
            numbers: HashMap::default(),
        }
    }

    /// Serve a request.
    pub fn serve(&mut self, displayed: Displayed, request: &Request) {
        let now_ns = request.ts_exchange_ns;
        match (request.kind, request.terms) {
            (RequestKind::New, Some(terms)) => self.submit(displayed, request.order_id, terms, now_ns),
            (RequestKind::Replace, _) => {
                let at = self.numbers[&request.order_id];
                self.replace(displayed, at, (request.price_ticks, request.size_lots), now_ns);
            }
            (RequestKind::MmpReset, _) => self.own_book.protection.reset(),
            (RequestKind::CancelAll, _) => request.order_ids.iter().for_each(|id| self.cancel(self.numbers[id])),
            (RequestKind::New | RequestKind::Cancel, _) => self.cancel(self.numbers[&request.order_id]),
        }
        self.own_book.protect(now_ns);
    }

    /// Return an order that a request may still be about.
    pub fn order(&self, order_id: i64) -> &OwnOrder {
        &self.own_book.orders[self.numbers[&order_id]]
    }

    /// Return whether a post-only order at a price would slide because of an own order.
    pub fn slides_off_own(&self, side: i8, price_ticks: i64) -> bool {
        let side_ticks = i64::from(side);
        self.rules.post_only == PostOnly::Slide
            && self.own_book.best(-side).is_some_and(|best| side_ticks * price_ticks >= side_ticks * best)
    }

    /// Drop an order that is over and that no request on its way is about.
    pub fn forget(&mut self, order_id: i64) {
        if let Some(at) = self.numbers.remove(&order_id) {
            self.own_book.forget(at);
        }
    }

    /// Serve a new order.
    fn submit(&mut self, displayed: Displayed, order_id: i64, terms: Terms, now_ns: Ns) {
        let at = self.own_book.orders.insert(OwnOrder::new(order_id, terms));
        self.numbers.insert(order_id, at);
        if is_stop(&terms) {
            self.await_trigger(displayed, at, now_ns);
            return;
        }
        let placed = self.placed(displayed, terms, 0);
        let reason = self.refusal(displayed, at, placed);
        if reason != RejectReason::None {
            self.own_book.orders[at].state = OrderState::Rejected;
            self.update(at, UpdateKind::Rejected, reason);
            return;
        }
        self.enter(displayed, at, (terms, placed), UpdateKind::Accepted, now_ns);
    }

    /// Hold an order until a price reaches its stop, or reject it.
    fn await_trigger(&mut self, displayed: Displayed, at: u32, now_ns: Ns) {
        let own = &mut self.own_book.orders[at];
        let reason = untimely(displayed, own.terms);
        if reason == RejectReason::None {
            own.state = OrderState::Untriggered;
            own.ts_arrival_ns = now_ns;
            self.own_book.expiries.add(own, at);
            self.own_book.stops.add(at);
            self.update(at, UpdateKind::Accepted, reason);
        } else {
            own.state = OrderState::Rejected;
            self.update(at, UpdateKind::Rejected, reason);
        }
    }

    /// Let the triggered orders arrive in the book.
    pub fn trigger(&mut self, displayed: Displayed) {
        while let Some(at) = self.own_book.stops.next_due() {
            let own = &mut self.own_book.orders[at];
            self.own_book.expiries.remove(own);
            let terms = own.terms;
            let placed = self.placed(displayed, terms, 0);
            let reason = self.refusal(displayed, at, placed);
            if reason == RejectReason::None {
                self.enter(displayed, at, (terms, placed), UpdateKind::Triggered, displayed.now_ns);
                self.own_book.protect(displayed.now_ns);
            } else {
                self.own_book.orders[at].state = OrderState::Cancelled;
                self.update(at, UpdateKind::Cancelled, reason);
            }
        }
    }

    /// Serve a replacement by another price or size, by the venue's rules; `None` keeps the old one.
    fn replace(
        &mut self,
        displayed: Displayed,
        at: u32,
        (price_ticks, size_lots): (Option<i64>, Option<i64>),
        now_ns: Ns,
    ) {
        let (own, rules) = (&mut self.own_book.orders[at], self.rules.replace);
        let price_ticks = price_ticks.or(own.terms.price_ticks);
        let size_lots = match size_lots {
            None => own.terms.size_lots,
            Some(size_lots) if rules.size_is_total => size_lots,
            Some(size_lots) => size_lots + own.filled_lots,
        };
        let terms = Terms { price_ticks, size_lots, ..own.terms };
        let (same_price, order) = (price_ticks == own.terms.price_ticks, size_lots.cmp(&own.terms.size_lots));
        if own.state == OrderState::Untriggered {
            own.terms = terms;
            self.update(at, UpdateKind::Replaced, RejectReason::None);
        } else if own.state != OrderState::Live {
            self.update(at, UpdateKind::ReplaceRejected, RejectReason::TooLate);
        } else if size_lots <= own.filled_lots && rules.cancels_filled {
            self.own_book.take_off(at, RejectReason::None);
        } else if size_lots <= own.filled_lots {
            self.update(at, UpdateKind::ReplaceRejected, RejectReason::TooLate);
        } else if same_price && (order == Ordering::Equal || order == Ordering::Less && rules.keeps_place) {
            own.terms = terms;
            self.update(at, UpdateKind::Replaced, RejectReason::None);
        } else {
            self.move_to(displayed, at, terms, now_ns);
        }
    }

    /// Let an order arrive again with other terms, unless that is refused.
    fn move_to(&mut self, displayed: Displayed, at: u32, terms: Terms, now_ns: Ns) {
        let placed = self.placed(displayed, terms, self.own_book.orders[at].filled_lots);
        let reason = self.refusal(displayed, at, placed);
        if reason == RejectReason::None {
            self.own_book.remove(at);
            self.enter(displayed, at, (terms, placed), UpdateKind::Replaced, now_ns);
        } else if terms.post_only && reason != RejectReason::Halted && self.rules.replace.cancels_taker {
            self.own_book.take_off(at, reason);
        } else {
            self.update(at, UpdateKind::ReplaceRejected, reason);
        }
    }

    /// Serve a cancel request.
    fn cancel(&mut self, at: u32) {
        if matches!(self.own_book.orders[at].state, OrderState::Live | OrderState::Untriggered) {
            self.own_book.take_off(at, RejectReason::None);
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
        let offers = self.offers(displayed, side, None, lots).into_iter().map(Met::Offer);
        let way = Walk::new(&self.own_book, offers, lots, SelfTrade::CancelNewest);
        self.update(at, UpdateKind::Accepted, RejectReason::None);
        self.follow(displayed, at, way);
        if self.own_book.orders[at].open_lots() != 0 {
            self.own_book.orders[at].state = OrderState::Expired;
            self.update(at, UpdateKind::Expired, RejectReason::None);
        }
    }

    /// End the orders whose time is over.
    pub fn expire(&mut self, now_ns: Ns) {
        while let Some(at) = self.own_book.expiries.due(now_ns) {
            self.own_book.remove(at);
            self.own_book.orders[at].state = OrderState::Expired;
            self.update(at, UpdateKind::Expired, RejectReason::None);
        }
    }

    fn update(&mut self, at: u32, kind: UpdateKind, reason: RejectReason) {
        let order = self.own_book.orders[at].snapshot();
        self.own_book.events.push(OrderEvent::Update { order, kind, reason });
    }

    /// Return why an order with these terms is refused as a whole.
    fn refusal(&self, displayed: Displayed, at: u32, terms: Terms) -> RejectReason {
        let reason = untimely(displayed, terms);
        if reason != RejectReason::None {
            return reason;
        }
        if self.own_book.protection.refuses(&terms, displayed.now_ns) {
            return RejectReason::Mmp;
        }
        if terms.size_lots == self.own_book.orders[at].filled_lots {
            return RejectReason::ReduceOnly;
        }
        let mode = self.mode(terms);
        if !terms.post_only && mode != SelfTrade::Reject {
            return RejectReason::None;
        }
        let way = self.way(displayed, terms, terms.size_lots - self.own_book.orders[at].filled_lots);
        if terms.post_only && (way.traded_lots != 0 || reaches_what_is_shown(displayed, terms)) {
            return RejectReason::PostOnly;
        }
        let refuses = mode == SelfTrade::Reject || terms.post_only && mode == SelfTrade::CancelNewest;
        if way.ends && refuses {
            RejectReason::SelfTrade
        } else {
            RejectReason::None
        }
    }

    fn mode(&self, terms: Terms) -> SelfTrade {
        terms.self_trade.unwrap_or(self.rules.self_trade)
    }

    /// Return the terms that an order has on arrival: of a post-only one at the price that the venue gives it.
    fn placed(&self, displayed: Displayed, terms: Terms, filled_lots: i64) -> Terms {
        let terms = self.own_book.reduce_only.within_position(terms, filled_lots);
        let Some(limit) = terms.price_ticks.filter(|_| terms.post_only && self.rules.post_only == PostOnly::Slide)
        else {
            return terms;
        };
        let side = i64::from(terms.side);
        let best = if displayed.takes(terms.side) {
            self.offers(displayed, terms.side, Some(limit), 1).first().map(|offer| offer.place.1)
        } else {
            displayed.book.best(-terms.side)
        };
        let refuses = matches!(self.mode(terms), SelfTrade::CancelNewest | SelfTrade::Reject);
        let own_best = self.own_book.best(-terms.side).filter(|_| refuses);
        match best.into_iter().chain(own_best).map(|price| side * price - 1).min() {
            Some(nearest) if nearest < side * limit => Terms { price_ticks: Some(side * nearest), ..terms },
            _ => terms,
        }
    }

    /// Find the way of an order that arrives with these terms; it meets no offer while it cannot take.
    fn way(&self, displayed: Displayed, terms: Terms, open_lots: i64) -> Walk {
        let Terms { side, price_ticks, .. } = terms;
        let mut offers = Vec::new();
        if displayed.takes(side) {
            offers = self.offers(displayed, side, price_ticks, open_lots);
        } else if !may_rest(terms) {
            return Walk::default();
        }
        let mode = self.mode(terms);
        if self.own_book.best(-side).is_none() {
            return Walk::new(&self.own_book, offers.into_iter().map(Met::Offer), open_lots, mode);
        }
        let met = self.own_book.meetings(displayed.book.feed, side, price_ticks, offers);
        Walk::new(&self.own_book, met.into_iter(), open_lots, mode)
    }

    /// List what is displayed for an order of a side, best first, up to its size.
    fn offers(&self, displayed: Displayed, side: i8, limit_ticks: Option<i64>, mut size_lots: i64) -> Vec<Offer> {
        let mut listed = Vec::new();
        self.own_book.available.offers(displayed, -side, limit_ticks, |offer| {
            listed.push(offer);
            size_lots -= offer.size_lots;
            size_lots > 0
        });
        listed
    }

    /// Let an order take what it may, and rest or expire with the remainder; the answer precedes the fills.
    fn enter(&mut self, displayed: Displayed, at: u32, (asked, placed): (Terms, Terms), kind: UpdateKind, now_ns: Ns) {
        let own = &mut self.own_book.orders[at];
        own.terms = placed;
        own.asked_ticks = asked.price_ticks.filter(|_| asked.price_ticks != placed.price_ticks);
        own.state = OrderState::Live;
        own.ts_arrival_ns = now_ns;
        own.ahead_at_arrival = None;
        let open_lots = own.open_lots();
        let way = self.way(displayed, placed, open_lots);
        let (fills, ends) = (way.traded_lots == open_lots, way.ends);
        let rests = way.left_lots > 0 && !ends && may_rest(placed);
        if rests {
            let waits = !placed.post_only && !displayed.takes(placed.side);
            self.own_book.rest(displayed, at, waits);
        }
        self.update(at, kind, RejectReason::None);
        if fills || placed.tif != TimeInForce::Fok {
            if placed.reduce_only {
                self.own_book.cut(at);
            }
            self.follow(displayed, at, way);
        }
        if self.own_book.orders[at].open_lots() != 0 && !rests {
            self.own_book.orders[at].state = OrderState::Expired;
            let reason = if ends { RejectReason::SelfTrade } else { RejectReason::None };
            self.update(at, UpdateKind::Expired, reason);
        }
    }

    /// Let an order trade with the offers on its way, and prevent trades with own orders.
    fn follow(&mut self, displayed: Displayed, at: u32, way: Walk) {
        for (met, lots) in way.steps {
            match met {
                Met::Offer(offer) => {
                    self.own_book.available.take(displayed.prints, &offer, lots);
                    self.own_book.fill(displayed.now_ns, at, OwnTrade::new(offer.place.1, lots, Cause::Take));
                }
                Met::Own(other) => {
                    if lots > 0 && lots < self.own_book.orders[other].open_lots() {
                        self.shrink(other, lots);
                    } else {
                        self.own_book.take_off(other, RejectReason::SelfTrade);
                    }
                    if lots > 0 && lots < self.own_book.orders[at].open_lots() {
                        self.shrink(at, lots);
                    }
                }
            }
        }
    }

    fn shrink(&mut self, at: u32, lots: i64) {
        self.own_book.orders[at].terms.size_lots -= lots;
        self.update(at, UpdateKind::Reduced, RejectReason::SelfTrade);
    }
}

/// Return why no order with these terms can come at this time.
fn untimely(displayed: Displayed, terms: Terms) -> RejectReason {
    if displayed.phase != phase::CONTINUOUS {
        RejectReason::Halted
    } else if terms.tif == TimeInForce::Day && !displayed.has_phases {
        RejectReason::BadValue
    } else if terms.expire_ns.is_some_and(|expire_ns| expire_ns <= displayed.now_ns) {
        RejectReason::TooLate
    } else {
        RejectReason::None
    }
}

/// Return whether what does not trade on arrival stays.
fn may_rest(terms: Terms) -> bool {
    terms.tif.rests() && terms.price_ticks.is_some()
}

/// Return whether a limit reaches the displayed book of the other side while nothing of it can be taken.
fn reaches_what_is_shown(displayed: Displayed, terms: Terms) -> bool {
    let side = i64::from(terms.side);
    match (terms.price_ticks, displayed.book.best(-terms.side)) {
        (Some(price_ticks), Some(best)) => !displayed.takes(terms.side) && side * price_ticks >= side * best,
        _ => false,
    }
}
