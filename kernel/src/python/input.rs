//! Reads the inputs of a run: the plan, the strategies, the batches.

use pyo3::buffer::{Element, PyBuffer};
use pyo3::prelude::*;

use super::EngineError;
use crate::client::agent::{Agent, Callbacks};
use crate::client::limits::Limits;
use crate::contract::batch::{Batch, Columns};
use crate::contract::generated::batch_column as column;
use crate::contract::plan::Plan;

/// Return the name of an agent in messages; an empty text where the run has one agent.
///
/// # Errors
/// The plan has no such agent.
pub fn label(plan: &Bound<'_, PyAny>, index: usize) -> PyResult<String> {
    plan.getattr("agents")?.get_item(index)?.getattr("name")?.extract()
}

/// Make the agent of a strategy at a place in the plan, which is passed as it is read and as Python has it.
///
/// # Errors
/// It is no strategy.
pub fn agent(strategy: &Bound<'_, PyAny>, index: usize, plan: &Plan, given: &Bound<'_, PyAny>) -> PyResult<Agent> {
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
    let class = strategy.get_type().getattr("__name__")?.extract()?;
    let name = Some(label(given, index)?).filter(|label| !label.is_empty()).unwrap_or(class);
    let limits = limits(strategy.py())?;
    Ok(Agent::new(index, name, callbacks, plan.instruments.len(), limits))
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
