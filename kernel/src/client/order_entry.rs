//! Where orders enter: requests are checked here before they are sent.
//!
//! Malformed requests and breaches of a limit are refused at once, as data. Orders in flight count as filled, so that
//! no race can breach the position limit.

use crate::client::agent::Agent;
use crate::client::local_state::{KnownOrder, NOTHING_KNOWN};
use crate::client::number::{Number, NO_ID};
use crate::client::session::Session;
use crate::contract::codes::{OrderState, RejectReason, RequestKind, TimeInForce, UpdateKind, LIMIT};
use crate::contract::error::RunError;
use crate::contract::generated_terms::Terms;
use crate::exchange::own_book::is_stop;
use crate::record::recorder::{Recorder, Times};
use crate::wire::channels::Channels;
use crate::wire::messages::{Answer, Message, OrderSnapshot, Request};

/// A new order as the strategy passes it.
pub struct NewOrder<'a> {
    /// `None`: a market order.
    pub price: Option<Number>,
    /// The total size.
    pub size: Number,
    /// Its side and its options; price, size and tag are those beside it.
    pub terms: Terms,
    /// The text of its tag.
    pub tag: &'a str,
    /// True if an option was not of its type; it has its default in `terms`.
    pub has_bad_option: bool,
}

/// Sends the requests of one strategy in one instrument.
pub struct OrderEntry<'a> {
    /// The strategy.
    pub agent: &'a mut Agent,
    /// Its channels.
    pub channels: &'a mut Channels,
    /// What it knows in the instrument.
    pub session: &'a mut Session,
    /// Records refusals.
    pub recorder: &'a mut Recorder,
    /// The instrument's place in the plan.
    pub instrument: usize,
}

