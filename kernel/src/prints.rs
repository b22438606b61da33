//! L2: which of a level's changes the prints have explained already.

use rustc_hash::FxHashMap as HashMap;

use crate::book::{Book, Row};
use crate::codes::{action, flag, index, sides};

/// Side and price of a level.
pub type Place = (i8, i64);

/// The prints since each level's last update.
#[derive(Default)]
pub struct Prints {
    printed: HashMap<Place, i64>,
    late: HashMap<Place, i64>,
    last: [Option<i64>; 2],
}

impl Prints {
    /// Return the lots printed at a level since its last LEVEL row, which will show them.
    #[inline]
    pub fn printed(&self, place: Place) -> i64 {
        if self.printed.is_empty() {
            return 0;
        }
        self.printed.get(&place).copied().unwrap_or(0)
    }

    /// Take in a row that the book is about to apply.
    pub fn take_in(&mut self, book: &Book, row: &Row) {
        let place = (row.side, row.price_ticks);
        match row.action {
            action::LEVEL => self.level(place, book.size_at(row.side, row.price_ticks), row.size_lots),
            action::TRADE if row.side != 0 && row.flags & (flag::HIDDEN | flag::AUCTION) == 0 => {
                self.trade(place, row.size_lots);
            }
            action::CLEAR => self.clear(row.side),
            _ => {}
        }
    }

    /// Take in a LEVEL row that changes a level from `before` to `after` lots.
    fn level(&mut self, place: Place, before: i64, after: i64) {
        let printed = if self.printed.is_empty() { 0 } else { self.printed.remove(&place).unwrap_or(0) };
        let unexplained = before - after - printed;
        if unexplained > 0 {
            self.late.insert(place, unexplained);
        } else if !self.late.is_empty() {
            self.late.remove(&place);
        }
        self.last[index(place.0)] = None;
    }

    /// Take in a print against a side.
    fn trade(&mut self, place: Place, size_lots: i64) {
        let late = self.late.get(&place).copied().unwrap_or(0);
        if late > size_lots {
            self.late.insert(place, late - size_lots);
        } else if late > 0 {
            self.late.remove(&place);
        }
        if size_lots > late {
            *self.printed.entry(place).or_insert(0) += size_lots - late;
        }
        self.last[index(place.0)] = Some(place.1);
    }

    /// Forget a side (0: both) whose levels are gone.
    fn clear(&mut self, side: i8) {
        for each in sides(side) {
            self.last[index(*each)] = None;
            self.printed.retain(|place, _| place.0 != *each);
            self.late.retain(|place, _| place.0 != *each);
        }
    }

    /// Say whether a print went through a level that has not been updated since.
    pub fn emptied(&self, (side, price_ticks): Place) -> bool {
        self.last[index(side)].is_some_and(|last| i64::from(side) * price_ticks > i64::from(side) * last)
    }
}
