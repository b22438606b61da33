//! The table of best prices and sizes: most rows of a run are its, so that it has a way of its own.

use crate::book::Touch;
use crate::codes::Ns;
use crate::table::{Cells, Chunk, Column};

/// How many rows are handed over at once.
pub const ROWS: usize = 1 << 16;

/// Rows of the table, column by column.
#[derive(Default)]
pub struct Quotes {
    instrument: Vec<i16>,
    ts_ns: Vec<Ns>,
    numbers: [Vec<i64>; 4],
    /// The rows of an empty bid, of an empty ask.
    empty: [Vec<usize>; 2],
}

impl Quotes {
    /// Return the number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.instrument.len()
    }

    /// Add a row.
    #[inline]
    pub fn push(&mut self, instrument: usize, ts_ns: Ns, touch: Touch) {
        if self.instrument.capacity() == 0 {
            self.reserve();
        }
        for (column, side) in [(0, 1), (2, -1)] {
            let price_ticks = touch.price(side);
            if price_ticks.is_none() {
                self.empty[column / 2].push(self.instrument.len());
            }
            self.numbers[column].push(price_ticks.unwrap_or(0));
            self.numbers[column + 1].push(touch.lots(side));
        }
        self.instrument.push(instrument as i16);
        self.ts_ns.push(ts_ns);
    }

    #[cold]
    fn reserve(&mut self) {
        self.instrument.reserve_exact(ROWS);
        self.ts_ns.reserve_exact(ROWS);
        self.numbers.iter_mut().for_each(|column| column.reserve_exact(ROWS));
    }

    /// Take all rows out.
    pub fn take(&mut self) -> Chunk {
        let Quotes { instrument, ts_ns, numbers, empty } = std::mem::take(self);
        let rows = instrument.len();
        let first = Column { cells: Cells::Shorts(instrument), validity: Vec::new(), offsets: Vec::new() };
        let mut columns = vec![first, Column::of(ts_ns, &[])];
        columns.extend(numbers.into_iter().enumerate().map(|(i, numbers)| Column::of(numbers, &empty[i / 2])));
        Chunk { rows, columns }
    }
}
