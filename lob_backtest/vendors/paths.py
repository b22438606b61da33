"""Path arguments: one or several, as text or as `Path`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from lob_backtest.errors import ConfigError

PathLike = str | bytes | os.PathLike[str]


def as_paths(name: str, value: PathLike | Iterable[PathLike]) -> list[Path]:
    """Return the paths of an argument.

    Args:
        name: of the argument, for the message.
        value: one path or several, each a `str`, `bytes` or `os.PathLike`.

    Raises:
        ConfigError: it is neither.
    """
    try:
        several = [value] if isinstance(value, str | bytes | os.PathLike) else list(value)
        return [Path(os.fsdecode(each)) for each in several]
    except TypeError:
        raise ConfigError(f"{name} {value!r}: expected a path, or a list of paths") from None
