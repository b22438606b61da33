//! What own orders are shown of the market.

use crate::book::Book;
use crate::contract::codes::{flag, index, Ns};
use crate::contract::row::Row;
use crate::exchange::print_match::PrintMatch;

/// What may fill at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// The market is not in its continuous phase.
    Nothing,
    /// The book is crossed, locked or SUSPECT: flow at a worse price alone.
    Through,
    /// Everything.
    All,
}

/// The market as an own book is shown it: the book, whole or as far as own orders reach, and the prints.
#[derive(Clone, Copy)]
pub struct Displayed<'a> {
    /// The market's book before the row at hand.
    pub book: &'a Book,
    /// The prints that no level has shown, and the falls that no print has explained (L2).
    pub prints: &'a PrintMatch,
    /// The trading phase.
    pub phase: u8,
    /// True if a STATUS row has come.
    pub has_phases: bool,
    /// What may fill, judged by the book after the last complete packet.
    pub matching: Match,
    /// The time.
    pub now_ns: Ns,
}

impl Displayed<'_> {
    /// Return what may fill by a row.
    #[inline]
    pub fn matching_row(&self, row: &Row) -> Match {
        if row.flags & flag::SUSPECT == 0 {
            self.matching
        } else {
            self.matching.min(Match::Through)
        }
    }

    /// Return whether an order of a side can take now: the book can be trusted, and the opposite side is displayed.
    #[inline]
    pub fn takes(&self, side: i8) -> bool {
        self.matching == Match::All && !self.book.awaiting_snapshot[index(-side)]
    }
}
