//! Goes through the market's rows ahead of the run and notes what they do.
//!
//! History does not depend on a backtest: the book can be rebuilt before anybody asks for it, and on another processor.

use std::sync::Arc;

use crate::batch::Batch;
use crate::book::{Book, Row};
use crate::codes::{action, flag, Ns};
use crate::tape::{kind, Copy, Mark, Tape, STRETCH};
use crate::touch::Touch;

/// How many rows there are at least between two copies: a copy costs as much as the book is large.
const STRIDE: u64 = 1 << 15;

/// Rebuilds the book of one instrument.
pub struct Scout {
    book: Book,
    /// How many rows have been taken in.
    row: u64,
    repairs: bool,
    touch: Touch,
    /// Whether the last row said that the book is not known to be right.
    suspect: bool,
    /// Whether the last packet left a crossed or locked book.
    crossed: bool,
    /// Whether a row of the packet at hand says something of the phase or of whether the book is suspect.
    said: bool,
    next_copy: u64,
}

impl Scout {
    /// Make a scout before the first row of an instrument. With `repairs` rows that take more than there is take what
    /// there is.
    pub fn new(level: u8, depth: usize, repairs: bool) -> Self {
        Scout {
            book: Book::new(level, depth),
            row: 0,
            repairs,
            touch: Touch::default(),
            suspect: false,
            crossed: false,
            said: false,
            next_copy: STRIDE,
        }
    }

    /// Go through the rows of a batch from one on, as far as a tape reaches; return where the next tape begins.
    pub fn walk(&mut self, batch: &Batch, begin: usize, tape: &mut Tape) -> usize {
        tape.start(self.row, begin);
        let columns = batch.stretch(begin, STRETCH);
        let eventful = batch.is_eventful() || self.suspect;
        for i in 0..columns.len() {
            let row = columns.row(i);
            self.row += 1;
            let crossed = if self.book.uncrossed() { 0 } else { kind::CROSSED };
            let (mut trace, issue) = match self.book.apply(row, self.row) {
                Ok(trace) => (trace, None),
                Err(issue) => {
                    let done = self.book.set_right(row, self.row, issue, self.repairs);
                    (done.unwrap_or_default(), Some(issue))
                }
            };
            trace.kind |= crossed;
            tape.note(i, trace);
            let says = eventful && self.take_note(&row);
            let last = row.flags & flag::LAST != 0;
            let due = self.row >= self.next_copy;
            if last && self.book.touched | self.said | self.crossed | due {
                self.end_packet(
                    Mark { row: i as u32, issue, says, ts_local_ns: columns.ts_local_ns[i], ..Mark::default() },
                    tape,
                );
            } else if issue.is_some() | says {
                tape.mark(Mark { row: i as u32, issue, says, ..Mark::default() }, true);
            }
        }
        begin + columns.len()
    }

    /// Take in what a row says beside what it does to the book; say whether it says anything.
    fn take_note(&mut self, row: &Row) -> bool {
        let says = self.suspect || row.flags & flag::SUSPECT != 0 || row.action == action::STATUS;
        self.suspect = row.flags & flag::SUSPECT != 0;
        self.said |= says;
        says
    }

    /// Look at what a packet leaves behind, and mark its last row if it may be new to somebody.
    #[inline(always)]
    fn end_packet(&mut self, mark: Mark, tape: &mut Tape) {
        let cleared = self.book.is_partial();
        self.book.complete();
        let (touch, partial) = (self.book.touch(), self.book.is_partial());
        let ends = (touch != self.touch) | self.said | self.crossed | cleared;
        tape.mark(Mark { ends, touch, partial, ..mark }, ends | mark.says | mark.issue.is_some());
        self.touch = touch;
        self.crossed = !touch.uncrossed();
        self.said = false;
        if self.row >= self.next_copy {
            self.copy(mark.ts_local_ns, tape);
        }
    }

    #[cold]
    fn copy(&mut self, ts_local_ns: Ns, tape: &mut Tape) {
        tape.copy = Some(Arc::new(Copy { book: self.book.clone(), row: self.row, ts_local_ns }));
        self.next_copy = self.row + STRIDE.max(self.book.orders() as u64);
    }
}
