"""Find a strategy class by "path/to/file.py:Class", "module:Class" or the name of an installed plugin."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

from lob_backtest.errors import ConfigError, StrategyError
from lob_backtest.strategy import Strategy

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
        module, class_name = importlib.import_module(plugins[name].module), plugins[name].attr
    else:
        module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place, name, sorted(plugins))
    return _pick(module, class_name, name)


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"strategy {path}: no such file; expected 'path/to/file.py:Class' or 'module:Class'")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))  # so that a strategy finds the modules beside it
    try:
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise StrategyError(f"{path}: {type(error).__name__} when it was imported: {error}") from error
    finally:
        sys.path.pop(0)
    return module


def _import_module(place: str, name: str, plugins: list[str]) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        known = f" (installed: {', '.join(plugins)})" if plugins else ""
        raise ConfigError(
            f"strategy {name!r}: {error}; expected 'path/to/file.py:Class', 'module:Class' or a plugin{known}"
        ) from None
    except (ValueError, TypeError):
        raise ConfigError(f"strategy {name!r}: expected 'path/to/file.py:Class' or 'module:Class'") from None
    except (Exception, SystemExit) as error:
        raise StrategyError(f"{place}: {type(error).__name__} when it was imported: {error}") from error


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
