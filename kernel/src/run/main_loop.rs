//! The main loop: what happens next, in one order of time.
//!
//! At one nanosecond: market rows, what the exchange does by itself, own requests at the exchange, market packets at the
//! strategies, messages at the strategies, timers, the recorder's clock; docs/fill-model.md, TIME-3, has the order within.
//! The loop calls no strategy: `Run::step` goes on until the driver has to call one or load a batch, and returns that.

use crate::contract::codes::{Ns, NEVER};
use crate::contract::error::RunError;
use crate::run::delivery::{receive_moves, PacketDelivery};
use crate::run::lifecycle::Stage;
use crate::run::schedule::{Event, EventKind};
use crate::run::state::Run;
use crate::run::step::{Call, Step};

impl Run {
    /// Run until the driver has to do something.
    ///
    /// # Errors
    /// The run cannot go on.
    pub fn step(&mut self) -> Result<Step, RunError> {
        loop {
            if let Some(step) = self.feed()? {
                return Ok(step);
            }
            if let Some(after_callback) = self.after_callback.take() {
                self.finish_callback(&after_callback)?;
            }
            if let Some(call) = self.deliver_packet() {
                return Ok(Step::Call(call));
            }
            let call = match self.stage {
                Stage::First => self.first(),
                Stage::WarmUp(instrument) => self.warm_up(instrument)?,
                Stage::Start(agent) => self.start(agent),
                Stage::Run => match self.next_event()? {
                    Some(event) => self.handle(event)?,
                    None => None,
                },
                Stage::Stop(agent) => self.stop(agent),
                Stage::Stopped(agent) => self.stopped(agent)?,
                Stage::Done => return Ok(Step::Done),
            };
            if let Some(call) = call {
                return Ok(Step::Call(call));
            }
        }
    }

    /// Apply market rows until something else is due, and return that; `None` where the stage has changed, rows are
    /// needed first, or what is due may have changed.
    fn next_event(&mut self) -> Result<Option<Event>, RunError> {
        let event = self.earliest_event();
        let until_ns = event.0.min(self.end_ns());
        while let Some(instrument) = self.next_market(until_ns) {
            let limit_ns = until_ns.min(self.own_stretch_ns(instrument));
            let market = &mut self.markets[instrument];
            market.cursor.reschedule = false;
            market.advance(limit_ns, &mut self.outbox)?;
            self.now_ns = self.now_ns.max(market.cursor.now_ns);
            if market.cursor.is_out_of_rows {
                self.out_of_rows = Some(instrument);
                receive_moves(&mut market.view, &mut self.sessions[instrument]); // bounds the moves that wait by the rows of a block
                return Ok(None);
            }
            if market.cursor.reschedule || market.view.has_packet_subscribers {
                return Ok(None); // the next event may be another one now
            }
        }
        if event.0 > until_ns {
            self.now_ns = self.end_ns();
            self.stage = Stage::Stop(0);
            for market in &mut self.markets {
                market.view.receive_until(self.now_ns);
            }
            return Ok(None);
        }
        self.now_ns = event.0;
        Ok(Some(event))
    }

    /// Return what is due first, market rows apart.
    #[inline]
    fn earliest_event(&mut self) -> Event {
        while let Some(agent) = self.outbox.changed.pop() {
            self.schedule.set(agent, self.due(agent));
        }
        let mut next = self.schedule.whole().min((self.sample_ns, EventKind::Clock, 0));
        for (i, market) in self.markets.iter().enumerate() {
            next = next.min((market.orders.due_ns, EventKind::Exchange, i));
            if market.view.has_packet_subscribers {
                next = next.min((market.view.next_ns, EventKind::Packet, i));
            }
        }
        next
    }

    /// Return what an agent has due first.
    #[inline]
    fn due(&self, agent: usize) -> Event {
        let mut due = (self.agents[agent].timers.next_ns(), EventKind::Timer, agent);
        for i in self.outbox.places_of(agent) {
            let channels = &self.outbox.channels[i];
            due = due.min((channels.next_request_ns(), EventKind::Request, i));
            due = due.min((channels.next_message_ns(), EventKind::Message, i));
        }
        due
    }

    /// Return the market whose row is next, `None` where that is later than `until_ns`.
    #[inline]
    fn next_market(&self, until_ns: Ns) -> Option<usize> {
        let mut next = (0, self.markets[0].cursor.next_ns);
        for (i, market) in self.markets.iter().enumerate().skip(1) {
            if market.cursor.next_ns < next.1 {
                next = (i, market.cursor.next_ns);
            }
        }
        (next.1 <= until_ns).then_some(next.0)
    }

    /// Return the time up to which a market may advance before another one is next; ties go to the earlier instrument.
    fn own_stretch_ns(&self, instrument: usize) -> Ns {
        let others = self.markets.iter().enumerate().filter(|(i, _)| *i != instrument);
        others.map(|(i, other)| other.cursor.next_ns - Ns::from(i < instrument)).min().unwrap_or(NEVER)
    }

    fn handle(&mut self, (now_ns, kind, index): Event) -> Result<Option<Call>, RunError> {
        for (i, market) in self.markets.iter_mut().enumerate() {
            // Packets of one nanosecond arrive in the order of their instruments, after what happens at the exchange.
            let later = kind <= EventKind::Request || kind == EventKind::Packet && i >= index;
            market.view.receive_until(now_ns - Ns::from(later));
        }
        match kind {
            EventKind::Exchange => self.markets[index].act(now_ns, &mut self.outbox)?,
            EventKind::Request => self.arrive(index)?,
            EventKind::Packet => {
                let market = &mut self.markets[index];
                market.view.deliver(&mut self.delivered);
                receive_moves(&mut market.view, &mut self.sessions[index]);
                self.packet = Some(PacketDelivery::new(now_ns, index));
            }
            EventKind::Message => return self.message(now_ns, index),
            EventKind::Timer => return Ok(self.timer(now_ns, index)),
            EventKind::Clock => self.clock(now_ns)?,
        }
        Ok(None)
    }
}
