from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
from decimal import Decimal
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from vendor_files import databento, lobster

from lob_backtest import vendors as formats
from lob_backtest.cli import group
from lob_backtest.contract.rows import Flag
from lob_backtest.data.audit.validate import validate
from lob_backtest.errors import ConfigError, DataError, OutputError
from lob_backtest.vendors.convert import convert

ORDERS = [(1, 1), (1, -1), (4, 1), (2, -1), (5, 1), (3, 1)]
RECORDS = [(1, "A", "B", "10.00", 10, 1, 128), (2, "A", "A", "10.02", 8, 2, 128), (3, "C", "A", "10.02", 8, 9, 128)]


@pytest.fixture
def vendor_file(tmp_path):
    return databento(tmp_path / "a.csv", RECORDS)


def run(capsys, *arguments):
    """Run the command line; return its exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as stop:
        group.main([str(each) for each in arguments])
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


def test_command_says_what_it_wrote_and_what_it_dropped(tmp_path, vendor_file, capsys):
    output = tmp_path / "out.parquet"
    code, out, err = run(capsys, "convert", "databento", vendor_file, "-o", output, "--json")
    assert (code, err) == (
        0,
        f"note: {vendor_file}, line 2: the book is not known before the first clear (R) or snapshot; 3 records are "
        "SUSPECT\n"
        f"{output}: TEST, 2 rows in 2 packets, 2025-07-17T08:05:03.000000001Z to 2025-07-17T08:05:03.000000002Z, "
        "dropped cancels of unknown orders 1\n",
    )
    found = json.loads(out)
    assert found["counts"] == {"dropped_cancels_of_unknown_orders": 1}
    assert (found["rows"], found["packets"], found["tick_size"]) == (2, 2, "0.01")


def test_metadata_name_the_vendor_file_with_its_sha256_and_the_counts(tmp_path, vendor_file):
    convert("databento", vendor_file, tmp_path / "out.parquet")
    meta = pq.read_metadata(tmp_path / "out.parquet").metadata
    digest = hashlib.sha256(vendor_file.read_bytes()).hexdigest()
    assert meta[b"lob.source"].decode() == (
        f'a.csv sha256:{digest}; converted with {{"dropped_cancels_of_unknown_orders": 1}}'
    )
    assert (meta[b"lob.symbol"], meta[b"lob.venue"], meta[b"lob.tick_size"]) == (b"TEST", b"XNAS", b"0.01")


def test_same_input_gives_the_same_bytes(tmp_path, vendor_file):
    convert("databento", vendor_file, tmp_path / "1.parquet")
    convert("databento", vendor_file, tmp_path / "2.parquet")
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_output_is_replaced_only_on_demand_and_never_an_input(tmp_path, vendor_file, capsys):
    output = tmp_path / "out.parquet"
    output.write_text("precious")
    code, _, err = run(capsys, "convert", "databento", vendor_file, "-o", output)
    assert (code, err) == (6, f"error: {output}: exists; pass --force to replace it, or choose another place\n")
    assert output.read_text() == "precious"
    assert run(capsys, "convert", "databento", vendor_file, "-o", output, "--force")[0] == 0
    with pytest.raises(OutputError, match="is an input"):
        convert("databento", vendor_file, vendor_file, force=True)
    with pytest.raises(OutputError, match="no such folder"):
        convert("databento", vendor_file, tmp_path / "absent" / "out.parquet")


def test_bad_input_ends_with_one_line_and_leaves_the_old_output(tmp_path, capsys):
    bad = databento(tmp_path / "bad.csv", [*RECORDS, (4, "A", "B", "x", 1, 5, 128)])
    output = tmp_path / "out.parquet"
    output.write_text("precious")
    code, out, err = run(capsys, "convert", "databento", bad, "-o", output, "--force")
    assert (code, out) == (3, "")
    assert err.splitlines() == [
        f"error: {bad}, line 5: price 'x'; expected a decimal with at most nine digits after the point"
    ]
    assert output.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "out.parquet"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["convert", "sierra", "a.csv", "-o", "b"],
            2,
            "format 'sierra' is unknown; expected one of lobster, databento, binance",
        ),
        (["convert", "databento", "absent.csv", "-o", "b"], 3, "absent.csv: no such file"),
        (["convert", "databento", "a.csv", "-o", "b", "--tick-size", "-1"], 2, "tick size '-1': expected a positive"),
        (["convert", "databento", "a.csv", "-o", "b", "--tick-size", "x"], 2, "tick size 'x': expected a positive"),
        (
            ["convert", "databento", "a.csv", "-o", "b", "--orderbook", "c"],
            2,
            "takes no option orderbook; it takes symbol, tick_size, lot_size, publisher",
        ),
        (["convert", "databento", "-o", "b"], 2, "Missing argument 'INPUT...'"),
        (["convert", "databento", "a.csv"], 2, "Missing option '-o'"),
    ],
)
def test_mistakes_on_the_command_line_are_said_in_one_message(tmp_path, capsys, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    databento(tmp_path / "a.csv", RECORDS)
    found, _, err = run(capsys, *arguments)
    assert found == code
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_order_book_file_is_given_on_the_command_line(tmp_path, capsys):
    message_path, book_path = lobster(tmp_path, ["34200,1,11,10,1000000,1"], [(10002, 7, 10000, 30)])
    output = tmp_path / "out.parquet"
    assert run(capsys, "convert", "lobster", message_path, "--orderbook", book_path, "-o", output)[0] == 0
    code, _, err = run(capsys, "convert", "lobster", message_path, "-o", output, "--force")
    assert code == 0
    assert err.startswith("note: ")
    assert f"{book_path} lies beside it" in err


def damaged(rng, content):
    """Change, drop, double or insert some bytes."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place, length = rng.randrange(len(content)), rng.randrange(1, 30)
        match rng.randrange(4):
            case 0:
                content[place] = rng.randrange(256)
            case 1:
                content[place] = rng.choice(b'0123456789-,.\n"ABCMTFRN')
            case 2 if len(content) > 100:
                del content[place : place + length]
            case _:
                content[place:place] = content[place : place + length]
    return bytes(content)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_are_refused_or_give_clean_ones(tmp_path, seed):
    rng = random.Random(seed)
    messages = [f"3420{i}.5,{kind},{11 + i},5,{1000000 + 100 * side},{side}" for i, (kind, side) in enumerate(ORDERS)]
    books = [(10001, 5 + i, 9999, 20 - i) for i in range(len(messages))]
    message_path, book_path = lobster(tmp_path, messages, books)
    csv_path = databento(tmp_path / "a.csv", RECORDS * 3)
    output = tmp_path / "out.parquet"
    originals = {path: path.read_bytes() for path in (message_path, book_path, csv_path)}
    for _ in range(40):
        path = rng.choice(list(originals))
        path.write_bytes(damaged(rng, originals[path]))
        output.unlink(missing_ok=True)
        refusal = None
        try:
            if path == csv_path:
                convert("databento", path, output, tick_size="0.01")
            else:
                convert("lobster", message_path, output, orderbook=[book_path])
        except (DataError, ConfigError) as error:
            refusal = str(error)
        assert output.exists() == (refusal is None)
        if refusal is None:
            assert not {*validate([output]).to_dict()["kinds"]} - {"crossed", "duplicate"}, path.read_bytes()
        else:
            assert path.name in refusal
        path.write_bytes(originals[path])


