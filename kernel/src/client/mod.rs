//! The strategy's side: what it knows, what it is allowed, and what it sends.

pub mod agent;
pub mod desk;
pub mod entry;
pub mod limits;
pub mod number;
pub mod quoter;
