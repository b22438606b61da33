//! What a row does to the book.

use crate::contract::codes::{key, LIMIT};

/// What a row does. Those with two numbers have the bid's here, and the ask's is one more.
#[allow(missing_docs)] // the names say it
pub mod kind {
    /// Nothing to any level.
    pub const NOTHING: u8 = 0;
    pub const ADD: u8 = 1;
    /// An order is cancelled, or modified without losing its place.
    pub const LESS: u8 = 3;
    pub const EXECUTE: u8 = 5;
    /// An order leaves its place for another.
    pub const MOVED: u8 = 7;
    /// A LEVEL or CLEAR row.
    pub const OTHER: u8 = 9;
    pub const TRADE: u8 = 10;
    /// How many there are, rounded up to a power of two.
    pub const COUNT: usize = 16;
}

/// What a row does, and the order that it names, as it stood before and for an ADD as it joined.
#[derive(Clone, Copy, Default, Debug)]
pub struct RowEffect {
    /// What the row is, and where: the code of `kind` in the lowest byte, the key above it.
    what: i64,
    /// Its size; what it joined with, for an ADD.
    pub size_lots: i64,
    /// What it loses; 0 for an ADD.
    pub lost_lots: i64,
    /// Its age.
    pub arrival: u64,
    /// What its level shows after the row.
    pub level_lots: i64,
}

impl RowEffect {
    /// Return the effect of a row that names no order.
    #[inline(always)]
    pub fn of(kind: u8) -> Self {
        RowEffect { what: i64::from(kind), ..RowEffect::default() }
    }

    /// Return the effect of a row that names an order at a key, which is a price and so below 2⁴⁰: the order's size, what
    /// it loses, what its level shows then, and its age.
    #[inline(always)]
    pub fn new(kind: u8, key: i64, [size_lots, lost_lots, level_lots]: [i64; 3], arrival: u64) -> Self {
        debug_assert!(key.abs() < LIMIT, "a key is no price");
        RowEffect { what: key << 8 | i64::from(kind), size_lots, lost_lots, arrival, level_lots }
    }

    /// Return the code of `kind`.
    #[inline(always)]
    pub fn kind(&self) -> u8 {
        self.what as u8
    }

    /// Return the order's price as a key of its side; 0 where the row names no order.
    #[inline(always)]
    pub fn key(&self) -> i64 {
        self.what >> 8
    }

    /// Return whether the row is of a kind.
    #[inline(always)]
    pub fn is(&self, kind: u8) -> bool {
        self.kind() == kind
    }

    /// Return whether the row is of a kind that has two numbers, of whichever side.
    #[inline(always)]
    pub fn is_either(&self, kind: u8) -> bool {
        self.is(kind) | self.is(kind + 1)
    }

    /// Return whether the row changes a level.
    #[inline]
    pub fn changes(&self) -> bool {
        !self.is(kind::NOTHING) & !self.is(kind::TRADE)
    }

    /// Return the side of the order that the row names, 0 where it names none.
    #[inline]
    pub fn side(&self) -> i8 {
        match self.kind() {
            named @ kind::ADD..kind::OTHER => (named % 2) as i8 * 2 - 1,
            _ => 0,
        }
    }

    /// Return the order that the row names.
    #[inline]
    pub fn named_order(&self) -> NamedOrder {
        let side = self.side();
        let (price_ticks, level_lots) = (key(side, self.key()), self.level_lots);
        NamedOrder { side, price_ticks, size_lots: self.size_lots, arrival: self.arrival, level_lots }
    }
}

/// The market's order that a row names, as it stood before the row.
#[derive(Clone, Copy)]
pub struct NamedOrder {
    /// +1 bid, -1 ask, 0 where there is none.
    pub side: i8,
    /// Its price.
    pub price_ticks: i64,
    /// What was left of it.
    pub size_lots: i64,
    /// Its age.
    pub arrival: u64,
    /// What its level shows after the row.
    pub level_lots: i64,
}
