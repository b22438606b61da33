//! How long a message takes between a strategy and a venue.
//!
//! Assumption: every request of an agent to a venue takes the same time, and so does every response, whatever the load
//! and the kind of the message. The feed has times of its own.
//! Bias: optimistic in busy seconds, in which real gateways and networks are slower than on average, while those are
//! the seconds in which a slow cancel costs most.

use crate::contract::codes::Ns;
use crate::contract::plan::ChannelPlan;

/// Return when a request that is sent at `sent_ns` reaches the exchange, if nothing is ahead of it.
#[inline]
pub fn request_arrival_ns(plan: &ChannelPlan, sent_ns: Ns) -> Ns {
    sent_ns.saturating_add(plan.entry_ns)
}

/// Return when the response to an event at `event_ns` reaches the strategy, if nothing is ahead of it.
#[inline]
pub fn response_arrival_ns(plan: &ChannelPlan, event_ns: Ns) -> Ns {
    event_ns.saturating_add(plan.response_ns)
}
