//! The effect of a row on the book.

use crate::contract::codes::{key, LIMIT};

/// Codes of effects. Sided kinds use two codes: the bid's, and the bid's + 1 for the ask.
#[allow(missing_docs)] // the names are those of the actions
pub mod kind {
    /// No level changes.
    pub const NOTHING: u8 = 0;
    pub const ADD: u8 = 1;
    /// An order is cancelled, in part or whole, or modified without losing its place.
    pub const LESS: u8 = 3;
    pub const EXECUTE: u8 = 5;
    /// An order loses its place and joins another price or the end of its queue.
    pub const MOVED: u8 = 7;
    /// A LEVEL or CLEAR row.
    pub const OTHER: u8 = 9;
    pub const TRADE: u8 = 10;
    /// Number of codes, rounded up to a power of two.
    pub const COUNT: usize = 16;
}

/// The effect of a row, and the order that it names: as it was before the row, for an ADD as it joined.
#[derive(Clone, Copy, Default, Debug)]
pub struct RowEffect {
    /// The code of `kind` in the lowest byte, the key above it.
    what: i64,
    /// Size of the order before the row, lots; for an ADD the size that joined.
    pub size_lots: i64,
    /// Lots that the order loses; 0 for an ADD.
    pub lost_lots: i64,
    /// Age of the order, see `BookOrder::arrival`.
    pub arrival: u64,
    /// Displayed size of its level after the row, lots.
    pub level_lots: i64,
}

impl RowEffect {
    /// Make the effect of a row that names no order.
    #[inline(always)]
    pub fn of(kind: u8) -> Self {
        RowEffect { what: i64::from(kind), ..RowEffect::default() }
    }

    /// Make the effect of a row that names an order at a key, which is below 2⁴⁰: the order's size, the lots it loses,
    /// the displayed size of its level after the row, and its age.
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

    /// Return whether the effect has a code.
    #[inline(always)]
    pub fn is(&self, kind: u8) -> bool {
        self.kind() == kind
    }

    /// Return whether the effect has a sided code, of either side.
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

/// The market's order that a row names, as it was before the row.
#[derive(Clone, Copy)]
pub struct NamedOrder {
    /// +1 bid, -1 ask, 0 if the row names none.
    pub side: i8,
    /// Its price, ticks.
    pub price_ticks: i64,
    /// What was left of it, lots.
    pub size_lots: i64,
    /// Its age, see `BookOrder::arrival`.
    pub arrival: u64,
    /// Displayed size of its level after the row, lots.
    pub level_lots: i64,
}
