//! The levels and orders behind the best prices as the strategies have received them.
//!
//! A book that takes in the exchange's rows later, and only when somebody looks. So that it never has far to go, it now
//! and then starts again from a copy of the exchange's book that everybody has received by then.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::batch::Batch;
use crate::book::{Book, Nobody, Row};
use crate::codes::{action, flag, Issue, Ns, BEFORE_ALL, NEVER};

/// How many rows there are at least between two copies: a copy costs as much as the book is large.
const STRIDE: u64 = 1 << 17;

/// Up to where packets have been received: all that arrived by a time, and all that end before a row.
#[derive(Clone, Copy)]
pub struct Received {
    /// The time.
    pub until_ns: Ns,
    /// The row.
    pub until_row: u64,
}

impl Default for Received {
    fn default() -> Self {
        Received { until_ns: BEFORE_ALL, until_row: 0 }
    }
}

/// A book, and up to which row it has come.
#[derive(Clone)]
struct Position {
    book: Book,
    row: u64,
}

/// The exchange's rows since the book's, and the book.
pub struct Follower {
    here: Position,
    /// A copy further on, and when its last packet is received: `NEVER` where there is none.
    ahead: (Position, Ns),
    batches: VecDeque<(u64, Arc<Batch>)>,
    repairs: bool,
    next_copy: u64,
}

impl Follower {
    /// Make a follower of an empty book. With `repairs` rows that take more than there is take what there is.
    pub fn new(level: u8, depth: usize, repairs: bool) -> Self {
        let here = Position { book: Book::new(level, depth), row: 0 };
        Follower { ahead: (here.clone(), NEVER), here, batches: VecDeque::new(), repairs, next_copy: STRIDE }
    }

    /// Take in that rows from a number on are in a batch.
    pub fn load(&mut self, first: u64, batch: Arc<Batch>) {
        self.batches.push_back((first, batch));
    }

    /// Say whether it is time for `keep_up`, at the end of the next packet.
    pub fn is_behind(&self, row: u64) -> bool {
        row >= self.next_copy
    }

    /// Take a copy of the exchange's book after a packet, and start from the last one if everybody has it by now.
    pub fn keep_up(&mut self, end: u64, ts_local_ns: Ns, now_ns: Ns, book: &Book) {
        if !self.is_behind(end) {
            return;
        }
        let (ahead, received_ns) = &mut self.ahead;
        if *received_ns < now_ns {
            *received_ns = NEVER;
            if ahead.row > self.here.row {
                std::mem::swap(&mut self.here, ahead);
            }
        }
        if *received_ns == NEVER {
            ahead.book.clone_from(book);
            (ahead.row, *received_ns) = (end, ts_local_ns);
        }
        self.let_go();
        self.next_copy = end + STRIDE.max(book.orders() as u64);
    }

    /// Let go of batches that are not needed any more.
    fn let_go(&mut self) {
        while self.batches.front().is_some_and(|(first, batch)| first + batch.len() as u64 <= self.here.row) {
            self.batches.pop_front();
        }
    }

    /// Return the book after the packets received, of the rows before `done`.
    pub fn book(&mut self, received: Received, done: u64) -> &Book {
        walk(&mut self.here, &self.batches, self.repairs, done, |end, ts_local_ns| {
            ts_local_ns <= received.until_ns || end <= received.until_row
        });
        self.let_go();
        &self.here.book
    }

    /// Return for each packet that has not been received where it ends, when it arrives, and whether it changes a level.
    pub fn changes(&mut self, received: Received, done: u64) -> Vec<(u64, Ns, bool)> {
        self.book(received, done);
        let mut probe = self.here.clone();
        let mut found = Vec::new();
        while let Some((end, ts_local_ns)) = next_packet(&self.batches, probe.row, done) {
            let changed = walk(&mut probe, &self.batches, self.repairs, done, |each, _| each <= end);
            found.push((end, ts_local_ns, changed));
        }
        found
    }
}

/// Take in packets of the rows before `done` for as long as they are wanted, by where they end and when they arrive; say
/// whether a level changed.
fn walk(
    position: &mut Position,
    batches: &VecDeque<(u64, Arc<Batch>)>,
    repairs: bool,
    done: u64,
    mut wanted: impl FnMut(u64, Ns) -> bool,
) -> bool {
    let mut changed = false;
    while let Some((end, ts_local_ns)) = next_packet(batches, position.row, done) {
        if !wanted(end, ts_local_ns) {
            break;
        }
        while position.row < end {
            let (first, batch) = batch_of(batches, position.row);
            let stop = end.min(first + batch.len() as u64);
            let columns = batch.columns();
            for row in position.row..stop {
                changed |= take_in(&mut position.book, columns.row((row - first) as usize), repairs);
            }
            position.row = stop;
        }
    }
    changed
}

/// Apply a row; say whether it changed a level.
fn take_in(book: &mut Book, mut row: Row, repairs: bool) -> bool {
    if row.action == action::TRADE || row.action == action::STATUS {
        return false;
    }
    match book.apply(row, Nobody) {
        Ok(()) => true,
        Err(Issue::Oversize) if repairs => {
            row.size_lots = book.order_by_id(row.order_id).map_or(0, |order| order.size_lots);
            book.apply(row, Nobody).is_ok()
        }
        // The exchange has left it out too.
        Err(_) => false,
    }
}

fn batch_of(batches: &VecDeque<(u64, Arc<Batch>)>, row: u64) -> (u64, &Batch) {
    let mut place = 0;
    while row - batches[place].0 >= batches[place].1.len() as u64 {
        place += 1; // rarely: what has been passed is let go of
    }
    (batches[place].0, &batches[place].1)
}

/// Return where the packet ends that a row begins, and when it arrives: with its last row.
fn next_packet(batches: &VecDeque<(u64, Arc<Batch>)>, mut row: u64, done: u64) -> Option<(u64, Ns)> {
    while row < done {
        let (first, batch) = batch_of(batches, row);
        let columns = batch.columns();
        let stop = done.min(first + batch.len() as u64);
        for i in (row - first) as usize..(stop - first) as usize {
            if columns.flags[i] & flag::LAST != 0 {
                return Some((first + i as u64 + 1, columns.ts_local_ns[i]));
            }
        }
        row = stop;
    }
    None
}
