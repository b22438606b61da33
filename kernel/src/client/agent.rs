//! One strategy in the engine: its clock, its timers and its limits.

use crate::client::limits::{room, Limits, Texts};
use crate::contract::codes::{Ns, RejectReason, BEFORE_ALL};
use crate::contract::error::{format_instant, RunError};
use crate::wire::timers::Timers;

const MAX_CHAIN: u32 = 10_000;
const MAX_CALLS: u32 = 1_000_000;

/// A set of callbacks: those that a strategy overrides.
#[derive(Clone, Copy, Default)]
pub struct Callbacks(u8);

#[allow(missing_docs)] // `on_start`, `on_book` and so on, as in `lob_backtest.strategy`
impl Callbacks {
    pub const START: Callbacks = Callbacks(1);
    pub const BOOK: Callbacks = Callbacks(2);
    pub const TRADE: Callbacks = Callbacks(4);
    pub const ORDER: Callbacks = Callbacks(8);
    pub const FILL: Callbacks = Callbacks(16);
    pub const TIMER: Callbacks = Callbacks(32);
    pub const STOP: Callbacks = Callbacks(64);
}

impl Callbacks {
    /// Add a callback.
    pub fn insert(&mut self, callback: Callbacks) {
        self.0 |= callback.0;
    }

    /// Return whether any of some callbacks is in the set.
    #[inline]
    pub fn have(self, callbacks: Callbacks) -> bool {
        self.0 & callbacks.0 != 0
    }
}

/// A strategy's clock, timers and limits.
pub struct Agent {
    /// Its number, from 0.
    pub index: usize,
    /// Class name of the strategy, or the name of the agent if there are several; for messages.
    pub name: String,
    /// The callbacks that it overrides.
    pub callbacks: Callbacks,
    /// Its clock, nanoseconds.
    pub now_ns: Ns,
    /// Requests are refused before this time.
    pub open_ns: Ns,
    /// Set before `on_stop`: what it sends from then on is refused.
    pub is_stopped: bool,
    /// Its timers.
    pub timers: Timers,
    /// Per instrument: true if it subscribes to every change of a level.
    pub depth: Vec<bool>,
    /// Why the first request was refused whose arguments were wrong.
    pub mistake: Option<RejectReason>,
    /// That request in words.
    pub mistake_text: String,
    /// When the strategy first asked for the last print, by instrument.
    pub prints_since_ns: Vec<Option<Ns>>,
    limits: Limits,
    tags: Texts,
    series: Texts,
    orders: i64,
    generation: u32,
    calls: u32,
}

impl Agent {
    /// Make the agent at a place in the plan.
    pub fn new(index: usize, name: String, callbacks: Callbacks, instruments: usize, limits: Limits) -> Self {
        Agent {
            index,
            name,
            callbacks,
            now_ns: 0,
            open_ns: BEFORE_ALL,
            is_stopped: false,
            timers: Timers::default(),
            depth: vec![false; instruments],
            mistake: None,
            mistake_text: String::new(),
            prints_since_ns: vec![None; instruments],
            limits,
            tags: Texts::default(),
            series: Texts::default(),
            orders: 0,
            generation: 0,
            calls: 0,
        }
    }

    /// Begin a callback. `generation` is the length of the chain of callbacks at its nanosecond that caused it.
    #[inline]
    pub fn begin(&mut self, generation: u32) {
        (self.generation, self.calls) = (generation, 0);
    }

    /// Count a request or a timer of the callback at hand.
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

    /// Check the limits on orders per instrument and on tags.
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

    /// Check that another request may be sent beside those under way to the exchange.
    ///
    /// # Errors
    /// A limit is passed.
    #[inline]
    pub fn check_request(&self, under_way: usize) -> Result<(), RunError> {
        room(under_way, self.limits.requests, "requests under way to the exchange")
    }

    /// Check the limit on timers.
    ///
    /// # Errors
    /// A limit is passed.
    pub fn check_timer(&self) -> Result<(), RunError> {
        room(self.timers.len(), self.limits.timers, "timers set: cancel those that are not needed")
    }

    /// Check the limits on the names of series.
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

    /// Return why the first request was refused whose arguments were wrong, until it is put into words.
    #[inline]
    pub fn untold_mistake(&self) -> Option<RejectReason> {
        self.mistake.filter(|_| self.mistake_text.is_empty())
    }

    /// Return the next order id. Ids are unique among the agent's orders.
    pub fn new_id(&mut self) -> i64 {
        self.orders += 1;
        self.orders
    }

    /// Return whether this agent has issued an id.
    pub fn issued_id(&self, order_id: i64) -> bool {
        (1..=self.orders).contains(&order_id)
    }
}
