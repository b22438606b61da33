//! Result tables, filled row by row and handed over in chunks.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::book::touch::Touch;
use crate::contract::codes::{Ns, RejectReason, UpdateKind, NEVER};
use crate::contract::generated::{self, ColumnKind};
use crate::contract::tag::{Tag, Tags};
use crate::record::bbo_table::BboTable;
use crate::record::order_row::OrderRow;
use crate::record::table::{Chunk, Table};
use crate::wire::messages::OrderSnapshot;

const CHUNK_ROWS: usize = 1 << 16;
/// Fills that may wait for mids before those that need not are written.
const WAITING_FILLS: usize = 4096;
const CHUNK_TEXT: usize = 1 << 28;

const FILLS: usize = 0;
const ORDERS: usize = 1;
const BBO: usize = 2;
const SAMPLES: usize = 3;
const SERIES: usize = 4;

/// A fill without its markouts.
pub struct FillRow {
    /// Id of the order, see `lob_backtest.contract.tables` for this and the other columns.
    pub order_id: i64,
    /// The agent's number.
    pub agent: usize,
    /// The instrument's place in the plan.
    pub instrument: usize,
    /// +1 bought, -1 sold.
    pub side: i8,
    /// Ticks.
    pub price_ticks: i64,
    /// Lots.
    pub size_lots: i64,
    /// 10⁻⁶ tick·lots, positive: paid.
    pub fee_micro: i64,
    /// True if the order traded on arrival.
    pub taker: bool,
    /// A code of `Cause`.
    pub cause: u8,
    /// When it happened at the exchange.
    pub ts_exchange_ns: Ns,
    /// When the strategy receives it.
    pub ts_local_ns: Ns,
    /// The time of the fall that a late print has explained.
    pub ts_traded_ns: Option<Ns>,
    /// Best bid, best ask and doubled mid before the first row of its nanosecond.
    pub before: [Option<i64>; 3],
    /// The market's lots ahead of the order when it took its place.
    pub ahead_at_arrival: Option<i64>,
    /// When the order took its place.
    pub ts_arrival_ns: Ns,
    /// The order's tag.
    pub tag: Tag,
    /// True if it is near a suspect row.
    pub tainted: bool,
}

/// When an update was requested, happened and is received.
#[derive(Clone, Copy)]
pub struct Times {
    /// `None` if no request is answered.
    pub sent_ns: Option<Ns>,
    /// `None` if it was refused locally.
    pub exchange_ns: Option<Ns>,
    /// When the strategy receives it.
    pub local_ns: Ns,
}

struct Waiting {
    id: i64,
    row: FillRow,
    mids2: SmallVec<[Option<i64>; 6]>,
}

/// The result tables of one run. A fill is complete when its longest markout horizon has passed.
pub struct Recorder {
    /// Chunks to be handed over, with the numbers of their tables.
    pub full: Vec<(usize, Chunk)>,
    /// The texts of the tags.
    pub tags: Tags,
    tables: Vec<Table>,
    bbo: BboTable,
    horizons: Vec<Ns>,
    /// When the next markout of a fill is due.
    due_ns: Ns,
    waiting: VecDeque<Waiting>,
    /// Per horizon: the fill that waits next.
    next: Vec<i64>,
    /// The number of the first fill that waits, in the whole run.
    first: i64,
    /// Per agent: its fills.
    fills: Vec<i64>,
}

impl Recorder {
    /// Make empty tables with these markout horizons, ascending, for so many agents.
    pub fn new(horizons: Vec<Ns>, agents: usize) -> Self {
        let mut fills = generated::FILLS.to_vec();
        fills.extend(horizons.iter().map(|_| ColumnKind::I64OrNull));
        // The rows of `bbo` are gathered by `BboTable`.
        let tables =
            [&fills[..], &generated::ORDERS, &[], &generated::SAMPLES, &generated::SERIES].map(Table::new).into();
        let next = vec![0; horizons.len()];
        Recorder {
            bbo: BboTable::default(),
            due_ns: NEVER,
            full: Vec::new(),
            tags: Tags::default(),
            tables,
            horizons,
            waiting: VecDeque::new(),
            next,
            first: 0,
            fills: vec![0; agents],
        }
    }

    /// Add a fill and return its id, which is unique among those of its agent; the mids are those of all instruments at its time.
    pub fn fill(&mut self, row: FillRow, mids2: &[Option<i64>]) -> i64 {
        if self.waiting.len() % WAITING_FILLS == WAITING_FILLS - 1 {
            self.markouts(row.ts_exchange_ns - 1, mids2);
        }
        let id = self.fills[row.agent];
        self.fills[row.agent] += 1;
        if let Some(horizon) = self.horizons.first() {
            self.due_ns = self.due_ns.min(row.ts_exchange_ns.saturating_add(*horizon));
            self.waiting.push_back(Waiting { id, row, mids2: SmallVec::new() });
        } else {
            self.write_fill(&Waiting { id, row, mids2: SmallVec::new() });
        }
        id
    }

