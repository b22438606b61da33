//! One strategy in the engine: its channels to the exchange and back, which never reorder, its clock and its timers.

use std::collections::VecDeque;

use crate::client::limits::{room, Limits, Texts};
use crate::contract::codes::{Ns, RequestKind, BEFORE_ALL, NEVER};
use crate::contract::error::{format_instant, RunError};
use crate::wire::messages::{Message, Request};
use crate::wire::timers::Timers;

const MAX_CHAIN: u32 = 10_000;
const MAX_CALLS: u32 = 1_000_000;

/// Which callbacks a strategy overrides.
#[derive(Clone, Copy, Default)]
#[allow(missing_docs)] // the names say it
pub struct Callbacks {
    pub start: bool,
    pub book: bool,
    pub trade: bool,
    pub order: bool,
    pub fill: bool,
    pub timer: bool,
    pub stop: bool,
}

/// A message on its way to the strategy.
pub struct Posted {
    /// When it arrives.
    pub ts_local_ns: Ns,
    /// Its instrument.
    pub instrument: usize,
    /// Itself.
    pub message: Message,
    /// See `Agent::begin`.
    pub generation: u32,
    /// Orders messages of one nanosecond.
    number: u64,
}

/// A strategy's channels, clock and timers.
pub struct Agent {
    /// The agent's number.
    pub index: usize,
    /// The class of the strategy.
    pub name: String,
    /// Which callbacks it overrides.
    pub callbacks: Callbacks,
    /// Its time.
    pub now_ns: Ns,
    /// Requests are refused before this time.
    pub open_ns: Ns,
    /// Whether the run is over for the strategy.
    pub stopped: bool,
    /// Its timers.
    pub timers: Timers,
    /// Whether it wants `on_book` for any level, an instrument each.
    pub depth: Vec<bool>,
    requests: VecDeque<Request>,
    /// Responses of the exchange, in order.
    responses: VecDeque<Posted>,
    /// Refusals on the spot, in order: they arrive before the responses that are on their way.
    refusals: VecDeque<Posted>,
    posted: u64,
    limits: Limits,
    tags: Texts,
    series: Texts,
    agents: i64,
    orders: i64,
    back_ns: Ns,
    generation: u32,
    calls: u32,
    entry_ns: Ns,
    response_ns: Ns,
}

impl Agent {
    /// Make an agent, one of `agents`.
    pub fn new(
        place: (usize, usize),
        name: String,
        callbacks: Callbacks,
        latency: (Ns, Ns),
        instruments: usize,
        limits: Limits,
    ) -> Self {
        Agent {
            index: place.0,
            name,
            callbacks,
            now_ns: 0,
            open_ns: BEFORE_ALL,
            stopped: false,
            timers: Timers::default(),
            depth: vec![false; instruments],
            requests: VecDeque::new(),
            responses: VecDeque::new(),
            refusals: VecDeque::new(),
            posted: 0,
            limits,
            tags: Texts::default(),
            series: Texts::default(),
            agents: place.1 as i64,
            orders: 0,
            back_ns: BEFORE_ALL,
            generation: 0,
            calls: 0,
            entry_ns: latency.0,
            response_ns: latency.1,
        }
    }

    /// Begin a callback: how many at its nanosecond have caused each other, one after the other, before it.
    #[inline]
    pub fn begin(&mut self, generation: u32) {
        (self.generation, self.calls) = (generation, 0);
    }

    /// Count a request or a timer.
    ///
    /// # Errors
    /// Too many in one callback are an endless loop.
    pub fn count(&mut self) -> Result<(), RunError> {
        self.calls += 1;
        if self.calls <= MAX_CALLS {
            return Ok(());
        }
        Err(RunError::Strategy(format!(
            "{}: more than 1,000,000 requests and timers in one callback ({}): an endless loop? Return from the callback \
             before asking again.",
            self.name,
            format_instant(self.now_ns)
        )))
    }

    /// See that there is room for a new order beside so many of its instrument.
    ///
    /// # Errors
    /// A limit is passed.
    pub fn check_order(&mut self, orders: usize, tag: &str) -> Result<(), RunError> {
        room(orders, self.limits.orders, "orders of one instrument live or in flight")?;
        if tag.is_empty() {
            return Ok(());
        }
        self.tags.check("tag", tag, self.limits.tags, &self.limits)
    }

    /// See that there is room for a request.
    ///
    /// # Errors
    /// A limit is passed.
    #[inline]
    pub fn check_request(&self) -> Result<(), RunError> {
        room(self.requests.len(), self.limits.requests, "requests under way to the exchange")
    }

