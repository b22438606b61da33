//! Weights of the parts of a queue: the lookup in a table of integers. Lengths are in 2⁻²⁰ lot.
//!
//! The grid has every length up to 64, and 64 lengths in each octave above, up to 2⁶⁰.
//! Assumption: a weight is straight between 64 lengths per octave.
//! Bias: a power above 1 weighs too much between them, one below 1 and the logarithm too little; less than 1 in 1,000 of
//! a share for powers up to 3.25.

use crate::contract::plan::QueueWeights;

/// The longest length of the grid is 2⁶⁰.
const BITS: u32 = 60;
const STEP_BITS: u32 = 6;
const STEPS: i64 = 1 << STEP_BITS;

impl QueueWeights {
    /// Return the weights of the two parts of a queue, neither longer than 2⁶⁰.
    pub fn of(&self, ahead: i64, behind: i64) -> (i64, i64) {
        let longer = ahead.max(behind);
        let shift = if self.is_scale_free { BITS.saturating_sub(i64::BITS - longer.leading_zeros()) } else { 0 };
        (at_length(&self.values, ahead << shift), at_length(&self.values, behind << shift))
    }
}

/// Return the value at a length, straight between two of the grid; `values` are at its lengths from 0 on.
pub fn at_length(values: &[i64], length: i64) -> i64 {
    if length < STEPS {
        return values[length as usize];
    }
    let shift = i64::BITS - 1 - length.leading_zeros() - STEP_BITS;
    let place = ((i64::from(shift) << STEP_BITS) + (length >> shift)) as usize;
    let below = values[place];
    let Some(above) = values.get(place + 1) else { return below };
    let part = length & ((1 << shift) - 1);
    below + ((i128::from(above - below) * i128::from(part)) >> shift) as i64
}
