//! A book rebuilt lazily: rows are replayed on the first read, from the nearest checkpoint.
//!
//! Checkpoints keep the replay short and allow batches to be freed.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::ahead::trace_block::Checkpoint;
use crate::book::Book;
use crate::contract::batch::Batch;
use crate::contract::codes::{action, flag, Feed, Ns, BEFORE_ALL};
use crate::contract::row::Row;

/// Which packets have been received: all that arrived by a time, and all that end at or before a row.
#[derive(Clone, Copy)]
pub struct Received {
    /// Arrival time, nanoseconds.
    pub until_ns: Ns,
    /// Number of the row after the packet's last.
    pub until_row: u64,
}

impl Default for Received {
    fn default() -> Self {
        Received { until_ns: BEFORE_ALL, until_row: 0 }
    }
}

/// A book and the number of rows applied to it.
#[derive(Clone)]
struct BookCursor {
    book: Book,
    row: u64,
    repairs: bool,
}

impl BookCursor {
    /// Apply the next row; return whether it changed a level.
    #[inline]
    fn apply_next(&mut self, row: Row) -> bool {
        self.row += 1;
        if row.action == action::TRADE || row.action == action::STATUS {
            return false;
        }
        match self.book.apply(row, self.row) {
            Ok(_) => true,
            // A row that cannot be repaired was left out by the book builder, too.
            Err(issue) => self.book.repair(row, self.row, issue, self.repairs).is_some(),
        }
    }
}

/// The book at one row, the batches after it, and the checkpoints on the way.
pub struct LazyBook {
    cursor: BookCursor,
    /// The checkpoint to start from at the next read, unless the cursor is past it.
    next_start: Option<Arc<Checkpoint>>,
    checkpoints: VecDeque<Arc<Checkpoint>>,
    batches: VecDeque<(u64, Arc<Batch>)>,
}

impl LazyBook {
    /// Start with an empty book. If `repairs`, an oversize CANCEL or EXECUTE is clipped to what is left of the order.
    pub fn new(feed: Feed, depth: usize, repairs: bool) -> Self {
        let cursor = BookCursor { book: Book::new(feed, depth), row: 0, repairs };
        LazyBook { cursor, next_start: None, checkpoints: VecDeque::new(), batches: VecDeque::new() }
    }

    /// Add a batch, the first row of which has this number.
    pub fn push_batch(&mut self, first: u64, batch: Arc<Batch>) {
        self.batches.push_back((first, batch));
    }

    /// Add a checkpoint after those added before.
    pub fn add_checkpoint(&mut self, checkpoint: Arc<Checkpoint>) {
        self.checkpoints.push_back(checkpoint);
    }

    /// Start from the last checkpoint for which `reached` is true at the next read, and free the batches before it.
    pub fn reach_checkpoints(&mut self, reached: impl Fn(&Checkpoint) -> bool) {
        while self.checkpoints.front().is_some_and(|checkpoint| reached(checkpoint)) {
            self.next_start = self.checkpoints.pop_front();
        }
        self.drop_unneeded();
    }

    /// Free the batches that no read can need any more.
    fn drop_unneeded(&mut self) {
        let row = self.next_start.as_ref().map_or(0, |checkpoint| checkpoint.row).max(self.cursor.row);
        while self.batches.front().is_some_and(|(first, batch)| first + batch.len() as u64 <= row) {
            self.batches.pop_front();
        }
    }

    fn start_from_checkpoint(&mut self) {
        if let Some(checkpoint) = self.next_start.take().filter(|checkpoint| checkpoint.row > self.cursor.row) {
            self.cursor.book.clone_from(&checkpoint.book);
            self.cursor.row = checkpoint.row;
        }
    }

    /// Return the book as far as it has been rebuilt.
    #[inline]
    pub fn current(&self) -> &Book {
        &self.cursor.book
    }

    /// Apply the next row, up to which the book has been rebuilt.
    #[inline]
    pub fn apply_next(&mut self, row: Row) {
        self.cursor.apply_next(row);
    }

    /// End the packet before a row, if the book has been rebuilt up to there.
    #[inline]
    pub fn end_packet(&mut self, row: u64) {
        if self.cursor.row == row {
            self.cursor.book.complete();
        }
    }

    /// Rebuild the book up to a row and the packets that end before it.
    pub fn catch_up_to(&mut self, row: u64) -> &Book {
        if self.cursor.row < row {
            self.start_from_checkpoint();
            self.replay(row);
            self.drop_unneeded();
        }
        &self.cursor.book
    }

    fn replay(&mut self, until: u64) -> bool {
        replay(&mut self.cursor, &self.batches, until)
    }

    /// Return the book after the packets received, at most up to the row `done`.
    pub fn book(&mut self, received: Received, done: u64) -> &Book {
        self.start_from_checkpoint();
        while let Some((end, ts_local_ns)) = next_packet(&self.batches, self.cursor.row, done) {
            if ts_local_ns > received.until_ns && end > received.until_row {
                break;
            }
            self.replay(end);
        }
        self.drop_unneeded();
        &self.cursor.book
    }

    /// Return for each packet that has not been received its end, its arrival time, and whether it changes a level.
    pub fn changes(&mut self, received: Received, done: u64) -> Vec<(u64, Ns, bool)> {
        self.book(received, done);
        let mut probe = self.cursor.clone();
        let mut found = Vec::new();
        while let Some((end, ts_local_ns)) = next_packet(&self.batches, probe.row, done) {
            let changed = replay(&mut probe, &self.batches, end);
            found.push((end, ts_local_ns, changed));
        }
        found
    }
}

/// Apply the rows before `until`; return whether a level changed.
fn replay(position: &mut BookCursor, batches: &VecDeque<(u64, Arc<Batch>)>, until: u64) -> bool {
    let mut changed = false;
    while position.row < until {
        let (first, batch) = batch_of(batches, position.row);
        let stop = until.min(first + batch.len() as u64);
        let columns = batch.columns();
        for i in (position.row - first) as usize..(stop - first) as usize {
            changed |= position.apply_next(columns.row(i));
            if columns.flags[i] & flag::LAST != 0 {
                position.book.complete();
            }
        }
    }
    changed
}

fn batch_of(batches: &VecDeque<(u64, Arc<Batch>)>, row: u64) -> (u64, &Batch) {
    let mut place = 0;
    while row - batches[place].0 >= batches[place].1.len() as u64 {
        place += 1; // rarely: batches that have been passed are freed
    }
    (batches[place].0, &batches[place].1)
}

/// Return the end of the packet that begins at a row, and its arrival time, which is its last row's.
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
