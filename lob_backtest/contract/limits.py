"""How much one strategy may hold at once. Both engines read it here.

Each limit is far beyond what a strategy needs, and what it bounds takes some hundred MB at most: a mistake, such as a
whole message as a tag, ends in a `StrategyError` that names it, not in a process that has no memory left.
"""

from __future__ import annotations

from typing import Final

MAX_TEXT_BYTES: Final = 256
"""Of a tag or of a series' name, in UTF-8."""

MAX_TAGS: Final = 1_000_000
"""Different tags of a run."""

MAX_SERIES: Final = 10_000
"""Different names of series of a run."""

MAX_ORDERS: Final = 250_000
"""Orders in one instrument that are live or have a request or an answer under way."""

MAX_REQUESTS: Final = 1_000_000
"""Requests that have not reached the exchange."""

MAX_TIMERS: Final = 1_000_000
"""Timers that are set."""
