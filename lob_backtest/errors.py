"""The exceptions of this package, as one tree.

    LobBacktestError            anything this package raises on purpose
    ├── ConfigError             a setting is unknown, missing or out of range      exit 2
    ├── DataError               a file is unreadable or breaks its contract        exit 3
    ├── StrategyError           the strategy raised, or made an impossible request exit 4
    ├── OrderError              an argument of a `MatchingEngine` is out of range  exit 4
    ├── EngineError             cash or fees outgrew 64 bits, or a bug of this package  exit 5
    └── OutputError             the result cannot be written                       exit 6

Every message is one text: what is wrong, where (file, row, time, key), what was expected and the remedy. `exit_code`
is the exit code of the command line.
"""

from __future__ import annotations

import os
from typing import Any, Final

from lob_backtest.printable import cut

MAX_TEXT: Final = 10_000
"""Characters of a foreign exception's text that a message quotes."""


class LobBacktestError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code = 1


class ConfigError(LobBacktestError):
    """A configuration key or a command-line value is unknown, missing or out of range."""

    exit_code = 2


class DataError(LobBacktestError):
    """A market data file is unreadable, or breaks the contract of `lob_backtest.contract.rows`."""

    exit_code = 3


class StrategyError(LobBacktestError):
    """A strategy raised, or made an impossible request; chained to the original exception.

    Attributes:
        result: the `lob_backtest.Result` up to the failure, with ``status == "partial"``; `None` if the run had not
            started.
    """

    exit_code = 4

    def __init__(self, message: str, *, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class OrderError(LobBacktestError, ValueError):
    """An argument of a `MatchingEngine` is invalid: a size of zero, the id of a live order."""

    exit_code = 4


class EngineError(LobBacktestError):
    """A strategy's cash or fees outgrew 64 bits, or an invariant of the engine is broken.

    The latter is a bug in lob_backtest: please report it.
    """

    exit_code = 5


class OutputError(LobBacktestError):
    """A result cannot be written: the folder exists, the disk is full, permission is denied.

    Attributes:
        result: the `lob_backtest.Result` of a run that failed only in writing its page or taking its name; `None`
            otherwise.
    """

    exit_code = 6

    def __init__(self, message: str, *, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


def text_of(error: BaseException) -> str:
    """Return the text of a foreign exception; never raises, whatever the exception's methods do.

    Args:
        error: the exception. If its `__str__` raises, the text names that error instead; a long text is cut.
    """
    try:
        text = "".join([str(error)])  # of a subclass of `str`, a plain copy
    except KeyboardInterrupt:
        raise
    except BaseException as second:
        return f"(no text: its __str__ raised {type(second).__name__})"
    return cut(text, MAX_TEXT)


def folder_remedy(path: str | os.PathLike[str]) -> str:
    """Return what to do about a folder that was given where a file was expected."""
    if os.path.isfile(os.path.join(path, "summary.json")):
        return "it holds a result; lob-backtest report shows it, compare compares it"
    return f"give its files, or a pattern such as {os.path.join(path, '*.parquet')}"
