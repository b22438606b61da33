//! Bytes as rows of an L3 file.
#![no_main]

#[path = "../../tests/book.rs"]
mod book;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| book::replay(_kernel::contract::codes::Feed::L3, bytes));
