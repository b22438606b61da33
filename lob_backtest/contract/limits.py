"""Limits on what one strategy may hold at once, for both engines.

Each limit is far beyond a strategy's needs and bounds memory to some hundred MB, so that a mistake, such as a
whole message as a tag, ends in a `StrategyError` that names the limit, not in a process out of memory.
"""

from __future__ import annotations

from typing import Final

MAX_TEXT_BYTES: Final = 256
"""Length of a tag or of a series' name, in UTF-8."""

MAX_TAGS: Final = 1_000_000
"""Different tags of a run."""

MAX_SERIES: Final = 10_000
"""Different names of series of a run."""

MAX_ORDERS: Final = 250_000
"""Orders in one instrument that are live or have a request or an answer in flight."""

MAX_REQUESTS: Final = 1_000_000
"""Requests that have not reached the exchange."""

MAX_TIMERS: Final = 1_000_000
"""Pending timers."""
