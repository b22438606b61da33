"""Databento MBO files, DBN and CSV."""
