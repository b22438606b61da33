//! One result table, column by column in Arrow's memory layout, so that no value becomes a Python object.

use crate::contract::generated::ColumnKind;
use crate::record::bbo_table::Block;

/// The memory of a column.
#[derive(Debug)]
pub enum Cells {
    /// One byte each, or concatenated texts.
    Bytes(Vec<u8>),
    /// Two bytes each.
    Shorts(Vec<i16>),
    /// Four bytes each.
    Halves(Vec<i32>),
    /// Eight bytes each.
    Words(Vec<i64>),
    /// A part of a block of the `bbo` table.
    Block(Block),
}

/// A column: values, validity (one bit per row) and ends of texts.
pub struct Column {
    /// The values, or all texts concatenated.
    pub cells: Cells,
    /// One bit per row, lowest first; empty if nothing is null.
    pub validity: Vec<u8>,
    /// Where each text begins, and the end of the last; empty for numbers.
    pub offsets: Vec<i32>,
}

/// Rows gathered before they are written column by column.
const GATHERED: usize = 64;

/// A table that fills row by row.
pub struct Table {
    kinds: Vec<ColumnKind>,
    columns: Vec<Column>,
    /// The rows of each column that are null.
    empty: Vec<Vec<usize>>,
    /// Rows not written yet, row by row.
    gathered: Vec<i64>,
    /// Where the row at hand begins in `gathered`.
    begin: usize,
    rows: usize,
    text_bytes: usize,
}

/// The rows of a full table.
pub struct Chunk {
    /// Number of rows.
    pub rows: usize,
    /// In the order of the schema.
    pub columns: Vec<Column>,
}

impl Column {
    fn new(kind: ColumnKind) -> Self {
        let cells = match kind {
            ColumnKind::I8 | ColumnKind::Text => Cells::Bytes(Vec::new()),
            ColumnKind::I16 => Cells::Shorts(Vec::new()),
            ColumnKind::I64 | ColumnKind::I64OrNull => Cells::Words(Vec::new()),
        };
        let offsets = if kind == ColumnKind::Text { vec![0] } else { Vec::new() };
        Column { cells, validity: Vec::new(), offsets }
    }

    /// Add values.
    fn extend(&mut self, values: impl Iterator<Item = i64>) {
        match &mut self.cells {
            Cells::Bytes(_) if !self.offsets.is_empty() => {} // texts are written at once
            Cells::Bytes(bytes) => bytes.extend(values.map(|value| value as u8)),
            Cells::Shorts(shorts) => shorts.extend(values.map(|value| value as i16)),
            Cells::Halves(halves) => halves.extend(values.map(|value| value as i32)),
            Cells::Words(words) => words.extend(values),
            Cells::Block(_) => unreachable!("a table makes vectors"),
        }
    }
}

/// Return one bit per row, cleared for those listed; empty if none is.
pub fn all_but(nulls: &[usize], rows: usize) -> Vec<u8> {
    if nulls.is_empty() {
        return Vec::new();
    }
    let mut bits = vec![0xFF; rows / 8];
    if rows % 8 != 0 {
        bits.push((1 << (rows % 8)) - 1);
    }
    for row in nulls {
        bits[row / 8] &= !(1 << (row % 8));
    }
    bits
}

impl Table {
    /// Make an empty table.
    pub fn new(kinds: &[ColumnKind]) -> Self {
        Table {
            kinds: kinds.to_vec(),
            columns: kinds.iter().map(|kind| Column::new(*kind)).collect(),
            empty: vec![Vec::new(); kinds.len()],
            gathered: Vec::with_capacity(GATHERED * kinds.len()),
            begin: 0,
            rows: 0,
            text_bytes: 0,
        }
    }

    /// Return the number of complete rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Put numbers into the next columns of the row at hand.
    #[inline]
    pub fn put<const N: usize>(&mut self, values: [i64; N]) {
        self.gathered.extend_from_slice(&values);
    }

