//! What to run: the integers of `lob_backtest.contract.plan`, and parts of it that go together.

pub use crate::contract::generated::{PostOnly, QueueModel};
pub use crate::contract::generated_plan::{
    AgentPlan, ChannelPlan, FeePlan, FillRules, InstrumentPlan, LatencyPlan, MmpPlan, OrderRules, Plan, QueueWeights,
    Rates, SessionPlan,
};

impl Plan {
    /// Return how many venues there are.
    pub fn venues(&self) -> usize {
        self.instruments.iter().map(|each| each.venue + 1).max().unwrap_or(0)
    }
}
