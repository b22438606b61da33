"""Inventory, activity and equity, by hand."""

import numpy as np
import pyarrow as pa
import pytest
from result_factory import SECOND, START, fill, instrument, ledger, random_result, result_of

from lob_backtest.contract.tables import ORDERS, UNUSED, OrderState, RejectReason, UpdateKind
from lob_backtest.report.metrics.activity import activity
from lob_backtest.report.metrics.equity import LINES, add_curves, curve, risk
from lob_backtest.report.metrics.inventory import inventory
from lob_backtest.report.metrics.quotes import measure_quotes
from lob_backtest.report.metrics.stretches import Stretches


def test_positions_are_weighted_by_time():
    rows = [
        fill(1, 100, 4, 200, 200, ts_exchange_ns=START + 10 * SECOND),
        fill(-1, -101, 6, 200, 200, ts_exchange_ns=START + 60 * SECOND),
    ]
    found = inventory(ledger(result_of(rows, mids=(200, 200), about=instrument(max_position_lots=4))))
    assert found.mean_lots == pytest.approx((0 * 10 + 4 * 50 - 2 * 40) / 100)
    assert found.mean_absolute_lots == pytest.approx((4 * 50 + 2 * 40) / 100)
    assert (found.min_lots, found.max_lots, found.end_lots) == (-2, 4, -2)
    assert found.at_limit_fraction == pytest.approx(0.5)
    assert (found.traded_lots, found.traded_tick_lots) == (10, 400 + 606)


def test_a_position_held_at_the_start_counts_from_the_start():
    found = inventory(ledger(result_of([], mids=(200, 200), about=instrument(initial_position_lots=-3))))
    assert (found.mean_lots, found.min_lots, found.max_lots, found.at_limit_fraction) == (-3, -3, -3, None)


def test_a_run_without_duration_has_no_mean():
    assert inventory(ledger(result_of([], mids=(200, 200), seconds=0))).mean_lots is None


def order(order_id, kind, **columns):
    plain = {"agent": 0, "instrument": 0, "state": int(OrderState.LIVE), "reason": 0, "side": 1, "tif": 0}
    more = {"post_only": 0, "size_lots": 10, "filled_lots": 0, "ts_sent_ns": 1, "ts_local_ns": 1, "tag": ""}
    return {**UNUSED.get("orders", {}), "order_id": order_id, "kind": int(kind), **plain, **more, **columns}


def measured(rows, fills=()):
    result = result_of(list(fills), mids=(200, 200))
    tables = {"orders": pa.Table.from_pylist(rows, schema=ORDERS), "bbo": result.table("bbo")}
    account, orders = ledger(result), Stretches(tables, "orders", {})
    return activity(account, orders, measure_quotes(account, orders, Stretches(tables, "bbo", {})))


def whole(stretches):
    """Put the stretches of a curve together."""
    parts = list(stretches)
    return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}


def risk_of(times, equity):
    return risk(lambda: iter([{"ts_ns": times, "equity": equity}]), SECOND)


def test_requests_are_what_was_asked_not_what_happened():
    found = measured(
        [
            order(1, UpdateKind.ACCEPTED),
            order(1, UpdateKind.REPLACED, size_lots=15),
            order(1, UpdateKind.CANCELLED, size_lots=15),
            order(5, UpdateKind.CANCELLED, ts_sent_ns=None),  # the run ended: nobody asked
            order(2, UpdateKind.REJECTED, state=int(OrderState.REJECTED), reason=int(RejectReason.POST_ONLY)),
            order(3, UpdateKind.ACCEPTED),
            order(3, UpdateKind.EXPIRED, ts_sent_ns=None),
            order(4, UpdateKind.CANCEL_REJECTED, reason=int(RejectReason.TOO_LATE), size_lots=0),
        ]
    )
    assert (found.orders, found.requests) == (2, 6)
    assert found.refused == {"post_only": 1, "too_late": 1}
    assert found.ordered_lots == 15 + 10
    assert found.order_to_trade is None


def test_fill_rate_is_size_filled_over_size_ordered():
    rows = [order(1, UpdateKind.ACCEPTED), order(2, UpdateKind.ACCEPTED, size_lots=30)]
    fills = [fill(1, 100, 4, 200, 200, order_id=1), fill(1, 100, 6, 200, 200, order_id=1)]
    found = measured(rows, fills)
    assert found.fill_rate == pytest.approx(10 / 40)
    assert (found.filled_orders, found.order_to_trade) == (1, 1)


