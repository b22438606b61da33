"""Several agents on one replay: each as if it were alone, with what the config gives it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.errors import ConfigError
from lob_backtest.results.table_file import TableFile
from lob_backtest.strategies.fixed_spread import FixedSpread
from lob_backtest.strategies.inventory_skew import InventorySkew


@pytest.fixture(scope="module")
def markets(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("markets")
    paths = [folder / "a.parquet", folder / "b.parquet"]
    for i, path in enumerate(paths):
        lob.generate(path, events=3_000, seed=i + 1)
    return [str(path) for path in paths]


class Noisy(lob.Strategy):
    """Quotes at random, takes at random, records."""

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(lob.SECOND)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        for name in ("X0", "X1"):
            market = ctx.market(name)
            if market.book.mid_ticks is None:
                continue
            market.quote(
                bid=(market.book.bid_ticks - ctx.rng.randrange(3), 1),
                ask=(market.book.ask_ticks + ctx.rng.randrange(3), 2),
            )
            if ctx.rng.random() < 0.1:
                market.buy(None, 1, tif="IOC")
        ctx.record("draw", ctx.rng.random())


def config(markets: list[str], **more: Any) -> dict[str, Any]:
    return {
        "instrument": [{"name": f"X{i}", "data": [path], "venue": f"V{i}"} for i, path in enumerate(markets)],
        "run": {"seed": 7, "at_end": "flatten"},
        "risk": {"max_position": 40},
        **more,
    }


PARTS: list[dict[str, Any]] = [
    {"name": "skew"},
    {"name": "slow", "latency": {"entry": "3ms", "response": "9ms"}, "max_position": 5},
    {"name": "rich", "fees": {"maker_bps": -1, "taker_per_lot": 0.5}, "initial_position": -3, "seed": 11},
    {"name": "late", "warm_up": "5s"},
]


def strategies() -> list[lob.Strategy]:
    return [InventorySkew(), FixedSpread(), Noisy(), Noisy()]


def test_each_agent_has_the_result_of_a_run_of_its_own(engine: str, markets: list[str]) -> None:
    whole = lob.run(config(markets, agent=PARTS), strategies(), engine=engine)
    assert whole.info.agents == ("skew", "slow", "rich", "late")
    for part, strategy in zip(PARTS, strategies(), strict=True):
        alone = lob.run(config(markets, agent=[part]), [strategy], engine=engine)
        own = whole.agent(part["name"])
        for name in ("fills", "orders", "bbo", "samples", "series"):
            assert own.table(name).equals(alone.table(name)), (part["name"], name)
        assert own.digest == alone.digest
        assert replace(own.info, counts={}) == replace(alone.info, counts={})
        rows = [name for name in own.info.counts if not name.endswith("unplaced_lots")]  # which all agents add to
        assert {name: alone.info.counts[name] for name in rows} == {name: own.info.counts[name] for name in rows}
        differ = {name for name in own.summary | alone.summary if own.summary.get(name) != alone.summary.get(name)}
        assert all(name.endswith("unplaced_lots") for name in differ)
        assert alone.table("fills").num_rows > 10


def test_what_an_agent_sets_is_what_the_whole_run_may_set(engine: str, markets: list[str]) -> None:
    part = {"latency": {"entry": "3ms", "response": "9ms"}, "max_position": 5, "initial_position": -3, "seed": 11}
    tables = {
        "latency": part["latency"],
        "risk": {"max_position": 5},
        "run": {"seed": 11, "at_end": "flatten", "initial_position": -3},
    }
    of_agent = lob.run(config(markets, agent=[part]), [Noisy()], engine=engine)
    of_run = lob.run(config(markets, **tables), Noisy(), engine=engine)
    assert of_agent.digest == of_run.digest
    assert of_agent.summary == of_run.summary


def test_a_venue_has_latencies_and_fees_of_its_own(engine: str, markets: list[str]) -> None:
    venues = [
        {"name": "V0", "latency": {"entry": "1ms", "response": "2ms"}},
        {"name": "V1", "latency": {"entry": "30ms"}, "fees": {"maker_bps": 2}},
    ]
    result = lob.run(config(markets, venue=venues), Noisy(), engine=engine)
    orders, fills = result.table("orders").to_pylist(), result.table("fills").to_pylist()
    for row in orders:
        if row["ts_sent_ns"] is not None and row["ts_exchange_ns"] not in (None, row["ts_sent_ns"]):
            least = (1, 30)[row["instrument"]] * lob.MS
            assert row["ts_exchange_ns"] - row["ts_sent_ns"] == least
            assert row["ts_local_ns"] - row["ts_exchange_ns"] == (2 * lob.MS, lob.MS // 2)[row["instrument"]]
    assert {row["instrument"] for row in orders} == {0, 1}
    makers = [row for row in fills if row["liquidity"] == lob.Liquidity.MAKER]
    assert {bool(row["fee_micro"]) for row in makers if row["instrument"] == 0} == {False}
    assert {bool(row["fee_micro"]) for row in makers if row["instrument"] == 1} == {True}


def test_the_instruments_of_a_venue_share_its_channels(engine: str, markets: list[str]) -> None:
    """A request to a slow venue does not hold up one to a fast one; on one venue nothing overtakes."""

    class Sends(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            for name in ("X1", "X0"):
                ctx.market(name).buy(1, 1)

    venues = [{"name": "V1", "latency": {"entry": "1s"}}]
    apart = lob.run(config(markets, venue=venues), Sends(), engine=engine).table("orders").to_pylist()
    times = {row["instrument"]: row["ts_exchange_ns"] - row["ts_sent_ns"] for row in apart[:2]}
    assert times == {0: lob.MS // 2, 1: lob.SECOND}


def test_agents_without_names_are_called_after_their_classes(engine: str, markets: list[str]) -> None:
    result = lob.run(config(markets), [Noisy, FixedSpread, Noisy], engine=engine)
    assert result.info.agents == ("Noisy", "FixedSpread", "Noisy-2")
    assert result.agent("Noisy").table("fills").equals(result.agent("Noisy-2").table("fills"))
    with pytest.raises(KeyError, match="no agent 'Nobody'; there are Noisy, FixedSpread, Noisy-2"):
        result.agent("Nobody")


def test_agents_can_be_named_in_the_config_alone(engine: str, markets: list[str], tmp_path: Path) -> None:
    agents = [
        {"name": "one", "class": "lob_backtest.strategies.fixed_spread:FixedSpread", "params": {"half_spread": 2}},
        {"class": "lob_backtest.strategies.inventory_skew:InventorySkew"},
    ]
    result = lob.run(config(markets, agent=agents), engine=engine, out=tmp_path / "out")
    assert result.info.agents == ("one", "InventorySkew")
    assert isinstance(result.rows("fills"), TableFile)
    loaded = lob.Result.load(tmp_path / "out")
    assert loaded.agent("one").digest == result.agent("one").digest
    assert loaded.info.config["agent"][0]["params"]["half_spread"] == 2
    assert (tmp_path / "out" / "report.html").is_file()


class Probes(lob.Strategy):
    """Cancels orders that it never sent, and records ids and fees as it sees them."""

    def on_start(self, ctx: lob.Context) -> None:
        for number in (2, 4, 7):
            ctx.cancel(number)
        ctx.record("fee", float(ctx.instrument.fees.taker_bps))
        ctx.every(lob.SECOND)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        ctx.record("order", ctx.buy(None, 1))

    def on_fill(self, ctx: lob.Context, fill: lob.Fill) -> None:
        ctx.record("fill", fill.fill_id)


def test_what_an_agent_sees_does_not_depend_on_others(engine: str, markets: list[str]) -> None:
    fees = [{"name": "a", "fees": {"taker_bps": 9}}, {"name": "b"}]
    of_all = {"instrument": [{"data": [markets[0]], "fees": {"taker_bps": 1}}], "run": {"seed": 3}}
    both = lob.run({**of_all, "agent": [{**fees[0], "seed": 8}, fees[1]]}, [Probes, Probes], engine=engine)
    for part, bps in zip(fees, (9, 1), strict=True):
        alone = lob.run({**of_all, "agent": [part]}, [Probes], engine=engine)
        own = both.agent(part["name"])
        assert own.digest == alone.digest
        for name in ("fee", "order", "fill"):
            assert own.series(name)["value"].tolist() == alone.series(name)["value"].tolist()
        assert set(own.series("fee")["value"]) == {bps}
    assert (both.agent("a").info.seed, both.agent("b").info.seed) == (8, 3)


def test_the_class_that_ran_is_recorded(markets: list[str]) -> None:
    named = {"class": "nowhere.py:Nobody"}
    result = lob.run(config(markets, agent=[{**named, "name": "q"}]), [FixedSpread])
    assert result.info.config["agent"][0]["class"] == "lob_backtest.strategies.fixed_spread:FixedSpread"
    result = lob.run(config(markets, strategy=named), FixedSpread)
    assert result.info.config["strategy"]["class"] == "lob_backtest.strategies.fixed_spread:FixedSpread"


def test_more_agents_than_codes_are_refused(markets: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"Plan: 32,768 agents; expected at most 32,767"):
        lob.run(config(markets[:1], report={"sample": "1h"}), [lob.Strategy] * 32_768)


@pytest.mark.parametrize(
    ("more", "given", "message"),
    [
        ({"agent": [{}, {}]}, [Noisy], "strategy: 1 are given, but the config has 2 agents"),
        ({"agent": [{}, {}]}, Noisy, "strategy: one is given, but the config has 2 agents; give a list"),
        ({"agent": [{}]}, None, r"agent\.0\.class: missing"),
        ({}, [], "strategy: an empty list"),
        ({"strategy": {"params": {"size": 1}}}, [Noisy], r"and so is \[strategy\] in the config"),
        ({"agent": [{}], "strategy": {"class": "a:B"}}, None, "strategy: given, but so is agent"),
        ({"agent": [{"name": "a"}, {"name": "a"}]}, [Noisy, Noisy], "agent.name: 'a' occurs twice"),
        ({"agent": [{"name": "a/b"}]}, [Noisy], r"agent\.0\.name: a slash"),
        ({"venue": [{"name": "NYSE"}]}, Noisy, "no instrument trades on 'NYSE'; the venues of this run are 'V0', 'V1'"),
        ({"venue": [{"name": "V0"}, {"name": "V0"}]}, Noisy, "venue.name: 'V0' occurs twice"),
    ],
)
def test_agents_and_venues_that_do_not_fit_are_refused(
    more: dict[str, Any], given: Any, message: str, markets: list[str]
) -> None:
    with pytest.raises(ConfigError, match=message):
        lob.run(config(markets, **more), given)


def test_one_instance_is_one_agent(markets: list[str]) -> None:
    strategy = Noisy()
    with pytest.raises(ConfigError, match="this instance has run already"):
        lob.run(config(markets), [strategy, strategy])
    with pytest.raises(ConfigError, match="expected a Strategy"):
        lob.run(config(markets), [strategy, 5])  # type: ignore[list-item]
    lob.run(config(markets), [strategy])  # a refused call has used nothing up
