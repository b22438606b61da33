"""A table in a file is the table in memory, whatever pieces it was written in and is read in."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from result_factory import random_result

from lob_backtest.contract.tables import DIGEST_COLUMNS
from lob_backtest.errors import DataError
from lob_backtest.results import table_file
from lob_backtest.results.digest import digest
from lob_backtest.results.table_file import TableFile, TableWriter


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "ROW_GROUP_ROWS", 32)
    monkeypatch.setattr(table_file, "_BATCH_ROWS", 13)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    result = random_result(4)
    return {name: result.table(name) for name in (*DIGEST_COLUMNS, "series")}


def written(table: pa.Table, path: Path, rows: list[int]) -> TableFile:
    """Write a table in pieces of so many rows, again and again."""
    at, piece = 0, 0
    with TableWriter(path, table.schema) as writer:
        while at < table.num_rows:
            size = rows[piece % len(rows)]
            for batch in table.slice(at, size).combine_chunks().to_batches():
                writer.write(batch)
            at, piece = at + size, piece + 1
        writer.finish()
    return TableFile.of(path, table.schema)


def in_files(tables: dict[str, pa.Table], folder: Path, rows: list[int]) -> dict[str, TableFile]:
    return {name: written(table, folder / f"{name}.parquet", rows) for name, table in tables.items()}


def test_a_file_holds_what_was_written(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    for name, file in in_files(tables, tmp_path, [7, 50, 1]).items():
        assert file.num_rows == tables[name].num_rows
        assert file.read().equals(tables[name])
        assert max([batch.num_rows for batch in file.to_batches()], default=0) <= 13


def test_the_bytes_do_not_depend_on_the_pieces(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    sizes, random = [[1], [32], [1000], [31, 33]], Random(1)
    sizes.append([random.randint(1, 70) for _ in range(100)])
    for name, table in tables.items():
        files = {written(table, tmp_path / name, rows).path.read_bytes() for rows in sizes}
        assert len(files) == 1


def test_the_digest_of_files_is_that_of_memory(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    assert digest(in_files(tables, tmp_path, [20])) == digest(tables)


def test_an_empty_table_is_one(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    file = written(tables["fills"].slice(0, 0), tmp_path / "empty", [1])
    assert file.read().equals(tables["fills"].schema.empty_table())
    assert list(file.to_batches()) == []


def test_chosen_columns_are_those_of_memory(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    fills, file = tables["fills"], written(tables["fills"], tmp_path / "fills", [9])
    names = ["side", "fill_id", "tag"]
    assert pa.Table.from_batches(file.select(names).to_batches()).equals(fills.select(names))


def test_a_file_that_has_moved_is_found_in_its_folder(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    file = written(tables["bbo"], tmp_path / "bbo", [9])
    (tmp_path / "there").mkdir()
    file.path.rename(tmp_path / "there" / "bbo")
    with pytest.raises(DataError, match="missing; run the backtest again"):
        file.read()
    assert file.moved(tmp_path / "there").read().equals(tables["bbo"])


def test_a_file_that_was_replaced_is_refused(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    file = written(tables["fills"], tmp_path / "fills", [9])
    written(tables["fills"], tmp_path / "other", [9]).path.replace(file.path)
    with pytest.raises(DataError, match="changed since the result was made or loaded; load it again"):
        file.read()
