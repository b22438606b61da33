//! What rows do to the book, recorded ahead of the run, with all that own orders and strategies need of them.

use std::sync::Arc;

use crate::book::row_effect::{kind, RowEffect};
use crate::book::touch::Touch;
use crate::book::Book;
use crate::contract::batch::{Batch, Columns};
use crate::contract::codes::{key, Issue, Ns};

/// Most rows of a trace block: enough that handing it over costs little, few enough that a run soon has the first. A
/// row takes up to 88 bytes.
pub const BLOCK_ROWS: usize = 16_384;

/// What a row does beside its effect: it ends a packet, changes the phase, or cannot be applied.
#[derive(Clone, Copy, Default)]
pub struct PacketMark {
    /// The row, from the block's first.
    pub row: u32,
    /// Why the book cannot apply the row as it is.
    pub issue: Option<Issue>,
    /// True if the row changes the phase or whether the book is suspect.
    pub notes_status: bool,
    /// True if the row ends a packet after which best prices or `awaiting_snapshot` may be new.
    pub ends_packet: bool,
    /// True if, after the packet, a side has been cleared and not shown again.
    pub awaiting_snapshot: bool,
    /// When the packet is received, nanoseconds.
    pub ts_local_ns: Ns,
    /// Best prices and sizes after the row.
    pub touch: Touch,
}

impl PacketMark {
    /// Return whether the row only ends its packet.
    #[inline]
    pub fn is_end(&self) -> bool {
        self.ends_packet & !self.notes_status & self.issue.is_none()
    }
}

/// A copy of the book after a packet, from which a lazy book may start.
pub struct Checkpoint {
    /// The book.
    pub book: Book,
    /// Rows applied to it.
    pub row: u64,
    /// When its last packet is received, nanoseconds.
    pub ts_local_ns: Ns,
}

/// Consecutive rows of a batch, with their effects.
#[derive(Default)]
pub struct TraceBlock {
    /// Number of the market's rows before it.
    pub first: u64,
    /// A copy of the book after some row of the block; `None` in most blocks.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// True if it has the last row of its batch.
    pub ends_batch: bool,
    batch: Option<Arc<Batch>>,
    begin: usize,
    effects: Vec<RowEffect>,
    marks: Vec<PacketMark>,
    mark_count: usize,
}

impl TraceBlock {
    /// Begin with row `begin` of a batch, number `first` of the market, for `rows` rows.
    pub fn start(&mut self, first: u64, begin: usize, rows: usize) {
        if self.effects.len() < rows {
            self.effects.resize(rows, RowEffect::default());
            self.marks.resize(rows, PacketMark::default());
        }
        (self.first, self.begin, self.checkpoint, self.ends_batch) = (first, begin, None, false);
        self.mark_count = 0;
    }

    /// Return where the effect of a row is to be written; `row` counts from the block's first.
    #[inline(always)]
    pub fn effect_mut(&mut self, row: usize) -> &mut RowEffect {
        &mut self.effects[row]
    }

    /// Write a mark; if not `kept`, the next one overwrites it.
    // Whether a row needs a mark cannot be predicted: writing one in vain costs less than a mispredicted branch.
    #[inline(always)]
    pub fn push_mark(&mut self, mark: PacketMark, kept: bool) {
        self.marks[self.mark_count] = mark;
        self.mark_count += usize::from(kept);
    }

    /// Return the marks.
    #[inline]
    pub fn marks(&self) -> &[PacketMark] {
        &self.marks[..self.mark_count]
    }

    /// Set the batch of the rows.
    pub fn set_batch(&mut self, batch: Arc<Batch>) {
        self.batch = Some(batch);
    }

    /// Drop the batch and the checkpoint.
    pub fn release(&mut self) {
        (self.batch, self.checkpoint) = (None, None);
    }

    /// Return the batch and the place of the block's first row in it.
    pub fn source(&self) -> Option<(&Batch, i64)> {
        self.batch.as_deref().map(|batch| (batch, self.begin as i64))
    }

    /// Return the rows.
    #[inline]
    pub fn columns(&self) -> Columns<'_> {
        self.batch.as_ref().map_or(Columns::default(), |batch| batch.slice(self.begin, BLOCK_ROWS))
    }

    /// Return the effects of the first `rows` rows.
    #[inline]
    pub fn effects(&self, rows: usize) -> &[RowEffect] {
        &self.effects[..rows]
    }

    /// Return the size that a side shows at a key after the rows before `row`, `None` if their effects do not have it.
    pub fn size_at(&self, side: i8, sought: i64, row: usize) -> Option<i64> {
        let columns = self.columns();
        for i in (0..row).rev() {
            let effect = &self.effects[i];
            if effect.is(kind::OTHER) {
                return None;
            }
            if effect.side() == side {
                if effect.is_either(kind::MOVED) && key(side, columns.price_ticks[i]) == sought {
                    return None; // the effect has the price that the order left
                }
                if effect.key() == sought {
                    return Some(effect.level_lots);
                }
            }
        }
        None
    }
}
