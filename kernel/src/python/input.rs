//! Reads the inputs of a run: the plan, the strategies, the batches.

use pyo3::buffer::{Element, PyBuffer};
use pyo3::prelude::*;

use super::EngineError;
use crate::client::agent::{Agent, Callbacks};
use crate::client::limits::Limits;
use crate::contract::batch::{Batch, Columns};
use crate::contract::codes::{Feed, IssuePolicy, ISSUES, NEVER};
use crate::contract::plan::{FillRules, QueueModel};
use crate::contract::plan::{InstrumentPlan, Plan};

/// Read a `lob_backtest.plan.Plan`.
///
/// # Errors
/// A number is larger than 64 bits hold.
pub fn plan(given: &Bound<'_, PyAny>) -> PyResult<Plan> {
    let mut instruments = Vec::new();
    for each in given.getattr("instruments")?.try_iter()? {
        instruments.push(instrument(&each?)?);
    }
    let chosen = given.getattr("issue_policies")?.cast_into::<PyDict>()?;
    let mut policies = [IssuePolicy::Fail; ISSUES];
    for (issue, policy) in chosen.iter() {
        let place = issue.extract::<usize>()?.wrapping_sub(1);
        if let Some(each) = policies.get_mut(place) {
            *each = match policy.extract::<i64>()? {
                1 => IssuePolicy::Skip,
                2 => IssuePolicy::Repair,
                _ => IssuePolicy::Fail,
            };
        }
    }
    Ok(Plan {
        instruments,
        start_ns: given.getattr("start_ns")?.extract()?,
        end_ns: given.getattr("end_ns")?.extract()?,
        warm_up_ns: given.getattr("warm_up_ns")?.extract()?,
        entry_ns: given.getattr("entry_ns")?.extract()?,
        response_ns: given.getattr("response_ns")?.extract()?,
        flatten: given.getattr("flatten")?.extract()?,
        markouts_ns: given.getattr("markouts_ns")?.extract()?,
        sample_ns: given.getattr("sample_ns")?.extract::<i64>()?.min(NEVER),
        taint_ns: given.getattr("taint_ns")?.extract()?,
        policies,
        paranoid: given.getattr("paranoid")?.extract()?,
    })
}

fn instrument(given: &Bound<'_, PyAny>) -> PyResult<InstrumentPlan> {
    let queue_model = match given.getattr("queue_model")?.extract::<i64>()? {
        0 => QueueModel::Back,
        1 => QueueModel::Proportional,
        other => return Err(EngineError::new_err(format!("the kernel has no queue model {other}"))),
    };
    let rules = FillRules {
        queue_model,
        fill_on_younger_execution: given.getattr("evidence")?.extract()?,
        hidden_any_side: given.getattr("hidden_any_side")?.extract()?,
    };
    Ok(InstrumentPlan {
        name: given.getattr("instrument")?.getattr("name")?.extract()?,
        feed: if given.getattr("level")?.extract::<i64>()? == 3 { Feed::L3 } else { Feed::L2 },
        depth: given.getattr("depth")?.extract()?,
        maker_rates: given.getattr("maker_rates")?.extract()?,
        taker_rates: given.getattr("taker_rates")?.extract()?,
        tick_lot_value: given.getattr("tick_lot_value")?.extract()?,
        max_position: given.getattr("max_position")?.extract()?,
        initial_position: given.getattr("initial_position")?.extract()?,
        late_level_ns: given.getattr("late_level_ns")?.extract()?,
        late_print_ns: given.getattr("late_print_ns")?.extract()?,
        rules,
    })
}

/// Make the agent of a strategy, number `place.0` of `place.1`.
///
/// # Errors
/// It is no strategy.
pub fn agent(strategy: &Bound<'_, PyAny>, place: (usize, usize), plan: &Plan) -> PyResult<Agent> {
    let overrides = strategy.py().import("lob_backtest.strategy.api")?.getattr("overrides")?;
    let mut callbacks = Callbacks::default();
    for (name, callback) in [
        ("on_start", Callbacks::START),
        ("on_book", Callbacks::BOOK),
        ("on_trade", Callbacks::TRADE),
        ("on_order", Callbacks::ORDER),
        ("on_fill", Callbacks::FILL),
        ("on_timer", Callbacks::TIMER),
        ("on_stop", Callbacks::STOP),
    ] {
        if overrides.call1((strategy, name))?.extract::<bool>()? {
            callbacks.insert(callback);
        }
    }
    let name = strategy.get_type().getattr("__name__")?.extract()?;
    let limits = limits(strategy.py())?;
    Ok(Agent::new(place, name, callbacks, plan.instruments.len(), limits))
}

