//! The table of best prices and sizes. Most rows of a run are in it, so that it has its own layout.
//!
//! A full table is one block of memory. Fresh memory costs more than writing to it: a block asks for large pages, and
//! is used again once it is free.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use memmap2::MmapMut;

use crate::book::touch::Touch;
use crate::contract::codes::Ns;
use crate::record::table::{all_but, Cells, Chunk, Column};

/// Rows per block: a little less than two large pages hold.
pub const ROWS: usize = 98_304;
/// Rows gathered before they are written to the block.
const GATHERED: usize = 256;
const WIDE: usize = 5;
const BYTES: usize = ROWS * (2 + 8 * WIDE);

/// One row.
#[derive(Clone, Copy)]
struct BboRow {
    ts_ns: Ns,
    touch: Touch,
    instrument: i16,
}

/// Rows of the table, gathered one by one and written column by column.
#[derive(Default)]
pub struct BboTable {
    block: Option<Memory>,
    written: usize,
    gathered: Vec<BboRow>,
    /// Rows with an empty bid and with an empty ask.
    empty: [Vec<usize>; 2],
}

impl BboTable {
    /// Return the number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.written + self.gathered.len()
    }

    /// Add a row; return whether the table is full.
    #[inline]
    pub fn push(&mut self, instrument: usize, ts_ns: Ns, touch: Touch) -> bool {
        self.gathered.push(BboRow { ts_ns, touch, instrument: instrument as i16 });
        self.gathered.len() == GATHERED && self.write()
    }

    /// Write what has been gathered to the block; return whether the table is full.
    #[inline(never)]
    fn write(&mut self) -> bool {
        let block = self.block.get_or_insert_with(Memory::new).cells();
        let (first, gathered) = (self.written, &self.gathered);
        let numbers: [fn(&BboRow) -> i64; WIDE] = [
            |row| row.ts_ns,
            |row| row.touch.price(1).unwrap_or(0),
            |row| row.touch.lots(1),
            |row| row.touch.price(-1).unwrap_or(0),
            |row| row.touch.lots(-1),
        ];
        for (i, number) in numbers.into_iter().enumerate() {
            let at = (ROWS * i + first) * 8;
            for (cell, row) in block[at..at + gathered.len() * 8].chunks_exact_mut(8).zip(gathered) {
                cell.copy_from_slice(&number(row).to_ne_bytes());
            }
        }
        let at = ROWS * WIDE * 8 + first * 2;
        for (cell, row) in block[at..at + gathered.len() * 2].chunks_exact_mut(2).zip(gathered) {
            cell.copy_from_slice(&row.instrument.to_ne_bytes());
        }
        for (empty, side) in self.empty.iter_mut().zip([1, -1]) {
            let rows = gathered.iter().enumerate().filter(|(_, row)| row.touch.lots(side) == 0);
            empty.extend(rows.map(|(row, _)| first + row));
        }
        self.written += gathered.len();
        self.gathered.clear();
        self.written == ROWS
    }

    /// Take all rows, of which there must be some.
    pub fn take(&mut self) -> Chunk {
        self.write();
        let (rows, empty) = (std::mem::take(&mut self.written), std::mem::take(&mut self.empty));
        let block = Arc::new(self.block.take().unwrap_or_else(Memory::new));
        let column = |bytes: Range<usize>, validity| Column {
            cells: Cells::Block(Block { memory: block.clone(), bytes }),
            validity,
            offsets: Vec::new(),
        };
        let wide = |i: usize, validity| column(ROWS * i * 8..(ROWS * i + rows) * 8, validity);
        let begin = ROWS * WIDE * 8;
        let mut columns = vec![column(begin..begin + rows * 2, Vec::new()), wide(0, Vec::new())];
        for i in 1..WIDE {
            columns.push(wide(i, all_but(&empty[(i - 1) / 2], rows)));
        }
        Chunk { rows, columns }
    }
}

/// A read-only part of a block.
#[derive(Debug)]
pub struct Block {
    memory: Arc<Memory>,
    bytes: Range<usize>,
}

impl Block {
    /// Return the bytes.
    pub fn bytes(&self) -> &[u8] {
        self.memory.0.as_ref().map_or(&[], |memory| &memory[self.bytes.clone()])
    }
}

/// The memory of a block; `None` while it is dropped.
#[derive(Debug)]
struct Memory(Option<MmapMut>);

/// Blocks not in use.
static SPARE: Mutex<Vec<MmapMut>> = Mutex::new(Vec::new());
/// Most blocks kept: 32 MB.
const SPARES: usize = 8;

impl Memory {
    fn new() -> Self {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Memory(Some(spare.unwrap_or_else(|| {
            let memory = MmapMut::map_anon(BYTES).expect("there is memory for the results");
            #[cfg(target_os = "linux")]
            let _ = memory.advise(memmap2::Advice::HugePage); // small pages work, too
            memory
        })))
    }

    #[inline]
    fn cells(&mut self) -> &mut [u8] {
        self.0.as_mut().map_or(&mut [], |memory| &mut memory[..])
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARES {
            spare.extend(self.0.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Book;
    use crate::contract::codes::{action, Feed};
    use crate::contract::row::Row;

    fn touch(bid: Option<i64>, ask: i64) -> Touch {
        let mut book = Book::new(Feed::L2, 0);
        let row = |side, price_ticks| Row {
            action: action::LEVEL,
            side,
            order_id: 0,
            price_ticks,
            size_lots: 7,
            flags: 1,
            phase: 0,
        };
        if let Some(bid) = bid {
            let _ = book.apply(row(1, bid), 1);
        }
        let _ = book.apply(row(-1, ask), 2);
        book.touch()
    }

    fn words(column: &Column) -> Vec<i64> {
        let Cells::Block(block) = &column.cells else { panic!("a column of a block") };
        block.bytes().chunks_exact(8).map(|cell| i64::from_ne_bytes(cell.try_into().unwrap())).collect()
    }

    #[test]
    fn rows_come_out_as_they_went_in_whether_gathered_or_written() {
        let mut table = BboTable::default();
        for n in [1, GATHERED, GATHERED + 1, 3 * GATHERED + 17] {
            for row in 0..n as i64 {
                assert!(!table.push(3, row, touch((row % 5 != 2).then_some(row), row + 10)));
            }
            let chunk = table.take();
            assert_eq!((chunk.rows, table.rows()), (n, 0));
            assert_eq!(words(&chunk.columns[1]), (0..n as i64).collect::<Vec<_>>());
            assert_eq!(words(&chunk.columns[4]), (10..n as i64 + 10).collect::<Vec<_>>());
            let bits = &chunk.columns[2].validity;
            assert!((0..n).all(|row| n <= 2 || bits[row / 8] >> (row % 8) & 1 == u8::from(row % 5 != 2)));
            assert!(chunk.columns[4].validity.is_empty());
        }
    }

    #[test]
    fn a_full_table_says_so() {
        let mut table = BboTable::default();
        let touch = touch(Some(1), 2);
        assert!((1..ROWS).all(|row| !table.push(0, row as i64, touch)));
        assert!(table.push(0, 0, touch));
        assert_eq!(table.take().rows, ROWS);
    }
}
