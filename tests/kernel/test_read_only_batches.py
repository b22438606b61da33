"""Engines read batches from several threads without a lock: nobody can write to the arrays that they are given."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

import lob_backtest as lob
from lob_backtest.contract.rows import Batch

HOMES = {"kernel": "lob_backtest.engine.kernel", "reference": "lob_backtest.engine.driver"}


class EnoughError(Exception):
    """Ends a run when the engine has been given everything."""


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("strip", [[], [3, 5]])
@pytest.mark.parametrize("feed", ["recorded", 1000])
def test_no_array_that_an_engine_is_given_can_be_written_to(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch, level: int, strip: list[int], feed: str | int
) -> None:
    given: list[Batch] = []

    def replay(plan: object, sources: Sequence[Iterator[Batch]], agents: object, sink: object) -> NoReturn:
        given.extend(batch for batches in sources for batch in batches)
        raise EnoughError

    monkeypatch.setattr(importlib.import_module(HOMES[engine]), "replay", replay)
    lob.generate(tmp_path / "m.parquet", events=2_000, level=level)
    part: dict[str, Any] = {"data": [str(tmp_path / "m.parquet")]}
    if level == 3:
        part["exclude_order_ids"] = strip
    with pytest.raises(EnoughError):
        lob.run({"instrument": [part], "latency": {"feed": feed}}, lob.Strategy(), engine=engine)
    assert sum(len(batch.action) for batch in given) > 1000
    for batch in given:
        for name, column in zip(Batch._fields, batch[:9], strict=False):
            assert not column.flags.writeable, name
            with pytest.raises(ValueError, match="read-only"):
                column[0] = 0
