"""Pieces of Rust text that the generators of the contract share: names, types, comments and layouts."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Final, get_origin

from lob_backtest.book.book import Issue
from lob_backtest.contract import plan, tables

ENUMS: Final = (
    Issue,
    plan.Feed,
    plan.IssuePolicy,
    plan.PostOnly,
    plan.QueueModel,
    tables.Cause,
    tables.Liquidity,
    tables.UpdateKind,
    tables.OrderState,
    tables.TimeInForce,
    tables.RejectReason,
    tables.SelfTrade,
    tables.Trigger,
)
SPECIAL: Final = {"Count": "usize", "Venue": "usize"}
HEAD: Final = "// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.\n\n"


def doc(text: str, indent: str = "") -> str:
    """Return a Rust doc comment."""
    return "".join(f"{indent}/// {line}".rstrip() + "\n" for line in text.splitlines())


def sentence(text: str) -> str:
    """Return a text with a capital and a full stop."""
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "…")) else ".")


def summary(cls: type) -> str:
    """Return the first paragraph of a docstring."""
    return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]


def camel(name: str) -> str:
    """Return a member's name as Rust writes it: ``POST_ONLY`` is ``PostOnly``."""
    return "".join(word.capitalize() for word in name.split("_"))


def listed(head: str, items: list[str]) -> str:
    """Return an array as rustfmt lays it out: in a line of at most 120 columns, on the next line, or one per line."""
    array, indent = f"[{', '.join(items)}];\n", " " * (len(head) - len(head.lstrip()))
    if len(head) + len(array) <= 120:
        return head + array
    if len(indent) + 4 + len(array) <= 121:
        return f"{head.rstrip()}\n{indent}    {array}"
    return f"{head}[\n" + "".join(f"{indent}    {item},\n" for item in items) + f"{indent}];\n"


def attributes(cls: type) -> dict[str, str]:
    """Return what a docstring says of each attribute."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", text, re.MULTILINE)
    return {name: re.sub(r"\n {8}", "\n", said) for name, said in found}


def rust_type(annotation: str) -> str:
    """Return the Rust type of a field of a plan, from its annotation as it is written."""
    if annotation in SPECIAL:
        return SPECIAL[annotation]
    if annotation.endswith(" | None"):
        return f"Option<{rust_type(annotation.removesuffix(' | None'))}>"
    if found := re.fullmatch(r"tuple\[(\w+), \.\.\.\]", annotation):
        return f"Vec<{rust_type(found[1])}>"
    if found := re.fullmatch(r"dict\[int, (\w+)\]", annotation):
        return f"[{found[1]}; Issue::ALL.len()]"
    if get_origin(getattr(plan, annotation, None)) is Annotated:
        return "i64"  # an integer with bounds
    return {"int": "i64", "bool": "bool", "float": "f64"}.get(annotation, annotation)


def enums_of(kinds: Iterable[str]) -> list[str]:
    """Return the names of the enumerations in annotations, sorted."""
    text = " ".join(kinds)
    return sorted(enum.__name__ for enum in ENUMS if re.search(rf"\b{enum.__name__}\b", text))


def snake(name: str) -> str:
    """Return a class's name as the name of a function."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def braced(names: list[str]) -> str:
    """Return names as a path of `use` ends."""
    return names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"


def used(path: str, names: list[str], public: str = "") -> str:
    """Return a `use` of several names as rustfmt lays it out: in one line of at most 120 columns, else filled lines."""
    line = f"{public}use {path}::{braced(names)};\n"
    if len(line) <= 121:
        return line
    filled = textwrap.fill(", ".join(names) + ",", 120, initial_indent="    ", subsequent_indent="    ")
    return f"{public}use {path}::{{\n{filled}\n}};\n"


def literal(head: str, values: list[str]) -> str:
    """Return a struct's literal as rustfmt lays it out: in one line of at most 120 columns, else a field per line."""
    line, indent = f"{head} {{ {', '.join(values)} }}\n", " " * (len(head) - len(head.lstrip()))
    if len(line) <= 121:
        return line
    return f"{head} {{\n" + "".join(f"{indent}    {value},\n" for value in values) + f"{indent}}}\n"


def constant(value: object) -> str:
    """Return a default as Rust writes it.

    Raises:
        TypeError: it has no constant in Rust.
    """
    match value:
        case Enum():
            return f"{type(value).__name__}::{camel(value.name)}"
        case bool():  # before the integers: 0 equals False
            return str(value).lower()
        case int():
            return str(value)
        case None:
            return "None"
        case "":
            return "Tag::EMPTY"
    raise TypeError(f"the default {value!r} of a term has no constant in Rust")
