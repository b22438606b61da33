//! The contract with Python: codes, limits and layouts.

// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.

#![allow(missing_docs)] // where a member's name says it all

/// Prices (absolute) and sizes are below this.
pub const LIMIT: i64 = 1099511627776;

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

/// Why a book cannot apply a row. The book is left as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Issue {
    UnknownOrder = 1,
    DuplicateOrder = 2,
    Oversize = 3,
    BadSide = 4,
}

impl Issue {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (1, 4);
    /// All members, by code.
    pub const ALL: [Issue; 4] = [Issue::UnknownOrder, Issue::DuplicateOrder, Issue::Oversize, Issue::BadSide];

    /// Return the name that configs and counts have.
    pub const fn name(self) -> &'static str {
        match self {
            Issue::UnknownOrder => "unknown_order",
            Issue::DuplicateOrder => "duplicate_order",
            Issue::Oversize => "oversize",
            Issue::BadSide => "bad_side",
        }
    }
}

/// What a feed shows of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Feed {
    /// The size of each level.
    L2 = 2,
    /// Each order.
    L3 = 3,
}

impl Feed {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (2, 3);
    /// All members, by code.
    pub const ALL: [Feed; 2] = [Feed::L2, Feed::L3];

    /// Return the member of a code.
    pub fn of(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|member| *member as i64 == code)
    }
}

/// What to do with a row that the book cannot apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum IssuePolicy {
    /// Stop the run.
    Fail = 0,
    /// Leave the row out.
    Skip = 1,
    /// Correct the row.
    Repair = 2,
}

impl IssuePolicy {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 2);
    /// All members, by code.
    pub const ALL: [IssuePolicy; 3] = [IssuePolicy::Fail, IssuePolicy::Skip, IssuePolicy::Repair];

    /// Return the member of a code.
    pub fn of(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|member| *member as i64 == code)
    }
}

/// How much of an unexplained fall of an L2 level was ahead of an own order (docs/fill-model.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum QueueModel {
    /// Every cancel was behind.
    Back = 0,
    /// Cancels fall evenly on the queue.
    Proportional = 1,
    /// Cancels fall ahead and behind by the weights of what stands there: `QueueWeights`.
    Weighted = 2,
}

impl QueueModel {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 2);
    /// All members, by code.
    pub const ALL: [QueueModel; 3] = [QueueModel::Back, QueueModel::Proportional, QueueModel::Weighted];

    /// Return the member of a code.
    pub fn of(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|member| *member as i64 == code)
    }
}

/// Column `cause` of `fills`: why the order filled (docs/fill-model.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// Market flow at the order's price, with nothing left ahead.
    Queue = 1,
    /// Market flow at a worse price: the order had price priority.
    Through = 2,
    /// The opposite side came to stand at or through the order, without a print.
    Cross = 3,
    /// Market flow that traded with an order that was not displayed.
    Hidden = 4,
    /// The order traded on arrival.
    Take = 5,
}

impl Cause {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (1, 5);
    /// All members, by code.
    pub const ALL: [Cause; 5] = [Cause::Queue, Cause::Through, Cause::Cross, Cause::Hidden, Cause::Take];
}

/// Column `liquidity` of `fills`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Liquidity {
    Maker = 0,
    Taker = 1,
}

impl Liquidity {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 1);
    /// All members, by code.
    pub const ALL: [Liquidity; 2] = [Liquidity::Maker, Liquidity::Taker];
}

/// Column `kind` of `orders`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum UpdateKind {
    Accepted = 1,
    Rejected = 2,
    Replaced = 3,
    ReplaceRejected = 4,
    Cancelled = 5,
    CancelRejected = 6,
    /// The unfilled rest of an IOC, FOK or market order.
    Expired = 7,
    /// The exchange has cut the size; the order keeps its place.
    Reduced = 9,
}

impl UpdateKind {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (1, 9);
    /// All members, by code.
    pub const ALL: [UpdateKind; 8] = [
        UpdateKind::Accepted,
        UpdateKind::Rejected,
        UpdateKind::Replaced,
        UpdateKind::ReplaceRejected,
        UpdateKind::Cancelled,
        UpdateKind::CancelRejected,
        UpdateKind::Expired,
        UpdateKind::Reduced,
    ];
}

/// Column `state` of `orders`: the order after the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderState {
    /// Sent, not yet answered.
    Pending = 0,
    Live = 1,
    Filled = 2,
    Cancelled = 3,
    Rejected = 4,
    Expired = 5,
}

impl OrderState {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 5);
    /// All members, by code.
    pub const ALL: [OrderState; 6] = [
        OrderState::Pending,
        OrderState::Live,
        OrderState::Filled,
        OrderState::Cancelled,
        OrderState::Rejected,
        OrderState::Expired,
    ];
}

/// How long an order stays in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until cancelled.
    Gtc = 0,
    /// Trades what it can on arrival, the rest expires.
    Ioc = 1,
    /// Trades in full on arrival, or not at all.
    Fok = 2,
}

impl TimeInForce {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 2);
    /// All members, by code.
    pub const ALL: [TimeInForce; 3] = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok];
}

/// Why a request was refused. Refusals are data, never exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RejectReason {
    None = 0,
    /// It would trade on arrival.
    PostOnly = 1,
    /// No such order of this strategy.
    UnknownOrder = 2,
    /// The order was filled, cancelled or expired when the request arrived.
    TooLate = 3,
    /// The price is not a whole number of ticks.
    OffTick = 4,
    /// The size is not a whole number of lots.
    OffLot = 5,
    /// The size is zero, negative or 2⁴⁰ lots and more.
    Size = 6,
    /// The price is 2⁴⁰ ticks and more, or missing where one is needed.
    Price = 7,
    PositionLimit = 8,
    WarmUp = 9,
    /// The market is not in its continuous phase.
    Halted = 10,
    /// Its price reaches an own resting order of the other side.
    SelfTrade = 11,
    /// The run is ending.
    Stopped = 12,
    /// An argument of the wrong kind (a string, NaN, an unknown time in force).
    BadValue = 13,
    /// A reduce-only order had no position to reduce, or its position has become smaller.
    ReduceOnly = 15,
}

impl RejectReason {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 15);
    /// All members, by code.
    pub const ALL: [RejectReason; 15] = [
        RejectReason::None,
        RejectReason::PostOnly,
        RejectReason::UnknownOrder,
        RejectReason::TooLate,
        RejectReason::OffTick,
        RejectReason::OffLot,
        RejectReason::Size,
        RejectReason::Price,
        RejectReason::PositionLimit,
        RejectReason::WarmUp,
        RejectReason::Halted,
        RejectReason::SelfTrade,
        RejectReason::Stopped,
        RejectReason::BadValue,
        RejectReason::ReduceOnly,
    ];
    /// Reasons that lie in the arguments of a request alone, whatever the market does.
    pub const MISTAKES: [RejectReason; 6] = [
        RejectReason::UnknownOrder,
        RejectReason::OffTick,
        RejectReason::OffLot,
        RejectReason::Size,
        RejectReason::Price,
        RejectReason::BadValue,
    ];
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
pub const ORDERS: [ColumnKind; 18] = [
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
    ColumnKind::I64,       // size_lots
    ColumnKind::I64,       // filled_lots
    ColumnKind::I64OrNull, // queue_ahead_lots
    ColumnKind::I64OrNull, // ts_sent_ns
    ColumnKind::I64OrNull, // ts_exchange_ns
    ColumnKind::I64,       // ts_local_ns
    ColumnKind::Text,      // tag
    ColumnKind::I8,        // reduce_only
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
