"""Seeded participants who trade with each other on a `MatchingEngine`: the source of synthetic market data.

The instrument has a hidden value. Makers share an estimate of it, the consensus, which moves with every trade and
otherwise approaches the value slowly. There are four kinds of participant:

* makers place and move passive orders a little away from the consensus, wider when the value moves fast, and cancel
  when the consensus is well through their price; some quotes flicker, placed and cancelled within milliseconds;
* followers place passive orders at or just inside the best price, whatever the consensus is;
* noise takers work orders of very different lengths piece by piece, so that the sides of trades have long runs
  (Lillo, Mike and Farmer, "Theory for long memory in supply and demand", Physical Review E 71, 2005); their
  price impact fades;
* informed takers know the value, and take the best price if it is wrong by more than their costs: the source of
  adverse selection, and of the information in trades (Glosten and Milgrom, "Bid, ask and transaction prices in a
  specialist market with heterogeneously informed traders", Journal of Financial Economics 14, 1985).

They act in bursts (`lob_backtest.synthetic.arrivals`). The value moves in steps per event, of a size that changes
by regimes, so that volatility clusters with the pace and beyond it; each step triggers a burst. Distances
from the best price and sizes have power-law tails (Bouchaud, Mézard and Potters, "Statistical properties of stock order
books: empirical results and models", Quantitative Finance 2, 2002).

Assumptions, and known bias: one venue, no auctions, no halts, no night; participants use only the
best prices and trades of the book; makers do not know their own inventory. `docs/stylised-facts.md` measures where it
differs from real days.

Everything is integers, drawn by `random.Random.getrandbits` (Mersenne Twister): a seed gives the same market on every
machine.
"""

from __future__ import annotations

import random
from enum import IntEnum
from itertools import islice
from typing import Final

from lob_backtest.synthetic.arrivals import QUANTILES, SWITCHES, UNIT, Arrivals, Origin, spread_out, switched
from lob_backtest.synthetic.exchange import MatchingEngine, Trade
from lob_backtest.synthetic.tape import Tape

# Prices between ticks are counted in 1/1024 (`UNIT`) of a tick.
START_TICKS: Final = 10_000
FLOOR_TICKS: Final = 2_000  # reflecting lower bound of the value: prices stay positive however long the market runs

# Packets of each kind among 65,536, by the origin of the event; adds are the rest. Cancels are proportional to the
# number of live orders, so that each has the same lifetime; at TARGET_ORDERS they balance the adds.
INFORMED: Final = {Origin.FRESH: 900, Origin.AFTER_QUOTE: 220, Origin.AFTER_TRADE: 1100, Origin.AFTER_NEWS: 15000}
NOISE: Final = {Origin.FRESH: 1900, Origin.AFTER_QUOTE: 150, Origin.AFTER_TRADE: 5_000, Origin.AFTER_NEWS: 0}
MODIFY: Final = 2_600
CANCEL_AT_TARGET: Final = 29_500
TARGET_ORDERS: Final = 85

# The value: one event in 32 moves it by up to VALUE_STEP at mean volatility, one in 4,096 by up to JUMP times as much.
# One in 1,024 flips a switch of the volatility.
VALUE_STEP: Final = 1_400
JUMP: Final = 3
LEARNING_BITS: Final = (6, 6, 4, 2)  # by origin: share of its distance to the value that the consensus moves, 2^-k
LEAN: Final = 220  # and by this in the direction of a trade
EDGE: Final = 250  # the informed take prices that are wrong by more than this
STALE: Final = -450  # makers cancel when the consensus is nearer to their price than this, which is well through it
HALF_SPREAD: Final = 1_400  # makers' distance from the consensus, and how much volatility adds to it
HALF_SPREAD_BY_VOLATILITY: Final = 1_000

FAR: Final = 6  # of 256 orders of makers are far away: FLOOR_TICKS leaves room for the farthest
METAORDERS: Final = 4

# 256 entries each. A size of 0 is drawn again from the tail.
SIZES: Final = spread_out(
    {0: 6, 1: 40, 2: 24, 3: 14, 4: 8, 5: 40, 10: 60, 15: 12, 20: 24, 25: 8, 30: 6, 50: 10, 100: 4}
)
DISTANCES: Final = spread_out(
    {
        -1: 20,
        0: 42,
        1: 40,
        2: 34,
        3: 28,
        4: 22,
        5: 17,
        6: 13,
        7: 10,
        8: 7,
        9: 6,
        10: 4,
        11: 3,
        12: 3,
        13: 3,
        14: 2,
        16: 2,
    }
)


