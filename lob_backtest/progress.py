"""How far long work has come, for whoever wants to show it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""Called now and then, a batch of rows at a time, with the rows done so far and those in all (`None`: unknown)."""
