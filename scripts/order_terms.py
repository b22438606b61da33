"""What the kernel knows of the terms of an order, from `lob_backtest.contract.terms`: see `generate_contract.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa
from rust_text import (
    ENUMS,
    HEAD,
    attributes,
    braced,
    camel,
    constant,
    doc,
    enums_of,
    listed,
    literal,
    rust_type,
    sentence,
    snake,
    summary,
)

from lob_backtest.contract import tables
from lob_backtest.contract.terms import Terms, written_names

WHOLE_NUMBER: Final = """fn whole_number(given: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    match arguments::number(given)? {
        Number::Whole(value) => Ok(Some(value)),
        Number::Float(_) | Number::Nonsense => Ok(None),
    }
}

"""


def terms() -> Iterator[str]:
    """Yield the struct of an order's terms, and the function that sets the options among them to their defaults."""
    told, kinds = attributes(Terms), Terms.kinds()
    special = {"side": "i8"}
    types = {name: special.get(name) or {"str": "Tag"}.get(kind) or rust_type(kind) for name, kind in kinds.items()}
    defaults = Terms._field_defaults
    yield "//! The contract with Python: the terms of an order.\n\n" + HEAD
    yield f"use crate::contract::generated::{braced(enums_of(kinds.values()))};\n"
    yield "use crate::contract::tag::Tag;\n\n"
    yield doc(summary(Terms)) + "#[derive(Clone, Copy, Debug)]\npub struct Terms {\n"
    for name, kind in types.items():
        yield doc(sentence(told[name]), "    ") + f"    pub {name}: {kind},\n"
    yield "}\n\nimpl Terms {\n"
    given = ", ".join(f"{name}: {kind}" for name, kind in types.items() if name not in defaults)
    yield f"    /// Make the terms of an order without options.\n    pub const fn new({given}) -> Self {{\n"
    values = [f"{name}: {constant(defaults[name])}" if name in defaults else name for name in types]
    yield literal("        Terms", values) + "    }\n}\n"


def order_row() -> Iterator[str]:
    """Yield the row of `orders`: what it has beside the terms of an order, and how it is put into the table."""
    kinds = Terms.kinds()
    own = [field for field in tables.ORDERS if field.name not in kinds]
    yield "//! A row of the table `orders`.\n\n" + HEAD
    yield "use crate::contract::generated_terms::Terms;\nuse crate::contract::tag::Tags;\n"
    yield "use crate::record::table::Table;\n\n"
    yield "/// What a row of `orders` has beside the terms of the order.\n"
    yield "#[allow(missing_docs)] // as in `lob_backtest.contract.tables`\npub struct OrderRow {\n"
    for field in own:
        yield f"    pub {field.name}: {'Option<i64>' if field.nullable else 'i64'},\n"
    yield "}\n\nimpl OrderRow {\n    /// Put the row into the table.\n    #[inline]\n"
    yield "    pub fn put(&self, terms: &Terms, tags: &Tags, table: &mut Table) {\n"
    for put, values in grouped((put_of(field), cell(field, kinds.get(field.name))) for field in tables.ORDERS):
        yield f"        table.{put}({values[0] if put == 'put_text' else '[' + ', '.join(values) + ']'});\n"
    yield "    }\n}\n"


def put_of(field: pa.Field) -> str:
    """Return the method of `Table` that takes a column's value."""
    return "put_text" if field.type == pa.string() else "put_or_null" if field.nullable else "put"


def cell(field: pa.Field, kind: str | None) -> str:
    """Return the expression of a column's value; `kind` is the annotation of a term."""
    if kind is None:
        return f"self.{field.name}"
    value = f"terms.{field.name}"
    if kind == "str":
        return f"tags.text({value})"
    if kind.removesuffix(" | None") in {enum.__name__ for enum in ENUMS}:
        return f"{value}.map(|each| each as i64)" if field.nullable else f"{value} as i64"
    if field.nullable or (kind == "int" and field.name != "side"):
        return value
    return f"i64::from({value})"


