//! Batches in, trace blocks out: how the rows of a market reach its cursor.

use std::sync::Arc;

use crate::ahead::trace_block::Checkpoint;
use crate::ahead::worker::Next;
use crate::contract::batch::Batch;
use crate::contract::codes::NEVER;
use crate::contract::error::RunError;
use crate::exchange::market::Market;
use crate::exchange::outbox::Counts;

impl Market {
    /// Load the next batch, which has rows; `None`: there is no more.
    pub fn load(&mut self, batch: Option<Batch>) {
        if let Some((first, batch)) = self.input.load(batch) {
            self.view.lazy_book.push_batch(first, batch.clone());
            self.orders.whole.push_batch(first, batch);
        }
    }

    /// Note that the next batch could not be read; return whether the run needs it now, so that the failure ends it.
    pub fn postpone_load(&mut self) -> bool {
        self.input.wants_batch = false;
        self.cursor.is_out_of_rows && self.input.worker.is_empty()
    }

    /// Fetch the next trace block; false if the book builder has none yet.
    ///
    /// # Errors
    /// The process is a fork of the one in which the book builder's thread is.
    pub fn poll_block(&mut self) -> Result<bool, RunError> {
        match self.input.worker.poll()? {
            Next::Wait => return Ok(false),
            next => self.start_block(next),
        }
        Ok(true)
    }

    /// Wait for the next trace block.
    ///
    /// # Errors
    /// As `poll_block`.
    pub fn wait(&mut self) -> Result<(), RunError> {
        let next = self.input.worker.wait()?;
        self.start_block(next);
        Ok(())
    }

    fn start_block(&mut self, next: Next) {
        if let Next::Block(block) = next {
            self.counts.packets += self.cursor.packets();
            self.input.wants_batch = !self.input.is_exhausted && self.input.worker.wants_more();
            let checkpoint = block.checkpoint.clone();
            let used = self.cursor.start(block);
            self.pass_checkpoints(checkpoint);
            if let Some(used) = used {
                self.input.worker.recycle(used);
            }
        } else {
            self.input.wants_batch = !self.input.is_exhausted;
            self.cursor.is_out_of_rows = self.input.wants_batch;
            self.cursor.next_ns = if self.input.is_exhausted { NEVER } else { self.cursor.next_ns };
        }
    }

    /// Free rows that no book needs any more, since there is a checkpoint after them; keep a new checkpoint.
    fn pass_checkpoints(&mut self, new: Option<Arc<Checkpoint>>) {
        let (done, now_ns) = (self.done(), self.cursor.now_ns);
        self.orders.whole.reach_checkpoints(|checkpoint| checkpoint.row <= done);
        self.view.lazy_book.reach_checkpoints(|checkpoint| checkpoint.row <= done && checkpoint.ts_local_ns < now_ns);
        if let Some(new) = new {
            self.orders.whole.add_checkpoint(new.clone());
            self.view.lazy_book.add_checkpoint(new);
        }
    }

    /// Return the number of rows that have happened.
    #[inline]
    pub fn done(&self) -> u64 {
        self.cursor.done()
    }

    /// Return the counts up to now.
    pub fn counts(&self) -> Counts {
        let unplaced_lots = self.orders.matchers.iter().map(|matcher| matcher.own_book.available.unplaced_lots()).sum();
        let packets = self.counts.packets + self.cursor.packets();
        Counts { rows: self.done(), packets, unplaced_lots, ..self.counts }
    }
}
