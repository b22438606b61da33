//! Position, cash and fees of one strategy in one instrument, in integers.

use crate::contract::error::RunError;
use crate::contract::plan::FeePlan;

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

/// Return the fee of one fill in 10⁻⁶ tick·lots, rounded half-even; positive: paid.
///
/// Prices and sizes are below 2⁴⁰. A config's rates are below 2⁴⁶ and 2⁸⁶, so that nothing here passes 2¹²⁷.
pub fn fee_micro(plan: &FeePlan, taker: bool, price_ticks: i64, size_lots: i64) -> i128 {
    const MICRO_PER_PICO: i128 = 1_000_000;
    let rates = if taker { plan.taker_rates } else { plan.maker_rates };
    let notional = i128::from(price_ticks.abs()) * i128::from(size_lots);
    let of_notional = notional.saturating_mul(i128::from(rates.0));
    let pico = of_notional.saturating_add(i128::from(size_lots).saturating_mul(rates.1));
    let (quotient, rest) = (pico.div_euclid(MICRO_PER_PICO), pico.rem_euclid(MICRO_PER_PICO));
    if rest * 2 > MICRO_PER_PICO || (rest * 2 == MICRO_PER_PICO && quotient % 2 != 0) {
        quotient + 1
    } else {
        quotient
    }
}

#[cfg(test)]
mod tests {
    use super::fee_micro;
    use crate::contract::plan::FeePlan;

    #[test]
    fn fees_round_half_even_on_both_sides_of_zero() {
        let plan = |pico| FeePlan { maker_rates: (0, pico), taker_rates: (0, 0) };
        let fees = [500_000, 1_500_000, 2_500_000, -500_000, -1_500_000, 1_500_001]
            .map(|pico| fee_micro(&plan(pico), false, 0, 1));
        assert_eq!(fees, [0, 2, 2, 0, -2, 2]);
    }
}
