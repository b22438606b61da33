//! Accounts and fees, in integers.

pub mod account;
