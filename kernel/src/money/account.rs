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
    /// Cost of the position by its average entry price, tick·lots, signed as the position; a position at the start cost
    /// nothing.
    pub cost_tick_lots: f64,
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
        self.enter(signed_lots, price_ticks);
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

    /// Return the average entry price of the position, `None` without one.
    pub fn average_price_ticks(&self) -> Option<f64> {
        (self.position_lots != 0).then(|| self.cost_tick_lots / self.position_lots as f64)
    }

    /// Return the profit of what has been closed, by average entry price, without fees, in tick·lots.
    pub fn realized_tick_lots(&self) -> f64 {
        self.cash_tick_lots as f64 + self.cost_tick_lots
    }

    /// Return the profit of the position at a doubled mid, without fees, in tick·lots; see `equity_half_tick_lots`.
    pub fn unrealized_tick_lots(&self, mid2: Option<i64>) -> f64 {
        self.equity_half_tick_lots(mid2) as f64 / 2.0 - self.realized_tick_lots()
    }

    /// Update the cost of the position before a fill changes it.
    fn enter(&mut self, signed_lots: i64, price_ticks: i64) {
        let after_lots = self.position_lots + signed_lots;
        let cost = |lots: i64| (i128::from(lots) * i128::from(price_ticks)) as f64;
        self.cost_tick_lots = if self.position_lots.signum() * signed_lots.signum() >= 0 {
            self.cost_tick_lots + cost(signed_lots)
        } else if self.position_lots.signum() * after_lots.signum() > 0 {
            self.cost_tick_lots * after_lots as f64 / self.position_lots as f64
        } else {
            cost(after_lots)
        };
    }
}
