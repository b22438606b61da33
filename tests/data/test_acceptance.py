"""What a converter makes is checked as a run would check it, whoever wrote the converter."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lob_backtest import vendors as formats
from lob_backtest import write_events
from lob_backtest.cli import group
from lob_backtest.contract.rows import Action, Flag
from lob_backtest.data.audit.acceptance import LEFT_TO_VALIDATE, Acceptance
from lob_backtest.data.audit.validate import validate
from lob_backtest.data.faults import FaultKind
from lob_backtest.data.packet_rows import PacketRows
from lob_backtest.data.reader import open_market
from lob_backtest.errors import DataError
from lob_backtest.vendors.convert import convert

T0 = 1_700_000_000 * 10**9
Row = dict[str, int | None]


def row(action: Action, side: int, order_id: int, price: int, size: int, **others: int | None) -> Row:
    usual: Row = {
        "ts_exchange_ns": T0,
        "ts_local_ns": T0 + 500,
        "action": int(action),
        "side": side,
        "order_id": order_id,
        "price_ticks": price,
        "size_lots": size,
        "flags": int(Flag.LAST),
        "phase": 0,
        "sequence": 7,
    }
    return usual | others


BID = row(Action.ADD, 1, 1, 100, 10)
ASK = row(Action.ADD, -1, 2, 102, 10)
LEVEL = row(Action.LEVEL, 1, 0, 100, 10)


def columns_of(rows: list[Row], level: int = 3) -> dict[str, list[Any]]:
    return {name: [each[name] for each in rows] for name in BID if level == 3 or name != "order_id"}


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Convert rows by a format of another package, a stretch at a time."""
    file = tmp_path / "a.vendor"
    file.write_text("x")

    def run(*stretches: list[Row], level: int = 3, make=columns_of, counts: dict[str, int] | None = None):
        def open_source(inputs, *, symbol, tick_size, lot_size):
            return SimpleNamespace(
                level=level,
                symbol="T",
                venue="",
                tick_size=Decimal(1),
                lot_size=Decimal(1),
                depth=None,
                files=inputs,
                counts=counts or {},
                notes=[],
                columns=lambda: (make(rows, level) for rows in stretches),
            )

        module = SimpleNamespace(OPTIONS=frozenset(), open_source=open_source)
        monkeypatch.setattr(formats, "load", lambda name: module)
        return convert("vendor", file, tmp_path / "out.parquet", force=True)

    return run


