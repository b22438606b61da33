//! L2: how much of a fall that no print explains was ahead of an own order. Positions are in 2⁻²⁰ lot.
//!
//! Assumption: `Back`: every cancel was behind the order. `Proportional`: cancels fall evenly on the queue, as in
//! Rigtorp's and hftbacktest's linear model. `Weighted`: they fall on what is ahead and on what is behind by the weights of
//! the two, as in hftbacktest's power and log models.
//! Bias: `Back` is the pessimist's bound, later than the truth on average. `Proportional` is early for orders near the
//! front, since cancels are in truth denser at the back. A power above 1 spares the shorter part, one below 1 and the
//! logarithm the longer one, by as much as was chosen; the feed of levels cannot tell which is right.

use std::sync::Arc;

use crate::contract::plan::{InstrumentPlan, QueueModel, QueueWeights};

/// Fractional bits of a queue position.
pub const SHIFT: u32 = 20;

/// The queue model of an instrument.
#[derive(Clone)]
pub enum Model {
    /// See `QueueModel`.
    Back,
    /// See `QueueModel`.
    Proportional,
    /// See `QueueModel`.
    Weighted(Arc<QueueWeights>),
}

impl Model {
    /// Make the queue model of an instrument.
    pub fn new(plan: &InstrumentPlan) -> Self {
        match plan.fill_rules.queue_model {
            QueueModel::Back => Model::Back,
            QueueModel::Proportional => Model::Proportional,
            QueueModel::Weighted => Model::Weighted(Arc::new(plan.queue_weights.clone())),
        }
    }

    /// Return what is ahead after a level fell from `before` to `after` lots, `printed` of them by prints.
    #[inline]
    pub fn ahead(&self, ahead: i64, before: i64, after: i64, printed: i64) -> i64 {
        match self {
            Model::Back => ahead,
            Model::Proportional => {
                (i128::from(ahead) * i128::from(after)).div_euclid(i128::from(before - printed)) as i64
            }
            Model::Weighted(weights) => {
                let behind = (((before - printed) << SHIFT) - ahead).max(0);
                let (ahead_weight, behind_weight) = weights.of(ahead, behind);
                let whole = i128::from(ahead_weight) + i128::from(behind_weight);
                if whole == 0 {
                    return ahead;
                }
                let cancels = i128::from(before - printed - after) << SHIFT;
                let gone = (2 * cancels * i128::from(ahead_weight) + whole) / (2 * whole);
                (i128::from(ahead) - gone).max(0) as i64
            }
        }
    }
}

/// Round a position up to whole lots: a fraction has to trade first.
pub fn to_lots(ahead: i64) -> i64 {
    -(-ahead >> SHIFT)
}
