"""The compiled kernel shows strategies the names that `lob_backtest.strategy.api` promises, and its stub is true."""

from __future__ import annotations

import dataclasses
import gc
import inspect
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plans import plan_of
from scenario import BASE, batch, market_row

from lob_backtest.contract.rows import Batch
from lob_backtest.contract.tables import ORDERS
from lob_backtest.contract.terms import Terms
from lob_backtest.engine import ENGINES, is_built, load_engine
from lob_backtest.engine.client.context import ReceivedBook, ReferenceContext
from lob_backtest.errors import DataError
from lob_backtest.results.sink import MemorySink
from lob_backtest.strategy.api import Book, Context, Order, Strategy

ROOT = Path(__file__).resolve().parents[2]
needs_kernel = pytest.mark.skipif(not is_built(), reason="the kernel is not built")


def public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def test_the_kernel_is_there_where_it_has_to_be() -> None:
    if os.environ.get("LOB_REQUIRE_KERNEL") == "1":
        assert ENGINES[0] == "kernel"
    assert ENGINES[-1] == "reference"


@needs_kernel
def test_both_contexts_have_the_names_of_the_protocol_and_no_others() -> None:
    from lob_backtest import _kernel

    internal = {"link"}  # what the reference engine's own parts use
    assert public(_kernel.KernelContext) == public(Context)
    assert public(ReferenceContext) - internal == public(Context)


@needs_kernel
def test_both_books_have_the_names_of_the_protocol_and_no_others() -> None:
    from lob_backtest import _kernel

    assert public(_kernel.ReceivedBook) == public(ReceivedBook) == public(Book)


def parameters(function: Any) -> list[tuple[str, Any]]:
    """List name and kind of each parameter; those that are given by name last, sorted."""
    listed = [(each.name, each.kind) for each in list(inspect.signature(function).parameters.values())[1:]]
    return sorted(listed, key=lambda each: (each[1], each[0] if each[1] == inspect.Parameter.KEYWORD_ONLY else ""))


def methods(cls: type) -> list[str]:
    return [name for name in sorted(public(cls)) if inspect.isfunction(getattr(cls, name))]


@needs_kernel
def test_methods_of_both_engines_have_the_parameters_of_the_protocol() -> None:
    from lob_backtest import _kernel

    options = ("options", inspect.Parameter.VAR_KEYWORD)
    for protocol, compiled, reference in (
        (Context, _kernel.KernelContext, ReferenceContext),
        (Book, _kernel.ReceivedBook, ReceivedBook),
    ):
        for name in methods(protocol):
            expected = parameters(getattr(protocol, name))
            if name in ("buy", "sell"):
                expected = [each for each in expected if each[1] != inspect.Parameter.KEYWORD_ONLY] + [options]
            assert parameters(getattr(compiled, name)) == expected, name
            assert parameters(getattr(reference, name)) == expected, name


@pytest.mark.parametrize("name", ["buy", "sell"])
def test_the_options_of_an_order_are_the_terms_that_have_a_default(name: str) -> None:
    given = inspect.signature(getattr(Context, name)).parameters.values()
    options = {each.name: each.default for each in given if each.kind == inspect.Parameter.KEYWORD_ONLY}
    defaults = {name: getattr(value, "name", value) for name, value in Terms._field_defaults.items()}
    assert options == defaults


def test_an_order_shows_all_of_its_terms_and_so_does_its_row() -> None:
    assert set(Terms._fields) <= {field.name for field in dataclasses.fields(Order)}
    assert set(Terms._fields) <= set(ORDERS.names)


@needs_kernel
@pytest.mark.slow
def test_the_stub_says_what_the_kernel_is(tmp_path: Path) -> None:
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nignore_missing_imports = true\ndisable_error_code = import-untyped\n")
    command = [sys.executable, "-m", "mypy.stubtest", "lob_backtest._kernel", "--mypy-config-file", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_kernel
def test_a_run_that_cannot_begin_leaves_nothing_behind() -> None:
    def broken() -> Iterator[Batch]:
        raise DataError("no first batch")
        yield

    sink = MemorySink(())
    gone = weakref.ref(sink)
    row = (0, *market_row(["add", "bid", "100", "5", "#1"]))
    plan = plan_of(3, 2, end_ns=BASE + 10)
    with pytest.raises(DataError):
        load_engine("kernel")(plan, [iter([batch([row])]), broken()], [Strategy()], sink)
    del sink
    gc.collect()
    assert gone() is None
