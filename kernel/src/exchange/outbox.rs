//! Where the exchange writes: the strategies' channels, the result tables, the last mids.

use crate::contract::codes::{Ns, ISSUES};
use crate::record::recorder::Recorder;
use crate::wire::channels::Channels;

/// The strategies' channels and the result tables, shared by all instruments.
pub struct Outbox {
    /// To and from each strategy, by agent.
    pub channels: Vec<Channels>,
    /// The result tables.
    pub recorder: Recorder,
    /// The last two-sided doubled mid of each instrument.
    pub mids2: Vec<Option<i64>>,
}

impl Outbox {
    /// Set the mid of an instrument, after recording the markouts due before it changes.
    #[inline]
    pub fn set_mid(&mut self, instrument: usize, mid2: Option<i64>, now_ns: Ns) {
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
