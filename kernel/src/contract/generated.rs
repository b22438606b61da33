//! The contract with Python: codes, limits and layouts.

// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.

#![allow(missing_docs)] // where a member's name says it all

pub use crate::contract::generated_codes::{
    Cause, Feed, Issue, IssuePolicy, Liquidity, OrderState, PostOnly, QueueModel, RejectReason, SelfTrade, TimeInForce,
    Trigger, UpdateKind,
};

/// Prices (absolute) and sizes are below this.
pub const LIMIT: i64 = 1099511627776;

/// A rank among latencies is the share of messages that take longer, in units of 2 to the minus this.
pub const RANK_BITS: u32 = 24;

/// A stretch of time begins with a new rank if the upper half of its random number is below this.
pub const REDRAW_BELOW: u64 = 182092523;

/// A rank holds for at most so many stretches of time.
pub const MAX_STRETCHES: i64 = 1024;

/// How much one strategy may hold at once: the numbers of `lob_backtest.contract.limits`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Length of a tag or of a series' name, in UTF-8.
    pub text_bytes: usize,
    /// Different tags of a run.
    pub tags: usize,
    /// Different names of series of a run.
    pub series: usize,
    /// Orders in one instrument that are live or have a request or an answer in flight.
    pub orders: usize,
    /// Requests that have not reached the exchange.
    pub requests: usize,
    /// Pending timers.
    pub timers: usize,
}

/// What a row does to the market.
pub mod action {
    /// An order joins the book (L3).
    pub const ADD: u8 = 1;
    /// An order loses `size_lots`; it leaves at zero (L3).
    pub const CANCEL: u8 = 2;
    /// An order has a new price or size (L3).
    pub const MODIFY: u8 = 3;
    /// The named resting order trades `size_lots` (L3).
    pub const EXECUTE: u8 = 4;
    /// A print that leaves the displayed book alone.
    pub const TRADE: u8 = 5;
    /// One side (or both, side 0) is emptied.
    pub const CLEAR: u8 = 6;
    /// The trading phase changes.
    pub const STATUS: u8 = 7;
    /// A level shows `size_lots`; zero removes it (L2).
    pub const LEVEL: u8 = 8;
}

/// Bits of the `flags` column.
pub mod flag {
    /// Ends its packet.
    pub const LAST: u8 = 1;
    /// Part of a snapshot.
    pub const SNAPSHOT: u8 = 2;
    /// The resting side of this print was not displayed.
    pub const HIDDEN: u8 = 4;
    /// Traded in an auction or cross.
    pub const AUCTION: u8 = 8;
    /// The book may be wrong here.
    pub const SUSPECT: u8 = 16;
    /// Visibility, not an event: it entered or left the displayed depth.
    pub const WINDOW: u8 = 32;
}

/// The trading phase that a STATUS row announces.
pub mod phase {
    pub const CLOSED: u8 = 0;
    pub const CONTINUOUS: u8 = 1;
    pub const AUCTION: u8 = 2;
    pub const HALTED: u8 = 3;
}

/// Where `lob_backtest.contract.rows.Batch` has its columns.
pub mod batch_column {
    pub const TS_EXCHANGE_NS: usize = 0;
    pub const TS_LOCAL_NS: usize = 1;
    pub const ACTION: usize = 2;
    pub const SIDE: usize = 3;
    pub const ORDER_ID: usize = 4;
    pub const PRICE_TICKS: usize = 5;
    pub const SIZE_LOTS: usize = 6;
    pub const FLAGS: usize = 7;
    pub const PHASE: usize = 8;
    pub const ROW: usize = 9;
    pub const PATH: usize = 10;
}

/// How a column of a result table is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// One byte.
    I8,
    /// Two bytes.
    I16,
    /// Eight bytes, an integer or a double's bits.
    I64,
    /// Eight bytes with nulls.
    I64OrNull,
    /// UTF-8 text.
    Text,
}

