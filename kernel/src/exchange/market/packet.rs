//! The packet at hand: what its rows have changed so far.

use crate::ahead::trace_block::TraceBlock;
use crate::book::touch::Touch;
use crate::contract::codes::flag;

/// What the rows of the packet at hand have done.
pub struct Packet {
    /// True if the last row ended its packet.
    pub at_end: bool,
    /// True if a level has changed; kept up to date only while a strategy subscribes to packets.
    pub levels_changed: bool,
    /// True if there is something for the strategies at the end of the packet beside best prices.
    pub has_updates: bool,
    /// True if a row matters to own orders.
    pub own_orders_touched: bool,
    /// Best prices and sizes after the last packet; differs from `Prices` only while a packet ends.
    pub latest: Touch,
}

impl Default for Packet {
    fn default() -> Self {
        Packet {
            at_end: true,
            levels_changed: false,
            has_updates: false,
            own_orders_touched: false,
            latest: Touch::default(),
        }
    }
}

impl Packet {
    /// Find out whether the packet of the row before `i` has changed a level.
    pub fn find_changed_levels(&mut self, block: &TraceBlock, flags: &[u8], i: usize) {
        let begin = flags[..i - 1].iter().rposition(|flags| flags & flag::LAST != 0).map(|last| last + 1);
        self.levels_changed &= begin.is_none(); // it began in the block before this one
        self.levels_changed |= block.effects(i)[begin.unwrap_or(0)..].iter().any(|effect| effect.changes());
    }
}
