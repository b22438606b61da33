//! The result tables.

pub mod bbo_table;
pub mod recorder;
pub mod table;
