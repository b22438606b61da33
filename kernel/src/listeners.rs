//! Who hears of the rows of an instrument.

use crate::book::{Book, Row, Witness};
use crate::codes::Ns;
use crate::displayed::Displayed;
use crate::ids::Place;
use crate::prints::Prints;
use crate::seat::Seat;
use crate::view::View;
use crate::watch::Watch;

/// Who hears of a row before the book takes it in.
pub struct Listeners<'a> {
    /// Which rows own orders mind.
    pub watch: &'a Watch,
    /// Own orders.
    pub seats: &'a mut [Seat],
    /// What prints explain (L2).
    pub prints: &'a mut Prints,
    /// What is on its way to the strategies.
    pub view: &'a mut View,
    /// The trading phase.
    pub phase: u8,
    /// The time of the row.
    pub now_ns: Ns,
    /// Becomes true where own orders have been told.
    pub heard: &'a mut bool,
    /// Becomes true where something has been put on its way.
    pub news: &'a mut bool,
}

impl Witness for Listeners<'_> {
    #[inline(always)]
    fn before(self, book: &Book, row: Row, place: Place) {
        if !place.found() || self.watch.minds(book.key_of(place.slot), row.action) {
            self.tell(book, row, place);
        }
    }
}

impl Listeners<'_> {
    // Not where it is called, which is walked for every row: few get here.
    #[inline(never)]
    fn tell(self, book: &Book, row: Row, place: Place) {
        let row = &row;
        *self.heard = true;
        for seat in self.seats {
            let displayed = Displayed { book, prints: self.prints, phase: self.phase };
            seat.gateway.overlay.before(displayed, row, place);
        }
        if book.level == 2 {
            self.prints.take_in(book, row);
        }
        *self.news |= self.view.wants_prints && self.view.tell(book, row, place, self.now_ns);
    }
}
