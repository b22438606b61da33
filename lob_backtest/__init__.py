"""Event-driven limit order book backtester for market makers.

The public names are resolved on first use (PEP 562), so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from lob_backtest.backtest import run as run
    from lob_backtest.config.model import RunConfig as RunConfig
    from lob_backtest.contract.tables import Cause as Cause
    from lob_backtest.contract.tables import Liquidity as Liquidity
    from lob_backtest.contract.tables import OrderState as OrderState
    from lob_backtest.contract.tables import RejectReason as RejectReason
    from lob_backtest.contract.tables import Side as Side
    from lob_backtest.contract.tables import TimeInForce as TimeInForce
    from lob_backtest.contract.tables import UpdateKind as UpdateKind
    from lob_backtest.data.writer import read_events as read_events
    from lob_backtest.data.writer import write_events as write_events
    from lob_backtest.errors import ConfigError as ConfigError
    from lob_backtest.errors import DataError as DataError
    from lob_backtest.errors import EngineError as EngineError
    from lob_backtest.errors import LobBacktestError as LobBacktestError
    from lob_backtest.errors import OrderError as OrderError
    from lob_backtest.errors import OutputError as OutputError
    from lob_backtest.errors import StrategyError as StrategyError
    from lob_backtest.instrument import Instrument as Instrument
    from lob_backtest.quoting import EwmaVolatility as EwmaVolatility
    from lob_backtest.quoting import FlowToxicity as FlowToxicity
    from lob_backtest.quoting import InventoryLimit as InventoryLimit
    from lob_backtest.quoting import InventorySkew as InventorySkew
    from lob_backtest.quoting import Ladder as Ladder
    from lob_backtest.quoting import OrderFlowImbalance as OrderFlowImbalance
    from lob_backtest.quoting import SpreadWidening as SpreadWidening
    from lob_backtest.quoting import quote_prices as quote_prices
    from lob_backtest.regression import compare as compare
    from lob_backtest.result import Result as Result
    from lob_backtest.strategy.api import DEPTH as DEPTH
    from lob_backtest.strategy.api import Book as Book
    from lob_backtest.strategy.api import Context as Context
    from lob_backtest.strategy.api import Fill as Fill
    from lob_backtest.strategy.api import Order as Order
    from lob_backtest.strategy.api import Print as Print
    from lob_backtest.strategy.api import Strategy as Strategy
    from lob_backtest.synthetic.exchange import MatchingEngine as MatchingEngine
    from lob_backtest.synthetic.exchange import Trade as Trade
    from lob_backtest.synthetic.generate import generate as generate
    from lob_backtest.units import MS as MS
    from lob_backtest.units import SECOND as SECOND
    from lob_backtest.units import US as US
    from lob_backtest.units import Duration as Duration
    from lob_backtest.vendors.convert import convert as convert

_HOMES = {
    "backtest": ("run",),
    "config.model": ("RunConfig",),
    "synthetic.exchange": ("MatchingEngine", "Trade"),
    "errors": (
        "ConfigError",
        "DataError",
        "EngineError",
        "LobBacktestError",
        "OrderError",
        "OutputError",
        "StrategyError",
    ),
    "instrument": ("Instrument",),
    "vendors.convert": ("convert",),
    "synthetic.generate": ("generate",),
    "data.writer": ("read_events", "write_events"),
    "quoting": (
        "EwmaVolatility",
        "FlowToxicity",
        "InventoryLimit",
        "InventorySkew",
        "Ladder",
        "OrderFlowImbalance",
        "SpreadWidening",
        "quote_prices",
    ),
    "regression": ("compare",),
    "result": ("Result",),
    "strategy.api": ("DEPTH", "Book", "Context", "Fill", "Order", "Print", "Strategy"),
    "contract.tables": ("Cause", "Liquidity", "OrderState", "RejectReason", "Side", "TimeInForce", "UpdateKind"),
    "units": ("MS", "SECOND", "US", "Duration"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


class _MovedModules:
    """Finds modules of the package under their old names, after all other finders of Python have failed."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the spec of a module under its old name; `None` if the name is not an old one."""
        if not name.startswith("lob_backtest."):
            return None
        from lob_backtest.moved import spec_of

        return spec_of(name)


sys.meta_path.append(_MovedModules)
