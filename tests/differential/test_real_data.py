"""The kernel and the reference engine give one digest on the bundled sample and on real files of every vendor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.engine import ENGINES
from lob_backtest.vendors.convert import convert

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample-l3.parquet"
pytestmark = pytest.mark.skipif("kernel" not in ENGINES, reason="the kernel is not built")


class Maker(lob.Strategy):
    """Quotes the touch, listens to everything and takes now and then."""

    listens: bool = False

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(50 * lob.MS)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        bid, ask = ctx.book.bid_ticks, ctx.book.ask_ticks
        if bid is not None and ask is not None:
            lean = -1 if ctx.position > 100 else 1 if ctx.position < -100 else 0
            ctx.quote(bid=(bid + min(lean, 0), 10), ask=[(ask + max(lean, 0), 10), (ask + 2, 5)])
        if ctx.rng.random() < 0.01:
            ctx.sell(None, 3) if ctx.position > 0 else ctx.buy(ask, 3, tif="IOC")


class Listener(Maker):
    """The same, called for every change of the best prices and every print."""

    def on_book(self, ctx: lob.Context) -> None:
        if ctx.rng.random() < 0.02:
            self.on_timer(ctx, 0)

    def on_trade(self, ctx: lob.Context, trade: lob.Print) -> None:
        ctx.record("trade", trade.size_lots)


def digests_agree(data: Path, strategy: type[lob.Strategy], **config: Any) -> None:
    whole = {
        "run": {"at_end": "flatten"},
        "instrument": [{"data": [str(data)], "fees": {"maker_bps": -0.2, "taker_bps": 0.5}}],
        "latency": {"feed": "500us", "entry": "1ms", "response": "1ms"},
        "risk": {"max_position": 500},
        "data": {
            "policies": {
                "oversize": "skip",
                "duplicate_order": "skip",
                "local_before_exchange": "repair",
                "time_backwards": "repair",
            }
        },
        **config,
    }
    kernel, reference = (lob.run(whole, strategy, engine=engine) for engine in ("kernel", "reference"))
    assert kernel.table("orders").num_rows > 0
    assert kernel.digest == reference.digest
    assert kernel.table("series").equals(reference.table("series"))
    assert kernel.info.counts == reference.info.counts
    assert (kernel.info.start_ns, kernel.info.end_ns) == (reference.info.start_ns, reference.info.end_ns)


@pytest.mark.parametrize("strategy", [Maker, Listener])
def test_the_sample(strategy: type[lob.Strategy]) -> None:
    digests_agree(SAMPLE, strategy)


REAL = {
    "lobster-amzn-5": ("lobster", "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip", {}),
    "lobster-amzn-1": ("lobster", "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_1.zip", {}),
    "lobster-aapl-1": ("lobster", "lobster/LOBSTER_SampleFile_AAPL_2012-06-21_1.zip", {}),
    "databento-arl": ("databento", "databento/ARL_xnas-itch_2025-07-17.mbo.csv.gz", {}),
    "databento-esm4": ("databento", "databento/ESM4_glbx-mdp3_2024-05-08_2s.mbo.dbn.zst", {"tick_size": "0.25"}),
    "binance-futures": ("binance", "binance/usdm_btcusdt_20240719.gz", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("strategy", [Maker, Listener])
def test_real_files(name: str, strategy: type[lob.Strategy], shared_data: Path, tmp_path: Path) -> None:
    vendor, path, options = REAL[name]
    done = convert(vendor, shared_data / path, tmp_path / "day.parquet", **options)
    digests_agree(Path(done.output), strategy)
