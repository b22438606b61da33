//! What the market's displayed book still has for own orders that take: each displayed lot is taken once.

use rustc_hash::FxHashMap as HashMap;

use crate::book::{Book, Row};
use crate::codes::action;
use crate::ids::Place;
use crate::prints::Prints;

/// Whose lots: of a market order (L3) or of a level (L2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A market order's id.
    Order(u64),
    /// A side and a price.
    Level(i8, i64),
}

/// Lots that can be taken at one price.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The price.
    pub price_ticks: i64,
    /// How many.
    pub size_lots: i64,
    /// Whose.
    pub source: Source,
}

/// Displayed lots less those that own orders have taken and, on L2, those that prints say are gone.
#[derive(Default)]
pub struct Liquidity {
    cleared: bool,
    taken: HashMap<Source, i64>,
}

impl Liquidity {
    /// Say whether a taken lot is remembered.
    #[inline]
    pub fn is_untouched(&self) -> bool {
        self.taken.is_empty()
    }

    fn taken(&self, source: Source) -> i64 {
        self.taken.get(&source).copied().unwrap_or(0)
    }

    /// Hand what one side of the market offers to `visit`, best first, no worse than a limit (`None`: any price),
    /// until it answers `false`.
    pub fn offers(
        &self,
        book: &Book,
        prints: &Prints,
        side: i8,
        limit_ticks: Option<i64>,
        mut visit: impl FnMut(Offer) -> bool,
    ) {
        for level in book.levels(side) {
            let price_ticks = level.price_ticks;
            if limit_ticks.is_some_and(|limit| i64::from(side) * price_ticks < i64::from(side) * limit) {
                return;
            }
            if book.level == 3 {
                for order in book.orders_of(level) {
                    let source = Source::Order(order.order_id);
                    let size_lots = order.size_lots - self.taken(source);
                    if size_lots > 0 && !visit(Offer { price_ticks, size_lots, source }) {
                        return;
                    }
                }
            } else if !prints.emptied((side, price_ticks)) {
                let source = Source::Level(side, price_ticks);
                let size_lots = level.size_lots - self.taken(source) - prints.printed((side, price_ticks));
                if size_lots > 0 && !visit(Offer { price_ticks, size_lots, source }) {
                    return;
                }
            }
        }
    }

    /// Remember that own orders took some of an offer.
    pub fn take(&mut self, offer: &Offer, size_lots: i64) {
        *self.taken.entry(offer.source).or_insert(0) += size_lots;
    }

    /// Take in a row that the book is about to apply: a taken lot is taken until its order or its level loses it.
    #[inline]
    pub fn before(&mut self, book: &Book, row: &Row, place: Place) {
        if row.action == action::CLEAR {
            self.cleared = true;
        } else if !self.taken.is_empty() {
            self.keep_what_is_left(book, row, place);
        }
    }

    fn keep_what_is_left(&mut self, book: &Book, row: &Row, place: Place) {
        match row.action {
            action::CANCEL | action::EXECUTE | action::MODIFY => {
                let source = Source::Order(row.order_id);
                if let Some(taken) = self.taken.get(&source).copied() {
                    let size_lots = row.size_lots;
                    let modify = row.action == action::MODIFY;
                    let left = if modify { size_lots } else { book.order(place.slot).size_lots - size_lots };
                    self.keep(source, taken.min(left));
                }
            }
            action::LEVEL => {
                let source = Source::Level(row.side, row.price_ticks);
                if let Some(taken) = self.taken.get(&source).copied() {
                    let fall = (book.size_at(row.side, row.price_ticks) - row.size_lots).max(0);
                    self.keep(source, if row.size_lots == 0 { 0 } else { taken - fall });
                }
            }
            _ => {}
        }
    }

    /// Forget, after a CLEAR, what did not come back with the snapshot.
    #[inline]
    pub fn end_packet(&mut self, book: &Book) {
        if self.cleared {
            self.cleared = false;
            self.taken.retain(|source, lots| {
                *lots = (*lots).min(displayed(book, *source));
                *lots > 0
            });
        }
    }

    fn keep(&mut self, source: Source, lots: i64) {
        if lots > 0 {
            self.taken.insert(source, lots);
        } else {
            self.taken.remove(&source);
        }
    }

    /// Check that no displayed lot is taken twice.
    ///
    /// # Errors
    /// Says whose lot is.
    pub fn check(&self, book: &Book) -> Result<(), String> {
        match self.taken.iter().find(|(source, lots)| **lots <= 0 || **lots > displayed(book, **source)) {
            Some((source, lots)) => Err(format!("{lots} lots of {source:?} are taken, which it does not show")),
            None => Ok(()),
        }
    }
}

fn displayed(book: &Book, source: Source) -> i64 {
    match source {
        Source::Order(order_id) => book.order_by_id(order_id).map_or(0, |order| order.size_lots),
        Source::Level(side, price_ticks) => book.size_at(side, price_ticks),
    }
}
