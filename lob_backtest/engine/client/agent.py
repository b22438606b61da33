"""One strategy in the engine: its order ids, its channels, its limits and what it records."""

from __future__ import annotations

import random
from typing import Protocol

from lob_backtest.contract.plan import Plan
from lob_backtest.contract.tables import MISTAKES, RejectReason, UpdateKind
from lob_backtest.engine.client.call_limits import CallLimits
from lob_backtest.engine.record.recorder import NEVER, Recorder
from lob_backtest.engine.wire.channels import Channels, Wire
from lob_backtest.engine.wire.messages import Answer, OrderSnapshot
from lob_backtest.errors import StrategyError
from lob_backtest.strategy.api import Strategy


class RefusalLog(Protocol):
    """Takes what is refused before it is sent."""

    def refused(
        self, agent: int, instrument: int, order: OrderSnapshot, kind: UpdateKind, reason: RejectReason, *, now_ns: int
    ) -> None:
        """Record a refusal: of which order as far as known, of what kind, and why."""


class Agent:
    """A strategy with its channels to the exchange and back.

    Args:
        index: its place in the plan.
        strategy: the author's object.
        plan: the run's plan.
        wire: the channels of all agents.
        recorder: takes series and lines of the log.
        refusals: takes refusals.

    Attributes:
        limits: what it has used of its limits.
        open_ns: requests are refused before this time.
        stopped: whether the run is over for the strategy.
        rng: the strategy's generator.
        depth: per instrument, whether `on_book` is wanted for changes behind the best prices.
        mistake: why the first request was refused whose arguments were wrong, `None` before.
        mistake_text: that request in words.
        prints_since_ns: when the strategy first asked for the last print, by instrument.
    """

    def __init__(
        self,
        index: int,
        strategy: Strategy,
        plan: Plan,
        wire: Wire,
        recorder: Recorder,
        refusals: RefusalLog,
    ) -> None:
        self.index = index
        self.strategy = strategy
        self._wire = wire
        self.limits = CallLimits(plan.agents[index].name or type(strategy).__name__)
        self.open_ns = -NEVER
        self.stopped = False
        self.rng = random.Random(plan.agents[index].seed)
        self.depth = [False for _ in plan.instruments]
        self.prints_since_ns: dict[int, int] = {}
        self.mistake: RejectReason | None = None
        self.mistake_text = ""
        self._recorder = recorder
        self._refusals = refusals
        self._orders = 0

    def new_id(self) -> int:
        """Return the next order id; ids are unique among the agent's orders."""
        self._orders += 1
        return self._orders

    def channels_of(self, instrument: int) -> Channels:
        """Return its channels to the venue of an instrument and back."""
        return self._wire.of(self.index, instrument)

    def knew(self, order_id: int) -> bool:
        """Return whether an id was given to this agent."""
        return 0 < order_id <= self._orders

    def refuse(
        self, now_ns: int, instrument: int, order: OrderSnapshot, kind: UpdateKind, reason: RejectReason
    ) -> None:
        """Answer a request that is not sent at all: recorded now, posted for after the callback at hand."""
        generation = 0 if self.stopped else self.limits.next_generation(now_ns, "requests")
        if self.mistake is None and reason in MISTAKES:
            self.mistake = reason
        self._refusals.refused(self.index, instrument, order, kind, reason, now_ns=now_ns)
        if not self.stopped:
            self.channels_of(instrument).post(now_ns, instrument, Answer(order, None, kind, reason), generation)

    def stop_run(self, reason: str | None) -> None:
        """Ask for the end of the run; only the first request counts."""
        text = "" if reason is None else _plain_text(reason)
        self._wire.stop = self._wire.stop or (self.index, text)

    def record(self, now_ns: int, name: str, value: float) -> None:
        """Add a point to a series of the result."""
        try:
            name, number = str(name), float(value)
            name.encode()
        except (TypeError, ValueError):
            raise StrategyError(f"ctx.record({name!r}, {value!r}): expected a text and a number") from None
        self.limits.check_series(name)
        self._recorder.row("series", (name, self.index, now_ns, number))

    def log(self, now_ns: int, text: str) -> None:
        """Write a line of the strategy's to the log of the run."""
        self._recorder.log(now_ns, self.index, _plain_text(text))


def _plain_text(value: object) -> str:
    """Return the text of an object; half a surrogate pair, which has no UTF-8, becomes an escape."""
    return str(value).encode(errors="backslashreplace").decode()
