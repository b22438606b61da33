//! How long a message takes between a strategy and a venue.
//!
//! Assumption: latencies are constant, drawn from a distribution, or those of a measured series, for each kind of
//! message; a gateway may serve one message at a time. The load of the venue and its other members show in none of them
//! but a measured series.
//! Bias: constants and independent draws are optimistic in busy seconds, in which real gateways and networks are slower
//! than on average, while those are the seconds in which a slow cancel costs most. docs/latency.md has the bias of each
//! model.

use crate::contract::codes::{Ns, RequestKind, BEFORE_ALL};
use crate::contract::generated::{MAX_STRETCHES, RANK_BITS, REDRAW_BELOW};
use crate::contract::plan::{ChannelPlan, LatencyPlan};
use crate::models::queue_weights::at_length;

/// Where `ChannelPlan.latencies` has responses.
const RESPONSE: usize = 3;

/// The latencies of the messages of one channel, in the order in which they are sent.
pub struct Latencies {
    plan: ChannelPlan,
    /// How many messages of each kind have been sent.
    sent: [u64; 4],
    /// When the gateway is free.
    free_ns: Ns,
}

impl Latencies {
    /// Begin with the first message.
    pub fn new(plan: &ChannelPlan) -> Self {
        Latencies { plan: plan.clone(), sent: [0; 4], free_ns: BEFORE_ALL }
    }

    /// Return when a request that is sent at `sent_ns` reaches the exchange, if nothing is ahead of it.
    #[inline]
    pub fn request_arrival_ns(&mut self, kind: RequestKind, sent_ns: Ns) -> Ns {
        if self.plan.latencies.is_empty() {
            return sent_ns.saturating_add(self.plan.entry_ns);
        }
        let place = match kind {
            RequestKind::New => 0,
            RequestKind::Replace => 1,
            RequestKind::Cancel | RequestKind::CancelAll | RequestKind::MmpReset => 2,
        };
        let latency_ns = self.next_ns(place, sent_ns);
        let waits_ns = self.waits_ns(self.plan.latencies[place].service_ns, sent_ns);
        sent_ns.saturating_add(latency_ns).saturating_add(waits_ns)
    }

    /// Return when the response to an event at `event_ns` reaches the strategy, if nothing is ahead of it.
    #[inline]
    pub fn response_arrival_ns(&mut self, event_ns: Ns) -> Ns {
        if self.plan.latencies.is_empty() {
            return event_ns.saturating_add(self.plan.response_ns);
        }
        event_ns.saturating_add(self.next_ns(RESPONSE, event_ns))
    }

    /// Return the latency of the next message of a kind.
    fn next_ns(&mut self, place: usize, now_ns: Ns) -> Ns {
        let number = self.sent[place];
        self.sent[place] += 1;
        self.plan.latencies[place].at(number, now_ns).max(1)
    }

    /// Return how long a request waits for the gateway, which is then busy with it.
    fn waits_ns(&mut self, service_ns: Ns, now_ns: Ns) -> Ns {
        if service_ns == 0 {
            return 0;
        }
        let begin_ns = now_ns.max(self.free_ns);
        self.free_ns = begin_ns.saturating_add(service_ns);
        begin_ns - now_ns
    }
}

impl LatencyPlan {
    /// Return the latency of a message by its number among those of its kind and the time at which it is sent.
    fn at(&self, number: u64, now_ns: Ns) -> Ns {
        let varying_ns = if !self.quantiles_ns.is_empty() {
            let rank = if self.stretch_ns == 0 {
                (random_word(self.stream, number) >> (u64::BITS - RANK_BITS)) as i64
            } else {
                rank_at(self.stream, now_ns.div_euclid(self.stretch_ns))
            };
            at_length(&self.quantiles_ns, rank)
        } else if !self.measured_ns.is_empty() {
            self.measured_at(now_ns)
        } else {
            0
        };
        self.constant_ns.saturating_add(varying_ns)
    }

    /// Return the value of the series at a time; before its first and after its last time those hold.
    fn measured_at(&self, now_ns: Ns) -> Ns {
        let after = self.measured_ts_ns.partition_point(|&time_ns| time_ns <= now_ns);
        let Some(before) = after.checked_sub(1) else { return self.measured_ns[0] };
        let before_ns = self.measured_ns[before];
        if !self.is_interpolated || after == self.measured_ts_ns.len() {
            return before_ns;
        }
        let (begin_ns, end_ns) = (i128::from(self.measured_ts_ns[before]), i128::from(self.measured_ts_ns[after]));
        let rise_ns = i128::from(self.measured_ns[after]) - i128::from(before_ns);
        before_ns + (rise_ns * (i128::from(now_ns) - begin_ns)).div_euclid(end_ns - begin_ns) as Ns
    }
}

/// Return the rank that holds in a stretch of time: that of the latest one that has drawn a new rank.
fn rank_at(stream: i64, stretch: i64) -> i64 {
    let words = (0..MAX_STRETCHES).map(|back| random_word(stream, (stretch - back) as u64));
    let mut last = 0;
    for word in words {
        last = word;
        if word >> 32 < REDRAW_BELOW {
            break;
        }
    }
    (last & ((1 << RANK_BITS) - 1)) as i64
}

/// Return a random number of a stream by its place: SplitMix64, seeded with the stream.
fn random_word(stream: i64, number: u64) -> u64 {
    let mut word = (stream as u64).wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}
