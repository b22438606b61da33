"""Damaged vendor files: a conversion is refused with one message, or makes a file that `validate` and `run` accept.

Each batch of mutations runs in a process of its own, so that an abort and an endless loop are seen and named. A seed
and a number are one mutation: `python tests/attack/test_damaged_vendor_files.py KIND SEED NUMBER` makes it again and
prints what comes of it. `LOB_MUTATIONS` sets how many each kind gets in the long search (marker `soak`).
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

STEM = "TEST_2012-06-21_34200000_57600000_{}_2.csv"
SECOND = 10**9
DAY_NS = 1_721_347_200 * SECOND
SECONDS_A_BATCH = 300
COUNTED = ("unknown_order", "duplicate_order", "oversize", "crossed", "duplicate", "sequence_gap")
"""Faults of a feed, which `validate` lists and a run counts; all others a conversion must not write."""


def lobster(draw: random.Random) -> tuple[bytes, bytes]:
    """Make a message and an order book file that agree."""
    bids, asks = {585_00: 30, 584_00: 20, 583_00: 10}, {586_00: 30, 587_00: 20, 588_00: 10}
    messages, books = [], []
    orders: list[tuple[int, int, int]] = []
    for number in range(60):
        time = 34200 + number * 0.25
        if not orders or draw.random() < 0.6:
            side = draw.choice((1, -1))
            price, size = draw.choice(sorted(bids if side > 0 else asks)), draw.randint(1, 9) * 10
            orders.append((number + 1, price, size * side))
            (bids if side > 0 else asks)[price] += size
            messages.append(f"{time:.9f},1,{number + 1},{size},{price},{side}")
        else:
            order, price, signed = orders.pop(draw.randrange(len(orders)))
            side = 1 if signed > 0 else -1
            (bids if side > 0 else asks)[price] -= abs(signed)
            messages.append(f"{time:.9f},{draw.choice((3, 4))},{order},{abs(signed)},{price},{side}")
        shown = zip(sorted(asks)[:2], sorted(bids, reverse=True)[:2], strict=True)
        books.append(",".join(f"{ask},{asks[ask]},{bid},{bids[bid]}" for ask, bid in shown))
    return tuple("".join(line + "\n" for line in lines).encode() for lines in (messages, books))  # type: ignore[return-value]


def lobster_zip(draw: random.Random) -> bytes:
    """Pack both files as LOBSTER sells them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in zip(("message", "orderbook"), lobster(draw), strict=True):
            archive.writestr(STEM.format(name), content)
    return packed.getvalue()


def mbo(draw: random.Random) -> list[tuple[int, str, str, int, int, int, int]]:
    """Draw records: time, action, side, price in 10^-9, size, order id, sequence."""
    records = [(DAY_NS, "R", "N", 0, 0, 0, 1)]
    orders: list[tuple[int, str, int, int]] = []
    for number in range(2, 80):
        time = DAY_NS + number * 1_000_000
        if not orders or draw.random() < 0.6:
            side = draw.choice("BA")
            price = (100 + draw.randint(-9, -1) if side == "B" else 100 + draw.randint(1, 9)) * 250_000_000
            orders.append((number, side, price, draw.randint(1, 9)))
            records.append((time, "A", side, price, orders[-1][3], number, number))
        else:
            order, side, price, size = orders.pop(draw.randrange(len(orders)))
            for action in draw.choice(("C", "FC")):
                records.append((time, action, side, price, size, order, number))
    return records


def databento_csv(draw: random.Random) -> bytes:
    """Write records as the CSV export."""
    lines = [
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,channel_id,order_id,flags,"
        "ts_in_delta,sequence,symbol"
    ]
    for time, action, side, price, size, order, sequence in mbo(draw):
        shown = f"{price // SECOND}.{price % SECOND:09d}"
        flags = 0 if action == "F" else 128
        lines.append(f"{time + 500},{time},160,1,7,{action},{side},{shown},{size},0,{order},{flags},500,{sequence},ES")
    return "".join(line + "\n" for line in lines).encode()


