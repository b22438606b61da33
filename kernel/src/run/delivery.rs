//! Delivers packets, messages and timers to the strategies, and requests to the exchange.

use crate::client::agent::Callbacks;
use crate::client::session::Session;
use crate::contract::codes::{phase, Ns, RejectReason, UpdateKind};
use crate::contract::error::RunError;
use crate::run::state::Run;
use crate::run::step::{Call, Callback};
use crate::wire::messages::Message;
use crate::wire::view::View;

/// A packet that is being delivered: to which strategy next, and which of its prints.
pub(super) struct PacketDelivery {
    pub(super) now_ns: Ns,
    pub(super) instrument: usize,
    pub(super) agent: usize,
    pub(super) print: usize,
    pub(super) timers_woken: bool,
}

impl PacketDelivery {
    pub(super) fn new(now_ns: Ns, instrument: usize) -> Self {
        PacketDelivery { now_ns, instrument, agent: 0, print: 0, timers_woken: false }
    }
}

/// An order to finish when the callback about it is over.
pub(super) struct AfterCallback {
    pub(super) agent: usize,
    pub(super) instrument: usize,
    pub(super) order_id: i64,
}

impl Run {
    /// Serve the next request of a channel at the exchange.
    pub(super) fn arrive(&mut self, channel: usize) -> Result<(), RunError> {
        let agent = self.outbox.agent_of(channel);
        self.outbox.mark(agent);
        let Some(request) = self.outbox.channels[channel].next_request() else { return Ok(()) };
        self.markets[request.instrument].serve(agent, &request, &mut self.outbox)
    }

    /// Return the next call that the packet at hand needs: for each strategy its prints, then the book.
    pub(super) fn deliver_packet(&mut self) -> Option<Call> {
        loop {
            let packet = self.packet.as_mut()?;
            let (now_ns, instrument, index) = (packet.now_ns, packet.instrument, packet.agent);
            let Some(agent) = self.agents.get_mut(index) else {
                self.packet = None;
                return None;
            };
            if !packet.timers_woken {
                packet.timers_woken = true;
                if self.markets[instrument].view.state.phase != phase::CLOSED {
                    agent.timers.wake(now_ns, instrument);
                    self.outbox.mark(index);
                }
            }
            if agent.callbacks.have(Callbacks::TRADE) {
                if let Some(print) = self.delivered.prints.get(packet.print).copied() {
                    packet.print += 1;
                    return self.call(true, index, instrument, now_ns, Callback::Trade(print));
                }
            }
            let delivered = &self.delivered;
            let changed = if agent.depth[instrument] { delivered.any_changed } else { delivered.best_changed };
            let wanted = agent.callbacks.have(Callbacks::BOOK);
            (packet.agent, packet.print, packet.timers_woken) = (index + 1, 0, false);
            if changed && wanted {
                return self.call(true, index, instrument, now_ns, Callback::Book);
            }
        }
    }

    /// Deliver the next message of a channel to its strategy.
    pub(super) fn message(&mut self, now_ns: Ns, channel: usize) -> Result<Option<Call>, RunError> {
        let Some(posted) = self.outbox.channels[channel].next_message() else { return Ok(None) };
        let agent = self.outbox.agent_of(channel);
        self.outbox.mark(agent);
        let instrument = posted.instrument;
        self.agents[agent].begin(posted.generation);
        self.catch_up_to(agent, now_ns);
        let callbacks = self.agents[agent].callbacks;
        let market = &mut self.markets[instrument];
        let session = &mut self.sessions[instrument][agent];
        let (told, what) = match posted.message {
            Message::Answer(answer) => {
                let mut told = session.local_state.take_answer(&answer, callbacks.have(Callbacks::ORDER));
                let refusal = matches!(answer.kind, UpdateKind::Rejected | UpdateKind::ReplaceRejected);
                session.quoter.note(answer.order.order_id, refusal && answer.reason != RejectReason::TooLate);
                let what = told.known.take().map(|known| Callback::Order(known, answer.kind, answer.reason));
                (told, what)
            }
            Message::Filled(filled) => {
                let mut told = session
                    .local_state
                    .take_fill(&filled, callbacks.have(Callbacks::FILL))
                    .map_err(|error| error.at(&market.plan.name))?;
                session.quoter.note(filled.order_id, false);
                let what = told.known.take().map(|known| Callback::Fill(known, filled));
                (told, what)
            }
        };
        self.after_callback = Some(AfterCallback { agent, instrument, order_id: told.order_id });
        Ok(what.map(|what| Call { agent, instrument, now_ns, what }))
    }

    pub(super) fn finish_callback(&mut self, told: &AfterCallback) -> Result<(), RunError> {
        let local_state = &self.sessions[told.instrument][told.agent].local_state;
        if !local_state.orders.contains_key(&told.order_id) {
            self.markets[told.instrument].orders.matchers[told.agent].forget(told.order_id);
        }
        if self.agents[told.agent].is_stopped {
            return Ok(());
        }
        self.order_entry(told.agent, told.instrument).answered()
    }

    /// Fire the next timer, unless its market is closed.
    pub(super) fn timer(&mut self, now_ns: Ns, index: usize) -> Option<Call> {
        self.catch_up_to(index, now_ns);
        self.outbox.mark(index);
        let agent = &mut self.agents[index];
        let instrument = agent.timers.next_instrument();
        let view = &mut self.markets[instrument].view;
        if view.state.phase == phase::CLOSED {
            agent.timers.sleep();
            view.has_packet_subscribers = true; // so that the packet that opens the market wakes the timer
            return None;
        }
        let (timer_id, generation) = agent.timers.pop();
        let wanted = agent.callbacks.have(Callbacks::TIMER);
        let call = self.call(wanted, index, instrument, now_ns, Callback::Timer(timer_id));
        self.agents[index].begin(generation);
        call
    }

    /// Bring the clock and the received markets to the present; return the call if it is wanted.
    #[inline]
    pub(super) fn call(
        &mut self,
        wanted: bool,
        agent: usize,
        instrument: usize,
        now_ns: Ns,
        what: Callback,
    ) -> Option<Call> {
        self.agents[agent].begin(0);
        self.outbox.mark(agent);
        self.catch_up_to(agent, now_ns);
        wanted.then_some(Call { agent, instrument, now_ns, what })
    }

    #[inline]
    pub(super) fn catch_up_to(&mut self, agent: usize, now_ns: Ns) {
        self.agents[agent].now_ns = now_ns;
        for (market, sessions) in self.markets.iter_mut().zip(&mut self.sessions) {
            if !market.view.has_packet_subscribers {
                market.view.catch_up(now_ns);
            }
            receive_moves(&mut market.view, sessions);
        }
    }
}

/// Bring the queue positions that have arrived to the local states.
#[inline]
pub(super) fn receive_moves(view: &mut View, sessions: &mut [Session]) {
    if view.received_moves.is_empty() {
        return;
    }
    for each in view.received_moves.drain(..) {
        sessions[each.agent].local_state.moved(each.order_id, each.queue_stay, each.ahead_lots);
    }
}
