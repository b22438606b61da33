//! The channels between one strategy and one venue, one in either direction. Neither reorders, unless the plan lets
//! requests about different orders overtake each other.

use std::collections::VecDeque;

use crate::contract::codes::{Ns, BEFORE_ALL, NEVER};
use crate::contract::plan::ChannelPlan;
use crate::models::latency::Latencies;
use crate::wire::messages::{Message, Request};

/// A message on its way to the strategy.
pub struct Posted {
    /// When it arrives.
    pub ts_local_ns: Ns,
    /// The instrument's place in the plan.
    pub instrument: usize,
    /// The message.
    pub message: Message,
    /// Length of the chain of callbacks that caused it at its own nanosecond, see `Agent::begin`.
    pub generation: u32,
    /// Breaks ties between messages of one nanosecond: ascends as they are posted.
    number: u64,
}

/// Requests on their way to the exchange, and messages on their way back.
pub struct Channels {
    requests: VecDeque<Request>,
    /// From the exchange, in order of arrival.
    responses: VecDeque<Posted>,
    /// From the local checks, in order of arrival: they arrive before the responses that are on their way.
    refusals: VecDeque<Posted>,
    posted: u64,
    /// When the last response arrives.
    last_response_ns: Ns,
    latencies: Latencies,
    is_reordered: bool,
}

impl Channels {
    /// Make empty channels.
    pub fn new(plan: &ChannelPlan) -> Self {
        Channels {
            requests: VecDeque::new(),
            responses: VecDeque::new(),
            refusals: VecDeque::new(),
            posted: 0,
            last_response_ns: BEFORE_ALL,
            latencies: Latencies::new(plan),
            is_reordered: plan.is_reordered,
        }
    }

    /// Return how many requests are under way to the exchange.
    #[inline]
    pub fn under_way(&self) -> usize {
        self.requests.len()
    }

    /// Send a request. Its arrival is set here: no earlier than that of any before it that it must not overtake.
    pub fn send(&mut self, mut request: Request) {
        let soonest_ns = self.latencies.request_arrival_ns(request.kind, request.ts_sent_ns);
        if self.is_reordered {
            let of_order = self.requests.iter().filter(|each| each.shares_an_order(&request));
            request.ts_exchange_ns = of_order.map(|each| each.ts_exchange_ns).fold(soonest_ns, Ns::max);
            let place = self.requests.partition_point(|each| each.ts_exchange_ns <= request.ts_exchange_ns);
            self.requests.insert(place, request);
            return;
        }
        request.ts_exchange_ns = self.requests.back().map_or(soonest_ns, |last| soonest_ns.max(last.ts_exchange_ns));
        self.requests.push_back(request);
    }

    /// Return when the response to something that happens now arrives.
    pub fn response_ns(&mut self, now_ns: Ns) -> Ns {
        self.last_response_ns = self.last_response_ns.max(self.latencies.response_arrival_ns(now_ns));
        self.last_response_ns
    }

    /// Post a message to the strategy; `generation` is 0 unless a callback causes it at its own nanosecond.
    pub fn post(&mut self, ts_local_ns: Ns, instrument: usize, message: Message, generation: u32) {
        self.posted += 1;
        let posted = Posted { ts_local_ns, instrument, message, generation, number: self.posted };
        // Responses do not overtake each other, and neither do refusals.
        if self.responses.back().is_none_or(|last| last.ts_local_ns <= ts_local_ns) {
            self.responses.push_back(posted);
        } else {
            self.refusals.push_back(posted);
        }
    }

    /// Count the requests that have not reached the exchange, per instrument.
    pub fn count_not_arrived(&self, counts: &mut [u64]) {
        for request in &self.requests {
            counts[request.instrument] += 1;
        }
    }

    /// Return when the next request arrives at the exchange.
    #[inline]
    pub fn next_request_ns(&self) -> Ns {
        self.requests.front().map_or(NEVER, |request| request.ts_exchange_ns)
    }

    /// Return when the next message arrives at the strategy.
    #[inline]
    pub fn next_message_ns(&self) -> Ns {
        let first = |queue: &VecDeque<Posted>| queue.front().map_or(NEVER, |posted| posted.ts_local_ns);
        first(&self.responses).min(first(&self.refusals))
    }

    /// Take the next request off its channel.
    pub fn next_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// Take the next message off its channel.
    pub fn next_message(&mut self) -> Option<Posted> {
        let place = |queue: &VecDeque<Posted>| queue.front().map(|posted| (posted.ts_local_ns, posted.number));
        match (place(&self.responses), place(&self.refusals)) {
            (Some(response), Some(refusal)) if refusal < response => self.refusals.pop_front(),
            (None, _) => self.refusals.pop_front(),
            _ => self.responses.pop_front(),
        }
    }
}
