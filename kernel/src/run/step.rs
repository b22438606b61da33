//! Requests of the main loop to its driver.

use crate::client::local_state::KnownOrder;
use crate::contract::codes::{Ns, RejectReason, UpdateKind};
use crate::wire::messages::Filled;
use crate::wire::view::Print;

/// A call of a strategy's method.
pub struct Call {
    /// The agent's number.
    pub agent: usize,
    /// The instrument's place in the plan, whose context is passed.
    pub instrument: usize,
    /// The strategy's time, nanoseconds.
    pub now_ns: Ns,
    /// The method and its argument.
    pub what: Callback,
}

/// The methods of a strategy and their arguments.
#[allow(missing_docs)] // as in `lob_backtest.strategy.api`
pub enum Callback {
    Start,
    Book,
    Trade(Print),
    Order(Box<KnownOrder>, UpdateKind, RejectReason),
    Fill(Box<KnownOrder>, Filled),
    Timer(i64),
    Stop,
}

/// A request to the driver: call a strategy, load a batch, wait, or stop.
pub enum Step {
    /// Load the next batch of an instrument.
    Load(usize),
    /// Wait for the next trace block of an instrument.
    Wait(usize),
    /// Call a strategy.
    Call(Call),
    /// The run is over.
    Done,
}
