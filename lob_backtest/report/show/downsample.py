"""Reduce the points of a chart without losing an extreme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = "tuple[NDArray[Any], ...]"
"""Times, then lines, each of shape `(n,)`."""


class Span(NamedTuple):
    """The number of points, and the times of the first and the last."""

    points: int
    first: Any
    last: Any

    @classmethod
    def of(cls, parts: Iterable[NDArray[Any]]) -> Span:
        """Count times given in parts."""
        points, first, last = 0, 0, 0
        for times in parts:
            if len(times):
                points, first, last = points + len(times), first if points else times[0], times[-1]
        return cls(points, first, last)

    def buckets(self, times: NDArray[Any], lines: int, points: int) -> NDArray[np.int64]:
        """Return the bucket of each time, for about `points` remaining points of `lines` lines."""
        buckets = max(1, points // (2 + 2 * lines))
        share = (times - self.first).astype(float) / max(1.0, float(self.last - self.first))
        bucket: NDArray[np.int64] = np.minimum((share * buckets).astype(np.int64), buckets - 1)
        return bucket


def keep_extremes(parts: Iterable[Points], span: Span, *, points: int) -> Points:
    """Choose the points to draw of several lines over the same times.

    Time is cut into equal buckets; of each, the first and last point and the lowest and highest of each line are kept.
    The extremes of a bucket are among those of its parts, so that memory holds only kept points.

    Args:
        parts: rising times, and lines; NaN is never an extreme.
        span: of all times.
        points: approximate number to keep.

    Returns:
        the kept points; all of them if there are no more than `points`.
    """
    kept = [_kept(part, span, points) for part in parts if len(part[0])]
    whole = tuple(np.concatenate(each) for each in zip(*kept, strict=True))
    return _kept(whole, span, points) if kept else whole


def _kept(part: Points, span: Span, points: int) -> Points:
    if span.points <= points:
        return part
    times, *lines = part
    kept = _extremes(span.buckets(times, len(lines), points), lines)
    return tuple(each[kept] for each in part)


def _extremes(bucket: NDArray[np.int64], lines: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Choose the first and last point of each bucket, and of each line the first lowest and the last highest."""
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    ends = np.append(starts[1:], len(bucket)) - 1
    kept = [starts, ends]
    for line in lines:
        order = np.lexsort((line, bucket))  # NaN sorts last
        kept.append(order[starts])
        upward = np.where(np.isnan(line), -np.inf, line)
        order = np.lexsort((upward, bucket))
        kept.append(order[ends])
    return np.unique(np.concatenate(kept))
