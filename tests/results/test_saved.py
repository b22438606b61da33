"""What earlier versions wrote can be read: one small file of each version, in tests/saved.

The folder of a result is named by the version of the package that wrote it, the canonical files by their `lob.schema`.
Files are added with each version of a format, and never written anew.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

import lob_backtest as lob
from lob_backtest.cli.group import main
from lob_backtest.contract.rows import LEVEL_BY_SCHEMA
from lob_backtest.contract.tables import DIGEST_VERSION
from lob_backtest.data.reader import open_market
from lob_backtest.results.folder import DIGEST_VERSIONS, FORMAT

SAVED = Path(__file__).resolve().parents[1] / "saved"
RESULTS = sorted(SAVED.glob("result-*"))
DIGEST = "01487e67bc0a296e5e493817630b0026f5b45043f318581ea33ab434c99f5c3c"
"""Of the same run in every version."""


def test_there_is_a_result_of_every_version_that_is_read() -> None:
    manifests = [json.loads((folder / "summary.json").read_text("utf-8")) for folder in RESULTS]
    assert {each["format"] for each in manifests} == {FORMAT}
    assert {each.get("digest_version", "digest/1") for each in manifests} == set(DIGEST_VERSIONS)
    assert manifests[-1]["digest_version"] == DIGEST_VERSION


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_a_saved_result_is_loaded_compared_and_reported(folder: Path, tmp_path: Path) -> None:
    result = lob.Result.load(folder)
    assert (result.digest, result.table("fills").num_rows) == (DIGEST, 15)
    assert lob.compare(folder, RESULTS[-1]).same
    assert lob.compare(RESULTS[-1], folder).same
    page = tmp_path / "page.html"
    with pytest.raises(SystemExit) as stop:
        main(["report", str(folder), "-o", str(page)])
    assert stop.value.code == 0
    assert DIGEST[:12] in page.read_text("utf-8")


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_the_config_of_a_saved_result_can_be_run_again(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of keys that have been renamed
        config = lob.RunConfig.parse(lob.Result.load(folder).info.config)
    assert config.fills.fill_on_younger_execution
    assert config.instrument[0].exclude_order_ids == (999_999_999,)


def test_a_config_file_of_an_earlier_version_is_read() -> None:
    with pytest.warns(DeprecationWarning, match="the old name works until") as caught:
        config = lob.RunConfig.load(SAVED / "run-0.3.0.toml")
    assert len(caught) == 2
    assert config.fills.fill_on_younger_execution
    assert config.latency.entry == lob.MS


@pytest.mark.parametrize(("schema", "rows"), [("l3/1", 1000), ("l2/1", 3)])
def test_a_market_data_file_of_each_version_is_read(schema: str, rows: int) -> None:
    source = open_market([str(SAVED / f"{schema.replace('/', '-')}.parquet")])
    assert source.level == LEVEL_BY_SCHEMA[schema]
    assert sum(len(batch.action) for batch in source.batches()) == rows


def test_there_is_a_market_data_file_of_every_version_that_is_read() -> None:
    assert {f"{name.replace('/', '-')}.parquet" for name in LEVEL_BY_SCHEMA} == {
        path.name for path in SAVED.glob("*.parquet")
    }
