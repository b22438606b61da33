//! Market maker protection: it cancels all quotes where they fill too much within an interval, and refuses new ones.
//!
//! Quotes are limit orders that can rest; orders that cannot are for hedging, and do not count.

use std::collections::VecDeque;

use crate::contract::codes::{Ns, TimeInForce, NEVER};
use crate::contract::generated_terms::Terms;
use crate::contract::plan::MmpPlan;

/// Return whether an order can rest.
fn is_quote(terms: &Terms) -> bool {
    terms.price_ticks.is_some() && !matches!(terms.tif, TimeInForce::Ioc | TimeInForce::Fok)
}

/// The protection of one strategy in one instrument.
pub struct Protection {
    plan: MmpPlan,
    is_on: bool,
    /// Times and sizes of the fills that still count.
    fills: VecDeque<(Ns, i64)>,
    lots: i64,
    is_hit: bool,
    frozen_until_ns: Ns,
}

impl Protection {
    /// Start with its limits.
    pub fn new(plan: MmpPlan) -> Self {
        let is_on = plan.lots.is_some() || plan.fills.is_some();
        Protection { plan, is_on, fills: VecDeque::new(), lots: 0, is_hit: false, frozen_until_ns: Ns::MIN }
    }

    /// Count a fill, if it is one of a quote.
    #[inline]
    pub fn traded(&mut self, terms: &Terms, size_lots: i64, now_ns: Ns) {
        if self.is_on && is_quote(terms) {
            self.count(size_lots, now_ns);
        }
    }

    #[cold]
    fn count(&mut self, size_lots: i64, now_ns: Ns) {
        let interval_ns = self.plan.interval_ns;
        while let Some((_, lots)) = self.fills.front().filter(|(ts_ns, _)| now_ns - ts_ns > interval_ns) {
            self.lots -= lots;
            self.fills.pop_front();
        }
        self.fills.push_back((now_ns, size_lots));
        self.lots = self.lots.saturating_add(size_lots);
        self.is_hit |= self.plan.lots.is_some_and(|limit| self.lots >= limit)
            || self.plan.fills.is_some_and(|limit| self.fills.len() as i64 >= limit);
    }

    /// Return whether a limit has been reached since the last call; then quotes are refused from now on.
    #[inline]
    pub fn trips(&mut self, now_ns: Ns) -> bool {
        if !self.is_hit {
            return false;
        }
        self.reset();
        let frozen_ns = self.plan.frozen_ns;
        self.frozen_until_ns = if frozen_ns == 0 { NEVER } else { now_ns.saturating_add(frozen_ns).min(NEVER) };
        true
    }

    /// Return whether an order is refused.
    pub fn refuses(&self, terms: &Terms, now_ns: Ns) -> bool {
        self.is_on && now_ns < self.frozen_until_ns && is_quote(terms)
    }

    /// Count from zero again, and take quotes.
    pub fn reset(&mut self) {
        self.fills.clear();
        (self.lots, self.is_hit, self.frozen_until_ns) = (0, false, Ns::MIN);
    }
}
