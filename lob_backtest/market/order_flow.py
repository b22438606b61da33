"""Seeded participants who trade with each other on a `MatchingEngine`: where synthetic market data comes from.

Around a value that nobody displays there are four kinds of participant:

* makers place and move passive orders a little away from the value, wider when the market is busy, and run when the
  value comes close to their price;
* followers place passive orders at or just inside the best price, whatever the value is;
* noise takers work orders of very different lengths piece by piece, so that the sides of trades come in long runs
  (Lillo, Mike and Farmer, "Theory for long memory in supply and demand", Physical Review E 71, 2005);
* informed takers see the value, and take a stale price before its makers run: adverse selection.

The pace of the market is a product of switches that flip on time scales from a hundred events to a hundred thousand
(Calvet and Fisher, "How to forecast long-run volatility", Journal of Financial Econometrics 2, 2004). The value moves
in steps per event, so that volatility clusters in time with the pace.

Assumptions, and known bias: one venue, no auctions, no halts, no daily pattern, no news jumps; orders are small
beside their level; makers who run leave from the front of the queue, so that a queue moves faster before a price change
than a real one would; nobody learns from the book but through its best prices.

Everything is integers, drawn by `random.Random.getrandbits` (Mersenne Twister), and the one logarithm is taken in
`decimal`, which rounds correctly: a seed means the same market on every machine.
"""

from __future__ import annotations

import random
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

from lob_backtest.engine.matching import MatchingEngine, Trade
from lob_backtest.market.tape import Tape

UNIT: Final = 1024
"""Fractions of a tick, and of the mean pace, are counted in 1/1024."""

START_TICKS: Final = 10_000
FLOOR_TICKS: Final = 1_000  # the value bounces back from here: prices stay positive however long the market runs

# How many of 65,536 packets are of each kind. Cancels are in proportion to the number of live orders, as if each order
# had a life of its own: TARGET_ORDERS is where they balance the adds, which are all the rest.
INFORMED: Final = 2_400
NOISE: Final = 1_300
MODIFY: Final = 3_200
CANCEL_AT_TARGET: Final = 29_500
TARGET_ORDERS: Final = 360

# The value: one event in 16 moves it by up to VALUE_STEP, either way.
VALUE_STEP: Final = 800
EDGE: Final = 100  # the informed take prices that are wrong by more than this
STALE: Final = 100  # makers run when the value is nearer to their price than this
HALF_SPREAD: Final = 450  # makers' distance from the value, and how much the pace adds to it
HALF_SPREAD_BY_PACE: Final = 350

MEAN_GAP_NS: Final = 25_000_000  # at mean pace, between events that are not reactions
REACTION_GAP_NS: Final = 60_000  # to what has just traded or moved
SWITCHES: Final = 6
SWITCH_UP: Final = 1_380  # each switch multiplies the pace by 1.35 or 0.65, of mean 1
SWITCH_DOWN: Final = 668
METAORDERS: Final = 6


def _spread_out(shares: dict[int, int]) -> tuple[int, ...]:
    """Repeat each key by its share, so that a random index draws from the distribution."""
    return tuple(value for value, share in shares.items() for _ in range(share))


def _exponential_quantiles() -> tuple[int, ...]:
    """Return the quantiles 0/1024 … 1023/1024 and 2047/2048 of an exponential of mean 2²⁰, rounded."""
    with localcontext(Context(prec=20, rounding=ROUND_HALF_EVEN)):
        steps = [Decimal(2 * UNIT - 2 * i) / (2 * UNIT) for i in range(UNIT)] + [Decimal(1) / (2 * UNIT)]
        return tuple(int((-step.ln() * (1 << 20)).to_integral_value()) for step in steps)


# 256 entries each.
SIZES: Final = _spread_out({1: 40, 2: 24, 3: 14, 4: 8, 5: 40, 10: 60, 15: 12, 20: 24, 25: 8, 30: 6, 50: 12, 100: 8})
DISTANCES: Final = _spread_out(
    {
        0: 58,
        1: 44,
        2: 34,
        3: 26,
        4: 20,
        5: 16,
        6: 13,
        7: 10,
        8: 8,
        9: 6,
        10: 5,
        11: 4,
        12: 3,
        13: 3,
        14: 2,
        16: 2,
        20: 2,
    }
)
QUANTILES: Final = _exponential_quantiles()


