"""Write the kernel's half of the contract from lob_backtest/contract: `python scripts/generate_contract.py`.

`kernel/src/contract/generated.rs` gets the limits and the layouts of batches and result tables, `generated_codes.rs`
the codes, `generated_plan.rs` the plan, `generated_terms.rs` the terms of an order, and
`kernel/src/record/order_row.rs` the row of `orders`. In `kernel/src/python`, `plan_reader.rs` gets the functions that
read the plan, `order_terms.rs` those that read and show the terms of an order. The meaning of a member or a field is
taken from the comment behind it or from the class's docstring.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Final

import pyarrow as pa
from order_terms import order_row, order_terms, terms
from rust_text import (
    ENUMS,
    HEAD,
    attributes,
    camel,
    doc,
    enums_of,
    listed,
    rust_type,
    sentence,
    snake,
    summary,
    used,
)

from lob_backtest.book.book import Issue
from lob_backtest.contract import limits, plan, rank_grid, rows, tables

SOURCES: Final = Path(__file__).resolve().parents[1] / "kernel" / "src"
GENERATED: Final = SOURCES / "contract" / "generated.rs"
CODES: Final = SOURCES / "contract" / "generated_codes.rs"
PLAN: Final = SOURCES / "contract" / "generated_plan.rs"
TERMS: Final = SOURCES / "contract" / "generated_terms.rs"
READER: Final = SOURCES / "python" / "plan_reader.rs"
ORDER_ROW: Final = SOURCES / "record" / "order_row.rs"
ORDER_TERMS: Final = SOURCES / "python" / "order_terms.rs"

CONSTANTS: Final = {"action": rows.Action, "flag": rows.Flag, "phase": rows.Phase}
"""Codes that stay bytes in the kernel's columns, by the name of their module."""
READ: Final = (plan.Feed, plan.IssuePolicy, plan.PostOnly, plan.QueueModel, tables.SelfTrade)
"""Those that the kernel reads from Python; the others it only writes."""
PLANS: Final = (
    plan.FillRules,
    plan.ReplaceRules,
    plan.OrderRules,
    plan.QueueWeights,
    plan.InstrumentPlan,
    plan.FeePlan,
    plan.MmpPlan,
    plan.SessionPlan,
    plan.LatencyPlan,
    plan.ChannelPlan,
    plan.AgentPlan,
    plan.Plan,
)
"""Each after those that it holds."""
KINDS: Final = {pa.int8(): "I8", pa.int16(): "I16", pa.int64(): "I64", pa.float64(): "I64", pa.string(): "Text"}
FOR_PYTHON: Final = ("Label", "Seed", "Shown")
"""Types of fields that no kernel reads."""
SCALARS: Final = {"i64", "usize", "bool", "f64", "Rates"}


def comments(enum: type[Enum]) -> dict[str, str]:
    """Return the comment behind each member that has one."""
    found = re.findall(r"^    (\w+) = [^#\n]*  # (.+)$", inspect.getsource(enum), re.MULTILINE)
    return dict(found)


def constants() -> Iterator[str]:
    """Yield a module of bytes for each of `CONSTANTS`."""
    for name, enum in CONSTANTS.items():
        told = comments(enum)
        yield doc(summary(enum)) + f"pub mod {name} {{\n"
        for member in enum:
            assert member.name is not None
            yield doc(sentence(told[member.name]), "    ") if member.name in told else ""
            yield f"    pub const {member.name}: u8 = {member.value};\n"
        yield "}\n\n"


def enums() -> Iterator[str]:
    """Yield each of `ENUMS`; `NONE` of `Issue` is no member: the kernel has no issue where there is none."""
    for enum in ENUMS:
        members = [member for member in enum if not (enum is Issue and member == Issue.NONE)]
        told = comments(enum)
        yield doc(summary(enum))
        yield "#[derive(Clone, Copy, Debug, PartialEq, Eq)]\n#[repr(u8)]\n"
        yield f"pub enum {enum.__name__} {{\n"
        for member in members:
            yield doc(sentence(told[member.name]), "    ") if member.name in told else ""
            yield f"    {camel(member.name)} = {int(member)},\n"
        yield "}\n\n"
        yield f"impl {enum.__name__} {{\n"
        yield "    /// The smallest and the largest code.\n"
        yield f"    pub const CODES: (i64, i64) = ({min(members)}, {max(members)});\n"
        yield "    /// All members, by code.\n"
        head = f"    pub const ALL: [{enum.__name__}; {len(members)}] = "
        yield listed(head, [f"{enum.__name__}::{camel(member.name)}" for member in members])
        if enum is tables.RejectReason:
            mistakes = [f"{enum.__name__}::{camel(member.name)}" for member in sorted(tables.MISTAKES)]
            yield "    /// Reasons that lie in the arguments of a request alone, whatever the market does.\n"
            yield listed(f"    pub const MISTAKES: [{enum.__name__}; {len(mistakes)}] = ", mistakes)
        if enum is Issue:
            yield "\n    /// Return the name that configs and counts have.\n"
            yield "    pub const fn name(self) -> &'static str {\n        match self {\n"
            for member in members:
                yield f'            {enum.__name__}::{camel(member.name)} => "{member.name.lower()}",\n'
            yield "        }\n    }\n"
        if enum in READ:
            yield "\n    /// Return the member of a code.\n    pub fn of(code: i64) -> Option<Self> {\n"
            yield "        Self::ALL.into_iter().find(|member| *member as i64 == code)\n    }\n"
        yield "}\n\n"


