"""Estimate the parameters of quoting formulas from market data files."""