class OrderFlow:
    """The participants, and the exchange they meet on.

    Args:
        seed: what the whole market follows from.
        start_ns: the exchange time of the opening, nanoseconds since the epoch.
        tape: what writes the packets down.

    Attributes:
        exchange: the exchange; its book is what a replay of the packets must rebuild.
        now_ns: the exchange time of the last packet.
        local_ns: when a client received it.
        value: the hidden value of the instrument in 1/1024 tick.
    """

    def __init__(self, seed: int, start_ns: int, tape: Tape) -> None:
        self.exchange = MatchingEngine()
        self.now_ns = start_ns
        self.local_ns = start_ns
        self.value = START_TICKS * UNIT
        self._bits = random.Random(seed).getrandbits
        self._tape = tape
        self._last_id = 0
        self._count = {1: 0, -1: 0}
        # Ids to draw from; those that were filled since are dropped when they are drawn.
        self._ids: list[int] = []
        self._switches = self._bits(SWITCHES)
        self._pace = _pace(self._switches)
        self._reacting = False
        self._metaorders = [(1, 0)] * METAORDERS

    def open_book(self) -> None:
        """Fill the book with resting orders: the opening snapshot, told as one packet of adds."""
        self._begin(0, snapshot=True)
        while self._count[1] + self._count[-1] < TARGET_ORDERS:
            self._add()
        self._tape.end(self.exchange)

    def step(self) -> None:
        """Let one participant act: one packet."""
        bits = self._bits
        self._advance()
        draw = bits(16)
        orders = self._count[1] + self._count[-1]
        if draw < INFORMED:
            self._take_informed()
        elif draw < INFORMED + NOISE:
            self._take_noise()
        elif draw < INFORMED + NOISE + MODIFY:
            self._modify()
        elif draw < INFORMED + NOISE + MODIFY + CANCEL_AT_TARGET * orders // TARGET_ORDERS:
            self._cancel()
        else:
            self._add()
        self._tape.end(self.exchange)

    def _advance(self) -> None:
        """Move pace, value and clock on to the next packet."""
        bits = self._bits
        draw = bits(24)
        if draw & 63 == 0:
            # Switch k is drawn afresh with probability 2^-(6 + 2k).
            for k in range(SWITCHES):
                if (draw >> 6) & ((1 << 2 * k) - 1) == 0:
                    self._switches = self._switches & ~(1 << k) | bits(1) << k
            self._pace = _pace(self._switches)
        draw = bits(16)
        if draw & 15 == 0:
            step = (draw >> 5) * VALUE_STEP >> 11
            self.value += step if draw & 16 else -step
            self.value = max(self.value, 2 * FLOOR_TICKS * UNIT - self.value)
        draw = bits(23)
        low = QUANTILES[draw >> 13]
        wait = low + ((QUANTILES[(draw >> 13) + 1] - low) * (draw >> 3 & 1023) >> 10)
        if self._reacting and draw & 7:
            gap_ns = REACTION_GAP_NS * wait >> 20
        else:
            gap_ns = (MEAN_GAP_NS * wait >> 20) * UNIT // self._pace
            self._reacting = False
        self._begin(1_000 + gap_ns)

    def _begin(self, gap_ns: int, *, snapshot: bool = False) -> None:
        """Start the next packet: the exchange's clock, and a feed that is late by a jitter but keeps its order."""
        draw = self._bits(20)
        late_ns = 150_000 + (QUANTILES[draw & 1023] * 40_000 >> 20)
        if draw >> 10 == 0:
            late_ns += 2_000_000
        self.now_ns += gap_ns
        self.local_ns = max(self.local_ns, self.now_ns + late_ns)
        self._tape.begin(self.now_ns, self.local_ns, snapshot=snapshot)

    def _add(self) -> None:
        """Place a passive order, on the side that has fewer."""
        bits = self._bits
        total = self._count[1] + self._count[-1]
        side = 1 if bits(16) * total < self._count[-1] << 16 or total == 0 else -1
        self._last_id += 1
        self._rest(self._last_id, side, self._maker_price(side), SIZES[bits(8)])

    def _rest(self, order_id: int, side: int, price_ticks: int, size_lots: int) -> None:
        self.exchange.submit(order_id, side, price_ticks, size_lots, post_only=True)
        self._list(order_id, side)
        self._tape.add(order_id, side, price_ticks, size_lots)

    def _list(self, order_id: int, side: int) -> None:
        self._count[side] += 1
        self._ids.append(order_id)

    def _maker_price(self, side: int) -> int:
        """Return a price that does not take: a maker's, or one time in four a follower's."""
        draw = self._bits(10)
        best = self.exchange.best
        own, opposite = best if side > 0 else best[::-1]
        if draw < 256 and own is not None:
            price_ticks = own + side * (draw & 1)
        else:
            half = HALF_SPREAD + (HALF_SPREAD_BY_PACE * self._pace >> 10)
            # A bid is rounded down, an ask up: `//` rounds down, and side flips it.
            price_ticks = side * ((side * self.value - half) // UNIT) - side * DISTANCES[draw & 255]
        if opposite is not None and side * price_ticks >= side * opposite:
            price_ticks = opposite - side
        return price_ticks

    def _cancel(self) -> None:
        """Take an order out, or half of it: a stale one, one just placed, or any."""
        draw = self._bits(12)
        order_id = self._stale_order() if draw & 3 else None
        if order_id is not None:
            self._reacting = True
        else:
            order_id = self._last_id - (draw >> 2 & 7)
            if draw & 32 or order_id not in self.exchange:
                order_id = self._draw_order()
        order = self.exchange.order(order_id)
        if draw >> 6 < 6 and order.open_lots > 1:
            size_lots = order.open_lots >> 1
            self.exchange.replace(order_id, size_lots=order.size_lots - size_lots)
        else:
            size_lots = self.exchange.cancel(order_id)
            self._count[order.side] -= 1
        self._tape.cancel(order_id, order.side, order.price_ticks, size_lots)

    def _stale_order(self) -> int | None:
        """Return the first order at a best price that the value has come close to."""
        bid, ask = self.exchange.best
        if ask is not None and ask * UNIT < self.value + STALE:
            return next(self.exchange.resting(-1)).order_id
        if bid is not None and bid * UNIT > self.value - STALE:
            return next(self.exchange.resting(1)).order_id
        return None

    def _draw_order(self) -> int:
        """Draw two live orders and return the one nearer to the value: orders near the market live shorter."""
        first, second = self._draw_live(), self._draw_live()
        away_first, away_second = (abs(self.exchange.order(i).price_ticks * UNIT - self.value) for i in (first, second))
        return first if away_first <= away_second else second

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
        """Change an order's size at its price, or move it to where its maker would quote now."""
        draw = self._bits(4)
        order = self.exchange.order(self._draw_order())
        price_ticks, open_lots = order.price_ticks, order.open_lots
        if draw < 4:
            open_lots += SIZES[self._bits(8)]
        elif draw < 8 and open_lots > 1:
            open_lots -= open_lots >> 1
        else:
            price_ticks = self._maker_price(order.side)
        if (price_ticks, open_lots) == (order.price_ticks, order.open_lots):
            open_lots += 1
        self.exchange.replace(
            order.order_id, price_ticks=price_ticks, size_lots=order.size_lots - order.open_lots + open_lots
        )
        self._tape.modify(order.order_id, order.side, order.price_ticks, price_ticks, open_lots)

    def _take_informed(self) -> None:
        """Take a best price that the value has left behind."""
        bid, ask = self.exchange.best
        if ask is not None and self.value > ask * UNIT + EDGE:
            self._take(1, ask, SIZES[self._bits(8)])
        elif bid is not None and self.value < bid * UNIT - EDGE:
            self._take(-1, bid, SIZES[self._bits(8)])
        else:
            self._add()

    def _take_noise(self) -> None:
        """Trade the next piece of one of the orders being worked; a finished one is followed by another."""
        draw = self._bits(32)
        slot = (draw & 255) * METAORDERS >> 8
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
        size_lots = SIZES[draw >> 17 & 255]
        best = ask if side > 0 else bid
        kind = draw >> 25
        if kind < 8 and ask - bid >= 2:
            # Someone had hidden an order inside the spread.
            self._tape.hidden(-side, best - side, size_lots)
        elif kind < 16:
            self._take(side, best + 3 * side, 4 * size_lots)
        elif kind < 24:
            self._sweep_and_rest(side, best, size_lots)
        else:
            self._take(side, best, min(size_lots, self.exchange.size_at(-side, best)))

    def _take(self, side: int, price_ticks: int, size_lots: int) -> None:
        self._last_id += 1
        self._tell(-side, self.exchange.submit(self._last_id, side, price_ticks, size_lots, tif="IOC"))

    def _sweep_and_rest(self, side: int, price_ticks: int, size_lots: int) -> None:
        """Buy or sell all there is at the best price, and rest there for more."""
        size_lots += self.exchange.size_at(-side, price_ticks)
        self._last_id += 1
        trades = self.exchange.submit(self._last_id, side, price_ticks, size_lots)
        self._tell(-side, trades)
        open_lots = size_lots - sum(trade.size_lots for trade in trades)
        self._list(self._last_id, side)
        self._tape.add(self._last_id, side, price_ticks, open_lots)

    def _tell(self, side: int, trades: list[Trade]) -> None:
        self._reacting = True
        for trade in trades:
            self._tape.execute(trade.maker_id, side, trade.price_ticks, trade.size_lots)
            if trade.maker_id not in self.exchange:
                self._count[side] -= 1


def _pace(switches: int) -> int:
    """Return the pace in 1/1024 of its mean, one factor a switch."""
    pace = UNIT
    for k in range(SWITCHES):
        pace = pace * (SWITCH_UP if switches >> k & 1 else SWITCH_DOWN) // UNIT
    return pace
