//! What the market's rows do, noted ahead of the run: all that own orders and strategies may mind of them.

use std::sync::Arc;

use crate::batch::{Batch, Columns};
use crate::book::Book;
use crate::codes::{key, Issue, Ns, LIMIT};
use crate::touch::Touch;

/// How many rows a tape has at most: enough that handing it over costs little, few enough that a run soon has the first.
/// A row takes up to 88 bytes.
pub const STRETCH: usize = 16_384;

/// What a row does. Those with two numbers have the bid's here, and the ask's is one more.
#[allow(missing_docs)] // the names say it
pub mod kind {
    /// Nothing to any level.
    pub const NOTHING: u8 = 0;
    pub const ADD: u8 = 1;
    /// An order is cancelled, or modified without losing its place.
    pub const LESS: u8 = 3;
    pub const EXECUTE: u8 = 5;
    /// An order leaves its place for another.
    pub const MOVED: u8 = 7;
    /// A LEVEL or CLEAR row.
    pub const OTHER: u8 = 9;
    pub const TRADE: u8 = 10;
    /// How many there are, rounded up to a power of two.
    pub const COUNT: usize = 16;
}

/// What a row does, and the order that it names, as it stood before and for an ADD as it joined.
#[derive(Clone, Copy, Default, Debug)]
pub struct Trace {
    /// What the row is, and where: the code of `kind` in the lowest byte, the key above it.
    what: i64,
    /// Its size; what it joined with, for an ADD.
    pub size_lots: i64,
    /// What it loses; 0 for an ADD.
    pub lost_lots: i64,
    /// Its age.
    pub arrival: u64,
    /// What its level shows after the row.
    pub level_lots: i64,
}

impl Trace {
    /// Return the trace of a row that names no order.
    #[inline(always)]
    pub fn of(kind: u8) -> Self {
        Trace { what: i64::from(kind), ..Trace::default() }
    }

    /// Return the trace of a row that names an order at a key, which is a price and so below 2⁴⁰: the order's size, what
    /// it loses, what its level shows then, and its age.
    #[inline(always)]
    pub fn new(kind: u8, key: i64, [size_lots, lost_lots, level_lots]: [i64; 3], arrival: u64) -> Self {
        debug_assert!(key.abs() < LIMIT, "a key is no price");
        Trace { what: key << 8 | i64::from(kind), size_lots, lost_lots, arrival, level_lots }
    }

    /// Return the code of `kind`.
    #[inline(always)]
    pub fn kind(&self) -> u8 {
        self.what as u8
    }

    /// Return the order's price as a key of its side; 0 where the row names no order.
    #[inline(always)]
    pub fn key(&self) -> i64 {
        self.what >> 8
    }

    /// Return whether the row is of a kind.
    #[inline(always)]
    pub fn is(&self, kind: u8) -> bool {
        self.kind() == kind
    }

    /// Return whether the row is of a kind that has two numbers, of whichever side.
    #[inline(always)]
    pub fn is_either(&self, kind: u8) -> bool {
        self.is(kind) | self.is(kind + 1)
    }

    /// Return whether the row changes a level.
    #[inline]
    pub fn changes(&self) -> bool {
        !self.is(kind::NOTHING) & !self.is(kind::TRADE)
    }

    /// Return the side of the order that the row names, 0 where it names none.
    #[inline]
    pub fn side(&self) -> i8 {
        match self.kind() {
            named @ kind::ADD..kind::OTHER => (named % 2) as i8 * 2 - 1,
            _ => 0,
        }
    }

    /// Return the order that the row names.
    #[inline]
    pub fn hit(&self) -> Hit {
        let side = self.side();
        let (price_ticks, level_lots) = (key(side, self.key()), self.level_lots);
        Hit { side, price_ticks, size_lots: self.size_lots, arrival: self.arrival, level_lots }
    }
}

/// The market's order that a row names, as it stood before the row.
#[derive(Clone, Copy)]
pub struct Hit {
    /// +1 bid, -1 ask, 0 where there is none.
    pub side: i8,
    /// Its price.
    pub price_ticks: i64,
    /// What was left of it.
    pub size_lots: i64,
    /// Its age.
    pub arrival: u64,
    /// What its level shows after the row.
    pub level_lots: i64,
}

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
