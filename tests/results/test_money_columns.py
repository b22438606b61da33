"""Money in the DataFrames of fills and lots, and whose the DataFrames are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from result_factory import SECOND, START, fill, instrument, random_result, result_of

from lob_backtest.cli.group import main
from lob_backtest.report.frames import ADDED, added_columns

NAMES = ("fills", "orders", "bbo", "samples", "lots")


def test_fills_have_their_money_in_currency() -> None:
    # a tick of one lot is worth 0.25 * 0.1 * 20 = 0.5
    about = instrument(tick_size="0.25", lot_size="0.1", multiplier="20")
    bought = fill(1, 99, 3, 200, 205, fee_micro=-400_000)  # mid 100, a second later 102.5
    sold = fill(-1, 103, 2, 205, 205, fee_micro=1_000_000)
    fills = result_of([bought, sold], mids=(200, 205), about=about).fills
    assert fills["notional"].tolist() == [99 * 3 * 0.5, 103 * 2 * 0.5]
    assert fills["fee"].tolist() == [-0.2, 0.5]
    assert fills["captured"].tolist() == [3 * 1 * 0.5, 2 * 0.5 * 0.5]
    assert fills["markout_1s"].tolist() == [3 * 3.5 * 0.5, 2 * 0.5 * 0.5]


def test_a_markout_beyond_the_end_or_without_a_mid_is_not_a_number() -> None:
    late = fill(1, 99, 1, 200, 200, ts_exchange_ns=START + 100 * SECOND - 1)
    at_the_end = fill(1, 99, 1, 200, 200, ts_exchange_ns=START + 99 * SECOND)
    unknown = fill(1, 99, 1, 200, None)
    fills = result_of([unknown, at_the_end, late], mids=(200, 200)).fills
    assert fills["markout_1s"].isna().tolist() == [True, False, True]


def test_before_the_first_mid_that_one_counts_as_in_the_report() -> None:
    result = result_of([fill(1, 99, 10, None, 200)], mids=(None, 202))
    assert result.fills["mid"].isna().all()
    assert result.fills["captured"].tolist() == [0.2] == [result.summary["captured_currency"]]


@pytest.mark.parametrize("seed", range(4))
def test_money_of_fills_and_lots_adds_up_to_the_summary(seed: int) -> None:
    about = (instrument("A", tick_size="0.3"), instrument("B", initial_position_lots=30, multiplier="5"))
    result = random_result(seed, instruments=about, agents=("one", "two"))
    summary, fills, lots = result.summary, result.fills, result.lots
    assert fills["captured"].sum() == pytest.approx(summary["captured_currency"])
    assert fills["notional"].sum() == pytest.approx(summary["traded_currency"])
    assert fills["fee"].sum() == pytest.approx(summary["fees_paid_currency"] - summary["rebates_currency"])
    closed = lots[lots["close_fill_id"].notna()]
    assert closed["result"].sum() == pytest.approx(
        summary["realized_gains_currency"] + summary["realized_losses_currency"]
    )
    net = summary["realized_gains_net_currency"] + summary["realized_losses_net_currency"]
    assert (closed["result"] - closed["fees"]).sum() == pytest.approx(net)
    mine = fills[(fills["agent"] == "one") & (fills["instrument"] == "A")].dropna(subset="markout_1s")
    ticks = mine["markout_1s"].sum() / mine["size_lots"].sum() / 0.3
    assert ticks == pytest.approx(summary["one/A.markout_1000000000ns_mean_ticks"])


def test_a_closed_lot_has_its_result_and_how_long_it_was_held() -> None:
    trades = [
        fill(1, 99, 2, 200, 200, fee_micro=3_000_000),
        fill(-1, 101, 1, 200, 200, ts_exchange_ns=START + 7 * SECOND, fee_micro=500_000),
    ]
    lots = result_of(trades, mids=(200, 210)).lots
    assert lots["result"].iloc[0] == 0.02
    assert np.isnan(lots["result"].iloc[1])  # open: its gain is not realized
    assert lots["held"].iloc[0].total_seconds() == 7
    assert lots["held"].isna().tolist() == [False, True]
    assert lots["fees"].tolist() == [0.02, 0.015]


def test_money_is_exact_beyond_64_bits() -> None:
    size, price = (1 << 39) - 1, (1 << 22) + 1
    result = result_of([fill(1, price, size, 4 * price + 1, 2 * price)], mids=(2 * price, 2 * price))
    assert result.fills["notional"].tolist() == [price * size / 100]
    assert result.fills["captured"].tolist() == [size * (2 * price + 1) / 200]


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_dataframe_is_nobody_elses(name: str) -> None:
    result = random_result(2)
    before = getattr(result, name)
    changed = getattr(result, name)
    changed["mine"] = 1
    changed.loc[:, "price"] = -1.0
    after = getattr(result, name)
    assert after.equals(before)
    assert list(after) == list(before)


@pytest.mark.parametrize("name", NAMES)
def test_every_column_of_a_dataframe_is_documented(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = random_result(1)
    added = added_columns(name, result.info.markouts_ns)
    assert set(getattr(result, name).columns) == {*result.table(name).column_names, *added}
    assert set(result.series("skew").columns) == {*result.table("series").column_names, *ADDED["series"]}
    with pytest.raises(SystemExit):
        main(["schema", "result"])
    printed = json.loads(capsys.readouterr().out)
    assert set(ADDED[name]) <= set(printed["added_in_dataframes"][name])
    assert {each["name"] for each in printed["tables"][name]} & set(result.table(name).column_names)
    assert "markout_1m" in printed["added_in_dataframes"]["fills"]
