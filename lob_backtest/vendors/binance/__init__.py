"""Recorded streams of Binance."""
