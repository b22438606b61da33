//! What the market's rows do, noted ahead of the run: all that own orders and strategies may mind of them.

use std::sync::Arc;

use crate::book::row_effect::{kind, RowEffect};
use crate::book::touch::Touch;
use crate::book::Book;
use crate::contract::batch::{Batch, Columns};
use crate::contract::codes::{key, Issue, Ns};

/// How many rows a trace block has at most: enough that handing it over costs little, few enough that a run soon has the first.
/// A row takes up to 88 bytes.
pub const BLOCK_ROWS: usize = 16_384;

/// Something that a row does beside its effect.
#[derive(Clone, Copy, Default)]
pub struct PacketMark {
    /// The row, from the block's first.
    pub row: u32,
    /// Why the book cannot apply it as it is.
    pub issue: Option<Issue>,
    /// Whether it says something of the phase or of whether the book is suspect.
    pub notes_status: bool,
    /// Whether it is a packet's last and what the packet leaves behind may be new.
    pub ends_packet: bool,
    /// Whether the packet leaves a side cleared and not shown again.
    pub awaiting_snapshot: bool,
    /// When the packet is received.
    pub ts_local_ns: Ns,
    /// Best prices and sizes behind it.
    pub touch: Touch,
}

impl PacketMark {
    /// Return whether the row does no more beside its effect than end its packet.
    #[inline]
    pub fn is_end(&self) -> bool {
        self.ends_packet & !self.notes_status & self.issue.is_none()
    }
}

/// A book after a packet, from which others may start.
pub struct Checkpoint {
    /// The book.
    pub book: Book,
    /// How many rows it has taken in.
    pub row: u64,
    /// When its last packet is received.
    pub ts_local_ns: Ns,
}

/// A stretch of a batch, with what its rows do.
#[derive(Default)]
pub struct TraceBlock {
    /// How many rows of the market there are before it.
    pub first: u64,
    /// A copy of the book, once in a while.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// Whether nothing of the batch lies behind it.
    pub ends_batch: bool,
    batch: Option<Arc<Batch>>,
    begin: usize,
    effects: Vec<RowEffect>,
    marks: Vec<PacketMark>,
    /// How many marks there are.
    mark_count: usize,
}

impl TraceBlock {
    /// Begin with a row of a batch, of which so many rows follow.
    pub fn start(&mut self, first: u64, begin: usize, rows: usize) {
        if self.effects.len() < rows {
            self.effects.resize(rows, RowEffect::default());
            self.marks.resize(rows, PacketMark::default());
        }
        (self.first, self.begin, self.checkpoint, self.ends_batch) = (first, begin, None, false);
        self.mark_count = 0;
    }

    /// Return where to note what a row does, from the block's first.
    #[inline(always)]
    pub fn effect_mut(&mut self, row: usize) -> &mut RowEffect {
        &mut self.effects[row]
    }

    /// Note that there is more to a row than its effect; if not `kept`, that there is not.
    // Whether there is cannot be foreseen, so that what is noted in vain costs less than to decide first.
    #[inline(always)]
    pub fn push_mark(&mut self, mark: PacketMark, kept: bool) {
        self.marks[self.mark_count] = mark;
        self.mark_count += usize::from(kept);
    }

    /// Return the rows with more to them than their effects.
    #[inline]
    pub fn marks(&self) -> &[PacketMark] {
        &self.marks[..self.mark_count]
    }

    /// Say which batch it is of.
    pub fn set_batch(&mut self, batch: Arc<Batch>) {
        self.batch = Some(batch);
    }

    /// Let go of the batch.
    pub fn release(&mut self) {
        (self.batch, self.checkpoint) = (None, None);
    }

    /// Return the batch and the block's first row in it.
    pub fn source(&self) -> Option<(&Batch, i64)> {
        self.batch.as_deref().map(|batch| (batch, self.begin as i64))
    }

    /// Return the rows.
    #[inline]
    pub fn columns(&self) -> Columns<'_> {
        self.batch.as_ref().map_or(Columns::default(), |batch| batch.slice(self.begin, BLOCK_ROWS))
    }

    /// Return what so many rows do.
    #[inline]
    pub fn effects(&self, rows: usize) -> &[RowEffect] {
        &self.effects[..rows]
    }

    /// Return what a side shows at a key after the rows before `row`, if they say so.
    pub fn size_at(&self, side: i8, sought: i64, row: usize) -> Option<i64> {
        let columns = self.columns();
        for i in (0..row).rev() {
            let effect = &self.effects[i];
            if effect.is(kind::OTHER) {
                return None;
            }
            if effect.side() == side {
                if effect.is_either(kind::MOVED) && key(side, columns.price_ticks[i]) == sought {
                    return None; // the effect tells of the price that it has left
                }
                if effect.key() == sought {
                    return Some(effect.level_lots);
                }
            }
        }
        None
    }
}