class Taker(IntEnum):
    """The aggressor of a packet that trades."""

    NONE = 0
    NOISE = 1
    INFORMED = 2


class OrderFlow:
    """The participants, and the exchange on which they trade.

    Args:
        seed: of all random choices.
        start_ns: the exchange time of the opening, nanoseconds since the epoch.
        tape: records the packets.

    Attributes:
        exchange: the exchange; its book is what a replay of the packets must rebuild.
        arrivals: the clock.
        now_ns: the exchange time of the last packet.
        local_ns: its arrival at a client.
        value: the hidden value of the instrument in 1/1024 tick.
        consensus: the makers' estimate of the value, in 1/1024 tick.
        volatility: the size of the value's steps, in 1/1024 of its mean.
        taker: the aggressor of the last packet.
    """

    def __init__(self, seed: int, start_ns: int, tape: Tape) -> None:
        self.exchange = MatchingEngine()
        self._bits = random.Random(seed).getrandbits
        self.arrivals = Arrivals(self._bits, start_ns)
        self.now_ns = start_ns
        self.local_ns = start_ns
        self.value = self.consensus = START_TICKS * UNIT
        self._regime = self._bits(SWITCHES)
        self.volatility = switched(self._regime)
        self.taker = Taker.NONE
        self._tape = tape
        self._last_id = 0
        self._count = {1: 0, -1: 0}
        # Ids to draw from; filled orders are dropped when they are drawn.
        self._ids: list[int] = []
        self._metaorders = [(1, 0)] * METAORDERS
        self._metaorder = 0  # index of the one that traded last

    def open_book(self) -> None:
        """Fill the book with resting orders: the opening snapshot, one packet of adds."""
        self._begin(snapshot=True)
        while self._count[1] + self._count[-1] < TARGET_ORDERS:
            self._add()
        self._tape.end(self.exchange)

    def step(self) -> None:
        """Perform the action of one participant: one packet."""
        origin = self.arrivals.advance()
        self.now_ns = self.arrivals.now_ns
        self._move_value()
        self._begin()
        self.taker = Taker.NONE
        draw = self._bits(16)
        informed, noise = INFORMED[origin], NOISE[origin]
        if draw < informed:
            self._take_informed()
        elif draw < informed + noise:
            self._take_noise(again=origin is Origin.AFTER_TRADE)
        else:
            self._quote((draw - informed - noise << 16) // (65_536 - informed - noise))
        self._tape.end(self.exchange)
        self.consensus += (self.value - self.consensus) >> LEARNING_BITS[origin]
        self.arrivals.excite(Origin.AFTER_QUOTE if self.taker is Taker.NONE else Origin.AFTER_TRADE)

    def _quote(self, draw: int) -> None:
        """Modify, cancel or add an order, by a draw of 0 to 65,535."""
        orders = self._count[1] + self._count[-1]
        if draw < MODIFY:
            self._modify()
        elif draw < MODIFY + CANCEL_AT_TARGET * orders // TARGET_ORDERS:
            self._cancel()
        else:
            self._add()

    def _move_value(self) -> None:
        """Move the value, change its regime, and schedule the reactions."""
        draw = self._bits(32)
        if draw & 31 == 0:
            step = ((draw >> 6 & 1023) * VALUE_STEP >> 10) * self.volatility >> 10
            if draw >> 16 & 127 == 0:
                step *= JUMP
            self.value += step if draw & 32 else -step
            self.value = max(self.value, 2 * FLOOR_TICKS * UNIT - self.value)
            if draw >> 23 & 31 == 0:
                k = (draw >> 28 & 15) % SWITCHES
                self._regime ^= 1 << k
                self.volatility = switched(self._regime)
            self.arrivals.excite(Origin.AFTER_NEWS)

    def _begin(self, *, snapshot: bool = False) -> None:
        """Start the next packet, with a jittered feed latency that keeps the order of packets."""
        draw = self._bits(20)
        late_ns = 150_000 + (QUANTILES[draw & 1023] * 40_000 >> 20)
        if draw >> 10 == 0:
            late_ns += 2_000_000
        self.local_ns = max(self.local_ns, self.now_ns + late_ns)
        self._tape.begin(self.now_ns, self.local_ns, snapshot=snapshot)

    def _add(self) -> None:
        """Place a passive order, on the side that has fewer."""
        bits = self._bits
        total = self._count[1] + self._count[-1]
        side = 1 if bits(16) * total < self._count[-1] << 16 or total == 0 else -1
        self._last_id += 1
        self._rest(self._last_id, side, self._maker_price(side), self._size())

    def _rest(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        self.exchange.submit(order_id, side, price_ticks, size_lots, post_only=True)
        self._list(order_id, side)
        self._tape.add(order_id, side, price_ticks, size_lots)

    def _list(self, order_id: int, side: int) -> None:
        self._count[side] += 1
        self._ids.append(order_id)

    def _size(self) -> int:
        """Draw an order's size in lots."""
        return SIZES[self._bits(8)] or 30 * self._tail()

    def _tail(self) -> int:
        """Draw from a power law: 2^k or more with probability 0.41^k, which is a tail exponent of 1.3, below 2^13."""
        k = 0
        while k < 12 and self._bits(8) < 104:
            k += 1
        return (1 << k) + (self._bits(12) << k >> 12)

    def _maker_price(self, side: int) -> int:
        """Return a price that does not take: a maker's, or one time in five a follower's."""
        draw = self._bits(24)
        best = self.exchange.best
        own, opposite = best if side > 0 else best[::-1]
        room = 1
        if draw & 255 < 50 and own is not None:
            wide = opposite is not None and side * (opposite - own) > 2
            # In a wide spread the price is improved.
            price_ticks = own + side * ((draw >> 8 & 7) < (6 if wide else 2))
        else:
            half = HALF_SPREAD + (HALF_SPREAD_BY_VOLATILITY * self.volatility >> 10)
            # A bid is rounded down, an ask up: `//` rounds down, and side flips it.
            price_ticks = side * ((side * self.consensus - half) // UNIT) - side * DISTANCES[draw >> 8 & 255]
            if draw >> 16 < FAR:
                price_ticks -= side * min(8 * self._tail(), FLOOR_TICKS // 2)
            # A maker's price that would cross mostly keeps a tick away, so that the spread does not close.
            room = 2 if draw & 5 else 1
        if opposite is not None:
            price_ticks = side * min(side * price_ticks, side * opposite - room)
        return price_ticks

    def _cancel(self) -> None:
        """Cancel an order or half of it: a stale one, one just placed, or any, seldom the last at a best price."""
        draw = self._bits(14)
        order_id = self._stale_order(draw >> 8) if draw & 1 else None
        if order_id is None:
            order_id = self._last_id - (draw >> 1 & 7)
            if draw & 32 or order_id not in self.exchange:
                order_id = self._draw_order()
            if draw & 448 and self._alone(order_id):
                order_id = self._draw_order()
        order = self.exchange.order(order_id)
        if draw >> 8 < 3 and order.open_lots > 1:
            size_lots = order.open_lots >> 1
            self.exchange.replace(order_id, size_lots=order.size_lots - size_lots)
        else:
            size_lots = self.exchange.cancel(order_id)
            self._count[order.side] -= 1
        self._tape.cancel(order_id, order.side, order.price_ticks, size_lots)

    def _stale_order(self, draw: int) -> int | None:
        """Return an order at a best price beyond the consensus, most likely one of the youngest; `None` if none is."""
        bid, ask = self.exchange.best
        if ask is not None and ask * UNIT < self.consensus + STALE:
            side = -1
        elif bid is not None and bid * UNIT > self.consensus - STALE:
            side = 1
        else:
            return None
        orders = self.exchange.depth(1)[side < 0][0][2]
        # The square of a uniform draw: most are near 0, the back of the queue.
        behind = orders * (draw & 63) * (draw & 63) >> 12
        return next(islice(self.exchange.resting(side), orders - 1 - behind, None)).order_id

    def _draw_order(self) -> int:
        """Draw two live orders and return the nearer to the consensus or the younger: both live shorter."""
        first, second = self._draw_live(), self._draw_live()
        if self._bits(2) == 0:
            return max(first, second)
        away_first, away_second = (
            abs(self.exchange.order(i).price_ticks * UNIT - self.consensus) for i in (first, second)
        )
        if away_first == away_second:
            return max(first, second)
        return first if away_first < away_second else second

    def _alone(self, order_id: int) -> bool:
        """Return whether an order is the only one at a best price."""
        order = self.exchange.order(order_id)
        return order.price_ticks in self.exchange.best and order.open_lots == self.exchange.size_at(
            order.side, order.price_ticks
        )

    def _draw_live(self) -> int:
        ids = self._ids
        while True:
            i = self._bits(32) * len(ids) >> 32
            order_id = ids[i]
            if order_id in self.exchange:
                return order_id
            ids[i] = ids[-1]
            ids.pop()

    def _modify(self) -> None:
        """Change an order's size at its price, or move it to its maker's current quote."""
        draw = self._bits(4)
        order = self.exchange.order(self._draw_order())
        price_ticks, open_lots = order.price_ticks, order.open_lots
        if draw < 4:
            open_lots += SIZES[self._bits(8)]
        elif draw < 8 and open_lots > 1:
            open_lots -= open_lots >> 1
        elif not self._alone(order.order_id):
            price_ticks = self._maker_price(order.side)
        if (price_ticks, open_lots) == (order.price_ticks, order.open_lots):
            open_lots += 1
        self.exchange.replace(
            order.order_id, price_ticks=price_ticks, size_lots=order.size_lots - order.open_lots + open_lots
        )
        self._tape.modify(order.order_id, order.side, order.price_ticks, price_ticks, open_lots)

    def _take_informed(self) -> None:
        """Take all or part of a best price that the value has passed."""
        bid, ask = self.exchange.best
        if ask is not None and self.value > ask * UNIT + EDGE:
            side, price_ticks = 1, ask
        elif bid is not None and self.value < bid * UNIT - EDGE:
            side, price_ticks = -1, bid
        else:
            self._quote(self._bits(16))
            return
        self.taker = Taker.INFORMED
        size_lots = self._size()
        if self._bits(1):
            size_lots = max(size_lots, self.exchange.size_at(-side, price_ticks))
        self._take(side, price_ticks, size_lots)

    def _take_noise(self, *, again: bool) -> None:
        """Trade the next piece of one of the parent orders; a finished one is replaced by a new one."""
        draw = self._bits(32)
        slot = self._metaorder if again and draw & 768 else (draw & 255) * METAORDERS >> 8
        self._metaorder = slot
        side, left = self._metaorders[slot]
        if left == 0:
            side = 1 if draw & 256 else -1
            # A length of 2^k with probability 2^-k, k = 1 … 8: a power law.
            length_bits = draw >> 9 & 255 | 128
            left = 2 * (length_bits & -length_bits)
        self._metaorders[slot] = (side, left - 1)
        bid, ask = self.exchange.best
        if bid is None or ask is None:
            self._add()
            return
        self.taker = Taker.NOISE
        size_lots = SIZES[draw >> 17 & 255] or 50
        best = ask if side > 0 else bid
        kind = draw >> 25  # of 128
        if kind < 48 and ask - bid >= 2:
            # A trade with a hidden order inside the spread.
            self._tape.hidden(-side, best - side, size_lots)
            self._lean(side)
        elif kind < 60:
            self._take(side, best + 3 * side, 4 * size_lots)
        elif kind < 108:
            self._take(side, best, self.exchange.size_at(-side, best))
        elif kind < 112:
            self._sweep_and_rest(side, best, size_lots)
        else:
            self._take(side, best, min(size_lots, self.exchange.size_at(-side, best)))

    def _take(self, side: int, price_ticks: int, size_lots: int) -> None:
        self._last_id += 1
        self._record(-side, self.exchange.submit(self._last_id, side, price_ticks, size_lots, tif="IOC"))

    def _sweep_and_rest(self, side: int, price_ticks: int, size_lots: int) -> None:
        """Buy or sell the whole best level, and rest there for more."""
        size_lots += self.exchange.size_at(-side, price_ticks)
        self._last_id += 1
        trades = self.exchange.submit(self._last_id, side, price_ticks, size_lots)
        self._record(-side, trades)
        open_lots = size_lots - sum(trade.size_lots for trade in trades)
        self._list(self._last_id, side)
        self._tape.add(self._last_id, side, price_ticks, open_lots)

    def _record(self, side: int, trades: list[Trade]) -> None:
        for trade in trades:
            self._tape.execute(trade.maker_id, side, trade.price_ticks, trade.size_lots)
            if trade.maker_id not in self.exchange:
                self._count[side] -= 1
        self._lean(-side)

    def _lean(self, side: int) -> None:
        self.consensus += side * LEAN
