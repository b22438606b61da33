"""Numbers of a config that 64 bits do not hold: counted exactly, or refused before an engine starts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.config.model import RunConfig
from lob_backtest.contract.rows import Action
from lob_backtest.errors import ConfigError, EngineError

FINE = {"tick_size": "0.01", "lot_size": "0.00000001"}


def market(folder: Path, lots: int = 10**6, **facts: Any) -> str:
    """Write two quotes and, a second later, one more."""
    ts = [10**18, 10**18, 10**18 + lob.SECOND]
    columns = {"ts_exchange_ns": ts, "ts_local_ns": ts, "action": [Action.ADD] * 3, "side": [1, -1, -1]}
    columns |= {"order_id": [1, 2, 3], "price_ticks": [100, 102, 103], "size_lots": [lots] * 3, "flags": [1] * 3}
    lob.write_events(folder / "m.parquet", columns, level=3, symbol="X", **{**FINE, **facts})
    return str(folder / "m.parquet")


class Takes(lob.Strategy):
    """Buys at the market once."""

    lots: int = 3

    def on_start(self, ctx: lob.Context) -> None:
        ctx.buy(None, self.lots)


def run(engine: str, data: str, strategy: lob.Strategy, **instrument: Any) -> lob.Result:
    config = {"instrument": [{"data": [data], **instrument}], "latency": {"entry": 1, "response": 1}}
    return lob.run(config, strategy, engine=engine)


def test_a_fee_a_lot_on_fine_lots_is_exact(engine: str, tmp_path: Path) -> None:
    fees = {"taker_per_lot": Decimal("0.1")}  # 10^9 times what a tick of one lot is worth
    (fill,) = run(engine, market(tmp_path), Takes(), fees=fees).table("fills").to_pylist()
    assert (fill["size_lots"], fill["fee_micro"]) == (3, 3 * 10**15)


@pytest.mark.parametrize("fee", ["0.1", "-0.1", "1000"])
def test_fees_that_outgrow_64_bits_stop_both_engines_alike(engine: str, tmp_path: Path, fee: str) -> None:
    micro = 10_000 * int(Decimal(fee) * 10**16)
    with pytest.raises(EngineError) as caught:
        run(engine, market(tmp_path), Takes(lots=10_000), fees={"taker_per_lot": Decimal(fee)})
    assert str(caught.value) == (
        f"X: cash of -1020000 tick·lots or fees of {micro} · 10⁻⁶ do not fit 64 bits; "
        "use a coarser tick or lot, or trade less"
    )


def test_fees_on_the_finest_lots_fit_64_bits_up_to_922_in_currency(engine: str, tmp_path: Path) -> None:
    """The limit that docs/errors.md gives for a tick of 0.01 and a lot of 10^-8."""
    data = market(tmp_path)
    result = run(engine, data, Takes(lots=1000), fees={"taker_per_lot": Decimal("0.9223")})
    assert result.table("fills")["fee_micro"].to_pylist() == [9223 * 10**15]
    with pytest.raises(EngineError, match="do not fit 64 bits"):
        run(engine, data, Takes(lots=1000), fees={"taker_per_lot": Decimal("0.9224")})


@pytest.mark.parametrize("name", ["maker_per_lot", "taker_per_lot"])
def test_a_fee_a_lot_beyond_what_an_engine_counts_is_refused_by_its_key(engine: str, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"instrument\.0\.fees\.{name}: 100000 is .* too much to count; .* in bps"):
        run(engine, market(tmp_path), Takes(), fees={name: 100_000}, multiplier=Decimal("0.001"))


def test_a_multiplier_that_leaves_a_tick_worth_nothing_is_refused(engine: str, tmp_path: Path) -> None:
    data = market(tmp_path, tick_size=Decimal("1e-400"))
    with pytest.raises(ConfigError, match=r"instrument\.0\.multiplier: 3 makes a tick of one lot worth 0\.0"):
        run(engine, data, Takes(), multiplier=3)


def test_a_multiplier_of_more_digits_than_money_has_is_refused(engine: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"instrument\.0\.multiplier: expected at most 30 digits after the point"):
        run(engine, market(tmp_path), Takes(), multiplier=Decimal("1e-400"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("run.start", 2**62),
        ("run.end", 2**64),
        ("run.end", "2150-01-01T00:00:00Z"),
        ("run.warm_up", 2**63),
        ("run.initial_position", 2**60),
        ("run.initial_position", -(2**63)),
        ("instrument.0.initial_position", -(2**60)),
        ("instrument.0.max_position", 2**63),
        ("risk.max_position", 2**60),
        ("latency.entry", 2**63),
        ("latency.response", 2**60),
        ("latency.feed", 2**63),
        ("report.markouts", [2**63]),
        ("report.sample", 2**63),
        ("data.taint", 2**63),
        ("instrument.0.multiplier", Decimal("1e999999")),
        ("instrument.0.fees.maker_bps", 10**7),
        ("instrument.0.fees.taker_per_lot", Decimal("-1e999999")),
        ("instrument.0.exclude_order_ids", [2**64]),
    ],
)
def test_a_number_that_no_engine_can_count_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{key.replace('.', '[.]')}"):
        RunConfig.parse({"instrument": [{"data": ["x"]}]}).set(key, value)


def test_the_largest_numbers_of_a_config_run_alike(engine: str, tmp_path: Path) -> None:
    most, longest = 2**60 - 1, 2**60 - 1
    config = {
        "run": {"initial_position": -most},
        "instrument": [{"data": [market(tmp_path)], "max_position": most, "fees": {"taker_bps": 500_000}}],
        "latency": {"entry": 1, "response": 1},
        "report": {"markouts": [longest], "sample": longest},
        "data": {"taint": longest},
    }
    result = lob.run(config, Takes(), engine=engine)
    (fill,) = result.table("fills").to_pylist()
    assert fill["fee_micro"] == 50 * 3 * 102 * 10**6
    assert result.table("samples").to_pylist()[-1]["position_lots"] == 3 - most


def test_a_feed_of_more_levels_than_64_bits_count_shows_all(engine: str, tmp_path: Path) -> None:
    (fill,) = run(engine, market(tmp_path, depth=2**70), Takes()).table("fills").to_pylist()
    assert (fill["price_ticks"], fill["size_lots"]) == (102, 3)
