"""Event-driven limit order book backtester for market makers.

The public names are resolved on first use (PEP 562), so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lob_backtest.backtest import run as run
    from lob_backtest.config import RunConfig as RunConfig
    from lob_backtest.engine.matching import MatchingEngine as MatchingEngine
    from lob_backtest.engine.matching import Trade as Trade
    from lob_backtest.errors import ConfigError as ConfigError
    from lob_backtest.errors import DataError as DataError
    from lob_backtest.errors import EngineError as EngineError
    from lob_backtest.errors import LobBacktestError as LobBacktestError
    from lob_backtest.errors import OrderError as OrderError
    from lob_backtest.errors import OutputError as OutputError
    from lob_backtest.errors import StrategyError as StrategyError
    from lob_backtest.instrument import Instrument as Instrument
    from lob_backtest.market.convert import convert as convert
    from lob_backtest.market.synthetic import generate as generate
    from lob_backtest.market.writer import read_events as read_events
    from lob_backtest.market.writer import write_events as write_events
    from lob_backtest.quoting import EwmaVolatility as EwmaVolatility
    from lob_backtest.quoting import FlowToxicity as FlowToxicity
    from lob_backtest.quoting import InventoryLimit as InventoryLimit
    from lob_backtest.quoting import InventorySkew as InventorySkew
    from lob_backtest.quoting import Ladder as Ladder
    from lob_backtest.quoting import SpreadWidening as SpreadWidening
    from lob_backtest.quoting import quote_prices as quote_prices
    from lob_backtest.regression import compare as compare
    from lob_backtest.result import Result as Result
    from lob_backtest.strategy import DEPTH as DEPTH
    from lob_backtest.strategy import Book as Book
    from lob_backtest.strategy import Context as Context
    from lob_backtest.strategy import Fill as Fill
    from lob_backtest.strategy import Order as Order
    from lob_backtest.strategy import Print as Print
    from lob_backtest.strategy import Strategy as Strategy
    from lob_backtest.tables import Cause as Cause
    from lob_backtest.tables import Liquidity as Liquidity
    from lob_backtest.tables import OrderState as OrderState
    from lob_backtest.tables import RejectReason as RejectReason
    from lob_backtest.tables import Side as Side
    from lob_backtest.tables import TimeInForce as TimeInForce
    from lob_backtest.tables import UpdateKind as UpdateKind
    from lob_backtest.units import MS as MS
    from lob_backtest.units import SECOND as SECOND
    from lob_backtest.units import US as US
    from lob_backtest.units import Duration as Duration

_HOMES = {
    "backtest": ("run",),
    "config": ("RunConfig",),
    "engine.matching": ("MatchingEngine", "Trade"),
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
    "market.convert": ("convert",),
    "market.synthetic": ("generate",),
    "market.writer": ("read_events", "write_events"),
    "quoting": (
        "EwmaVolatility",
        "FlowToxicity",
        "InventoryLimit",
        "InventorySkew",
        "Ladder",
        "SpreadWidening",
        "quote_prices",
    ),
    "regression": ("compare",),
    "result": ("Result",),
    "strategy": ("DEPTH", "Book", "Context", "Fill", "Order", "Print", "Strategy"),
    "tables": ("Cause", "Liquidity", "OrderState", "RejectReason", "Side", "TimeInForce", "UpdateKind"),
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
