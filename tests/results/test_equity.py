"""`Result.equity`, `equities` and `returns`: currency, exact, and equal to the report's profit or loss."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from result_factory import SECOND, START, fill, instrument, random_result, result_of

import lob_backtest as lob
from lob_backtest.contract.tables import SAMPLES
from lob_backtest.result import Result

MINUTE = 60 * SECOND


def sampled(rows: list[dict[str, Any]], *instruments: Any) -> Result:
    """Return a result of these samples alone; a row has `s`, seconds since the start, and what is not 0."""
    import pyarrow as pa

    base = random_result(0, fills=0, instruments=instruments or (instrument(),))
    fixed = {"agent": 0, "instrument": 0, "position_lots": 0, "cash_tick_lots": 0, "fees_micro": 0, "mid2": 200}
    nothing = {"bid_quote_ticks": None, "ask_quote_ticks": None}
    made = [{**fixed, **nothing, "ts_ns": START + int(row["s"] * SECOND), **row} for row in rows]
    tables = {name: base.table(name) for name in ("fills", "orders", "bbo", "series")}
    table = pa.Table.from_pylist([{k: v for k, v in row.items() if k != "s"} for row in made], schema=SAMPLES)
    return Result({**tables, "samples": table}, base.info)


def test_equity_is_cash_and_position_at_mid_less_fees() -> None:
    # 3 lots bought at 99, mid 100, then 101.5; a fee of 2.5 tick·lots; a tick of one lot is worth 0.01 * 1
    result = sampled(
        [
            {"s": 0},
            {"s": 1, "position_lots": 3, "cash_tick_lots": -297, "fees_micro": 2_500_000},
            {"s": 2, "position_lots": 3, "cash_tick_lots": -297, "fees_micro": 2_500_000, "mid2": 203},
        ]
    )
    equity = result.equity
    assert equity.tolist() == [0.0, 0.005, 0.05]
    assert str(equity.index.dtype) == "datetime64[ns, UTC]"
    assert [time.value - START for time in equity.index] == [0, SECOND, 2 * SECOND]
    assert result.equities["SYN"].tolist() == equity.tolist()


def test_the_position_held_at_the_start_counts_from_the_first_mid() -> None:
    result = result_of([], mids=(200, 210), about=instrument(initial_position_lots=2, multiplier="50"))
    assert result.equity.tolist() == [0.0, 2 * 5 * 0.01 * 50]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tick", ["0.01", "0.1", "0.3", "0.00000001", "7"])
def test_equity_ends_at_the_profit_of_the_summary_to_the_last_digit(seed: int, tick: str) -> None:
    about = (instrument("A", tick_size=tick), instrument("B", lot_size="0.001", initial_position_lots=-7))
    result = random_result(seed, instruments=about, agents=("one", "two"))
    assert result.equity.iloc[-1] == result.summary["pnl_currency"]
    assert list(result.equities) == ["one/A", "one/B", "two/A", "two/B"]
    for name, column in result.equities.items():
        assert column.iloc[-1] == result.summary[f"{name}.pnl_currency"]


def test_equity_is_exact_beyond_64_bits() -> None:
    about = instrument(initial_position_lots=(1 << 50) + 1)
    result = result_of([fill(1, 1 << 22, 1 << 39, 1 << 23, 1 << 23)], mids=(1 << 23, (1 << 23) - 3), about=about)
    assert result.equity.iloc[-1] == result.summary["pnl_currency"]


@pytest.mark.parametrize("seed", range(3))
def test_equity_is_the_curve_of_the_page(seed: int) -> None:
    from lob_backtest.report.metrics.equity import add_curves, equity

    result = random_result(seed, instruments=(instrument("A"), instrument("B")))
    parts = list(add_curves([equity(each.ledger) for each in result.accounts], ("equity",)))
    np.testing.assert_allclose(result.equity, np.concatenate([each["equity"] for each in parts]), atol=1e-9)
    times = np.concatenate([each["ts_ns"] for each in parts])
    assert [time.value for time in result.equity.index] == times.tolist()


def test_an_account_counts_from_its_first_mid() -> None:
    result = sampled(
        [
            {"s": 0, "cash_tick_lots": 100},
            {"s": 0, "instrument": 1, "mid2": None},
            {"s": 1, "cash_tick_lots": 200},
            {"s": 1, "instrument": 1, "cash_tick_lots": 100},
        ],
        instrument("A"),
        instrument("B"),
    )
    assert result.equities["B"].isna().tolist() == [True, False]
    assert result.equity.tolist() == [1.0, 3.0]


def test_the_last_of_two_samples_of_one_time_counts() -> None:
    assert sampled([{"s": 0}, {"s": 0, "cash_tick_lots": 7}]).equity.tolist() == [0.07]


def test_a_run_without_samples_has_no_equity() -> None:
    empty = sampled([])
    assert len(empty.equity) == len(empty.equities) == len(empty.returns(1.0)) == 0
    assert str(empty.equity.index.dtype) == "datetime64[ns, UTC]"


def test_different_currencies_do_not_add_up() -> None:
    two = random_result(1, instruments=(instrument("A"), instrument("B", currency="EUR")))
    with pytest.raises(ValueError, match=r"USD, EUR.*equities"):
        _ = two.equity
    with pytest.raises(ValueError, match="USD, EUR"):
        two.returns(1_000.0)
    assert list(two.equities) == ["A", "B"]


def test_returns_are_changes_of_equity_by_period_on_a_fixed_capital() -> None:
    rows = [{"s": 20 * n, "cash_tick_lots": 100 * n} for n in range(8)]  # 1.00 every 20 s, for 140 s
    returns = sampled(rows).returns(50.0)
    minute = START - START % MINUTE
    assert minute == START  # the first sample is on a boundary, and belongs to the first period
    assert returns.index.tz is None
    assert [time.value for time in returns.index] == [minute, minute + MINUTE, minute + 2 * MINUTE]
    assert returns.tolist() == [3 / 50, 3 / 50, 1 / 50]


@pytest.mark.parametrize("capital", [Decimal(50), np.float64(50), Fraction(50)])
def test_a_capital_is_any_number(capital: Any) -> None:
    assert random_result(1).returns(capital).tolist() == random_result(1).returns(50.0).tolist()


def test_a_period_without_samples_has_no_return() -> None:
    rows = [{"s": 1, "cash_tick_lots": 100}, {"s": 179, "cash_tick_lots": 300}]
    assert sampled(rows).returns(10.0, every="1min").tolist() == [0.1, 0.0, 0.2]


@pytest.mark.parametrize("every", ["1s", "7s", "1min", "1h", "1d", pd.Timedelta("30s"), np.timedelta64(1, "m")])
def test_returns_add_up_to_the_profit(every: Any) -> None:
    result = random_result(3)
    returns = result.returns(10_000.0, every)
    assert returns.sum() * 10_000 == pytest.approx(result.summary["pnl_currency"])


@pytest.mark.parametrize(
    ("capital", "every", "message"),
    [
        (0, "1min", "capital"),
        (float("nan"), "1min", "capital"),
        (float("inf"), "1min", "capital"),
        ("5", "1min", "capital"),
        (None, "1min", "capital"),
        (10**400, "1min", "capital"),
        (1, 60, "no unit"),
        (1, "-1min", "positive"),
        (1, "soon", "positive duration"),
        (1, "100ms", "shorter than the interval of the samples, 1s"),
    ],
)
def test_returns_refuse_what_they_cannot_mean(capital: Any, every: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        random_result(1).returns(capital, every)


def test_equity_of_a_run_ends_where_ctx_equity_does(tmp_path: Any, engine: str) -> None:
    seen: list[float] = []

    class Buys(lob.Strategy):
        def on_start(self, ctx: lob.Context) -> None:
            ctx.every(50 * lob.MS)

        def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
            if ctx.book.bid_ticks is not None and ctx.position < 50:
                ctx.quote(bid=(ctx.book.bid_ticks, 10))

        def on_stop(self, ctx: lob.Context) -> None:
            seen.append(ctx.equity)

    lob.generate(tmp_path / "m.parquet", events=5_000)
    result = lob.run({"instrument": [{"data": [str(tmp_path / "m.parquet")]}]}, Buys, engine=engine)
    assert result.summary["fills"]
    assert result.equity.iloc[-1] == pytest.approx(seen[0])
    assert result.equity.iloc[-1] == result.summary["pnl_currency"]
