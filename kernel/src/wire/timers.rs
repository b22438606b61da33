//! A strategy's timers. Those of a closed market sleep.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::contract::codes::{Ns, NEVER};

/// A timer of one instrument's context; `interval_ns` is 0 for one that fires once.
#[derive(Clone, Copy)]
struct Timer {
    interval_ns: Ns,
    instrument: usize,
    generation: u32,
}

/// Timers by due time, then by age.
pub struct Timers {
    ids: i64,
    timers: FxHashMap<i64, Timer>,
    due: BinaryHeap<Reverse<(Ns, i64)>>,
    asleep: Vec<i64>,
    next_ns: Ns,
}

impl Default for Timers {
    fn default() -> Self {
        let (timers, due) = (FxHashMap::default(), BinaryHeap::new());
        Timers { ids: 0, timers, due, asleep: Vec::new(), next_ns: NEVER }
    }
}

impl Timers {
    /// Return when the next timer is due, `NEVER` where there is none.
    #[inline]
    pub fn next_ns(&self) -> Ns {
        self.next_ns
    }

    /// Return how many have been set since the start.
    pub fn made(&self) -> i64 {
        self.ids
    }

    /// Return how many are set.
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Return whether none is set.
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// Find the next timer that is due, past those that have been cancelled.
    fn find_next(&mut self) {
        while self.due.peek().is_some_and(|Reverse((_, id))| !self.timers.contains_key(id)) {
            self.due.pop();
        }
        self.next_ns = self.due.peek().map_or(NEVER, |Reverse((due_ns, _))| *due_ns);
    }

    /// Return the instrument of the timer that is due next. There must be one.
    pub fn next_instrument(&self) -> usize {
        let Reverse((_, id)) = self.due.peek().expect("a timer is due");
        self.timers[id].instrument
    }

    /// Set a timer and return its id; `generation` is 0 unless it is due at the nanosecond at which a callback sets it.
    pub fn add(&mut self, due_ns: Ns, interval_ns: Ns, instrument: usize, generation: u32) -> i64 {
        self.ids += 1;
        self.timers.insert(self.ids, Timer { interval_ns, instrument, generation });
        self.due.push(Reverse((due_ns, self.ids)));
        self.next_ns = self.next_ns.min(due_ns);
        self.ids
    }

    /// Cancel a timer; an unknown id is no error.
    pub fn cancel(&mut self, timer_id: i64) {
        self.timers.remove(&timer_id);
        self.find_next();
    }

    /// Take the next timer that is due; return its id and generation. One with an interval is set anew.
    pub fn pop(&mut self) -> (i64, u32) {
        let Reverse((due_ns, id)) = self.due.pop().expect("a timer is due");
        let Timer { interval_ns, generation, .. } = self.timers[&id];
        if interval_ns == 0 {
            self.timers.remove(&id);
        } else {
            self.due.push(Reverse((due_ns.saturating_add(interval_ns), id)));
        }
        self.find_next();
        (id, generation)
    }

    /// Put the next timer that is due to sleep.
    pub fn sleep(&mut self) {
        let Reverse((_, id)) = self.due.pop().expect("a timer is due");
        self.asleep.push(id);
        self.find_next();
    }

    /// Set the sleeping timers of an instrument: those with an interval from now on, the others at once.
    #[inline]
    pub fn wake(&mut self, now_ns: Ns, instrument: usize) {
        if self.asleep.is_empty() {
            return;
        }
        for id in std::mem::take(&mut self.asleep) {
            match self.timers.get_mut(&id) {
                Some(timer) if timer.instrument == instrument => {
                    timer.generation = 0;
                    self.due.push(Reverse((now_ns.saturating_add(timer.interval_ns), id)));
                }
                Some(_) => self.asleep.push(id),
                None => {}
            }
        }
        self.find_next();
    }
}