    /// Put numbers or nulls into the next columns of the row at hand.
    #[inline]
    pub fn put_or_null<const N: usize>(&mut self, values: [Option<i64>; N]) {
        let column = self.gathered.len() - self.begin;
        for (i, value) in values.iter().enumerate() {
            if value.is_none() {
                self.empty[column + i].push(self.rows);
            }
        }
        self.put(values.map(|value| value.unwrap_or(0)));
    }

    /// Put a text into the next column of the row at hand.
    pub fn put_text(&mut self, text: &str) {
        let column = &mut self.columns[self.gathered.len() - self.begin];
        if let Cells::Bytes(bytes) = &mut column.cells {
            bytes.extend_from_slice(text.as_bytes());
            column.offsets.push(bytes.len() as i32);
        }
        self.text_bytes += text.len();
        self.put([0]);
    }

    /// End a row.
    #[inline]
    pub fn end_row(&mut self) {
        self.rows += 1;
        self.begin = self.gathered.len();
        if self.begin >= GATHERED * self.kinds.len() {
            self.write();
        }
    }

    /// Write the gathered rows to the columns.
    fn write(&mut self) {
        let width = self.kinds.len();
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.extend(self.gathered.iter().skip(i).step_by(width).copied());
        }
        self.gathered.clear();
        self.begin = 0;
    }

    /// Return how many bytes the texts have.
    #[inline]
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Take all rows.
    pub fn take(&mut self) -> Chunk {
        self.write();
        let fresh = self.kinds.iter().map(|kind| Column::new(*kind)).collect();
        let (mut columns, rows) = (std::mem::replace(&mut self.columns, fresh), std::mem::take(&mut self.rows));
        self.text_bytes = 0;
        for (column, empty) in columns.iter_mut().zip(&mut self.empty) {
            column.validity = all_but(empty, rows);
            empty.clear();
        }
        Chunk { rows, columns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_say_which_numbers_are_null_however_late_the_first_one_comes() {
        for first in 0..20 {
            let mut table = Table::new(&[ColumnKind::I64OrNull]);
            for row in 0..20 {
                table.put_or_null([(row != first && row != 19).then_some(row)]);
                table.end_row();
            }
            let column = &table.take().columns[0];
            let valid: Vec<bool> = (0..20).map(|row| column.validity[row / 8] >> (row % 8) & 1 == 1).collect();
            assert_eq!(valid, (0..20).map(|row| row != first && row != 19).collect::<Vec<_>>());
        }
    }

    #[test]
    fn rows_come_out_as_they_went_in_whether_gathered_or_written() {
        for rows in [1, GATHERED - 1, GATHERED, 3 * GATHERED + 5] {
            let mut table = Table::new(&[ColumnKind::I64, ColumnKind::Text, ColumnKind::I8]);
            for row in 0..rows as i64 {
                table.put([row]);
                table.put_text(if row % 3 == 0 { "ab" } else { "" });
                table.put([row % 100]);
                table.end_row();
            }
            assert_eq!(table.rows(), rows);
            let chunk = table.take();
            let [numbers, texts, bytes] = &chunk.columns[..] else { panic!("three columns") };
            assert!(matches!(&numbers.cells, Cells::Words(words) if words.iter().copied().eq(0..rows as i64)));
            assert!(
                matches!(&bytes.cells, Cells::Bytes(bytes) if bytes.len() == rows && bytes[rows - 1] == (rows - 1) as u8 % 100)
            );
            assert!(matches!(&texts.cells, Cells::Bytes(bytes) if bytes.len() == rows.div_ceil(3) * 2));
            assert_eq!(texts.offsets.len(), rows + 1);
            assert_eq!((chunk.rows, table.rows()), (rows, 0));
        }
    }

    #[test]
    fn a_column_without_nulls_has_no_bits() {
        let mut table = Table::new(&[ColumnKind::I64OrNull, ColumnKind::I8]);
        for value in 0..10 {
            table.put([value, value]);
            table.end_row();
        }
        assert!(table.take().columns.iter().all(|column| column.validity.is_empty()));
    }
}
