"""Event-driven limit order book backtester for market makers."""