impl OrderEntry<'_> {
    /// Send a new order, or refuse it; return its id either way.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn send(&mut self, order: &NewOrder) -> Result<i64, RunError> {
        self.count()?;
        self.agent.check_order(self.session.local_state.orders.len(), order.tag)?;
        let order_id = self.agent.new_id();
        let (price_ticks, size_lots) = (order.price.map(Number::price_ticks), order.size.size_lots());
        let reason = of(&size_lots)
            .or(|| price_ticks.as_ref().map_or(RejectReason::None, of))
            .or(|| refuse_options(order))
            .or(|| self.closed())
            .or(|| self.breach(order.terms.side, size_lots.unwrap_or(0), None));
        let terms = Terms {
            price_ticks: price_ticks.map(|price| price.unwrap_or(0)),
            size_lots: size_lots.unwrap_or(0),
            tag: self.recorder.tags.tag(order.tag),
            ..order.terms
        };
        let mut known = KnownOrder::new(order_id, terms);
        known.size_is_total = self.session.local_state.size_is_total;
        if reason == RejectReason::None {
            known.in_flight += 1;
            self.channels.send(Request { terms: Some(terms), ..self.request(order_id, RequestKind::New) });
        } else {
            known.state = OrderState::Rejected;
            self.refuse(known.snapshot(), UpdateKind::Rejected, reason)?;
        }
        self.session.local_state.orders.insert(order_id, known);
        self.session.local_state.count(order_id);
        Ok(order_id)
    }

    /// Send another price or size for an order, or refuse it.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn replace(&mut self, order_id: i64, price: Option<Number>, size: Option<Number>) -> Result<(), RunError> {
        self.count()?;
        let (price_ticks, size_lots) = (price.map(Number::price_ticks), size.map(Number::size_lots));
        let reason = self
            .find(order_id)
            .or(|| price_ticks.as_ref().map_or(RejectReason::None, of))
            .or(|| size_lots.as_ref().map_or(RejectReason::None, of))
            .or(|| self.closed());
        let (price_ticks, size_lots) = (price_ticks.and_then(Result::ok), size_lots.and_then(Result::ok));
        let reason = reason.or(|| match (self.known(order_id), size_lots) {
            (Some(known), Some(size)) => self.breach(known.terms.side, known.exposed_with(size), Some(known.order_id)),
            _ => RejectReason::None,
        });
        if reason != RejectReason::None {
            self.refuse_request(order_id, UpdateKind::ReplaceRejected, reason)?;
        } else if let Some(known) = self.session.local_state.orders.get_mut(&order_id) {
            known.in_flight += 1;
            let unchanged = if known.size_is_total { known.terms.size_lots } else { 0 };
            known.requested.push(price_ticks, size_lots.unwrap_or(unchanged));
            let request = self.request(order_id, RequestKind::Replace);
            self.channels.send(Request { price_ticks, size_lots, ..request });
            self.session.local_state.count(order_id);
        }
        Ok(())
    }

    /// Send a cancel request, or refuse it.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn cancel(&mut self, order_id: i64) -> Result<(), RunError> {
        self.count()?;
        let stopped = self.agent.is_stopped;
        let reason = self.find(order_id).or(|| if stopped { RejectReason::Stopped } else { RejectReason::None });
        if reason != RejectReason::None {
            self.refuse_request(order_id, UpdateKind::CancelRejected, reason)?;
        } else if let Some(known) = self.session.local_state.orders.get_mut(&order_id) {
            known.in_flight += 1;
            self.channels.send(self.request(order_id, RequestKind::Cancel));
        }
        Ok(())
    }

    /// Send one request to cancel all orders of a side and a tag; `None`: of any.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn cancel_all(&mut self, side: Option<i8>, tag: Option<&str>) -> Result<(), RunError> {
        let tags = &self.recorder.tags;
        let is_chosen = |known: &KnownOrder| {
            !known.state.is_over()
                && side.is_none_or(|side| side == known.terms.side)
                && tag.is_none_or(|tag| tag == &**tags.text(known.terms.tag))
        };
        let all = self.session.local_state.orders.values().filter(|known| is_chosen(known));
        let order_ids: Box<[i64]> = all.map(|known| known.order_id).collect();
        if self.agent.is_stopped {
            return order_ids.iter().try_for_each(|order_id| self.cancel(*order_id));
        }
        let Some(first) = order_ids.first().copied() else { return Ok(()) };
        self.count()?;
        for order_id in &order_ids {
            if let Some(known) = self.session.local_state.orders.get_mut(order_id) {
                known.in_flight += 1;
            }
        }
        let request = self.request(first, RequestKind::CancelAll);
        self.channels.send(Request { order_ids, ..request });
        Ok(())
    }

    /// Request that market maker protection takes quotes again; nothing answers.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count`.
    pub fn mmp_reset(&mut self) -> Result<(), RunError> {
        if !self.agent.is_stopped {
            self.count()?;
            self.channels.send(self.request(0, RequestKind::MmpReset));
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), RunError> {
        self.agent.count()?;
        self.agent.check_request(self.channels.under_way())
    }

    fn request(&self, order_id: i64, kind: RequestKind) -> Request {
        Request::new((self.instrument, order_id), self.agent.now_ns, kind)
    }

    /// Return an order that is not over, as the strategy knows it.
    fn known(&self, order_id: i64) -> Option<&KnownOrder> {
        let known = self.session.local_state.orders.get(&order_id);
        known.filter(|known| !known.state.is_over())
    }

    fn find(&self, order_id: i64) -> RejectReason {
        if order_id == NO_ID {
            return RejectReason::BadValue;
        }
        if self.known(order_id).is_some() {
            RejectReason::None
        } else if self.agent.issued_id(order_id) {
            RejectReason::TooLate
        } else {
            RejectReason::UnknownOrder
        }
    }

    fn closed(&self) -> RejectReason {
        if self.agent.is_stopped {
            RejectReason::Stopped
        } else if self.agent.now_ns < self.agent.open_ns {
            RejectReason::WarmUp
        } else {
            RejectReason::None
        }
    }

    fn breach(&self, side: i8, size_lots: i64, apart_from: Option<i64>) -> RejectReason {
        match self.session.local_state.room(side, apart_from) {
            Some(room) if size_lots > room => RejectReason::PositionLimit,
            _ => RejectReason::None,
        }
    }

    fn refuse_request(&mut self, order_id: i64, kind: UpdateKind, reason: RejectReason) -> Result<(), RunError> {
        let order_id = if order_id == NO_ID { -1 } else { order_id };
        let order = self.known(order_id).map(KnownOrder::snapshot).unwrap_or_else(|| {
            // The order is over or never was: the record has the id and nothing else.
            let mut unknown = KnownOrder::new(order_id, NOTHING_KNOWN);
            unknown.state = OrderState::Rejected;
            unknown.snapshot()
        });
        self.refuse(order, kind, reason)
    }

    /// Answer a request that is not sent: recorded now, delivered after the callback at hand.
    fn refuse(&mut self, order: OrderSnapshot, kind: UpdateKind, reason: RejectReason) -> Result<(), RunError> {
        let generation = if self.agent.is_stopped { 0 } else { self.agent.next_generation("requests")? };
        if self.agent.mistake.is_none() && RejectReason::MISTAKES.contains(&reason) {
            self.agent.mistake = Some(reason);
        }
        let now_ns = self.agent.now_ns;
        let times = Times { sent_ns: Some(now_ns), exchange_ns: None, local_ns: now_ns };
        self.recorder.order((self.agent.index, self.instrument), &order, (kind, reason), times);
        if !self.agent.is_stopped {
            let answer = Answer { order, requested: None, kind, reason };
            self.channels.post(now_ns, self.instrument, Message::Answer(answer), generation);
        }
        Ok(())
    }
}

fn of(number: &Result<i64, RejectReason>) -> RejectReason {
    number.err().unwrap_or(RejectReason::None)
}

fn refuse_options(order: &NewOrder) -> RejectReason {
    if order.has_bad_option || contradicts_itself(&order.terms, order.price.is_none()) {
        RejectReason::BadValue
    } else {
        RejectReason::None
    }
}

/// Return whether no order can have these terms (`docs/fill-model.md`, STOP-6).
fn contradicts_itself(terms: &Terms, is_market: bool) -> bool {
    let stops = is_stop(terms);
    let rests = terms.tif.rests() && (!is_market || stops);
    let (has_end, has_tip) = (terms.tif == TimeInForce::Gtd, terms.display_lots.is_some());
    let needs_rest = terms.post_only || has_end || terms.tif == TimeInForce::Day;
    if needs_rest && !rests || has_end != terms.expire_ns.is_some() || terms.trigger.is_some() && !stops {
        return true;
    }
    if has_tip && (is_market || !terms.tif.rests()) || terms.display_lots.is_some_and(|lots| lots <= 0) {
        return true;
    }
    if stops && terms.post_only || terms.trail_ticks.is_some() && terms.trail_bps.is_some() {
        return true;
    }
    let bounds = [(terms.stop_ticks, 1 - LIMIT, LIMIT), (terms.trail_ticks, 1, LIMIT), (terms.trail_bps, 1, 10_000)];
    bounds.into_iter().any(|(value, least, bound)| value.is_some_and(|value| !(least..bound).contains(&value)))
}
