"""What `validate` finds a run finds as well: it fails, or it counts what it did about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from market_rows import T0, clean, with_row, write

import lob_backtest as lob
from lob_backtest.contract.rows import Action
from lob_backtest.data.audit.validate import validate
from lob_backtest.data.faults import ALLOWED, DEFAULT_POLICIES, ON_REQUEST, FaultKind, Policy
from lob_backtest.errors import DataError

Files = list[Path]


def one(columns: dict[str, Any]) -> Callable[[Path], Files]:
    return lambda folder: [write(folder / "a.parquet", columns)]


def two(columns: dict[str, Any], **meta: Any) -> Callable[[Path], Files]:
    return lambda folder: [write(folder / "a.parquet", clean()), write(folder / "b.parquet", columns, **meta)]


def with_null(folder: Path) -> Files:
    path = write(folder / "a.parquet", clean())
    table, meta = pq.read_table(path), pq.read_metadata(path).metadata
    sizes = [None if row == 43 else size for row, size in enumerate(table["size_lots"].to_pylist())]
    at = table.schema.get_field_index("size_lots")
    table = table.set_column(at, pa.field("size_lots", pa.int64()), pa.array(sizes, pa.int64()))
    pq.write_table(table.replace_schema_metadata(meta), path)
    return [path]


def without_one_local_time() -> dict[str, Any]:
    columns: dict[str, Any] = clean()
    columns["ts_local_ns"] = [None if row == 43 else time for row, time in enumerate(columns["ts_local_ns"].tolist())]
    return columns


def of_other_side(row: int) -> dict[str, Any]:
    columns = clean()
    columns["side"][row] *= -1
    return columns


def with_gap() -> dict[str, Any]:
    columns = clean()
    columns["sequence"][50:] += 7
    return columns


def crossed() -> dict[str, Any]:
    columns = clean()
    columns["side"][40:44], columns["price_ticks"][40:44] = 1, 10_000
    columns["side"][44:48], columns["price_ticks"][44:48] = -1, 9_000
    return {name: np.delete(values, 43) for name, values in columns.items()}


FAULTS: dict[FaultKind, list[Callable[[Path], Files]]] = {
    FaultKind.FOREIGN_FILE: [two(clean(start_ns=T0 + 10**9), symbol="OTHER")],
    FaultKind.NULL: [with_null],
    FaultKind.UNKNOWN_ACTION: [one(with_row(43, action=77))],
    FaultKind.BAD_SIDE: [one(with_row(43, side=0)), *(one(of_other_side(row)) for row in (41, 42, 43))],
    FaultKind.ZERO_SIZE: [one(with_row(43, size_lots=0))],
    FaultKind.OUT_OF_RANGE: [one(with_row(43, size_lots=-4)), one(with_row(43, price_ticks=2**40))],
    FaultKind.ZERO_ORDER_ID: [one(with_row(44, order_id=0))],
    FaultKind.UNKNOWN_PHASE: [one(with_row(43, action=Action.STATUS, phase=9))],
    FaultKind.OVERLAP: [two(clean(start_ns=T0 + 10))],
    FaultKind.TIME_BACKWARDS: [one(with_row(43, ts_exchange_ns=T0 - 1))],
    FaultKind.MISSING_LOCAL: [one(without_one_local_time())],
    FaultKind.LOCAL_BEFORE_EXCHANGE: [one(with_row(43, ts_local_ns=T0 - 1))],
    FaultKind.SEQUENCE_GAP: [one(with_gap())],
    FaultKind.DUPLICATE: [one(with_row(50, sequence=3))],
    FaultKind.NO_LAST: [one(with_row(99, flags=0))],
    FaultKind.UNKNOWN_ORDER: [one(with_row(row, order_id=999)) for row in (41, 42, 43)],
    FaultKind.DUPLICATE_ORDER: [one(with_row(41, action=Action.ADD))],
    FaultKind.OVERSIZE: [one(with_row(42, size_lots=9)), one(with_row(43, size_lots=6))],
    FaultKind.CROSSED: [one(crossed())],
}
CASES = [pytest.param(kind, fault, id=f"{kind}-{i}") for kind, each in FAULTS.items() for i, fault in enumerate(each)]


def run(files: Files, engine: str, policies: dict[str, str]) -> lob.Result:
    config = {"instrument": [{"data": [str(path) for path in files]}], "data": {"policies": policies}}
    return lob.run(config, lob.Strategy(), engine=engine)


def test_every_kind_has_a_file() -> None:
    assert set(FAULTS) == set(FaultKind)


@pytest.mark.parametrize(("kind", "fault"), CASES)
def test_a_run_finds_what_validate_finds(
    tmp_path: Path, engine: str, kind: FaultKind, fault: Callable[[Path], Files]
) -> None:
    files = fault(tmp_path)
    assert kind in [each for each, _, _ in validate(files, gaps=True).found()]
    asked = {str(kind): str(Policy.FAIL)} if kind in ON_REQUEST else {}
    if asked or DEFAULT_POLICIES[kind] == Policy.FAIL:
        remedy = "differs from" if kind == FaultKind.FOREIGN_FILE else rf"data\.policies\.{kind}"
        with pytest.raises(DataError, match=rf"\.parquet.*{remedy}"):
            run(files, engine, asked)
    else:
        counts = run(files, engine, {}).info.counts
        assert any(name.startswith(str(kind)) and n for name, n in counts.items()), counts


@pytest.mark.parametrize(("kind", "fault"), CASES)
def test_what_is_done_about_a_fault_is_counted(
    tmp_path: Path, engine: str, kind: FaultKind, fault: Callable[[Path], Files]
) -> None:
    files = fault(tmp_path)
    for policy in sorted(ALLOWED[kind] - {Policy.FAIL}):
        others = {
            str(other): "skip" for other in FaultKind if Policy.SKIP in ALLOWED[other] and other not in ON_REQUEST
        }
        counts = run(files, engine, others | {str(kind): str(policy)}).info.counts
        assert any(name.startswith(str(kind)) and n for name, n in counts.items()), (policy, counts)