class _Ticks:
    """A format of another package: one row."""

    OPTIONS = frozenset({"price"})

    @staticmethod
    def open_source(inputs, *, symbol, tick_size, lot_size, price=100):
        row = {"ts_exchange_ns": 10**18, "action": 1, "side": 1, "order_id": 1, "price_ticks": price, "size_lots": 1}
        columns = {name: np.array([value]) for name, value in (row | {"flags": Flag.LAST}).items()}
        return SimpleNamespace(
            level=3,
            symbol=symbol,
            venue="",
            tick_size=tick_size or Decimal(1),
            lot_size=lot_size or Decimal(1),
            depth=None,
            files=inputs,
            counts={},
            notes=[],
            columns=lambda: iter([columns]),
        )


def test_other_packages_add_formats(tmp_path, monkeypatch):
    entry = EntryPoint("ticks", "test_convert:_Ticks", formats.GROUP)
    broken = EntryPoint("broken", "no_such_package:x", formats.GROUP)

    def entry_points(*, group, name=None):
        return [each for each in (entry, broken) if group == formats.GROUP and name in (None, each.name)]

    monkeypatch.setattr(formats, "entry_points", entry_points)
    assert formats.names() == ["lobster", "databento", "binance", "broken", "ticks"]
    vendor_file = tmp_path / "a.ticks"
    vendor_file.write_text("")
    convert("ticks", vendor_file, tmp_path / "out.parquet", symbol="T", price=7)
    assert pq.read_table(tmp_path / "out.parquet")["price_ticks"].to_pylist() == [7]
    with pytest.raises(ConfigError, match="takes no option colour; it takes symbol, tick_size, lot_size, price"):
        convert("ticks", vendor_file, tmp_path / "2.parquet", symbol="T", colour="red")
    with pytest.raises(ConfigError, match="'broken': no_such_package:x cannot be imported"):
        convert("broken", vendor_file, tmp_path / "2.parquet")


