//! Best prices of an instrument at the exchange.

use crate::book::touch::Touch;
use crate::contract::codes::{Ns, BEFORE_ALL};

/// Best prices and mid after the last complete packet, and before its nanosecond.
pub struct Prices {
    /// Best prices and sizes.
    pub touch: Touch,
    /// The last doubled mid of a two-sided book, ticks.
    pub mid2: Option<i64>,
    /// `touch` and `mid2` before their first change at `changed_ns`.
    before: (Touch, Option<i64>),
    changed_ns: Ns,
    /// True if the book is crossed or locked.
    pub is_crossed: bool,
    /// True if own orders may match with the book: it is not crossed, locked or SUSPECT.
    pub may_match: bool,
    /// True from the start of the run: changes go to the `bbo` table.
    pub is_recorded: bool,
}

impl Default for Prices {
    fn default() -> Self {
        Prices {
            touch: Touch::default(),
            mid2: None,
            before: (Touch::default(), None),
            changed_ns: BEFORE_ALL,
            is_crossed: false,
            may_match: true,
            is_recorded: false,
        }
    }
}

impl Prices {
    /// Return best bid, best ask and doubled mid before the first row of this nanosecond.
    pub fn before(&self, now_ns: Ns) -> [Option<i64>; 3] {
        let (touch, mid2) = if now_ns == self.changed_ns { self.before } else { (self.touch, self.mid2) };
        [touch.price(1), touch.price(-1), mid2]
    }

    /// Change the best prices or sizes.
    #[inline(always)]
    pub fn change(&mut self, touch: Touch, now_ns: Ns) {
        if self.changed_ns != now_ns {
            self.before = (self.touch, self.mid2);
            self.changed_ns = now_ns;
        }
        self.touch = touch;
        self.is_crossed = !touch.uncrossed();
        self.mid2 = touch.mid2().or(self.mid2);
    }
}
