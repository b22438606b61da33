"""The exchange: the market, own orders in it, and how they are filled."""
