import numpy as np
import pytest
from result_factory import SECOND, START, fill, ledger, random_result, result_of

from lob_backtest.report.metrics.markouts import interval, markouts


def of(rows, group="all", **settings):
    found = markouts(ledger(result_of(rows, mids=(200, 200), **settings)))
    return next((each for each in found if each.group == group), None)


def test_means_and_medians_by_size_and_by_fill():
    # +1 tick on 1 lot, -2 ticks on 3 lots, +4 ticks on 1 lot
    rows = [fill(1, 100, 1, 200, 202), fill(-1, 100, 3, 200, 204), fill(1, 100, 1, 200, 208)]
    found = of(rows)
    assert found.count == 3
    assert found.mean_ticks == pytest.approx((1 - 6 + 4) / 5)
    assert found.mean_per_fill_ticks == pytest.approx(1)
    assert (found.median_ticks, found.median_per_fill_ticks) == (-2, 1)


def test_the_weighted_median_has_half_of_the_size_on_either_side():
    rows = [fill(1, 100, 4, 200, 202), fill(1, 100, 5, 200, 204), fill(1, 100, 2, 200, 206)]
    assert of(rows).median_ticks == 2
    assert of([*rows, fill(1, 100, 20, 200, 208)]).median_ticks == 4


def test_fills_whose_horizon_passes_the_end_are_left_out_and_counted():
    end = START + 100 * SECOND
    rows = [
        fill(1, 100, 1, 200, 202, ts_exchange_ns=end - SECOND),
        fill(1, 100, 1, 200, 260, ts_exchange_ns=end - SECOND + 1),
    ]
    found = of(rows)
    assert (found.count, found.left_out, found.mean_ticks) == (1, 1, 1)


def test_fills_without_a_mid_are_left_out_and_counted():
    found = of([fill(1, 100, 1, None, None)])
    assert (found.count, found.left_out, found.mean_ticks) == (0, 1, None)


def test_sides_and_causes_are_apart():
    rows = [fill(1, 100, 1, 200, 202, cause=5), fill(-1, 100, 1, 200, 202)]
    assert of(rows, "buy").mean_ticks == 1
    assert of(rows, "sell").mean_ticks == -1
    assert of(rows, "take").mean_ticks == 1
    assert of(rows, "queue").mean_ticks == -1
    assert of(rows, "cross") is None


def interval_of(values, weights):
    return interval(lambda: iter([(values, weights)]), len(values), seed=1)


def test_the_interval_is_that_of_the_mean_and_repeats():
    random = np.random.default_rng(5)
    values, weights = random.normal(1.0, 2.0, 2_000), np.ones(2_000)
    low, high = interval_of(values, weights)
    assert (low, high) == interval_of(values, weights)
    spread = 2.0 / np.sqrt(2_000)
    assert low < values.mean() < high
    assert 2.5 * spread < high - low < 5.5 * spread  # 3.92 in theory


def test_the_interval_is_wider_where_neighbours_move_together():
    random = np.random.default_rng(5)
    together = np.repeat(random.normal(0.0, 1.0, 200), 10)
    apart = random.permutation(together)
    weights = np.ones(2_000)
    wide, narrow = (np.diff(interval_of(each, weights))[0] for each in (together, apart))
    assert wide > 1.5 * narrow


def test_few_fills_have_no_interval():
    rows = [fill(1, 100, 1, 200, 200 + index) for index in range(10)]
    assert of(rows[:9]).low_ticks is None
    assert of(rows).low_ticks < of(rows).mean_ticks < of(rows).high_ticks


def test_only_all_fills_have_an_interval():
    found = random_result(1).accounts[0].markouts
    assert all((each.low_ticks is not None) == (each.group == "all") for each in found)
    assert all(each.low_ticks <= each.mean_ticks <= each.high_ticks for each in found if each.group == "all")
