//! The main loop: what happens next, in one order of time.
//!
//! At one nanosecond: market rows at the exchange, own requests at the exchange, market packets at the strategies,
//! messages at the strategies, timers, then the recorder's clock. The loop does not call anybody: `go_on` runs until
//! the strategy is to be called or a batch is needed, and says so.

use crate::book::slab::NONE;
use crate::client::agent::Agent;
use crate::client::order_entry::OrderEntry;
use crate::contract::codes::{phase, Ns, RejectReason, UpdateKind, NEVER};
use crate::contract::error::RunError;
use crate::contract::plan::Plan;
use crate::contract::tag::Tag;
use crate::exchange::market::{narrow, Market};
use crate::exchange::outbox::Outbox;
use crate::exchange::own_order::OwnOrder;
use crate::record::recorder::Recorder;
use crate::run::step::{Call, Callback, Step};
use crate::wire::messages::Message;
use crate::wire::view::Delivered;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EventKind {
    Request,
    Packet,
    Message,
    Timer,
    Clock,
}

enum Stage {
    First,
    WarmUp(usize),
    Start(usize),
    Run,
    Stop(usize),
    Stopped(usize),
    Done,
}

/// A packet that is being told: to which strategy, and which of its prints.
struct Telling {
    now_ns: Ns,
    instrument: usize,
    agent: usize,
    print: usize,
    timers_woken: bool,
}

/// An order to look after when the callback that told of it is over.
struct Afterwards {
    agent: usize,
    instrument: usize,
    order_id: i64,
    own: u32,
}

/// One run of the kernel.
pub struct Replay {
    /// What to do.
    pub plan: Plan,
    /// The exchange, an instrument each.
    pub markets: Vec<Market>,
    /// The strategies' channels and the result tables.
    pub outbox: Outbox,
    /// The time of the run.
    pub now_ns: Ns,
    /// Where the strategies started.
    pub start_ns: Ns,
    /// Whether the run has ended.
    pub is_over: bool,
    sample_ns: Ns,
    stage: Stage,
    /// The instrument that has nothing to go on with.
    out_of_rows: Option<usize>,
    telling: Option<Telling>,
    delivered: Delivered,
    afterwards: Option<Afterwards>,
}

impl Replay {
    /// Prepare a run; it begins by asking for the first batch of each instrument.
    pub fn new(plan: Plan, agents: Vec<Agent>) -> Self {
        let mut markets: Vec<Market> =
            (0..plan.instruments.len()).map(|i| Market::new(i, &plan, agents.len())).collect();
        for market in &mut markets {
            market.view.has_packet_subscribers =
                agents.iter().any(|agent| agent.callbacks.book || agent.callbacks.trade);
            market.view.has_print_subscribers = agents.iter().any(|agent| agent.callbacks.trade);
            market.update_filter();
        }
        let mids2 = vec![None; markets.len()];
        let outbox = Outbox { agents, recorder: Recorder::new(plan.markouts_ns.clone()), mids2 };
        Replay {
            plan,
            markets,
            outbox,
            now_ns: 0,
            start_ns: 0,
            is_over: false,
            sample_ns: 0,
            stage: Stage::First,
            out_of_rows: None,
            telling: None,
            delivered: Delivered::default(),
            afterwards: None,
        }
    }

    /// Run until something has to be done elsewhere.
    ///
    /// # Errors
    /// The run cannot go on.
    pub fn go_on(&mut self) -> Result<Step, RunError> {
        loop {
            if let Some(step) = self.feed()? {
                return Ok(step);
            }
            if let Some(afterwards) = self.afterwards.take() {
                self.look_after(&afterwards)?;
            }
            if let Some(call) = self.tell_packet() {
                return Ok(Step::Call(call));
            }
            let call = match self.stage {
                Stage::First => self.first(),
                Stage::WarmUp(instrument) => self.warm_up(instrument)?,
                Stage::Start(agent) => self.start(agent),
                Stage::Run => self.run_to_next_event()?,
                Stage::Stop(agent) => self.stop(agent),
                Stage::Stopped(agent) => self.stopped(agent)?,
                Stage::Done => return Ok(Step::Done),
            };
            if let Some(call) = call {
                return Ok(Step::Call(call));
            }
        }
    }

    /// See that the instrument that has come to the end of its rows gets more of them.
    fn feed(&mut self) -> Result<Option<Step>, RunError> {
        let Some(instrument) = self.out_of_rows else { return Ok(None) };
        let market = &mut self.markets[instrument];
        loop {
            if market.wants_batch {
                return Ok(Some(Step::Load(instrument)));
            }
            if !market.out_of_rows {
                self.out_of_rows = None;
                return Ok(None);
            }
            if !market.poll_block()? {
                return Ok(Some(Step::Wait(instrument)));
            }
        }
    }