    /// See that there is room for a timer.
    ///
    /// # Errors
    /// A limit is passed.
    pub fn check_timer(&self) -> Result<(), RunError> {
        room(self.timers.len(), self.limits.timers, "timers set: cancel those that are not needed")
    }

    /// See that the name of a series may be used.
    ///
    /// # Errors
    /// A limit is passed.
    #[inline]
    pub fn check_series(&mut self, name: &str) -> Result<(), RunError> {
        self.series.check("series name", name, self.limits.series, &self.limits)
    }

    /// Return the generation of what the callback at hand causes at its own nanosecond.
    ///
    /// # Errors
    /// The chain of causes is so long that it must be an endless loop.
    pub fn next_generation(&self, what: &str) -> Result<u32, RunError> {
        if self.generation < MAX_CHAIN {
            return Ok(self.generation + 1);
        }
        Err(RunError::Strategy(format!(
            "{}: more than 10,000 {what} at one nanosecond ({}), each caused by the one before: an endless loop? Wait for \
             an answer or a timer before asking again.",
            self.name,
            format_instant(self.now_ns)
        )))
    }

    /// Return the next order id; ids are unique in the run.
    pub fn new_id(&mut self) -> i64 {
        self.orders += 1;
        (self.orders - 1) * self.agents + self.index as i64 + 1
    }

    /// Return whether an id was given to this agent.
    pub fn issued_id(&self, order_id: i64) -> bool {
        let Some(number) = order_id.checked_sub(1) else { return false };
        let (place, owner) = (number.div_euclid(self.agents), number.rem_euclid(self.agents));
        owner == self.index as i64 && (0..self.orders).contains(&place)
    }

    /// Send a request: its arrival is added.
    pub fn send(
        &mut self,
        kind: RequestKind,
        instrument: usize,
        own: u32,
        price_ticks: Option<i64>,
        size_lots: Option<i64>,
    ) {
        let soonest = self.now_ns.saturating_add(self.entry_ns);
        let ts_exchange_ns = self.requests.back().map_or(soonest, |last| soonest.max(last.ts_exchange_ns));
        let ts_sent_ns = self.now_ns;
        self.requests.push_back(Request { kind, ts_sent_ns, ts_exchange_ns, instrument, own, price_ticks, size_lots });
    }

    /// Return when the response to something that happens now arrives.
    pub fn response_ns(&mut self, now_ns: Ns) -> Ns {
        self.back_ns = self.back_ns.max(now_ns.saturating_add(self.response_ns));
        self.back_ns
    }

    /// Put a message on its way to the strategy; `generation` is 0 unless a callback causes it at its own nanosecond.
    pub fn tell(&mut self, ts_local_ns: Ns, instrument: usize, message: Message, generation: u32) {
        self.posted += 1;
        let posted = Posted { ts_local_ns, instrument, message, generation, number: self.posted };
        // Responses do not overtake each other, and neither do refusals.
        if self.responses.back().is_none_or(|last| last.ts_local_ns <= ts_local_ns) {
            self.responses.push_back(posted);
        } else {
            self.refusals.push_back(posted);
        }
    }

    /// Count the requests that have not reached the exchange, an instrument each.
    pub fn requests_not_arrived(&self) -> Vec<u64> {
        let mut counts = vec![0; self.depth.len()];
        for request in &self.requests {
            counts[request.instrument] += 1;
        }
        counts
    }

    /// Return when the next request arrives at the exchange.
    #[inline]
    pub fn next_request_ns(&self) -> Ns {
        self.requests.front().map_or(NEVER, |request| request.ts_exchange_ns)
    }

    /// Return when the next message arrives at the strategy.
    #[inline]
    pub fn next_message_ns(&self) -> Ns {
        let first = |queue: &VecDeque<Posted>| queue.front().map_or(NEVER, |posted| posted.ts_local_ns);
        first(&self.responses).min(first(&self.refusals))
    }

    /// Take the next request off its channel.
    pub fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Take the next message off its channel.
    pub fn next_message(&mut self) -> Option<Posted> {
        let place = |queue: &VecDeque<Posted>| queue.front().map(|posted| (posted.ts_local_ns, posted.number));
        match (place(&self.responses), place(&self.refusals)) {
            (Some(response), Some(refusal)) if refusal < response => self.refusals.pop_front(),
            (None, _) => self.refusals.pop_front(),
            _ => self.responses.pop_front(),
        }
    }
}
