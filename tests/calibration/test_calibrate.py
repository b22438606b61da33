"""Calibration on markets whose volatility and fill intensity are known, and on real days."""

from __future__ import annotations

import json
import math
import random
import zipfile
from collections import Counter

import pytest

import lob_backtest as lob
from lob_backtest.calibration.calibrate import calibrate, fit_intensity
from lob_backtest.calibration.market_watch import Slice, watch
from lob_backtest.cli.group import main
from lob_backtest.contract.rows import Action, Flag, Phase
from lob_backtest.data.reader import open_market
from lob_backtest.data.writer import write_events

T0 = 1_700_000_000 * lob.SECOND
BID, ASK = 1, -1


class LevelRows:
    """Rows of an L2 file; `at_s` is in seconds."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []

    def put(self, at_s: float, action: Action, *, side: int = 0, price: int = 0, size: int = 0, **more: int) -> None:
        flags = more.get("flags", Flag.LAST)
        self.rows.append((T0 + round(at_s * lob.SECOND), action, side, price, size, flags, more.get("phase", 0)))

    def best(self, at_s: float, old: tuple[int, int] | None, new: tuple[int, int]) -> None:
        """Move the best prices, each a level of its own, in one packet."""
        for side, was, now in zip((BID, ASK), old or (None, None), new, strict=True):
            if was is not None and was != now:
                self.put(at_s, Action.LEVEL, side=side, price=was, flags=0)
            self.put(at_s, Action.LEVEL, side=side, price=now, size=10, flags=Flag.LAST if side == ASK else 0)

    def write(self, path) -> str:
        names = ("ts_exchange_ns", "action", "side", "price_ticks", "size_lots", "flags", "phase")
        columns = dict(zip(names, map(list, zip(*self.rows, strict=True)), strict=True))
        write_events(path, columns, level=2, symbol="KNOWN", tick_size="0.01", lot_size="1")
        return str(path)


def known_market(path, *, rate: float, decay: float, sigma: float, seconds: int, cluster: int = 1) -> str:
    """Write a market of known σ, A and k: the mid walks in half-ticks, orders reach exponential distances."""
    rng, market = random.Random(11), LevelRows()
    mid2, best, now_s = 2001, None, 0.0
    steps_a_second, orders_a_second = 4 * sigma**2, 2 * rate / cluster
    while now_s < seconds:
        new = (mid2 - 1) // 2, -(-(mid2 + 1) // 2)
        if new != best:
            market.best(now_s, best, new)
            best = new
        now_s += rng.expovariate(steps_a_second + orders_a_second)
        if rng.random() < steps_a_second / (steps_a_second + orders_a_second):
            mid2 += rng.choice((-1, 1))
            continue
        for i in range(cluster):
            side, distance = rng.choice((BID, ASK)), rng.expovariate(decay)
            edge = mid2 / 2 - side * distance
            prices = range(best[0], math.ceil(edge) - 1, -1) if side == BID else range(best[1], math.floor(edge) + 1)
            for price in prices:
                market.put(now_s + i * 1e-6, Action.TRADE, side=side, price=price, size=1)
    return market.write(path)


@pytest.mark.parametrize(("rate", "decay", "sigma"), [(3.0, 0.8, 0.7), (8.0, 1.6, 0.3)])
def test_known_volatility_and_intensity_are_recovered(tmp_path, rate, decay, sigma):
    found = calibrate(known_market(tmp_path / "a.parquet", rate=rate, decay=decay, sigma=sigma, seconds=6_000))
    for estimate, truth in ((found.volatility, sigma), (found.fill_rate, rate), (found.fill_decay, decay)):
        assert abs(estimate.value - truth) < 3.5 * estimate.standard_error
    # What the model itself says of the errors; a jackknife of 20 blocks knows them to about a sixth.
    orders = found.fitted_orders
    assert found.volatility.standard_error == pytest.approx(sigma / math.sqrt(2 * 6_000), rel=0.6)
    assert found.fill_decay.standard_error == pytest.approx(decay / math.sqrt(orders), rel=0.6)
    assert orders == pytest.approx(
        sum(2 * 6_000 * each.fitted for each in found.distances if each.distance_ticks == found.from_ticks), rel=0.05
    )


def test_another_range_of_the_fit_finds_the_same(tmp_path):
    path = known_market(tmp_path / "a.parquet", rate=3.0, decay=0.8, sigma=0.7, seconds=6_000)
    found = calibrate(path, from_ticks=1.5, to_ticks=4.0)
    assert (found.from_ticks, found.to_ticks) == (1.5, 4.0)
    assert found.fill_rate.value == pytest.approx(3.0, abs=3.5 * found.fill_rate.standard_error)
    assert found.fill_decay.value == pytest.approx(0.8, abs=3.5 * found.fill_decay.standard_error)


def test_orders_in_clusters_make_the_rate_less_certain(tmp_path):
    one, nine = (
        calibrate(known_market(tmp_path / f"{n}.parquet", rate=3.0, decay=0.8, sigma=0.3, seconds=3_000, cluster=n))
        for n in (1, 9)
    )
    assert nine.fill_rate.value == pytest.approx(3.0, abs=3.5 * nine.fill_rate.standard_error)
    assert nine.fill_rate.standard_error > 1.5 * one.fill_rate.standard_error


@pytest.mark.parametrize(
    "open_ns", [[lob.SECOND * 1000, 0], [0, lob.SECOND * 1000], [lob.SECOND * 400, lob.SECOND * 600]]
)
@pytest.mark.parametrize("near", [1, 2, 5])
def test_the_fit_is_exact_where_the_counts_are(open_ns, near):
    rate, decay, far = 5.0, 0.7, 12
    reached = Counter()
    for odd in (0, 1):
        orders = 2 * open_ns[odd] / lob.SECOND * rate
        for distance in range(2 - odd, 60, 2):
            reached[distance] += orders * (math.exp(-decay * distance / 2) - math.exp(-decay * (distance + 2) / 2))
    found = fit_intensity(Slice(open_ns=open_ns, reached=reached), near, far)
    assert found == pytest.approx((rate, decay), rel=1e-6)


def test_orders_that_all_stop_at_one_distance_determine_nothing():
    assert math.isnan(fit_intensity(Slice(open_ns=[0, lob.SECOND], reached=Counter({1: 50})), 1, 5)[0])
    assert math.isnan(fit_intensity(Slice(open_ns=[0, lob.SECOND], reached=Counter()), 1, 5)[0])


def test_a_rate_is_not_carried_on_to_a_mid_that_is_too_far_away():
    reached = Counter({999: 50, 1001: 1})
    assert math.isnan(fit_intensity(Slice(open_ns=[0, lob.SECOND], reached=reached), 999, 1001)[0])
    near = fit_intensity(Slice(open_ns=[0, lob.SECOND], reached=Counter({19: 50, 21: 1})), 19, 21)
    assert near == pytest.approx((51 / 2 * 51**9.5, math.log(51)))


def watched(market: LevelRows, path, interval_ns: int = lob.SECOND):
    return watch(open_market([market.write(path)], require_local=False), interval_ns)


def total_reached(found) -> dict[int, int]:
    return dict(sum((each.reached for each in found.slices), Counter()))


def test_an_order_reaches_from_the_mid_before_it_to_its_furthest_price(tmp_path):
    market = LevelRows()
    market.best(0, None, (99, 101))
    # It buys at 101 and 102, and the levels that it emptied follow at the same nanosecond.
    market.put(1, Action.TRADE, side=ASK, price=101, size=10)
    market.best(1, (99, 101), (99, 103))
    market.put(1, Action.TRADE, side=ASK, price=102, size=1)
    # The mid is 101 by now; it sells at 99, then another buys at 103 and one sells at the same time.
    market.put(2, Action.TRADE, side=BID, price=99, size=1)
    market.put(3, Action.TRADE, side=ASK, price=103, size=1)
    market.put(3, Action.TRADE, side=BID, price=98, size=1)
    assert total_reached(watched(market, tmp_path / "a.parquet")) == {4: 3, 6: 1}


def test_auctions_and_prints_without_a_side_or_a_mid_are_left_out(tmp_path):
    market = LevelRows()
    market.put(0, Action.TRADE, side=ASK, price=101, size=1)
    market.best(1, None, (99, 101))
    market.put(2, Action.TRADE, side=ASK, price=101, size=1, flags=Flag.LAST | Flag.AUCTION)
    market.put(3, Action.TRADE, price=101, size=1)
    market.put(4, Action.STATUS, phase=Phase.HALTED)
    market.put(5, Action.TRADE, side=ASK, price=101, size=1)
    found = watched(market, tmp_path / "a.parquet")
    assert total_reached(found) == {}
    assert found.unsigned_trades == 1
    assert [each.open_ns for each in found.slices] == [[lob.SECOND, 0]] * 3


def test_moves_are_those_between_looks_and_none_spans_a_halt(tmp_path):
    market = LevelRows()
    market.best(0.0, None, (99, 101))  # a look at 0 and 1: the mid is 100
    market.best(1.2, (99, 101), (105, 107))
    market.best(1.7, (105, 107), (99, 102))  # at 2: 100.5, half a tick away; at 3 and 4 the same
    market.put(4.5, Action.STATUS, phase=Phase.HALTED)
    market.put(9.5, Action.STATUS, phase=Phase.CONTINUOUS)
    market.best(9.6, (99, 102), (199, 201))  # at 10: 200, no move
    market.best(10.5, (199, 201), (201, 203))  # at 11: 202
    market.best(11.5, (201, 203), (201, 203))
    found = watched(market, tmp_path / "a.parquet")
    assert sum(each.moves for each in found.slices) == 3 + 1
    assert sum(each.squares for each in found.slices) == 1 + 16


def test_a_look_sees_what_happens_at_its_nanosecond(tmp_path):
    market = LevelRows()
    market.best(0, None, (99, 101))
    market.best(1, (99, 101), (100, 102))
    market.best(2, (100, 102), (101, 103))
    market.best(3, (101, 103), (199, 201))  # the data end here: no look at what stood for no time
    found = watched(market, tmp_path / "a.parquet")
    assert [(each.moves, each.squares) for each in found.slices] == [(0, 0), (1, 4), (1, 4)]


@pytest.mark.parametrize(("best", "flags"), [((101, 101), 0), ((102, 101), 0), ((100, 102), Flag.SUSPECT)])
def test_a_crossed_or_suspect_book_has_no_mid(tmp_path, best, flags):
    market = LevelRows()
    market.best(0, None, (99, 101))
    market.best(1, (99, 101), best)
    market.rows[-1] = (*market.rows[-1][:5], Flag.LAST | flags, 0)
    market.put(2, Action.TRADE, side=ASK, price=103, size=1, flags=Flag.LAST | flags)
    market.best(3, best, (99, 101))
    market.best(4, (99, 101), (99, 101))
    found = watched(market, tmp_path / "a.parquet")
    assert total_reached(found) == {}
    assert sum(sum(each.open_ns) for each in found.slices) == 2 * lob.SECOND


def test_the_fit_begins_at_half_the_median_spread_in_time(tmp_path):
    market = LevelRows()
    market.best(0, None, (90, 110))
    market.best(1, (90, 110), (98, 101))
    market.best(40, (98, 101), (95, 105))
    for i in range(40):
        for price in range(105, 106 + i % 3):
            market.put(41 + i, Action.TRADE, side=ASK, price=price, size=1)
    market.best(90, (95, 105), (98, 102))
    market.best(91, (98, 102), (98, 101))
    found = calibrate(market.write(tmp_path / "a.parquet"))
    assert (found.from_ticks, found.seconds) == (5.0, 91.0)
    rates = {each.distance_ticks: (each.orders, each.rate) for each in found.distances}
    assert rates[5.0] == (40, 40 / 91 / 2)
    assert rates[6.0] == (26, 26 / 91 / 2)


def test_orders_of_an_l3_book_reach_as_those_of_levels_do(tmp_path):
    path = tmp_path / "a.parquet"
    rows = [
        (0, Action.ADD, 1, 1, 99, 5, 0),
        (0, Action.ADD, -1, 2, 101, 5, 0),
        (0, Action.ADD, -1, 3, 104, 5, 1),
        (1, Action.EXECUTE, -1, 2, 101, 5, 0),
        (1, Action.EXECUTE, -1, 3, 104, 1, 1),
        (2, Action.EXECUTE, 1, 1, 99, 2, 1),
        (3, Action.CANCEL, 1, 7, 99, 1, 1),
    ]
    names = ("ts_exchange_ns", "action", "side", "order_id", "price_ticks", "size_lots", "flags")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns["ts_exchange_ns"] = [T0 + second * lob.SECOND for second in columns["ts_exchange_ns"]]
    write_events(path, columns, level=3, symbol="KNOWN", tick_size="0.01", lot_size="1")
    found = watch(open_market([path], require_local=False), lob.SECOND)
    assert total_reached(found) == {8: 1, 5: 1}
    assert found.skipped == {"unknown_order": 1}


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["calibrate", *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return stop.value.code, out, err


def test_the_command_prints_what_the_strategies_take(tmp_path, capsys):
    path = known_market(tmp_path / "a.parquet", rate=3.0, decay=0.8, sigma=0.7, seconds=1_000)
    code, out, err = call(capsys, path)
    assert (code, err) == (0, "")
    found = calibrate(path)
    assert out.splitlines()[-1] == (
        f"-p volatility={found.volatility.value:.4g} -p fill_rate={found.fill_rate.value:.4g} "
        f"-p fill_decay={found.fill_decay.value:.4g}"
    )
    code, out, _ = call(capsys, path, "--json", "--interval", "500ms", "--from", "1")
    told = json.loads(out)
    assert code == 0
    assert (told["symbol"], told["interval_ns"], told["from_ticks"]) == ("KNOWN", 500 * lob.MS, 1.0)
    assert told["fill_decay"].keys() == {"value", "standard_error"}
    assert told["distances"][0].keys() == {"distance_ticks", "orders", "rate", "fitted"}


def test_the_command_notes_that_flow_is_not_exponential(tmp_path, capsys):
    market = LevelRows()
    market.best(0, None, (99, 101))
    for i in range(400):
        for price in range(101, 102 if i % 4 else 131):
            market.put(1 + i, Action.TRADE, side=ASK, price=price, size=1)
    code, _, err = call(capsys, market.write(tmp_path / "a.parquet"))
    assert code == 0
    assert "note: observed and fitted rates differ by a factor of up to" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--interval", "soon"], 2, "--interval: 'soon' is not a duration"),
        (["--interval", "0s"], 2, "interval: 0 ns; expected more than 0"),
        (["--from", "0.3"], 2, "from: 0.3 ticks; expected a distance from the mid in half-ticks"),
        (["--from", "nan"], 2, "from: nan ticks"),
        (["--to", "0.5"], 2, "to: 0.5 ticks; expected at least a tick more than from"),
        (["--from", "40"], 3, "market orders reached 40.0 ticks from the mid"),
        (["--interval", "1h"], 3, "no two samples of it 1h apart"),
    ],
)
def test_what_cannot_be_estimated_is_one_message(tmp_path, capsys, arguments, code, message):
    path = known_market(tmp_path / "a.parquet", rate=3.0, decay=0.8, sigma=0.7, seconds=60)
    found, out, err = call(capsys, path, *arguments)
    assert (found, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_file_without_a_mid_says_so(tmp_path):
    market = LevelRows()
    market.put(0, Action.LEVEL, side=BID, price=99, size=1)
    market.put(5, Action.LEVEL, side=BID, price=98, size=1)
    with pytest.raises(lob.DataError, match="never a mid"):
        calibrate(market.write(tmp_path / "a.parquet"))


def test_a_file_too_short_for_errors_still_has_estimates(tmp_path):
    found = calibrate(known_market(tmp_path / "a.parquet", rate=30.0, decay=0.8, sigma=0.7, seconds=6))
    assert found.volatility.standard_error is None
    assert found.fill_decay.value > 0


def test_a_real_day_decays_with_distance(tmp_path, shared_data):
    with zipfile.ZipFile(shared_data / "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_1.zip") as archive:
        archive.extractall(tmp_path)
    messages, book = (next(tmp_path.glob(f"AMZN*_{what}_1.csv")) for what in ("message", "orderbook"))
    lob.convert("lobster", [messages], tmp_path / "day.parquet", orderbook=[book])
    found = calibrate(tmp_path / "day.parquet")
    rates = [each.rate for each in found.distances]
    assert rates == sorted(rates, reverse=True)
    assert found.seconds == pytest.approx(6.5 * 3600, rel=1e-3)
    assert found.fill_decay.value > 5 * found.fill_decay.standard_error > 0
    # Beyond half the spread the fit is within a fifth of what was observed, where more than 200 orders reached.
    checked = [each for each in found.distances if each.distance_ticks >= found.from_ticks and each.orders > 200]
    assert len(checked) > 5
    for each in checked:
        assert each.fitted == pytest.approx(each.rate, rel=0.2)
