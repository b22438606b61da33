//! The codes of market data, requests and result tables, and what the kernel adds to them.

pub use crate::contract::generated::{
    action, flag, phase, Cause, Feed, Issue, IssuePolicy, OrderState, RejectReason, SelfTrade, TimeInForce, Trigger,
    UpdateKind, LIMIT,
};

/// Nanoseconds since the epoch, UTC.
pub type Ns = i64;

/// A time after all others, nanoseconds.
pub const NEVER: Ns = 1 << 62;
/// A time before all others, nanoseconds.
pub const BEFORE_ALL: Ns = -NEVER;

/// How many kinds of issues there are.
pub const ISSUES: usize = Issue::ALL.len();
impl OrderState {
    /// Return whether an order in this state is over.
    #[inline]
    pub fn is_over(self) -> bool {
        !matches!(self, OrderState::Pending | OrderState::Live | OrderState::Untriggered)
    }
}

impl TimeInForce {
    /// Return whether what does not trade on arrival rests.
    #[inline]
    pub fn rests(self) -> bool {
        !matches!(self, TimeInForce::Ioc | TimeInForce::Fok)
    }
}

impl RejectReason {
    /// Return this reason, or the other one if this is `None`.
    #[inline]
    pub fn or(self, other: impl FnOnce() -> RejectReason) -> RejectReason {
        if self == RejectReason::None {
            other()
        } else {
            self
        }
    }
}

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A new order.
    New,
    /// Another price or total size.
    Replace,
    /// Cancel an order.
    Cancel,
    /// Cancel several orders.
    CancelAll,
    /// Let market maker protection take quotes again.
    MmpReset,
}

/// Return the index of a side in a pair: 0 for bids (+1), 1 for asks (-1).
#[inline]
pub fn index(side: i8) -> usize {
    usize::from(side < 0)
}

/// Return the sides of a CLEAR row or of a print: both for 0.
#[inline]
pub fn sides(side: i8) -> &'static [i8] {
    match side {
        0 => &[1, -1],
        1 => &[1],
        _ => &[-1],
    }
}

/// Return the key of a price on a side: the best level has the smallest.
#[inline]
pub fn key(side: i8, price_ticks: i64) -> i64 {
    -i64::from(side) * price_ticks
}