def databento_dbn(draw: random.Random) -> bytes:
    """Write records as DBN."""
    import databento_dbn as dbn

    actions = {"R": dbn.Action.CLEAR, "A": dbn.Action.ADD, "C": dbn.Action.CANCEL, "F": dbn.Action.FILL}
    sides = {"B": dbn.Side.BID, "A": dbn.Side.ASK, "N": dbn.Side.NONE}
    metadata = dbn.Metadata("GLBX.MDP3", DAY_NS, dbn.SType.RAW_SYMBOL, dbn.SType.INSTRUMENT_ID, dbn.Schema.MBO)
    content = metadata.encode()
    for time, action, side, price, size, order, sequence in mbo(draw):
        content += bytes(
            dbn.MBOMsg(
                publisher_id=1,
                instrument_id=7,
                ts_event=time,
                order_id=order,
                price=price,
                size=size,
                action=actions[action],
                side=sides[side],
                ts_recv=time + 500,
                flags=0 if action == "F" else 128,
                sequence=sequence,
            )
        )
    return content


def binance(draw: random.Random) -> bytes:
    """Write a recording: a snapshot, diffs and trades."""
    lines = []
    base_ms = DAY_NS // 1_000_000

    def add(ms: int, message: dict[str, object], stream: str | None) -> None:
        body = message if stream is None else {"stream": stream, "data": message}
        lines.append(f"{(base_ms + ms) * 1_000_000 + 2_000_000} {json.dumps(body)}")

    def levels(low: int) -> list[list[str]]:
        return [[f"{low + draw.randint(0, 9)}.0", str(draw.randint(0, 9))] for _ in range(3)]

    book = {"lastUpdateId": 10, "bids": [["99.0", "5"], ["98.0", "3"]], "asks": [["110.0", "5"], ["111.0", "7"]]}
    for number in range(60):
        ms, last = number * 100, number + 10
        diff = {"e": "depthUpdate", "E": base_ms + ms + 1, "T": base_ms + ms, "s": "BTCUSDT", "U": last, "u": last}
        add(ms, diff | {"pu": last - 1, "b": levels(90), "a": levels(110)}, "btcusdt@depth")
        if number == 1:
            add(ms, book, None)
        side = draw.random() < 0.5
        trade = {"e": "trade", "E": base_ms + ms, "T": base_ms + ms, "s": "BTCUSDT", "t": number + 1, "m": side}
        add(ms, trade | {"p": "99.0" if side else "110.0", "q": "1", "X": "MARKET"}, "btcusdt@trade")
    return "".join(line + "\n" for line in lines).encode()


