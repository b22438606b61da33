//! L2: how much of a fall that no print explains was ahead of an own order. Positions are in 2⁻²⁰ lot.
//!
//! Assumption: `Back`: every cancel was behind the order. `Proportional`: cancels fall evenly on the queue, as in
//! Rigtorp's and hftbacktest's linear model.
//! Bias: `Back` is the pessimist's bound, later than the truth on average. `Proportional` is early for orders near the
//! front, since cancels are in truth denser at the back.

use crate::contract::plan::QueueModel;

/// Fractional bits of a queue position.
pub const SHIFT: u32 = 20;

impl QueueModel {
    /// Return what is ahead after a level fell from `before` to `after` lots, `printed` of them by prints.
    pub fn ahead(self, ahead: i64, before: i64, after: i64, printed: i64) -> i64 {
        match self {
            QueueModel::Back => ahead,
            QueueModel::Proportional => {
                (i128::from(ahead) * i128::from(after)).div_euclid(i128::from(before - printed)) as i64
            }
        }
    }
}

/// Round a position up to whole lots: a fraction has to trade first.
pub fn to_lots(ahead: i64) -> i64 {
    -(-ahead >> SHIFT)
}
