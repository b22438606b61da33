"""Parts that market makers share, each a few lines: numbers in, numbers out, alone or together.

Prices are ticks, sizes and positions lots, times nanoseconds. A part has no access to the run: a strategy makes
its parts in `on_start` and calls them in its callbacks (docs/quoting.md has one that uses all of them).
"""

from __future__ import annotations

import math
from typing import Final

from lob_backtest.errors import ConfigError, StrategyError
from lob_backtest.strategy.api import Book, Print
from lob_backtest.units import SECOND, parse_duration


def quote_prices(centre_ticks: float, half_spread_ticks: float, book: Book) -> tuple[int, int]:
    """Return a bid and an ask around a centre: whole ticks, rounded away from it, that do not take.

    Args:
        centre_ticks: the price between the quotes, such as the mid or a reservation price.
        half_spread_ticks: the distance of either quote from it, above 0.
        book: its best prices bound the quotes: the bid stays below the best ask and the ask above the best bid, or
            they would be refused as post-only.

    Raises:
        StrategyError: `half_spread_ticks` is not above 0, so that the quotes could meet, or either is not finite.
    """
    if not 0 < half_spread_ticks < math.inf:
        raise StrategyError(f"quote_prices: half_spread_ticks = {half_spread_ticks!r}; expected more than 0, finite")
    if not math.isfinite(centre_ticks):
        raise StrategyError(f"quote_prices: centre_ticks = {centre_ticks!r}; expected a finite number")
    # A half-spread too small for the float to show still parts them: the bid is below the centre, the ask above it.
    bid = min(math.floor(centre_ticks - half_spread_ticks), math.ceil(centre_ticks) - 1)
    ask = max(math.ceil(centre_ticks + half_spread_ticks), math.floor(centre_ticks) + 1)
    if book.ask_ticks is not None:
        bid = min(bid, book.ask_ticks - 1)
    if book.bid_ticks is not None:
        ask = max(ask, book.bid_ticks + 1)
    return bid, ask


class InventoryLimit:
    """Shrink the side that would take the position beyond a limit.

    Assumes that both quotes may fill whole; what is in flight is not counted. The run's `[risk] max_position` counts
    it and is the limit that is enforced; this one shapes the quotes. A bound on inventory is part of the model of
    Guéant, Lehalle and Fernandez-Tapia (2013), "Dealing with the inventory risk", Mathematics and Financial
    Economics 7(4).

    Args:
        limit: lots, on either side, 0 or more.

    Raises:
        ConfigError: `limit` is negative.
    """

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit: Final = _count("InventoryLimit", "limit", limit, 0)

    def room(self, position: int) -> tuple[int, int]:
        """Return the lots that may still be bought and sold.

        Args:
            position: lots, signed.
        """
        return max(0, self.limit - position), max(0, self.limit + position)

    def sizes(self, position: int, size: int) -> tuple[int, int]:
        """Return the sizes to bid and to ask.

        Args:
            position: lots, signed.
            size: lots per side while there is room.
        """
        to_buy, to_sell = self.room(position)
        return min(size, to_buy), min(size, to_sell)


class InventorySkew:
    """Move both quotes against the position, so that the next fill tends to reduce it.

    The linear form of the reservation price of Avellaneda and Stoikov (2008), "High-frequency trading in a limit
    order book", Quantitative Finance 8(3): there, a lot is worth γσ²(T - t) ticks. Assumes that inventory is as bad
    on one side as on the other, and twice as bad when it is twice as large.

    Args:
        ticks_per_lot: shift of the quotes per lot of position, 0 or more.

    Raises:
        ConfigError: `ticks_per_lot` is negative.
    """

    __slots__ = ("ticks_per_lot",)

    def __init__(self, ticks_per_lot: float) -> None:
        self.ticks_per_lot: Final = _not_negative("InventorySkew", "ticks_per_lot", ticks_per_lot)

    def shift(self, position: int) -> float:
        """Return the ticks to add to the centre of the quotes: negative when long.

        Args:
            position: lots, signed.
        """
        return -self.ticks_per_lot * position


