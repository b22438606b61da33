//! The small-integer codes of market data, requests and result tables, as `market/schema.py` and `tables.py` define them.

/// Nanoseconds since the epoch, UTC.
pub type Ns = i64;

/// A time after all others.
pub const NEVER: Ns = 1 << 62;
/// A time before all others.
pub const BEFORE_ALL: Ns = -NEVER;
/// Prices (absolute) and sizes are below this.
pub const LIMIT: i64 = 1 << 40;

/// What a row does to the market.
pub mod action {
    /// An order joins the book (L3).
    pub const ADD: u8 = 1;
    /// An order loses some of its size (L3).
    pub const CANCEL: u8 = 2;
    /// An order has a new price or size (L3).
    pub const MODIFY: u8 = 3;
    /// The named resting order trades (L3).
    pub const EXECUTE: u8 = 4;
    /// A print that leaves the displayed book alone.
    pub const TRADE: u8 = 5;
    /// One side, or both, is emptied.
    pub const CLEAR: u8 = 6;
    /// The trading phase changes.
    pub const STATUS: u8 = 7;
    /// A level shows a size (L2).
    pub const LEVEL: u8 = 8;
}

/// Bits of the `flags` column.
pub mod flag {
    /// Ends its packet.
    pub const LAST: u8 = 1;
    /// The resting side of this print was not displayed.
    pub const HIDDEN: u8 = 4;
    /// Traded in an auction or cross.
    pub const AUCTION: u8 = 8;
    /// The book is not known to be right here.
    pub const SUSPECT: u8 = 16;
    /// Visibility, not an event.
    pub const WINDOW: u8 = 32;
}

/// The trading phase.
pub mod phase {
    /// No trading; timers sleep.
    pub const CLOSED: u8 = 0;
    /// Own orders may trade.
    pub const CONTINUOUS: u8 = 1;
}

/// What a row may ask of a book that the book cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Issue {
    /// CANCEL, MODIFY or EXECUTE of an order that is not there.
    UnknownOrder = 1,
    /// ADD of an order that is there.
    DuplicateOrder = 2,
    /// CANCEL or EXECUTE of more than the order has.
    Oversize = 3,
    /// CANCEL, MODIFY or EXECUTE with the other side than its order's.
    BadSide = 4,
}

/// How many kinds of issues there are.
pub const ISSUES: usize = 4;

impl Issue {
    /// Return its name as configs and counts have it.
    pub fn name(self) -> &'static str {
        match self {
            Issue::UnknownOrder => "unknown_order",
            Issue::DuplicateOrder => "duplicate_order",
            Issue::Oversize => "oversize",
            Issue::BadSide => "bad_side",
        }
    }
}

/// What to do with a row that the book cannot apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuePolicy {
    /// Stop the run.
    Fail,
    /// Leave the row out.
    Skip,
    /// Set the row right.
    Repair,
}

/// Why an order filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// Market flow at the order's price, with nothing left ahead.
    Queue = 1,
    /// Market flow at a worse price.
    Through = 2,
    /// The opposite side came to stand at or through the order.
    Cross = 3,
    /// Market flow that traded with an order that was not displayed.
    Hidden = 4,
    /// The order traded on arrival.
    Take = 5,
}

/// What an answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum UpdateKind {
    /// The order took its place or traded.
    Accepted = 1,
    /// The order was refused.
    Rejected = 2,
    /// Price or size are new.
    Replaced = 3,
    /// They are not.
    ReplaceRejected = 4,
    /// The order is off the book.
    Cancelled = 5,
    /// It was too late.
    CancelRejected = 6,
    /// What could not trade is gone.
    Expired = 7,
}

/// An order after an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderState {
    /// Sent, not yet answered.
    Pending = 0,
    /// On the book.
    Live = 1,
    /// Filled in full.
    Filled = 2,
    /// Taken off.
    Cancelled = 3,
    /// Refused.
    Rejected = 4,
    /// Died unfilled.
    Expired = 5,
}

impl OrderState {
    /// Return whether an order in this state is over.
    #[inline]
    pub fn gone(self) -> bool {
        self as u8 >= OrderState::Filled as u8
    }
}

/// How long an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until cancelled.
    Gtc = 0,
    /// Trades what it can on arrival.
    Ioc = 1,
    /// Trades in full on arrival, or not at all.
    Fok = 2,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RejectReason {
    /// It was not.
    None = 0,
    /// It would take.
    PostOnly = 1,
    /// No such order of this strategy.
    UnknownOrder = 2,
    /// The order was gone.
    TooLate = 3,
    /// The price is not a whole number of ticks.
    OffTick = 4,
    /// The size is not a whole number of lots.
    OffLot = 5,
    /// The size is out of range.
    Size = 6,
    /// The price is out of range.
    Price = 7,
    /// It could breach the position limit.
    PositionLimit = 8,
    /// The run is warming up.
    WarmUp = 9,
    /// The market is not in its continuous phase.
    Halted = 10,
    /// It would trade with an own order.
    SelfTrade = 11,
    /// The run is ending.
    Stopped = 12,
    /// An argument of the wrong kind.
    BadValue = 13,
}

impl RejectReason {
    /// Return this reason, or another one where this is none.
    #[inline]
    pub fn or(self, other: impl FnOnce() -> RejectReason) -> RejectReason {
        if self == RejectReason::None {
            other()
        } else {
            self
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A new order.
    New,
    /// Another price or total size.
    Replace,
    /// An order off the book.
    Cancel,
}

/// The place of a side in a pair: 0 for bids (+1), 1 for asks (-1).
#[inline]
pub fn index(side: i8) -> usize {
    usize::from(side < 0)
}

/// The sides of a CLEAR row or a print without one: both for 0.
#[inline]
pub fn sides(side: i8) -> &'static [i8] {
    match side {
        0 => &[1, -1],
        1 => &[1],
        _ => &[-1],
    }
}

/// The key of a price on a side: the best level has the smallest.
#[inline]
pub fn key(side: i8, price_ticks: i64) -> i64 {
    -i64::from(side) * price_ticks
}