    /// See that each instrument has its first rows, which decide where the run starts.
    fn first(&mut self) -> Option<Call> {
        self.out_of_rows = self.markets.iter().position(|market| market.out_of_rows);
        if self.out_of_rows.is_none() {
            let first_ns = self.markets.iter().map(|market| market.next_ns).min().unwrap_or(NEVER);
            self.start_ns = self.plan.start_ns.map_or(first_ns, |start_ns| start_ns.max(first_ns));
            self.sample_ns = self.start_ns;
            self.now_ns = self.start_ns;
            self.stage = Stage::WarmUp(0);
        }
        None
    }

    fn warm_up(&mut self, instrument: usize) -> Result<Option<Call>, RunError> {
        let Some(market) = self.markets.get_mut(instrument) else {
            self.stage = Stage::Start(0);
            return Ok(None);
        };
        if market.next_ns < self.start_ns {
            market.advance(self.start_ns - 1, &mut self.outbox)?;
            self.out_of_rows = Some(instrument);
        } else {
            market.view.catch_up(self.start_ns - 1, &mut market.sessions);
            market.start(self.start_ns, &mut self.outbox.recorder);
            self.stage = Stage::WarmUp(instrument + 1);
        }
        Ok(None)
    }

    fn start(&mut self, index: usize) -> Option<Call> {
        let Some(agent) = self.outbox.agents.get_mut(index) else {
            self.stage = Stage::Run;
            return None;
        };
        self.stage = Stage::Start(index + 1);
        agent.open_ns = self.start_ns.saturating_add(self.plan.warm_up_ns);
        let wanted = agent.callbacks.start;
        self.call(wanted, index, 0, self.start_ns, Callback::Start)
    }

    /// Do the next thing in time.
    fn run_to_next_event(&mut self) -> Result<Option<Call>, RunError> {
        let (event_ns, event, whose) = self.next_event();
        let until_ns = event_ns.min(self.end_ns());
        loop {
            let (instrument, next_ns) = self.next_market();
            if next_ns > until_ns {
                break;
            }
            let limit_ns = until_ns.min(self.own_stretch_ns(instrument));
            let market = &mut self.markets[instrument];
            market.reschedule = false;
            market.advance(limit_ns, &mut self.outbox)?;
            self.now_ns = self.now_ns.max(market.now_ns);
            if market.out_of_rows {
                self.out_of_rows = Some(instrument);
                return Ok(None);
            }
            if market.reschedule || market.view.has_packet_subscribers {
                return Ok(None); // something else may be next now
            }
        }
        if event_ns > until_ns {
            self.now_ns = self.end_ns();
            self.stage = Stage::Stop(0);
            for market in &mut self.markets {
                market.view.receive_until(self.now_ns);
            }
        } else {
            self.now_ns = event_ns;
            return self.handle(event_ns, event, whose);
        }
        Ok(None)
    }

    /// Return the earliest thing that is not a market row.
    #[inline]
    fn next_event(&mut self) -> (Ns, EventKind, usize) {
        let mut next = (self.sample_ns, EventKind::Clock, 0);
        for (i, agent) in self.outbox.agents.iter_mut().enumerate() {
            next = next.min((agent.next_request_ns(), EventKind::Request, i));
            next = next.min((agent.next_message_ns(), EventKind::Message, i));
            next = next.min((agent.timers.next_ns(), EventKind::Timer, i));
        }
        for (i, market) in self.markets.iter().enumerate() {
            if market.view.has_packet_subscribers {
                next = next.min((market.view.next_ns, EventKind::Packet, i));
            }
        }
        next
    }

    fn handle(&mut self, now_ns: Ns, event: EventKind, whose: usize) -> Result<Option<Call>, RunError> {
        for (i, market) in self.markets.iter_mut().enumerate() {
            // Packets of one nanosecond arrive in the order of their instruments, and before everything but requests.
            let later = event == EventKind::Request || event == EventKind::Packet && i >= whose;
            market.view.receive_until(now_ns - Ns::from(later));
        }
        match event {
            EventKind::Request => self.arrive(whose)?,
            EventKind::Packet => {
                let market = &mut self.markets[whose];
                market.view.deliver(&mut self.delivered, &mut market.sessions);
                self.telling = Some(Telling { now_ns, instrument: whose, agent: 0, print: 0, timers_woken: false });
            }
            EventKind::Message => return self.message(now_ns, whose),
            EventKind::Timer => return Ok(self.timer(now_ns, whose)),
            EventKind::Clock => self.clock(now_ns)?,
        }
        Ok(None)
    }

