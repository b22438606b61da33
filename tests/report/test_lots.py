from hypothesis import given
from hypothesis import strategies as st
from result_factory import SECOND, START, fill, instrument, ledger, random_result, result_of
from test_attribution import MARKOUTS, mids, trades

from lob_backtest.report.metrics.ledger import MICRO_PER_HALF
from lob_backtest.report.metrics.lots import add_up, match_lots


def lots_of(rows, ends=(200, 200), **settings):
    return result_of(rows, mids=ends, **settings).table("lots").to_pydict()


def sums_of(account):
    return add_up(match_lots(account), MICRO_PER_HALF)[0]


def listed(columns, *names):
    return list(zip(*(list(columns[name]) for name in names), strict=True))


def test_first_in_is_first_out():
    rows = [fill(1, 100, 5, 200, 200), fill(1, 90, 5, 200, 200), fill(-1, 110, 7, 200, 200)]
    found = lots_of(rows)
    assert listed(found, "size_lots", "open_fill_id", "close_fill_id", "gross_half_tick_lots") == [
        (5, 0, 2, 5 * 20),
        (2, 1, 2, 2 * 40),
        (3, 1, None, 3 * 20),  # open: 3 at 90, marked at 100
    ]


def test_a_fill_through_zero_closes_and_opens():
    found = lots_of([fill(-1, 100, 4, 200, 200), fill(1, 95, 10, 200, 200)])
    assert listed(found, "side", "size_lots", "open_fill_id", "close_fill_id", "gross_half_tick_lots") == [
        (-1, 4, 0, 1, 40),
        (1, 6, 1, None, 60),
    ]


def test_fees_are_split_with_floor_and_the_last_slice_takes_the_rest():
    rows = [fill(1, 100, 3, 200, 200, fee_micro=10), *(fill(-1, 100, 1, 200, 200, fee_micro=-7) for _ in range(3))]
    found = lots_of(rows)
    assert listed(found, "open_fee_micro", "close_fee_micro") == [(3, -7), (3, -7), (4, -7)]


def test_a_closing_fees_rest_goes_to_its_last_slice():
    rows = [fill(1, 100, 1, 200, 200), fill(1, 100, 1, 200, 200), fill(-1, 100, 3, 200, 200, fee_micro=-10)]
    found = lots_of(rows)
    assert listed(found, "open_fee_micro", "close_fee_micro") == [(0, -4), (0, -4), (-2, 0)]


def test_the_opening_position_is_a_lot_at_the_mid_of_the_start():
    found = lots_of([fill(-1, 103, 2, 207, 207)], ends=(201, 205), about=instrument(initial_position_lots=5))
    assert listed(found, "size_lots", "open_fill_id", "open_price2", "gross_half_tick_lots", "open_ts_ns") == [
        (2, None, 201, 2 * 5, START),
        (3, None, 201, 3 * 4, START),
    ]


def test_an_opening_position_has_no_adverse_selection_however_soon_it_closes():
    found = lots_of([fill(-1, 103, 2, 190, 190)], ends=(201, 205), about=instrument(initial_position_lots=2))
    parts = (f"adverse_selection_{SECOND}ns_half_tick_lots", f"inventory_{SECOND}ns_half_tick_lots")
    assert listed(found, "captured_half_tick_lots", *parts) == [(2 * (206 - 190), 0, 2 * (190 - 201))]


def test_adverse_selection_of_a_lot_ends_when_it_closes():
    early, late = START + SECOND // 2, START + 5 * SECOND
    bought = fill(1, 99, 1, 200, 150, ts_exchange_ns=START)
    for closed_at, adverse, inventory in ((early, -4, 0), (late, -50, 46)):
        sold = fill(-1, 99, 1, 196, 196, ts_exchange_ns=closed_at)
        found = lots_of([bought, sold])
        parts = (f"adverse_selection_{SECOND}ns_half_tick_lots", f"inventory_{SECOND}ns_half_tick_lots")
        assert listed(found, "captured_half_tick_lots", *parts) == [(2 + 2, adverse, inventory)]


@given(trades, mids, mids, st.integers(-30, 30))
def test_lots_add_up_to_the_change_of_equity_and_lose_no_fee(rows, start, end, held):
    result = result_of(rows, mids=(start, end), markouts=MARKOUTS, about=instrument(initial_position_lots=held))
    account, found = ledger(result), result.table("lots").to_pydict()
    sums = sums_of(account)
    gross = sums.gains_half_tick_lots + sums.losses_half_tick_lots + sums.unrealized_half_tick_lots
    assert gross == account.gross_half_tick_lots
    assert sum(found["open_fee_micro"]) + sum(found["close_fee_micro"]) == account.fees_end_micro
    signed = [side * size for side, size, close in listed(found, "side", "size_lots", "close_fill_id") if close is None]
    assert sum(signed) == account.position_end_lots
    for horizon in MARKOUTS:
        names = (f"adverse_selection_{horizon}ns_half_tick_lots", f"inventory_{horizon}ns_half_tick_lots")
        for total, *parts in listed(found, "gross_half_tick_lots", "captured_half_tick_lots", *names):
            assert total == sum(parts)


@given(trades)
def test_each_fill_is_used_up_exactly(rows):
    found = lots_of(rows, markouts=MARKOUTS)
    used = dict.fromkeys(range(len(rows)), 0)
    for size, opened, closed in listed(found, "size_lots", "open_fill_id", "close_fill_id"):
        for fill_id in (opened, closed):
            if fill_id is not None:
                used[fill_id] += size
    assert used == {index: row["size_lots"] for index, row in enumerate(rows)}


def test_gains_and_losses_are_apart_before_and_after_fees():
    rows = [
        fill(1, 100, 1, 200, 200, fee_micro=3_000_000),
        fill(-1, 102, 1, 200, 200),  # gains 4 half-ticks (2 ticks), loses 1 tick after the fee
        fill(1, 100, 1, 200, 200),
        fill(-1, 97, 1, 200, 200, fee_micro=-500_000),
    ]
    sums = sums_of(ledger(result_of(rows, mids=(200, 200))))
    assert (sums.gains_half_tick_lots, sums.losses_half_tick_lots) == (4, -6)
    assert (sums.gains_net_micro, sums.losses_net_micro) == (0, -1_000_000 - 2_500_000)
    assert (sums.closed, sums.lost, sums.closed_lots, sums.unrealized_half_tick_lots) == (2, 1, 2, 0)


def test_the_table_holds_every_account():
    result = random_result(3, instruments=(instrument(), instrument("B")), agents=("one", "two"))
    table = result.table("lots")
    assert set(zip(table["agent"].to_pylist(), table["instrument"].to_pylist(), strict=True)) == {
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    }
    exact = sum(account.ledger.gross_half_tick_lots for account in result.accounts)
    assert sum(table["gross_half_tick_lots"].to_pylist()) == exact


def test_a_run_without_fills_has_no_lots():
    assert result_of([], mids=(200, 200)).table("lots").num_rows == 0