class SpreadWidening:
    """Add to the half-spread when quoting is dangerous: the market moves, flow is one-sided, or the book is thin.

    The sum of three terms, each linear in its measure:

    * volatility σ: `volatility` · σ, the move of σ over `volatility`² seconds. In the closed form of Guéant, Lehalle
      and Fernandez-Tapia (2013) the part of the spread that pays for inventory risk is proportional to σ.
    * toxicity, from 0 to 1: `toxicity` · toxicity. In Glosten and Milgrom (1985), "Bid, ask and transaction prices in
      a specialist market", Journal of Financial Economics 14, the spread rises with the share of informed trades;
      linearly for a value that takes two equally likely levels.
    * depth: `depth` / (2 · depth), how far that much one-sided flow moves the price by Cont, Kukanov and Stoikov
      (2014), "The price impact of order book events", Journal of Financial Econometrics 12(1).

    Assumes that the three are independent; since thin books move more, together they overstate the danger.

    Args:
        volatility: √s, ticks to add for a tick/√s of volatility.
        toxicity: ticks to add at toxicity 1.
        depth: lots of one-sided flow to be safe against.

    Raises:
        ConfigError: one of them is negative.
    """

    __slots__ = ("depth", "toxicity", "volatility")

    def __init__(self, *, volatility: float = 0.0, toxicity: float = 0.0, depth: float = 0.0) -> None:
        self.volatility: Final = _not_negative("SpreadWidening", "volatility", volatility)
        self.toxicity: Final = _not_negative("SpreadWidening", "toxicity", toxicity)
        self.depth: Final = _not_negative("SpreadWidening", "depth", depth)

    def ticks(
        self, *, volatility: float | None = None, toxicity: float | None = None, depth: float | None = None
    ) -> float:
        """Return the ticks to add to the half-spread; a measure that is `None` (not known yet) adds nothing.

        Args:
            volatility: ticks/√s, from `EwmaVolatility`.
            toxicity: from 0 to 1, from `FlowToxicity`.
            depth: displayed lots per level, such as the mean of the two best sizes; less than 1 counts as 1.
        """
        wider = self.volatility * (volatility or 0.0) + self.toxicity * (toxicity or 0.0)
        return wider if depth is None else wider + self.depth / (2 * max(1.0, depth))


class Ladder:
    """Spread a quote over several prices, the best first, each of the same size.

    Assumes nothing of the market: deeper levels trade less often at better prices. An order keeps its place while its
    price is among the quotes, so that with a step of 1 tick quotes that follow a moving mid keep most of their places.

    Args:
        levels: how many prices, 1 or more.
        step: ticks between them, 1 or more.

    Raises:
        ConfigError: one of them is below 1.
    """

    __slots__ = ("levels", "step")

    def __init__(self, levels: int, step: int = 1) -> None:
        self.levels: Final = _count("Ladder", "levels", levels, 1)
        self.step: Final = _count("Ladder", "step", step, 1)

    def quotes(
        self, side: int, price_ticks: int, size_lots: int, room_lots: int | None = None
    ) -> list[tuple[int, int]]:
        """Return the levels of one side of `ctx.quote`.

        Args:
            side: +1 bids, -1 asks.
            price_ticks: the best of them.
            size_lots: of each level; 0: no quotes.
            room_lots: limit of their total size, filled from the best level on; `None`: no limit.
        """
        room = self.levels * size_lots if room_lots is None else room_lots
        sizes = [min(size_lots, room - i * size_lots) for i in range(self.levels)]
        return [(price_ticks - side * i * self.step, size) for i, size in enumerate(sizes) if size > 0]


class EwmaVolatility:
    """Estimate volatility from a price sampled at irregular times, recent moves counting most.

    σ² = Σ w Δp² / Σ w Δt over the samples so far, where w halves with every half-life: the exponential weights of
    RiskMetrics (1996, technical document, 4th edition), in continuous time, so that samples may be irregular. Assumes
    no drift. Sampled too often, a mid that bounces makes it too large (Zhang, Mykland and Aït-Sahalia 2005, "A tale of
    two time scales", Journal of the American Statistical Association 100): sample every second rather than at every
    change, or sample the microprice. A price that jumps over a halt counts as having moved.

    Args:
        half_life: time after which a move has half its weight; a duration such as "30s", or nanoseconds.

    Raises:
        ConfigError: `half_life` is not a duration above 0.
    """

    __slots__ = ("_half_life_ns", "_last", "_seconds", "_seen_ns", "_squares")

    def __init__(self, half_life: str | int) -> None:
        self._half_life_ns = _duration("EwmaVolatility", half_life)
        self._last: tuple[int, float] | None = None
        self._seen_ns = 0
        self._squares = 0.0
        self._seconds = 0.0

    @property
    def value(self) -> float | None:
        """Return the volatility in ticks/√s; `None` until the samples span a half-life."""
        if self._seen_ns < self._half_life_ns:
            return None
        return math.sqrt(self._squares / self._seconds)

    def update(self, now_ns: int, price_ticks: float) -> float | None:
        """Add a price and return `value`.

        Args:
            now_ns: the time, no earlier than the last one.
            price_ticks: the mid or microprice.
        """
        if self._last is not None:
            elapsed_ns = now_ns - self._last[0]
            decay = 0.5 ** (elapsed_ns / self._half_life_ns)
            self._squares = self._squares * decay + (price_ticks - self._last[1]) ** 2
            self._seconds = self._seconds * decay + elapsed_ns / SECOND
            self._seen_ns += elapsed_ns
        self._last = now_ns, price_ticks
        return self.value