    #[inline]
    fn next_market(&self) -> (usize, Ns) {
        let mut next = (0, self.markets[0].next_ns);
        for (i, market) in self.markets.iter().enumerate().skip(1) {
            if market.next_ns < next.1 {
                next = (i, market.next_ns);
            }
        }
        next
    }

    /// Return how far a market may go before it is another's turn; earlier instruments go first.
    fn own_stretch_ns(&self, instrument: usize) -> Ns {
        let others = self.markets.iter().enumerate().filter(|(i, _)| *i != instrument);
        others.map(|(i, other)| other.next_ns - Ns::from(i < instrument)).min().unwrap_or(NEVER)
    }

    /// Return the end: as configured, but no later than the arrival of the last packet once that is known.
    fn end_ns(&self) -> Ns {
        let end_ns = self.plan.end_ns.unwrap_or(NEVER);
        if self.markets.iter().any(|market| market.next_ns < NEVER) {
            return end_ns;
        }
        self.markets.iter().map(|market| market.last_local_ns).max().map_or(end_ns, |last_ns| last_ns.min(end_ns))
    }

    /// Let the next request of a strategy happen at the exchange.
    fn arrive(&mut self, agent: usize) -> Result<(), RunError> {
        let Some(request) = self.outbox.agents[agent].next_request() else { return Ok(()) };
        self.markets[request.instrument].serve(agent, &request, &mut self.outbox)
    }

    /// Go on telling the strategies of the packet at hand: its prints, then the book.
    fn tell_packet(&mut self) -> Option<Call> {
        loop {
            let telling = self.telling.as_mut()?;
            let (now_ns, instrument, index) = (telling.now_ns, telling.instrument, telling.agent);
            let Some(agent) = self.outbox.agents.get_mut(index) else {
                self.telling = None;
                return None;
            };
            if !telling.timers_woken {
                telling.timers_woken = true;
                if self.markets[instrument].view.state.phase != phase::CLOSED {
                    agent.timers.wake(now_ns, instrument);
                }
            }
            if agent.callbacks.trade {
                if let Some(print) = self.delivered.prints.get(telling.print).copied() {
                    telling.print += 1;
                    return self.call(true, index, instrument, now_ns, Callback::Trade(print));
                }
            }
            let delivered = &self.delivered;
            let changed = if agent.depth[instrument] { delivered.any_changed } else { delivered.best_changed };
            let wanted = agent.callbacks.book;
            (telling.agent, telling.print, telling.timers_woken) = (index + 1, 0, false);
            if changed && wanted {
                return self.call(true, index, instrument, now_ns, Callback::Book);
            }
        }
    }

    /// Take in the next message from the exchange.
    fn message(&mut self, now_ns: Ns, agent: usize) -> Result<Option<Call>, RunError> {
        let Some(posted) = self.outbox.agents[agent].next_message() else { return Ok(None) };
        let instrument = posted.instrument;
        self.outbox.agents[agent].begin(posted.generation);
        self.look(agent, now_ns);
        let callbacks = self.outbox.agents[agent].callbacks;
        let market = &mut self.markets[instrument];
        let session = &mut market.sessions[agent];
        let (told, what) = match posted.message {
            Message::Answer(answer) => {
                let mut told = session.local_state.take_answer(&answer, callbacks.order);
                let refusal = matches!(answer.kind, UpdateKind::Rejected | UpdateKind::ReplaceRejected);
                session.quoter.note(answer.order_id, refusal && answer.reason != RejectReason::TooLate);
                let what = told.known.take().map(|known| Callback::Order(known, answer.kind, answer.reason));
                (told, what)
            }
            Message::Filled(filled) => {
                let mut told = session
                    .local_state
                    .take_fill(&filled, callbacks.fill)
                    .map_err(|error| error.at(&market.plan.name))?;
                session.quoter.note(filled.order_id, false);
                let what = told.known.take().map(|known| Callback::Fill(known, filled));
                (told, what)
            }
        };
        self.afterwards = Some(Afterwards { agent, instrument, order_id: told.order_id, own: told.own });
        Ok(what.map(|what| Call { agent, instrument, now_ns, what }))
    }

    fn look_after(&mut self, told: &Afterwards) -> Result<(), RunError> {
        let session = &mut self.markets[told.instrument].sessions[told.agent];
        if told.own != NONE && !session.local_state.orders.contains_key(&told.order_id) {
            session.matcher.own_book.forget(told.own);
        }
        if self.outbox.agents[told.agent].stopped {
            return Ok(());
        }
        self.order_entry(told.agent, told.instrument).answered()
    }

