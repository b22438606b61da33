//! One result table, column by column in Arrow's memory layout, so that no value becomes an object.

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

/// A column: its values, little-endian; where needed its validity, a bit a row, and its texts' ends.
#[derive(Default)]
pub struct Column {
    /// Little-endian values, or all texts put end to end.
    pub data: Vec<u8>,
    /// One bit a row, lowest first; empty where nothing can be null.
    pub validity: Vec<u8>,
    /// Where each text begins, and the end of the last, 32 bits each; empty for numbers.
    pub offsets: Vec<u8>,
}

/// A table that fills row by row.
pub struct Table {
    kinds: Vec<Kind>,
    columns: Vec<Column>,
    at: usize,
    rows: usize,
    spare: Option<Vec<Column>>,
}

/// The rows of a full table.
pub struct Chunk {
    /// How many.
    pub rows: usize,
    /// In the order of the schema.
    pub columns: Vec<Column>,
}

impl Table {
    /// Make an empty table.
    pub fn new(kinds: &[Kind]) -> Self {
        Table { kinds: kinds.to_vec(), columns: fresh(kinds), at: 0, rows: 0, spare: None }
    }

    /// Return the number of complete rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Put a number into the next column of the row at hand.
    #[inline]
    pub fn put(&mut self, value: i64) {
        let (kind, column) = (self.kinds[self.at], &mut self.columns[self.at]);
        match kind {
            Kind::I8 => column.data.push(value as u8),
            Kind::I16 => column.data.extend_from_slice(&(value as i16).to_le_bytes()),
            _ => column.data.extend_from_slice(&value.to_le_bytes()),
        }
        if kind == Kind::I64OrNull {
            mark(&mut column.validity, self.rows, true);
        }
        self.step();
    }

    /// Put a number or a null into the next column of the row at hand.
    #[inline]
    pub fn put_or_null(&mut self, value: Option<i64>) {
        let column = &mut self.columns[self.at];
        column.data.extend_from_slice(&value.unwrap_or(0).to_le_bytes());
        mark(&mut column.validity, self.rows, value.is_some());
        self.step();
    }

    /// Put numbers into one column, behind complete rows whose number divides by 8; the last column completes the rows.
    pub fn put_column(&mut self, at: usize, values: impl ExactSizeIterator<Item = Option<i64>>) {
        let (kind, column, rows) = (self.kinds[at], &mut self.columns[at], values.len());
        let width = if kind == Kind::I16 { 2 } else { 8 };
        let (data, bits) = (column.data.len(), column.validity.len());
        column.data.resize(data + rows * width, 0);
        if kind == Kind::I64OrNull {
            column.validity.resize(bits + rows.div_ceil(8), 0);
        }
        for (row, value) in values.enumerate() {
            let bytes = value.unwrap_or(0).to_le_bytes();
            column.data[data + row * width..][..width].copy_from_slice(&bytes[..width]);
            if kind == Kind::I64OrNull {
                column.validity[bits + row / 8] |= u8::from(value.is_some()) << (row % 8);
            }
        }
        if at + 1 == self.kinds.len() {
            self.rows += rows;
        }
    }

    /// Put a text into the next column of the row at hand.
    pub fn put_text(&mut self, text: &str) {
        let column = &mut self.columns[self.at];
        column.data.extend_from_slice(text.as_bytes());
        column.offsets.extend_from_slice(&(column.data.len() as i32).to_le_bytes());
        self.step();
    }

    #[inline]
    fn step(&mut self) {
        self.at += 1;
        if self.at == self.kinds.len() {
            self.at = 0;
            self.rows += 1;
        }
    }

    /// Return the bytes that the texts of the longest column have.
    pub fn text_bytes(&self) -> usize {
        let texts = self.kinds.iter().zip(&self.columns).filter(|(kind, _)| **kind == Kind::Text);
        texts.map(|(_, column)| column.data.len()).max().unwrap_or(0)
    }

    /// Take all rows out.
    pub fn take(&mut self) -> Chunk {
        let next = self.spare.take().unwrap_or_else(|| fresh(&self.kinds));
        let columns = std::mem::replace(&mut self.columns, next);
        Chunk { rows: std::mem::take(&mut self.rows), columns }
    }

    /// Take the memory of a chunk back that is not needed any more.
    pub fn reuse(&mut self, chunk: Chunk) {
        let mut columns = chunk.columns;
        for (kind, column) in self.kinds.iter().zip(&mut columns) {
            column.data.clear();
            column.validity.clear();
            column.offsets.truncate(if *kind == Kind::Text { 4 } else { 0 });
        }
        self.spare = Some(columns);
    }
}

fn fresh(kinds: &[Kind]) -> Vec<Column> {
    let offsets = |kind: &Kind| if *kind == Kind::Text { vec![0; 4] } else { Vec::new() };
    kinds.iter().map(|kind| Column { offsets: offsets(kind), ..Column::default() }).collect()
}

#[inline]
fn mark(validity: &mut Vec<u8>, row: usize, valid: bool) {
    if row % 8 == 0 {
        validity.push(0);
    }
    if let Some(last) = validity.last_mut() {
        *last |= u8::from(valid) << (row % 8);
    }
}
