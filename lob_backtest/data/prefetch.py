"""Threads beside the engine, such as the one that decodes the next batches while the engine processes the current."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread, main_thread
from typing import Final, Generic, Self, TypeVar

from lob_backtest.process.interrupts import entering, uninterrupted

T = TypeVar("T")

AHEAD: Final = 2
"""Maximum number of waiting items: enough to bridge a slow one, few enough to keep memory constant."""
_LOOK_S: Final = 1.0
"""Interval at which a waiting thread checks whether the interpreter has ended."""


def prefetched(items: Iterable[T], ahead: int = AHEAD) -> Generator[T, None, None]:
    """Iterate in a separate thread, a few items ahead of the consumer.

    Args:
        items: iterated once, in the thread.
        ahead: maximum number of waiting items.

    Yields:
        The same items in the same order. An exception of the iteration is raised here, after the items before it. A
        consumer that stops early closes the generator, which ends the thread.
    """
    with _Reader(items, ahead) as reader:
        while True:
            item, error = reader.take()
            if error is not None:
                raise error
            if item is None:
                return
            yield item


class _Reader(Generic[T]):
    """The thread and the queues to and from it.

    Both are `SimpleQueue`, which is written in C: an exception raised by a signal's handler at any point leaves none of
    their locks held, as it can with the condition variables of `threading`.
    """

    def __init__(self, items: Iterable[T], ahead: int) -> None:
        self._items = items
        self._ready: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(ahead):
            self._room.put(None)
        self._is_stopped = False
        self._thread = Thread(target=self._fill, name="lob-prefetch")

    @entering
    def __enter__(self) -> Self:
        self._thread.start()
        return self

    @uninterrupted
    def __exit__(self, *_: object) -> None:
        self._is_stopped = True
        self._room.put(None)
        self._thread.join()

    def take(self) -> tuple[T | None, BaseException | None]:
        """Wait for the next item, or for the exception that ended the iteration; (None, None) at its end."""
        item = self._ready.get()
        self._room.put(None)
        return item

    def _fill(self) -> None:
        try:
            for item in self._items:
                self._wait_for_room()
                if self._is_stopped:
                    return
                self._ready.put((item, None))
        except BaseException as error:
            self._ready.put((None, error))
        else:
            self._ready.put((None, None))

    def _wait_for_room(self) -> None:
        """Wait until an item is taken, or the interpreter ends.

        The thread is not a daemon: a daemon would be stopped at exit in the middle of Arrow's code, which aborts the
        process.
        """
        while not self._is_stopped:
            with suppress(Empty):
                self._room.get(timeout=_LOOK_S)
                return
            self._is_stopped = not main_thread().is_alive()


class Beside:
    """A thread that works while a block runs; a context manager that stops the thread when the block ends.

    Args:
        work: called with an event that is set when the block has ended.
        name: of the thread.
    """

    def __init__(self, work: Callable[[Event], None], name: str) -> None:
        self._work = work
        self._is_cancelled = Event()
        self._done: SimpleQueue[None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name)

    @entering
    def __enter__(self) -> Self:
        self._thread.start()
        return self

    @uninterrupted
    def __exit__(self, *_: object) -> None:
        self._is_cancelled.set()
        self._thread.join()

    def wait(self) -> None:
        """Wait until the work is done; once in a block. `Thread.join`, once interrupted, would return at once."""
        self._done.get()

    def _run(self) -> None:
        try:
            self._work(self._is_cancelled)
        finally:
            self._done.put(None)
