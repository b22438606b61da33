"""Read ahead: a thread decodes the next batches while the engine works on the one at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Empty, Queue
from threading import Event, Thread
from typing import Final, TypeVar

T = TypeVar("T")

AHEAD: Final = 2
"""How many items wait at most: enough to bridge a slow one, few enough to keep memory constant."""


def prefetched(items: Iterable[T], ahead: int = AHEAD) -> Iterator[T]:
    """Iterate in a thread of its own, a few items ahead of whoever takes them.

    Args:
        items: iterated once, in the thread.
        ahead: how many items wait at most.

    Yields:
        The same items in the same order. What the iteration raises is raised here, behind the items before it. A
        consumer that stops early stops the thread.
    """
    waiting: Queue[tuple[T | None, BaseException | None]] = Queue(ahead)
    stop = Event()
    thread = Thread(target=_fill, args=(items, waiting, stop), name="lob-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stop.set()
        _drain(waiting)
        thread.join()


def _fill(items: Iterable[T], waiting: Queue[tuple[T | None, BaseException | None]], stop: Event) -> None:
    try:
        for item in items:
            waiting.put((item, None))
            if stop.is_set():
                return
    except BaseException as error:
        waiting.put((None, error))
    else:
        waiting.put((None, None))


def _drain(waiting: Queue[tuple[T | None, BaseException | None]]) -> None:
    """Make room, so that a thread that is about to put its last item can."""
    try:
        while True:
            waiting.get_nowait()
    except Empty:
        return
