"""Both engines make the same of whatever a strategy passes to `ctx` and `ctx.book`: the same answer or error."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from drawn import OPTIONS

import lob_backtest as lob
from lob_backtest.engine import ENGINES


class Index:
    """Has `__index__` and nothing else of a number."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __index__(self) -> int:
        if isinstance(self.value, int):
            return self.value
        raise self.value

    def __repr__(self) -> str:
        return f"Index({self.value!r})"


class Sends(Index):
    """Sends an order when it is read."""

    ctx: Any = None

    def __index__(self) -> int:
        self.ctx.buy(1, 1)
        return 5


class Unequal:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise ValueError("eq")

    def __repr__(self) -> str:
        return "Unequal()"


class Text(str):
    """A text whose methods raise."""

    __slots__ = ()

    def __str__(self) -> str:
        raise ValueError("str")

    def __repr__(self) -> str:
        raise ValueError("repr")

    def __eq__(self, other: object) -> bool:
        raise ValueError("eq")

    def __hash__(self) -> int:
        raise ValueError("hash")


class Fraction(float):
    def __index__(self) -> int:
        raise TypeError

    def __float__(self) -> float:
        raise ValueError("float")


class Poses:
    """Has the `__class__` of another type, as a mock with a specification has."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    @property
    def __class__(self) -> Any:
        return self.cls

    def __repr__(self) -> str:
        return f"Poses({self.cls.__name__})"


SENDS = Sends(0)
JUNK: list[Any] = [
    *(0, 1, -1, 100, 2**39, 2**40, 2**40 - 1, 2**62, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 2**200),
    *(True, False, None, 1.0, 1.5, 100.0, 1e15, 1e16, 1e300, float("nan"), float("inf"), -float("inf"), 1 + 2j),
    *("1", "abc", "", "depth", "SYN", "GTC", b"1", [], (), {}, set(), len, Ellipsis, NotImplemented),
    *(Decimal(1), Decimal("1.5"), Decimal("NaN"), np.int64(5), np.float64(1), np.float64(1.5), np.float64("nan")),
    *(np.uint64(2**63), np.bool_(True), np.int8(-1), np.str_("depth"), np.str_("SYN"), np.array(1), np.array([1, 2])),
    *(Index(5), Index(-3), Index(2**70), Index(ValueError("x")), Index(KeyError("x")), Index(TypeError("x"))),
    *(Index(SystemExit(3)), Index(GeneratorExit()), SENDS, Unequal(), Text("depth"), Text("SYN"), Fraction(2.0)),
    *(Poses(bool), Poses(float)),
]

USES: dict[str, Callable[[Any, Any], Any]] = {
    "buy price": lambda ctx, v: ctx.buy(v, 1),
    "buy size": lambda ctx, v: ctx.buy(100, v),
    "sell both": lambda ctx, v: ctx.sell(v, v),
    **{option: lambda ctx, v, option=option: ctx.buy(100, 1, **{option: v}) for option in OPTIONS},
    "replace id": lambda ctx, v: ctx.replace(v, price_ticks=1),
    "replace": lambda ctx, v: ctx.replace(1, price_ticks=v, size_lots=v),
    "cancel": lambda ctx, v: ctx.cancel(v),
    "quote": lambda ctx, v: ctx.quote(bid=v),
    "quote pair": lambda ctx, v: ctx.quote(bid=(v, v), ask=(1, v)),
    "quote prices": lambda ctx, v: ctx.quote(bid=[(v, 1), (2, 1)]),
    "quote sizes": lambda ctx, v: ctx.quote(bid=[(3, 1), (2, v)]),
    "quote same": lambda ctx, v: ctx.quote(bid=[(v, 1), (v, 2)]),
    "quote ladder": lambda ctx, v: ctx.quote(bid=[(1, 1), v]),
    "top_up": lambda ctx, v: ctx.quote(bid=(1, 1), top_up=v),
    "every": lambda ctx, v: ctx.cancel_timer(ctx.every(v)),
    "at": lambda ctx, v: ctx.cancel_timer(ctx.at(v)),
    "record": lambda ctx, v: ctx.record("a", v),
    "record name": lambda ctx, v: ctx.record(v, 1),
    "market": lambda ctx, v: ctx.market(v).instrument.name,
    "subscribe": lambda ctx, v: ctx.subscribe(v),
    "depth": lambda ctx, v: ctx.book.depth(v),
    "size_at": lambda ctx, v: ctx.book.size_at(v, v),
    "size_at price": lambda ctx, v: (ctx.book.size_at(1, v), ctx.book.size_at(-1, v)),
    "size_at side": lambda ctx, v: ctx.book.size_at(v, ctx.book.bid_ticks),
    "orders_at price": lambda ctx, v: (ctx.book.orders_at(1, v), ctx.book.orders_at(-1, v)),
    "orders_at side": lambda ctx, v: ctx.book.orders_at(v, ctx.book.bid_ticks),
}


class Uses(lob.Strategy):
    """Passes everything to everything, once, and keeps what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[tuple[int, str], str] = {}
        self.told: list[Any] = []

    def on_book(self, ctx: lob.Context) -> None:
        if self.made or ctx.book.bid_ticks is None or len(ctx.book.depth(4)[0]) < 3:
            return
        SENDS.ctx = ctx
        for place, value in enumerate([*JUNK, ctx.book.bid_ticks, float(ctx.book.bid_ticks)]):
            for name, use in USES.items():
                try:
                    self.made[place, name] = repr(use(ctx, value))
                except BaseException as error:
                    self.made[place, name] = f"{type(error).__name__}: {error}"

    def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
        self.told.append(order)


@pytest.mark.skipif(len(ENGINES) < 2, reason="the kernel is not built")
def test_engines_make_the_same_of_junk(tmp_path: Any) -> None:
    lob.generate(tmp_path / "m.parquet", events=2_000)
    config = {"instrument": [{"data": [str(tmp_path / "m.parquet")]}]}
    strategies = {engine: Uses() for engine in ENGINES}
    digests = {lob.run(config, strategy, engine=engine).digest for engine, strategy in strategies.items()}
    kernel, reference = (strategies[name] for name in ("kernel", "reference"))
    named = [*map(type, JUNK), "bid", "bid as a float"]
    different = [
        f"{name}, {named[place]}: kernel {kernel.made[place, name]}, reference {made}"
        for (place, name), made in reference.made.items()
        if kernel.made[place, name] != made
    ]
    assert len(reference.made) == len(USES) * (len(JUNK) + 2)
    assert not different, "\n".join(different)
    assert kernel.told == reference.told
    assert len(digests) == 1
