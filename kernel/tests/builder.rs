//! What the book builder notes of rows is what a book says that takes them in one by one.

use std::sync::Arc;

use _kernel::ahead::builder::BookBuilder;
use _kernel::ahead::trace_block::TraceBlock;
use _kernel::book::touch::Touch;
use _kernel::book::Book;
use _kernel::contract::batch::{Batch, Columns};
use _kernel::contract::codes::{action, flag, key, Feed};
use _kernel::contract::row::Row;

const ROWS: usize = 30_000;

/// Rows that meet: few ids, prices and sizes; some cannot be applied, and some packets have several.
fn random_rows(mut seed: u64) -> Vec<Row> {
    let mut random = move |n: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    let mut row = || Row {
        action: match random(200) {
            0 => action::CLEAR,
            1..=4 => action::TRADE,
            5..=99 => action::ADD,
            100..=159 => action::CANCEL,
            160..=179 => action::EXECUTE,
            _ => action::MODIFY,
        },
        side: if random(2) == 0 { 1 } else { -1 },
        order_id: random(300) + 1,
        price_ticks: random(40) as i64,
        size_lots: random(9) as i64 + 1,
        flags: if random(4) == 0 { 0 } else { flag::LAST },
        phase: 0,
    };
    (0..ROWS).map(|_| row()).collect()
}

fn batch(rows: &[Row]) -> Arc<Batch> {
    let times: Vec<i64> = (0..rows.len() as i64).collect();
    let (actions, flags): (Vec<u8>, Vec<u8>) = rows.iter().map(|row| (row.action, row.flags)).unzip();
    let sides: Vec<i8> = rows.iter().map(|row| row.side).collect();
    let ids: Vec<u64> = rows.iter().map(|row| row.order_id).collect();
    let (prices, sizes): (Vec<i64>, Vec<i64>) = rows.iter().map(|row| (row.price_ticks, row.size_lots)).unzip();
    let phases = vec![0u8; rows.len()];
    let columns = Columns {
        ts_exchange_ns: &times,
        ts_local_ns: &times,
        action: &actions,
        side: &sides,
        order_id: &ids,
        price_ticks: &prices,
        size_lots: &sizes,
        flags: &flags,
        phase: &phases,
    };
    // SAFETY: the vectors' memory stays where it is when they move into the owner, which nobody changes.
    let columns: Columns<'static> = unsafe { std::mem::transmute(columns) };
    let owner = Box::new((times, actions, flags, sides, ids, prices, sizes, phases));
    // SAFETY: as above.
    Arc::new(unsafe { Batch::new(columns, owner, "rows".into(), 0) })
}

#[test]
fn traces_and_marks_are_what_a_book_says() {
    for seed in 0..4 {
        let rows = random_rows(seed);
        let (mut builder, mut book, mut touch) =
            (BookBuilder::new(Feed::L3, 0, true), Book::new(Feed::L3, 0), Touch::default());
        let batch = batch(&rows);
        let (mut begin, mut number, mut block) = (0, 0, TraceBlock::default());
        while begin < rows.len() {
            let end = builder.build(&batch, begin, &mut block);
            block.set_batch(batch.clone());
            let mut marks = block.marks().iter().peekable();
            for i in 0..end - begin {
                number += 1;
                let (row, effect) = (rows[begin + i], block.effects(end - begin)[i]);
                let named =
                    book.order_by_id(row.order_id).map(|order| (order.arrival, order.size_lots, book.stands_at(order)));
                let applied =
                    book.apply(row, number).or_else(|issue| book.repair(row, number, issue, true).ok_or(issue));
                let mark = marks.next_if(|mark| mark.row as usize == i);
                assert_eq!(
                    applied.is_err() || row.size_lots != repaired_lots(&row, named),
                    mark.is_some_and(|m| m.issue.is_some())
                );
                if let (true, Some((arrival, size_lots, (side, price_ticks)))) =
                    (is_taking(&row) && applied.is_ok(), named)
                {
                    assert_eq!((effect.arrival, effect.size_lots), (arrival, size_lots));
                    assert_eq!((effect.side(), effect.key()), (side, key(side, price_ticks)));
                    assert_eq!(effect.level_lots, book.size_at(side, price_ticks));
                }
                if row.flags & flag::LAST != 0 {
                    book.complete();
                    if number % 8 == 0 {
                        book.check().unwrap();
                    }
                    let left = mark.filter(|mark| mark.ends_packet).map(|mark| mark.touch);
                    assert_eq!(left.unwrap_or(touch), book.touch());
                    touch = book.touch();
                }
                for sought in [row.price_ticks, row.price_ticks + 1] {
                    let said = block.size_at(row.side, key(row.side, sought), i + 1);
                    assert!(said.is_none_or(|lots| lots == book.size_at(row.side, sought)), "row {number} of {seed}");
                }
            }
            begin = end;
        }
    }
}

/// Rows of level sizes: many are of levels that are not there, or take the best one off, and some clear a side.
fn random_levels(seed: u64) -> Vec<Row> {
    let level = |row: Row| match row.action {
        action::CLEAR | action::TRADE => row,
        _ => Row { action: action::LEVEL, size_lots: (row.size_lots - 4).max(0), ..row },
    };
    random_rows(seed).into_iter().map(level).collect()
}

#[test]
fn marks_of_level_sizes_are_what_the_levels_show() {
    for seed in 0..4 {
        let rows = random_levels(seed);
        let (mut builder, mut book) = (BookBuilder::new(Feed::L2, 0, true), Book::new(Feed::L2, 0));
        let (batch, mut block, mut left) = (batch(&rows), TraceBlock::default(), Touch::default());
        let (mut begin, mut number) = (0, 0);
        while begin < rows.len() {
            let end = builder.build(&batch, begin, &mut block);
            let mut marks = block.marks().iter().peekable();
            for (i, row) in rows[begin..end].iter().enumerate() {
                number += 1;
                book.apply(*row, number).unwrap();
                let mark = marks.next_if(|mark| mark.row as usize == i);
                if row.flags & flag::LAST != 0 {
                    book.complete();
                    left = mark.filter(|mark| mark.ends_packet).map_or(left, |mark| mark.touch);
                    for side in [1, -1] {
                        let best = book.levels(side).next().map_or((None, 0), |l| (Some(l.price_ticks()), l.size_lots));
                        assert_eq!((left.price(side), left.lots(side)), best, "row {number} of {seed}");
                    }
                }
            }
            begin = end;
        }
        book.check().unwrap();
    }
}

fn is_taking(row: &Row) -> bool {
    row.action == action::CANCEL || row.action == action::EXECUTE
}

/// Return the size with which a row can be applied.
fn repaired_lots(row: &Row, named: Option<(u64, i64, (i8, i64))>) -> i64 {
    match named {
        Some((_, size_lots, _)) if is_taking(row) => row.size_lots.min(size_lots),
        _ => row.size_lots,
    }
}
