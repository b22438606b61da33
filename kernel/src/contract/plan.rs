//! What to run: the integers of `lob_backtest.contract.plan`, and parts of it that go together.

pub use crate::contract::generated::{InstrumentPlan, Plan, QueueModel, Rates};

/// How own orders fill in one instrument.
#[derive(Clone, Copy)]
pub struct Rules {
    /// For L2.
    pub queue_model: QueueModel,
    /// L3: an order that is older than one that executes fills even with lots left ahead.
    pub evidence: bool,
    /// Let hidden prints of unknown side fill.
    pub hidden_any_side: bool,
}

impl InstrumentPlan {
    /// Return how own orders fill.
    pub fn rules(&self) -> Rules {
        Rules { queue_model: self.queue_model, evidence: self.evidence, hidden_any_side: self.hidden_any_side }
    }
}
