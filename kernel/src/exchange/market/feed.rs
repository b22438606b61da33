//! Where the rows of an instrument come from: batches are given, and their trace blocks taken up.

use std::sync::Arc;

use crate::ahead::trace_block::Checkpoint;
use crate::ahead::worker::Next;
use crate::contract::batch::{Batch, Columns};
use crate::contract::codes::{flag, NEVER};
use crate::contract::error::RunError;
use crate::exchange::market::Market;
use crate::exchange::outbox::Counts;

impl Market {
    /// Take the next batch, which has rows; `None`: there is no more.
    pub fn load(&mut self, batch: Option<Batch>) {
        if let Some(batch) = batch.map(Arc::new) {
            self.last_local_ns = batch.columns().ts_local_ns[batch.len() - 1];
            self.view.lazy_book.push_batch(self.rows_loaded, batch.clone());
            self.whole.push_batch(self.rows_loaded, batch.clone());
            self.rows_loaded += batch.len() as u64;
            self.worker.push(batch);
            self.wants_batch = self.worker.wants_more();
        } else {
            (self.wants_batch, self.input_ended) = (false, true);
        }
    }

    /// Take in that the next batch could not be had; return whether that has to be told now.
    pub fn postpone_load(&mut self) -> bool {
        self.wants_batch = false;
        self.out_of_rows && self.worker.is_empty()
    }

    /// Find what there is to go on with; return whether that has been done, or has to be waited for.
    ///
    /// # Errors
    /// There is nobody to wait for.
    pub fn poll_block(&mut self) -> Result<bool, RunError> {
        match self.worker.poll()? {
            Next::Wait => return Ok(false),
            next => self.start_block(next),
        }
        Ok(true)
    }

    /// Wait for what there is to go on with.
    ///
    /// # Errors
    /// There is nobody to wait for.
    pub fn wait(&mut self) -> Result<(), RunError> {
        let next = self.worker.wait()?;
        self.start_block(next);
        Ok(())
    }

    fn start_block(&mut self, next: Next) {
        if let Next::Block(block) = next {
            self.counts.packets += self.packets();
            self.next_ns = block.columns().ts_exchange_ns[0];
            (self.first, self.i, self.mark, self.out_of_rows) = (block.first, 0, 0, false);
            self.wants_batch = !self.input_ended && self.worker.wants_more();
            self.pass_checkpoints(block.checkpoint.clone());
            if let Some(used) = self.block.replace(block) {
                self.worker.recycle(used);
            }
        } else {
            self.wants_batch = !self.input_ended;
            self.out_of_rows = self.wants_batch;
            self.next_ns = if self.input_ended { NEVER } else { self.next_ns };
        }
    }

    /// Let go of rows that nobody needs any more, since there is a copy behind them.
    fn pass_checkpoints(&mut self, checkpoint: Option<Arc<Checkpoint>>) {
        let (done, now_ns) = (self.done(), self.now_ns);
        self.whole.reach_checkpoints(|checkpoint| checkpoint.row <= done);
        self.view.lazy_book.reach_checkpoints(|checkpoint| checkpoint.row <= done && checkpoint.ts_local_ns < now_ns);
        if let Some(checkpoint) = checkpoint {
            self.whole.add_checkpoint(checkpoint.clone());
            self.view.lazy_book.add_checkpoint(checkpoint);
        }
    }

    /// Return how many rows have happened.
    #[inline]
    pub fn done(&self) -> u64 {
        self.first + self.i as u64
    }

    /// Return how many packets of the trace block are complete.
    fn packets(&self) -> u64 {
        let columns = self.block.as_ref().map_or(Columns::default(), |block| block.columns());
        columns.flags.iter().take(self.i).filter(|flags| **flags & flag::LAST != 0).count() as u64
    }

    /// Return what has been done.
    pub fn counts(&self) -> Counts {
        let unplaced_lots = self.matchers.iter().map(|matcher| matcher.own_book.available.unplaced_lots()).sum();
        Counts { rows: self.done(), packets: self.counts.packets + self.packets(), unplaced_lots, ..self.counts }
    }
}
