//! Where the exchange writes: the strategies' channels, the result tables, the last mids.

use std::ops::Range;

use crate::contract::codes::{Ns, ISSUES};
use crate::record::recorder::Recorder;
use crate::wire::channels::Channels;

/// The strategies' channels and the result tables, shared by all instruments.
pub struct Outbox {
    /// To and from each strategy, per agent and venue, those of one agent side by side.
    pub channels: Vec<Channels>,
    /// How many venues there are.
    pub venues: usize,
    /// Agents whose channels or timers may have changed since the schedule was brought up to date.
    pub changed: Vec<usize>,
    /// The result tables.
    pub recorder: Recorder,
    /// The last doubled mid of a two-sided book, per instrument.
    pub mids2: Vec<Option<i64>>,
}

impl Outbox {
    /// Note that the channels or timers of an agent may change.
    #[inline]
    pub fn mark(&mut self, agent: usize) {
        if self.changed.last() != Some(&agent) {
            self.changed.push(agent);
        }
    }

    /// Return the places of an agent's channels, one per venue.
    #[inline]
    pub fn places_of(&self, agent: usize) -> Range<usize> {
        agent * self.venues..(agent + 1) * self.venues
    }

    /// Return the agent of the channels at a place.
    #[inline]
    pub fn agent_of(&self, place: usize) -> usize {
        place / self.venues
    }

    /// Return the channels between an agent and a venue.
    #[inline]
    pub fn channels_of(&mut self, agent: usize, venue: usize) -> &mut Channels {
        self.parts_of(agent, venue).0
    }

    /// Return the channels between an agent and a venue, and the result tables.
    #[inline]
    pub fn parts_of(&mut self, agent: usize, venue: usize) -> (&mut Channels, &mut Recorder) {
        self.mark(agent);
        let place = self.places_of(agent).start + venue;
        (&mut self.channels[place], &mut self.recorder)
    }

    /// Set the mid of an instrument, after recording the markouts due before it changes.
    #[inline]
    pub fn set_mid(&mut self, instrument: usize, mid2: Option<i64>, now_ns: Ns) {
        if self.mids2[instrument] != mid2 {
            self.recorder.markouts(now_ns - 1, &self.mids2);
            self.mids2[instrument] = mid2;
        }
    }
}

/// Counts of rows and packets.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// Rows applied.
    pub rows: u64,
    /// Packets completed.
    pub packets: u64,
    /// Packets after which the book was crossed or locked.
    pub crossed: u64,
    /// Rows skipped, per `Issue`.
    pub skipped: [u64; ISSUES],
    /// Rows repaired, per `Issue`.
    pub repaired: [u64; ISSUES],
    /// Lots of market flow that found no untaken lot.
    pub unplaced_lots: u64,
}
