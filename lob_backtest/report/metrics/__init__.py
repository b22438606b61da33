"""Pure functions from result tables to metrics."""
