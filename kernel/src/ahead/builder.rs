//! Builds the market's book ahead of the run and records what each row does to it.
//!
//! History does not depend on a backtest: the book can be built before it is needed, and on another processor.

use std::sync::Arc;

use crate::ahead::trace_block::{Checkpoint, PacketMark, TraceBlock, BLOCK_ROWS};
use crate::book::row_effect::RowEffect;
use crate::book::Book;
use crate::contract::batch::Batch;
use crate::contract::codes::{action, flag, Feed, Issue, Ns};
use crate::contract::row::Row;

/// Least number of rows between two checkpoints: copying a book costs as much as the book is large.
const CHECKPOINT_ROWS: u64 = 1 << 15;

/// Builds the book of one instrument.
pub struct BookBuilder {
    book: Book,
    /// Rows applied so far.
    row: u64,
    repairs: bool,
    /// True if the last row was flagged SUSPECT.
    is_suspect: bool,
    /// True if a row of the packet at hand changes the phase or whether the book is suspect.
    status_noted: bool,
    next_checkpoint: u64,
}

impl BookBuilder {
    /// Start before the first row of an instrument. If `repairs`, an oversize CANCEL or EXECUTE is clipped to what is
    /// left of the order.
    pub fn new(feed: Feed, depth: usize, repairs: bool) -> Self {
        BookBuilder {
            book: Book::new(feed, depth),
            row: 0,
            repairs,
            is_suspect: false,
            status_noted: false,
            next_checkpoint: CHECKPOINT_ROWS,
        }
    }

    /// Apply the rows of a batch from `begin` on, one block's worth, and record their effects; return where the next
    /// block begins.
    pub fn build(&mut self, batch: &Batch, begin: usize, block: &mut TraceBlock) -> usize {
        let (columns, first) = (batch.slice(begin, BLOCK_ROWS), self.row);
        block.start(first, begin, columns.len());
        let eventful = batch.is_eventful() || self.is_suspect;
        for i in 0..columns.len() {
            let number = first + i as u64 + 1;
            let (effect, crossed) = (block.effect_mut(i), !self.book.uncrossed());
            let issue = self.book.apply_into(columns.row(i), number, effect).err();
            if let Some(issue) = issue {
                *effect = self.repair(columns.row(i), number, issue);
            }
            let notes_status = eventful && self.note_status(&columns.row(i));
            let last = columns.flags[i] & flag::LAST != 0;
            let mark = PacketMark {
                row: i as u32,
                ts_local_ns: columns.ts_local_ns[i],
                ends_packet: true,
                ..PacketMark::default()
            };
            let may_be_new = self.status_noted | crossed | self.book.is_awaiting_snapshot();
            if may_be_new | issue.is_some() | (number >= self.next_checkpoint) {
                self.mark_rare(
                    PacketMark { issue, notes_status, ends_packet: last, ..mark },
                    may_be_new,
                    number,
                    block,
                );
            } else {
                // Whether best prices change cannot be predicted: writing a mark in vain costs less than a mispredicted
                // branch.
                block.push_mark(PacketMark { touch: self.book.touch(), ..mark }, last & self.book.touch_changed);
                self.book.touch_changed &= !last;
            }
        }
        self.row = first + columns.len() as u64;
        begin + columns.len()
    }

    #[cold]
    fn repair(&mut self, row: Row, number: u64, issue: Issue) -> RowEffect {
        self.book.repair(row, number, issue, self.repairs).unwrap_or_default()
    }

    /// Note the phase and the SUSPECT flag of a row; return whether the run has to look at them.
    fn note_status(&mut self, row: &Row) -> bool {
        let notes_status = self.is_suspect || row.flags & flag::SUSPECT != 0 || row.action == action::STATUS;
        self.is_suspect = row.flags & flag::SUSPECT != 0;
        self.status_noted |= notes_status;
        notes_status
    }

    /// Record a rare row, and what its packet leaves behind. With `may_be_new` the packet is marked even if best prices
    /// are unchanged.
    #[inline(never)]
    fn mark_rare(&mut self, mark: PacketMark, may_be_new: bool, number: u64, block: &mut TraceBlock) {
        if !mark.ends_packet {
            block.push_mark(mark, mark.notes_status | mark.issue.is_some());
            return;
        }
        let may_be_new = may_be_new | self.book.touch_changed;
        self.book.complete();
        let (touch, awaiting_snapshot) = (self.book.touch(), self.book.is_awaiting_snapshot());
        block.push_mark(
            PacketMark { ends_packet: may_be_new, touch, awaiting_snapshot, ..mark },
            may_be_new | mark.issue.is_some(),
        );
        self.status_noted = false;
        if number >= self.next_checkpoint {
            self.add_checkpoint(number, mark.ts_local_ns, block);
        }
    }

    #[cold]
    fn add_checkpoint(&mut self, row: u64, ts_local_ns: Ns, block: &mut TraceBlock) {
        block.checkpoint = Some(Arc::new(Checkpoint { book: self.book.clone(), row, ts_local_ns }));
        self.next_checkpoint = row + CHECKPOINT_ROWS.max(self.book.orders() as u64);
    }
}
