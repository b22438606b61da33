//! Prices and sizes as strategies give them: whole numbers, fractions, or nonsense.

use crate::contract::codes::{RejectReason, LIMIT};

/// Stands for any whole number that is too large.
pub const HUGE: i64 = 1 << 62;

/// Stands for what is no number where an order's id is expected.
pub const NO_ID: i64 = i64::MIN;

/// A number that a strategy passed.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// An integer, clipped to ±2⁶².
    Whole(i64),
    /// A float.
    Float(f64),
    /// Not a number.
    Nonsense,
}

impl Number {
    fn whole(self, fraction: RejectReason) -> Result<i64, RejectReason> {
        match self {
            Number::Whole(value) => Ok(value),
            Number::Float(value) if value.is_finite() => Err(fraction),
            Number::Float(_) | Number::Nonsense => Err(RejectReason::BadValue),
        }
    }

    /// Return a price in ticks.
    ///
    /// # Errors
    /// The reason for which it is refused.
    pub fn price_ticks(self) -> Result<i64, RejectReason> {
        let price_ticks = self.whole(RejectReason::OffTick)?;
        if price_ticks.abs() >= LIMIT {
            return Err(RejectReason::Price);
        }
        Ok(price_ticks)
    }

    /// Return a size in lots.
    ///
    /// # Errors
    /// The reason for which it is refused.
    pub fn size_lots(self) -> Result<i64, RejectReason> {
        let size_lots = self.whole(RejectReason::OffLot)?;
        if !(1..LIMIT).contains(&size_lots) {
            return Err(RejectReason::Size);
        }
        Ok(size_lots)
    }

    /// Return a key that equal numbers share, and no others.
    pub fn identity(self) -> (bool, i64) {
        match self {
            Number::Whole(value) => (true, value),
            Number::Float(value) if value.is_nan() => (false, f64::NAN.to_bits() as i64),
            Number::Float(value) if value.fract() == 0.0 && value.abs() <= HUGE as f64 => (true, value as i64),
            Number::Float(value) => (false, value.to_bits() as i64),
            Number::Nonsense => (false, 0),
        }
    }

    /// Compare with an order's price or size, which is below 2⁴⁰ and so exact as a float.
    pub fn partial_cmp(self, other: i64) -> Option<std::cmp::Ordering> {
        match self {
            Number::Whole(value) => Some(value.cmp(&other)),
            Number::Float(value) => value.partial_cmp(&(other as f64)),
            Number::Nonsense => None,
        }
    }

    /// Return whether this equals an order's price or size.
    pub fn is(self, other: i64) -> bool {
        self.partial_cmp(other) == Some(std::cmp::Ordering::Equal)
    }

    /// Return the smaller of this and the room that a limit leaves.
    pub fn at_most(self, room: Option<i64>) -> Number {
        match room {
            Some(room) if self.partial_cmp(room) == Some(std::cmp::Ordering::Greater) => Number::Whole(room),
            _ => self,
        }
    }

    /// Add a number of lots.
    pub fn plus(self, lots: i64) -> Number {
        match self {
            Number::Whole(value) => Number::Whole(value.saturating_add(lots)),
            Number::Float(value) => Number::Float(value + lots as f64),
            Number::Nonsense => self,
        }
    }
}
