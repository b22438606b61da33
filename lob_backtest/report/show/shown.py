"""The part of `lob_backtest.Result` that text, page and notebook use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lob_backtest.contract.tables import Rows
from lob_backtest.report.metrics.summary import AccountMetrics, Metric
from lob_backtest.results.run_info import RunInfo


class Shown(Protocol):
    """A measured result.

    Attributes:
        info: description of the run.
    """

    info: RunInfo

    @property
    def status(self) -> str:
        """Return "complete" or "partial"."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 over the integer tables."""

    @property
    def accounts(self) -> list[AccountMetrics]:
        """Return everything measured, one entry per agent and instrument."""

    @property
    def summary(self) -> Mapping[str, Metric]:
        """Return every metric by its flat name."""

    def rows(self, name: str) -> Rows:
        """Return a result table, in memory or in a file."""