/// The result tables, in the order of their numbers.
pub const TABLES: [&str; 5] = ["fills", "orders", "bbo", "samples", "series"];

/// The columns of `fills`; behind them a mid per markout horizon.
pub const FILLS: [ColumnKind; 20] = [
    ColumnKind::I64,       // fill_id
    ColumnKind::I64,       // order_id
    ColumnKind::I16,       // agent
    ColumnKind::I16,       // instrument
    ColumnKind::I8,        // side
    ColumnKind::I64,       // price_ticks
    ColumnKind::I64,       // size_lots
    ColumnKind::I64,       // fee_micro
    ColumnKind::I8,        // liquidity
    ColumnKind::I8,        // cause
    ColumnKind::I64,       // ts_exchange_ns
    ColumnKind::I64,       // ts_local_ns
    ColumnKind::I64OrNull, // ts_traded_ns
    ColumnKind::I64OrNull, // bid_ticks_before
    ColumnKind::I64OrNull, // ask_ticks_before
    ColumnKind::I64OrNull, // mid2_before
    ColumnKind::I64OrNull, // queue_ahead_at_arrival_lots
    ColumnKind::I64,       // ts_arrival_ns
    ColumnKind::Text,      // tag
    ColumnKind::I8,        // tainted
];

/// The columns of `orders`.
pub const ORDERS: [ColumnKind; 26] = [
    ColumnKind::I64,       // order_id
    ColumnKind::I16,       // agent
    ColumnKind::I16,       // instrument
    ColumnKind::I8,        // kind
    ColumnKind::I8,        // state
    ColumnKind::I8,        // reason
    ColumnKind::I8,        // side
    ColumnKind::I8,        // tif
    ColumnKind::I8,        // post_only
    ColumnKind::I64OrNull, // price_ticks
    ColumnKind::I64OrNull, // asked_price_ticks
    ColumnKind::I64,       // size_lots
    ColumnKind::I64,       // filled_lots
    ColumnKind::I64OrNull, // queue_ahead_lots
    ColumnKind::I64OrNull, // ts_sent_ns
    ColumnKind::I64OrNull, // ts_exchange_ns
    ColumnKind::I64,       // ts_local_ns
    ColumnKind::Text,      // tag
    ColumnKind::I8,        // reduce_only
    ColumnKind::I64OrNull, // display_lots
    ColumnKind::I64OrNull, // stop_ticks
    ColumnKind::I64OrNull, // trigger
    ColumnKind::I64OrNull, // trail_ticks
    ColumnKind::I64OrNull, // trail_bps
    ColumnKind::I64OrNull, // expire_ns
    ColumnKind::I64OrNull, // self_trade
];

/// The columns of `bbo`.
pub const BBO: [ColumnKind; 6] = [
    ColumnKind::I16,       // instrument
    ColumnKind::I64,       // ts_exchange_ns
    ColumnKind::I64OrNull, // bid_ticks
    ColumnKind::I64OrNull, // bid_lots
    ColumnKind::I64OrNull, // ask_ticks
    ColumnKind::I64OrNull, // ask_lots
];

/// The columns of `samples`.
pub const SAMPLES: [ColumnKind; 9] = [
    ColumnKind::I64,       // ts_ns
    ColumnKind::I16,       // agent
    ColumnKind::I16,       // instrument
    ColumnKind::I64,       // position_lots
    ColumnKind::I64,       // cash_tick_lots
    ColumnKind::I64,       // fees_micro
    ColumnKind::I64OrNull, // mid2
    ColumnKind::I64OrNull, // bid_quote_ticks
    ColumnKind::I64OrNull, // ask_quote_ticks
];

/// The columns of `series`.
pub const SERIES: [ColumnKind; 4] = [
    ColumnKind::Text, // name
    ColumnKind::I16,  // agent
    ColumnKind::I64,  // ts_ns
    ColumnKind::I64,  // value
];
