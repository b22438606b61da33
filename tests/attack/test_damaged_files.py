"""A damaged file is refused, or reads exactly as before; nothing else is raised, and the process survives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import damaged_files
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lob_backtest as lob
from lob_backtest.contract.rows import Meta
from lob_backtest.contract.tables import schemas
from lob_backtest.results.table_file import TableWriter

BATCH = 500
TIMEOUT_S = 300
MAY_DIFFER = {"with_new_checksum"}
"""With a matching checksum, changed metadata cannot be told from written ones."""


def rewritten(path: Path, target: Path) -> None:
    """Write a file again as another tool might, without a footer checksum."""
    table, meta = pq.read_table(path), pq.read_metadata(path).metadata or {}
    with pq.ParquetWriter(target, table.schema, store_schema=False, write_page_checksum=True) as writer:
        writer.write_table(table, row_group_size=100)
        writer.add_key_value_metadata({key: value for key, value in meta.items() if key != Meta.CREATED_BY.encode()})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lob.generate(tmp_path / "market", events=1_000)
    frame = lob.read_events(tmp_path / "market")
    lob.write_events(tmp_path / "market", frame[:160], **frame.attrs)
    rewritten(tmp_path / "market", tmp_path / "unchecked market")
    schema = schemas((10**9,))["fills"]
    random = np.random.default_rng(1)
    columns = [random.integers(0, 100, 200).tolist() for _ in schema]
    arrays = [
        pa.array([str(value) for value in column] if pa.types.is_string(field.type) else column).cast(field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    with TableWriter(tmp_path / "table", schema) as writer:
        writer.write(pa.RecordBatch.from_arrays(arrays, schema=schema))
        writer.finish()
    rewritten(tmp_path / "table", tmp_path / "unchecked table")
    return tmp_path


def faults(folder: Path, name: str, count: int) -> tuple[list[str], Counter[str]]:
    """Attack one file in child processes; return what went wrong, and the outcomes by kind."""
    wrong, outcomes = [], Counter[str]()
    for first in range(0, count, BATCH):
        out = folder / f"{name}.outcomes"
        out.unlink(missing_ok=True)
        numbers = [str(first), str(min(BATCH, count - first))]
        command = [sys.executable, damaged_files.__file__, str(folder), name, *numbers]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
            end = f"exit {done.returncode}: {done.stderr[-500:]}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            end = "hung"
        lines = out.read_text().splitlines() if out.exists() else []
        if end:
            wrong.append(f"{name}: {lines.pop() if lines else ''} {end}")
        for line in lines:
            _, mutation, outcome = line.split(" ", 2)
            outcomes[outcome.split(" ")[0]] += 1
            may_differ = mutation in MAY_DIFFER or name.startswith("unchecked")
            if outcome.startswith("raised") or (outcome == "other" and not may_differ):
                wrong.append(f"{name}: {line}")
    return wrong, outcomes


@pytest.mark.parametrize("name", damaged_files.FILES)
def test_damage_is_refused_or_changes_nothing(folder: Path, name: str) -> None:
    wrong, outcomes = faults(folder, name, 100)
    assert wrong == []
    assert outcomes["refused"] > 50


@pytest.mark.soak
@pytest.mark.parametrize("name", damaged_files.FILES)
def test_no_damage_of_many_is_silent_or_ends_the_process(folder: Path, name: str) -> None:
    """``LOB_MUTATIONS`` of each file, 10,000 where it is not set."""
    wrong, outcomes = faults(folder, name, int(os.environ.get("LOB_MUTATIONS", "10000")))
    print(name, dict(outcomes))
    assert wrong == []
