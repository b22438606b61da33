//! One row of market data.

/// One row of a feed without its times.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// A code of `codes::action`.
    pub action: u8,
    /// +1 bid, -1 ask, 0 none or both.
    pub side: i8,
    /// The order (L3), 0 for none. For a print on L2, 1 plus the displayed size that its packet leaves at the level, 0
    /// if that is not known (`engine/packets.py`).
    pub order_id: u64,
    /// Ticks; unused by CANCEL and EXECUTE.
    pub price_ticks: i64,
    /// Lots, as the action has it: joined, lost, new or displayed.
    pub size_lots: i64,
    /// Bits of `codes::flag`.
    pub flags: u8,
    /// The phase that a STATUS row announces.
    pub phase: u8,
}
