//! What the market's displayed book still has for own orders that take: each displayed lot is taken once.

use rustc_hash::FxHashMap as HashMap;

use crate::book::{Book, Row};
use crate::codes::{action, index, key};
use crate::prints::Prints;
use crate::tape::Hit;

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
    /// The market's side.
    pub side: i8,
    /// The price.
    pub price_ticks: i64,
    /// How many.
    pub size_lots: i64,
    /// Whose.
    pub source: Source,
}

/// Lots of a source that own orders have taken.
#[derive(Clone, Copy)]
struct Taken {
    lots: i64,
    side: i8,
    price_ticks: i64,
}

/// Displayed lots less those that own orders have taken and, on L2, those that prints say are gone.
#[derive(Default)]
pub struct Liquidity {
    cleared: bool,
    taken: HashMap<Source, Taken>,
}

impl Liquidity {
    /// Say whether no taken lot is remembered.
    #[inline]
    pub fn is_untouched(&self) -> bool {
        self.taken.is_empty()
    }

    /// Return the best and the worst key of each side at which a taken lot is remembered, within a reach.
    #[inline]
    pub fn reach(&self, mut reach: [(i64, i64); 2]) -> [(i64, i64); 2] {
        for taken in self.taken.values() {
            let (key, (best, worst)) = (key(taken.side, taken.price_ticks), &mut reach[index(taken.side)]);
            (*best, *worst) = ((*best).min(key), (*worst).max(key));
        }
        reach
    }

    fn taken(&self, source: Source) -> i64 {
        self.taken.get(&source).map_or(0, |taken| taken.lots)
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
            let price_ticks = level.price_ticks();
            if limit_ticks.is_some_and(|limit| i64::from(side) * price_ticks < i64::from(side) * limit) {
                return;
            }
            if book.level == 3 {
                for order in book.orders_of(level) {
                    let source = Source::Order(order.order_id);
                    let size_lots = order.size_lots - self.taken(source);
                    if size_lots > 0 && !visit(Offer { side, price_ticks, size_lots, source }) {
                        return;
                    }
                }
            } else if !prints.emptied((side, price_ticks)) {
                let source = Source::Level(side, price_ticks);
                let size_lots = level.size_lots - self.taken(source) - prints.printed((side, price_ticks));
                if size_lots > 0 && !visit(Offer { side, price_ticks, size_lots, source }) {
                    return;
                }
            }
        }
    }

    /// Remember that own orders took some of an offer.
    pub fn take(&mut self, offer: &Offer, size_lots: i64) {
        let Offer { side, price_ticks, source, .. } = *offer;
        self.taken.entry(source).or_insert(Taken { lots: 0, side, price_ticks }).lots += size_lots;
    }

    /// Take in a row that the book is about to apply: a taken lot is taken until its order or its level loses it.
    #[inline]
    pub fn before(&mut self, book: &Book, row: &Row, hit: &Hit) {
        if row.action == action::CLEAR {
            self.cleared = true;
        } else if !self.taken.is_empty() {
            self.keep_what_is_left(book, row, hit);
        }
    }

    fn keep_what_is_left(&mut self, book: &Book, row: &Row, hit: &Hit) {
        match row.action {
            action::CANCEL | action::EXECUTE | action::MODIFY => {
                let source = Source::Order(row.order_id);
                if let Some(mut taken) = self.taken.get(&source).copied() {
                    let size_lots = row.size_lots;
                    let modify = row.action == action::MODIFY;
                    let left = if modify { size_lots } else { hit.size_lots - size_lots };
                    taken.lots = taken.lots.min(left);
                    taken.price_ticks = if modify { row.price_ticks } else { taken.price_ticks };
                    self.keep(source, taken);
                }
            }
            action::LEVEL => {
                let source = Source::Level(row.side, row.price_ticks);
                if let Some(mut taken) = self.taken.get(&source).copied() {
                    let fall = (book.size_at(row.side, row.price_ticks) - row.size_lots).max(0);
                    taken.lots = if row.size_lots == 0 { 0 } else { taken.lots - fall };
                    self.keep(source, taken);
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
            self.taken.retain(|source, taken| {
                taken.lots = taken.lots.min(displayed(book, *source));
                if let Source::Order(order_id) = source {
                    let stands_at = book.order_by_id(*order_id).map(|order| book.stands_at(order));
                    (taken.side, taken.price_ticks) = stands_at.unwrap_or((taken.side, taken.price_ticks));
                }
                taken.lots > 0
            });
        }
    }

    fn keep(&mut self, source: Source, taken: Taken) {
        if taken.lots > 0 {
            self.taken.insert(source, taken);
        } else {
            self.taken.remove(&source);
        }
    }

    /// Check that no displayed lot is taken twice.
    ///
    /// # Errors
    /// Says whose lot is.
    pub fn check(&self, book: &Book) -> Result<(), String> {
        let wrong = |lots: i64, source| lots <= 0 || lots > displayed(book, source);
        match self.taken.iter().find(|(source, taken)| wrong(taken.lots, **source)) {
            Some((source, Taken { lots, .. })) => {
                Err(format!("{lots} lots of {source:?} are taken, which it does not show"))
            }
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