fn limits(py: Python<'_>) -> PyResult<Limits> {
    let module = py.import("lob_backtest.contract.limits")?;
    let limit = |name: &str| module.getattr(name)?.extract::<usize>();
    Ok(Limits {
        text_bytes: limit("MAX_TEXT_BYTES")?,
        tags: limit("MAX_TAGS")?,
        series: limit("MAX_SERIES")?,
        orders: limit("MAX_ORDERS")?,
        requests: limit("MAX_REQUESTS")?,
        timers: limit("MAX_TIMERS")?,
    })
}

/// The buffers that a batch reads from.
struct Buffers {
    words: [PyBuffer<i64>; 4],
    order_id: PyBuffer<u64>,
    bytes: [PyBuffer<u8>; 3],
    side: PyBuffer<i8>,
}

/// Read a `lob_backtest.contract.rows.Batch`; `None` where it has no rows.
///
/// # Errors
/// A column is not what the schema says.
pub fn batch(given: &Bound<'_, PyAny>) -> PyResult<Option<Batch>> {
    let owner = Box::new(Buffers {
        words: [
            buffer(given, column::TS_EXCHANGE_NS)?,
            buffer(given, column::TS_LOCAL_NS)?,
            buffer(given, column::PRICE_TICKS)?,
            buffer(given, column::SIZE_LOTS)?,
        ],
        order_id: buffer(given, column::ORDER_ID)?,
        bytes: [buffer(given, column::ACTION)?, buffer(given, column::FLAGS)?, buffer(given, column::PHASE)?],
        side: buffer(given, column::SIDE)?,
    });
    let n = owner.words[0].item_count();
    let same = owner.words.iter().all(|each| each.item_count() == n)
        && owner.bytes.iter().all(|each| each.item_count() == n)
        && owner.order_id.item_count() == n
        && owner.side.item_count() == n;
    if !same {
        return Err(EngineError::new_err("a batch has columns of different lengths"));
    }
    if n == 0 {
        return Ok(None);
    }
    let (row, path) = (given.get_item(column::ROW)?.extract()?, given.get_item(column::PATH)?.extract()?);
    let columns = Columns {
        ts_exchange_ns: slice(&owner.words[0]),
        ts_local_ns: slice(&owner.words[1]),
        action: slice(&owner.bytes[0]),
        side: slice(&owner.side),
        order_id: slice(&owner.order_id),
        price_ticks: slice(&owner.words[2]),
        size_lots: slice(&owner.words[3]),
        flags: slice(&owner.bytes[1]),
        phase: slice(&owner.bytes[2]),
    };
    // SAFETY: the slices point into memory that the buffers hold in place until they are released, and the reader
    // hands its arrays over for good: nobody writes to them.
    let columns: Columns<'static> = unsafe { std::mem::transmute(columns) };
    // SAFETY: as above; the buffers move along in their box.
    Ok(Some(unsafe { Batch::new(columns, owner, path, row) }))
}

fn buffer<T: Element>(given: &Bound<'_, PyAny>, place: usize) -> PyResult<PyBuffer<T>> {
    let buffer = PyBuffer::get(&given.get_item(place)?)?;
    if !buffer.is_c_contiguous() || buffer.dimensions() != 1 {
        return Err(EngineError::new_err(format!("column {place} of a batch is not one stretch of memory")));
    }
    Ok(buffer)
}

/// Return the items of a buffer.
fn slice<T: Element>(buffer: &PyBuffer<T>) -> &[T] {
    if buffer.item_count() == 0 {
        return &[];
    }
    // SAFETY: the buffer is contiguous, has this many items of this type, and is held; its items are not written to
    // while the batch is in use, see `batch`.
    unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<T>(), buffer.item_count()) }
}
