"""Several files or folders that appear together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from lob_backtest.atomic import leftovers
from lob_backtest.atomic.drafts import absolute, missing_folders
from lob_backtest.process.interrupts import check, uninterrupted


class RemovedOnError:
    """Several files or folders written together; a context manager that removes them after an exception.

    Args:
        targets: the files and folders, none of which exists yet.
    """

    def __init__(self, targets: Sequence[Path]) -> None:
        self._targets = targets
        missing = {folder for each in targets for folder in missing_folders(absolute(each).parent)}
        self._folders = sorted(missing, key=lambda each: len(each.parts), reverse=True)

    def __enter__(self) -> Self:
        return self

    @uninterrupted
    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            check()
        except BaseException:
            self._remove()
            raise
        if kind is not None:
            self._remove()

    def _remove(self) -> None:
        for each in self._targets:
            leftovers.remove(each)
        leftovers.remove_empty(self._folders)
