//! What to run: the integers of `lob_backtest.contract.plan`, and parts of it that go together.

use crate::contract::codes::Feed;
pub use crate::contract::generated::{InstrumentPlan, Plan, QueueModel, Rates};

/// How own orders fill in one instrument.
#[derive(Clone, Copy)]
pub struct FillRules {
    /// For L2.
    pub queue_model: QueueModel,
    /// L3: an order that is older than one that executes fills even with lots left ahead.
    pub fill_on_younger_execution: bool,
    /// Let hidden prints of unknown side fill.
    pub hidden_any_side: bool,
}

impl InstrumentPlan {
    /// Return how own orders fill.
    pub fn rules(&self) -> FillRules {
        FillRules {
            queue_model: self.queue_model,
            fill_on_younger_execution: self.evidence,
            hidden_any_side: self.hidden_any_side,
        }
    }

    /// Return what the feed shows.
    pub fn feed(&self) -> Feed {
        if self.level == 3 {
            Feed::L3
        } else {
            Feed::L2
        }
    }
}
