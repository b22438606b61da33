//! What an exchange gives out.

use crate::agent::Agent;
use crate::recorder::Recorder;

/// What the exchange tells everybody else: the strategies' channels and the result tables.
pub struct Floor {
    /// The strategies.
    pub agents: Vec<Agent>,
    /// The result tables.
    pub recorder: Recorder,
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
    pub skipped: [u64; 3],
    /// Rows set right, an `Issue` each.
    pub repaired: [u64; 3],
}
