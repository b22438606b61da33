//! One result table, column by column in Arrow's memory layout, so that no value becomes an object.

use crate::quotes::Block;

/// A column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One byte.
    I8,
    /// Two bytes.
    I16,
    /// Eight bytes, an integer or a double's bits.
    I64,
    /// Eight bytes with nulls.
    I64OrNull,
    /// UTF-8 text.
    Text,
}

/// The memory of a column.
#[derive(Debug)]
pub enum Cells {
    /// One byte each, or texts put end to end.
    Bytes(Vec<u8>),
    /// Two bytes each.
    Shorts(Vec<i16>),
    /// Four bytes each.
    Halves(Vec<i32>),
    /// Eight bytes each.
    Words(Vec<i64>),
    /// Any of these.
    Block(Block),
}

/// A column: its values; where needed its validity, a bit a row, and its texts' ends.
pub struct Column {
    /// The values, or all texts put end to end.
    pub cells: Cells,
    /// One bit a row, lowest first; empty where nothing is null.
    pub validity: Vec<u8>,
    /// Where each text begins, and the end of the last; empty for numbers.
    pub offsets: Vec<i32>,
}

/// A table that fills row by row.
pub struct Table {
    kinds: Vec<Kind>,
    columns: Vec<Column>,
    at: usize,
    rows: usize,
}

/// The rows of a full table.
pub struct Chunk {
    /// How many.
    pub rows: usize,
    /// In the order of the schema.
    pub columns: Vec<Column>,
}

impl Column {
    fn new(kind: Kind) -> Self {
        let cells = match kind {
            Kind::I8 | Kind::Text => Cells::Bytes(Vec::new()),
            Kind::I16 => Cells::Shorts(Vec::new()),
            Kind::I64 | Kind::I64OrNull => Cells::Words(Vec::new()),
        };
        let offsets = if kind == Kind::Text { vec![0] } else { Vec::new() };
        Column { cells, validity: Vec::new(), offsets }
    }

    /// Note whether the value of the next row is one. Nothing is noted before the first null.
    #[inline]
    fn mark(&mut self, row: usize, valid: bool) {
        if self.validity.is_empty() {
            if valid {
                return;
            }
            self.validity = all_valid(row);
        }
        if row % 8 == 0 {
            self.validity.push(0);
        }
        self.validity[row / 8] |= u8::from(valid) << (row % 8);
    }
}

/// Return a set bit for each row.
pub fn all_valid(rows: usize) -> Vec<u8> {
    let mut bits = vec![0xFF; rows / 8];
    if rows % 8 != 0 {
        bits.push((1 << (rows % 8)) - 1);
    }
    bits
}

impl Table {
    /// Make an empty table.
    pub fn new(kinds: &[Kind]) -> Self {
        Table { kinds: kinds.to_vec(), columns: kinds.iter().map(|kind| Column::new(*kind)).collect(), at: 0, rows: 0 }
    }

    /// Return the number of complete rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Put a number into the next column of the row at hand.
    #[inline]
    pub fn put(&mut self, value: i64) {
        self.put_or_null(Some(value));
    }

    /// Put a number or a null into the next column of the row at hand.
    #[inline]
    pub fn put_or_null(&mut self, value: Option<i64>) {
        let (column, number) = (&mut self.columns[self.at], value.unwrap_or(0));
        match &mut column.cells {
            Cells::Bytes(bytes) => bytes.push(number as u8),
            Cells::Shorts(shorts) => shorts.push(number as i16),
            Cells::Halves(halves) => halves.push(number as i32),
            Cells::Words(words) => words.push(number),
            Cells::Block(_) => unreachable!("a table makes vectors"),
        }
        column.mark(self.rows, value.is_some());
        self.step();
    }

    /// Put a text into the next column of the row at hand.
    pub fn put_text(&mut self, text: &str) {
        let column = &mut self.columns[self.at];
        if let Cells::Bytes(bytes) = &mut column.cells {
            bytes.extend_from_slice(text.as_bytes());
            column.offsets.push(bytes.len() as i32);
        }
        self.step();
    }

    fn step(&mut self) {
        self.at += 1;
        if self.at == self.kinds.len() {
            self.at = 0;
            self.rows += 1;
        }
    }

    /// Return the bytes that the texts of the longest column have.
    pub fn text_bytes(&self) -> usize {
        let texts = self.columns.iter().filter(|column| !column.offsets.is_empty());
        texts.filter_map(|column| column.offsets.last()).map(|end| *end as usize).max().unwrap_or(0)
    }

    /// Take all rows out.
    pub fn take(&mut self) -> Chunk {
        let fresh = self.kinds.iter().map(|kind| Column::new(*kind)).collect();
        let columns = std::mem::replace(&mut self.columns, fresh);
        Chunk { rows: std::mem::take(&mut self.rows), columns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_say_which_numbers_are_null_however_late_the_first_one_comes() {
        for first in 0..20 {
            let mut table = Table::new(&[Kind::I64OrNull]);
            for row in 0..20 {
                table.put_or_null((row != first && row != 19).then_some(row));
            }
            let column = &table.take().columns[0];
            let valid: Vec<bool> = (0..20).map(|row| column.validity[row / 8] >> (row % 8) & 1 == 1).collect();
            assert_eq!(valid, (0..20).map(|row| row != first && row != 19).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_column_without_nulls_has_no_bits() {
        let mut table = Table::new(&[Kind::I64OrNull, Kind::I8]);
        (0..20).for_each(|value| table.put(value));
        assert!(table.take().columns.iter().all(|column| column.validity.is_empty()));
    }
}
