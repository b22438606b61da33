"""A callback that would fail at its first call, or never be called, is refused when the class is made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lob_backtest as lob
from lob_backtest.errors import ConfigError
from lob_backtest.strategy.loader import load_strategy


def strategy(**callbacks: Callable[..., Any]) -> type[lob.Strategy]:
    return type("Tried", (lob.Strategy,), callbacks)


def fewer(self: Any, ctx: lob.Context) -> None: ...


def other(self: Any, fill: lob.Fill) -> None: ...


async def coroutine(self: Any, ctx: lob.Context) -> None: ...


def generator(self: Any, ctx: lob.Context) -> Any:
    yield


@pytest.mark.parametrize(
    ("name", "callback", "message"),
    [
        ("on_timer", fewer, r"takes \(self, ctx\); expected \(self, ctx, timer_id\)"),
        ("on_fill", other, r"takes \(self, fill\); expected \(self, ctx, fill\)"),
        ("on_book", other, None),  # the name of an argument is the author's
        ("on_start", coroutine, "is async and would never run"),
        ("on_start", generator, "contains yield"),
        ("on_boook", fewer, r"is no callback and would never be called; did you mean 'on_book'\?"),
        ("on_quit", fewer, "is no callback and would never be called; callbacks are on_start, "),
        ("on_timer", lambda self, ctx, *more: None, None),
        ("on_trade", lambda *everything: None, None),
        ("on_order", lambda self, ctx, order, extra=0: None, None),
        ("on_stop", lambda self, ctx, *, extra: None, "takes"),
    ],
)
def test_signatures_are_checked(name: str, callback: Callable[..., Any], message: str | None) -> None:
    if message is None:
        strategy(**{name: callback})
        return
    with pytest.raises(ConfigError, match=rf"Tried\.{name} \(line \d+\) {message}"):
        strategy(**{name: callback})


def with_mid(function: Callable[..., None]) -> Callable[..., None]:
    """Pass the mid as one more argument."""

    @functools.wraps(function)
    def call(self: Any, ctx: lob.Context, *more: Any) -> None:
        function(self, ctx, ctx.book.mid_ticks, *more)

    return call


def test_a_decorator_may_add_arguments_and_drop_them() -> None:
    strategy(on_book=with_mid(other), on_start=with_mid(lambda self, ctx, mid: None))
    with pytest.raises(ConfigError, match=r"takes \(self, ctx\)"):
        strategy(on_timer=functools.wraps(other)(lambda self, ctx: None))


def test_the_message_about_a_file_has_the_file_and_the_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import lob_backtest as lob\n\nclass Mine(lob.Strategy):\n    def on_timer(self, ctx):\n        pass\n"
    )
    with pytest.raises(ConfigError, match=r"mine\.py: Mine\.on_timer \(line 4\) takes"):
        load_strategy(f"{file}:Mine")
