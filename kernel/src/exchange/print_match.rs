//! L2: which prints explain which falls of a level, kept once for all own orders.

use std::collections::VecDeque;

use rustc_hash::FxHashMap as HashMap;

use crate::book::Book;
use crate::contract::codes::{index, sides, Ns};
use crate::contract::plan::InstrumentPlan;
use crate::models::queue::Model;

/// Side and price, ticks, of a level.
pub type LevelKey = (i8, i64);

/// Falls between two sweeps of what is too old to matter.
const SWEEP: u64 = 4096;

/// A decrease of a level by a LEVEL row.
#[derive(Clone, Copy)]
pub struct Fall {
    /// Ascends in the instrument; lower is older.
    pub number: u64,
    /// When it happened, nanoseconds.
    pub ts_ns: Ns,
    /// Displayed size before it, lots.
    pub old: i64,
    /// Displayed size after it, lots.
    pub new: i64,
    /// Lots that earlier prints explain.
    pub explained: i64,
    /// Lots that later prints have explained since.
    pub late: i64,
    /// True if unexplained lots move positions by the queue model; not so for those of a snapshot.
    pub moves_by_model: bool,
}

impl Fall {
    /// Return the lots that no print explains so far.
    #[inline]
    pub fn unexplained(&self) -> i64 {
        self.old - self.new - self.explained - self.late
    }
}

/// A level before the CLEAR that took it off, and the lots printed there.
type Shown = (LevelKey, i64, i64);

/// Prints that no LEVEL row has shown yet, and falls that no print has explained yet.
pub struct PrintMatch {
    /// How much of what no print explains was ahead of an own order.
    pub model: Model,
    late_level_ns: Ns,
    late_print_ns: Ns,
    printed: HashMap<LevelKey, VecDeque<(Ns, i64)>>,
    falls: HashMap<LevelKey, VecDeque<Fall>>,
    shown: Vec<Shown>,
    /// The number of the last fall.
    pub number: u64,
}

impl PrintMatch {
    /// Start without prints.
    pub fn new(plan: &InstrumentPlan) -> Self {
        PrintMatch {
            model: Model::new(plan),
            late_level_ns: plan.fill_rules.late_level_ns,
            late_print_ns: plan.fill_rules.late_print_ns,
            printed: HashMap::default(),
            falls: HashMap::default(),
            shown: Vec::new(),
            number: 0,
        }
    }

    /// Return the lots printed at a level that its next LEVEL row is to show.
    #[inline]
    pub fn printed(&self, place: LevelKey, now_ns: Ns) -> i64 {
        if self.printed.is_empty() {
            return 0;
        }
        let prints = self.printed.get(&place);
        let recent = prints.into_iter().flatten().filter(|(ts_ns, _)| now_ns - ts_ns <= self.late_level_ns);
        recent.map(|(_, lots)| lots).sum()
    }

    /// Return the falls of a level that are kept, oldest first, with all later ones.
    pub fn falls(&self, place: LevelKey) -> impl Iterator<Item = &Fall> {
        self.falls.get(&place).into_iter().flatten()
    }

    /// Return the number of the oldest fall that is kept at a level.
    #[inline]
    pub fn oldest(&self, place: LevelKey) -> Option<u64> {
        if self.falls.is_empty() {
            return None;
        }
        self.falls.get(&place).and_then(VecDeque::front).map(|fall| fall.number)
    }

    /// Apply a LEVEL row; return the fall, if it is one.
    pub fn level(&mut self, place: LevelKey, (old, new): (i64, i64), now_ns: Ns) -> Option<Fall> {
        let explained = self.printed(place, now_ns).min(old - new);
        if !self.printed.is_empty() {
            self.printed.remove(&place);
        }
        (new < old).then(|| self.fall(place, (old, new, explained), now_ns, true))
    }

    /// Drop what is known of a level that a WINDOW row changes; return the fall of a level that stays, if it is one.
    pub fn window(&mut self, place: LevelKey, (old, new): (i64, i64), now_ns: Ns) -> Option<Fall> {
        self.printed.remove(&place);
        self.falls.remove(&place);
        (0 < new && new < old).then(|| {
            self.number += 1;
            Fall { number: self.number, ts_ns: now_ns, old, new, explained: 0, late: 0, moves_by_model: false }
        })
    }