def test_no_input_and_no_events_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no input"):
        convert("databento", [], tmp_path / "out.parquet")
    only_cancels = databento(tmp_path / "a.csv", [(1, "C", "B", "10.00", 10, 1, 128)])
    with pytest.raises(DataError, match=r"a\.csv: no events of TEST"):
        convert("databento", only_cancels, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
@pytest.mark.parametrize("group", [lambda path: path, lambda path: [path], lambda path: (path,), lambda path: {path}])
def test_every_path_may_be_text_or_a_path_and_one_or_several(tmp_path, kind, group):
    message_path, book_path = lobster(tmp_path, ["34200,1,11,10,1000000,1"], [(10002, 7, 10000, 30)])
    output = tmp_path / "out.parquet"
    done = convert("lobster", group(kind(message_path)), kind(output), orderbook=group(kind(book_path)))
    assert (done.output, done.notes) == (output, ())
    assert output.exists()


@pytest.mark.parametrize("value", [5, [5], [None], 1.5])
def test_what_is_no_path_is_refused_by_name(tmp_path, value):
    message_path, _ = lobster(tmp_path, ["34200,1,11,10,1000000,1"])
    with pytest.raises(ConfigError, match=r"orderbook .*: expected a path, or a list of paths"):
        convert("lobster", message_path, tmp_path / "out.parquet", orderbook=value)
    with pytest.raises(ConfigError, match=r"inputs .*: expected a path, or a list of paths"):
        convert("lobster", value, tmp_path / "out.parquet")
    with pytest.raises(ConfigError, match=r"output.*: expected (a path, or a list of paths|one)"):
        convert("lobster", message_path, value)


def test_file_names_that_are_not_utf_8_are_written_with_escapes(tmp_path):
    name = b"T\xff_2012-06-21_34200000_57600000_message_1.csv"
    try:
        (tmp_path / os.fsdecode(name)).write_text("34200,1,11,10,1000000,1\n")
    except OSError:
        pytest.skip("the file system takes names in UTF-8 only")
    done = convert("lobster", os.fsencode(tmp_path) + b"/" + name, tmp_path / "out.parquet")
    assert done.symbol == r"T\xff"
    meta = pq.read_metadata(tmp_path / "out.parquet").metadata
    assert meta[b"lob.source"].decode().startswith(r"T\xff_2012-06-21_34200000_57600000_message_1.csv sha256:")


@pytest.mark.parametrize(
    ("name", "found"), [("lobster", "databento"), ("binance", "databento"), ("databento", "binance")]
)
def test_a_file_of_another_vendor_is_told_as_such(capsys, tmp_path, vendor_file, name, found):
    stream = tmp_path / "stream.gz"
    with gzip.open(stream, "wt") as file:
        file.write('1721260800000000000 {"stream":"btcusdt@trade","data":{}}\n')
    given = vendor_file if found == "databento" else stream
    code, out, err = run(capsys, "convert", name, given, "-o", tmp_path / "out.parquet")
    assert (code, out) == (3, "")
    assert err.endswith(f"{given}: it looks like a file of {found}: lob-backtest convert {found}\n")


def test_an_option_of_a_format_is_given_by_its_name(capsys, tmp_path, vendor_file):
    given = ["convert", "databento", vendor_file, "-o", tmp_path / "out.parquet"]
    code, _, err = run(capsys, *given, "-O", "publisher")
    assert (code, err) == (2, "error: -O 'publisher': expected NAME=VALUE\n")
    code, _, err = run(capsys, *given, "-O", "depth=5")
    assert code == 2
    assert "format 'databento' takes no option depth; it takes symbol, tick_size, lot_size, publisher" in err


def test_a_damaged_file_is_refused_with_the_format_s_own_message(capsys, tmp_path):
    damaged = tmp_path / "stream.gz"
    whole = gzip.compress(b"no stream at all" * 1000)
    damaged.write_bytes(whole[:12] + bytes(byte ^ 255 for byte in whole[12:]))
    code, out, err = run(capsys, "convert", "binance", damaged, "-o", tmp_path / "out.parquet")
    assert (code, out) == (3, "")
    assert err.startswith(f"error: {damaged}")
    assert "looks like" not in err
