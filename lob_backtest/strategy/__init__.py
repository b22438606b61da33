"""The interface of strategies, and how they are found and loaded."""

from lob_backtest.strategy.api import DEPTH, Book, Context, Fill, Order, Print, Strategy

__all__ = ["DEPTH", "Book", "Context", "Fill", "Order", "Print", "Strategy"]
