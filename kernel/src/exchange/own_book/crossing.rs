//! Resting orders that trade with available lots, without a print.

use crate::book::Book;
use crate::contract::codes::{index, key, Cause};
use crate::exchange::available_lots::Offer;
use crate::exchange::displayed::Displayed;
use crate::exchange::own_book::OwnBook;
use crate::exchange::own_order::OwnTrade;

impl OwnBook {
    /// Let orders that arrived while nothing could be taken take what is available within their limits.
    #[cold]
    pub(super) fn end_wait(&mut self, displayed: Displayed) {
        let awaiting_snapshot = displayed.book.awaiting_snapshot;
        let ended: Vec<(i64, u32)> = self
            .waiting
            .iter()
            .filter(|(_, at)| !awaiting_snapshot[index(-self.orders[**at].terms.side)])
            .map(|(queue_stay, at)| (*queue_stay, *at))
            .collect();
        for (queue_stay, at) in ended {
            if self.waiting.remove(&queue_stay).is_none() {
                continue; // cut by the fill of another
            }
            self.orders[at].waits_to_take = false;
            self.meet(displayed, at, Cause::Take);
        }
    }

    /// Let a resting order trade with what is available within its limit: a taker at the offer's price, else at its
    /// own.
    fn meet(&mut self, displayed: Displayed, at: u32, cause: Cause) {
        let own = &self.orders[at];
        let (own_ticks, mut left, mut offers) = (own.limit_ticks(), own.open_lots(), Vec::new());
        self.available.offers(displayed, -own.terms.side, own.terms.price_ticks, |offer| {
            let size_lots = offer.size_lots.min(left);
            left -= size_lots;
            offers.push(Offer { size_lots, ..offer });
            left > 0
        });
        for offer in offers {
            self.available.take(displayed.prints, &offer, offer.size_lots);
            let price_ticks = if cause == Cause::Take { offer.place.1 } else { own_ticks };
            self.take(displayed, at, OwnTrade::new(price_ticks, offer.size_lots, cause));
        }
    }

    /// Return whether the market's opposite side is at or through the best own order of a side.
    #[inline]
    pub(super) fn crosses(&self, book: &Book, side: i8) -> bool {
        book.crosses(side, self.best_key(side))
    }

    pub(super) fn cross(&mut self, displayed: Displayed, side: i8) {
        let Some(opposite) = displayed.book.best(-side) else { return };
        // If one order finds too little within its limit, those after it find nothing.
        while let Some((at_key, at)) = self.sides[index(side)].first() {
            if at_key > key(side, opposite) {
                break;
            }
            self.meet(displayed, at, Cause::Cross);
            if self.orders[at].open_lots() != 0 {
                break;
            }
        }
    }
}
