//! The market's order book and the structures that it is made of.

pub mod ids;
pub mod ladder;
pub mod order_book;
pub mod row_effect;
pub mod slab;
pub mod touch;
pub mod tournament;

pub use order_book::{Book, BookOrder, Level};
