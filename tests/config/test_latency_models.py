"""`[latency]`: from durations, models and files to the plan."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lob_backtest as lob
from lob_backtest.config.compile import make_plan
from lob_backtest.config.distributions import gamma, lognormal, of_points, uniform
from lob_backtest.config.model import RunConfig
from lob_backtest.contract.plan import ChannelPlan
from lob_backtest.contract.queue_grid import grid
from lob_backtest.contract.rank_grid import RANK_BITS
from lob_backtest.data.reader import open_market
from lob_backtest.errors import ConfigError

DATA = "data/sample-l3.parquet"
LOGNORMAL = {"model": "lognormal", "median": "2ms", "sigma": 0.5, "max": "90ms"}
SLOW_TOGETHER = {"model": "uniform", "low": "1ms", "high": "9ms", "correlated": {"half_life": "1s", "with": "feed"}}
SLOWER = [rank / (1 << RANK_BITS) for rank in grid(RANK_BITS)]


def channels(latency: dict[str, Any], **tables: Any) -> list[ChannelPlan]:
    config = RunConfig.parse({"instrument": [{"data": [DATA]}], "latency": latency, **tables})
    plan = make_plan(config, [open_market(DATA)])
    return [each for agent in plan.agents for each in agent.channels]


def test_quantiles_are_those_of_the_distributions() -> None:
    assert uniform(100, 1 << 24)[-1] == 100
    assert [uniform(0, 1 << RANK_BITS)[i] for i in (0, 1, 64)] == [1 << 24, (1 << 24) - 1, (1 << 24) - 64]
    found = lognormal(1_000_000, Decimal("0.7"), 10**12)
    for i in range(1, len(found) - 1):
        exact = 1e6 * math.exp(-0.7 * NormalDist().inv_cdf(SLOWER[i]))
        assert found[i] == pytest.approx(exact, rel=1e-9, abs=1)
    for shape in (1, 2, 5):
        for i, value in enumerate(gamma(1_000_000, Decimal(shape), 10**12)[1:-1], 1):
            x = value / 1e6 * shape
            slower = math.exp(-x) * sum(x**k / math.factorial(k) for k in range(shape))
            assert slower == pytest.approx(SLOWER[i], rel=1e-4, abs=1e-6)
    points = of_points([Decimal(0), Decimal("0.5"), Decimal(1)], [0, 100, 300])
    assert points[0] == 300
    assert points[-1] == 0
    assert points[-65] == 100
    assert max(lognormal(1_000_000, Decimal(2), 5_000_000)) == 5_000_000


def test_a_kind_goes_before_entry_and_an_agent_before_a_venue_before_the_rest() -> None:
    venue = {"name": "SYNTHETIC", "latency": {"cancel": "4ms", "entry": "5ms"}}
    agents = [{"name": "A", "class": "x:A"}, {"name": "B", "class": "x:B", "latency": {"new": "6ms"}}]
    first, second = channels({"new": "1ms", "entry": "2ms", "response": "3ms"}, venue=[venue], agent=agents)
    assert [each.constant_ns // lob.MS for each in first.latencies] == [5, 5, 4, 3]
    assert [each.constant_ns // lob.MS for each in second.latencies] == [6, 5, 4, 3]
    (plain,) = channels({"new": "1ms", "cancel": "1ms", "replace": "1ms", "response": "3ms"})
    assert plain == ChannelPlan(lob.MS, 3 * lob.MS)


def test_random_numbers_differ_by_agent_kind_and_seed() -> None:
    agents = [{"name": "A", "class": "x:A"}, {"name": "B", "class": "x:B"}]
    latency = {"entry": LOGNORMAL, "response": LOGNORMAL}
    found = channels(latency, agent=agents) + channels(latency, run={"seed": 2})
    streams = [each.stream for channel in found for each in channel.latencies]
    assert len(set(streams)) == len(streams) == 12


def test_what_is_correlated_shares_a_stream_and_with_the_feed_that_of_the_feed() -> None:
    alone = {**SLOW_TOGETHER, "correlated": {"half_life": "1s"}}
    (channel,) = channels({"entry": alone, "response": LOGNORMAL})
    new, replace, cancel, response = channel.latencies
    assert new.stream == replace.stream == cancel.stream != response.stream
    assert (new.stretch_ns, response.stretch_ns) == (lob.SECOND // 16, 0)
    (channel,) = channels({"entry": SLOW_TOGETHER, "feed": alone})
    assert channel.latencies[0].stream != new.stream
    for feed in ("recorded", "1ms", LOGNORMAL, {**alone, "correlated": {"half_life": "2s"}}):
        with pytest.raises(ConfigError, match=r'latency.entry.correlated: with = "feed" needs a model in latency.feed'):
            channels({"entry": SLOW_TOGETHER, "feed": feed})


def test_a_config_with_models_can_be_changed_and_read_again() -> None:
    queue = {"model": "queue", "base": LOGNORMAL, "service": "100us"}
    config = RunConfig.parse({"instrument": [{"data": [DATA]}], "latency": {"new": queue, "feed": SLOW_TOGETHER}})
    assert config.set("run.seed", 1) == config
    changed = config.set("latency.new.base.sigma", 1)
    assert changed.latency.new.base.sigma == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("latency", "text"),
    [
        (
            {"entry": {"model": "lognormal", "median": "2ms"}},
            "latency.entry: the model 'lognormal' needs sigma and max",
        ),
        ({"entry": {**LOGNORMAL, "shape": 2}}, "latency.entry: shape: no key of the model 'lognormal'"),
        ({"entry": {"modle": "x"}}, "latency.entry.model: missing.*did you mean 'model'"),
        ({"new": {"model": "uniform", "low": "2ms", "high": "1ms"}}, "latency.new: low is above high"),
        ({"entry": {"model": "quantiles", "shares": [0, 1], "values": ["1ms"]}}, "2 shares and 1 values"),
        ({"entry": {"model": "quantiles", "shares": [0, 2], "values": ["1ms", "2ms"]}}, "latency.entry.shares.1"),
        ({"entry": {"model": "quantiles", "shares": [0, 0.5], "values": ["1ms", "2ms"]}}, "ascend from 0 to 1"),
        ({"entry": {"model": "quantiles", "shares": [0, 1], "values": ["2ms", "1ms"]}}, "not to descend"),
        ({"entry": {**LOGNORMAL, "base": LOGNORMAL}}, "a model is the base of the model 'queue' alone"),
        ({"entry": {"model": "gamma", "mean": "1ms", "shape": 99, "max": "1s"}}, "latency.entry.shape"),
        ({"response": {"model": "queue", "service": "1ms"}}, "latency.response: the model 'queue' is one of requests"),
        ({"feed": {"model": "queue", "service": "1ms"}}, "latency.feed: the model 'queue' is one of requests"),
        ({"entry": {"model": "empirical", "file": "none.parquet"}}, "latency.entry: none.parquet: no such file"),
        ({"entry": 0}, "latency.entry: input should be greater than or equal to 1"),
    ],
)
def test_a_latency_that_cannot_be_is_refused_in_one_message(latency: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        channels(latency)


def write(path: Path, **columns: list[Any]) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_a_measured_file_gives_each_kind_its_series(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", ts_ns=[10, 20, 30], new_ns=[1, None, 3], response_ns=[None, 5, 6])
    model = {"model": "empirical", "file": path, "base": 7}
    (channel,) = channels({"new": model, "replace": model, "response": {**model, "interpolate": True}})
    new, replace, cancel, response = channel.latencies
    assert (new.measured_ts_ns, new.measured_ns, new.constant_ns) == ((10, 30), (1, 3), 7)
    assert replace == new
    assert cancel.constant_ns == 500_000
    assert (response.measured_ns, response.is_interpolated) == ((5, 6), True)
    with pytest.raises(ConfigError, match=r"latency.entry: .*x.parquet: has no column cancel_ns; it has new_ns, resp"):
        channels({"entry": model})


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"ts_ns": [1]}, "has the columns ts_ns; expected ts_ns and any of new_ns"),
        ({"new_ns": [1]}, "has the columns new_ns; expected ts_ns"),
        ({"ts_ns": [2, 1], "new_ns": [1, 1]}, "row 1: ts_ns 1 is before the row above; sort the file by time"),
        ({"ts_ns": [1, 2], "new_ns": [1, -5]}, "row 1: new_ns is -5; expected 0 to"),
        ({"ts_ns": [1, 2], "new_ns": [1.5, 2.5]}, "new_ns is double; expected integers, in nanoseconds"),
        ({"ts_ns": [1, None], "new_ns": [1, 1]}, "ts_ns has nulls"),
        ({"ts_ns": [-1], "new_ns": [1]}, "row 0: ts_ns is -1; expected nanoseconds since 1970"),
        ({"ts_ns": pa.array([], pa.int64()), "new_ns": pa.array([], pa.int64())}, "0 rows; expected 1 to"),
        ({"ts_ns": [1], "new_ns": pa.array([None], pa.int64())}, "new_ns has no value"),
    ],
)
def test_a_measured_file_that_cannot_be_used_is_refused(tmp_path: Path, columns: dict[str, Any], text: str) -> None:
    path = write(tmp_path / "x.parquet", **columns)
    with pytest.raises(ConfigError, match=text):
        channels({"new": {"model": "empirical", "file": path}})
    (tmp_path / "x.parquet").write_text("no Parquet")
    with pytest.raises(ConfigError, match="cannot be read as Parquet"):
        channels({"new": {"model": "empirical", "file": path}})


class Joins(lob.Strategy):
    """Joins the best prices once a second, and cancels what rests."""

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every("1s")

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        for order in ctx.orders:
            ctx.cancel(order)
        if ctx.book.bid_ticks is not None:
            ctx.buy(ctx.book.bid_ticks, 1)


def test_a_run_with_models_is_the_same_on_both_engines_and_its_feed_is_late_as_the_model_says() -> None:
    feed = {"model": "quantiles", "shares": [0, 1], "values": ["1ms", "9ms"], "correlated": {"half_life": "1s"}}
    settings = {"run.end": "2024-07-19T13:31:00Z"}
    latency = {"entry": SLOW_TOGETHER, "cancel": LOGNORMAL, "feed": feed, "reorder": True}
    found = [lob.run(DATA, Joins, latency=latency, settings=settings, engine=e) for e in ("reference", "kernel")]
    assert found[0].digest == found[1].digest
    assert len(found[0].orders) > 50
    batches = open_market(DATA, feed_ns=make_plan_feed(latency)).batches()
    late = [t for batch in batches for t in (batch.ts_local_ns - batch.ts_exchange_ns).tolist()]
    assert min(late) >= lob.MS
    assert lob.MS < sum(late) / len(late) < 9 * lob.MS


def make_plan_feed(latency: dict[str, Any]) -> Any:
    from lob_backtest.config.latency_models import feed_plan

    return feed_plan(RunConfig.parse({"instrument": [{"data": [DATA]}], "latency": latency}), 0)


def test_a_file_of_latencies_is_found_beside_the_config(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", ts_ns=[1], new_ns=[1], cancel_ns=[1])
    text = """
        [[instrument]]
        data = "d.parquet"
        [latency]
        new = { model = "queue", service = "1ms", base = { model = "empirical", file = "x.parquet" } }
        [[venue]]
        name = "V"
        latency = { cancel = { model = "empirical", file = "x.parquet" } }
        [[agent]]
        name = "A"
        latency = { cancel = { model = "empirical", file = "/x.parquet" } }
    """
    (tmp_path / "run.toml").write_text(text)
    config = RunConfig.load(tmp_path / "run.toml")
    plain = config.plain()
    beside = str(tmp_path / "x.parquet")
    assert plain["latency"]["new"]["base"]["file"] == plain["venue"][0]["latency"]["cancel"]["file"] == beside
    assert plain["agent"][0]["latency"]["cancel"]["file"] == "/x.parquet"
