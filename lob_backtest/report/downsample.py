"""Fewer points for a chart, without losing an extreme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def keep_extremes(times: NDArray[Any], lines: Sequence[NDArray[Any]], *, points: int) -> NDArray[np.int64]:
    """Choose which points of several lines over the same times to draw.

    Time is cut into equal buckets; of each, the first and last point and the lowest and highest of each line stay.

    Args:
        times: rising, shape `(n,)`.
        lines: each of shape `(n,)`; not-a-number is never an extreme.
        points: about how many to keep.

    Returns:
        rising indices; all of them where there are no more than `points`.
    """
    count = len(times)
    if count <= points:
        return np.arange(count)
    buckets = max(1, points // (2 + 2 * len(lines)))
    elapsed = (times - times[0]).astype(float)
    bucket = np.minimum((elapsed / max(1.0, elapsed[-1]) * buckets).astype(np.int64), buckets - 1)
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    kept = [starts, np.append(starts[1:], count) - 1]
    for line in lines:
        order = np.lexsort((line, bucket))  # not-a-number sorts last
        kept.append(order[starts])
        upward = np.where(np.isnan(line), -np.inf, line)
        order = np.lexsort((upward, bucket))
        kept.append(order[np.append(starts[1:], count) - 1])
    return np.unique(np.concatenate(kept))
