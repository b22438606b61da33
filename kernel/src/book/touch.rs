//! Best prices and sizes of a book.

use crate::book::ladder::NO_KEY;
use crate::contract::codes::{index, key};

/// Best prices and sizes, the bid's first; an empty side has 0 lots.
#[derive(Clone, Copy, Default, Debug)]
pub struct Touch {
    /// Prices; 0 for an empty side.
    pub ticks: [i64; 2],
    /// Displayed sizes; 0 for an empty side.
    pub lots: [i64; 2],
}

impl PartialEq for Touch {
    /// Compare number by number: reading the whole just after its parts were written stalls the processor.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        let bid = (self.ticks[0] ^ other.ticks[0]) | (self.lots[0] ^ other.lots[0]);
        let ask = (self.ticks[1] ^ other.ticks[1]) | (self.lots[1] ^ other.lots[1]);
        bid | ask == 0
    }
}

impl Touch {
    /// Return the price of a side.
    #[inline]
    pub fn price(&self, side: i8) -> Option<i64> {
        let side = index(side);
        (self.lots[side] != 0).then_some(self.ticks[side])
    }

    /// Return the price of a side as its key, `NO_KEY` where the side is empty.
    #[inline]
    pub fn key(&self, side: i8) -> i64 {
        self.price(side).map_or(NO_KEY, |price_ticks| key(side, price_ticks))
    }

    /// Return whether the best bid is below the best ask, or a side is empty.
    #[inline]
    pub fn uncrossed(&self) -> bool {
        !self.is_two_sided() | (self.ticks[0] < self.ticks[1])
    }

    /// Return the size of a side, 0 where it is empty.
    #[inline]
    pub fn lots(&self, side: i8) -> i64 {
        self.lots[index(side)]
    }

    /// Return the sum of the best prices, the doubled mid; `None` unless both sides show something.
    #[inline]
    pub fn mid2(&self) -> Option<i64> {
        self.is_two_sided().then_some(self.ticks[0] + self.ticks[1])
    }

    /// Return best ask less best bid, `None` unless both sides show something.
    #[inline]
    pub fn spread(&self) -> Option<i64> {
        self.is_two_sided().then_some(self.ticks[1] - self.ticks[0])
    }

    #[inline]
    fn is_two_sided(&self) -> bool {
        (self.lots[0] != 0) & (self.lots[1] != 0)
    }

    /// Return best bid, its size, best ask, its size.
    #[inline]
    pub fn columns(&self) -> [Option<i64>; 4] {
        let lots = |side: i8| self.price(side).map(|_| self.lots(side));
        [self.price(1), lots(1), self.price(-1), lots(-1)]
    }
}
