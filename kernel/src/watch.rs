//! Which rows can matter to own orders, in a few numbers: most cannot, and own orders need not be asked.

use crate::book::Book;
use crate::codes::action;
use crate::ladder::NO_KEY;
use crate::seat::Seat;

/// Where all own orders of an instrument stand.
#[derive(Clone, Copy)]
pub struct Watch {
    /// The best and the worst key of bids and of asks; nothing lies between them where nothing rests.
    reach: [(i64, i64); 2],
    /// Whether own orders have to be asked about everything.
    careful: bool,
}

impl Default for Watch {
    fn default() -> Self {
        Watch { reach: [(NO_KEY, -NO_KEY); 2], careful: false }
    }
}

impl Watch {
    /// Watch what rests in an instrument, or everything.
    pub fn new(seats: &[Seat], book: &Book, everything: bool) -> Self {
        let mut watch = Watch { careful: everything, ..Watch::default() };
        for overlay in seats.iter().map(|seat| &seat.gateway.overlay) {
            watch.careful |= overlay.is_careful(book);
            for (reach, (best, worst)) in watch.reach.iter_mut().zip(overlay.reach()) {
                *reach = (reach.0.min(best), reach.1.max(worst));
            }
        }
        watch.careful |= watch.minds_end(book); // what could not be settled yet may be at the next packet's end
        watch
    }

    /// Say whether own orders have to be asked about everything.
    #[inline(always)]
    pub fn is_careful(&self) -> bool {
        self.careful
    }

    /// Say whether anything rests or is remembered.
    pub fn is_on(&self) -> bool {
        self.careful || self.reach.iter().any(|(best, _)| *best != NO_KEY)
    }

    /// Say whether a row can matter that takes from an order of a side (0 bid, 1 ask) at a key: one at an own price, or
    /// one that trades there or at a worse price.
    #[inline(always)]
    pub fn minds(&self, (side, key): (usize, i64), act: u8) -> bool {
        let (best, worst) = self.reach[side];
        let behind = (key > worst) & (act != action::EXECUTE);
        !((key < best) | behind) | self.careful
    }

    /// Say whether own orders have something to settle at the end of a packet that has told them nothing.
    #[inline(always)]
    pub fn minds_end(&self, book: &Book) -> bool {
        let crosses = book.crosses(1, self.reach[0].0) | book.crosses(-1, self.reach[1].0);
        self.careful | crosses | (book.partial != [false; 2])
    }
}
