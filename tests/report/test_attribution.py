from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_factory import SECOND, START, fill, instrument, ledger, random_result, result_of

from lob_backtest.report.metrics.attribution import attribute, headline_horizon_ns
from lob_backtest.result import Result

MARKOUTS = (SECOND, 10 * SECOND)
HUGE = 1 << 40

mids = st.none() | st.integers(-1000, 1000)
trades = st.lists(
    st.fixed_dictionaries(
        {
            "side": st.sampled_from([1, -1]),
            "price_ticks": st.integers(-1000, 1000),
            "size_lots": st.integers(1, 50),
            "fee_micro": st.integers(-(10**6), 10**6),
            "mid2_before": mids,
            **{f"mid2_after_{horizon}ns": mids for horizon in MARKOUTS},
        }
    ),
    max_size=20,
)


def test_parts_of_one_fill_by_hand():
    # Bought 10 at 99 when the mid was 100 (M 200); a second later the mid is 99.5, at the end 101.
    (found,) = attribute(ledger(result_of([fill(1, 99, 10, 200, 199)], mids=(200, 202))), (SECOND,))
    assert (found.captured, found.adverse_selection, found.inventory) == (20, -10, 30)
    assert (found.opening, found.residual) == (0, 0)
    assert found.gross == 2 * 10 * (101 - 99)


def test_a_position_held_at_the_start_is_opening():
    about = instrument(initial_position_lots=-7)
    (found,) = attribute(ledger(result_of([], mids=(200, 205), about=about)), (SECOND,))
    assert (found.opening, found.captured, found.residual) == (-35, 0, 0)


@given(trades, mids, mids, st.integers(-30, 30))
def test_parts_add_up_to_the_change_of_equity_at_any_horizon(rows, start, end, held):
    result = result_of(rows, mids=(start, end), markouts=MARKOUTS, about=instrument(initial_position_lots=held))
    account = ledger(result)
    for found in attribute(account, (*MARKOUTS, None)):
        assert found.residual == 0
        assert found.gross == account.gross_half_tick_lots


@pytest.mark.parametrize("seed", range(20))
def test_parts_add_up_over_random_markets(seed):
    result = random_result(seed, fills=40, seconds=30, instruments=(instrument(), instrument("B", tick_size="0.5")))
    assert result.summary["residual_half_tick_lots"] == 0
    assert result.summary["residual_fees_micro"] == 0


def test_parts_are_exact_beyond_64_bits():
    rows = [fill(1, HUGE - 1, HUGE - 1, 2 * HUGE - 3, 2 * HUGE - 5), fill(-1, HUGE - 2, HUGE - 1, 2 * HUGE - 5, 0)]
    (found,) = attribute(ledger(result_of_without_samples(rows, (2 * HUGE, 0))), (SECOND,))
    assert found.captured == (HUGE - 1) * (2 * HUGE - 3 - 2 * (HUGE - 1)) - (HUGE - 1) * (2 * HUGE - 5 - 2 * (HUGE - 2))
    assert found.adverse_selection == -2 * (HUGE - 1) + (HUGE - 1) * (2 * HUGE - 5)
    assert found.residual == 0


def result_of_without_samples(rows, ends):
    """Cash of that size does not fit a sample: the account is that of the fills."""
    small = result_of([{**row, "price_ticks": 1, "size_lots": 1} for row in rows], mids=ends)
    tables = {name: small.table(name) for name in ("fills", "orders", "bbo", "samples", "series")}
    for column in ("price_ticks", "size_lots"):
        index = tables["fills"].schema.get_field_index(column)
        values = pa.array([row[column] for row in rows], pa.int64())
        tables["fills"] = tables["fills"].set_column(index, tables["fills"].schema.field(index), values)
    tables["bbo"] = pa.Table.from_pylist(
        [{"instrument": 0, "ts_exchange_ns": START, "bid_ticks": ends[0] // 2, "ask_ticks": ends[0] // 2}],
        schema=tables["bbo"].schema,
    )
    tables["samples"] = tables["samples"].slice(0, 0)
    return Result(tables, small.info)


def test_the_residual_shows_an_account_that_disagrees_with_its_fills():
    result = result_of([fill(1, 99, 10, 200, 199)], mids=(200, 202))
    wrong = replace(ledger(result), cash_end_tick_lots=-989)
    assert attribute(wrong, (SECOND,))[0].residual == 2


def test_the_mark_at_the_start_is_the_first_mid_of_the_book_where_the_first_sample_has_none():
    result = result_of([], mids=(None, 210), about=instrument(initial_position_lots=1))
    rows = [
        {"instrument": 0, "ts_exchange_ns": START, "bid_ticks": 99, "ask_ticks": None},
        {"instrument": 0, "ts_exchange_ns": START + 1, "bid_ticks": 99, "ask_ticks": 102},
        {"instrument": 0, "ts_exchange_ns": START + 2, "bid_ticks": 90, "ask_ticks": 92},
    ]
    tables = {name: result.table(name) for name in ("fills", "orders", "samples", "series")}
    tables["bbo"] = pa.Table.from_pylist(rows, schema=result.table("bbo").schema)
    assert ledger(Result(tables, result.info)).mid2_start == 201


def test_a_market_that_never_had_two_sides_is_marked_at_the_last_fill():
    rows = [fill(1, 99, 10, None, None), fill(-1, 101, 4, None, None)]
    account = ledger(result_of(rows, mids=(None, None)))
    assert (account.mark, account.mid2_start, account.mid2_end) == ("last fill", 202, 202)
    assert attribute(account, (SECOND,))[0].residual == 0


def test_nothing_to_mark_is_said():
    assert ledger(result_of([], mids=(None, None))).mark == "none"


def test_the_headline_is_the_middle_horizon():
    assert headline_horizon_ns((100, 1000, 10_000, 60_000)) == 1000
    assert headline_horizon_ns((5, 1, 3)) == 3
    assert headline_horizon_ns(()) is None
