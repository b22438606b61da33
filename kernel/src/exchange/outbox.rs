//! What an exchange gives out.

use crate::client::agent::Agent;
use crate::contract::codes::{Ns, ISSUES};
use crate::record::recorder::Recorder;

/// What the exchange tells everybody else: the strategies' channels and the result tables.
pub struct Outbox {
    /// The strategies.
    pub agents: Vec<Agent>,
    /// The result tables.
    pub recorder: Recorder,
    /// The last two-sided doubled mid of each instrument.
    pub mids2: Vec<Option<i64>>,
}

impl Outbox {
    /// Record what is due before an instrument has another mid.
    #[inline]
    pub fn take_mid(&mut self, instrument: usize, mid2: Option<i64>, now_ns: Ns) {
        if self.mids2[instrument] != mid2 {
            self.recorder.markouts(now_ns - 1, &self.mids2);
            self.mids2[instrument] = mid2;
        }
    }
}

/// Rows, packets and what was skipped or repaired.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// Rows applied.
    pub rows: u64,
    /// Packets completed.
    pub packets: u64,
    /// Packets that left a crossed or locked book.
    pub crossed: u64,
    /// Rows left out, an `Issue` each.
    pub skipped: [u64; ISSUES],
    /// Rows set right, an `Issue` each.
    pub repaired: [u64; ISSUES],
    /// Lots of market flow that found nothing untaken to trade with.
    pub unplaced_lots: u64,
}
