"""Checks the callbacks of a strategy class when the class is made, hours before the first call of one."""

from __future__ import annotations

import difflib
import inspect
from types import FunctionType
from typing import Any, Final

from lob_backtest.errors import ConfigError

PREFIX: Final = "on_"


def check_callbacks(cls: type, base: type) -> None:
    """Refuse callbacks that would never be called, or could not be.

    Args:
        cls: a class of the author.
        base: the class whose callbacks it can override.

    Raises:
        ConfigError: a name begins with `on_` and is no callback's, a callback takes other arguments, or it is a
            coroutine or a generator.
    """
    known = {name: each for name, each in vars(base).items() if name.startswith(PREFIX)}
    for name, given in vars(cls).items():
        if not name.startswith(PREFIX):
            continue
        where = f"{cls.__name__}.{name}{_line(given)}"
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"callbacks are {', '.join(known)}"
            raise ConfigError(f"{where} is no callback and would never be called; {hint}")
        if isinstance(given, FunctionType):
            _check_kind(where, given)
            _check_arguments(where, given, _parameters(known[name]))


def _check_kind(where: str, given: FunctionType) -> None:
    if inspect.iscoroutinefunction(given) or inspect.isasyncgenfunction(given):
        raise ConfigError(f"{where} is async and would never run: an engine awaits nothing; write a plain def")
    if inspect.isgeneratorfunction(given):
        raise ConfigError(f"{where} contains yield, so that calling it runs nothing; write a plain function")


def _check_arguments(where: str, given: FunctionType, expected: list[str]) -> None:
    signature = inspect.signature(given, follow_wrapped=False)  # a decorator may add arguments or drop them
    try:
        signature.bind(*expected)
    except TypeError:
        raise ConfigError(
            f"{where} takes {_names(signature)}; expected ({', '.join(expected)}): an engine passes them by position"
        ) from None


def _parameters(callback: Any) -> list[str]:
    return list(inspect.signature(callback).parameters)


def _names(signature: inspect.Signature) -> str:
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def _line(given: Any) -> str:
    code = getattr(given, "__code__", None)
    return f" (line {code.co_firstlineno})" if code is not None else ""
