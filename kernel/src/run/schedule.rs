//! What the agents have due, earliest first.

use crate::book::tournament::{Merge, Tournament};
use crate::contract::codes::{Ns, NEVER};

/// The events that are not market rows, in their order at one nanosecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EventKind {
    Request,
    Packet,
    Message,
    Timer,
    Clock,
}

/// When an event is due, its kind, and whose it is: a channel (requests and messages), an instrument or an agent.
pub(super) type Due = (Ns, EventKind, usize);

impl Merge for Due {
    fn merge(self, other: Self) -> Self {
        self.min(other)
    }
}

/// The earliest event of each agent, and of all.
pub(super) type Schedule = Tournament<Due>;

/// Nothing is due.
pub(super) const NOTHING: Due = (NEVER, EventKind::Clock, usize::MAX);
