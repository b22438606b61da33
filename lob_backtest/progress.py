"""The callback that reports the progress of long work."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""Called once per batch with the rows done so far and the rows in all (`None`: unknown)."""
