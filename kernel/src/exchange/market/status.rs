//! What rows announce beside what they do to the book: the phase, and whether the book can be trusted.

use crate::contract::codes::{action, flag, phase, IssuePolicy, Ns, BEFORE_ALL, ISSUES};
use crate::contract::row::Row;

/// Phase and trust of one instrument.
pub struct Status {
    /// The trading phase, a code of `codes::phase`.
    pub phase: u8,
    /// True if a STATUS row has come.
    pub has_phases: bool,
    /// Set by a SUSPECT row, cleared by the next row without that flag.
    is_suspect: bool,
    /// When the current run of suspect rows began; meaningless unless `is_suspect`.
    suspect_since_ns: Ns,
    /// When the last row happened that was suspect or could not be applied.
    last_suspect_ns: Ns,
    /// Fills up to this long after `last_suspect_ns` are tainted.
    taint_ns: Ns,
    /// What to do about a row that the book cannot apply, per `Issue`.
    pub policies: [IssuePolicy; ISSUES],
}

impl Status {
    /// Start in continuous trading with a book that can be trusted.
    pub fn new(taint_ns: Ns, policies: [IssuePolicy; ISSUES]) -> Self {
        Status {
            phase: phase::CONTINUOUS,
            has_phases: false,
            is_suspect: false,
            suspect_since_ns: BEFORE_ALL,
            last_suspect_ns: BEFORE_ALL,
            taint_ns,
            policies,
        }
    }

    /// Note a row's flags and phase; return whether the phase changes.
    #[cold]
    pub fn note(&mut self, row: &Row, now_ns: Ns) -> bool {
        let is_suspect = row.flags & flag::SUSPECT != 0;
        if is_suspect {
            self.last_suspect_ns = now_ns;
            if !self.is_suspect {
                self.suspect_since_ns = now_ns;
            }
        }
        self.is_suspect = is_suspect;
        self.has_phases |= row.action == action::STATUS;
        let changes = row.action == action::STATUS && self.phase != row.phase;
        if changes {
            self.phase = row.phase;
        }
        changes
    }

    /// Note a row that could not be applied as it is.
    pub fn mark_suspect(&mut self, now_ns: Ns) {
        self.last_suspect_ns = now_ns;
    }

    /// Return whether the last row was suspect.
    #[inline(always)]
    pub fn is_suspect(&self) -> bool {
        self.is_suspect
    }

    /// Return since when the book has been suspect, `None` where it is not.
    pub fn suspect_since_ns(&self) -> Option<Ns> {
        self.is_suspect.then_some(self.suspect_since_ns)
    }

    /// Return whether fills at a time are tainted.
    pub fn taints(&self, now_ns: Ns) -> bool {
        now_ns.saturating_sub(self.last_suspect_ns) <= self.taint_ns
    }
}
