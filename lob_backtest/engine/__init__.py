"""The reference engine: pure Python, the readable specification. The main loop is in `loop`."""

from __future__ import annotations

from typing import Final

ENGINES: Final = ("reference",)
"""The engines of this version, the preferred one first."""