def layouts() -> Iterator[str]:
    """Yield where a batch has its columns, and the kinds of the columns of each result table."""
    yield "/// Where `lob_backtest.contract.rows.Batch` has its columns.\npub mod batch_column {\n"
    for at, name in enumerate(rows.Batch._fields):
        yield f"    pub const {name.upper()}: usize = {at};\n"
    yield "}\n\n"
    yield COLUMN_KIND
    yield "/// The result tables, in the order of their numbers.\n"
    schemas = tables.schemas(())
    yield listed(f"pub const TABLES: [&str; {len(schemas)}] = ", [f'"{name}"' for name in schemas]) + "\n"
    for name, schema in schemas.items():
        more = "; behind them a mid per markout horizon" if name == "fills" else ""
        yield f"/// The columns of `{name}`{more}.\n"
        yield f"pub const {name.upper()}: [ColumnKind; {len(schema)}] = [\n"
        kinds = [f"ColumnKind::{KINDS[field.type]}{'OrNull' if field.nullable else ''}," for field in schema]
        width = max(map(len, kinds))
        yield "".join(f"    {kind:{width}} // {field.name}\n" for kind, field in zip(kinds, schema, strict=True))
        yield "];\n\n"


def numbers() -> Iterator[str]:
    """Yield the limits, each with its docstring."""
    yield f"/// Prices (absolute) and sizes are below this.\npub const LIMIT: i64 = {rows.LIMIT};\n\n"
    yield "/// A rank among latencies is the share of messages that take longer, in units of 2 to the minus this.\n"
    yield f"pub const RANK_BITS: u32 = {rank_grid.RANK_BITS};\n\n"
    yield "/// A stretch of time begins with a new rank if the upper half of its random number is below this.\n"
    yield f"pub const REDRAW_BELOW: u64 = {rank_grid.REDRAW_BELOW};\n\n"
    yield "/// A rank holds for at most so many stretches of time.\n"
    yield f"pub const MAX_STRETCHES: i64 = {rank_grid.MAX_STRETCHES};\n\n"
    told = dict(
        re.findall(r'^(MAX_\w+): Final = [^\n]*\n"""(.+?)"""', inspect.getsource(limits), re.MULTILINE | re.DOTALL)
    )
    yield "/// How much one strategy may hold at once: the numbers of `lob_backtest.contract.limits`.\n"
    yield "#[derive(Clone, Copy, Debug)]\npub struct Limits {\n"
    for name, said in told.items():
        yield doc(said, "    ") + f"    pub {name.removeprefix('MAX_').lower()}: usize,\n"
    yield "}\n\n"


def is_copied(cls: type) -> bool:
    """Return whether a struct of the plan is small: integers, members and other such structs alone."""
    known = SCALARS | {enum.__name__ for enum in ENUMS} | {each.__name__ for each in PLANS if each is not cls}
    kinds = [rust_type(kind).removeprefix("Option<").removesuffix(">") for _, kind in fields(cls)]
    nested = [each for each in PLANS if each.__name__ in kinds]
    return set(kinds) <= known and all(is_copied(each) for each in nested)


def fields(cls: type) -> list[tuple[str, str]]:
    """Return name and annotation of each field that an engine reads; of an instrument it reads the name alone."""
    hints = [(each.name, str(each.type)) for each in dataclasses.fields(cls) if each.type not in FOR_PYTHON]
    return [("name", "String") if kind == "Instrument" else (name, kind) for name, kind in hints]


def plans() -> Iterator[str]:
    """Yield the structs of the plan."""
    yield "//! The contract with Python: the plan.\n\n" + HEAD
    yield f"use crate::contract::generated::{{{', '.join(sorted({*_enums_read(), 'Issue'}))}}};\n\n"
    yield "/// A fee per tick·lot of notional and per lot, in 10⁻¹² tick·lots.\n"
    yield "pub type Rates = (i64, i128);\n\n"
    for cls in PLANS:
        told = attributes(cls) | {"name": "for messages."}
        copied = ", Copy" if is_copied(cls) else ""
        yield doc(summary(cls)) + f"#[derive(Clone{copied})]\npub struct {cls.__name__} {{\n"
        for name, kind in fields(cls):
            yield doc(sentence(told[name]), "    ") + f"    pub {name}: {rust_type(kind)},\n"
        yield "}\n\n"


