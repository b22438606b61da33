//! The result tables.

pub mod bbo_table;
pub mod order_row;
pub mod recorder;
pub mod table;
