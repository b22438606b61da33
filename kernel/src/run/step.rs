//! What the loop cannot do by itself.

use crate::client::local_state::KnownOrder;
use crate::contract::codes::{Ns, RejectReason, UpdateKind};
use crate::wire::messages::Filled;
use crate::wire::view::Print;

/// A call of a strategy.
pub struct Call {
    /// Whose.
    pub agent: usize,
    /// On which instrument's context.
    pub instrument: usize,
    /// When.
    pub now_ns: Ns,
    /// What of.
    pub what: Callback,
}

/// What a strategy is told.
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

/// What the loop cannot do by itself.
pub enum Step {
    /// Give it the next batch of an instrument.
    Load(usize),
    /// Wait for what another thread makes of the batches of an instrument.
    Wait(usize),
    /// Call a strategy.
    Call(Call),
    /// Nothing: the run is over.
    Done,
}
