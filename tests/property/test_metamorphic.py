"""Metamorphic laws: change the input in a way whose effect is known, and see that effect and no other."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from random_market import Row, market_l2, market_l3, play
from scenario import BASE

import lob_backtest as lob

MARKETS = {3: market_l3, 2: market_l2}
ROWS = 400
SEEDS = range(4)
PRICES = ("price_ticks", "bid_ticks_before", "ask_ticks_before", "mid2_before", "mid2_after_5ns", "mid2_after_50ns")


class Scripted(lob.Strategy):
    """Quotes around prices that the test gives it, by a fixed timetable; `flip` and `scale` are its own symmetry."""

    shift: int = 0
    flip: int = 1
    scale: int = 1
    name: str = "X0"

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(11)
        self._n = 0

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        ctx = ctx.market(self.name)
        self._n += 1
        side = self.flip * (1 if self._n % 2 else -1)
        mid = self.flip * 1000 + self.shift
        send = ctx.buy if side > 0 else ctx.sell
        size = self.scale * (1 + self._n % 5)
        if self._n % 7 == 0:
            send(mid + 4 * side, size, tif="IOC")
        elif self._n % 5 == 0:
            ctx.cancel_all()
        else:
            send(mid - side * (self._n % 4), size)


def fills_of(rows: list[Row], level: int, strategy: lob.Strategy, start_ns: int = BASE) -> list[dict[str, int]]:
    tables, _ = play("reference", [rows], strategy, level=level, options={"max_position": None}, start_ns=start_ns)  # type: ignore[arg-type]
    return _plain(tables["fills"])


def _plain(table: pa.Table) -> list[dict[str, int]]:
    return [{name: row[name] for name in row if name != "fee_micro"} for row in table.to_pylist()]


def changed(fills: list[dict[str, int]], names: tuple[str, ...], how: Callable[[int], int]) -> list[dict[str, int]]:
    return [{k: how(v) if k in names and v is not None else v for k, v in fill.items()} for fill in fills]


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("seed", SEEDS)
class TestLaws:
    """Each law, on each level, for some seeds."""

    def test_shifted_prices_give_the_same_fills_at_shifted_prices(self, level: int, seed: int) -> None:
        rows = MARKETS[level](seed, ROWS)
        shifted = [(*r[:4], r[4] + 77 if r[4] else 0, *r[5:]) for r in rows]
        expected = fills_of(rows, level, Scripted())
        actual = fills_of(shifted, level, Scripted(shift=77))
        assert _shift_mids(expected, 154, 77) == actual
        assert expected

    def test_shifted_times_give_the_same_fills_at_shifted_times(self, level: int, seed: int) -> None:
        rows = MARKETS[level](seed, ROWS)
        expected = fills_of(rows, level, Scripted())
        later = [(r[0] + 12345, *r[1:]) for r in rows]
        actual = fills_of(later, level, Scripted(), start_ns=BASE + 12345)
        times = ("ts_exchange_ns", "ts_local_ns", "ts_arrival_ns")
        assert changed(expected, times, lambda t: t + 12345) == actual

    def test_flipped_sides_give_mirrored_fills(self, level: int, seed: int) -> None:
        rows = MARKETS[level](seed, ROWS)
        flipped = [(*r[:2], -r[2], r[3], -r[4], *r[5:]) for r in rows]
        expected = fills_of(rows, level, Scripted())
        actual = fills_of(flipped, level, Scripted(flip=-1))
        mirrored = changed(expected, (*PRICES, "side"), lambda v: -v)
        for fill in mirrored:
            fill["bid_ticks_before"], fill["ask_ticks_before"] = fill["ask_ticks_before"], fill["bid_ticks_before"]
        assert mirrored == actual

    def test_scaled_sizes_give_scaled_fills(self, level: int, seed: int) -> None:
        rows = MARKETS[level](seed, ROWS)
        expected = fills_of(rows, level, Scripted())
        actual = fills_of([(*r[:5], r[5] * 1024, *r[6:]) for r in rows], level, Scripted(scale=1024))
        sizes = ("size_lots",)
        if level == 3:
            assert changed(expected, (*sizes, "queue_ahead_at_arrival_lots"), lambda s: s * 1024) == actual
        else:
            # Between whole lots L2 positions are estimates of 2⁻²⁰ lot, so that scaled fills may split lots.
            assert abs(sum(f["size_lots"] for f in actual) / 1024 - sum(f["size_lots"] for f in expected)) <= len(
                actual
            )

    def test_renamed_order_ids_change_nothing(self, level: int, seed: int) -> None:
        rows = MARKETS[level](seed, ROWS)
        renamed = [(*r[:3], (r[3] * 2654435761) % 2**63 if r[3] else 0, *r[4:]) for r in rows]
        assert fills_of(rows, level, Scripted()) == fills_of(renamed, level, Scripted())

    def test_another_instrument_that_nobody_trades_changes_nothing(self, level: int, seed: int) -> None:
        rows, other = MARKETS[level](seed, ROWS), MARKETS[level](seed + 100, ROWS // 2)
        end = max(r[0] for r in rows)
        other = [r for r in other if r[0] <= end]
        alone = fills_of(rows, level, Scripted())
        tables, _ = play(
            "reference", [rows, other], Scripted(), level=level, options={"max_position": None}, start_ns=BASE
        )
        assert _plain(tables["fills"]) == alone
        tables, _ = play(
            "reference", [other, rows], Scripted(name="X1"), level=level, options={"max_position": None}, start_ns=BASE
        )
        assert changed(_plain(tables["fills"]), ("instrument",), lambda _: 0) == alone


def _shift_mids(fills: list[dict[str, int]], mids: int, prices: int) -> list[dict[str, int]]:
    return changed(changed(fills, PRICES[:3], lambda p: p + prices), PRICES[3:], lambda m: m + mids)
