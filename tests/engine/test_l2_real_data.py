"""On real L2 data fills stay within what the market did: shown from the result and the vendor's messages alone."""

from __future__ import annotations

import random

import pytest
from l2_audit import QUEUE, TAKE, THROUGH, Audit, limits_of, read_events

import lob_backtest as lob
from lob_backtest.strategies.imbalance import Imbalance
from lob_backtest.strategies.inventory_skew import InventorySkew
from lob_backtest.vendors.convert import convert

pytestmark = pytest.mark.slow

RECORDINGS = {
    "futures": (["usdm_btcusdt_20240718.gz", "usdm_btcusdt_20240719.gz"], (1, 3)),
    "spot": (["spot_btcusdt_20240808.gz"], (2, 6)),
}
SCALE = {"futures": 1, "spot": 500}  # the lots of the spot market are a thousandth
LATENCY = {"entry": "3ms", "response": "2ms"}


class Sweeper(lob.Strategy):
    """Takes and makes at random, often more than there is: every way to a fill, in a small place."""

    seed: int = 1
    scale: int = 1  # of sizes

    def on_start(self, ctx: lob.Context) -> None:
        self._rng = random.Random(self.seed)
        ctx.every(37 * lob.MS)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        rng = self._rng
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is None or ask is None or bid >= ask:
            return
        for order in list(ctx.orders):
            if rng.random() < 0.2:
                ctx.cancel(order.order_id)
        side = rng.choice((1, -1)) if abs(ctx.position) < 50_000 * self.scale else -1 if ctx.position > 0 else 1
        send = ctx.buy if side > 0 else ctx.sell
        price = (ask if side > 0 else bid) + side * rng.choice((-30, -3, -1, -1, 0, 0, 1, 5, 40))
        size = rng.choice((1, 20, 300, 4_000, 15_000)) * self.scale
        tif = rng.choice(("GTC", "GTC", "IOC", "FOK"))
        for _ in range(rng.choice((1, 1, 2))):
            send(None if rng.random() < 0.1 else price, size, tif=tif)


@pytest.fixture(scope="module", params=RECORDINGS)
def market(request, shared_data, tmp_path_factory):
    """Convert a recording; return its name, the canonical file and the events as the audit reads them."""
    names, decimals = RECORDINGS[request.param]
    paths = [shared_data / "binance" / name for name in names]
    output = tmp_path_factory.mktemp(request.param) / "out.parquet"
    convert("binance", paths, output)
    return request.param, output, read_events(paths, *decimals)


def fills_of(path, strategy):
    """Run a strategy; check its account, and return its fills."""
    result = lob.run({"instrument": [{"data": [str(path)]}], "latency": LATENCY}, strategy)
    assert result.summary["residual_half_tick_lots"] == result.summary["residual_fees_micro"] == 0
    return result.table("fills").to_pylist()


@pytest.fixture(scope="module")
def swept(market):
    """The fills of a sweeper."""
    name, path, _ = market
    return fills_of(path, Sweeper(scale=SCALE[name]))


def test_makers_fill_no_more_than_prints_and_displayed_sizes_allow(market):
    name, path, events = market
    limits = {"size": 10 * SCALE[name], "limit": 200 * SCALE[name]}
    for strategy in (InventorySkew(**limits), Imbalance(**limits)):
        audit = Audit(fills_of(path, strategy), limits_of(path)).run(events)
        assert audit.faults == []
        assert audit.counts["queue"] + audit.counts["through"] > 100
        assert audit.counts["filled a whole print"] > 50


def test_takers_never_take_more_than_is_available(market, swept):
    _, path, events = market
    audit = Audit(swept, limits_of(path)).run(events)
    assert audit.faults == []
    assert min(audit.counts[cause] for cause in ("queue", "through", "cross")) > 10
    assert audit.counts["take"] > 5_000
    assert audit.counts["took all of a level"] > 1_000


@pytest.mark.parametrize("cause", [QUEUE, THROUGH, TAKE])
def test_audit_finds_one_lot_too_many(market, swept, cause):
    """The audit itself: where a fill used up all there was, one lot more is a fault."""
    _, path, events = market
    limits = limits_of(path)
    full = [i for i in Audit(swept, limits).run(events).full if swept[i]["cause"] == cause]
    assert full
    for i in full[:5]:
        more = swept[i] | {"size_lots": swept[i]["size_lots"] + 1}
        faults = Audit([*swept[:i], more], limits).run(events).faults
        # (Another print of the same millisecond may well be large enough for it.)
        if faults:
            assert [fault["fill_id"] for fault in faults] == [more["fill_id"]]
            return
    pytest.fail(f"none of {len(full[:5])} was found")


def test_audit_finds_an_order_that_joined_too_far_ahead(market, swept):
    _, path, events = market
    i = next(i for i, fill in enumerate(swept) if fill["cause"] == QUEUE and fill["ts_arrival_ns"] > events[0][0])
    ahead = swept[i]["queue_ahead_at_arrival_lots"] - 1
    wrong = swept[i] | {"queue_ahead_at_arrival_lots": ahead}
    faults = Audit([*swept[:i], wrong], limits_of(path)).run(events).faults
    assert [fault["ahead"] for fault in faults] == [ahead]
