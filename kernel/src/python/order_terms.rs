//! Reads the options of a new order, and shows the terms of an order to a strategy.

// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.

use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::IntoPyObjectExt;

use super::arguments::{self, Options};
use super::types::Types;
use crate::client::number::Number;
use crate::contract::generated::{SelfTrade, TimeInForce, Trigger};
use crate::contract::generated_terms::Terms;

/// The names of the options.
pub const OPTIONS: [&str; 11] = [
    "tif",
    "post_only",
    "tag",
    "reduce_only",
    "display_lots",
    "stop_ticks",
    "trigger",
    "trail_ticks",
    "trail_bps",
    "expire_ns",
    "self_trade",
];

/// Read an option; return whether there is one of that name.
///
/// # Errors
/// What `__index__` of the author's own type raises.
pub fn read<'py>(name: &str, given: &Bound<'py, PyAny>, options: &mut Options<'py>) -> PyResult<bool> {
    match name {
        "tif" => match time_in_force(given) {
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
        "reduce_only" => match arguments::flag(given) {
            Some(value) => options.terms.reduce_only = value,
            None => options.has_bad_option = true,
        },
        "display_lots" if given.is_none() => (),
        "display_lots" => match whole_number(given)? {
            Some(value) => options.terms.display_lots = Some(value),
            None => options.has_bad_option = true,
        },
        "stop_ticks" if given.is_none() => (),
        "stop_ticks" => match whole_number(given)? {
            Some(value) => options.terms.stop_ticks = Some(value),
            None => options.has_bad_option = true,
        },
        "trigger" if given.is_none() => (),
        "trigger" => match trigger(given) {
            Some(value) => options.terms.trigger = Some(value),
            None => options.has_bad_option = true,
        },
        "trail_ticks" if given.is_none() => (),
        "trail_ticks" => match whole_number(given)? {
            Some(value) => options.terms.trail_ticks = Some(value),
            None => options.has_bad_option = true,
        },
        "trail_bps" if given.is_none() => (),
        "trail_bps" => match whole_number(given)? {
            Some(value) => options.terms.trail_bps = Some(value),
            None => options.has_bad_option = true,
        },
        "expire_ns" if given.is_none() => (),
        "expire_ns" => match whole_number(given)? {
            Some(value) => options.terms.expire_ns = Some(value),
            None => options.has_bad_option = true,
        },
        "self_trade" if given.is_none() => (),
        "self_trade" => match self_trade(given) {
            Some(value) => options.terms.self_trade = Some(value),
            None => options.has_bad_option = true,
        },
        _ => return Ok(false),
    }
    Ok(true)
}

fn whole_number(given: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    match arguments::number(given)? {
        Number::Whole(value) => Ok(Some(value)),
        Number::Float(_) | Number::Nonsense => Ok(None),
    }
}

fn self_trade(given: &Bound<'_, PyAny>) -> Option<SelfTrade> {
    match given.cast::<PyString>().map(|name| name.to_string_lossy()).as_deref() {
        Ok("cancel_newest") => Some(SelfTrade::CancelNewest),
        Ok("cancel_oldest") => Some(SelfTrade::CancelOldest),
        Ok("cancel_both") => Some(SelfTrade::CancelBoth),
        Ok("decrement") => Some(SelfTrade::Decrement),
        Ok("reject") => Some(SelfTrade::Reject),
        _ => None,
    }
}

fn time_in_force(given: &Bound<'_, PyAny>) -> Option<TimeInForce> {
    match given.cast::<PyString>().map(|name| name.to_string_lossy()).as_deref() {
        Ok("GTC") => Some(TimeInForce::Gtc),
        Ok("IOC") => Some(TimeInForce::Ioc),
        Ok("FOK") => Some(TimeInForce::Fok),
        Ok("GTD") => Some(TimeInForce::Gtd),
        Ok("DAY") => Some(TimeInForce::Day),
        _ => None,
    }
}

fn trigger(given: &Bound<'_, PyAny>) -> Option<Trigger> {
    match given.cast::<PyString>().map(|name| name.to_string_lossy()).as_deref() {
        Ok("last") => Some(Trigger::Last),
        Ok("mid") => Some(Trigger::Mid),
        Ok("touch") => Some(Trigger::Touch),
        _ => None,
    }
}

/// The enumerations among the terms, with their smallest and largest codes.
pub const ENUMS: [(&str, (i64, i64)); 3] =
    [("SelfTrade", SelfTrade::CODES), ("TimeInForce", TimeInForce::CODES), ("Trigger", Trigger::CODES)];

/// The fields of `lob_backtest.strategy.api.Order` that are terms, in the order of `values`.
pub const TERMS: [&str; 14] = [
    "side",
    "price_ticks",
    "size_lots",
    "tif",
    "post_only",
    "tag",
    "reduce_only",
    "display_lots",
    "stop_ticks",
    "trigger",
    "trail_ticks",
    "trail_bps",
    "expire_ns",
    "self_trade",
];

/// Return the terms of an order as Python's objects; `tag` is the text of its tag.
///
/// # Errors
/// Python is out of memory.
pub fn values<'py>(py: Python<'py>, terms: &Terms, tag: &str, types: &Types) -> PyResult<[Bound<'py, PyAny>; 14]> {
    Ok([
        terms.side.into_bound_py_any(py)?,
        terms.price_ticks.into_bound_py_any(py)?,
        terms.size_lots.into_bound_py_any(py)?,
        types.member(py, 1, terms.tif as usize),
        terms.post_only.into_bound_py_any(py)?,
        tag.into_bound_py_any(py)?,
        terms.reduce_only.into_bound_py_any(py)?,
        terms.display_lots.into_bound_py_any(py)?,
        terms.stop_ticks.into_bound_py_any(py)?,
        terms.trigger.map(|each| types.member(py, 2, each as usize)).into_bound_py_any(py)?,
        terms.trail_ticks.into_bound_py_any(py)?,
        terms.trail_bps.into_bound_py_any(py)?,
        terms.expire_ns.into_bound_py_any(py)?,
        terms.self_trade.map(|each| types.member(py, 0, each as usize)).into_bound_py_any(py)?,
    ])
}
