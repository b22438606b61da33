//! Where orders enter: requests are checked here before they are sent.
//!
//! Malformed requests and breaches of a limit are refused at once, as data. Orders in flight count as filled, so that
//! no race can breach the position limit.

use crate::client::agent::Agent;
use crate::client::local_state::KnownOrder;
use crate::client::number::Number;
use crate::client::session::Session;
use crate::contract::codes::{OrderState, RejectReason, RequestKind, TimeInForce, UpdateKind};
use crate::contract::error::RunError;
use crate::contract::tag::Tag;
use crate::exchange::own_book::OwnBook;
use crate::exchange::own_order::OwnOrder;
use crate::record::recorder::{Recorder, Times};
use crate::wire::channels::Channels;
use crate::wire::messages::{Answer, Message, OrderSnapshot, Request};

/// The terms of a new order as the strategy passed them.
pub struct Terms {
    /// `None`: not a time in force.
    pub tif: Option<TimeInForce>,
    /// `None`: not a boolean.
    pub post_only: Option<bool>,
    /// The author's text; empty if it was not text.
    pub tag: Tag,
    /// True if the tag was text.
    pub tag_is_text: bool,
}

/// Sends the requests of one strategy in one instrument.
pub struct OrderEntry<'a> {
    /// The strategy.
    pub agent: &'a mut Agent,
    /// Its channels.
    pub channels: &'a mut Channels,
    /// What it knows in the instrument.
    pub session: &'a mut Session,
    /// Its orders at the exchange, to which a new one is added before its request arrives.
    pub own_book: &'a mut OwnBook,
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
    pub fn send(&mut self, side: i8, price: Option<Number>, size: Number, terms: &Terms) -> Result<i64, RunError> {
        self.agent.count()?;
        self.agent.check_request(self.channels.under_way())?;
        self.agent.check_order(self.session.local_state.orders.len(), &terms.tag)?;
        let order_id = self.agent.new_id();
        let size_lots = size.size_lots();
        let price_ticks = price.map(Number::price_ticks);
        let tif = terms.tif.unwrap_or(TimeInForce::Gtc);
        let reason = of(&size_lots)
            .or(|| price_ticks.as_ref().map_or(RejectReason::None, of))
            .or(|| refuse_terms(terms, price.is_some()));
        let (size_lots, price_ticks) = (size_lots.unwrap_or(0), price_ticks.map(|price| price.unwrap_or(0)));
        let mut own = OwnOrder::new(order_id, side, price_ticks, size_lots, terms.tag.clone());
        own.tif = tif;
        own.post_only = terms.post_only == Some(true);
        let mut known = KnownOrder::new(order_id, side, price_ticks, size_lots, terms.tag.clone());
        known.tif = tif;
        known.post_only = own.post_only;
        let reason = reason.or(|| self.closed()).or(|| self.breach(side, size_lots, None));
        if reason == RejectReason::None {
            known.in_flight += 1;
            known.own = self.own_book.orders.insert(own);
            self.channels.send(Request::new(
                RequestKind::New,
                (self.instrument, known.own),
                self.agent.now_ns,
                (None, None),
            ));
        } else {
            own.state = OrderState::Rejected;
            known.state = OrderState::Rejected;
            self.refuse(&own.snapshot(), &terms.tag, UpdateKind::Rejected, reason)?;
        }
        self.session.local_state.orders.insert(order_id, known);
        self.session.local_state.count(order_id);
        Ok(order_id)
    }

    /// Send another price or total size for an order, or refuse it.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn replace(&mut self, order_id: i64, price: Option<Number>, size: Option<Number>) -> Result<(), RunError> {
        self.agent.count()?;
        self.agent.check_request(self.channels.under_way())?;
        let (price_ticks, size_lots) = (price.map(Number::price_ticks), size.map(Number::size_lots));
        let reason = self
            .find(order_id)
            .or(|| price_ticks.as_ref().map_or(RejectReason::None, of))
            .or(|| size_lots.as_ref().map_or(RejectReason::None, of))
            .or(|| self.closed());
        let (price_ticks, size_lots) = (price_ticks.and_then(Result::ok), size_lots.and_then(Result::ok));
        let reason = reason.or(|| match (self.known(order_id), size_lots) {
            (Some(known), Some(size)) => self.breach(known.side, size - known.filled_lots, Some(known.order_id)),
            _ => RejectReason::None,
        });
        if reason != RejectReason::None {
            self.refuse_request(order_id, UpdateKind::ReplaceRejected, reason)?;
        } else if let Some(known) = self.session.local_state.orders.get_mut(&order_id) {
            known.in_flight += 1;
            known.requested.push(price_ticks, size_lots.unwrap_or(known.size_lots));
            self.channels.send(Request::new(
                RequestKind::Replace,
                (self.instrument, known.own),
                self.agent.now_ns,
                (price_ticks, size_lots),
            ));
            self.session.local_state.count(order_id);
        }
        Ok(())
    }

    /// Send a cancel request, or refuse it.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn cancel(&mut self, order_id: i64) -> Result<(), RunError> {
        self.agent.count()?;
        self.agent.check_request(self.channels.under_way())?;
        let stopped = self.agent.is_stopped;
        let reason = self.find(order_id).or(|| if stopped { RejectReason::Stopped } else { RejectReason::None });
        if reason != RejectReason::None {
            self.refuse_request(order_id, UpdateKind::CancelRejected, reason)?;
        } else if let Some(known) = self.session.local_state.orders.get_mut(&order_id) {
            known.in_flight += 1;
            self.channels.send(Request::new(
                RequestKind::Cancel,
                (self.instrument, known.own),
                self.agent.now_ns,
                (None, None),
            ));
        }
        Ok(())
    }

    /// Send a cancel request for every live order.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn cancel_all(&mut self) -> Result<(), RunError> {
        let live = self.session.local_state.orders.values().filter(|known| !known.state.is_over());
        for order_id in live.map(|known| known.order_id).collect::<Vec<_>>() {
            self.cancel(order_id)?;
        }
        Ok(())
    }

    /// Return an order that is not over, as the strategy knows it.
    fn known(&self, order_id: i64) -> Option<&KnownOrder> {
        let known = self.session.local_state.orders.get(&order_id);
        known.filter(|known| !known.state.is_over())
    }

    fn find(&self, order_id: i64) -> RejectReason {
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
        if let Some(known) = self.known(order_id) {
            let (snapshot, tag) = (known.snapshot(), known.tag.clone());
            self.refuse(&snapshot, &tag, kind, reason)
        } else {
            // The order is over or never was: the record has the id and nothing else.
            let mut own = OwnOrder::new(order_id, 0, None, 0, Tag::default());
            own.state = OrderState::Rejected;
            self.refuse(&own.snapshot(), "", kind, reason)
        }
    }

    /// Answer a request that is not sent: recorded now, delivered after the callback at hand.
    fn refuse(
        &mut self,
        snapshot: &OrderSnapshot,
        tag: &str,
        kind: UpdateKind,
        reason: RejectReason,
    ) -> Result<(), RunError> {
        let generation = if self.agent.is_stopped { 0 } else { self.agent.next_generation("requests")? };
        let now_ns = self.agent.now_ns;
        let times = Times { sent_ns: Some(now_ns), exchange_ns: None, local_ns: now_ns };
        self.recorder.order((self.agent.index, self.instrument), (snapshot, tag), (kind, reason), times);
        if !self.agent.is_stopped {
            let answer = Answer::new(snapshot, None, kind, reason);
            self.channels.post(now_ns, self.instrument, Message::Answer(answer), generation);
        }
        Ok(())
    }
}

fn of(number: &Result<i64, RejectReason>) -> RejectReason {
    number.err().unwrap_or(RejectReason::None)
}

fn refuse_terms(terms: &Terms, has_price: bool) -> RejectReason {
    let nonsense = terms.tif.is_none() || terms.post_only.is_none() || !terms.tag_is_text;
    let impossible = terms.post_only == Some(true) && (!has_price || terms.tif != Some(TimeInForce::Gtc));
    if nonsense || impossible {
        RejectReason::BadValue
    } else {
        RejectReason::None
    }
}