NUMBERS = (b"-1", b"0", b"", b"9223372036854775808", b"18446744073709551616", b"1e30", b"nan", b"1099511627776", b"0.5")


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Change a content in one of the ways in which files go wrong."""
    at = draw.randrange(len(content))
    length = draw.choice((1, 1, 2, 8, 64, 700))
    kind = draw.randrange(9)
    if kind == 0:
        return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
    if kind == 1:
        return content[:at] + draw.randbytes(length) + content[at + length :]
    if kind == 2:
        return content[:at]
    if kind == 3:
        return content[:at] + content[at + length :]
    if kind == 4:
        return content[:at] + content[at : at + length] * 2 + content[at + length :]
    if kind == 5:
        return content[:at] + bytes(length) + content[at + length :]
    lines = content.splitlines(keepends=True)
    i, j = draw.randrange(len(lines)), draw.randrange(len(lines))
    if kind == 6:
        lines[i], lines[j] = lines[j], lines[i]
    elif kind == 7:
        cells = lines[i].split(b",")
        cells[draw.randrange(len(cells))] = draw.choice(NUMBERS)
        lines[i] = b",".join(cells)
    else:
        lines[i : i + length] = []
    return b"".join(lines)


def compressed(content: bytes, draw: random.Random) -> bytes:
    """Compress a content, or leave it."""
    kind = draw.randrange(4)
    if kind == 0:
        return gzip.compress(content)
    return pa.compress(content, "zstd", asbytes=True) if kind == 1 else content


MAKERS: dict[str, Callable[[random.Random], bytes | tuple[bytes, bytes]]] = {
    "lobster": lobster,
    "lobster_zip": lobster_zip,
    "databento_csv": databento_csv,
    "databento_dbn": databento_dbn,
    "binance": binance,
}


def inputs(kind: str, draw: random.Random, folder: Path) -> tuple[str, Path, dict[str, object]]:
    """Write the mutated files of a kind; return the format, the input and options."""
    content = MAKERS[kind](draw)
    if isinstance(content, tuple):
        broken = draw.randrange(2)
        paths = [folder / STEM.format(name) for name in ("message", "orderbook")]
        for place, path in enumerate(paths):
            path.write_bytes(damaged(content[place], draw) if place == broken else content[place])
        return "lobster", paths[0], {"orderbook": [paths[1]]} if draw.random() < 0.8 else {}
    if kind == "lobster_zip":
        path = folder / "TEST.zip"
        path.write_bytes(damaged(content, draw))
        return "lobster", path, {}
    if draw.random() < 0.7:
        content = compressed(damaged(content, draw), draw)
    else:
        content = damaged(compressed(content, draw), draw)
    path = folder / "input"
    path.write_bytes(content)
    return kind.partition("_")[0], path, {"tick_size": "0.25"} if kind.startswith("databento") else {}


def outcome(kind: str, seed: int, number: int, folder: Path) -> str:
    """Convert one mutation, and say what came of it: "refused", "converted", or what is wrong."""
    from lob_backtest import Strategy, run
    from lob_backtest.data.audit.validate import validate
    from lob_backtest.errors import ConfigError, DataError
    from lob_backtest.vendors.convert import convert

    draw = random.Random(f"{kind}-{seed}-{number}")
    form, path, options = inputs(kind, draw, folder)
    output = folder / "out.parquet"
    try:
        convert(form, path, output, force=True, **options)
    except (DataError, ConfigError) as error:
        return "wrong: a file without an input's name is refused" if not str(error) else "refused"
    try:
        found = validate([output])
        # A damaged time can lie years away: a sample a day.
        report = {"sample": "1d"}
        run({"instrument": [{"data": [str(output)]}], "latency": {"feed": "1ms"}, "report": report}, Strategy())
    except (DataError, ConfigError) as error:
        return f"wrong: converted, but not accepted: {error}"
    written = [str(kind) for kind, _, _ in found.found() if kind not in COUNTED]
    return f"wrong: converted, but validate finds {written}" if written else "converted"


def batch(kind: str, seed: int, begin: int, end: int) -> None:
    """Print what comes of each mutation; the last line that is printed names the one at work."""
    import faulthandler

    faulthandler.dump_traceback_later(SECONDS_A_BATCH, exit=True)
    with tempfile.TemporaryDirectory() as name:
        for number in range(begin, end):
            print(f"{number} ", end="", flush=True)
            print(outcome(kind, seed, number, Path(name)), flush=True)
            for path in Path(name).iterdir():
                path.unlink()


def search(kind: str, count: int, step: int) -> dict[str, int]:
    """Run `count` mutations in processes of their own; return how many had which outcome."""
    outcomes: dict[str, int] = {}
    for begin in range(0, count, step):
        command = [sys.executable, __file__, kind, "1", str(begin), str(min(begin + step, count))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{kind}: {done.stdout.splitlines()[-1:]}: {done.stderr[-2000:]}"
        for line in done.stdout.splitlines():
            number, _, text = line.partition(" ")
            assert not text.startswith("wrong"), f"{kind}, seed 1, mutation {number}: {text}"
            outcomes[text] = outcomes.get(text, 0) + 1
    return outcomes


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_damaged_is_good_without_damage(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "databento_dbn":
        pytest.importorskip("databento_dbn")
    monkeypatch.setitem(globals(), "damaged", lambda content, draw: content)
    assert [outcome(kind, 1, number, tmp_path) for number in range(5)] == ["converted"] * 5


@pytest.mark.parametrize("kind", MAKERS)
def test_a_damaged_file_is_refused_or_makes_a_file_that_runs(kind: str) -> None:
    if kind == "databento_dbn":
        pytest.importorskip("databento_dbn")
    assert search(kind, 40, 40).keys() == {"refused", "converted"}


@pytest.mark.soak
@pytest.mark.parametrize("kind", MAKERS)
def test_thousands_of_damaged_files_are_refused_or_make_files_that_run(kind: str) -> None:
    if kind == "databento_dbn":
        pytest.importorskip("databento_dbn")
    assert search(kind, int(os.environ.get("LOB_MUTATIONS", "1000")), 200).keys() == {"refused", "converted"}


if __name__ == "__main__":
    begin_at = int(sys.argv[3])
    batch(sys.argv[1], int(sys.argv[2]), begin_at, int(sys.argv[4]) if len(sys.argv) > 4 else begin_at + 1)
