"""When the interpreter ends, no thread of ours is alive, and Arrow's threads hold no memory of Python.

Such a thread may need the interpreter after its end, which aborts the process. That takes a thousand runs on a busy
machine to be seen (`tests/stress/process_end.py`); what is looked at here is what leads to it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.engine import ENGINES

WATCH = '''
import atexit, gc, json, os, sys, threading, weakref

def report():
    """Runs after every other handler, since it was registered before them."""
    gc.collect()
    tasks = "/proc/self/task"
    names = [open(f"{tasks}/{task}/comm").read().strip() for task in os.listdir(tasks)] if os.path.exists(tasks) else []
    threads = [each.name for each in threading.enumerate() if each is not threading.main_thread()]
    with open(sys.argv[1], "w") as out:
        json.dump({
            "threads": threads + [name for name in names if name.startswith(("lob-", "book builder"))],
            "python streams": streams,
            "python buffers alive": sum(reference() is not None for reference in buffers),
            "readers alive": sum(reference() is not None for reference in readers),
            "readers": made,
        }, out)

atexit.register(report)
streams, buffers, readers, made = [], [], [], 0

import pyarrow as pa, pyarrow.csv, pyarrow.parquet as pq

def watched(module, name, look):
    original = getattr(module, name)
    def wrapper(*args, **options):
        look(args)
        return original(*args, **options)
    setattr(module, name, wrapper)

def stream(args):
    native = (pa.NativeFile, pa.Buffer, str, bytes, os.PathLike)
    if not isinstance(args[0], native) or isinstance(args[0], pa.PythonFile):
        streams.append(repr(args[0]))

def array(args):
    import numpy as np
    if isinstance(args[0], np.ndarray):
        buffers.append(weakref.ref(args[0]))

def memory(args):
    if not isinstance(args[0], pa.Buffer):
        streams.append(f"memory of {type(args[0])}")

for name in ("open_csv", "read_csv"):
    watched(pyarrow.csv, name, stream)
for name in ("input_stream", "output_stream", "CompressedInputStream", "py_buffer", "foreign_buffer", "BufferReader"):
    watched(pa, name, stream if "tream" in name else memory)
watched(pa, "array", array)
# A writer works in the thread that calls it, whatever it writes to; it has to be gone all the same.
for reader in (pq.ParquetFile, pq.ParquetWriter):
    def init(self, source, *args, reader=reader, _original=reader.__init__, **options):
        global made
        made += 1
        readers.append(weakref.ref(self))
        if reader is pq.ParquetFile:
            stream((source,))
        _original(self, source, *args, **options)
    reader.__init__ = init

from lob_backtest.cli.group import main
main(sys.argv[2:])
'''

STRATEGY = """
import signal
import lob_backtest as lob
from lob_backtest.strategies.inventory_skew import InventorySkew

class Quiet(lob.Strategy):
    pass

class Raising(lob.Strategy):
    def on_book(self, ctx):
        raise RuntimeError("no")

class Interrupting(lob.Strategy):
    def on_book(self, ctx):
        signal.raise_signal(signal.SIGINT)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ends")
    (folder / "s.py").write_text(STRATEGY)
    lob.generate(folder / "good.parquet", events=5_000)
    frame = lob.read_events(folder / "good.parquet")
    columns = {name: frame[name].copy() for name in frame.columns}
    columns["action"].iloc[-10] = 77
    lob.write_events(folder / "bad row.parquet", columns, **frame.attrs)
    whole = bytearray((folder / "good.parquet").read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    (folder / "bad page.parquet").write_bytes(whole)
    return folder


def at_the_end(folder: Path, code: int, *arguments: str) -> dict[str, Any]:
    """Run a command line and return what its last exit handler saw."""
    seen = folder / "seen.json"
    seen.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(seen), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return dict(json.loads(seen.read_text()))


WAYS = {
    "done": (0, "good", "Quiet"),
    "quoting": (0, "good", "InventorySkew"),
    "a row that breaks the contract": (3, "bad row", "Quiet"),
    "a page that Arrow's reader fails at": (3, "bad page", "Quiet"),
    "a strategy that raises": (4, "good", "Raising"),
    "Ctrl-C": (130, "good", "Interrupting"),
}


def assert_clean(seen: dict[str, Any]) -> None:
    assert seen["threads"] == []
    assert seen["python streams"] == []
    assert seen["python buffers alive"] == 0
    assert seen["readers alive"] == 0
    assert seen["readers"]


@pytest.mark.parametrize("saved", [False, True], ids=["in memory", "saved"])
@pytest.mark.parametrize("way", WAYS)
def test_a_run_leaves_nothing_to_arrows_threads_and_no_thread(
    folder: Path, tmp_path: Path, way: str, saved: bool
) -> None:
    code, data, strategy = WAYS[way]
    out = ["-o", str(tmp_path / "out")] if saved else []
    seen = at_the_end(folder, code, "run", "-d", f"{data}.parquet", "-s", f"s.py:{strategy}", "-q", *out)
    assert_clean(seen)
    if saved and code == 0:
        assert_clean(at_the_end(folder, 0, "report", str(tmp_path / "out"), "--force"))


@pytest.mark.skipif("kernel" not in ENGINES, reason="the kernel is not built")
@pytest.mark.parametrize("way", ["done", "a strategy that raises", "Ctrl-C"])
def test_the_reference_engine_leaves_nothing_either(folder: Path, way: str) -> None:
    code, data, strategy = WAYS[way]
    arguments = ["-d", f"{data}.parquet", "-s", f"s.py:{strategy}", "-q", "--engine", "reference"]
    assert_clean(at_the_end(folder, code, "run", *arguments))


@pytest.mark.parametrize(
    "verb", [["inspect"], ["validate"], ["calibrate"], ["book", "-n", "2", "-o", "b.parquet", "--force"]]
)
@pytest.mark.parametrize("data", ["good", "bad page"])
def test_other_readers_of_market_files_leave_nothing(folder: Path, verb: list[str], data: str) -> None:
    seen = at_the_end(folder, 0 if data == "good" else 3, verb[0], f"{data}.parquet", *verb[1:])
    assert_clean(seen)
