"""Canonical Parquet files: written, read and checked."""
