//! The result tables.

pub mod quotes;
pub mod recorder;
pub mod table;
