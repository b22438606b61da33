"""No module gives Arrow's readers memory or streams of Python's: see `lob_backtest.data.provenance` for why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "lob_backtest"

FORBIDDEN = {"PythonFile", "py_buffer", "foreign_buffer"}
"""What wraps memory or streams of Python's for Arrow; so does `BufferReader`, unless Arrow has allocated the buffer."""
READERS = {
    "ParquetFile",
    "open_csv",
    "read_csv",
    "read_table",
    "open_file",
    "open_stream",
    "CompressedInputStream",
    "input_stream",
}
"""What reads in Arrow's threads; the source comes first."""
PYTHON_STREAMS = {"open", "BytesIO", "StringIO", "TextIOWrapper", "BufferedReader", "GzipFile", "ZipFile"}
"""Calls that make streams of Python's; `open` is that of Python and of `Path`, unlike `Origin.open`, see `sources`."""


def name_of(call: ast.expr) -> str:
    """Return the last part of what is called."""
    return call.attr if isinstance(call, ast.Attribute) else call.id if isinstance(call, ast.Name) else ""


def makes_python_stream(node: ast.expr) -> bool:
    """Return whether an expression opens a stream of Python's: `open(...)`, `path.open("rb")`, `BytesIO(...)`."""
    if not isinstance(node, ast.Call) or name_of(node.func) not in PYTHON_STREAMS:
        return False
    return name_of(node.func) != "open" or isinstance(node.func, ast.Name) or bool(node.args)


def python_streams(tree: ast.AST) -> set[str]:
    """Return the names that a module binds to streams of Python's, by assignment or `with`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and makes_python_stream(node.value):
            names |= {name_of(target) for target in node.targets}
        if isinstance(node, ast.withitem) and node.optional_vars is not None and makes_python_stream(node.context_expr):
            names.add(name_of(node.optional_vars))
    return names


def allocated(tree: ast.AST) -> set[str]:
    """Return the names that a module binds to memory that Arrow allocates."""
    return {
        name_of(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and name_of(node.value.func) == "allocate_buffer"
        for target in node.targets
    }


def complaints(text: str) -> Iterator[str]:
    tree = ast.parse(text)
    bound, native = python_streams(tree), allocated(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and name_of(node) in FORBIDDEN:
            yield f"line {node.lineno}: {name_of(node)}"
        if isinstance(node, ast.Call) and name_of(node.func) == "BufferReader" and name_of(node.args[0]) not in native:
            yield f"line {node.lineno}: BufferReader of what Arrow has not allocated"
        if isinstance(node, ast.Call) and name_of(node.func) in READERS and node.args:
            source = node.args[0]
            if makes_python_stream(source) or name_of(source) in bound:
                yield f"line {node.lineno}: {name_of(node.func)} of a stream of Python's"


def test_no_module_gives_arrow_memory_or_streams_of_python() -> None:
    found = [f"{path.name} {each}" for path in PACKAGE.rglob("*.py") for each in complaints(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "pa.py_buffer(block)",
        "csv.read_csv(pa.BufferReader(block))",
        "csv.open_csv(pa.PythonFile(stream))",
        "pq.ParquetFile(open('a'))",
        "pq.ParquetFile(path.open('rb'))",
        "with path.open('rb') as source:\n    pq.ParquetFile(source)",
        "self.stream = io.BytesIO(data)\nopen_csv(self.stream)",
    ],
)
def test_the_rule_finds_what_it_is_for(text: str) -> None:
    assert list(complaints(text))


@pytest.mark.parametrize(
    "text",
    [
        "buffer = pa.allocate_buffer(8)\nread_csv(pa.BufferReader(buffer))",
        "with Origin.local(path).open() as source:\n    pq.ParquetFile(source)",
        "pq.ParquetFile(pa.OSFile(path))",
    ],
)
def test_the_rule_allows_streams_of_arrows(text: str) -> None:
    assert not list(complaints(text))
