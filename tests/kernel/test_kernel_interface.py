"""The compiled kernel shows strategies the names that `lob_backtest.strategy.api` promises, and its stub is true."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from plans import plan_of
from scenario import BASE, batch, market_row

from lob_backtest.contract.rows import Batch
from lob_backtest.engine import ENGINES, is_built, load_engine
from lob_backtest.engine.client.context import ReceivedBook, ReferenceContext
from lob_backtest.errors import DataError
from lob_backtest.results.sink import MemorySink
from lob_backtest.strategy.api import Book, Context, Strategy

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
