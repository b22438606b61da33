//! The best of a book.

use crate::codes::key;
use crate::ladder::NO_KEY;

/// Best prices and sizes; a side that is empty shows 0 lots.
#[derive(Clone, Copy, Default, Debug)]
pub struct Touch {
    /// 0 where there is no bid.
    pub bid_ticks: i64,
    /// 0 where there is no bid.
    pub bid_lots: i64,
    /// 0 where there is no ask.
    pub ask_ticks: i64,
    /// 0 where there is no ask.
    pub ask_lots: i64,
}

impl PartialEq for Touch {
    /// Compare number by number: memory that has just been written in parts is slow to read as a whole.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        let bid = (self.bid_ticks ^ other.bid_ticks) | (self.bid_lots ^ other.bid_lots);
        let ask = (self.ask_ticks ^ other.ask_ticks) | (self.ask_lots ^ other.ask_lots);
        bid | ask == 0
    }
}

impl Touch {
    /// Return the price of a side.
    #[inline]
    pub fn price(&self, side: i8) -> Option<i64> {
        let (price_ticks, lots) =
            if side > 0 { (self.bid_ticks, self.bid_lots) } else { (self.ask_ticks, self.ask_lots) };
        (lots != 0).then_some(price_ticks)
    }

    /// Return the price of a side as its key, `NO_KEY` where the side is empty.
    #[inline]
    pub fn key(&self, side: i8) -> i64 {
        let (price_ticks, lots) =
            if side > 0 { (self.bid_ticks, self.bid_lots) } else { (self.ask_ticks, self.ask_lots) };
        if lots == 0 {
            NO_KEY
        } else {
            key(side, price_ticks)
        }
    }

    /// Say whether the best bid is below the best ask, or a side is empty.
    #[inline]
    pub fn uncrossed(&self) -> bool {
        !self.is_two_sided() || self.bid_ticks < self.ask_ticks
    }

    /// Return the size of a side, 0 where it is empty.
    #[inline]
    pub fn lots(&self, side: i8) -> i64 {
        if side > 0 {
            self.bid_lots
        } else {
            self.ask_lots
        }
    }

    /// Return the sum of the best prices, `None` unless both sides show something.
    #[inline]
    pub fn mid2(&self) -> Option<i64> {
        self.is_two_sided().then_some(self.bid_ticks + self.ask_ticks)
    }

    /// Return best ask less best bid, `None` unless both sides show something.
    #[inline]
    pub fn spread(&self) -> Option<i64> {
        self.is_two_sided().then_some(self.ask_ticks - self.bid_ticks)
    }

    #[inline]
    fn is_two_sided(&self) -> bool {
        self.bid_lots != 0 && self.ask_lots != 0
    }

    /// Return best bid, its size, best ask, its size.
    #[inline]
    pub fn columns(&self) -> [Option<i64>; 4] {
        let (bid, ask) = (self.bid_lots != 0, self.ask_lots != 0);
        [
            bid.then_some(self.bid_ticks),
            bid.then_some(self.bid_lots),
            ask.then_some(self.ask_ticks),
            ask.then_some(self.ask_lots),
        ]
    }
}
