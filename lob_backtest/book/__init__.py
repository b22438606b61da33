"""The book of the market, rebuilt from its rows."""
