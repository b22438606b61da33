//! Goes through the market's rows ahead of the run and notes what they do.
//!
//! History does not depend on a backtest: the book can be rebuilt before anybody asks for it, and on another processor.

use std::sync::Arc;

use crate::ahead::tape::{Copy, Mark, Tape, STRETCH};
use crate::book::trace::Trace;
use crate::book::Book;
use crate::contract::batch::Batch;
use crate::contract::codes::{action, flag, Issue, Ns};
use crate::contract::row::Row;

/// How many rows there are at least between two copies: a copy costs as much as the book is large.
const STRIDE: u64 = 1 << 15;

/// Rebuilds the book of one instrument.
pub struct Scout {
    book: Book,
    /// How many rows have been taken in.
    row: u64,
    repairs: bool,
    /// Whether the last row said that the book is not known to be right.
    suspect: bool,
    /// Whether a row of the packet at hand says something of the phase or of whether the book is suspect.
    said: bool,
    next_copy: u64,
}

impl Scout {
    /// Make a scout before the first row of an instrument. With `repairs` rows that take more than there is take what
    /// there is.
    pub fn new(level: u8, depth: usize, repairs: bool) -> Self {
        Scout { book: Book::new(level, depth), row: 0, repairs, suspect: false, said: false, next_copy: STRIDE }
    }

    /// Go through the rows of a batch from one on, as far as a tape reaches; return where the next tape begins.
    pub fn walk(&mut self, batch: &Batch, begin: usize, tape: &mut Tape) -> usize {
        let (columns, first) = (batch.stretch(begin, STRETCH), self.row);
        tape.start(first, begin, columns.len());
        let eventful = batch.is_eventful() || self.suspect;
        for i in 0..columns.len() {
            let number = first + i as u64 + 1;
            let (trace, crossed) = (tape.note(i), !self.book.uncrossed());
            let issue = self.book.apply_noting(columns.row(i), number, trace).err();
            if let Some(issue) = issue {
                *trace = self.set_right(columns.row(i), number, issue);
            }
            let says = eventful && self.take_note(&columns.row(i));
            let last = columns.flags[i] & flag::LAST != 0;
            let mark = Mark { row: i as u32, ts_local_ns: columns.ts_local_ns[i], ends: true, ..Mark::default() };
            let news = self.said | crossed | self.book.is_partial();
            if news | issue.is_some() | (number >= self.next_copy) {
                self.look(Mark { issue, says, ends: last, ..mark }, news, number, tape);
            } else {
                // Whether best prices change cannot be foreseen: what is noted in vain costs less than to decide first.
                tape.mark(Mark { touch: self.book.touch(), ..mark }, last & self.book.touched);
                self.book.touched &= !last;
            }
        }
        self.row = first + columns.len() as u64;
        begin + columns.len()
    }

    #[cold]
    fn set_right(&mut self, row: Row, number: u64, issue: Issue) -> Trace {
        self.book.set_right(row, number, issue, self.repairs).unwrap_or_default()
    }

    /// Take in what a row says beside what it does to the book; return whether it says anything.
    fn take_note(&mut self, row: &Row) -> bool {
        let says = self.suspect || row.flags & flag::SUSPECT != 0 || row.action == action::STATUS;
        self.suspect = row.flags & flag::SUSPECT != 0;
        self.said |= says;
        says
    }

    /// Look at a row with something to it that is rare, and at what its packet leaves behind; with `news` that may be new
    /// even where best prices are as before.
    #[inline(never)]
    fn look(&mut self, mark: Mark, news: bool, number: u64, tape: &mut Tape) {
        if !mark.ends {
            tape.mark(mark, mark.says | mark.issue.is_some());
            return;
        }
        let news = news | self.book.touched;
        self.book.complete();
        let (touch, partial) = (self.book.touch(), self.book.is_partial());
        tape.mark(Mark { ends: news, touch, partial, ..mark }, news | mark.issue.is_some());
        self.said = false;
        if number >= self.next_copy {
            self.copy(number, mark.ts_local_ns, tape);
        }
    }

    #[cold]
    fn copy(&mut self, row: u64, ts_local_ns: Ns, tape: &mut Tape) {
        tape.copy = Some(Arc::new(Copy { book: self.book.clone(), row, ts_local_ns }));
        self.next_copy = row + STRIDE.max(self.book.orders() as u64);
    }
}