    /// Find the oldest fall that lots of a print explain, and count them there; return the fall and the lots.
    pub fn explain(&mut self, place: LevelKey, size_lots: i64, now_ns: Ns) -> Option<(Fall, i64)> {
        self.drop_explained(place, now_ns);
        let fall = self.falls.get_mut(&place)?.iter_mut().find(|fall| fall.unexplained() > 0)?;
        let lots = size_lots.min(fall.unexplained());
        fall.late += lots;
        (lots > 0).then_some((*fall, lots))
    }

    /// Apply the new part of a print, which went through all better levels.
    pub fn trade(&mut self, place: LevelKey, size_lots: i64, now_ns: Ns, book: &Book) {
        let (side, price_ticks) = place;
        let prints = self.printed.entry(place).or_default();
        while prints.front().is_some_and(|(ts_ns, _)| now_ns - ts_ns > self.late_level_ns) {
            prints.pop_front();
        }
        prints.push_back((now_ns, size_lots));
        for level in book.levels(side) {
            if i64::from(side) * level.price_ticks() <= i64::from(side) * price_ticks {
                return;
            }
            let prints = self.printed.entry((side, level.price_ticks())).or_default();
            prints.clear();
            prints.push_back((now_ns, level.size_lots));
        }
    }

    /// Drop what is known of a side (0: both) that a CLEAR is about to empty; remember the levels displayed.
    pub fn clear(&mut self, side: i8, now_ns: Ns, book: &Book) {
        for each in sides(side) {
            if !book.awaiting_snapshot[index(*each)] && self.late_print_ns != 0 {
                for level in book.levels(*each) {
                    let place = (*each, level.price_ticks());
                    self.shown.push((place, level.size_lots, self.printed(place, now_ns)));
                }
            }
            self.printed.retain(|place, _| place.0 != *each);
            self.falls.retain(|place, _| place.0 != *each);
        }
    }

    /// After a CLEAR, once a side is displayed again, return the falls of its levels since.
    pub fn end_packet(&mut self, now_ns: Ns, book: &Book) -> HashMap<LevelKey, Fall> {
        let mut falls = HashMap::default();
        for side in [1, -1] {
            if !book.awaiting_snapshot[index(side)] || book.is_side_empty(side) {
                continue;
            }
            let (here, others) = self.shown.drain(..).partition(|(place, ..)| place.0 == side);
            self.shown = others;
            let here: Vec<Shown> = here;
            for (place, old, printed) in here {
                let new = book.size_at(place.0, place.1);
                if new < old && !book.beyond_window(place.0, place.1) {
                    let explained = printed.min(old - new);
                    falls.insert(place, self.fall(place, (old, new, explained), now_ns, false));
                }
            }
        }
        falls
    }

    fn fall(
        &mut self,
        place: LevelKey,
        (old, new, explained): (i64, i64, i64),
        now_ns: Ns,
        moves_by_model: bool,
    ) -> Fall {
        self.number += 1;
        let fall = Fall { number: self.number, ts_ns: now_ns, old, new, explained, late: 0, moves_by_model };
        self.drop_explained(place, now_ns);
        // A fall that is explained completely is kept only to be applied again after an older one.
        if self.late_print_ns != 0 && (fall.unexplained() > 0 || self.falls.contains_key(&place)) {
            self.falls.entry(place).or_default().push_back(fall);
        }
        if self.number % SWEEP == 0 {
            let (late_level_ns, late_print_ns) = (self.late_level_ns, self.late_print_ns);
            self.falls.retain(|_, falls| falls.back().is_some_and(|fall| now_ns - fall.ts_ns <= late_print_ns));
            self.printed.retain(|_, prints| prints.back().is_some_and(|(ts_ns, _)| now_ns - ts_ns <= late_level_ns));
        }
        fall
    }

    /// Drop the falls of a level before the oldest that a print may still explain.
    fn drop_explained(&mut self, place: LevelKey, now_ns: Ns) {
        if self.falls.is_empty() {
            return;
        }
        let Some(falls) = self.falls.get_mut(&place) else { return };
        let late_print_ns = self.late_print_ns;
        while falls.front().is_some_and(|fall| now_ns - fall.ts_ns > late_print_ns || fall.unexplained() == 0) {
            falls.pop_front();
        }
        if falls.is_empty() {
            self.falls.remove(&place);
        }
    }
}
