//! The contract with Python: enumerations.

// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.

#![allow(missing_docs)] // where a member's name says it all

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

/// What happens to a post-only order that would take on arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PostOnly {
    /// It is refused.
    Reject = 0,
    /// It rests one tick behind the best price of the other side.
    Slide = 1,
}

impl PostOnly {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 1);
    /// All members, by code.
    pub const ALL: [PostOnly; 2] = [PostOnly::Reject, PostOnly::Slide];

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
    /// The unfilled rest of an IOC, FOK or market order, or of a GTD or DAY order whose time is over.
    Expired = 7,
    /// A stop order has entered the book.
    Triggered = 8,
    /// The exchange has cut the size; the order keeps its place.
    Reduced = 9,
}

impl UpdateKind {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (1, 9);
    /// All members, by code.
    pub const ALL: [UpdateKind; 9] = [
        UpdateKind::Accepted,
        UpdateKind::Rejected,
        UpdateKind::Replaced,
        UpdateKind::ReplaceRejected,
        UpdateKind::Cancelled,
        UpdateKind::CancelRejected,
        UpdateKind::Expired,
        UpdateKind::Triggered,
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
    /// A stop order that waits for its price.
    Untriggered = 6,
}

impl OrderState {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 6);
    /// All members, by code.
    pub const ALL: [OrderState; 7] = [
        OrderState::Pending,
        OrderState::Live,
        OrderState::Filled,
        OrderState::Cancelled,
        OrderState::Rejected,
        OrderState::Expired,
        OrderState::Untriggered,
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
    /// Until `expire_ns`.
    Gtd = 3,
    /// Until the market closes.
    Day = 4,
}

impl TimeInForce {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 4);
    /// All members, by code.
    pub const ALL: [TimeInForce; 5] =
        [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gtd, TimeInForce::Day];
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
    /// The order was filled, cancelled or expired when the request arrived, or a GTD order's time was over.
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
    /// It would have traded with an own order of the other side.
    SelfTrade = 11,
    /// The run is ending.
    Stopped = 12,
    /// An argument of the wrong kind (a string, NaN, an unknown time in force), or options at odds.
    BadValue = 13,
    /// A reduce-only order had no position to reduce, or its position has become smaller.
    ReduceOnly = 15,
    /// Market maker protection has cancelled the quotes, and refuses new ones.
    Mmp = 16,
}

impl RejectReason {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 16);
    /// All members, by code.
    pub const ALL: [RejectReason; 16] = [
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
        RejectReason::Mmp,
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

/// What happens when an arriving order meets an own resting one: self-trade prevention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SelfTrade {
    /// What is left of the arriving one is cancelled.
    CancelNewest = 0,
    /// The resting one is cancelled, and the arriving one goes on.
    CancelOldest = 1,
    CancelBoth = 2,
    /// Both become smaller by the size of the smaller one, without a trade.
    Decrement = 3,
    /// The arriving one is refused as a whole, before it trades.
    Reject = 4,
}

impl SelfTrade {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 4);
    /// All members, by code.
    pub const ALL: [SelfTrade; 5] = [
        SelfTrade::CancelNewest,
        SelfTrade::CancelOldest,
        SelfTrade::CancelBoth,
        SelfTrade::Decrement,
        SelfTrade::Reject,
    ];

    /// Return the member of a code.
    pub fn of(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|member| *member as i64 == code)
    }
}

/// Which price of the market triggers a stop order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trigger {
    /// That of a print.
    Last = 0,
    /// The mean of the best prices.
    Mid = 2,
    /// The best ask for a buy, the best bid for a sell.
    Touch = 3,
}

impl Trigger {
    /// The smallest and the largest code.
    pub const CODES: (i64, i64) = (0, 3);
    /// All members, by code.
    pub const ALL: [Trigger; 3] = [Trigger::Last, Trigger::Mid, Trigger::Touch];
}
