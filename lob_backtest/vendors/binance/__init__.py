"""Binance dumps and recorded streams."""