def grouped(cells: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield a method and the values of one call: neighbours that share the method and fit into a line; texts alone."""
    method, values = "", list[str]()
    for put, value in cells:
        width = len(f"        table.{put}([{', '.join([*values, value])}]);")
        if values and (put != method or put == "put_text" or width > 120):
            yield method, values
            values = []
        method, values = put, [*values, value]
    yield method, values


def order_terms() -> Iterator[str]:
    """Yield the functions that read the options of a new order, and that show terms to a strategy."""
    kinds = Terms.kinds()
    options = {name: kind for name, kind in kinds.items() if name in Terms._field_defaults}
    members = enums_of(options.values())
    has_numbers = any(kind.removesuffix(" | None") == "int" for kind in options.values())
    yield "//! Reads the options of a new order, and shows the terms of an order to a strategy.\n\n" + HEAD
    yield "use pyo3::prelude::*;\n"
    yield "use pyo3::types::PyString;\nuse pyo3::IntoPyObjectExt;\n\nuse super::arguments::{self, Options};\n"
    yield "use super::types::Types;\n"
    if has_numbers:
        yield "use crate::client::number::Number;\n"
    yield f"use crate::contract::generated::{braced(members)};\n"
    yield "use crate::contract::generated_terms::Terms;\n\n"
    yield "/// The names of the options.\n"
    yield listed(f"pub const OPTIONS: [&str; {len(options)}] = ", [f'"{name}"' for name in options]) + "\n"
    yield "/// Read an option; return whether there is one of that name.\n///\n"
    yield "/// # Errors\n/// What `__index__` of the author's own type raises.\n"
    yield "pub fn read<'py>(name: &str, given: &Bound<'py, PyAny>, options: &mut Options<'py>) -> PyResult<bool> {\n"
    yield "    match name {\n"
    for name, kind in options.items():
        yield from option_arm(name, kind)
    yield "        _ => return Ok(false),\n    }\n    Ok(true)\n}\n\n"
    if has_numbers:
        yield WHOLE_NUMBER
    for enum in members:
        yield from member_reader(enum)
    yield "/// The enumerations among the terms, with their smallest and largest codes.\n"
    codes = [f'("{enum}", {enum}::CODES)' for enum in members]
    yield listed(f"pub const ENUMS: [(&str, (i64, i64)); {len(members)}] = ", codes) + "\n"
    yield "/// The fields of `lob_backtest.strategy.api.Order` that are terms, in the order of `values`.\n"
    yield listed(f"pub const TERMS: [&str; {len(kinds)}] = ", [f'"{name}"' for name in kinds]) + "\n"
    yield "/// Return the terms of an order as Python's objects; `tag` is the text of its tag.\n///\n"
    yield "/// # Errors\n/// Python is out of memory.\n"
    yield "pub fn values<'py>(py: Python<'py>, terms: &Terms, tag: &str, types: &Types) "
    yield f"-> PyResult<[Bound<'py, PyAny>; {len(kinds)}]> {{\n    Ok([\n"
    for name, kind in kinds.items():
        yield f"        {term_shown(name, kind, members)},\n"
    yield "    ])\n}\n"


def option_arm(name: str, kind: str) -> Iterator[str]:
    """Yield the arm of `read` for an option; `None` for one that may be `None` is as if it were left out."""
    plain = kind.removesuffix(" | None")
    reader = {"str": "arguments::text", "bool": "arguments::flag", "int": "whole_number"}
    call = f"{reader.get(plain) or snake(plain)}(given){'?' if plain == 'int' else ''}"
    place = f"options.{name}" if plain == "str" else f"options.terms.{name}"
    if plain != kind:
        yield f'        "{name}" if given.is_none() => (),\n'
    yield f'        "{name}" => match {call} {{\n'
    yield f"            Some(value) => {place} = {'Some(value)' if plain == 'str' or plain != kind else 'value'},\n"
    yield "            None => options.has_bad_option = true,\n        },\n"


def member_reader(enum: str) -> Iterator[str]:
    """Yield the function that reads a member of an enumeration by its written name."""
    yield f"fn {snake(enum)}(given: &Bound<'_, PyAny>) -> Option<{enum}> {{\n"
    yield "    match given.cast::<PyString>().map(|name| name.to_string_lossy()).as_deref() {\n"
    for written, member in written_names(getattr(tables, enum)).items():
        yield f'        Ok("{written}") => Some({enum}::{camel(member.name)}),\n'
    yield "        _ => None,\n    }\n}\n\n"


def term_shown(name: str, kind: str, members: list[str]) -> str:
    """Return the expression of a term as an object of Python."""
    plain = kind.removesuffix(" | None")
    if plain not in members:
        return f"{name if kind == 'str' else f'terms.{name}'}.into_bound_py_any(py)?"
    place = members.index(plain)
    if plain == kind:
        return f"types.member(py, {place}, terms.{name} as usize)"
    return f"terms.{name}.map(|each| types.member(py, {place}, each as usize)).into_bound_py_any(py)?"
