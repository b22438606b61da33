//! Where the rows of an instrument come from: batches are given, and their tapes taken up.

use std::sync::Arc;

use crate::ahead::errand::Next;
use crate::ahead::tape::Copy;
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
            self.view.follower.load(self.given, batch.clone());
            self.whole.load(self.given, batch.clone());
            self.given += batch.len() as u64;
            self.errand.give(batch);
            self.hungry = self.errand.wants_more();
        } else {
            (self.hungry, self.ended) = (false, true);
        }
    }

    /// Take in that the next batch could not be had; return whether that has to be told now.
    pub fn put_off(&mut self) -> bool {
        self.hungry = false;
        self.starved && self.errand.is_empty()
    }

    /// Find what there is to go on with; return whether that has been done, or has to be waited for.
    ///
    /// # Errors
    /// There is nobody to wait for.
    pub fn take_up(&mut self) -> Result<bool, Fault> {
        match self.errand.look()? {
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
        let next = self.errand.wait()?;
        self.go_on_with(next);
        Ok(())
    }

    fn go_on_with(&mut self, next: Next) {
        if let Next::Tape(tape) = next {
            self.counts.packets += self.packets();
            self.next_ns = tape.columns().ts_exchange_ns[0];
            (self.first, self.i, self.mark, self.starved) = (tape.first, 0, 0, false);
            self.hungry = !self.ended && self.errand.wants_more();
            self.let_go(tape.copy.clone());
            if let Some(used) = self.tape.replace(tape) {
                self.errand.take_back(used);
            }
        } else {
            self.hungry = !self.ended;
            self.starved = self.hungry;
            self.next_ns = if self.ended { NEVER } else { self.next_ns };
        }
    }

    /// Let go of rows that nobody needs any more, since there is a copy behind them.
    fn let_go(&mut self, copy: Option<Arc<Copy>>) {
        let (done, now_ns) = (self.done(), self.now_ns);
        self.whole.pass(|copy| copy.row <= done);
        self.view.follower.pass(|copy| copy.row <= done && copy.ts_local_ns < now_ns);
        if let Some(copy) = copy {
            self.whole.offer(copy.clone());
            self.view.follower.offer(copy);
        }
    }

    /// Return how many rows have happened.
    #[inline]
    pub fn done(&self) -> u64 {
        self.first + self.i as u64
    }

    /// Return how many packets of the tape are complete.
    fn packets(&self) -> u64 {
        let columns = self.tape.as_ref().map_or(Columns::default(), |tape| tape.columns());
        columns.flags.iter().take(self.i).filter(|flags| **flags & flag::LAST != 0).count() as u64
    }

    /// Return what has been done.
    pub fn counts(&self) -> Counts {
        let unplaced_lots = self.seats.iter().map(|seat| seat.gateway.overlay.liquidity.unplaced_lots()).sum();
        Counts { rows: self.done(), packets: self.counts.packets + self.packets(), unplaced_lots, ..self.counts }
    }
}
