"""The compiled engine. The names of the two classes are documented in `lob_backtest.strategy.api`."""

from collections.abc import Iterator, Sequence
from typing import final

from lob_backtest.contract.output import Sink
from lob_backtest.contract.plan import Plan
from lob_backtest.contract.rows import Batch
from lob_backtest.errors import StrategyError
from lob_backtest.strategy.api import Book, Context, Strategy

__all__ = ["KernelContext", "Memory", "ReceivedBook", "replay"]

def replay(
    plan: Plan, sources: Sequence[Iterator[Batch]], agents: Sequence[Strategy], sink: Sink
) -> tuple[
    int,
    int,
    list[dict[str, int]],
    StrategyError | KeyboardInterrupt | None,
    list[int | None],
    list[int],
    list[int],
    list[str],
    tuple[int, str] | None,
]: ...

@final
class Memory:
    def __len__(self) -> int: ...

ReceivedBook: type[Book]
KernelContext: type[Context]
