//! Where the rows of an instrument come from: batches are given, and their trace blocks taken up.

use std::sync::Arc;

use crate::ahead::trace_block::Checkpoint;
use crate::ahead::worker::Next;
use crate::contract::batch::{Batch, Columns};
use crate::contract::codes::{flag, NEVER};
use crate::contract::fault::Fault;
use crate::exchange::floor::Counts;
use crate::exchange::market::Market;

impl Market {
    /// Take the next batch, which has rows; `None`: there is no more.
    pub fn load(&mut self, batch: Option<Batch>) {
        if let Some(batch) = batch.map(Arc::new) {
            self.last_local_ns = batch.columns().ts_local_ns[batch.len() - 1];
            self.view.lazy_book.push_batch(self.given, batch.clone());
            self.whole.push_batch(self.given, batch.clone());
            self.given += batch.len() as u64;
            self.worker.push(batch);
            self.hungry = self.worker.wants_more();
        } else {
            (self.hungry, self.ended) = (false, true);
        }
    }

    /// Take in that the next batch could not be had; return whether that has to be told now.
    pub fn put_off(&mut self) -> bool {
        self.hungry = false;
        self.starved && self.worker.is_empty()
    }

    /// Find what there is to go on with; return whether that has been done, or has to be waited for.
    ///
    /// # Errors
    /// There is nobody to wait for.
    pub fn take_up(&mut self) -> Result<bool, Fault> {
        match self.worker.poll()? {
            Next::Wait => return Ok(false),
            next => self.go_on_with(next),
        }
        Ok(true)
    }

    /// Wait for what there is to go on with.
    ///
    /// # Errors
    /// There is nobody to wait for.
    pub fn wait(&mut self) -> Result<(), Fault> {
        let next = self.worker.wait()?;
        self.go_on_with(next);
        Ok(())
    }

    fn go_on_with(&mut self, next: Next) {
        if let Next::Block(block) = next {
            self.counts.packets += self.packets();
            self.next_ns = block.columns().ts_exchange_ns[0];
            (self.first, self.i, self.mark, self.starved) = (block.first, 0, 0, false);
            self.hungry = !self.ended && self.worker.wants_more();
            self.let_go(block.checkpoint.clone());
            if let Some(used) = self.block.replace(block) {
                self.worker.recycle(used);
            }
        } else {
            self.hungry = !self.ended;
            self.starved = self.hungry;
            self.next_ns = if self.ended { NEVER } else { self.next_ns };
        }
    }

    /// Let go of rows that nobody needs any more, since there is a copy behind them.
    fn let_go(&mut self, checkpoint: Option<Arc<Checkpoint>>) {
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
        let unplaced_lots = self.seats.iter().map(|seat| seat.gateway.overlay.liquidity.unplaced_lots()).sum();
        Counts { rows: self.done(), packets: self.counts.packets + self.packets(), unplaced_lots, ..self.counts }
    }
}
