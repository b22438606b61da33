//! What own orders see of the market.

use crate::book::{Book, Row};
use crate::codes::flag;
use crate::prints::Prints;

/// The market as the overlay sees it: its book, whole or as far as own orders reach, and the prints.
#[derive(Clone, Copy)]
pub struct Displayed<'a> {
    /// The market's book before the row at hand.
    pub book: &'a Book,
    /// The prints since each level's last update (L2).
    pub prints: &'a Prints,
    /// The trading phase.
    pub phase: u8,
    /// Whether own orders may trade: a continuous phase and a book that is known and not crossed or locked.
    pub matching: bool,
}

impl Displayed<'_> {
    /// Say whether own orders may trade with a row.
    #[inline]
    pub fn matching_row(&self, row: &Row) -> bool {
        row.flags & flag::SUSPECT == 0 && self.matching
    }
}
