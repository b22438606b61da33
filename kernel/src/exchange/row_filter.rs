//! Which rows can matter to own orders, as a few numbers. Most cannot, and are not shown to them.

use crate::book::ladder::NO_KEY;
use crate::book::row_effect::{kind, RowEffect};
use crate::book::touch::Touch;
use crate::contract::codes::Ns;
use crate::exchange::own_book::OwnBook;

/// A row matters if key ≤ `reach`, or best ≤ key ≤ best + `span_len`.
#[derive(Clone, Copy)]
struct Keys {
    reach: i64,
    best: i64,
    span_len: u64,
}

const NO_KEYS: Keys = Keys::new(-NO_KEY, (NO_KEY, NO_KEY));
const ALL_KEYS: Keys = Keys::new(NO_KEY, (NO_KEY, NO_KEY));

impl Keys {
    /// Make the keys up to `reach`, and those from the best to the worst.
    const fn new(reach: i64, (best, worst): (i64, i64)) -> Self {
        Keys { reach, best, span_len: worst.wrapping_sub(best) as u64 }
    }
}

/// Which keys matter per kind of effect.
#[derive(Clone, Copy)]
pub struct RowFilter {
    keys: [Keys; kind::COUNT],
    /// The best key of own bids and of own asks.
    best: [i64; 2],
    /// True if own orders have to be shown every row, with the whole book.
    needs_full_book: bool,
    any_matters: bool,
    tracks_order_ids: bool,
}

impl Default for RowFilter {
    fn default() -> Self {
        let mut keys = [NO_KEYS; kind::COUNT];
        for always in [kind::MOVED, kind::MOVED + 1, kind::OTHER, kind::TRADE] {
            keys[always as usize] = ALL_KEYS;
        }
        RowFilter { keys, best: [NO_KEY; 2], needs_full_book: false, any_matters: false, tracks_order_ids: false }
    }
}

impl RowFilter {
    /// Derive the filter from the orders that rest and the lots that are taken. If `prints`, all executions matter.
    pub fn update<'a>(&mut self, own_books: impl Iterator<Item = &'a OwnBook>, prints: bool, needs_full_book: bool) {
        let mut spans = [(NO_KEY, -NO_KEY); 2];
        (self.best, self.needs_full_book, self.tracks_order_ids) = ([NO_KEY; 2], needs_full_book, false);
        for own_book in own_books {
            for (best, own) in self.best.iter_mut().zip(own_book.span()) {
                *best = (*best).min(own.0);
            }
            self.tracks_order_ids |= !own_book.available.is_untouched();
            for (spans, (best, worst)) in spans.iter_mut().zip(own_book.matter_span()) {
                *spans = (spans.0.min(best), spans.1.max(worst));
            }
        }
        self.any_matters = needs_full_book || prints || spans.iter().any(|(best, _)| *best != NO_KEY);
        for (side, (best, worst)) in spans.into_iter().enumerate() {
            let reach = self.reach(side);
            let worst = if best == NO_KEY { NO_KEY } else { worst };
            self.keys[kind::ADD as usize + side] = Keys::new(reach, (NO_KEY, NO_KEY));
            self.keys[kind::LESS as usize + side] = Keys::new(reach, (best, worst));
            let executions = Keys::new(reach, (best, NO_KEY));
            self.keys[kind::EXECUTE as usize + side] = if prints { ALL_KEYS } else { executions };
        }
    }

    /// Show own orders every row from now on, with the whole book.
    pub fn require_full_book(&mut self) {
        (self.needs_full_book, self.any_matters) = (true, true);
    }

    /// Return the key up to which a side of the market is at or through own orders of the other; `-NO_KEY`: there are
    /// none.
    #[inline]
    pub fn reach(&self, side: usize) -> i64 {
        -self.best[1 - side]
    }

    /// Return whether own orders have to be shown every row, with the whole book.
    #[inline(always)]
    pub fn needs_full_book(&self) -> bool {
        self.needs_full_book
    }

    /// Return whether any row can matter.
    #[inline(always)]
    pub fn any_matters(&self) -> bool {
        self.any_matters
    }

    /// Return whether lots of book orders are taken, so that order ids matter.
    #[inline]
    pub fn tracks_order_ids(&self) -> bool {
        self.tracks_order_ids
    }

    /// Return whether a row of a kind matters that names an order at a key: at an own price or a price of taken lots, a
    /// trade there or at a worse price, or an order of the other side that own orders would trade with.
    #[inline(always)]
    pub fn matters(&self, kind: u8, key: i64) -> bool {
        let keys = &self.keys[kind as usize % kind::COUNT];
        (key <= keys.reach) | (key.wrapping_sub(keys.best) as u64 <= keys.span_len)
    }

    /// Return the number of rows before the first that matters or is later than a limit.
    // The first such row cannot be predicted: testing eight rows at once costs less than eight branches.
    #[inline(always)]
    pub fn count_ignorable(&self, effects: &[RowEffect], ts_ns: &[Ns], limit_ns: Ns) -> usize {
        let ends =
            |(effect, row_ns): (&RowEffect, &Ns)| self.matters(effect.kind(), effect.key()) | (*row_ns > limit_ns);
        let mut passed = 0;
        for (eight, eight_ns) in effects.chunks_exact(8).zip(ts_ns.chunks_exact(8)) {
            let all = eight.iter().zip(eight_ns).enumerate();
            let found = all.fold(0u32, |found, (k, row)| found | u32::from(ends(row)) << k);
            if found != 0 {
                return passed + found.trailing_zeros() as usize;
            }
            passed += 8;
        }
        let mut rest = effects[passed..].iter().zip(&ts_ns[passed..]);
        passed + rest.position(ends).unwrap_or(effects.len() - passed)
    }

    /// Return whether the market's best price of a side is at or through own orders.
    #[inline(always)]
    pub fn crosses(&self, touch: Touch) -> bool {
        (touch.key(1) <= self.reach(0)) | (touch.key(-1) <= self.reach(1))
    }
}
