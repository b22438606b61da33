"""Strategies that do what no strategy should: raise what cannot be told, end the process, change Python's settings."""

# ruff: noqa: N818, PLE0307  # exceptions that are named and behave as they should not

from __future__ import annotations

import asyncio
import decimal
import os
import random
import sys
from typing import Any

import numpy as np

import lob_backtest as lob
from lob_backtest.errors import ConfigError, DataError, EngineError, OutputError


class Own(BaseException):
    """The author's own."""


class TextRaises(Exception):
    def __str__(self) -> str:
        raise RuntimeError("x")


class TextExits(Exception):
    def __str__(self) -> str:
        sys.exit(3)

    __repr__ = __str__


class TextIsNone(Exception):
    def __str__(self) -> str:
        return None  # type: ignore[return-value]


class Text(str):
    """A text whose methods end the process."""

    __slots__ = ()

    def __format__(self, how: str) -> str:
        sys.exit(3)

    __str__ = __repr__ = __add__ = __radd__ = __format__  # type: ignore[assignment]


class TextIsOdd(Exception):
    def __str__(self) -> str:
        return Text("odd")


class NoPlace(Exception):
    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        sys.exit(3)

    @property
    def __class__(self) -> Any:
        raise RuntimeError


RAISED: dict[str, Any] = {
    "base": lambda: BaseException("base"),
    "own": lambda: Own("own"),
    "generator_exit": GeneratorExit,
    "system_exit": lambda: SystemExit(7),
    "cancelled": asyncio.CancelledError,
    "stop_iteration": StopIteration,
    "memory": MemoryError,
    "recursion": RecursionError,
    "broken_pipe": BrokenPipeError,
    "os_error": lambda: OSError(28, "No space left on device"),
    "group": lambda: BaseExceptionGroup("many", [Own(), SystemExit(3)]),
    "text_raises": TextRaises,
    "text_exits": TextExits,
    "text_is_none": TextIsNone,
    "text_is_odd": TextIsOdd,
    "no_place": NoPlace,
    "long": lambda: ValueError("x" * 10_000_000),
    "escapes": lambda: ValueError("\x1b[2J\x07\r\ud800\x9b"),
    "odd_type": type("\x1b[2J", (Exception,), {}),
    "config": lambda: ConfigError("no such key"),
    "data": lambda: DataError("no such file"),
    "engine": lambda: EngineError("no invariant"),
    "output": lambda: OutputError("no folder"),
}


class Raises(lob.Strategy):
    """Raises in one of its callbacks, the third time that it is called or the first."""

    what: str = "base"
    where: str = "on_book"
    _n: int = 0

    def _reach(self, name: str) -> None:
        if name == self.where:
            self._n += 1
            if self._n == 3 or name in ("on_start", "on_stop"):
                raise RAISED[self.what]()

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(lob.SECOND)
        self._reach("on_start")

    def on_book(self, ctx: lob.Context) -> None:
        if ctx.book.bid_ticks is not None and ctx.book.ask_ticks is not None:
            ctx.buy(ctx.book.ask_ticks, 1, tag="\x1b[2Jtag")
        self._reach("on_book")

    def on_trade(self, ctx: lob.Context, trade: lob.Print) -> None:
        self._reach("on_trade")

    def on_order(self, ctx: lob.Context, order: lob.Order) -> None:
        self._reach("on_order")

    def on_fill(self, ctx: lob.Context, fill: lob.Fill) -> None:
        self._reach("on_fill")

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        self._reach("on_timer")

    def on_stop(self, ctx: lob.Context) -> None:
        self._reach("on_stop")


class Recurses(lob.Strategy):
    def on_book(self, ctx: lob.Context) -> None:
        self.on_book(ctx)


class ForcesItsFills(lob.Strategy):
    """Writes over what it is given, then raises: its message shows the fill."""

    def on_book(self, ctx: lob.Context) -> None:
        if ctx.book.ask_ticks is not None:
            ctx.buy(ctx.book.ask_ticks, 1, tag=Text("tag"))

    def on_fill(self, ctx: lob.Context, fill: lob.Fill) -> None:
        object.__setattr__(fill, "tag", Text("tag"))
        raise ValueError("fill")


class Trades(lob.Strategy):
    """Buys now and then; the harmless base of those below."""

    size: int = 1

    def on_start(self, ctx: lob.Context) -> None:
        ctx.every(lob.SECOND)

    def on_timer(self, ctx: lob.Context, timer_id: int) -> None:
        if ctx.book.ask_ticks is not None:
            ctx.buy(ctx.book.ask_ticks, self.size)


class ChangesSettings(Trades):
    """Changes what Python and numpy hold for everybody in the process or the thread."""

    def on_start(self, ctx: lob.Context) -> None:
        super().on_start(ctx)
        decimal.getcontext().prec = 2
        decimal.setcontext(decimal.Context(prec=1))
        np.seterr(all="raise")
        random.seed(0)
        np.random.seed(0)
        sys.setrecursionlimit(200)


class ChangesFolder(Trades):
    def on_start(self, ctx: lob.Context) -> None:
        super().on_start(ctx)
        os.chdir("/")


class ChangesParameters(Trades):
    """Leaves as parameters what no JSON can hold."""

    gain: float = float("inf")

    def on_start(self, ctx: lob.Context) -> None:
        super().on_start(ctx)
        self.other = object()

    def on_stop(self, ctx: lob.Context) -> None:
        self.size = object()  # type: ignore[assignment]
        self.gain = float("nan")


class ReturnsJunk(Trades):
    def on_book(self, ctx: lob.Context) -> Any:
        return object()


class RaisesWhenDeleted(Trades):
    def __del__(self) -> None:
        raise RuntimeError("del")
