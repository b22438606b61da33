"""Python's garbage collections, made rarer while runs are on."""

from __future__ import annotations

import gc
from threading import Lock
from typing import Final

from lob_backtest.process.interrupts import entering, uninterrupted


class FewCollections:
    """Lets Python look for cycles a hundred times more rarely while runs are on, in however many threads.

    A replay makes millions of objects, and no cycles. The thresholds are of the process: the first run sets them, and
    the last one sets them back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._runs = 0
        self._before = gc.get_threshold()

    @entering
    def __enter__(self) -> FewCollections:
        with self._lock:
            if not self._runs:
                self._before = gc.get_threshold()
                gc.set_threshold(self._before[0] * 100, *self._before[1:])
            self._runs += 1
        return self

    @uninterrupted
    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._runs -= 1
            if not self._runs:
                gc.set_threshold(*self._before)


few_collections: Final = FewCollections()
