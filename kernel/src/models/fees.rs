//! What a fill costs, in integers.
//!
//! Assumption: a fee depends on one fill alone: its price, its size, and whether the order had rested. Each fill is
//! charged and rounded by itself.
//! Bias: none for a venue with flat rates. Under tiers of turnover, minimums per order or caps the true fee differs, in
//! either direction.

use crate::contract::plan::{FeePlan, Rates};

/// Return the fee of one fill in 10⁻⁶ tick·lots; positive: paid. A taker's order traded on arrival.
pub fn fill_fee_micro(plan: &FeePlan, price_ticks: i64, size_lots: i64, is_taker: bool) -> i128 {
    fee_micro(price_ticks, size_lots, if is_taker { plan.taker_rates } else { plan.maker_rates })
}

/// Return the fee of one fill in 10⁻⁶ tick·lots, rounded half-even.
///
/// Prices and sizes are below 2⁴⁰. A config's rates are below 2⁴⁶ and 2⁸⁶, so that nothing here passes 2¹²⁷.
pub fn fee_micro(price_ticks: i64, size_lots: i64, rates: Rates) -> i128 {
    const MICRO_PER_PICO: i128 = 1_000_000;
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

    #[test]
    fn fees_round_half_even_on_both_sides_of_zero() {
        let fees =
            [500_000, 1_500_000, 2_500_000, -500_000, -1_500_000, 1_500_001].map(|pico| fee_micro(0, 1, (0, pico)));
        assert_eq!(fees, [0, 2, 2, 0, -2, 2]);
    }
}
