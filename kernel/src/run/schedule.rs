//! What the agents have due, earliest first.

use crate::book::tournament::{Merge, Tournament};
use crate::contract::codes::{Ns, NEVER};

/// The events that are not market rows, in their order at one nanosecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EventKind {
    Exchange,
    Request,
    Packet,
    Message,
    Timer,
    Clock,
}

/// When it is due, its kind, and the index of its agent, channel (requests, messages) or instrument (the exchange,
/// packets).
pub(super) type Event = (Ns, EventKind, usize);

impl Merge for Event {
    fn merge(self, other: Self) -> Self {
        self.min(other)
    }
}

/// The earliest event of each agent, and of all.
pub(super) type Schedule = Tournament<Event>;

/// Nothing is due.
pub(super) const NOTHING: Event = (NEVER, EventKind::Clock, usize::MAX);
