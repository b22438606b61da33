"""Settings of the process and the thread that a strategy can change, and that results must not depend on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import localcontext

import numpy as np


@contextmanager
def kept_settings() -> Iterator[None]:
    """Set back what a strategy changes meanwhile: precision of decimals, numpy's errors, the recursion limit."""
    limit = sys.getrecursionlimit()
    try:
        with localcontext(), np.errstate():
            yield
    finally:
        sys.setrecursionlimit(limit)
