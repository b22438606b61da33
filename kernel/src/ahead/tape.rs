//! What the market's rows do, noted ahead of the run: all that own orders and strategies may mind of them.

use std::sync::Arc;

use crate::book::touch::Touch;
use crate::book::trace::{kind, Trace};
use crate::book::Book;
use crate::contract::batch::{Batch, Columns};
use crate::contract::codes::{key, Issue, Ns};

/// How many rows a tape has at most: enough that handing it over costs little, few enough that a run soon has the first.
/// A row takes up to 88 bytes.
pub const STRETCH: usize = 16_384;

/// Something that a row does beside its trace.
#[derive(Clone, Copy, Default)]
pub struct Mark {
    /// The row, from the tape's first.
    pub row: u32,
    /// Why the book cannot apply it as it is.
    pub issue: Option<Issue>,
    /// Whether it says something of the phase or of whether the book is suspect.
    pub says: bool,
    /// Whether it is a packet's last and what the packet leaves behind may be new.
    pub ends: bool,
    /// Whether the packet leaves a side cleared and not shown again.
    pub partial: bool,
    /// When the packet is received.
    pub ts_local_ns: Ns,
    /// Best prices and sizes behind it.
    pub touch: Touch,
}

impl Mark {
    /// Return whether the row does no more beside its trace than end its packet.
    #[inline]
    pub fn is_end(&self) -> bool {
        self.ends & !self.says & self.issue.is_none()
    }
}

/// A book after a packet, from which others may start.
pub struct Copy {
    /// The book.
    pub book: Book,
    /// How many rows it has taken in.
    pub row: u64,
    /// When its last packet is received.
    pub ts_local_ns: Ns,
}

/// A stretch of a batch, with what its rows do.
#[derive(Default)]
pub struct Tape {
    /// How many rows of the market there are before it.
    pub first: u64,
    /// A copy of the book, once in a while.
    pub copy: Option<Arc<Copy>>,
    /// Whether nothing of the batch lies behind it.
    pub last: bool,
    batch: Option<Arc<Batch>>,
    begin: usize,
    traces: Vec<Trace>,
    marks: Vec<Mark>,
    /// How many marks there are.
    marked: usize,
}

impl Tape {
    /// Begin with a row of a batch, of which so many rows follow.
    pub fn start(&mut self, first: u64, begin: usize, rows: usize) {
        if self.traces.len() < rows {
            self.traces.resize(rows, Trace::default());
            self.marks.resize(rows, Mark::default());
        }
        (self.first, self.begin, self.copy, self.last) = (first, begin, None, false);
        self.marked = 0;
    }

    /// Return where to note what a row does, from the tape's first.
    #[inline(always)]
    pub fn note(&mut self, row: usize) -> &mut Trace {
        &mut self.traces[row]
    }

    /// Note that there is more to a row than its trace; if not `kept`, that there is not.
    // Whether there is cannot be foreseen, so that what is noted in vain costs less than to decide first.
    #[inline(always)]
    pub fn mark(&mut self, mark: Mark, kept: bool) {
        self.marks[self.marked] = mark;
        self.marked += usize::from(kept);
    }

    /// Return the rows with more to them than their traces.
    #[inline]
    pub fn marks(&self) -> &[Mark] {
        &self.marks[..self.marked]
    }

    /// Say which batch it is of.
    pub fn belong(&mut self, batch: Arc<Batch>) {
        self.batch = Some(batch);
    }

    /// Let go of the batch.
    pub fn release(&mut self) {
        (self.batch, self.copy) = (None, None);
    }

    /// Return the batch and the tape's first row in it.
    pub fn source(&self) -> Option<(&Batch, i64)> {
        self.batch.as_deref().map(|batch| (batch, self.begin as i64))
    }

    /// Return the rows.
    #[inline]
    pub fn columns(&self) -> Columns<'_> {
        self.batch.as_ref().map_or(Columns::default(), |batch| batch.stretch(self.begin, STRETCH))
    }

    /// Return what so many rows do.
    #[inline]
    pub fn traces(&self, rows: usize) -> &[Trace] {
        &self.traces[..rows]
    }

    /// Return what a side shows at a key after the rows before `row`, if they say so.
    pub fn size_at(&self, side: i8, sought: i64, row: usize) -> Option<i64> {
        let columns = self.columns();
        for i in (0..row).rev() {
            let trace = &self.traces[i];
            if trace.is(kind::OTHER) {
                return None;
            }
            if trace.side() == side {
                if trace.is_either(kind::MOVED) && key(side, columns.price_ticks[i]) == sought {
                    return None; // the trace tells of the price that it has left
                }
                if trace.key() == sought {
                    return Some(trace.level_lots);
                }
            }
        }
        None
    }
}
