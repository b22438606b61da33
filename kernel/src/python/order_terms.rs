//! Reads the options of a new order, and shows the terms of an order to a strategy.

// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.

use pyo3::prelude::*;
use pyo3::IntoPyObjectExt;

use super::arguments::{self, Options};
use super::types::Types;
use crate::contract::generated_terms::Terms;

/// The names of the options.
pub const OPTIONS: [&str; 3] = ["tif", "post_only", "tag"];

/// Read an option; return whether there is one of that name.
pub fn read<'py>(name: &str, given: &Bound<'py, PyAny>, options: &mut Options<'py>) -> bool {
    match name {
        "tif" => match arguments::time_in_force(given) {
            Some(value) => options.terms.tif = value,
            None => options.has_bad_option = true,
        },
        "post_only" => match arguments::flag(given) {
            Some(value) => options.terms.post_only = value,
            None => options.has_bad_option = true,
        },
        "tag" => match arguments::text(given) {
            Some(value) => options.tag = Some(value),
            None => options.has_bad_option = true,
        },
        _ => return false,
    }
    true
}

/// The fields of `lob_backtest.strategy.api.Order` that are terms, in the order of `values`.
pub const TERMS: [&str; 6] = ["side", "price_ticks", "size_lots", "tif", "post_only", "tag"];

/// Return the terms of an order as Python's objects; `tag` is the text of its tag.
///
/// # Errors
/// Python is out of memory.
pub fn values<'py>(py: Python<'py>, terms: &Terms, tag: &str, types: &Types) -> PyResult<[Bound<'py, PyAny>; 6]> {
    Ok([
        terms.side.into_bound_py_any(py)?,
        terms.price_ticks.into_bound_py_any(py)?,
        terms.size_lots.into_bound_py_any(py)?,
        types.time_in_force(py, terms.tif),
        terms.post_only.into_bound_py_any(py)?,
        tag.into_bound_py_any(py)?,
    ])
}
