//! Consecutive market rows, column by column, in memory owned by someone else.

use std::any::Any;

use crate::contract::codes::{action, flag, Ns};
use crate::contract::row::Row;

/// Columns of equal length.
#[derive(Clone, Copy, Default)]
pub struct Columns<'a> {
    /// When each row happened at the exchange.
    pub ts_exchange_ns: &'a [Ns],
    /// When its packet is received.
    pub ts_local_ns: &'a [Ns],
    /// A code of `codes::action`.
    pub action: &'a [u8],
    /// Side of the resting order: +1 bid, -1 ask, 0 none or both.
    pub side: &'a [i8],
    /// The order (L3), 0 for none.
    pub order_id: &'a [u64],
    /// Ticks.
    pub price_ticks: &'a [i64],
    /// Lots.
    pub size_lots: &'a [i64],
    /// Bits of `codes::flag`.
    pub flags: &'a [u8],
    /// The phase that a STATUS row announces.
    pub phase: &'a [u8],
}

/// Consecutive rows of a file.
pub struct Batch {
    columns: Columns<'static>,
    // Declared after `columns`, which it keeps alive, and never used.
    _owner: Box<dyn Any + Send + Sync>,
    /// The file, for messages.
    pub path: String,
    /// The file's row number of the first row.
    pub first_row: i64,
    eventful: bool,
}

impl Batch {
    /// Make a batch of columns that an owner keeps where they are.
    ///
    /// # Safety
    /// The columns must stay valid and unchanged for as long as the owner lives, wherever it is moved.
    pub unsafe fn new(columns: Columns<'_>, owner: Box<dyn Any + Send + Sync>, path: String, first_row: i64) -> Self {
        // SAFETY: the caller promises that the columns live as long as the owner, which lives as long as this batch;
        // the lifetime does not leave this module.
        let columns = unsafe { std::mem::transmute::<Columns<'_>, Columns<'static>>(columns) };
        let n = columns.ts_exchange_ns.len();
        let bytes = [columns.action.len(), columns.side.len(), columns.flags.len(), columns.phase.len()];
        let words = [columns.ts_local_ns.len(), columns.order_id.len(), columns.price_ticks.len()];
        assert!(bytes.iter().chain(&words).all(|len| *len == n) && columns.size_lots.len() == n, "columns differ");
        let suspect = columns.flags.iter().fold(0, |all, flags| all | flags) & flag::SUSPECT != 0;
        let eventful = suspect || columns.action.contains(&action::STATUS);
        Batch { columns, _owner: owner, path, first_row, eventful }
    }

    /// Return whether some row has the SUSPECT flag or changes the phase.
    pub fn is_eventful(&self) -> bool {
        self.eventful
    }

    /// Return the number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.columns.ts_exchange_ns.len()
    }

    /// Return whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Return the columns, cut to one length: the length is checked once, not per access.
    #[inline(always)]
    pub fn columns(&self) -> Columns<'_> {
        self.slice(0, self.len())
    }

    /// Return the columns of the rows from `begin`, no more than `most`.
    #[inline(always)]
    pub fn slice(&self, begin: usize, most: usize) -> Columns<'_> {
        let (end, all) = (self.len().min(begin + most), &self.columns);
        Columns {
            ts_exchange_ns: &all.ts_exchange_ns[begin..end],
            ts_local_ns: &all.ts_local_ns[begin..end],
            action: &all.action[begin..end],
            side: &all.side[begin..end],
            order_id: &all.order_id[begin..end],
            price_ticks: &all.price_ticks[begin..end],
            size_lots: &all.size_lots[begin..end],
            flags: &all.flags[begin..end],
            phase: &all.phase[begin..end],
        }
    }
}

impl Columns<'_> {
    /// Return the number of rows.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.ts_exchange_ns.len()
    }

    /// Return whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Return a row without its times.
    #[inline(always)]
    pub fn row(&self, i: usize) -> Row {
        Row {
            action: self.action[i],
            side: self.side[i],
            order_id: self.order_id[i],
            price_ticks: self.price_ticks[i],
            size_lots: self.size_lots[i],
            flags: self.flags[i],
            phase: self.phase[i],
        }
    }
}
