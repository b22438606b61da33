"""Summaries, faults and books of market data files."""
