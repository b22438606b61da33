"""The name of a file may be any bytes: it is opened by them, and shown and stored in a form that is UTF-8."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from market_rows import clean, write

import lob_backtest as lob
from lob_backtest.data.audit.summary import summarize
from lob_backtest.data.audit.validate import validate
from lob_backtest.data.reader import open_market
from lob_backtest.errors import DataError

NAME = os.fsdecode(b"caf\xe9\n.parquet")
SHOWN = "caf\\xe9\n.parquet"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / os.fsdecode(b"\xff")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("names are UTF-8 on this file system")
    return write(tmp_path / "a.parquet", clean()).rename(folder / NAME)


def test_a_run_reads_such_a_file_and_its_result_can_be_stored(path: Path, tmp_path: Path, engine: str) -> None:
    result = lob.run({"instrument": [{"data": [str(path)]}]}, lob.Strategy(), engine=engine, out=tmp_path / "out")
    assert result.info.inputs[0].path.endswith(f"\\xff/{SHOWN}")
    saved = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert saved["info"]["config"]["instrument"][0]["data"] == [result.info.inputs[0].path]


def test_such_a_file_is_found_by_a_pattern_and_can_be_looked_at(path: Path) -> None:
    pattern = f"{path.parent}/*.parquet"
    (file,) = open_market(pattern).files
    assert file.path.endswith(SHOWN)
    assert len(file.sha256) == 64
    assert validate(pattern).is_clean
    assert json.dumps(summarize(path).to_dict(), ensure_ascii=False).encode()
    assert summarize(file).to_dict() == summarize(path).to_dict()
    assert len(lob.read_events(path)) == 100


@pytest.mark.parametrize("content", [None, b"", b"what", b"PAR1 and then nothing"])
def test_errors_name_such_a_file_in_a_form_that_can_be_printed(path: Path, content: bytes | None) -> None:
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_market(path)
    assert SHOWN in str(caught.value)
    assert str(caught.value).encode()
    with pytest.raises(DataError) as caught:
        open_market(f"{path.parent}/nothing*")
    assert str(caught.value).encode()
