//! What to run: the integers of `lob_backtest.contract.plan`, and parts of it that go together.

use crate::contract::codes::Feed;
pub use crate::contract::generated::{InstrumentPlan, Plan, QueueModel, Rates};

/// How own orders fill in one instrument.
#[derive(Clone, Copy)]
pub struct FillRules {
    /// L2: how unexplained falls move queue positions.
    pub queue_model: QueueModel,
    /// L3: an execution fills an own order that is older than the executed one, even with lots left ahead.
    pub fill_on_younger_execution: bool,
    /// Hidden prints of unknown side fill own orders of either side.
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