FAULTS: dict[FaultKind, list[list[Row]]] = {
    FaultKind.NULL: [[BID, ASK | {"size_lots": None}]],
    FaultKind.UNKNOWN_ACTION: [[BID, ASK | {"action": 0}], [BID, ASK | {"action": 99}], [BID, LEVEL]],
    FaultKind.BAD_SIDE: [
        [BID, ASK | {"side": 0}],
        [BID, ASK | {"side": 5}],
        [BID, row(Action.CANCEL, -1, 1, 100, 1)],
        [BID, row(Action.EXECUTE, -1, 1, 100, 1)],
        [BID, row(Action.MODIFY, -1, 1, 100, 1)],
    ],
    FaultKind.ZERO_SIZE: [[BID, ASK | {"size_lots": 0}], [BID, row(Action.MODIFY, 1, 1, 100, 0)]],
    FaultKind.OUT_OF_RANGE: [
        [BID, ASK | {"size_lots": 1 << 40}],
        [BID, ASK | {"size_lots": -1}],
        [BID, ASK | {"price_ticks": 1 << 40}],
        [BID, ASK | {"price_ticks": -(1 << 40)}],
        [BID, ASK | {"ts_exchange_ns": 1 << 62, "ts_local_ns": 1 << 62}],
        [BID, ASK | {"ts_local_ns": 1 << 62}],
        [BID | {"ts_exchange_ns": T0 // 1000}],
        [BID | {"ts_exchange_ns": -1}],
    ],
    FaultKind.ZERO_ORDER_ID: [[BID, ASK | {"order_id": 0}]],
    FaultKind.UNKNOWN_PHASE: [[BID, row(Action.STATUS, 0, 0, 0, 0, phase=9)]],
    FaultKind.TIME_BACKWARDS: [[BID, ASK | {"ts_exchange_ns": T0 - 1}]],
    FaultKind.MISSING_LOCAL: [[BID, ASK | {"ts_local_ns": None}], [BID | {"ts_local_ns": None}, ASK]],
    FaultKind.LOCAL_BEFORE_EXCHANGE: [[BID, ASK | {"ts_local_ns": T0 - 1}]],
    FaultKind.NO_LAST: [[BID, ASK | {"flags": 0}]],
    FaultKind.UNKNOWN_ORDER: [
        [BID, row(Action.CANCEL, 1, 5, 100, 1)],
        [BID, row(Action.MODIFY, 1, 5, 100, 1)],
        [BID, row(Action.EXECUTE, 1, 1, 100, 10), row(Action.EXECUTE, 1, 1, 100, 1)],
        [BID, ASK, row(Action.CLEAR, 0, 0, 0, 0), row(Action.CANCEL, -1, 2, 102, 1)],
        [BID, ASK, row(Action.CLEAR, 1, 0, 0, 0), row(Action.CANCEL, 1, 1, 100, 1)],
    ],
    FaultKind.DUPLICATE_ORDER: [[BID, BID], [BID, row(Action.CANCEL, 1, 1, 100, 9), BID]],
    FaultKind.OVERSIZE: [
        [BID, row(Action.CANCEL, 1, 1, 100, 11)],
        [BID, row(Action.EXECUTE, 1, 1, 100, 4), row(Action.EXECUTE, 1, 1, 100, 7)],
        [BID, row(Action.MODIFY, 1, 1, 100, 3), row(Action.CANCEL, 1, 1, 100, 4)],
    ],
}
CASES = [(kind, rows) for kind, samples in FAULTS.items() for rows in samples]


def test_every_kind_has_a_sample() -> None:
    assert set(FAULTS) == set(FaultKind) - LEFT_TO_VALIDATE - {
        FaultKind.FOREIGN_FILE,
        FaultKind.OVERLAP,
    }  # those need two files


@pytest.mark.parametrize("split", [False, True], ids=["one stretch", "two stretches"])
@pytest.mark.parametrize(("kind", "rows"), CASES)
def test_a_row_that_a_run_would_refuse_is_not_written(
    tmp_path: Path, vendor, kind: FaultKind, rows, split: bool
) -> None:
    stretches = [rows[:-1], rows[-1:]] if split and len(rows) > 1 else [rows]
    with pytest.raises(DataError) as caught:
        vendor(*stretches)
    assert str(tmp_path / "a.vendor") in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.vendor"]
    if kind != FaultKind.NULL:  # refused as a column, before its rows are looked at
        assert f": {kind} in the converted event at " in str(caught.value)
        assert any(f"sequence 7, order id {each['order_id']}: " in str(caught.value) for each in rows)


@pytest.mark.parametrize(("kind", "rows"), [case for case in CASES if case[0] != FaultKind.NULL])
def test_validate_finds_the_same(tmp_path: Path, kind: FaultKind, rows) -> None:
    write_events(tmp_path / "a.parquet", columns_of(rows), level=3, symbol="T", tick_size=1, lot_size=1)
    if rows[0]["ts_exchange_ns"] == T0:
        assert kind in validate([tmp_path / "a.parquet"]).to_dict()["kinds"]
    else:  # of another unit: refused before rows are looked at
        with pytest.raises(DataError, match="expected nanoseconds"):
            validate([tmp_path / "a.parquet"])


def test_a_row_of_another_level_is_refused(vendor) -> None:
    with pytest.raises(DataError, match=r"unknown_action in the converted event at .*: ADD of side 1, 10 lots"):
        vendor([LEVEL, BID], level=2)


def test_what_feeds_do_is_accepted(vendor) -> None:
    crossed = [BID, ASK | {"price_ticks": 99, "sequence": 3}, row(Action.TRADE, 0, 0, 99, 1, sequence=90)]
    assert vendor(crossed).rows == 3
    assert vendor([{**each, "ts_local_ns": None} for each in crossed]).packets == 3
    assert vendor([LEVEL, LEVEL | {"size_lots": 0}], [], [LEVEL], level=2).rows == 3


@pytest.mark.parametrize(("name", "value"), [("order_id", -5), ("order_id", 1 << 64), ("size_lots", 1 << 63)])
def test_a_value_that_its_column_cannot_hold_is_named(tmp_path: Path, vendor, name: str, value: int) -> None:
    def make(rows: list[Row], level: int) -> dict[str, Any]:
        collected = PacketRows(local_clock=False)
        collected.ts_exchange_ns = T0
        for each in rows:
            collected.add(*(each[key] or 0 for key in ("action", "side", "order_id", "price_ticks", "size_lots")))
        collected.end_packet()
        return collected.take()

    with pytest.raises(DataError, match=rf"a\.vendor: {name} {value} of the event at {T0} ns; expected -?\d+ to \d+"):
        vendor([BID, ASK | {name: value}], make=make)
    with pytest.raises(DataError, match=rf"a\.vendor: {name}, row 1: {value} does not fit"):
        vendor([BID, ASK | {name: value}])


def test_no_events_says_what_was_left_out(vendor) -> None:
    with pytest.raises(DataError, match=r"a\.vendor: no events of T .*; left out or changed: fills of unknown 2$"):
        vendor(counts={"fills_of_unknown": 2, "others": 0})


def test_files_that_change_while_they_are_read_are_refused(tmp_path: Path, vendor) -> None:
    def make(rows: list[Row], level: int) -> dict[str, Any]:
        (tmp_path / "a.vendor").write_text("other")
        return columns_of(rows)

    with pytest.raises(DataError, match=r"a\.vendor: changed while it was read"):
        vendor([BID], make=make)
    (tmp_path / "out.parquet").unlink(missing_ok=True)


def test_a_refusal_ends_the_command_with_exit_code_3(tmp_path: Path, vendor, capsys) -> None:
    with pytest.raises(DataError):
        vendor([BID, BID])
    with pytest.raises(SystemExit) as stop:
        group.main(["convert", "vendor", str(tmp_path / "a.vendor"), "-o", str(tmp_path / "out.parquet")])
    assert stop.value.code == 3
    assert "duplicate_order" in capsys.readouterr().err


def random_rows(rng: random.Random, faulty: bool) -> list[Row]:
    """Make a feed of few orders, with a fault now and then."""
    rows, live = [], Counter[int]()
    for i in range(rng.randrange(1, 30)):
        action = rng.choice([Action.ADD, Action.ADD, Action.CANCEL, Action.MODIFY, Action.EXECUTE, Action.TRADE])
        action = Action.CLEAR if rng.random() < 0.05 else action
        order_id = rng.randrange(1, 9)
        side, size = 1 if order_id % 2 else -1, rng.randrange(1, 9)
        if rng.random() > faulty * 0.1 and action != Action.TRADE:
            if action == Action.ADD:
                order_id += 9 * i
                side = 1 if order_id % 2 else -1
            elif action != Action.CLEAR:
                order_id = next((each for each in live if live[each]), 0)
                side, size = 1 if order_id % 2 else -1, min(size, live[order_id]) or 1
                action = action if order_id else Action.TRADE
        if action == Action.CLEAR:
            order_id, side, size = 0, rng.choice([1, 0, -1]), 0
            for each in list(live):
                live[each] *= (1 if each % 2 else -1) * side < 0
        elif action in (Action.MODIFY, Action.ADD):
            live[order_id] = size
        elif action != Action.TRADE:
            live[order_id] = max(0, live[order_id] - size)
        price = 100 - side * (order_id % 7 + 1)
        rows.append(row(action, side, order_id, price, size, ts_exchange_ns=T0 + i, ts_local_ns=T0 + i, sequence=i))
        if faulty and rng.random() < 0.01:
            name = rng.choice(["side", "size_lots", "order_id", "action", "phase", "flags", "ts_exchange_ns"])
            rows[-1][name] = rng.choice([0, 1, 3, T0 if name in ("size_lots", "order_id") else 100])
    return rows


def stretches_of(rows: list[Row], rng: random.Random) -> Iterator[dict[str, Any]]:
    begin = 0
    while begin < len(rows):
        end = begin + rng.randrange(1, 9)
        yield columns_of(rows[begin:end])
        begin = end


@pytest.mark.parametrize("seed", range(60))
def test_random_rows_are_accepted_if_and_only_if_validate_finds_nothing(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    rows = random_rows(rng, faulty=seed % 2 == 1)
    path = tmp_path / "a.parquet"
    write_events(path, columns_of(rows), level=3, symbol="T", tick_size=1, lot_size=1)
    acceptance = Acceptance(3, [path])
    refused = ""
    try:
        for columns in stretches_of(rows, rng):
            acceptance.check(columns)
        acceptance.finish()
    except DataError as error:
        refused = str(error)
    readable, found = True, set()
    try:
        found = set(validate([path]).to_dict()["kinds"]) - LEFT_TO_VALIDATE
        for _ in open_market([path]).batches():
            pass
    except DataError:
        readable = False
    assert bool(refused) == (not readable or bool(found)), (refused, found)
    if found:
        assert any(f": {kind} in" in refused for kind in found), (refused, found)
    if not refused:
        assert acceptance.rows == len(rows)
        assert acceptance.last_ns == rows[-1]["ts_exchange_ns"]
        assert acceptance.packets == int(np.count_nonzero([(each["flags"] or 0) & Flag.LAST for each in rows]))
