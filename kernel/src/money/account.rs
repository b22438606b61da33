//! Position, cash and fees of one strategy in one instrument, in integers.

use crate::contract::error::RunError;

const INT64: i128 = 1 << 63;

/// The money of one strategy in one instrument.
#[derive(Clone, Default)]
pub struct Account {
    /// Signed, lots.
    pub position_lots: i64,
    /// Tick·lots, 0 at the start; a buy subtracts price times size.
    pub cash_tick_lots: i128,
    /// 10⁻⁶ tick·lots; rebates are negative.
    pub fees_micro: i128,
    /// Price of the last fill, ticks.
    pub last_price_ticks: Option<i64>,
}

impl Account {
    /// Book one fill.
    ///
    /// # Errors
    /// The sums do not fit 64 bits.
    pub fn fill(&mut self, side: i8, price_ticks: i64, size_lots: i64, fee_micro: i128) -> Result<(), RunError> {
        let signed_lots = i64::from(side) * size_lots;
        let cash_tick_lots = self.cash_tick_lots - i128::from(signed_lots) * i128::from(price_ticks);
        let fees_micro = self.fees_micro.saturating_add(fee_micro);
        let largest = cash_tick_lots.abs().max(fees_micro.saturating_abs()).max(fee_micro.saturating_abs());
        if largest >= INT64 {
            return Err(RunError::Engine(format!(
                "cash of {cash_tick_lots} tick·lots or fees of {fees_micro} · 10⁻⁶ do not fit 64 bits; use a coarser \
                 tick or lot, or trade less"
            )));
        }
        self.position_lots += signed_lots;
        self.cash_tick_lots = cash_tick_lots;
        self.fees_micro = fees_micro;
        self.last_price_ticks = Some(price_ticks);
        Ok(())
    }

    /// Return cash plus the position at a doubled mid, without fees, in half tick·lots.
    ///
    /// Without a mid the price of the last fill is used; without a fill, too, the position is worth nothing.
    pub fn equity_half_tick_lots(&self, mid2: Option<i64>) -> i128 {
        let mid2 = mid2.unwrap_or(2 * self.last_price_ticks.unwrap_or(0));
        2 * self.cash_tick_lots + i128::from(self.position_lots) * i128::from(mid2)
    }
}