class FlowToxicity:
    """Measure how one-sided the market's recent trades were: |bought - sold| / (bought + sold), from 0 to 1.

    One-sided flow is a sign of informed traders. The measure is that of Easley, López de Prado and O'Hara
    (2012), "Flow toxicity and liquidity in a high-frequency world", Review of Financial Studies 25(5), with weights
    that halve with every half-life in place of buckets of equal size, and the aggressor as the feed names it in place
    of a guess. With true aggressors it behaves otherwise than theirs, and forecasts nothing beyond the intensity of
    trading and volatility (Andersen and Bondarenko 2014, "VPIN and the flash crash", Journal of Financial Markets
    17). Prints of unknown side are left out. Biased upwards when few trades count: n trades of equal size and
    random side give about √(2/πn).

    Args:
        half_life: time after which a trade has half its weight; a duration such as "30s", or nanoseconds.

    Raises:
        ConfigError: `half_life` is not a duration above 0.
    """

    __slots__ = ("_half_life_ns", "_last_ns", "_net", "_total")

    def __init__(self, half_life: str | int) -> None:
        self._half_life_ns = _duration("FlowToxicity", half_life)
        self._last_ns = 0
        self._net = 0.0
        self._total = 0.0

    @property
    def imbalance(self) -> float | None:
        """Return (bought - sold) / (bought + sold), from -1 to 1; `None` before the first trade."""
        return self._net / self._total if self._total else None

    @property
    def value(self) -> float | None:
        """Return the toxicity, from 0 to 1; `None` before the first trade."""
        return abs(self._net) / self._total if self._total else None

    def update(self, trade: Print) -> float | None:
        """Add a trade of `on_trade` and return `value`.

        Args:
            trade: no earlier than the last one.
        """
        if trade.side:
            decay = 0.5 ** ((trade.ts_exchange_ns - self._last_ns) / self._half_life_ns)
            self._net = self._net * decay + trade.side * trade.size_lots
            self._total = self._total * decay + trade.size_lots
            self._last_ns = trade.ts_exchange_ns
        return self.value


class OrderFlowImbalance:
    """Measure the order flow at the best prices, in lots: what joined the bids and left the asks, less the opposite.

    The measure of Cont, Kukanov and Stoikov (2014), "The price impact of order book events", Journal of Financial
    Econometrics 12(1), summed with weights that halve with every half-life in place of intervals. A best price that
    improves adds its whole size, one that falls back takes the old size off, and at the same price the change counts.
    Over short intervals the mid moves in proportion to it, the more the thinner the book is. What happens between two
    updates counts by its outcome alone: update it in `on_book`.

    Args:
        half_life: time after which an event has half its weight; a duration such as "1s", or nanoseconds.

    Raises:
        ConfigError: `half_life` is not a duration above 0.
    """

    __slots__ = ("_half_life_ns", "_last", "_last_ns", "_sum")

    def __init__(self, half_life: str | int) -> None:
        self._half_life_ns = _duration("OrderFlowImbalance", half_life)
        self._last: tuple[int, int, int, int] | None = None
        self._last_ns = 0
        self._sum = 0.0

    @property
    def value(self) -> float:
        """Return the imbalance in lots, as of the last update; 0 before the second."""
        return self._sum

    def update(self, now_ns: int, book: Book) -> float:
        """Add the change since the last update and return `value`; a book with an empty side interrupts the count.

        Args:
            now_ns: the time, no earlier than the last one.
            book: `ctx.book`.
        """
        bid, ask = book.bid_ticks, book.ask_ticks
        if bid is None or ask is None:
            self._last = None
            return self._sum
        now = (bid, book.bid_size_lots, ask, book.ask_size_lots)
        self._sum *= 0.5 ** ((now_ns - self._last_ns) / self._half_life_ns)
        if self._last is not None:
            self._sum += _flow(self._last, now)
        self._last, self._last_ns = now, now_ns
        return self._sum


def _flow(before: tuple[int, int, int, int], after: tuple[int, int, int, int]) -> int:
    """Return the order flow between two books, each the best bid, its size, the best ask, its size."""
    bid = after[1] * (after[0] >= before[0]) - before[1] * (after[0] <= before[0])
    ask = after[3] * (after[2] <= before[2]) - before[3] * (after[2] >= before[2])
    return bid - ask


def _count(part: str, name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{part}: {name} = {value!r}; expected a whole number, {least} or more")
    return value


def _not_negative(part: str, name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigError(f"{part}: {name} = {value!r}; expected a number, 0 or more")
    return value


def _duration(part: str, half_life: str | int) -> int:
    try:
        ns = parse_duration(half_life)
    except ValueError as error:
        raise ConfigError(f"{part}: half_life: {error}") from None
    if ns < 1:
        raise ConfigError(f"{part}: half_life = {half_life!r}; expected more than 0")
    return ns
