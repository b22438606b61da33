//! The batches of an instrument, and the book builder that makes trace blocks of them.

use std::sync::Arc;

use crate::ahead::builder::BookBuilder;
use crate::ahead::worker::BuilderWorker;
use crate::contract::batch::Batch;
use crate::contract::codes::{Ns, BEFORE_ALL};

/// The source side of a market.
pub struct Input {
    pub(super) worker: BuilderWorker,
    /// Rows in all batches loaded so far.
    rows: u64,
    /// Set when the source has no more batches.
    pub(super) is_exhausted: bool,
    /// Set while another batch should be loaded.
    pub wants_batch: bool,
    /// When the last row loaded is received, nanoseconds.
    pub last_local_ns: Ns,
}

impl Input {
    /// Make an input that waits for its first batch; `may_thread` allows the book builder its own thread.
    pub fn new(builder: BookBuilder, may_thread: bool) -> Self {
        let worker = BuilderWorker::new(builder, may_thread);
        Input { worker, rows: 0, is_exhausted: false, wants_batch: true, last_local_ns: BEFORE_ALL }
    }

    /// Hand the next batch, which has rows, to the book builder; `None` if there is no more. Return it with the number of
    /// its first row.
    pub fn load(&mut self, batch: Option<Batch>) -> Option<(u64, Arc<Batch>)> {
        let Some(batch) = batch.map(Arc::new) else {
            (self.wants_batch, self.is_exhausted) = (false, true);
            return None;
        };
        let first = self.rows;
        self.last_local_ns = batch.columns().ts_local_ns[batch.len() - 1];
        self.rows += batch.len() as u64;
        self.worker.push(batch.clone());
        self.wants_batch = self.worker.wants_more();
        Some((first, batch))
    }
}