def test_time_in_queue_is_that_of_resting_orders():
    fills = [
        fill(1, 100, 4, 200, 200, ts_exchange_ns=START + 30, ts_arrival_ns=START, queue_ahead_at_arrival_lots=6),
        fill(1, 100, 4, 200, 200, ts_exchange_ns=START + 90, ts_arrival_ns=START, queue_ahead_at_arrival_lots=None),
        fill(1, 100, 4, 200, 200, ts_exchange_ns=START + 99, ts_arrival_ns=START + 99, liquidity=1, cause=5),
    ]
    found = measured([], fills)
    assert (found.queue_time_mean_ns, found.queue_ahead_mean_lots) == (60, 6)
    assert (found.maker_lots, found.fills_by_cause["take"], found.filled_lots_by_cause["queue"]) == (8, 1, 8)


def test_quoting_is_the_share_of_samples_with_a_quote():
    done = random_result(2, seconds=200).accounts[0].activity
    assert 0.6 < done.standing.bid_fraction < 0.95
    assert done.standing.both_fraction <= min(done.standing.bid_fraction, done.standing.ask_fraction)


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_of_equity_add_up_at_every_sample(seed):
    account = random_result(seed, instruments=(instrument(initial_position_lots=9),)).accounts[0]
    for horizon in (*account.ledger.markouts_ns, None):
        sampled = whole(curve(account.ledger, horizon))
        np.testing.assert_allclose(sampled["equity"], sum(sampled[name] for name in LINES[1:]), atol=1e-9)
        assert sampled["equity"][-1] == pytest.approx(float(account.money()["pnl"]))
        assert sampled["captured"][-1] == pytest.approx(float(account.money()["captured"]))
        assert sampled["fees"][-1] == pytest.approx(float(account.money()["rebates"] - account.money()["fees_paid"]))


def test_adverse_selection_at_the_end_is_that_of_the_attribution():
    account = random_result(7).accounts[0]
    for found in account.attributions:
        sampled = whole(curve(account.ledger, found.horizon_ns))
        half = float(account.ledger.instrument.tick_lot_value) / 2
        assert sampled["adverse_selection"][-1] == pytest.approx(found.adverse_selection * half)


def test_curves_add_up_over_their_times():
    accounts = random_result(1, instruments=(instrument(), instrument("B"))).accounts
    both = whole(add_curves([curve(each.ledger, SECOND) for each in accounts]))
    one, two = (whole(curve(each.ledger, SECOND)) for each in accounts)
    np.testing.assert_allclose(both["equity"], one["equity"] + two["equity"])


@pytest.mark.parametrize("pieces", [1, 2, 7, 50])
@pytest.mark.parametrize("seed", range(4))
def test_drawdown_says_when_it_began_and_was_deepest(seed, pieces):
    equity = np.cumsum(np.random.default_rng(seed).integers(-3, 4, 50)).astype(float)
    times = 10 * SECOND + np.arange(50) * SECOND
    parts = zip(np.array_split(times, pieces), np.array_split(equity, pieces), strict=True)
    stretches = [{"ts_ns": part, "equity": values} for part, values in parts]
    found = risk(lambda: iter(stretches), SECOND)
    falls = np.maximum.accumulate(np.append(0.0, equity))[1:] - equity
    trough = int(falls.argmax())
    peak = equity[: trough + 1].max()
    began = times[np.flatnonzero(equity[: trough + 1] == peak)[0]] if peak > 0 else times[0]
    assert (found.max_drawdown, found.peak_ns, found.trough_ns) == (falls[trough], began, times[trough])


def test_equity_that_never_falls_has_no_time_of_a_drawdown():
    found = risk_of(np.arange(3) * SECOND, np.array([0.0, 1.0, 1.0]))
    assert (found.max_drawdown, found.peak_ns, found.trough_ns) == (0.0, None, None)


def test_drawdown_counts_the_start_as_a_peak():
    times = np.arange(1, 6) * SECOND
    assert risk_of(times, np.array([-3.0, 1.0, 4.0, 2.0, 3.0])).max_drawdown == 3.0
    assert risk_of(times, np.array([1.0, 9.0, 4.0, 2.0, 3.0])).max_drawdown == 7.0


def test_sharpe_leaves_out_the_short_last_step():
    times = np.array([0, 1, 2, 3]) * SECOND
    times = np.append(times, 3 * SECOND + 1)
    found = risk_of(times, np.array([0.0, 1.0, 3.0, 4.0, 100.0]))
    changes = np.array([1.0, 2.0, 1.0])
    assert found.samples == 3
    assert found.sharpe == pytest.approx(changes.mean() / changes.std(ddof=1))


def test_equity_that_never_moves_has_no_sharpe():
    assert risk_of(np.arange(5) * SECOND, np.zeros(5)).sharpe is None