def read(name: str, kind: str) -> str:
    """Return the expression that reads a field."""
    value = f'given.getattr("{name}")?'
    known = {cls.__name__: cls for cls in (*PLANS, *ENUMS)}
    if name == "name":
        return 'given.getattr("instrument")?.getattr("name")?.extract()?'
    if found := re.fullmatch(r"tuple\[(\w+), \.\.\.\]", kind):
        if found[1] in known:
            return f"each(&{value}, {snake(found[1])})?"
    elif found := re.fullmatch(r"dict\[int, (\w+)\]", kind):
        return f"by_issue(&{value})?"
    elif kind in known:
        return f"{snake(kind)}(&{value})?"
    return f"{value}.extract()?"


def _enums_read() -> set[str]:
    """Return the names of the enumerations that fields of the plan have."""
    return set(enums_of(kind for cls in PLANS for _, kind in fields(cls)))


def reader() -> Iterator[str]:
    """Yield the functions that read the plan."""
    read_enums = [enum for enum in READ if any(kind == enum.__name__ for cls in PLANS for _, kind in fields(cls))]
    names = sorted({*_enums_read(), "Issue"})
    yield "//! Reads a `lob_backtest.contract.plan.Plan`.\n\n"
    yield HEAD
    yield "use pyo3::prelude::*;\nuse pyo3::types::PyDict;\n\nuse super::EngineError;\n"
    yield f"use crate::contract::generated::{{{', '.join(names)}}};\n"
    yield used("crate::contract::generated_plan", sorted(cls.__name__ for cls in PLANS)) + "\n"
    yield READER_FUNCTIONS
    for enum in read_enums:
        function = snake(enum.__name__)
        yield f"fn {function}(given: &Bound<'_, PyAny>) -> PyResult<{enum.__name__}> {{\n"
        yield f'    code(given, "{function.replace("_", " ")}", {enum.__name__}::of)\n}}\n\n'
    functions = []
    for cls in PLANS:
        name = cls.__name__
        public = name == "Plan"
        text = "/// Read a plan.\n///\n/// # Errors\n/// A number is larger than 64 bits hold.\npub " if public else ""
        text += f"fn {snake(name)}(given: &Bound<'_, PyAny>) -> PyResult<{name}> {{\n    Ok({name} {{\n"
        text += "".join(f"        {field}: {read(field, kind)},\n" for field, kind in fields(cls))
        functions.append(text + "    })\n}\n")
    yield "\n".join(functions)


COLUMN_KIND: Final = """/// How a column of a result table is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// One byte.
    I8,
    /// Two bytes.
    I16,
    /// Eight bytes, an integer or a double's bits.
    I64,
    /// Eight bytes with nulls.
    I64OrNull,
    /// UTF-8 text.
    Text,
}

"""

READER_FUNCTIONS: Final = """/// Read each item of a tuple.
fn each<T>(given: &Bound<'_, PyAny>, read: fn(&Bound<'_, PyAny>) -> PyResult<T>) -> PyResult<Vec<T>> {
    given.try_iter()?.map(|item| read(&item?)).collect()
}

/// Read a member of an enumeration.
fn code<T>(given: &Bound<'_, PyAny>, what: &str, of: fn(i64) -> Option<T>) -> PyResult<T> {
    let code = given.extract::<i64>()?;
    of(code).ok_or_else(|| EngineError::new_err(format!("the kernel has no {what} {code}")))
}

/// Read a policy per issue, by the issue's code; the first one where none is given.
fn by_issue(given: &Bound<'_, PyAny>) -> PyResult<[IssuePolicy; Issue::ALL.len()]> {
    let mut policies = [IssuePolicy::ALL[0]; Issue::ALL.len()];
    for (issue, policy) in given.cast::<PyDict>()?.iter() {
        let place = issue.extract::<usize>()?.wrapping_sub(1);
        if let Some(each) = policies.get_mut(place) {
            *each = code(&policy, "policy", IssuePolicy::of)?;
        }
    }
    Ok(policies)
}

"""


def generated() -> str:
    """Return the text of `GENERATED`."""
    body = "".join(part for write in (numbers, constants, layouts) for part in write())
    title = "//! The contract with Python: codes, limits and layouts.\n\n"
    codes = used("crate::contract::generated_codes", sorted(enum.__name__ for enum in ENUMS), "pub ") + "\n"
    return (
        title + HEAD + "#![allow(missing_docs)] // where a member's name says it all\n\n" + codes + body.rstrip() + "\n"
    )


def generated_codes() -> str:
    """Return the text of `CODES`."""
    title = "//! The contract with Python: enumerations.\n\n"
    allowed = "#![allow(missing_docs)] // where a member's name says it all\n\n"
    return title + HEAD + allowed + "".join(enums()).rstrip() + "\n"


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    return {
        GENERATED: generated(),
        CODES: generated_codes(),
        PLAN: "".join(plans()).rstrip() + "\n",
        READER: "".join(reader()),
        TERMS: "".join(terms()),
        ORDER_ROW: "".join(order_row()),
        ORDER_TERMS: "".join(order_terms()),
    }


def main() -> None:
    """Write the files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
