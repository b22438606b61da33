//! Books what happens to own orders: the account, the result tables, the message to the strategy.

use crate::contract::codes::{Cause, Ns, RejectReason, UpdateKind};
use crate::contract::error::RunError;
use crate::exchange::market::Market;
use crate::exchange::outbox::Outbox;
use crate::exchange::own_book::OrderEvent;
use crate::exchange::own_order::OwnTrade;
use crate::models::fees::fill_fee_micro;
use crate::record::recorder::{FillRow, Times};
use crate::wire::messages::{Answer, Filled, Message, Request};

impl Market {
    /// Book the events of a strategy's orders at a time; `requested` is the request that is being served, if any.
    ///
    /// # Errors
    /// A fee is beyond all bounds.
    pub fn book_events(
        &mut self,
        agent: usize,
        now_ns: Ns,
        requested: Option<&Request>,
        outbox: &mut Outbox,
    ) -> Result<(), RunError> {
        let mut events = std::mem::take(&mut self.orders.matchers[agent].own_book.events);
        for event in events.drain(..) {
            match event {
                OrderEvent::Update { order, kind, reason } => {
                    let requested =
                        requested.filter(|request| answers(kind, reason) && request.is_about(order.order_id));
                    let local_ns = outbox.channels_of(agent, self.plan.venue).response_ns(now_ns);
                    let sent_ns = requested.map(|request| request.ts_sent_ns);
                    let times = Times { sent_ns, exchange_ns: Some(now_ns), local_ns };
                    outbox.recorder.order((agent, self.index), &order, (kind, reason), times);
                    let answer = Answer { order, requested: requested.map(|request| request.kind), kind, reason };
                    outbox.channels_of(agent, self.plan.venue).post(local_ns, self.index, Message::Answer(answer), 0);
                    self.cursor.stop_at(local_ns);
                }
                OrderEvent::Fill { own, trade, ts_arrival_ns, ahead_at_arrival } => {
                    let place = (ts_arrival_ns, ahead_at_arrival);
                    let local_ns = outbox.channels_of(agent, self.plan.venue).response_ns(now_ns);
                    let filled = self.book_fill((agent, own), trade, place, (now_ns, local_ns), outbox)?;
                    outbox.channels_of(agent, self.plan.venue).post(local_ns, self.index, Message::Filled(filled), 0);
                    self.cursor.stop_at(local_ns);
                }
            }
        }
        self.orders.matchers[agent].own_book.events = events;
        self.cursor.reschedule = true;
        self.update_filter();
        Ok(())
    }

    fn book_fill(
        &mut self,
        (agent, own): (usize, u32),
        trade: OwnTrade,
        (ts_arrival_ns, ahead_at_arrival): (Ns, Option<i64>),
        (now_ns, local_ns): (Ns, Ns),
        outbox: &mut Outbox,
    ) -> Result<Filled, RunError> {
        let OwnTrade { price_ticks, size_lots, cause, tainted, ts_traded_ns } = trade;
        let before = self.prices.before(now_ns);
        let matcher = &mut self.orders.matchers[agent];
        let taker = cause == Cause::Take;
        let own = &matcher.own_book.orders[own];
        let fee_micro = fill_fee_micro(&matcher.fees, price_ticks, size_lots, taker);
        let booked = matcher.account.fill(own.terms.side, price_ticks, size_lots, fee_micro);
        booked.map_err(|error| error.at(&self.plan.name))?;
        let row = FillRow {
            order_id: own.order_id,
            agent,
            instrument: self.index,
            side: own.terms.side,
            price_ticks,
            size_lots,
            fee_micro: narrow(fee_micro, "the fee of a fill").map_err(|error| error.at(&self.plan.name))?,
            taker,
            cause: cause as u8,
            ts_exchange_ns: now_ns,
            ts_local_ns: local_ns,
            ts_traded_ns,
            before,
            ahead_at_arrival: ahead_at_arrival.filter(|_| !taker),
            ts_arrival_ns,
            tag: own.terms.tag,
            tainted: tainted || self.status.taints(now_ns),
        };
        let order_id = own.order_id;
        let fill_id = outbox.recorder.fill(row, &outbox.mids2);
        Ok(Filled { fill_id, order_id, price_ticks, size_lots, fee_micro, cause, ts_exchange_ns: now_ns })
    }
}

/// Return whether an update answers a request that is about its order; what protection cancels was accepted before.
fn answers(kind: UpdateKind, reason: RejectReason) -> bool {
    match kind {
        UpdateKind::Expired | UpdateKind::Reduced | UpdateKind::Triggered => false,
        UpdateKind::Cancelled => reason != RejectReason::Mmp,
        _ => true,
    }
}

/// Narrow a sum of money to the 64 bits of its column.
///
/// # Errors
/// It does not fit.
pub fn narrow(value: i128, what: &str) -> Result<i64, RunError> {
    i64::try_from(value).map_err(|_| RunError::Engine(format!("{what} is {value}, more than 64 bits hold")))
}