    /// Record the mids of all fills whose horizon ends by a time up to which all mids are these.
    #[inline]
    pub fn markouts(&mut self, until_ns: Ns, mids2: &[Option<i64>]) {
        if self.due_ns <= until_ns {
            self.record(until_ns, mids2);
        }
    }

    fn record(&mut self, until_ns: Ns, mids2: &[Option<i64>]) {
        let last = self.horizons.len().saturating_sub(1);
        let mut due_ns = NEVER;
        for i in 0..self.horizons.len() {
            while let Some(waiting) = self.waiting.get_mut((self.next[i] - self.first) as usize) {
                let ends_ns = waiting.row.ts_exchange_ns.saturating_add(self.horizons[i]);
                if ends_ns > until_ns {
                    due_ns = due_ns.min(ends_ns);
                    break;
                }
                waiting.mids2.push(mids2[waiting.row.instrument]);
                self.next[i] += 1;
                if i == last {
                    self.write_first();
                }
            }
        }
        self.due_ns = due_ns;
    }

    fn write_first(&mut self) {
        if let Some(waiting) = self.waiting.pop_front() {
            self.write_fill(&waiting);
            self.first += 1;
        }
    }

    fn write_fill(&mut self, fill: &Waiting) {
        let (row, table) = (&fill.row, &mut self.tables[FILLS]);
        table.put([fill.id, row.order_id, row.agent as i64, row.instrument as i64, i64::from(row.side)]);
        table.put([row.price_ticks, row.size_lots, row.fee_micro, i64::from(row.taker), i64::from(row.cause)]);
        table.put([row.ts_exchange_ns, row.ts_local_ns]);
        table.put_or_null([row.ts_traded_ns]);
        table.put_or_null(row.before);
        table.put_or_null([row.ahead_at_arrival]);
        table.put([row.ts_arrival_ns]);
        table.put_text(self.tags.text(row.tag));
        table.put([i64::from(row.tainted)]);
        for mid2 in &fill.mids2 {
            table.put_or_null([*mid2]);
        }
        self.end_row(FILLS);
    }

    /// Add an update of an order.
    pub fn order(
        &mut self,
        whose: (usize, usize),
        order: &OrderSnapshot,
        why: (UpdateKind, RejectReason),
        times: Times,
    ) {
        let placed = matches!(why.0, UpdateKind::Accepted | UpdateKind::Replaced | UpdateKind::Triggered);
        let row = OrderRow {
            order_id: order.order_id,
            agent: whose.0 as i64,
            instrument: whose.1 as i64,
            kind: why.0 as i64,
            state: order.state as i64,
            reason: why.1 as i64,
            filled_lots: order.filled_lots,
            queue_ahead_lots: order.ahead_lots.filter(|_| placed),
            asked_price_ticks: order.asked_ticks.filter(|_| placed),
            ts_sent_ns: times.sent_ns,
            ts_exchange_ns: times.exchange_ns,
            ts_local_ns: times.local_ns,
        };
        row.put(&order.terms, &self.tags, &mut self.tables[ORDERS]);
        self.end_row(ORDERS);
    }

    /// Add new best prices.
    #[inline]
    pub fn bbo(&mut self, instrument: usize, ts_ns: Ns, touch: Touch) {
        if self.bbo.push(instrument, ts_ns, touch) {
            self.full.push((BBO, self.bbo.take()));
        }
    }

    /// Add a sample of an account.
    pub fn sample(&mut self, ts_ns: Ns, whose: (usize, usize), money: [i64; 3], bbo: [Option<i64>; 3]) {
        let table = &mut self.tables[SAMPLES];
        table.put([ts_ns, whose.0 as i64, whose.1 as i64]);
        table.put(money);
        table.put_or_null(bbo);
        self.end_row(SAMPLES);
    }

    /// Add a point to a series.
    pub fn point(&mut self, name: &str, agent: usize, ts_ns: Ns, value: f64) {
        let table = &mut self.tables[SERIES];
        table.put_text(name);
        table.put([agent as i64, ts_ns, value.to_bits() as i64]);
        self.end_row(SERIES);
    }

    /// Complete the waiting fills with the last mids, and hand everything over.
    pub fn finish(&mut self, mids2: &[Option<i64>]) {
        self.markouts(i64::MAX, mids2);
        if self.bbo.rows() != 0 {
            self.full.push((BBO, self.bbo.take()));
        }
        for (table, rest) in self.tables.iter_mut().enumerate().filter(|(_, rest)| rest.rows() != 0) {
            self.full.push((table, rest.take()));
        }
    }

    /// End a row of a table; hand the table over when it is full.
    #[inline]
    fn end_row(&mut self, table: usize) {
        let filled = &mut self.tables[table];
        filled.end_row();
        if filled.rows() >= CHUNK_ROWS || filled.text_bytes() > CHUNK_TEXT {
            self.full.push((table, filled.take()));
        }
    }
}
