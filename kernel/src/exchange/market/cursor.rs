//! The next row of an instrument, and how far rows may be applied.

use crate::ahead::trace_block::TraceBlock;
use crate::book::row_effect::RowEffect;
use crate::contract::batch::Columns;
use crate::contract::codes::{flag, Ns, BEFORE_ALL, NEVER};
use crate::exchange::row_filter::RowFilter;

/// A place in the rows of a market.
pub struct Cursor {
    /// The rows at hand with their effects; `None` before the first block and while its rows are applied.
    pub(super) block: Option<Box<TraceBlock>>,
    /// Number of rows before the block.
    first: u64,
    /// The next row, from the block's first.
    pub(super) i: usize,
    /// The next mark of the block.
    pub(super) mark: usize,
    /// First row that may affect own orders or lies past `limit_ns`. Rows before it are skipped. Stale when ≤ `i`.
    next_relevant: usize,
    /// Rows later than this are not applied for now.
    limit_ns: Ns,
    /// When the last row happened.
    pub now_ns: Ns,
    /// When the next row happens, `NEVER` after the last.
    pub next_ns: Ns,
    /// Set when `Market::poll_block` has to find the next block before rows can be applied.
    pub is_out_of_rows: bool,
    /// Set when a row schedules a message; cleared by the main loop, which then looks for the next event again.
    pub reschedule: bool,
}

impl Default for Cursor {
    fn default() -> Self {
        Cursor {
            block: None,
            first: 0,
            i: 0,
            mark: 0,
            next_relevant: 0,
            limit_ns: NEVER,
            now_ns: BEFORE_ALL,
            next_ns: NEVER,
            is_out_of_rows: true,
            reschedule: false,
        }
    }
}

impl Cursor {
    /// Begin a block; return the one before it.
    pub fn start(&mut self, block: Box<TraceBlock>) -> Option<Box<TraceBlock>> {
        self.next_ns = block.columns().ts_exchange_ns[0];
        (self.first, self.i, self.mark, self.is_out_of_rows) = (block.first, 0, 0, false);
        self.block.replace(block)
    }

    /// Return the number of rows that have happened.
    #[inline]
    pub fn done(&self) -> u64 {
        self.first + self.i as u64
    }

    /// Return the number of packets of the block that are complete.
    pub fn packets(&self) -> u64 {
        let columns = self.block.as_ref().map_or(Columns::default(), |block| block.columns());
        columns.flags.iter().take(self.i).filter(|flags| **flags & flag::LAST != 0).count() as u64
    }

    /// Allow rows up to a time.
    pub fn run_until(&mut self, limit_ns: Ns) {
        (self.limit_ns, self.next_relevant) = (limit_ns, 0);
    }

    /// Allow no rows later than a time, which may already be later than what is allowed.
    #[inline]
    pub fn stop_at(&mut self, limit_ns: Ns) {
        if limit_ns < self.limit_ns {
            self.run_until(limit_ns);
        }
    }

    /// Drop what is known of `next_relevant`: the row filter has changed.
    pub fn forget_relevant(&mut self) {
        self.next_relevant = 0;
    }

    /// Return whether the next row may be applied now.
    #[inline(always)]
    pub fn may_go_on(&self, ts_ns: &[Ns]) -> bool {
        ts_ns.get(self.i).is_some_and(|next_ns| *next_ns <= self.limit_ns)
    }

    /// Return whether the row at hand, whose effect this is, may matter to own orders by the filter.
    #[inline(always)]
    pub fn is_relevant(&self, filter: &RowFilter, effect: &RowEffect) -> bool {
        filter.any_matters() & (self.i >= self.next_relevant) && filter.matters(effect.kind(), effect.key())
    }

    /// Skip to the next row that matters, the marked one at the latest, or to the first beyond the limit. With `looks_ahead`
    /// the search may go past the mark.
    #[inline(always)]
    pub fn skip(
        &mut self,
        filter: &RowFilter,
        looks_ahead: bool,
        (ts_ns, effects): (&[Ns], &[RowEffect]),
        marked: usize,
    ) {
        let (i, limit_ns) = (self.i, self.limit_ns);
        if filter.any_matters() {
            if self.next_relevant <= i {
                let end = if looks_ahead { effects.len() } else { effects.len().min(marked + 1) };
                self.next_relevant = i + filter.count_ignorable(&effects[i..end], &ts_ns[i..end], limit_ns);
            }
            self.i = self.next_relevant.min(marked);
        } else if ts_ns.get(marked).is_some_and(|marked_ns| *marked_ns <= limit_ns) {
            self.i = marked;
        } else {
            self.i = i + ts_ns[i..marked].partition_point(|now_ns| *now_ns <= limit_ns);
        }
    }
}
