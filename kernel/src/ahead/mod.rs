//! The book built ahead of the run, on another thread where that pays.
//!
//! Valid only while the market's history does not depend on the run: an own order never changes a row.

pub mod builder;
pub mod lazy_book;
pub mod trace_block;
pub mod worker;
