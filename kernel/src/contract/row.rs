//! One row of market data.

/// One row of a feed without its times.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// A code of `codes::action`.
    pub action: u8,
    /// +1 bid, -1 ask, 0 none or both.
    pub side: i8,
    /// The order on L3, 0 where there is none; of a print on L2 what its packet shows of it (`engine/packets.py`).
    pub order_id: u64,
    /// The price; unused by CANCEL and EXECUTE.
    pub price_ticks: i64,
    /// As the action has it.
    pub size_lots: i64,
    /// Bits of `codes::flag`.
    pub flags: u8,
    /// The phase that a STATUS row announces.
    pub phase: u8,
}
