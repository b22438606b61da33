"""`lob-backtest latency`: measured latencies, described and written as models."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lob_backtest as lob
from lob_backtest.calibration.own_latencies import read_own_latencies
from lob_backtest.cli.group import main
from lob_backtest.config.model import RunConfig
from lob_backtest.errors import ConfigError, DataError

SHARED = Path(os.environ.get("LOB_SHARED_DATA", "nowhere")) / "latency"
EXAMPLES = {
    "latency_binance_tokyo.toml": "binance_aws_asia_1_Tokyo_latency_check.csv.gz",
    "latency_kucoin.toml": "kucoin_hft_latency_check.csv.gz",
}
START_MS = 1_700_000_000_000  # 22:13:20
HEAD = "Timestamp,Order_ID,Status\n"


def log(path: Path, *rows: tuple[int, str, str]) -> str:
    path.write_text(HEAD + "".join(f"{START_MS + ms},{order},{status}\n" for ms, order, status in rows))
    return str(path)


@pytest.fixture
def orders(tmp_path: Path) -> str:
    rows = []
    for i in range(100):
        sent = 60_000 * i
        rows += [(sent, f"o{i}", "PENDING_CREATE"), (sent + 40 + i, f"o{i}", "CREATED")]
        rows += [(sent + 500, f"o{i}", "PENDING_CANCEL"), (sent + 520, f"o{i}", "CANCELED")]
    return log(tmp_path / "orders.csv", *rows, (10**7, "late", "PENDING_CREATE"))


def call(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["latency", *map(str, argv)])
    return (stop.value.code or 0, *capsys.readouterr())  # type: ignore[return-value]


def test_percentiles_hours_and_what_has_no_answer_are_told(capsys: pytest.CaptureFixture[str], orders: str) -> None:
    code, out, _ = call(capsys, orders, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["is_round_trip"] is True
    assert found["unanswered"] == 1
    assert found["kinds"] == [
        {"kind": "cancel", "count": 100, "percentiles_ns": dict.fromkeys(("p50", "p90", "p99", "max"), 20 * lob.MS)},
        {
            "kind": "new",
            "count": 100,
            "percentiles_ns": {"p50": 89 * lob.MS, "p90": 129 * lob.MS, "p99": 138 * lob.MS, "max": 139 * lob.MS},
        },
    ]
    hours = [(each["hour"], each["count"]) for each in found["hours"] if each["kind"] == "new"]
    assert hours == [(22, 47), (23, 53)]
    code, out, err = call(capsys, orders)
    assert "requests without an answer 1" in err
    assert "# the request takes 0.5 of a round trip" in out


def test_the_table_printed_is_a_config_and_its_parts_add_up_to_the_round_trip(
    capsys: pytest.CaptureFixture[str], orders: str
) -> None:
    _, out, _ = call(capsys, orders, "--entry-share", "0.25")
    table = tomllib.loads(out[out.index("[latency]") :])
    part = RunConfig.parse({"instrument": [{"data": ["x"]}], **table}, written=True).latency
    assert part.cancel.values[5] == 5 * lob.MS  # type: ignore[union-attr]
    assert part.new.values[-1] == 139 * lob.MS // 4  # type: ignore[union-attr]
    assert part.response.values[-1] == 139 * lob.MS - 139 * lob.MS // 4  # type: ignore[union-attr]


def test_the_parquet_written_is_a_file_of_measurements(
    capsys: pytest.CaptureFixture[str], orders: str, tmp_path: Path
) -> None:
    target = tmp_path / "latency.parquet"
    assert call(capsys, orders, "-o", target)[0] == 0
    assert call(capsys, orders, "-o", target)[0] == 6
    rows = pq.read_table(target).to_pylist()
    assert len(rows) == 200
    assert rows[0] == {
        "ts_ns": START_MS * lob.MS, "new_ns": 20 * lob.MS, "cancel_ns": None, "response_ns": 20 * lob.MS
    }  # fmt: skip
    model = {"model": "empirical", "file": str(target)}
    latency = {"entry": model, "response": model}
    found = lob.run("data/sample-l3.parquet", lob.Strategy, latency=latency)
    assert found.info.sessions == ()
    assert found.info.instruments[0].latencies["replace"] == f"empirical: file {target}"
    again = read_own_latencies(str(target))
    assert not again.is_round_trip
    assert [each.kind for each in again.whole()] == ["new", "cancel", "response"]


def test_what_cannot_be_read_is_refused_in_one_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; expected a log of own orders"):
        read_own_latencies(str(tmp_path / "none.csv"))
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"x.csv: .*; expected CSV with Timestamp, Order_ID, Status"):
        read_own_latencies(str(tmp_path / "x.csv"))
    with pytest.raises(DataError, match="no request has an answer"):
        read_own_latencies(log(tmp_path / "y.csv", (0, "a", "PENDING_CREATE")))
    with pytest.raises(DataError, match=r"line 3: CREATED at \d+, before its request at"):
        read_own_latencies(log(tmp_path / "z.csv", (5, "a", "PENDING_CREATE"), (4, "a", "CREATED")))
    pq.write_table(pa.table({"a": [1]}), tmp_path / "p.parquet")
    with pytest.raises(ConfigError, match="has the columns a; expected ts_ns"):
        read_own_latencies(str(tmp_path / "p.parquet"))


@pytest.mark.parametrize(("example", "source"), EXAMPLES.items())
def test_an_example_has_the_latencies_of_its_source(example: str, source: str) -> None:
    if not (SHARED / source).is_file():
        pytest.skip("needs LOB_SHARED_DATA")
    text = (Path("strategies") / example).read_text("utf-8")
    assert read_own_latencies(str(SHARED / source)).model(0.5) in text
    assert f"{len(read_own_latencies(str(SHARED / source)).times['new']):,} new orders" in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_and_its_orders_take_as_long_as_the_model_says(example: str) -> None:
    config = RunConfig.load(Path("strategies") / example).set("run.end", "2024-07-19T13:40:00Z")
    found = lob.run(config).summary
    new = config.latency.new
    for name, share in (("p50", 5), ("p90", 7), ("p99", 9)):
        value = new.values[share]  # type: ignore[union-attr]
        assert found[f"SYN.latency_new_{name}_ns"] == pytest.approx(value, rel=0.25)
