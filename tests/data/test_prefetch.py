"""Reading ahead changes neither the items nor their order, nor what is raised where."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lob_backtest.data.prefetch import prefetched


def test_items_come_in_order_from_another_thread() -> None:
    threads = set()

    def items() -> Iterator[int]:
        for i in range(100):
            threads.add(threading.get_ident())
            yield i

    assert list(prefetched(items())) == list(range(100))
    assert threading.get_ident() not in threads


def test_an_error_comes_behind_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken")

    taken = []
    with pytest.raises(ValueError, match="broken"):
        taken.extend(prefetched(items(), ahead=5))
    stream = prefetched(items())
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_no_more_is_read_ahead_than_asked_for() -> None:
    read = []
    stream = prefetched((read.append(i) or i for i in range(1000)), ahead=2)
    assert next(stream) == 0
    stream.close()  # the thread has ended behind this
    assert len(read) <= 5


def test_a_consumer_that_stops_stops_the_thread() -> None:
    before = threading.active_count()
    stream = prefetched(iter(int, 1))
    next(stream)
    stream.close()
    assert threading.active_count() == before
