"""Find a strategy class by "path/to/file.py:Class", "module:Class" or the name of an installed plugin."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import ModuleType

from lob_backtest.errors import ConfigError, StrategyError, text_of
from lob_backtest.strategy.api import Strategy
from lob_backtest.strategy.module import forget, import_file

PLUGINS = "lob_backtest.strategies"


def load_strategy(name: str) -> type[Strategy]:
    """Import a strategy class.

    Args:
        name: "path/to/file.py:Class", "module:Class", or the name of an entry point of the group
            `lob_backtest.strategies`. The class may be left out where a file or module has just one.

    Raises:
        ConfigError: there is no such file, module or class, or it is no `Strategy`.
        StrategyError: the file raised when it was imported.
    """
    place, _, class_name = name.rpartition(":") if ":" in name else (name, "", "")
    plugins = {entry.name: entry for entry in metadata.entry_points(group=PLUGINS)}
    if not class_name and name in plugins:
        module, class_name = _import_module(plugins[name].module, name, sorted(plugins)), plugins[name].attr
    else:
        module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place, name, sorted(plugins))
    try:
        return _pick(module, class_name, name)
    except ConfigError:
        forget(module.__name__)
        raise


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"strategy {path}: no such file; expected 'path/to/file.py:Class' or 'module:Class'")
    with _importing(str(path)):
        return import_file(path)


def _import_module(place: str, name: str, plugins: list[str]) -> ModuleType:
    if not all(part.isidentifier() for part in place.split(".")):
        raise ConfigError(f"strategy {name!r}: expected 'path/to/file.py:Class' or 'module:Class'")
    try:
        with _importing(place):
            return importlib.import_module(place)
    except StrategyError as error:
        if not isinstance(error.__cause__, ModuleNotFoundError):
            raise
        known = f" (installed: {', '.join(plugins)})" if plugins else ""
        raise ConfigError(
            f"strategy {name!r}: {error.__cause__}; expected 'path/to/file.py:Class', 'module:Class' or a plugin{known}"
        ) from None


@contextmanager
def _importing(place: str) -> Iterator[None]:
    """Turn whatever the author's module raises on import into a StrategyError; interrupts and ConfigErrors stay."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error
    except BaseException as error:
        raise StrategyError(f"{place}: {type(error).__name__} when it was imported: {text_of(error)}") from error


def _pick(module: ModuleType, class_name: str, name: str) -> type[Strategy]:
    found = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    }
    if class_name in found:
        return found[class_name]
    if not class_name and len(found) == 1:
        return next(iter(found.values()))
    value = getattr(module, class_name, None) if class_name else None
    if isinstance(value, type) and issubclass(value, Strategy):
        return value
    there = ", ".join(found) or "none"
    if class_name:
        raise ConfigError(f"strategy {name!r}: no strategy class {class_name!r} in it; strategies there: {there}")
    raise ConfigError(f"strategy {name!r}: name the class, as in '{name}:Class'; strategies there: {there}")