    /// Return what sends the requests of a strategy in an instrument.
    pub fn order_entry(&mut self, agent: usize, instrument: usize) -> OrderEntry<'_> {
        OrderEntry {
            agent: &mut self.outbox.agents[agent],
            session: &mut self.markets[instrument].sessions[agent],
            recorder: &mut self.outbox.recorder,
            instrument,
        }
    }

    /// Fire the next timer, unless its market is closed.
    fn timer(&mut self, now_ns: Ns, index: usize) -> Option<Call> {
        self.look(index, now_ns);
        let agent = &mut self.outbox.agents[index];
        let instrument = agent.timers.next_instrument();
        let view = &mut self.markets[instrument].view;
        if view.state.phase == phase::CLOSED {
            agent.timers.sleep();
            view.has_packet_subscribers = true; // so that the packet that opens the market wakes the timer
            return None;
        }
        let (timer_id, generation) = agent.timers.pop();
        let wanted = agent.callbacks.timer;
        let call = self.call(wanted, index, instrument, now_ns, Callback::Timer(timer_id));
        self.outbox.agents[index].begin(generation);
        call
    }

    fn clock(&mut self, now_ns: Ns) -> Result<(), RunError> {
        // The last sample is taken when everything is over.
        if now_ns != self.end_ns() {
            self.sample(now_ns)?;
        }
        self.sample_ns += self.plan.sample_ns.min(NEVER);
        Ok(())
    }

    /// Record the accounts at the exchange.
    fn sample(&mut self, now_ns: Ns) -> Result<(), RunError> {
        for agent in 0..self.outbox.agents.len() {
            for (instrument, market) in self.markets.iter().enumerate() {
                let matcher = &market.sessions[agent].matcher;
                let named = |error: RunError| error.at(&market.plan.name);
                let cash = narrow(matcher.account.cash_tick_lots, "the cash of a strategy").map_err(named)?;
                let fees = narrow(matcher.account.fees_micro, "the sum of a strategy's fees").map_err(named)?;
                let quotes = [market.mid2, matcher.own_book.best(1), matcher.own_book.best(-1)];
                let money = [matcher.account.position_lots, cash, fees];
                self.outbox.recorder.sample(now_ns, (agent, instrument), money, quotes);
            }
        }
        Ok(())
    }

    fn stop(&mut self, index: usize) -> Option<Call> {
        let Some(agent) = self.outbox.agents.get_mut(index) else {
            self.stage = Stage::Done;
            return None;
        };
        agent.stopped = true;
        let wanted = agent.callbacks.stop;
        self.stage = Stage::Stopped(index);
        self.call(wanted, index, 0, self.now_ns, Callback::Stop)
    }

    /// Flatten the positions of a strategy that has stopped, if the plan says so.
    fn stopped(&mut self, agent: usize) -> Result<Option<Call>, RunError> {
        if self.plan.flatten {
            for instrument in 0..self.markets.len() {
                self.flatten(agent, instrument)?;
            }
        }
        self.stage = Stage::Stop(agent + 1);
        Ok(None)
    }

    /// Close a position at the end of a run, as far as what is displayed allows.
    fn flatten(&mut self, agent: usize, instrument: usize) -> Result<(), RunError> {
        let now_ns = self.now_ns;
        let market = &mut self.markets[instrument];
        let position = market.sessions[agent].matcher.account.position_lots;
        if position == 0 {
            return Ok(());
        }
        let side = if position > 0 { -1 } else { 1 };
        let order_id = self.outbox.agents[agent].new_id();
        let mut order = OwnOrder::new(order_id, side, None, position.abs(), Tag::from("flatten"));
        order.ts_arrival_ns = now_ns;
        market.flatten(agent, order, &mut self.outbox)
    }

    /// Complete the tables, whatever stopped the run.
    ///
    /// # Errors
    /// A sum of money does not fit its column.
    pub fn finish(&mut self) -> Result<(), RunError> {
        self.is_over = true;
        self.sample(self.now_ns)?;
        self.outbox.recorder.finish(&self.outbox.mids2);
        Ok(())
    }

    /// Bring the clock and the received markets to the present, and say what is to be called.
    #[inline]
    fn call(&mut self, wanted: bool, agent: usize, instrument: usize, now_ns: Ns, what: Callback) -> Option<Call> {
        self.outbox.agents[agent].begin(0);
        self.look(agent, now_ns);
        wanted.then_some(Call { agent, instrument, now_ns, what })
    }

    #[inline]
    fn look(&mut self, agent: usize, now_ns: Ns) {
        self.outbox.agents[agent].now_ns = now_ns;
        for market in &mut self.markets {
            if !market.view.has_packet_subscribers {
                market.view.catch_up(now_ns, &mut market.sessions);
            }
        }
    }
}
