//! Accounts, in integers.

pub mod account;
