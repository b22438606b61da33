//! What to run: the integers of `lob_backtest.contract.plan`, and parts of it that go together.

pub use crate::contract::generated::QueueModel;
pub use crate::contract::generated_plan::{AgentPlan, ChannelPlan, InstrumentPlan, Plan, Rates, SessionPlan};

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
            fill_on_younger_execution: self.fill_on_younger_execution,
            hidden_any_side: self.hidden_any_side,
        }
    }
}

impl Plan {
    /// Return how many venues there are.
    pub fn venues(&self) -> usize {
        self.instruments.iter().map(|each| each.venue + 1).max().unwrap_or(0)
    }
}
