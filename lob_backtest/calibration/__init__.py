"""Latencies and order flow, measured in files."""
