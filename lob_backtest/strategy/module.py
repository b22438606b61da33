"""Imports strategy files so that they share no modules, and replace none in `sys.modules`.

A strategy file and the modules beside it become submodules of a package made for one load. Their `import` statement
looks for a name

1. in Python's standard library, in lob_backtest and in the libraries that it requires;
2. in the folder of the strategy's file;
3. on Python's own path.

So a file named `random.py` replaces no module, two folders can each have a `helper.py`, and an import within a callback
finds the module beside the strategy at any time and in any thread. `sys.path` and all other modules stay
unchanged. Code is compiled from its source each time, since cached code misses a change within the same second.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from itertools import count
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

PREFIX: Final = "_lob_strategy_"
"""Prefix of the name of a strategy's package."""

LIBRARIES: Final = frozenset(
    {
        "annotated_types",
        "click",
        "jinja2",
        "lob_backtest",
        "numpy",
        "pandas",
        "plotly",
        "pyarrow",
        "pydantic",
        "rich",
        "sortedcontainers",
    }
)
"""Modules that are never looked for in a strategy's folder, beside those of the standard library."""

_numbers = count(1)
_folders: dict[str, StrategyFolder] = {}


def import_file(path: Path) -> ModuleType:
    """Run a strategy file, and return it as a module of a new package.

    Raises:
        BaseException: raised by the file; its modules are then removed from `sys.modules`.
    """
    folder = StrategyFolder(path.parent.resolve())
    try:
        return folder.run(path)
    except BaseException:
        forget(folder.package)
        raise


def forget(name: str) -> None:
    """Remove a strategy's module, and those loaded with it, from `sys.modules`; existing objects keep working.

    Args:
        name: the module's, as in `__module__` of its classes; other modules than strategies' are left alone.
    """
    package = name.partition(".")[0]
    if _folders.pop(package, None) is not None:
        for each in [each for each in list(sys.modules) if each == package or each.startswith(f"{package}.")]:
            sys.modules.pop(each, None)


def plain_name(module: str) -> str:
    """Return a module's name without the package made for it: the file's name."""
    return module.partition(".")[2] if module.startswith(PREFIX) else module


class StrategyFolder:
    """The folder of a strategy's file, as a package made for one load.

    Args:
        folder: its absolute path.

    Attributes:
        package: the package's name.
        builtins: of the folder's modules: Python's, with another `__import__`.
    """

    def __init__(self, folder: Path) -> None:
        self.package = f"{PREFIX}{next(_numbers)}"
        self.builtins: dict[str, Any] = {**vars(builtins), "__import__": self._import}
        self._folder = str(folder)
        self._finder = _finder(self._folder)
        self._is_here: dict[str, bool] = {}
        package = ModuleType(self.package)
        package.__path__ = [self._folder]
        package.__spec__ = ModuleSpec(self.package, None, is_package=True)
        _folders[self.package] = self
        sys.modules[self.package] = package

    def run(self, path: Path) -> ModuleType:
        """Run a file of the folder."""
        name = f"{self.package}.{path.stem}"
        spec = ModuleSpec(name, _SourceLoader(name, str(path.resolve())), origin=str(path.resolve()))
        spec.has_location = True
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        assert spec.loader is not None
        spec.loader.exec_module(module)
        return sys.modules[name]

    def find(self, name: str, path: Sequence[str]) -> ModuleSpec | None:
        """Find a module of the package, or of a package in it."""
        if list(path) == [self._folder]:
            return self._finder.find_spec(name)
        found = (_finder(each).find_spec(name) for each in path)
        return next((spec for spec in found if spec is not None), None)

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Execute an `import` statement of one of the folder's modules."""
        head = name.partition(".")[0]
        if level or not self._has(head) or self._means_another(head, globals or {}):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        found = builtins.__import__(f"{self.package}.{name}", None, None, fromlist or (), 0)
        return found if fromlist else sys.modules[f"{self.package}.{head}"]

    def _means_another(self, head: str, importer: Mapping[str, object]) -> bool:
        """Return whether a module imports its own name, which then means the installed library of that name."""
        is_own_name = importer.get("__name__") == f"{self.package}.{head}" and "__path__" not in importer
        return is_own_name and _is_installed(head)

    def _has(self, head: str) -> bool:
        """Return whether the folder has a module or package of a name."""
        known = self._is_here.get(head)
        if known is None:
            known = self._is_here[head] = self._look_for(head)
        return known

    def _look_for(self, head: str) -> bool:
        if not head or head in sys.stdlib_module_names or head in LIBRARIES:
            return False
        spec = self._finder.find_spec(head)
        if spec is None:
            return False
        # A folder without __init__.py may hold anything: every real module of the name has precedence.
        return spec.loader is not None or not _is_installed(head)


class _Submodules:
    """Finds the submodules of strategies' packages, and nothing else."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find a module by its full name; see `importlib.abc.MetaPathFinder`."""
        folder = _folders.get(name.partition(".")[0]) if name.startswith(PREFIX) else None
        return None if folder is None or path is None else folder.find(name, path)


class _SourceLoader(SourceFileLoader):
    """Compiles the source, without the cache, and gives the module the folder's builtins."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def exec_module(self, module: ModuleType) -> None:
        _give_builtins(module)
        super().exec_module(module)


class _SourcelessLoader(SourcelessFileLoader):
    """Gives a module without source the folder's builtins."""

    def exec_module(self, module: ModuleType) -> None:
        _give_builtins(module)
        super().exec_module(module)


def _is_installed(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None


def _give_builtins(module: ModuleType) -> None:
    vars(module)["__builtins__"] = _folders[module.__name__.partition(".")[0]].builtins


def _finder(folder: str) -> FileFinder:
    """Return a finder with an empty cache."""
    return FileFinder(
        folder,
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (_SourceLoader, SOURCE_SUFFIXES),
        (_SourcelessLoader, BYTECODE_SUFFIXES),
    )


sys.meta_path.insert(0, _Submodules)  # a class with a static method is a finder, too
