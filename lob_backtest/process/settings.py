"""Settings of the process and thread that a strategy can change and results must not depend on."""

from __future__ import annotations

import sys
from decimal import getcontext, setcontext
from typing import Self

import numpy as np

from lob_backtest.process.interrupts import entering, uninterrupted


class KeptSettings:
    """Restores after a block: the precision of decimals, numpy's error handling, the recursion limit."""

    @entering
    def __enter__(self) -> Self:
        self._limit, self._decimals, self._errors = sys.getrecursionlimit(), getcontext().copy(), np.geterr()
        return self

    @uninterrupted
    def __exit__(self, *_: object) -> None:
        sys.setrecursionlimit(self._limit)
        setcontext(self._decimals)
        np.seterr(**self._errors)
