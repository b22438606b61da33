//! Where orders enter: what a strategy requests is checked here before it is sent.
//!
//! Nonsense and breaches of a limit are refused at once, as data. Orders in flight count as if they were filled, so
//! that no race can breach the position limit.

use crate::client::agent::Agent;
use crate::client::desk::KnownOrder;
use crate::client::number::Number;
use crate::contract::codes::{Ask, OrderState, RejectReason, TimeInForce, UpdateKind};
use crate::contract::fault::Fault;
use crate::contract::tag::Tag;
use crate::exchange::own_order::OwnOrder;
use crate::record::recorder::{Recorder, Times};
use crate::run::seat::Seat;
use crate::wire::messages::Stand;
use crate::wire::messages::{Answer, Message};

/// How a new order is to be handled, as given.
pub struct Terms {
    /// `None`: no such time in force.
    pub tif: Option<TimeInForce>,
    /// `None`: not a truth value.
    pub post_only: Option<bool>,
    /// The text.
    pub tag: Tag,
    /// Whether it was given as text.
    pub tag_is_text: bool,
}

/// Sends the requests of one strategy in one instrument.
pub struct Entry<'a> {
    /// Whose.
    pub agent: &'a mut Agent,
    /// Its business in the instrument.
    pub seat: &'a mut Seat,
    /// Takes refusals.
    pub recorder: &'a mut Recorder,
    /// The instrument's place in the plan.
    pub instrument: usize,
}

impl Entry<'_> {
    /// Send a new order, or refuse it; return its id either way.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn send(&mut self, side: i8, price: Option<Number>, size: Number, terms: &Terms) -> Result<i64, Fault> {
        self.agent.count()?;
        self.agent.check_request()?;
        self.agent.check_order(self.seat.desk.orders.len(), &terms.tag)?;
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
            known.own = self.seat.matcher.own_book.owns.insert(own);
            self.agent.send(Ask::New, self.instrument, known.own, None, None);
        } else {
            own.state = OrderState::Rejected;
            known.state = OrderState::Rejected;
            self.refuse(&own.stand(), &terms.tag, UpdateKind::Rejected, reason)?;
        }
        self.seat.desk.orders.insert(order_id, known);
        self.seat.desk.count(order_id);
        Ok(order_id)
    }

    /// Send another price or total size for an order, or refuse it.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn replace(&mut self, order_id: i64, price: Option<Number>, size: Option<Number>) -> Result<(), Fault> {
        self.agent.count()?;
        self.agent.check_request()?;
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
        } else if let Some(known) = self.seat.desk.orders.get_mut(&order_id) {
            known.in_flight += 1;
            known.asked.push(price_ticks, size_lots.unwrap_or(known.size_lots));
            self.agent.send(Ask::Replace, self.instrument, known.own, price_ticks, size_lots);
            self.seat.desk.count(order_id);
        }
        Ok(())
    }

    /// Ask for an order to be taken off, or refuse.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn cancel(&mut self, order_id: i64) -> Result<(), Fault> {
        self.agent.count()?;
        self.agent.check_request()?;
        let stopped = self.agent.stopped;
        let reason = self.find(order_id).or(|| if stopped { RejectReason::Stopped } else { RejectReason::None });
        if reason != RejectReason::None {
            self.refuse_request(order_id, UpdateKind::CancelRejected, reason)?;
        } else if let Some(known) = self.seat.desk.orders.get_mut(&order_id) {
            known.in_flight += 1;
            self.agent.send(Ask::Cancel, self.instrument, known.own, None, None);
        }
        Ok(())
    }

    /// Ask for every live order to be taken off.
    ///
    /// # Errors
    /// Too many requests, see `Agent::count` and `Agent::next_generation`.
    pub fn cancel_all(&mut self) -> Result<(), Fault> {
        let live = self.seat.desk.orders.values().filter(|known| !known.state.gone());
        for order_id in live.map(|known| known.order_id).collect::<Vec<_>>() {
            self.cancel(order_id)?;
        }
        Ok(())
    }

    /// Return an order that is not over, as the desk knows it.
    fn known(&self, order_id: i64) -> Option<&KnownOrder> {
        let known = self.seat.desk.orders.get(&order_id);
        known.filter(|known| !known.state.gone())
    }

    fn find(&self, order_id: i64) -> RejectReason {
        if self.known(order_id).is_some() {
            RejectReason::None
        } else if self.agent.knew(order_id) {
            RejectReason::TooLate
        } else {
            RejectReason::UnknownOrder
        }
    }

    fn closed(&self) -> RejectReason {
        if self.agent.stopped {
            RejectReason::Stopped
        } else if self.agent.now_ns < self.agent.open_ns {
            RejectReason::WarmUp
        } else {
            RejectReason::None
        }
    }

    fn breach(&self, side: i8, size_lots: i64, apart_from: Option<i64>) -> RejectReason {
        match self.seat.desk.room(side, apart_from) {
            Some(room) if size_lots > room => RejectReason::PositionLimit,
            _ => RejectReason::None,
        }
    }

    fn refuse_request(&mut self, order_id: i64, kind: UpdateKind, reason: RejectReason) -> Result<(), Fault> {
        if let Some(known) = self.known(order_id) {
            let own = &self.seat.matcher.own_book.owns[known.own];
            let (stand, tag) = (own.stand(), own.tag.clone());
            self.refuse(&stand, &tag, kind, reason)
        } else {
            // The order is gone or never was: the record names the id and nothing else.
            let mut own = OwnOrder::new(order_id, 0, None, 0, Tag::default());
            own.state = OrderState::Rejected;
            self.refuse(&own.stand(), "", kind, reason)
        }
    }

    /// Answer a request that is not sent at all: recorded now, told after the callback at hand.
    fn refuse(&mut self, stand: &Stand, tag: &str, kind: UpdateKind, reason: RejectReason) -> Result<(), Fault> {
        let generation = if self.agent.stopped { 0 } else { self.agent.next_generation("requests")? };
        let now_ns = self.agent.now_ns;
        let times = Times { sent_ns: Some(now_ns), exchange_ns: None, local_ns: now_ns };
        self.recorder.order((self.agent.index, self.instrument), (stand, tag), (kind, reason), times);
        if !self.agent.stopped {
            let answer = answer(stand, None, kind, reason);
            self.agent.tell(now_ns, self.instrument, Message::Answer(answer), generation);
        }
        Ok(())
    }
}

/// Make an answer from an order as it stands.
pub fn answer(stand: &Stand, asked: Option<Ask>, kind: UpdateKind, reason: RejectReason) -> Answer {
    Answer {
        order_id: stand.order_id,
        asked,
        kind,
        reason,
        state: stand.state,
        price_ticks: stand.price_ticks,
        size_lots: stand.size_lots,
        turn: stand.turn,
        ahead_lots: stand.ahead_at_arrival,
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
