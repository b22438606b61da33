//! Whatever rows come, within the limits that the reader keeps, the book stays whole. The fuzz targets
//! (`kernel/fuzz`) look for bytes with which it does not; here they are random.

use _kernel::book::Book;
use _kernel::contract::codes::{action, flag, Feed, LIMIT};
use _kernel::contract::row::Row;

const BYTES_A_ROW: usize = 8;

/// Read bytes as rows of a feed and apply them one by one.
pub fn replay(feed: Feed, bytes: &[u8]) {
    let mut book = Book::new(feed, 0);
    for (number, bytes) in (1..).zip(bytes.chunks_exact(BYTES_A_ROW)) {
        let row = row(feed, bytes.try_into().expect("a chunk has this length"));
        let refused = book.apply(row, number);
        if row.flags & flag::LAST != 0 {
            book.complete();
        }
        book.check().unwrap_or_else(|broken| panic!("after {row:?}, {refused:?}: {broken}"));
    }
}

/// Few ids, prices and sizes as a rule, so that rows meet; now and then any that a file may have.
fn row(feed: Feed, [kind, bits, id0, id1, price0, price1, size, far]: [u8; BYTES_A_ROW]) -> Row {
    let action = match (feed, kind) {
        (_, 0) if bits < 16 => action::CLEAR, // rare, lest the book stay small
        (Feed::L3, _) => [action::ADD, action::CANCEL, action::MODIFY, action::EXECUTE][usize::from(kind % 4)],
        _ => action::LEVEL,
    };
    let side = if bits & 2 == 0 { 1 } else { -1 };
    let least = i64::from(action != action::LEVEL);
    Row {
        action,
        side: if action == action::CLEAR && bits & 4 != 0 { 0 } else { side },
        order_id: u64::from(u16::from_le_bytes([id0, id1]) % 2048) + 1,
        price_ticks: price(i64::from(i16::from_le_bytes([price0, price1])), far % 16),
        size_lots: if far == 0 { LIMIT - 1 - i64::from(size) } else { i64::from(size % 8).max(least) },
        flags: bits & flag::LAST,
        phase: 0,
    }
}

/// Near the best price, in a wider range than the ladder's band, or as far away as a file allows.
fn price(any: i64, far: u8) -> i64 {
    match far {
        0 => (any << 26).clamp(1 - LIMIT, LIMIT - 1),
        1..=4 => any,
        _ => any % 100,
    }
}

#[cfg(test)]
mod tests {
    use _kernel::contract::codes::Feed;

    use super::{replay, BYTES_A_ROW};

    /// Bytes that are the same on every machine.
    fn random_bytes(mut seed: u64, len: usize) -> Vec<u8> {
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn no_rows_break_a_book_of_orders() {
        (0..3).for_each(|seed| replay(Feed::L3, &random_bytes(seed, 6_000 * BYTES_A_ROW)));
    }

    #[test]
    fn no_rows_break_a_book_of_sizes() {
        (0..3).for_each(|seed| replay(Feed::L2, &random_bytes(seed, 6_000 * BYTES_A_ROW)));
    }
}
